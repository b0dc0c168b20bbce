//! Settings: kept for their client, hidden from others, undone with their transaction.

use super::Pair;

#[test]
fn a_setting_is_its_client_s_alone_and_stays_with_it() {
    let mut pair = Pair::new();
    pair.one.rows("set work_mem = '77MB'");
    assert_eq!(pair.other.rows("show work_mem"), "4MB");
    assert_eq!(pair.one.rows("show work_mem"), "77MB");
    pair.in_between();
    pair.one.rows("reset work_mem");
    assert_eq!(pair.one.rows("show work_mem"), "4MB");
}

#[test]
fn what_is_rolled_back_was_never_set() {
    let mut pair = Pair::new();
    pair.one.rows("set work_mem = '5MB'");
    for (sql, want) in [
        ("begin; set work_mem = '6MB'; rollback", "5MB"),
        ("begin; set work_mem = '7MB'; commit", "7MB"),
        ("begin; savepoint s; set work_mem = '8MB'; rollback to s; commit", "7MB"),
        ("begin; set work_mem = '9MB'; savepoint s; set work_mem = '10MB'; rollback to s; commit", "9MB"),
        ("begin; set local work_mem = '11MB'; commit", "9MB"),
        ("begin; reset work_mem; rollback", "9MB"),
        ("begin; reset all; rollback", "9MB"),
        ("begin; reset work_mem; commit", "4MB"),
    ] {
        pair.one.rows(sql);
        assert_eq!(pair.other.rows("show work_mem"), "4MB", "{sql}");
        assert_eq!(pair.one.rows("show work_mem"), want, "{sql}");
    }
}

#[test]
fn reset_goes_back_to_the_start_up_message() {
    let mut pair = Pair::new();
    let mut own =
        pair.proxy.connect().param("options", "-c work_mem=33MB").param("application_name", "me").open();
    for reset in
        ["reset all", "reset work_mem; reset application_name", "discard all", "set work_mem to default"]
    {
        own.rows("set work_mem = '1MB'");
        own.rows("set application_name = 'you'");
        pair.in_between();
        own.rows(reset);
        if reset.starts_with("set") {
            own.rows("set application_name = default");
        }
        pair.in_between();
        assert_eq!(own.rows("show work_mem; show application_name"), "33MB\nme", "{reset}");
    }
    assert_eq!(pair.other.rows("show work_mem"), "4MB");
}

#[test]
fn a_role_is_its_client_s_alone() {
    let mut pair = Pair::new();
    pair.postgres.psql("create role bob; create role eve superuser");
    pair.one.rows("set role bob");
    assert_eq!(pair.other.rows("select current_user"), "postgres");
    assert_eq!(pair.one.rows("select current_user"), "bob");
    pair.other.rows("set session authorization eve");
    assert_eq!(pair.one.rows("select session_user, current_user"), "postgres|bob");
    assert_eq!(pair.other.rows("select session_user, current_user"), "eve|eve");
    pair.one.rows("reset role");
    pair.in_between();
    assert_eq!(pair.one.rows("select current_user"), "postgres");
}

#[test]
fn what_a_function_may_have_set_is_found_out() {
    let mut pair = Pair::new();
    pair.postgres.psql(
        "create function f() returns int language plpgsql as \
         $$ begin perform set_config('work_mem', '66MB', false); perform set_config('app.x', 'y', false); return 1; end $$",
    );
    assert_eq!(pair.one.rows("select f()"), "1");
    assert_eq!(
        pair.other.rows("select current_setting('work_mem'), coalesce(current_setting('app.x', true), '')"),
        "4MB|"
    );
    assert_eq!(pair.one.rows("show work_mem"), "66MB");
}

#[test]
fn settings_that_the_server_refuses_refuse_the_request_and_nothing_else() {
    let mut pair = Pair::new();
    pair.postgres.psql("create role gone; create table t (i int)");
    pair.one.rows("set role gone");
    pair.in_between();
    pair.postgres.psql("drop role gone");
    let error = crate::scene::server_error(pair.one.try_rows("insert into t values (1)"));
    assert_eq!(error.code(), "22023", "{error}");
    assert_eq!(pair.other.rows("select count(*) from t"), "0");
    // its next request fails in the same way, until it has another role
    let error = crate::scene::server_error(pair.one.try_rows("select 1"));
    assert_eq!(error.code(), "22023", "{error}");
}

#[test]
fn names_and_values_of_settings_may_be_parameters() {
    use testkit::messages::{bind, execute, parse, sync};

    let mut pair = Pair::new();
    pair.one.send(&[parse("set", "select set_config($1, $2, $3)", &[25, 25, 16]), sync()].concat());
    pair.one.read_until_ready();
    pair.in_between();
    for (name, value, local, want) in
        [("work_mem", "21MB", "f", "21MB"), ("work_mem", "22MB", "t", "21MB"), ("app.x", "1", "f", "21MB")]
    {
        let values = [Some(name.as_bytes()), Some(value.as_bytes()), Some(local.as_bytes())];
        pair.one.send(&[bind("", "set", &values), execute("", 0), sync()].concat());
        pair.one.read_until_ready();
        assert_eq!(pair.other.rows("show work_mem"), "4MB", "{name} = {value}");
        assert_eq!(pair.one.rows("show work_mem"), want, "{name} = {value}");
    }
    assert_eq!(pair.other.rows("select coalesce(current_setting('app.x', true), '')"), "");
    assert_eq!(pair.one.rows("select current_setting('app.x')"), "1");
}

#[test]
fn a_limit_of_milliseconds_hits_nobody_else() {
    let mut pair = Pair::new();
    for _ in 0..5 {
        pair.one.rows("set statement_timeout = '40ms'");
        assert_eq!(pair.other.rows("select pg_sleep(0.1)"), "");
        assert_eq!(pair.one.rows("show statement_timeout"), "40ms");
        pair.one.rows("set statement_timeout = 0");
    }
}

#[test]
fn no_request_runs_under_settings_that_are_not_its_own() {
    use testkit::messages::{bind, execute, parse, query, sync};

    let insert = "insert into t values (1)";
    let extended = [parse("", insert, &[]), bind("", "", &[]), execute("", 0)].concat();
    let several: [(&str, Vec<u8>, usize); 6] = [
        ("simple", query(insert), 1),
        ("extended", [extended.clone(), sync()].concat(), 1),
        ("two in one segment", query(insert).repeat(2), 2),
        ("behind a rollback", [query("rollback"), query(insert)].concat(), 2),
        ("a batch and a query", [extended.clone(), sync(), query(insert)].concat(), 2),
        ("a block", query("begin; insert into t values (1); commit"), 1),
    ];
    for (what, bytes, answers) in several {
        let mut pair = Pair::new();
        pair.postgres.psql("create role gone; create table t (i int)");
        pair.one.rows("set role gone");
        pair.in_between();
        pair.postgres.psql("drop role gone");
        pair.one.send(&bytes);
        for _ in 0..answers {
            let answer = pair.one.read_until_ready();
            let errors: Vec<_> =
                answer.iter().filter(|m| m.tag == b'E').filter_map(testkit::Message::error).collect();
            assert_eq!(errors.iter().map(|error| error.code()).collect::<Vec<_>>(), ["22023"], "{what}");
        }
        assert_eq!(pair.postgres.psql("select count(*) from t"), "0", "{what}");
        // without its Sync, a batch is dropped up to it
        pair.one.send(&extended);
        pair.one.expect(b'E');
        pair.one.send(&sync());
        assert_eq!(testkit::client::tags(&pair.one.read_until_ready()), "Z", "{what}");
        assert_eq!(pair.other.rows("select count(*) from t"), "0", "{what}");
    }
}

#[test]
fn the_client_is_told_what_it_would_be_told_directly() {
    let pair = Pair::new();
    let mut own = pair.proxy.connect().param("timezone", "Asia/Tokyo").open();
    assert_eq!(own.parameter("TimeZone"), Some("Asia/Tokyo"));
    let mut other = pair.proxy.connect().open();
    for (sql, told) in [("set timezone = 'Europe/Vienna'", "Europe/Vienna"), ("reset all", "Asia/Tokyo")] {
        let said = own.query(sql);
        let text = |message: &testkit::Message| String::from_utf8_lossy(&message.bytes()).into_owned();
        let mut last = said.iter().filter(|m| m.tag == b'S').map(text).next_back();
        if sql == "reset all" {
            // what only pgweir knows comes behind
            last = Some(text(&own.expect(b'S')));
        }
        assert!(last.is_some_and(|text| text.contains(told)), "{sql}");
        assert_eq!(other.rows("show timezone"), "Etc/UTC");
        let said = own.query("show timezone");
        assert_eq!(testkit::client::tags(&said), "TDCZ", "{sql}: nothing new to tell");
        assert_eq!(said[1].texts(), [told], "{sql}");
    }
}

#[test]
fn a_text_cannot_hide_what_it_sets_behind_a_change_of_how_strings_are_read() {
    let mut pair = Pair::new();
    // read as the session began, all of the second text is one string
    let hidden = r"select '\'' ; set work_mem = '77MB' ; --'";
    pair.one.send(
        &["begin", "set standard_conforming_strings = off", hidden, "commit"]
            .map(testkit::messages::query)
            .concat(),
    );
    for _ in 0..4 {
        pair.one.read_until_ready();
    }
    assert_eq!(pair.other.rows("show work_mem; show standard_conforming_strings"), "4MB\non");
    assert_eq!(pair.one.rows("show work_mem; show standard_conforming_strings"), "77MB\noff");
    // and one that would be plain at a glance
    pair.one.rows("reset all");
    let hidden = r"select '\''; set work_mem = 78848 ; --'";
    pair.one.send(
        &["begin", "set standard_conforming_strings = off", hidden, "commit"]
            .map(testkit::messages::query)
            .concat(),
    );
    for _ in 0..4 {
        pair.one.read_until_ready();
    }
    assert_eq!(pair.other.rows("show work_mem; show standard_conforming_strings"), "4MB\non");
    assert_eq!(pair.one.rows("show work_mem; show standard_conforming_strings"), "77MB\noff");
    pair.one.rows("set client_encoding = 'SJIS'");
    pair.one.rows("select E'\u{5c}\u{5c}', 1; set work_mem = '78MB'");
    assert_eq!(pair.other.rows("show work_mem; show client_encoding"), "4MB\nUTF8");
    assert_eq!(pair.one.rows("show work_mem"), "78MB");
}

#[test]
fn a_long_text_is_followed_like_a_short_one() {
    let mut pair = Pair::new();
    for kilobytes in [7, 9, 60, 70, 300] {
        pair.one.rows(&format!(
            "select length('{}'); set work_mem = '{kilobytes}MB'",
            "x".repeat(kilobytes * 1024)
        ));
        assert_eq!(pair.other.rows("show work_mem"), "4MB", "{kilobytes} kB");
        assert_eq!(pair.one.rows("show work_mem"), format!("{kilobytes}MB"), "{kilobytes} kB");
    }
}
