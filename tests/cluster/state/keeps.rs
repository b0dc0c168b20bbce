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
