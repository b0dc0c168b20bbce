//! Descriptions are the same exactly if names, types and modifiers of the columns are, and types of the parameters.

use bytes::{BufMut, BytesMut};
use proptest::prelude::*;

use super::*;

/// A column: what counts, and what does not.
type Column = (String, u32, i32, (u32, u16, i16, u16));

fn body(columns: &[Column]) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_u16(u16::try_from(columns.len()).unwrap());
    for (name, oid, modifier, (table, attribute, len, format)) in columns {
        body.put_slice(name.as_bytes());
        body.put_u8(0);
        body.put_u32(*table);
        body.put_u16(*attribute);
        body.put_u32(*oid);
        body.put_i16(*len);
        body.put_i32(*modifier);
        body.put_u16(*format);
    }
    body
}

fn told(tag: u8, body: &[u8]) -> Shape {
    let mut described = Described::new(1, None);
    described.hear(tag, body);
    described.shape
}

/// Few values, so that equal ones are drawn often.
fn columns() -> impl Strategy<Value = Vec<Column>> {
    let rest = (0..3_u32, 0..3_u16, -1..2_i16, 0..2_u16);
    prop::collection::vec(("[ab\u{ff}]{0,2}", 23..26_u32, -1..2_i32, rest), 0..4)
}

fn counts(columns: &[Column]) -> Vec<(&str, u32, i32)> {
    columns.iter().map(|(name, oid, modifier, _)| (name.as_str(), *oid, *modifier)).collect()
}

proptest! {
    #[test]
    fn rows_are_the_same_exactly_if_names_types_and_modifiers_are(one in columns(), other in columns()) {
        let (a, b) = (told(b'T', &body(&one)), told(b'T', &body(&other)));
        prop_assert_eq!(a == b, counts(&one) == counts(&other));
        prop_assert_ne!(a, told(b'n', b""), "no rows are not rows without columns");
        // where a column comes from, and how its values are sent, does not count
        let moved: Vec<Column> =
            one.iter().map(|(name, oid, modifier, _)| (name.clone(), *oid, *modifier, (7, 7, 7, 7))).collect();
        prop_assert_eq!(a, told(b'T', &body(&moved)));
    }

    #[test]
    fn parameters_are_the_same_exactly_if_their_types_are(
        one in prop::collection::vec(23..26_u32, 0..4),
        other in prop::collection::vec(23..26_u32, 0..4),
    ) {
        let written = |types: &[u32]| {
            let mut out = BytesMut::new();
            describe::write(&mut out, types).unwrap();
            out.split_off(5)
        };
        let (a, b) = (told(b't', &written(&one)), told(b't', &written(&other)));
        prop_assert_eq!(a.params == b.params, one == other);
        prop_assert_eq!(a.rows, None);
    }

    #[test]
    fn any_bytes_are_the_same_as_themselves(tag in prop::sample::select(&b"tTn"[..]), body: Vec<u8>) {
        prop_assert_eq!(told(tag, &body), told(tag, &body));
        prop_assert_eq!(told(tag, &body).against(told(tag, &body)), Compared::Same);
    }
}

#[test]
fn what_a_client_was_not_told_does_not_count() {
    let (rows, params) = (told(b'n', b""), told(b't', b"\0\0"));
    let mut both = rows;
    both.learn(params);
    assert_eq!(Shape::UNKNOWN.against(both), Compared::Same);
    assert_eq!(rows.against(both), Compared::Same);
    assert_eq!(both.against(both), Compared::Same);
    assert_eq!(both.against(rows), Compared::Unknown);
    assert_eq!(rows.against(told(b'T', b"\0\0")), Compared::Differs);
    // what differs does so whatever else is unknown
    assert_eq!(both.against(told(b'T', b"\0\0")), Compared::Differs);
}

#[test]
fn a_block_of_types_that_is_not_whole_is_never_declared() {
    for body in [&b""[..], b"\0", b"\0\x01", b"\0\x01\0\0\0", b"\0\0\0"] {
        let mut described = Described::new(1, None);
        described.hear(b't', body);
        assert_eq!(described.types, None);
    }
}

#[test]
fn few_sets_of_types_are_remembered() {
    let found = Found::default();
    let prints: Vec<Print> = (1..=5).map(|n| Print::new(n).unwrap()).collect();
    for print in &prints {
        found.add(*print, &Bytes::from_static(b"\0\0"));
        found.add(*print, &Bytes::from_static(b"\0\0"));
    }
    assert_eq!(found.get(prints[0]), None);
    assert!(prints[1..].iter().all(|print| found.get(*print).is_some()));
}
