//! The kit's tap: it changes nothing, unless told to.

use std::time::Duration;

use testkit::tap::{Direction, Ending};
use testkit::{Connect, Error, Postgres, Scripted, Tap, answers, messages, scripted::Step, wait};

fn served() -> (Scripted, Tap) {
    let server = Scripted::play(vec![Step::LogIn, Step::Serve]);
    let tap = Tap::start("127.0.0.1", server.port());
    (server, tap)
}

#[test]
fn it_records_what_it_passes_on() {
    let (_server, tap) = served();
    let mut client = Connect::tcp("127.0.0.1", tap.port()).open();
    tap.chop(Direction::ToClient, 3);
    assert_eq!(client.rows("hello"), "hello");
    assert!(tap.recorded(0, Direction::ToServer).ends_with(&messages::query("hello")));
    assert!(tap.recorded(0, Direction::ToClient).ends_with(&answers::one_row("hello")));
    client.terminate();
    wait::until(wait::PATIENCE, "both ends are closed", || tap.open_connections() == 0);
}

#[test]
fn it_cuts_at_every_byte_of_an_answer() {
    let (_server, tap) = served();
    Connect::tcp("127.0.0.1", tap.port()).open().terminate();
    let greeting = tap.recorded(0, Direction::ToClient).len();
    for bytes in 0..answers::one_row("x").len() {
        tap.heal();
        let mut client = Connect::tcp("127.0.0.1", tap.port()).open();
        tap.cut_after(Direction::ToClient, greeting + bytes, Ending::Close);
        assert!(matches!(client.try_query("x"), Err(Error::Closed)), "after {bytes} bytes");
        assert_eq!(tap.recorded(tap.connections() - 1, Direction::ToClient).len(), greeting + bytes);
    }
}

#[test]
fn it_stalls_and_resumes_and_resets() {
    let (_server, tap) = served();
    let mut client = Connect::tcp("127.0.0.1", tap.port()).deadline(Duration::from_millis(50)).open();
    tap.stall(Direction::ToClient);
    assert!(matches!(client.try_query("x"), Err(Error::TimedOut)));
    tap.resume(Direction::ToClient);
    wait::until(wait::PATIENCE, "the answer arrives", || client.try_read_until_ready().is_ok());
    tap.cut_now(Ending::Reset);
    let gone = client.try_read_message();
    assert!(matches!(gone, Err(Error::Io(_))), "{gone:?}");
}

#[test]
fn it_stands_between_a_client_and_postgresql() {
    let server = Postgres::start();
    let tap = Tap::start(server.host(), server.port());
    tap.chop(Direction::ToServer, 1);
    assert_eq!(Connect::tcp("127.0.0.1", tap.port()).open().rows("SELECT 6 * 7"), "42");
    tap.refuse();
    assert!(Connect::tcp("127.0.0.1", tap.port()).try_open().is_err());
    tap.heal();
    assert_eq!(Connect::tcp("127.0.0.1", tap.port()).open().rows("SELECT 1"), "1");
}
