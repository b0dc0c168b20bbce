//! What cannot be carried keeps the server, for as long as it is there.

use super::Pair;

/// Whether the other client gets a server.
fn is_free(pair: &mut Pair) -> bool {
    match pair.other.try_rows("select 1") {
        Ok(rows) => rows == "1",
        Err(_) => false,
    }
}

fn pair() -> Pair {
    Pair::with(|builder| builder.set("pool.acquire_timeout", "\"300ms\"").pool_size(1))
}

#[test]
fn a_server_is_kept_exactly_as_long_as_its_cause() {
    for (begin, end) in [
        ("create temp table t (i int)", "drop table t"),
        ("create temporary view v as select 1", "drop view v"),
        ("select 1 as i into temp t", "drop table t"),
        ("create temp table t (i int)", "discard temp"),
        ("create temp table t (i int)", "discard all"),
        ("declare c cursor with hold for select 1", "close c"),
        ("declare c cursor with hold for select 1", "close all"),
        ("begin; declare c cursor with hold for select 1; commit", "discard all"),
        ("select pg_advisory_lock(1)", "select pg_advisory_unlock(1)"),
        ("select pg_advisory_lock(1), pg_advisory_lock_shared(2)", "select pg_advisory_unlock_all()"),
        ("select pg_try_advisory_lock(1)", "discard all"),
        ("/* pgweir: pin */ select 1", "discard all"),
        ("do $$ begin perform pg_advisory_lock(3); end $$", "select pg_advisory_unlock(3)"),
    ] {
        let mut pair = pair();
        pair.one.rows(begin);
        assert!(!is_free(&mut pair), "{begin}");
        pair.one.rows(end);
        assert!(is_free(&mut pair), "{begin} … {end}");
    }
}

#[test]
fn what_is_gone_with_its_transaction_keeps_nothing() {
    for sql in [
        "begin; create temp table t (i int) on commit drop; insert into t values (1); commit",
        "begin; create temp table t (i int); rollback",
        "select pg_advisory_xact_lock(1)",
        "begin; declare c cursor for select 1; commit",
        "begin; listen c; rollback",
        "listen c",
        "do $$ begin execute 'listen c'; end $$",
        "select pg_advisory_lock(1); select pg_advisory_unlock(1)",
    ] {
        let mut pair = pair();
        pair.one.rows(sql);
        assert!(is_free(&mut pair), "{sql}");
    }
}

#[test]
fn the_server_is_as_new_once_its_client_has_gone() {
    let mut pair = pair();
    pair.one.rows("create temp table t (i int); select pg_advisory_lock(7); set work_mem = '9MB'");
    pair.one.rows("declare c cursor with hold for select 1");
    let Pair { one, mut other, proxy: _proxy, postgres } = pair;
    drop(one);
    testkit::wait::until(testkit::wait::PATIENCE, "the lock is gone", || {
        postgres.psql("select count(*) from pg_locks where locktype = 'advisory'") == "0"
    });
    testkit::wait::until(testkit::wait::PATIENCE, "the server is free", || {
        other.try_rows("select 1").is_ok()
    });
    let left =
        "select to_regclass('t') is null, current_setting('work_mem'), (select count(*) from pg_cursors)";
    assert_eq!(other.rows(left), "t|4MB|0");
}

#[test]
fn no_more_are_kept_than_the_limit() {
    let mut pair = Pair::with(|builder| builder.pool_size(3).set("pool.max_pinned", "1"));
    pair.one.rows("create temp table t (i int)");
    // that it is one too many is known only when it is there
    pair.other.rows("create temp table u (i int)");
    let errors = crate::scene::last_words(&mut pair.other);
    assert_eq!(errors.iter().map(|error| error.code()).collect::<Vec<_>>(), ["53400"]);
    assert_eq!(pair.one.rows("select count(*) from t"), "0");
}

#[test]
fn one_that_is_kept_without_use_is_given_up() {
    let mut pair = Pair::with(|builder| builder.set("pool.pinned_timeout", "\"50ms\""));
    pair.one.rows("create temp table t (i int)");
    let errors = crate::scene::last_words(&mut pair.one);
    assert_eq!(errors.iter().map(|error| error.code()).collect::<Vec<_>>(), ["57P05"]);
    assert_eq!(pair.other.rows("select to_regclass('t') is null"), "t");
}

#[test]
fn what_would_keep_a_server_can_be_refused() {
    use testkit::messages::{bind, execute, parse, sync};

    let mut pair =
        Pair::with(|builder| builder.set("pool.state", "\"reject\"").set("pool.listen", "\"reject\""));
    for sql in [
        "select pg_advisory_lock(1)",
        "create temp table t (i int)",
        "listen c",
        "begin; /* pgweir: pin */ select 1",
    ] {
        let error = crate::scene::server_error(pair.one.try_rows(sql));
        assert_eq!(error.code(), "0A000", "{sql}: {error}");
        pair.one.rows("rollback");
        assert_eq!(
            pair.other.rows("select count(*) from pg_locks where locktype = 'advisory'"),
            "0",
            "{sql}"
        );
        pair.one.send(&[parse("", sql, &[]), bind("", "", &[]), execute("", 0), sync()].concat());
        let errors: Vec<_> =
            pair.one.read_until_ready().iter().filter_map(testkit::client::Message::error).collect();
        assert_eq!(errors.iter().map(|error| error.code()).collect::<Vec<_>>(), ["0A000"], "{sql}");
    }
    // inside a transaction it fails as any other statement does
    pair.one.rows("begin");
    assert_eq!(crate::scene::server_error(pair.one.try_rows("listen c")).code(), "0A000");
    assert_eq!(crate::scene::server_error(pair.one.try_rows("select 1")).code(), "25P02");
    pair.one.rows("rollback");
    pair.one.rows("begin; create temp table t (i int) on commit drop; commit; set work_mem = '5MB'");
    pair.in_between();
    assert_eq!(pair.one.rows("show work_mem"), "5MB");
    // one that nobody could see coming ends the session, and what it has left
    pair.one.rows("do $$ begin perform pg_advisory_lock(3); end $$");
    let errors = crate::scene::last_words(&mut pair.one);
    assert_eq!(errors.iter().map(|error| error.code()).collect::<Vec<_>>(), ["0A000"]);
    assert_eq!(pair.other.rows("select count(*) from pg_locks where locktype = 'advisory'"), "0");
}

#[test]
fn a_changed_session_can_keep_its_server_by_policy() {
    let mut pair = Pair::with(|builder| {
        builder.set("pool.state", "\"pin\"").set("pool.acquire_timeout", "\"300ms\"").pool_size(1)
    });
    pair.one.rows("set work_mem = '5MB'");
    assert!(!is_free(&mut pair));
    pair.one.rows("discard all");
    assert!(is_free(&mut pair));
    assert_eq!(pair.other.rows("show work_mem"), "4MB");
}

#[test]
fn pins_are_shown_with_their_reasons() {
    let mut pair = Pair::with(|builder| builder.set("admin.users", "[\"postgres\"]"));
    pair.one.rows("create temp table t (i int); select pg_advisory_lock(1)");
    let pid = pair.one.rows("select pg_backend_pid()");
    let mut console = pair.proxy.connect().database("pgweir").open();
    let row = console.rows("show pins");
    let columns: Vec<&str> = row.split('|').collect();
    assert_eq!((columns[1], columns[4], columns[7]), ("postgres", "temporary,lock", pid.as_str()), "{row}");
    pair.one.rows("discard all");
    testkit::wait::until(testkit::wait::PATIENCE, "nothing is kept", || console.rows("show pins").is_empty());
}
