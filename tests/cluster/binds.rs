//! Binds that do not fit their statement, or are broken inside, in the middle of pipelines: the server judges them, what
//! stands around them is answered as without pgweir, and nobody else on the same connection notices.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use testkit::messages::{bind, bind_formats, execute, frame, parse, query, sync};
use testkit::{Client, Message, Postgres, Proxy};

use crate::scene::{before, is_whole};

const SQL: &str = "SELECT $1::int + $2::int, $3::text";

/// A Bind of the statement `s` with these bytes behind the names.
fn raw(rest: &[u8]) -> Vec<u8> {
    frame(b'B', &[b"\0s\0".as_slice(), rest].concat())
}

/// A Bind of three parameters with these lengths, each followed by one digit, however many the length announces.
fn of_lengths(lengths: [i32; 3]) -> Vec<u8> {
    let values = lengths.map(|length| [length.to_be_bytes().as_slice(), b"7"].concat()).concat();
    raw(&[b"\0\0\0\x03".as_slice(), &values, b"\0\0"].concat())
}

fn misfits() -> Vec<(&'static str, Vec<u8>)> {
    let values: [Option<&[u8]>; 5] = [Some(b"1"), Some(b"2"), Some(b"x"), Some(b"4"), None];
    let formats = |formats: &[i16], results: &[i16]| bind_formats("", "s", formats, &values[..3], results);
    let announced =
        |count: u16| raw(&[b"\0\0".as_slice(), &count.to_be_bytes(), b"\0\0\0\x017\0\0"].concat());
    vec![
        ("no parameter for three", bind("", "s", &[])),
        ("two for three", bind("", "s", &values[..2])),
        ("four for three", bind("", "s", &values[..4])),
        ("thirty thousand for three", bind("", "s", &vec![Some(b"1".as_slice()); 30_000])),
        ("two formats for three", formats(&[0, 0], &[])),
        ("four formats for three", formats(&[0; 4], &[])),
        ("thirty thousand formats", formats(&[0; 30_000], &[])),
        ("formats that there are not", formats(&[0, 2, -1], &[])),
        ("binary where the bytes are text", formats(&[1, 1, 0], &[])),
        ("three formats for two columns", formats(&[], &[0; 3])),
        ("a format of columns that there is not", formats(&[], &[9])),
        ("one format and no parameter", raw(b"\0\x01\0\x01\0\0\0\0")),
        ("a length of -2", of_lengths([1, -2, 1])),
        ("the least length", of_lengths([i32::MIN, 1, 1])),
        ("a length beyond the message", of_lengths([1, 1, 1000])),
        ("the greatest length", of_lengths([1, i32::MAX, 1])),
        ("a NULL with a value", of_lengths([-1, 1, 1])),
        ("a length that swallows what follows", of_lengths([6, 1, 1])),
        ("more announced than there are", announced(4)),
        ("65535 announced", announced(u16::MAX)),
        ("formats announced that are not there", raw(b"\x7f\xff")),
        ("an odd byte of formats", raw(b"\0\x01\0")),
        ("nothing behind the names", raw(b"")),
        ("bytes behind the end", raw(b"\0\0\0\x03\0\0\0\x017\0\0\0\x017\0\0\0\x01x\0\0more")),
        ("a statement that there is not", bind("", "nobody", &values[..3])),
        ("values that the types refuse", bind("", "s", &[Some(b"one"), Some(b"2"), None])),
    ]
}

/// Everything a client is told, with what an error says for an error.
fn told(messages: &[Message]) -> Vec<String> {
    let tell = |message: &Message| match message.error() {
        Some(error) => format!("E {} {}", error.code(), error.message()),
        None => message.bytes().escape_ascii().to_string(),
    };
    messages.iter().map(tell).collect()
}

/// Pipelines with the Bind at each of the places where one may stand, and how many ReadyForQuery each brings.
fn pipelines(misfit: &[u8]) -> Vec<(&'static str, Vec<u8>, usize)> {
    let fit = |value: &str| {
        [bind("", "s", &[Some(b"1"), Some(b"2"), Some(value.as_bytes())]), execute("", 0)].concat()
    };
    let start = parse("s", SQL, &[]);
    let bad = [misfit, &execute("", 0)].concat();
    vec![
        ("alone", [start.clone(), bad.clone(), sync()].concat(), 1),
        ("first", [start.clone(), bad.clone(), fit("b"), sync(), fit("c"), sync()].concat(), 2),
        (
            "in the middle",
            [start.clone(), fit("a"), bad.clone(), fit("b"), sync(), fit("c"), sync()].concat(),
            2,
        ),
        (
            "last",
            [start.clone(), fit("a"), sync(), fit("b"), bad.clone(), sync(), query("SELECT 'q'")].concat(),
            3,
        ),
        (
            "twice",
            [start.clone(), bad.clone(), bad.clone(), sync(), bad.clone(), sync(), fit("d"), sync()].concat(),
            3,
        ),
        (
            "in a transaction",
            [
                query("BEGIN"),
                start,
                fit("a"),
                bad,
                sync(),
                fit("b"),
                sync(),
                query("ROLLBACK"),
                fit("c"),
                sync(),
            ]
            .concat(),
            5,
        ),
    ]
}

fn answer(mut client: Client, bytes: &[u8], times: usize) -> Vec<String> {
    client.send(bytes);
    (0..times).flat_map(|_| told(&client.read_until_ready())).collect()
}

#[test]
fn a_bind_that_does_not_fit_is_answered_by_the_server_wherever_it_stands() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut neighbour = proxy.connect().open();
    neighbour.send(&[parse("mine", SQL, &[]), sync()].concat());
    neighbour.read_until_ready();
    for (name, misfit) in misfits() {
        for (place, bytes, times) in pipelines(&misfit) {
            let direct = answer(postgres.connect().open(), &bytes, times);
            let through = answer(proxy.connect().open(), &bytes, times);
            assert_eq!(through, direct, "{name}, {place}");
            let values = [Some(b"20".as_slice()), Some(b"22"), Some(b"n")];
            neighbour.send(&[bind("", "mine", &values), execute("", 0), sync()].concat());
            let rows: Vec<_> =
                neighbour.read_until_ready().iter().filter(|m| m.tag == b'D').map(Message::texts).collect();
            assert_eq!(rows, [["42", "n"]], "behind {name}, {place}");
        }
    }
    is_whole(&proxy, &postgres, 1, "misfits");
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
}

/// Asks again and again, over a statement that it shares with the others, until told to stop.
fn ask_until(proxy: &Proxy, stop: &AtomicBool, done: &AtomicU64) {
    let mut client = proxy.connect().open();
    client.send(&[parse("s", SQL, &[]), sync()].concat());
    client.read_until_ready();
    while !stop.load(Ordering::Relaxed) {
        let number = done.fetch_add(1, Ordering::Relaxed).to_string();
        let values = [Some(number.as_bytes()), Some(b"0".as_slice()), Some(number.as_bytes())];
        client.send(&[bind("", "s", &values), execute("", 0), sync()].concat());
        let said = client.read_until_ready();
        let rows: Vec<_> = said.iter().filter(|m| m.tag == b'D').map(Message::texts).collect();
        assert_eq!(rows, [[number.clone(), number]], "{said:?}");
    }
}

#[test]
fn clients_with_the_same_statement_notice_nothing_of_broken_binds() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(2).start();
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| ask_until(&proxy, &stop, &done));
        }
        for (name, misfit) in misfits() {
            let mut client = proxy.connect().open();
            client.send(&[parse("s", SQL, &[]), misfit, execute("", 0), sync()].concat());
            let said = client.read_until_ready();
            let codes: Vec<_> = said.iter().filter_map(Message::error).map(|e| e.code().to_owned()).collect();
            assert_eq!(codes.len(), 1, "{name}: {said:?}");
            // gone in the middle of the next one
            client.send(&[parse("s", SQL, &[]), raw(b"\0\0\0\x03\0\0")].concat());
            client.reset();
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(done.load(Ordering::Relaxed) > 0);
    is_whole(&proxy, &postgres, 2, "broken binds");
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
}
