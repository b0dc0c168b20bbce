//! What a row of an answer may be, and that a name stays a value.

use proptest::prelude::*;
use wire::backend::row;

use wire::frame;

use super::*;

fn reply(rows: &[&[Option<&[u8]>]]) -> Reply {
    let mut reply = Reply::default();
    for values in rows {
        let mut out = BytesMut::new();
        row::write_row(&mut out, values).unwrap();
        reply.take(out.split_off(frame::HEADER).freeze());
    }
    reply
}

fn answer(rows: &[&[Option<&[u8]>]]) -> Result<Answer, &'static str> {
    reply(rows).answer("app", SystemTime::now())
}

fn secret() -> Answer {
    Answer::Secret(Secret::Plain("secret".into()), None)
}

fn is_nobody(answer: &Result<Answer, &'static str>) -> bool {
    matches!(answer, Ok(Answer::Nobody(_)))
}

#[test]
fn exactly_one_row_with_the_name_and_a_secret_is_an_answer() {
    let right: &[Option<&[u8]>] = &[Some(b"app"), Some(b"secret")];
    assert_eq!(answer(&[right]), Ok(secret()));
    assert!(is_nobody(&answer(&[])), "no row");
    assert!(is_nobody(&answer(&[right, right])), "two rows");
    for row in [
        [Some(b"App".as_slice()), Some(b"secret".as_slice())],
        [Some(b"app2"), Some(b"secret")],
        [Some(b""), Some(b"secret")],
        [None, Some(b"secret")],
        [Some(b"app"), None],
        [Some(b"app"), Some(b"")],
        [Some(b"app"), Some(b"\xff\xfe")],
        [Some(b"app"), Some(b"SCRAM-SHA-256$broken")],
    ] {
        assert!(is_nobody(&answer(&[&row])), "{row:?}");
    }
    let suspended = Reply { more: true, ..reply(&[right]) };
    assert!(is_nobody(&suspended.answer("app", SystemTime::now())), "more rows than were asked for");
}

#[test]
fn the_third_column_is_held_against_the_clock() {
    let now = SystemTime::UNIX_EPOCH + EPOCH + Duration::from_secs(100);
    let at = |micros: i64| {
        reply(&[&[Some(b"app"), Some(b"secret"), Some(&micros.to_be_bytes())]]).answer("app", now)
    };
    assert!(is_nobody(&at(99_000_000)));
    assert!(is_nobody(&at(100_000_000)));
    assert!(is_nobody(&at(-1)) && is_nobody(&at(i64::MIN)));
    let later = now + Duration::from_micros(1);
    assert_eq!(at(100_000_001), Ok(Answer::Secret(Secret::Plain("secret".into()), Some(later))));
    assert_eq!(at(i64::MAX), Ok(secret()));
    assert_eq!(answer(&[&[Some(b"app"), Some(b"secret"), None]]), Ok(secret()));
}

#[test]
fn a_statement_of_the_wrong_shape_is_said_to_be_one() {
    assert!(answer(&[&[Some(b"app")]]).is_err());
    assert!(answer(&[&[Some(b"app"), Some(b"secret"), None, None]]).is_err());
    assert!(answer(&[&[Some(b"app"), Some(b"secret"), Some(b"2030-01-01")]]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a server sends for a row, it never makes a secret of somebody else's.
    #[test]
    fn any_bytes_are_an_answer_or_a_mistake(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let reply = Reply { row: Some(bytes.into()), more: false };
        let answer = reply.answer("somebody", SystemTime::now());
        prop_assert!(!matches!(answer, Ok(Answer::Secret(..))));
    }

    /// A name is a value of its own length, whatever is in it.
    #[test]
    fn a_name_stays_inside_its_value(name in ".{0,80}") {
        let mut out = BytesMut::new();
        question(&mut out, &name).unwrap();
        let head = frame::head(&out, LONGEST).unwrap().unwrap();
        let body = frame::body(&out, head).unwrap();
        let bound = bind::Bind::parse(body).unwrap();
        prop_assert_eq!(bound.statement, STATEMENT);
        prop_assert!(bound.rest.ends_with(&[name.as_bytes(), &[0, 1, 0, 1]].concat()));
        prop_assert_eq!(bound.rest.len(), 12 + name.len());
    }
}
