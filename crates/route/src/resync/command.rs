//! Commands for a person to copy: for a shell, with whatever is not known as a word in angle brackets.

use std::fmt;

use super::{Setup, Upstream};

/// What stands where the data directory is not known.
const SOME_DIRECTORY: &str = "<DATA DIRECTORY>";
/// What stands where nobody knows whom to log in as.
const SOME_USER: &str = "<REPLICATION USER>";
/// Passwords are never shown.
const SOME_PASSWORD: &str = "<PASSWORD>";

/// Where a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Its name or address, or the directory of its socket.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Throws away what a server has and the primary has not.
pub(super) fn rewind(primary: &Place<'_>, setup: &Setup) -> String {
    let source = format!("{} dbname=postgres", conninfo(primary, user(setup)));
    line(&[
        "pg_rewind",
        &format!("--target-pgdata={}", directory(setup)),
        &format!("--source-server={source}"),
        "--write-recovery-conf",
        "--progress",
    ])
}

/// Copies all that the primary has.
pub(super) fn base_backup(primary: &Place<'_>, setup: &Setup) -> String {
    let mut words = vec![
        "pg_basebackup".to_owned(),
        format!("--pgdata={}", directory(setup)),
        format!("--host={}", primary.host),
        format!("--port={}", primary.port),
        format!("--username={}", user(setup)),
        "--wal-method=stream".to_owned(),
        "--checkpoint=fast".to_owned(),
        "--write-recovery-conf".to_owned(),
        "--progress".to_owned(),
    ];
    words.extend(setup.slot.as_ref().map(|slot| format!("--slot={slot}")));
    line(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Makes a replication slot on the primary.
pub(super) fn make_slot(primary: &Place<'_>, slot: &str) -> String {
    let sql = format!("SELECT pg_create_physical_replication_slot({}, true)", literal(slot));
    psql(primary, &[&sql])
}

/// Has a replica follow the primary.
pub(super) fn follow(place: &Place<'_>, primary: &Place<'_>, setup: &Setup) -> String {
    let mut to = conninfo(primary, user(setup));
    if setup.upstream.as_ref().is_some_and(|upstream| upstream.has_password) {
        to.push_str(&format!(" password={}", value(SOME_PASSWORD)));
    }
    let set = format!("ALTER SYSTEM SET primary_conninfo = {}", literal(&to));
    psql(place, &[&set, "SELECT pg_reload_conf()"])
}

fn psql(at: &Place<'_>, statements: &[&str]) -> String {
    let (host, port) = (format!("--host={}", at.host), format!("--port={}", at.port));
    let mut words = vec!["psql", &host, &port, "--dbname=postgres"];
    words.extend(statements.iter().flat_map(|statement| ["-c", statement]));
    line(&words)
}

fn directory(setup: &Setup) -> &str {
    setup.data_directory.as_deref().unwrap_or(SOME_DIRECTORY)
}

fn user(setup: &Setup) -> &str {
    let user = |upstream: &'_ Upstream| upstream.user.is_some();
    match setup.upstream.as_ref().filter(|upstream| user(upstream)) {
        Some(Upstream { user: Some(user), .. }) => user,
        Some(_) | None => SOME_USER,
    }
}

/// As libpq reads it.
fn conninfo(place: &Place<'_>, user: &str) -> String {
    format!("host={} port={} user={}", value(place.host), place.port, value(user))
}

/// A value of a connection string.
fn value(text: &str) -> String {
    if !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || "'\\".contains(c)) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// An SQL literal, whatever standard_conforming_strings says.
fn literal(text: &str) -> String {
    let escape = if text.contains('\\') { " E" } else { "" };
    format!("{escape}'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A line for a shell.
fn line(words: &[&str]) -> String {
    words.iter().map(|text| word(text)).collect::<Vec<_>>().join(" ")
}

/// A word for a shell: as it is, or in single quotes behind its `--option=`.
fn word(text: &str) -> String {
    let is_plain = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:=,@+%".contains(c))
    };
    if is_plain(text) {
        return text.to_owned();
    }
    let (option, rest) = match text.split_once('=') {
        Some((option, rest)) if option.starts_with("--") && is_plain(option) => (format!("{option}="), rest),
        Some(_) | None => (String::new(), text),
    };
    format!("{option}'{}'", rest.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    const PRIMARY: Place<'_> = Place { host: "10.0.0.2", port: 5433 };

    fn known() -> Setup {
        let upstream = Upstream { user: Some("rep licator".into()), ..Upstream::default() };
        Setup {
            data_directory: Some("/srv/it's here".into()),
            upstream: Some(upstream),
            slot: Some("a_1".into()),
            ..Setup::default()
        }
    }

    #[test]
    fn what_is_known_stands_in_it_and_what_is_not_is_seen() {
        assert_eq!(
            rewind(&PRIMARY, &known()),
            r"pg_rewind --target-pgdata='/srv/it'\''s here' --source-server='host=10.0.0.2 port=5433 user='\''rep licator'\'' dbname=postgres' --write-recovery-conf --progress"
        );
        assert_eq!(
            base_backup(&PRIMARY, &Setup::default()),
            "pg_basebackup --pgdata='<DATA DIRECTORY>' --host=10.0.0.2 --port=5433 --username='<REPLICATION USER>' \
             --wal-method=stream --checkpoint=fast --write-recovery-conf --progress"
        );
        assert!(base_backup(&PRIMARY, &known()).ends_with("--progress --slot=a_1"));
        assert_eq!(
            make_slot(&PRIMARY, "a_1"),
            r"psql --host=10.0.0.2 --port=5433 --dbname=postgres -c 'SELECT pg_create_physical_replication_slot('\''a_1'\'', true)'"
        );
        let mut secret = known();
        secret.upstream.as_mut().unwrap().has_password = true;
        assert!(follow(&PRIMARY, &PRIMARY, &secret).contains("<PASSWORD>"));
    }

    proptest! {
        #[test]
        fn a_shell_gets_the_words_as_they_are(words in prop::collection::vec("[^\0]{0,12}|--[a-z]{1,4}=[^\0]{0,8}", 1..5)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let script = format!("printf '%s\\0' {}", line(&words));
            let out = Command::new("sh").args(["-c", &script]).output().unwrap().stdout;
            let got: Vec<&[u8]> = out.split(|byte| *byte == 0).collect();
            let mut wanted: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            wanted.push(b"");
            prop_assert_eq!(got, wanted);
        }
    }
}
