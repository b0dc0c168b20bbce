//! What the tests of robustness share: a pgweir before a PostgreSQL of the test's own, and what it means that
//! nothing was left behind.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use testkit::error::ServerError;
use testkit::proxy::Builder;
use testkit::{Client, Error, Postgres, Proxy, wait};

/// The program under test.
pub(crate) const PGWEIR: &str = env!("CARGO_BIN_EXE_pgweir");

/// Backends that do something, or hold a transaction open, apart from the one that asks.
const BUSY: &str = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' \
                    AND pid <> pg_backend_pid() AND state IS DISTINCT FROM 'idle'";

/// A pgweir that lets everybody in, before this server.
pub(crate) fn before(postgres: &Postgres) -> Builder {
    Proxy::builder(PGWEIR).database("postgres", postgres)
}

/// No backend works or holds a transaction open, and all `size` servers of the pool can be had at once.
#[track_caller]
pub(crate) fn is_whole(proxy: &Proxy, postgres: &Postgres, size: usize, what: &str) {
    let mut door = postgres.door().open();
    wait::until(Duration::from_secs(15), &format!("no backend is busy: {what}"), || door.rows(BUSY) == "0");
    let mut clients: Vec<Client> = (0..size).map(|_| proxy.connect().open()).collect();
    for client in &mut clients {
        client.rows("BEGIN");
    }
    for client in &mut clients {
        assert_eq!(client.rows("SELECT 1"), "1", "{what}");
        client.rows("COMMIT");
    }
    let left = door.rows("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'");
    assert_eq!(left, "0", "no advisory lock is left: {what}");
}

/// One of pgweir's pages: its status and its body; none where nobody answers.
pub(crate) fn page(proxy: &Proxy, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.http_port())).ok()?;
    stream.set_read_timeout(Some(wait::PATIENCE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// What pgweir tells of itself.
pub(crate) fn metrics(proxy: &Proxy) -> String {
    page(proxy, "/metrics").unwrap().1
}

/// The error of the server behind a failed attempt.
#[track_caller]
pub(crate) fn server_error<T: std::fmt::Debug>(result: Result<T, Error>) -> ServerError {
    match result {
        Err(Error::Server(error)) => error,
        other => panic!("expected an error of the server, got {other:?}"),
    }
}

/// How a connection ends: the errors that came before its end.
#[track_caller]
pub(crate) fn last_words(client: &mut Client) -> Vec<ServerError> {
    let mut errors = Vec::new();
    loop {
        match client.try_read_message() {
            Ok(message) => errors.extend((message.tag == b'E').then(|| message.error()).flatten()),
            Err(Error::Closed | Error::Io(_)) => return errors,
            Err(error) => panic!("the connection stays open: {error} (before: {errors:?})"),
        }
    }
}

/// A small generator of numbers, so that a run can be repeated.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}
