//! Limits in time: each ends what it is for, with a code and words of its own, and leaves the pool whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use testkit::client::tags;
use testkit::error::ServerError;
use testkit::proxy::Server;
use testkit::scripted::Scripted;
use testkit::{Client, Error, Postgres, Proxy, answers, messages as m, wait};

use crate::scene::{PGWEIR, before, is_whole, last_words};

/// The one error of an answer.
#[track_caller]
fn error(answer: &[testkit::Message]) -> ServerError {
    answer.iter().find_map(testkit::Message::error).unwrap_or_else(|| panic!("no error in {answer:?}"))
}

/// Code, severity and message, and a DETAIL that names the limit.
#[track_caller]
fn is(error: &ServerError, severity: &str, code: &str, message: &str, detail: &str) {
    assert_eq!((error.field(b'S'), error.code(), error.message()), (severity, code, message), "{error}");
    assert!(error.field(b'D').ends_with(detail), "{error}");
}

/// A pool of one server on `postgres` with one limit.
fn limited(postgres: &Postgres, key: &str, value: &str) -> Proxy {
    before(postgres).pool_size(1).set(&format!("pool.{key}"), &format!("\"{value}\"")).start()
}

#[test]
fn a_query_is_cancelled_on_the_server_and_its_session_goes_on() {
    let postgres = Postgres::start();
    let proxy = limited(&postgres, "query_timeout", "300ms");
    let mut client = proxy.connect().open();
    let backend = client.rows("SELECT pg_backend_pid()");
    let late = |error: &ServerError| {
        let message = "canceling statement due to query timeout";
        is(error, "ERROR", "57014", message, "pool.query_timeout is 0.3 s.");
    };
    let answer = client.query("SELECT pg_sleep(600)");
    assert_eq!(tags(&answer), "TEZ");
    late(&error(&answer));
    client
        .send(&[m::parse("", "SELECT pg_sleep(600)", &[]), m::bind("", "", &[]), m::execute("", 0)].concat());
    client.send(&[m::parse("x", "SELECT 1", &[]), m::sync()].concat());
    let answer = client.read_until_ready();
    assert_eq!(tags(&answer), "12EZ");
    late(&error(&answer));
    client.rows("BEGIN");
    let answer = client.query("SELECT pg_sleep(600)");
    late(&error(&answer));
    assert_eq!(answer.last().unwrap().body, b"E", "the transaction has failed, and is the client's to end");
    client.rows("ROLLBACK");
    assert_eq!(client.rows("SELECT pg_backend_pid()"), backend, "the server is the same");
    is_whole(&proxy, &postgres, 1, "queries were cancelled");
}

#[test]
fn many_fast_queries_are_no_slow_query() {
    let postgres = Postgres::start();
    let proxy = limited(&postgres, "query_timeout", "2s");
    let mut client = proxy.connect().open();
    client.rows("BEGIN");
    for _ in 0..6 {
        client.rows("SELECT pg_sleep(0.4)");
    }
    client.rows("COMMIT");
    // and in a pipeline
    let many: Vec<u8> = (0..6).flat_map(|_| m::query("SELECT pg_sleep(0.4)")).collect();
    client.send(&many);
    for _ in 0..6 {
        assert_eq!(tags(&client.read_until_ready()), "TDCZ");
    }
    let batch = |sql| [m::parse("", sql, &[]), m::bind("", "", &[]), m::execute("", 0), m::sync()].concat();
    client.send(&[batch("SELECT 1"), m::sync(), batch("SELECT 2"), batch("SELECT 3")].concat());
    for tags_of_one in ["12DCZ", "Z", "12DCZ", "12DCZ"] {
        assert_eq!(tags(&client.read_until_ready()), tags_of_one);
    }
    client.send(&[m::query("SELECT pg_sleep(600)"), m::query("SELECT 'next'")].concat());
    assert_eq!(error(&client.read_until_ready()).code(), "57014");
    let answer = client.read_until_ready();
    assert_eq!(answer.iter().find(|m| m.tag == b'D').unwrap().texts(), ["next"]);
}

/// A cancel hits what runs when it arrives. So nothing may be there but the query that is meant, even where the client
/// has sent the next one with it and the query ends by itself at that moment.
#[test]
fn a_cancel_finds_no_other_query_at_the_server() {
    let too_early = Arc::new(AtomicUsize::new(0));
    let slow = Scripted::log_in_then({
        let too_early = Arc::clone(&too_early);
        move |peer| {
            for status in [b'T', b'I'] {
                peer.expect(b'Q')?;
                peer.stall();
                too_early.fetch_add(usize::from(peer.has_more()), Ordering::Relaxed);
                peer.send(&[answers::complete("SELECT 0"), answers::ready(status)].concat())?;
            }
            peer.serve()
        }
    });
    let proxy = Proxy::builder(PGWEIR)
        .database("postgres", Server::at("127.0.0.1", slow.port()))
        .set("pool.query_timeout", "\"100ms\"")
        .start();
    let mut client = proxy.connect().open();
    client.send(&[m::query("SELECT slow"), m::query("SELECT next")].concat());
    wait::until(wait::PATIENCE, "it is cancelled", || !slow.cancels().is_empty());
    slow.release();
    for _ in 0..2 {
        assert_eq!(tags(&client.read_until_ready()), "CZ");
    }
    assert_eq!(too_early.load(Ordering::Relaxed), 0, "the next query was there when the cancel came");
}

/// The user's own cancel, and the server's own limit, are told in the server's words.
#[test]
fn what_others_cancel_is_not_ours() {
    let postgres = Postgres::start();
    let proxy = limited(&postgres, "query_timeout", "60s");
    let mut client = proxy.connect().open();
    client.rows("BEGIN; SET LOCAL statement_timeout = '50ms'");
    let own = error(&client.query("SELECT pg_sleep(600)"));
    assert_eq!(own.message(), "canceling statement due to statement timeout");
}

#[test]
fn a_server_that_does_not_obey_is_given_up() {
    let deaf = Scripted::log_in_then(|peer| {
        peer.expect(b'Q')?;
        peer.stall();
        Ok(())
    });
    let proxy = Proxy::builder(PGWEIR)
        .database("postgres", Server::at("127.0.0.1", deaf.port()))
        .set("pool.query_timeout", "\"100ms\"")
        .start();
    let mut client = proxy.connect().open();
    client.send(&m::query("SELECT 1"));
    let said = last_words(&mut client);
    assert_eq!(said.len(), 1);
    is(
        &said[0],
        "FATAL",
        "57014",
        "canceling statement due to query timeout",
        "pool.query_timeout is 0.1 s.",
    );
    assert!(!deaf.cancels().is_empty(), "it was asked to stop");
    deaf.release();
}

#[test]
fn a_transaction_that_lasts_too_long_ends_whatever_goes_on_in_it() {
    let postgres = Postgres::start();
    let proxy = limited(&postgres, "transaction_timeout", "500ms");
    let ended = |client: &mut Client| {
        let said = last_words(client);
        assert_eq!(said.len(), 1);
        let message = "terminating connection due to transaction timeout";
        is(&said[0], "FATAL", "25P04", message, "pool.transaction_timeout is 0.5 s.");
        is_whole(&proxy, &postgres, 1, "a transaction was ended");
    };
    let mut silent = proxy.connect().open();
    silent.rows("BEGIN");
    ended(&mut silent);
    let mut slow = proxy.connect().open();
    slow.send(&m::query("SELECT pg_sleep(600)"));
    ended(&mut slow);
    // never silent and never slow
    let mut busy = proxy.connect().open();
    busy.rows("BEGIN");
    loop {
        match busy.try_rows("SELECT pg_sleep(0.01)") {
            Ok(_) => {}
            Err(Error::Server(error)) => break assert_eq!(error.code(), "25P04"),
            // said behind a row description: the end of the stream comes before ReadyForQuery
            Err(Error::Closed | Error::Io(_)) => break,
            Err(error) => panic!("{error}"),
        }
    }
    is_whole(&proxy, &postgres, 1, "a busy transaction was ended");
}

#[test]
fn many_short_transactions_are_no_long_one() {
    let postgres = Postgres::start();
    let session = ("mode", "\"session\"");
    for (key, value) in [("reserve_size", "0"), session] {
        let builder = before(&postgres).set("pool.transaction_timeout", "\"2s\"");
        let proxy = builder.set(&format!("pool.{key}"), value).start();
        let mut client = proxy.connect().open();
        for _ in 0..6 {
            client.rows("SELECT pg_sleep(0.4)");
        }
    }
}

#[test]
fn silence_in_a_transaction_or_in_a_batch_ends_the_session() {
    let postgres = Postgres::start();
    let proxy = limited(&postgres, "idle_in_transaction_timeout", "300ms");
    let batch = [m::parse("", "SELECT 1", &[]), m::flush()].concat();
    for (request, last) in [(m::query("BEGIN"), b'Z'), (m::query("BEGIN; SELECT 1/0"), b'Z'), (batch, b'1')] {
        let mut client = proxy.connect().open();
        client.send(&request);
        client.try_read_until(last).unwrap();
        let said = last_words(&mut client);
        assert_eq!(said.len(), 1);
        let message = "terminating connection due to idle-in-transaction timeout";
        is(&said[0], "FATAL", "25P03", message, "pool.idle_in_transaction_timeout is 0.3 s.");
        is_whole(&proxy, &postgres, 1, "a transaction was idle");
    }
    // a query in it may last
    let proxy = limited(&postgres, "idle_in_transaction_timeout", "1s");
    let mut client = proxy.connect().open();
    client.rows("BEGIN");
    client.rows("SELECT pg_sleep(1.5)");
    client.rows("COMMIT");
}

#[test]
fn a_client_that_does_nothing_is_disconnected_where_that_is_asked_for() {
    let postgres = Postgres::start();
    let server = |pool: &str| Server::from(&postgres).key("dbname", "\"postgres\"").key("pool", pool);
    let proxy = before(&postgres)
        .database("short", server("{ idle_client_timeout = \"100ms\" }"))
        .database("own", server("{ idle_client_timeout = \"100ms\", mode = \"session\" }"))
        .start();
    let mut patient = proxy.connect().open();
    patient.rows("SELECT 1");
    for database in ["short", "own"] {
        // one that has never asked for anything, one that has, and one with half a request
        for first in [&b""[..], &m::query("SELECT 1"), &m::query("SELECT 1")[..6]] {
            let mut client = proxy.connect().database(database).open();
            client.send(first);
            let said = last_words(&mut client);
            assert_eq!(said.len(), 1, "{database}");
            let message = "terminating connection due to idle-session timeout";
            is(&said[0], "FATAL", "57P05", message, "pool.idle_client_timeout is 0.1 s.");
        }
        // whoever works, or is in a transaction, is not idle
        let mut client = proxy.connect().database(database).open();
        client.rows("BEGIN; SELECT pg_sleep(1.5)");
        client.rows("SELECT pg_sleep(1.5)");
    }
    assert_eq!(patient.rows("SELECT 'still here'"), "still here");
}

#[test]
fn a_client_that_does_nothing_with_a_server_it_keeps_is_disconnected_too() {
    let postgres = Postgres::start();
    let proxy = limited(&postgres, "idle_client_timeout", "100ms");
    for keeps in ["CREATE TEMPORARY TABLE t ()", "SELECT pg_advisory_lock(1)"] {
        let mut client = proxy.connect().open();
        client.rows(keeps);
        let said = last_words(&mut client);
        assert_eq!(said.len(), 1, "{keeps}");
        let message = "terminating connection due to idle-session timeout";
        is(&said[0], "FATAL", "57P05", message, "pool.idle_client_timeout is 0.1 s.");
        is_whole(&proxy, &postgres, 1, keeps);
    }
}

#[test]
fn a_log_in_that_takes_too_long_is_told_so_once_it_has_begun() {
    let postgres = Postgres::start();
    let login = "\"400ms\"";
    let proxy =
        before(&postgres).auth("md5").user("postgres", "secret").set("listen.login_timeout", login).start();
    let connect = proxy.connect();
    let mut silent = connect.unlogged();
    assert_eq!(silent.read_to_end().len(), 0, "nothing was asked, nothing is said");
    let mut slow = connect.unlogged();
    slow.send(&connect.startup_message());
    slow.expect(b'R');
    let said = last_words(&mut slow);
    assert_eq!(said.len(), 1);
    is(&said[0], "FATAL", "57014", "canceling authentication due to timeout", ".");
    // in time, but there is no server to be greeted by
    let nobody = testkit::port::Port::free();
    let proxy = Proxy::builder(PGWEIR)
        .database("postgres", Server::at("127.0.0.1", nobody.number()))
        .set("listen.login_timeout", login)
        .start();
    let mut waiting = proxy.connect().unlogged();
    waiting.send(&proxy.connect().startup_message());
    let said = last_words(&mut waiting);
    assert_eq!(said.iter().map(ServerError::code).collect::<Vec<_>>(), ["57014"]);
    wait::until(wait::PATIENCE, "they are counted", || proxy.log().contains("log-in failed: Login(Late)"));
}
