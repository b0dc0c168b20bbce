//! The console speaks both protocols as a server would, and bears what a server bears.

use testkit::client::tags;
use testkit::{Client, Postgres, messages};

use super::{Table, admin, before, done, last_words, refused, visitor};

fn batch(console: &mut Client, parts: &[Vec<u8>]) -> String {
    console.send(&parts.concat());
    tags(&console.read_until_ready())
}

#[test]
fn the_extended_protocol_has_statements_portals_and_limits() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut console = admin(&proxy);
    let text = [
        messages::parse("s", "SHOW STATE", &[]),
        messages::describe_statement("s"),
        messages::bind("p", "s", &[]),
        messages::describe_portal("p"),
        messages::execute("p", 2),
        messages::execute("p", 0),
        messages::close_portal("p"),
        messages::sync(),
    ];
    assert_eq!(batch(&mut console, &text), "1tT2TDDsDC3Z");
    // what a pipelining driver sends: binary results, statements without rows, an empty one
    console.send(
        &[
            messages::bind_formats("", "s", &[], &[], &[1]),
            messages::execute("", 0),
            messages::parse("", "BEGIN", &[]),
            messages::describe_statement(""),
            messages::bind("", "", &[]),
            messages::execute("", 0),
            messages::sync(),
            messages::parse("", " -- nothing", &[]),
            messages::bind("", "", &[]),
            messages::execute("", 0),
            messages::sync(),
        ]
        .concat(),
    );
    let answer = console.read_until_ready();
    assert_eq!(tags(&answer), "2DDDC1tn2CZ");
    assert_eq!(answer.last().unwrap().body, b"T");
    assert_eq!(tags(&console.read_until_ready()), "12IZ");
    assert_eq!(done(&mut console, "COMMIT"), "COMMIT");
}

#[test]
fn numbers_come_in_binary_when_asked_for() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut console = admin(&proxy);
    console.send(
        &[
            messages::parse("", "SHOW LISTS", &[]),
            messages::bind_formats("", "", &[], &[], &[0, 1]),
            messages::execute("", 0),
            messages::sync(),
        ]
        .concat(),
    );
    let answer = console.read_until_ready();
    let users = answer.iter().find(|m| m.tag == b'D' && m.texts()[0] == "databases").unwrap();
    assert_eq!(users.columns()[1].as_deref(), Some(&[0, 0, 0, 2][..]));
}

#[test]
fn an_error_skips_to_the_sync_and_the_connection_goes_on() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut console = admin(&proxy);
    for (parts, code) in [
        (vec![messages::parse("", "SHOW NOTHING", &[])], "42601"),
        (vec![messages::parse("", "SHOW POOLS; SHOW STATS", &[])], "42601"),
        (vec![messages::bind("", "none", &[])], "26000"),
        (vec![messages::execute("none", 0)], "34000"),
        (vec![messages::describe_portal("none")], "34000"),
        (vec![messages::parse("", "SHOW LISTS", &[]), messages::bind("", "", &[Some(b"1")])], "08P01"),
        (
            vec![
                messages::parse("", "SHOW LISTS", &[]),
                messages::bind_formats("", "", &[], &[], &[0, 0, 0]),
            ],
            "08P01",
        ),
        (vec![messages::frame(b'E', b"no end")], "08P01"),
        (vec![messages::frame(b'B', b"\0\0\xff\xff")], "08P01"),
    ] {
        let mut parts = parts;
        parts.extend([messages::parse("x", "PAUSE", &[]), messages::sync()]);
        console.send(&parts.concat());
        let answer = console.read_until_ready();
        let errors: Vec<_> = answer.iter().filter(|m| m.tag == b'E').filter_map(|m| m.error()).collect();
        assert_eq!(errors.iter().map(|error| error.code()).collect::<Vec<_>>(), [code], "{answer:?}");
        assert!(!tags(&answer).ends_with("1Z"), "what follows the error is dropped: {answer:?}");
    }
    console.send(&messages::function_call(1, &[]));
    assert_eq!(console.read_until_ready()[0].error().unwrap().code(), "0A000");
    // as in PostgreSQL: what cannot be parsed keeps the whole text from running, what fails ends it
    assert_eq!(tags(&console.query("SHOW VERSION; NONSENSE; SHOW VERSION")), "EZ");
    assert_eq!(tags(&console.query("SHOW VERSION; RESUME; SHOW VERSION")), "TDCEZ");
    assert_eq!(tags(&console.query("")), "IZ");
    assert_eq!(refused(&mut console, "\u{1F980} \"").code(), "42601");
    assert_eq!(console.rows("SHOW VERSION"), "PgBouncer 1.25.2");
}

#[test]
fn names_are_limited_and_taken_once() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut console = visitor(&proxy, "monitor");
    let code = |console: &mut Client, parts: &[Vec<u8>]| {
        console.send(&parts.concat());
        let answer = console.read_until_ready();
        answer.iter().find_map(|m| m.error().filter(|_| m.tag == b'E')).map(|error| error.code().to_owned())
    };
    let twice = messages::parse("s", "SHOW STATE", &[]);
    assert_eq!(code(&mut console, &[twice.clone(), twice, messages::sync()]).as_deref(), Some("42P05"));
    let portals = [messages::bind("p", "s", &[]), messages::bind("p", "s", &[]), messages::sync()];
    assert_eq!(code(&mut console, &portals).as_deref(), Some("42P03"));
    let mut many: Vec<_> = (0..300).map(|n| messages::parse(&format!("n{n}"), "BEGIN", &[])).collect();
    many.push(messages::sync());
    assert_eq!(code(&mut console, &many).as_deref(), Some("54000"));
    assert_eq!(done(&mut console, "DISCARD ALL"), "DISCARD ALL");
    assert_eq!(
        code(&mut console, &[messages::bind("", "s", &[]), messages::sync()]).as_deref(),
        Some("26000")
    );
}

#[test]
fn a_breach_of_the_protocol_ends_only_that_connection() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut bystander = admin(&proxy);
    for (wrong, code) in [
        (messages::frame(b'?', b""), "08P01"),
        (messages::frame(b'p', b"late\0"), "08P01"),
        (b"Q\0\0\0\x03".to_vec(), "08P01"),
        (b"Q\x40\0\0\0".to_vec(), "54000"),
        (messages::query(&"x".repeat(70_000)), "54000"),
    ] {
        let mut console = admin(&proxy);
        console.send(&wrong);
        let errors = last_words(&mut console);
        assert_eq!(errors.iter().map(|error| error.code()).collect::<Vec<_>>(), [code]);
    }
    assert_eq!(bystander.rows("SHOW VERSION"), "PgBouncer 1.25.2");
    let clients = Table::of(&bystander.query("SHOW CLIENTS"));
    assert_eq!(clients.rows.len(), 1, "those that are gone are not shown: {:?}", clients.rows);
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
}
