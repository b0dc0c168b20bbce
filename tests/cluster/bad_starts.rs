//! What goes wrong while one client logs in – settings that the server refuses, a lookup that hangs – is that
//! client's own affair: the others log in and work, and the next one begins with a clean slate.

use std::thread;

use testkit::postgres::Auth;
use testkit::proxy::Builder;
use testkit::{Connect, Error, Postgres, Proxy, wait};

use crate::scene::{before, is_whole, metrics, server_error};

/// Start-up parameters that no server takes.
const REFUSED: [(&str, &str); 15] = [
    ("search_path", "a,,b"),
    ("search_path", "\""),
    ("TimeZone", "Mars/Olympus"),
    ("timezone", "'; drop table t; --"),
    ("DateStyle", "Tuesday"),
    ("client_encoding", "KLINGON"),
    ("work_mem", "lots"),
    ("work_mem", "-5"),
    ("no_such_setting", "1"),
    ("shared_buffers", "1GB"),
    ("server_version", "1"),
    ("options", "-c statement_timeout=soon"),
    ("options", "-c no_such_setting=1"),
    ("options", "-c role=nobody"),
    ("options", "-c default_transaction_isolation=sometimes"),
];

fn code(connect: &Connect) -> String {
    server_error(connect.try_open().map(drop)).code().to_owned()
}

#[test]
fn settings_that_are_refused_cost_nobody_else_anything() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut witness = proxy.connect().param("search_path", "pg_catalog, \"x\"").open();
    for (name, value) in REFUSED {
        let direct = code(&postgres.connect().param(name, value));
        for _ in 0..3 {
            assert_eq!(code(&proxy.connect().param(name, value)), direct, "{name} = {value}");
        }
        assert_eq!(witness.rows("SHOW search_path"), "pg_catalog, \"x\"", "behind {name} = {value}");
        let mut next = proxy.connect().open();
        assert_eq!(
            next.rows("SHOW search_path; SHOW TimeZone"),
            "\"$user\", public\nEtc/UTC",
            "{name} = {value}"
        );
    }
    let figures = metrics(&proxy);
    let failures = figures.lines().find(|line| line.starts_with("pgweir_server_connect_failures_total"));
    assert!(failures.is_none_or(|line| line.ends_with(" 0")), "{failures:?}");
    is_whole(&proxy, &postgres, 1, "refused settings");
}

#[test]
fn a_crowd_with_settings_that_are_refused_holds_nobody_up() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(2).start();
    let mut witness = proxy.connect().open();
    thread::scope(|scope| {
        for number in 0..40_usize {
            let (name, value) = REFUSED[number % REFUSED.len()];
            let connect = proxy.connect().param(name, value).param("application_name", &number.to_string());
            scope.spawn(move || assert!(connect.try_open().is_err(), "{name} = {value}"));
        }
        for number in 0..200 {
            assert_eq!(witness.rows(&format!("SELECT {number}")), number.to_string());
        }
        assert_eq!(proxy.connect().param("work_mem", "7MB").open().rows("SHOW work_mem"), "7MB");
    });
    is_whole(&proxy, &postgres, 2, "a crowd");
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
}

/// Secrets are in a table, so that a lock on it makes every lookup hang, and one name makes its own hang.
fn asking(postgres: &Postgres) -> Builder {
    postgres.psql(
        "CREATE TABLE secrets (name text, secret text);
         INSERT INTO secrets SELECT 'u' || n, 'secret' FROM generate_series(1, 20) n;
         CREATE FUNCTION lookup(asked text) RETURNS TABLE (name text, secret text) LANGUAGE plpgsql AS $$
         BEGIN
           IF asked = 'slow' THEN PERFORM pg_advisory_xact_lock(1); END IF;
           RETURN QUERY SELECT s.name, s.secret FROM public.secrets s WHERE s.name = asked;
         END $$;
         INSERT INTO secrets VALUES ('slow', 'secret')",
    );
    for user in (1..=20).map(|n| format!("u{n}")).chain(["slow".to_owned()]) {
        postgres.psql(&format!("CREATE ROLE {user} LOGIN"));
    }
    before(postgres).auth("scram-sha-256").user("asks", "asks").user("postgres", "own").set(
        "auth.query",
        "{ user = \"asks\", database = \"postgres\", timeout = \"700ms\", ttl = \"1h\", \
         sql = \"SELECT name, secret FROM public.lookup($1)\" }",
    )
}

fn as_user(proxy: &Proxy, user: &str) -> Connect {
    proxy.connect().user(user).password("secret")
}

fn gets_in(connect: &Connect) -> bool {
    match connect.try_open() {
        Ok(mut client) => client.rows("SELECT 1") == "1",
        Err(Error::Server(error)) if error.code() == "57P03" => false,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn lookups_that_hang_are_refused_in_time_and_work_again_when_the_server_does() {
    let postgres = Postgres::builder().auth(Auth::Trust).start();
    postgres.psql("CREATE ROLE asks SUPERUSER LOGIN");
    let proxy = asking(&postgres).start();
    // with another source nothing that was looked up before is remembered
    for (old, new) in [("($1)", "( $1)"), ("( $1)", "( $1 )"), ("( $1 )", "($1)")] {
        assert!(gets_in(&as_user(&proxy, "u1")), "before");
        let mut lock = postgres.door().open();
        lock.rows("BEGIN; LOCK TABLE secrets IN ACCESS EXCLUSIVE MODE");
        thread::scope(|scope| {
            for user in 2..=20 {
                let connect = as_user(&proxy, &format!("u{user}"));
                scope.spawn(move || {
                    let error = server_error(connect.try_open().map(drop));
                    assert_eq!(error.code(), "57P03", "{error}");
                    assert!(error.message().contains("could not look up"), "{error}");
                });
            }
            // a user of the configuration is not looked up, and an earlier answer serves
            for _ in 0..3 {
                assert!(gets_in(&proxy.connect().user("postgres").password("own")));
            }
            assert!(gets_in(&as_user(&proxy, "u1")));
            assert_eq!(code(&as_user(&proxy, "u1").password("wrong")), "28P01");
        });
        lock.rows("COMMIT");
        for user in 1..=20 {
            let connect = as_user(&proxy, &format!("u{user}"));
            wait::until(wait::PATIENCE, &format!("u{user} gets in again"), || gets_in(&connect));
        }
        let reloads = proxy.log().matches("configuration reloaded").count();
        proxy.edit_config(&format!("public.lookup{old}"), &format!("public.lookup{new}"));
        proxy.reload();
        wait::until(wait::PATIENCE, "it is reloaded", || {
            proxy.log().matches("configuration reloaded").count() > reloads
        });
    }
    let asking = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'asks'";
    wait::until(wait::PATIENCE, "one connection asks, at most", || {
        matches!(postgres.psql(asking).as_str(), "0" | "1")
    });
}

/// One name whose lookup hangs does not keep its place for ever, nor anybody else's.
#[test]
fn a_name_whose_lookup_hangs_is_asked_for_again_when_it_is_tried_again() {
    let postgres = Postgres::builder().auth(Auth::Trust).start();
    postgres.psql("CREATE ROLE asks SUPERUSER LOGIN");
    let proxy = asking(&postgres).start();
    let mut lock = postgres.door().open();
    lock.rows("SELECT pg_advisory_lock(1)");
    for _ in 0..3 {
        assert!(!gets_in(&as_user(&proxy, "slow")));
        let others = ["u1", "u2", "u3"];
        for user in others {
            wait::until(wait::PATIENCE, "others get in", || gets_in(&as_user(&proxy, user)));
        }
    }
    lock.rows("SELECT pg_advisory_unlock(1)");
    wait::until(wait::PATIENCE, "it is well again", || gets_in(&as_user(&proxy, "slow")));
}
