//! SQL's PREPARE, EXECUTE and DEALLOCATE act on the client's own names.

use super::Pair;
use crate::scene::server_error;

#[test]
fn a_statement_prepared_by_sql_goes_with_its_client() {
    let mut pair = Pair::new();
    pair.one.rows("prepare q (int) as select $1 + 1");
    pair.other.rows("prepare q as select 'other'");
    assert_eq!(pair.one.rows("execute q(41)"), "42");
    assert_eq!(pair.other.rows("execute q"), "other");
    let error = server_error(pair.one.try_rows("prepare q as select 1"));
    assert_eq!((error.code(), error.message()), ("42P05", "prepared statement \"q\" already exists"));
    pair.one.rows("deallocate q");
    let error = server_error(pair.one.try_rows("execute q(1)"));
    assert_eq!((error.code(), error.message()), ("26000", "prepared statement \"q\" does not exist"));
    assert_eq!(pair.other.rows("execute q"), "other");
}

#[test]
fn it_lives_on_another_server_too() {
    let mut pair = Pair::with(|builder| builder.pool_size(2));
    pair.one.rows("prepare q (int) as select $1 + 1");
    // the server it was made on is taken
    pair.other.rows("begin");
    let mut third = pair.proxy.connect().open();
    third.rows("begin");
    third.rows("commit");
    assert_eq!(pair.one.rows("execute q(1)"), "2");
    pair.other.rows("commit");
    third.rows("begin");
    assert_eq!(pair.one.rows("explain (costs off) execute q(1)"), "Result");
    assert_eq!(pair.one.rows("begin; execute q(2); commit"), "3");
    let idle = "from pg_stat_activity where state = 'idle' and client_addr is not null";
    pair.postgres.psql(&format!("select pg_terminate_backend(pid) {idle}"));
    testkit::wait::until(testkit::wait::PATIENCE, "the idle server is gone", || {
        pair.postgres.psql(&format!("select count(*) {idle}")) == "0"
    });
    assert_eq!(pair.one.rows("execute q(3)"), "4");
}

#[test]
fn several_in_one_text() {
    let mut pair = Pair::new();
    let sql = "prepare a as select 1; prepare \"A b\" as select 2; execute a; execute \"A b\"; deallocate a";
    assert_eq!(pair.one.rows(sql), "1\n2");
    pair.in_between();
    assert_eq!(pair.one.rows("execute \"A b\""), "2");
    assert_eq!(server_error(pair.one.try_rows("execute a")).code(), "26000");
}

#[test]
fn what_failed_in_the_middle_has_happened_up_to_there() {
    let mut pair = Pair::new();
    let error = server_error(pair.one.try_rows("prepare a as select 1; select 1/0; prepare b as select 2"));
    assert_eq!(error.code(), "22012");
    pair.in_between();
    assert_eq!(pair.one.rows("execute a"), "1");
    assert_eq!(server_error(pair.one.try_rows("execute b")).code(), "26000");
}

#[test]
fn both_protocols_share_the_names() {
    let mut pair = Pair::new();
    pair.one.send(&testkit::messages::parse("p", "select 5", &[]));
    pair.one.send(&testkit::messages::sync());
    pair.one.read_until_ready();
    pair.in_between();
    assert_eq!(pair.one.rows("execute p"), "5");
    pair.one.rows("deallocate p");
    assert_eq!(server_error(pair.one.try_rows("execute p")).code(), "26000");
}
