//! Sets of settings, and the SQL that turns one into another.

use std::sync::Arc;

use super::*;

#[test]
fn names_compare_without_case_and_keep_their_spelling() {
    let mut set = Params::new([("DateStyle", "ISO, MDY")]);
    set.put("datestyle", "German");
    assert_eq!(set.iter().collect::<Vec<_>>(), [("DateStyle", "German")]);
}

#[test]
fn equal_sets_need_nothing_and_different_ones_only_the_difference() {
    let have = Params::new([("TimeZone", "UTC"), ("work_mem", "1MB"), ("a.b", "x")]);
    assert_eq!(Params::difference(&have, &have.clone()), None);
    let want = Params::new([("TimeZone", "Europe/Vienna"), ("work_mem", "1MB")]);
    assert_eq!(
        Params::difference(&have, &want).as_deref(),
        Some(r#"RESET "a"."b";SELECT pg_catalog.set_config( E'TimeZone', E'Europe/Vienna',false)"#)
    );
}

#[test]
fn values_cannot_leave_their_quotes() {
    let want = Params::new([("application_name", r"'); drop table t; -- \' $u$")]);
    let sql = Params::difference(&Params::default(), &want).unwrap();
    assert_eq!(
        sql,
        r"SELECT pg_catalog.set_config( E'application_name', E'''); drop table t; -- \\'' $u$',false)"
    );
}

#[test]
fn what_is_not_ascii_does_not_depend_on_the_encoding() {
    let want = Params::new([("a.b", "é😀")]);
    let sql = Params::difference(&Params::default(), &want).unwrap();
    assert_eq!(sql, r"SELECT pg_catalog.set_config( E'a.b', E'\U000000E9\U0001F600',false)");
}

#[test]
fn who_acts_is_reset_first_and_set_last() {
    let have = Params::new([("role", "bob"), ("work_mem", "1MB")]);
    let want = Params::new([("role", "eve"), ("session_authorization", "al"), ("zero", "0")]);
    assert_eq!(
        Params::difference(&have, &want).as_deref(),
        Some(
            "SET SESSION AUTHORIZATION DEFAULT;RESET \"work_mem\";\
             SELECT pg_catalog.set_config( E'zero', E'0',false),\
             pg_catalog.set_config( E'session_authorization', E'al',false),\
             pg_catalog.set_config( E'role', E'eve',false)"
        )
    );
    let none = Params::difference(&have, &Params::new([("work_mem", "1MB")]));
    assert_eq!(none.as_deref(), Some("SET SESSION AUTHORIZATION DEFAULT;"));
}

#[test]
fn a_role_that_stays_is_set_again_behind_what_changes() {
    let have = Params::new([("role", "bob")]);
    let want = Params::new([("role", "bob"), ("work_mem", "1MB")]);
    let sql = Params::difference(&have, &want).unwrap();
    assert!(sql.starts_with("SET SESSION AUTHORIZATION DEFAULT;"), "{sql}");
    assert!(sql.ends_with("pg_catalog.set_config( E'role', E'bob',false)"), "{sql}");
}

#[test]
fn only_what_is_reported_has_the_server_s_spelling() {
    let base = Arc::new(Params::reported([("TimeZone", "UTC")]));
    let mut had = Params::clone(&base);
    had.put("timezone", "Europe/Vienna");
    had.put("work_mem", "1MB");
    let mut want = Params::clone(&base);
    want.put("TimeZone", "europe/vienna");
    want.put("work_mem", "2MB");
    let spelt = Arc::new(want).spelt_as(&had);
    assert_eq!((spelt.get("timezone"), spelt.get("work_mem")), (Some("Europe/Vienna"), Some("2MB")));
}

#[test]
fn a_reported_setting_always_has_a_value() {
    let mut set = Params::reported([("TimeZone", "UTC")]);
    set.put("work_mem", "1MB");
    set.remove("timezone");
    set.remove("WORK_MEM");
    assert_eq!(set.iter().collect::<Vec<_>>(), [("TimeZone", "UTC")]);
}

#[test]
fn backslashes_are_followed() {
    let set = Arc::new(Params::reported([("standard_conforming_strings", "on")]));
    assert!(!set.has_backslashes());
    assert!(set.with("standard_conforming_strings", "off").has_backslashes());
}
