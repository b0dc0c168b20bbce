//! Whom a replica follows, by its `primary_conninfo`: the two forms of libpq's connection strings, read for what is of
//! use. A password in it goes no further.

use super::Upstream;

impl Upstream {
    /// What a connection string says of host, port and user; the first of each where there are several.
    #[must_use]
    pub fn parse(conninfo: &str) -> Self {
        let mut found = Self::default();
        let uri = ["postgresql://", "postgres://"].iter().find_map(|scheme| conninfo.strip_prefix(scheme));
        match uri {
            Some(rest) => found.read_uri(rest),
            None => words(conninfo).into_iter().for_each(|(key, value)| found.set(&key, &value)),
        }
        found
    }

    fn read_uri(&mut self, rest: &str) {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = rest.split('/').next().unwrap_or_default();
        let (login, places) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        self.set("user", user);
        self.set("password", password);
        let first = places.split(',').next().unwrap_or_default();
        let (host, port) = match first.rsplit_once(':') {
            // a colon inside of brackets belongs to the address
            Some((host, port)) if !port.ends_with(']') => (host, port),
            Some(_) | None => (first, ""),
        };
        self.set("host", host.trim_start_matches('[').trim_end_matches(']'));
        self.set("port", port);
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            self.set(key, value);
        }
    }

    fn set(&mut self, key: &str, value: &str) {
        let first = value.split(',').next().unwrap_or_default();
        match key {
            "" => {}
            "password" => self.has_password |= !value.is_empty(),
            "host" | "hostaddr" if self.host.is_none() && !first.is_empty() => {
                self.host = Some(first.to_owned());
            }
            "port" => self.port = first.parse().ok().or(self.port),
            "user" if !value.is_empty() => self.user = Some(value.to_owned()),
            _ => {}
        }
    }
}

/// `key = value` pairs; a value may stand in quotes, and a backslash takes the next character as it is.
fn words(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        let mut key = String::new();
        while let Some(c) = rest.next_if(|c| !c.is_whitespace() && *c != '=') {
            key.push(c);
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        if rest.next_if_eq(&'=').is_none() {
            return pairs;
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = rest.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        while let Some(c) = rest.next_if(|c| if quoted { *c != '\'' } else { !c.is_whitespace() }) {
            value.extend(if c == '\\' { rest.next() } else { Some(c) });
        }
        rest.next_if(|c| quoted && *c == '\'');
        pairs.push((key, value));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> (Option<String>, Option<u16>, Option<String>, bool) {
        let Upstream { host, port, user, has_password } = Upstream::parse(text);
        (host, port, user, has_password)
    }

    fn is(host: &str, port: Option<u16>, user: &str) -> (Option<String>, Option<u16>, Option<String>, bool) {
        (Some(host.to_owned()), port, Some(user.to_owned()), true)
    }

    #[test]
    fn both_forms_are_read() {
        let text = r"user=rep passfile='' host = '10.0.0.1,b' port=5433,1 password='x user=y host=z \' '";
        assert_eq!(found(text), is("10.0.0.1", Some(5433), "rep"));
        assert_eq!(found("postgresql://rep:x@[::1]:5/db?user=u"), is("::1", Some(5), "u"));
        assert_eq!(found("postgres://rep:x@a,b:5"), is("a", None, "rep"));
        assert_eq!(found("host"), (None, None, None, false));
        assert_eq!(found("user=\\'a\\ b"), (None, None, Some("'a b".to_owned()), false));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,60}|postgres://\\PC{0,40}|([a-z]{0,4} ?= ?'?[a-z\\\\]{0,4}'? ?){0,5}") {
            let _ = Upstream::parse(&text);
        }
    }
}
