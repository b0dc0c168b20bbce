//! Servers that lie, stall or break off after log-in: one clear error for the client, a new connection for the
//! next, and no panic.

use std::sync::atomic::{AtomicUsize, Ordering};

use testkit::scripted::Peer;
use testkit::{Client, Error, Proxy, Scripted, answers, messages};

use crate::stage::{before, serves};

/// A server whose first connection answers the first query with these bytes and goes on as told; all others
/// behave.
fn once(answer: Vec<u8>, then: impl Fn(&mut Peer) + Send + Sync + 'static) -> Scripted {
    let served = AtomicUsize::new(0);
    Scripted::log_in_then(move |peer| {
        if served.fetch_add(1, Ordering::SeqCst) > 0 {
            return peer.serve();
        }
        peer.expect(b'Q')?;
        peer.send(&answer)?;
        then(peer);
        Ok(())
    })
}

/// What a client gets for its query: the messages up to the end of the connection or ReadyForQuery.
fn ask(client: &mut Client) -> Vec<testkit::Message> {
    let mut said = Vec::new();
    client.send(&messages::query("table q"));
    loop {
        match client.try_read_message() {
            Ok(message) => {
                let done = message.tag == b'Z';
                said.push(message);
                if done {
                    return said;
                }
            }
            Err(Error::Closed | Error::Io(_)) => return said,
            Err(error) => panic!("{error} after {said:?}"),
        }
    }
}

fn no_panic(proxy: &Proxy) {
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
}

#[test]
fn a_server_that_breaks_the_protocol_is_dropped_with_one_error() {
    for (name, answer) in breaches() {
        let server = once(answer, |peer| peer.stall());
        let proxy = before(&server).start();
        let mut client = proxy.connect().open();
        let said = ask(&mut client);
        let errors: Vec<_> = said.iter().filter_map(testkit::Message::error).collect();
        assert_eq!(errors.len(), 1, "{name}: {said:?}");
        assert_eq!(errors[0].code(), "08006", "{name}: {}", errors[0]);
        serves(&proxy.connect());
        no_panic(&proxy);
    }
}

fn breaches() -> Vec<(&'static str, Vec<u8>)> {
    let raw = |tag: u8, length: u32| [&[tag], length.to_be_bytes().as_slice(), b"rest"].concat();
    vec![
        ("an unknown tag", messages::frame(b'!', b"x")),
        ("a client's message", messages::frame(b'Q', b"x\0")),
        ("a tag of zero", messages::frame(0, b"")),
        ("a length of 0", raw(b'D', 0)),
        ("a length of 3", raw(b'T', 3)),
        ("a length of -1", raw(b'D', u32::MAX)),
        ("the sign bit", raw(b'D', 0x8000_0000)),
        ("a long ReadyForQuery", raw(b'Z', 6)),
        ("a short ReadyForQuery", raw(b'Z', 4)),
        ("a huge ReadyForQuery", raw(b'Z', 0x7fff_ffff)),
        ("status X", answers::ready(b'X')),
        ("a parse reply to a query", answers::parse_complete()),
        ("log-in again", answers::auth_ok()),
        ("a parameter without a value", messages::frame(b'S', b"name\0")),
        ("a huge parameter", raw(b'S', 0x7fff_ffff)),
    ]
}

/// Malformed errors, notices and rows are the client's business: they reach it byte for byte.
#[test]
fn what_only_the_client_can_judge_is_passed_on() {
    let huge = answers::error("ERROR", "22000", &"m".repeat(1_000_000));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("an error without fields", messages::frame(b'E', b"\0")),
        ("an empty error", messages::frame(b'E', b"")),
        ("an error without a code", messages::frame(b'E', b"SERROR\0Mtext\0\0")),
        ("an error without an end", messages::frame(b'E', b"SERROR\0C22000\0Mtext")),
        ("fields twice", messages::frame(b'E', b"SERROR\0SERROR\0C22000\0C22001\0Mx\0\0")),
        ("an error of a megabyte", huge),
        ("an empty notice", messages::frame(b'N', b"")),
        ("a notice of a megabyte", answers::notice(&"n".repeat(1_000_000))),
        ("a row with a negative length", messages::frame(b'D', b"\0\x01\xff\xff\xff\xfe")),
        ("a row with too few fields", messages::frame(b'D', b"\0\x09\0\0\0\x01x")),
        ("65535 columns", messages::frame(b'T', b"\xff\xff")),
        ("a row of 3 MB", answers::data_row(&[Some(&"d".repeat(3_000_000))])),
    ];
    for (name, message) in cases {
        let server = once([message.clone(), answers::complete("X"), answers::ready(b'I')].concat(), |p| {
            let _ = p.serve();
        });
        let proxy = before(&server).start();
        let mut client = proxy.connect().open();
        let said = ask(&mut client);
        assert_eq!(said[0].bytes(), message, "{name}");
        assert_eq!(client.rows("next"), "next", "{name}");
        assert_eq!(server.connections(), 1, "{name}: the connection is still good");
        no_panic(&proxy);
    }
}

#[test]
fn a_server_cut_off_at_any_byte_of_its_answer_costs_one_error() {
    let messages = [
        answers::row_description(&["x"]),
        answers::data_row(&[Some("some value")]),
        answers::complete("SELECT 1"),
        answers::ready(b'I'),
    ];
    let boundaries: Vec<usize> = (0..4).map(|n| messages[..n].concat().len()).collect();
    let answer = messages.concat();
    for cut in 0..answer.len() {
        for reset in [false, true] {
            let part = answer[..cut].to_vec();
            let server = once(part, move |peer| if reset { peer.reset() } else { peer.close() });
            let proxy = before(&server).start();
            let mut client = proxy.connect().open();
            let said = ask(&mut client);
            assert!(said.iter().all(|m| m.tag != b'Z'), "cut at {cut}: {said:?}");
            // in the middle of a message that has begun to pass there is no place for words
            let begun = boundaries.iter().rposition(|&at| at <= cut).unwrap();
            let passing = begun < 2 && cut - boundaries[begun] >= 5;
            let expected = usize::from(!passing);
            let codes: Vec<_> = said.iter().filter_map(|m| Some(m.error()?.code().to_owned())).collect();
            assert_eq!(codes, vec!["08006"; expected], "cut at {cut}, reset {reset}: {said:?}");
            let whole: Vec<u8> = said.iter().filter(|m| m.tag != b'E').flat_map(|m| m.bytes()).collect();
            assert!(answer.starts_with(&whole), "cut at {cut}: {said:?}");
            serves(&proxy.connect());
            if cut % 8 != 0 {
                break;
            }
        }
    }
}

/// The server's reason is the reason: it reaches the client unchanged, and nothing is added.
#[test]
fn the_last_words_of_a_server_are_the_only_error() {
    let fatal = answers::error("FATAL", "57P01", "terminating connection due to administrator command");
    let server = once(fatal.clone(), Peer::close);
    let proxy = before(&server).start();
    let mut client = proxy.connect().open();
    let said = ask(&mut client);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(said[0].bytes(), fatal);
    serves(&proxy.connect());
}

#[test]
fn an_error_in_the_middle_of_a_result_passes_and_the_server_is_kept() {
    let answer = [
        answers::row_description(&["x"]),
        answers::data_row(&[Some("1")]),
        answers::error("ERROR", "22012", "division by zero"),
        answers::ready(b'I'),
    ];
    let server = once(answer.concat(), |p| {
        let _ = p.serve();
    });
    let proxy = before(&server).start();
    let mut client = proxy.connect().open();
    assert_eq!(testkit::client::tags(&ask(&mut client)), "TDEZ");
    assert_eq!(client.rows("next"), "next");
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_server_that_dribbles_is_understood() {
    let server = Scripted::log_in_then(|peer| {
        loop {
            let query = peer.expect(b'Q')?;
            peer.dribble(&answers::one_row(&query.text()))?;
        }
    });
    let proxy = before(&server).start();
    let mut client = proxy.connect().open();
    assert_eq!(client.rows("table slow"), "table slow");
    assert_eq!(client.rows("table again"), "table again");
}

#[test]
fn messages_while_idle_are_taken_in_or_end_the_connection() {
    let idle: Vec<(&str, Vec<u8>, usize)> = vec![
        ("a notice", answers::notice("psst"), 1),
        ("a parameter", answers::parameter_status("TimeZone", "Mars/Phobos"), 1),
        ("a notification", answers::notification(1, "c", "p"), 1),
        ("a row from nowhere", answers::data_row(&[Some("leak")]), 2),
        ("a second ReadyForQuery", answers::ready(b'I'), 2),
        ("half a message", vec![b'S', 0, 0], 2),
        ("rubbish", vec![0xff; 40], 2),
    ];
    for (name, bytes, connections) in idle {
        let server = once([answers::one_row("q"), bytes].concat(), |peer| {
            let _ = peer.serve();
        });
        let proxy = before(&server).set("pool.size", "1").start();
        let mut client = proxy.connect().open();
        assert_eq!(testkit::client::tags(&ask_rows(&mut client)), "TDCZ", "{name}");
        drop(client);
        serves(&proxy.connect());
        assert_eq!(server.connections(), connections, "{name}");
        no_panic(&proxy);
    }
}

/// The answer up to ReadyForQuery; what is behind it is not waited for.
fn ask_rows(client: &mut Client) -> Vec<testkit::Message> {
    client.query("table q")
}

#[test]
fn a_server_that_floods_a_client_that_does_not_read_costs_no_memory() {
    let server = once(Vec::new(), |peer| {
        let row = answers::data_row(&[Some(&"d".repeat(8_000))]);
        // 800 MB, if anybody let it
        let _ = (0..100_000).try_for_each(|_| peer.send(&row));
    });
    let proxy = before(&server).start();
    let mut lazy = proxy.connect().open();
    let idle = proxy.rss_kb();
    lazy.send(&messages::query("much"));
    lazy.expect(b'D');
    for _ in 0..20 {
        serves(&proxy.connect());
    }
    let grown = proxy.rss_kb().saturating_sub(idle);
    assert!(grown < 8 * 1024, "a client that does not read cost {grown} kB");
    lazy.reset();
    serves(&proxy.connect());
}

#[test]
fn both_sides_with_full_buffers_do_not_lock_each_other() {
    // the server answers a megabyte for every query before it reads the next
    let server = Scripted::log_in_then(|peer| {
        let row = answers::data_row(&[Some(&"d".repeat(1_000_000))]);
        loop {
            peer.expect(b'Q')?;
            peer.send(&[row.clone(), answers::complete("SELECT 1"), answers::ready(b'I')].concat())?;
        }
    });
    let proxy = before(&server).start();
    let mut client = proxy.connect().open();
    let batch: Vec<u8> = (0..100).flat_map(|_| messages::query(&"q".repeat(1_000))).collect();
    client.send(&batch);
    for n in 0..100 {
        assert_eq!(testkit::client::tags(&client.read_until_ready()), "DCZ", "answer {n}");
    }
}

#[test]
fn a_query_that_a_dead_idle_connection_never_saw_is_run_on_another() {
    let server = once(answers::one_row("first"), Peer::close);
    let proxy = before(&server).start();
    let mut client = proxy.connect().open();
    assert_eq!(client.rows("table q"), "first");
    // a connection that was free for a moment only is lent without a look; this takes longer
    for _ in 0..50 {
        drop(proxy.connect().open());
    }
    for _ in 0..3 {
        assert_eq!(client.rows("table second"), "table second", "no error for a connection that died idle");
    }
}

/// PostgreSQL says in a notice that it shuts down at once.
#[test]
fn a_notice_before_the_end_is_no_sign_of_life() {
    let server = once([answers::one_row("first"), answers::notice("going")].concat(), Peer::close);
    let proxy = before(&server).start();
    let mut client = proxy.connect().open();
    assert_eq!(client.rows("table q"), "first");
    // a connection that was free for a moment only is lent without a look; this takes longer
    for _ in 0..50 {
        drop(proxy.connect().open());
    }
    assert_eq!(client.rows("table second"), "table second");
}

/// A cancel that reaches a server before it has begun the query does nothing there.
#[test]
fn what_a_client_has_left_running_is_cancelled_until_it_ends() {
    let server = once(answers::row_description(&["x"]), |peer| {
        peer.stall();
        let _ = peer.send(&answers::error("ERROR", "57014", "canceling statement due to user request"));
        let _ = peer.send(&answers::ready(b'I'));
        // what the clean-up sends behind it: Execute, Sync
        let _ = peer.read_until(b'S');
        let _ = peer.send(&answers::error("ERROR", "34000", "portal does not exist"));
        let _ = peer.send(&answers::ready(b'I'));
        let _ = peer.serve();
    });
    let proxy = before(&server).set("pool.size", "1").start();
    let mut client = proxy.connect().open();
    client.send(&messages::query("long"));
    client.expect(b'T');
    client.reset();
    testkit::wait::until(testkit::wait::PATIENCE, "a second cancel", || server.cancels().len() >= 2);
    server.release();
    serves(&proxy.connect());
}

#[test]
fn a_server_without_a_cancel_key_is_never_sent_one() {
    let server = Scripted::serve(|peer| {
        peer.read_startup()?;
        peer.send(&[answers::auth_ok(), answers::ready(b'I')].concat())?;
        peer.expect(b'Q')?;
        peer.send(&answers::row_description(&["x"]))?;
        peer.stall();
        peer.send(&[answers::complete("SELECT 0"), answers::ready(b'I')].concat())?;
        peer.serve()
    });
    let proxy = before(&server).start();
    let mut client = proxy.connect().open();
    client.send(&messages::query("long"));
    client.expect(b'T');
    client.cancel();
    server.release();
    assert_eq!(testkit::client::tags(&client.read_until_ready()), "CZ");
    assert!(server.cancels().is_empty());
}

#[test]
fn a_panic_would_cost_one_connection_so_none_is_logged_here() {
    // every script of this file at once, on one proxy: the sum leaves it whole
    let scripts: Vec<Vec<u8>> = breaches().into_iter().map(|(_, answer)| answer).collect();
    let next = AtomicUsize::new(0);
    let server = Scripted::log_in_then(move |peer| {
        peer.expect(b'Q')?;
        let turn = next.fetch_add(1, Ordering::SeqCst);
        match scripts.get(turn) {
            Some(answer) => {
                peer.send(answer)?;
                peer.stall();
                Ok(())
            }
            None => {
                peer.send(&answers::one_row("table here"))?;
                peer.serve()
            }
        }
    });
    let proxy = before(&server).set("pool.size", "4").start();
    for _ in 0..breaches().len() {
        let _ = ask(&mut proxy.connect().open());
    }
    serves(&proxy.connect());
    no_panic(&proxy);
}
