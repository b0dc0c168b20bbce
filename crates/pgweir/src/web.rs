//! Pages of other programs: asked for by HTTP 1.0, without TLS, within a time and up to a length.

use std::time::Duration;

use bytes::BytesMut;
use config::Host;
use tokio::time::timeout;

/// The port of a URL that has none.
const PORT: u16 = 80;

/// Where a page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    host: Host,
    port: u16,
    /// Host and port, as they stand in the URL.
    authority: String,
    path: String,
}

/// What is there.
pub(crate) struct Answer {
    /// Three digits.
    pub(crate) status: String,
    pub(crate) body: String,
}

impl Answer {
    /// The body of an answer with status 200.
    pub(crate) fn good(self) -> Result<String, String> {
        let Self { status, body } = self;
        if status == "200" { Ok(body) } else { Err(format!("HTTP status {status}")) }
    }
}

impl Page {
    /// None if it is not a URL of the form `http://host:port/path`.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (host, port) = match authority.rsplit_once(':') {
            // a colon inside of brackets belongs to the address
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            Some(_) | None => (authority, PORT),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let fits = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_control() || c == ' ');
        let (authority, path) = (authority.to_owned(), path.to_owned());
        (fits(host) && fits(&path) && !authority.contains('@')).then(|| Self {
            host: Host::Tcp(host.to_owned()),
            port,
            authority,
            path,
        })
    }

    /// Another page of the same program.
    pub(crate) fn beside(&self, path: &str) -> Self {
        let base = self.path.trim_end_matches('/');
        Self { path: format!("{base}/{path}"), ..self.clone() }
    }

    /// The answer, if all of it comes within `patience` and has no more than `most` bytes.
    pub(crate) async fn get(&self, patience: Duration, most: usize) -> Result<Answer, String> {
        timeout(patience, self.ask(patience, most)).await.unwrap_or_else(|_| Err("no answer".to_owned()))
    }

    async fn ask(&self, patience: Duration, most: usize) -> Result<Answer, String> {
        let words = |error: std::io::Error| error.to_string();
        let mut stream = net::connect(&self.host, self.port, patience).await.map_err(words)?;
        let request =
            format!("GET {} HTTP/1.0\r\nHost: {}\r\nAccept: */*\r\n\r\n", self.path, self.authority);
        stream.write_all(request.as_bytes()).await.map_err(words)?;
        let mut answer = BytesMut::new();
        while stream.read_more(&mut answer).await.map_err(words)? > 0 {
            if answer.len() > most {
                return Err("too long an answer".to_owned());
            }
        }
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").ok_or("not an answer in HTTP")?;
        let status = head.split(' ').nth(1).unwrap_or_default().chars().take(3).collect();
        Ok(Answer { status, body: body.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(url: &str) -> Option<(String, u16, String)> {
        Page::parse(url).map(|it| (it.host.to_string(), it.port, it.path))
    }

    #[test]
    fn urls_are_taken_apart() {
        let is = |host: &str, port, path: &str| Some((host.to_owned(), port, path.to_owned()));
        assert_eq!(page("http://10.0.0.1:9100/metrics"), is("10.0.0.1", 9100, "/metrics"));
        assert_eq!(page("http://db.example/m?x=1"), is("db.example", 80, "/m?x=1"));
        assert_eq!(page("http://[::1]:9100"), is("::1", 9100, "/"));
        assert_eq!(page("http://[::1]"), is("::1", 80, "/"));
        for wrong in [
            "",
            "10.0.0.1:9100",
            "https://a/",
            "http://",
            "http:///x",
            "http://a:x/",
            "http://u@a/",
            "http://a/ b",
        ] {
            assert_eq!(page(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn pages_stand_beside_each_other() {
        let beside = |url: &str| Page::parse(url).unwrap().beside("cluster").path;
        assert_eq!(beside("http://a:8008"), "/cluster");
        assert_eq!(beside("http://a:8008/"), "/cluster");
        assert_eq!(beside("http://a/x/"), "/x/cluster");
    }

    proptest! {
        #[test]
        fn any_text_is_a_url_or_not(text in "\\PC{0,40}|http://\\PC{0,30}") {
            let _ = Page::parse(&text);
        }
    }
}
