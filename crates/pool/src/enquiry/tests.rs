//! What is asked, and what follows from the answer.

use bytes::BytesMut;
use wire::backend::row;

use super::*;
use crate::left::Touched;

fn traces(marks: Marks, touched: &[(&str, bool)]) -> Traces {
    let touched = touched
        .iter()
        .map(|(name, to_default)| Touched { name: Name::Known((*name).into()), to_default: *to_default });
    Traces { marks, settings: touched.collect() }
}

fn answer(rows: &[[Option<&str>; 3]]) -> Answer {
    let mut answer = Answer { utf8: true, ..Answer::default() };
    for values in rows {
        let mut out = BytesMut::new();
        row::write_row(&mut out, &values.map(|value| value.map(str::as_bytes))).unwrap();
        answer.take(&out[wire::frame::HEADER..]).unwrap();
    }
    answer
}

fn base() -> Params {
    Params::reported([("TimeZone", "UTC"), ("application_name", "")])
}

#[test]
fn what_servers_report_is_not_asked_for() {
    let touched = traces(Marks::default(), &[("timezone", false), ("application_name", true)]);
    assert_eq!(Enquiry::about(&touched, &base(), Pins::default()), None);
}

#[test]
fn a_reset_of_nothing_needs_no_question() {
    let marks = Marks::RESETS_ALL.union(Marks::RELEASES);
    assert_eq!(Enquiry::about(&traces(marks, &[]), &base(), Pins::default()), None);
}

#[test]
fn a_value_is_taken_as_the_server_spells_it() {
    let touched = traces(Marks::default(), &[("work_mem", false)]);
    let enquiry = Enquiry::about(&touched, &base(), Pins::default()).unwrap();
    let answer = answer(&[[Some("v"), Some("work_mem"), Some("77MB")]]);
    let (now, pins) = enquiry.resolve(&answer, &base(), Pins::default(), "app");
    assert_eq!((now.get("work_mem"), pins), (Some("77MB"), Pins::default()));
}

#[test]
fn a_setting_that_was_reset_goes_unless_that_was_rolled_back() {
    let mut have = base();
    have.put("work_mem", "77MB");
    have.put("app.tenant", "1");
    let touched = traces(Marks::RESETS_ALL, &[]);
    let enquiry = Enquiry::about(&touched, &have, Pins::default()).unwrap();
    let gone = [[Some("v"), Some("work_mem"), Some("4MB")], [Some("v"), Some("app.tenant"), Some("")]];
    let (now, _) = enquiry.resolve(&answer(&gone), &have, Pins::default(), "app");
    assert_eq!(now, base());
    let kept = [
        [Some("v"), Some("work_mem"), Some("77MB")],
        [Some("o"), Some("work_mem"), Some("77MB")],
        [Some("v"), Some("app.tenant"), Some("1")],
    ];
    let (now, _) = enquiry.resolve(&answer(&kept), &have, Pins::default(), "app");
    assert_eq!(now, have);
}

#[test]
fn nobody_acts_again_once_the_role_is_gone() {
    let mut have = base();
    have.put("role", "bob");
    let touched = traces(Marks::default(), &[("role", true), ("session_authorization", true)]);
    let enquiry = Enquiry::about(&touched, &have, Pins::default()).unwrap();
    let rows =
        [[Some("v"), Some("role"), Some("none")], [Some("v"), Some("session_authorization"), Some("app")]];
    assert_eq!(enquiry.resolve(&answer(&rows), &have, Pins::default(), "app").0, base());
}

#[test]
fn what_is_unknown_is_asked_for_altogether() {
    let mut have = base();
    have.put("app.tenant", "1");
    let enquiry = Enquiry::about(&traces(Marks::UNKNOWN, &[]), &have, Pins::default()).unwrap();
    let sql = enquiry.sql();
    for part in ["pg_settings", "app.tenant", "pg_locks", "pg_cursors", "pg_my_temp_schema", "listening"] {
        assert!(sql.contains(part), "{part} in {sql}");
    }
    let rows = [
        [Some("v"), Some("app.tenant"), Some("2")],
        [Some("o"), Some("work_mem"), Some("1GB")],
        [Some("o"), Some("timezone"), Some("UTC")],
        [Some("o"), Some("transaction_isolation"), Some("serializable")],
        [Some("t"), Some("lock"), None],
        [Some("t"), Some("channel"), Some("c")],
    ];
    let answer = answer(&rows);
    assert_eq!(answer.channels, [b"c"]);
    let (now, pins) = enquiry.resolve(&answer, &have, Pins::default(), "app");
    assert_eq!(pins, Pins::LOCK.union(Pins::CHANNEL));
    let unreported: Vec<_> = now.unreported().collect();
    assert_eq!(unreported, ["app.tenant", "work_mem"]);
    assert_eq!(now.get("app.tenant"), Some("2"));
}

#[test]
fn a_pin_ends_when_its_cause_is_gone() {
    let enquiry = Enquiry::about(&traces(Marks::RELEASES, &[]), &base(), Pins::LOCK.union(Pins::HINT));
    let enquiry = enquiry.unwrap();
    let (_, pins) = enquiry.resolve(&answer(&[]), &base(), Pins::LOCK.union(Pins::HINT), "app");
    assert_eq!(pins, Pins::HINT);
}

#[test]
fn a_value_in_another_encoding_keeps_the_server() {
    let touched = traces(Marks::default(), &[("a.b", false)]);
    let enquiry = Enquiry::about(&touched, &base(), Pins::default()).unwrap();
    let mut answer = Answer::default();
    let mut out = BytesMut::new();
    row::write_row(&mut out, &[Some(b"v"), Some(b"a.b"), Some("é".as_bytes())]).unwrap();
    answer.take(&out[wire::frame::HEADER..]).unwrap();
    assert_eq!(enquiry.resolve(&answer, &base(), Pins::default(), "app").1, Pins::SETTING);
}
