//! What the tests here share: a pgweir before a scripted server, and whether it still serves others.

use testkit::error::ServerError;
use testkit::proxy::{Builder, Server};
use testkit::{Client, Connect, Error, Proxy, Scripted};

/// The program under test.
pub(crate) const PGWEIR: &str = env!("CARGO_BIN_EXE_pgweir");

/// A pgweir that lets everybody in, before this server.
pub(crate) fn before(server: &Scripted) -> Builder {
    Proxy::builder(PGWEIR).database("postgres", Server::at("127.0.0.1", server.port()))
}

/// A server that answers every simple query with its text.
pub(crate) fn echo() -> Scripted {
    Scripted::log_in_then(|peer| peer.serve())
}

/// A pgweir before a well-behaved server.
pub(crate) fn ordinary() -> (Scripted, Proxy) {
    let server = echo();
    let proxy = before(&server).start();
    (server, proxy)
}

/// Somebody else is served as if nothing had happened.
#[track_caller]
pub(crate) fn serves(connect: &Connect) {
    assert_eq!(connect.open().rows("table here"), "table here");
}

/// How a connection ends: the error that came last, if one did.
#[track_caller]
pub(crate) fn end(client: &mut Client) -> Option<ServerError> {
    let mut last = None;
    loop {
        match client.try_read_message() {
            Ok(message) => last = message.error().or(last),
            // what we sent and nobody read makes a reset of the end
            Err(Error::Closed | Error::Io(_)) => return last,
            Err(error) => panic!("the connection stays open: {error} (before: {last:?})"),
        }
    }
}

/// The connection is ended with an error of this SQLSTATE.
#[track_caller]
pub(crate) fn ends_with(client: &mut Client, sqlstate: &str, what: &str) {
    let said = end(client);
    assert_eq!(said.as_ref().map(ServerError::code), Some(sqlstate), "{what}: {said:?}");
    assert_eq!(said.as_ref().map(|e| e.field(b'S')), Some("FATAL"), "{what}: {said:?}");
}
