//! Who may do what: administrators everything, monitors only look, everybody else nothing, in every way to log in.

use testkit::error::ServerError;
use testkit::{Client, Error, Postgres};

use super::{admin, before, done, refused, show, visitor};

/// Every command that changes something, in forms that would be taken.
const COMMANDS: [&str; 24] = [
    "PAUSE",
    "PAUSE postgres",
    "PAUSE TIMEOUT 1",
    "RESUME",
    "RESUME postgres",
    "KILL",
    "KILL postgres",
    "KILL_CLIENT 1",
    "RECONNECT",
    "RECONNECT postgres",
    "RELOAD",
    "SHUTDOWN",
    "SHUTDOWN IMMEDIATE",
    "SHUTDOWN WAIT_FOR_SERVERS",
    "SHUTDOWN WAIT_FOR_CLIENTS",
    "SET default_pool_size = 3",
    "SUSPEND",
    "ENABLE postgres",
    "DISABLE postgres",
    "WAIT_CLOSE",
    "BAN host",
    "UNBAN host",
    "CACHE INVALIDATE ALL",
    "pause; show pools",
];

const LOOKS: [&str; 8] = [
    "SHOW POOLS",
    "SHOW CLIENTS",
    "SHOW CONFIG",
    "SHOW HELP",
    "SELECT VERSION",
    "SHOW datestyle",
    "BEGIN",
    "COMMIT",
];

#[test]
fn a_monitor_only_looks_and_an_administrator_does() {
    let postgres = Postgres::start();
    let mut proxy = before(&postgres).start();
    let mut monitor = visitor(&proxy, "monitor");
    for command in COMMANDS {
        let error = refused(&mut monitor, command);
        assert_eq!((error.code(), error.message()), ("42501", "admin access needed"), "{command}");
    }
    let mut administrator = admin(&proxy);
    for look in LOOKS {
        done(&mut monitor, look);
        done(&mut administrator, look);
    }
    assert_eq!(show(&mut monitor, "SHOW STATE").get("value", &[("key", "paused")]), "no");
    assert!(proxy.exited().is_none());
    for (command, code) in [("SUSPEND", "0A000"), ("KILL_CLIENT 999999", "42704"), ("RESUME", "55000")] {
        assert_eq!(refused(&mut administrator, command).code(), code, "{command}");
    }
    for command in ["RECONNECT", "RELOAD", "PAUSE postgres", "RESUME postgres"] {
        done(&mut administrator, command);
    }
}

#[test]
fn rights_follow_the_configuration_in_force() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut was_admin = admin(&proxy);
    let mut monitor = visitor(&proxy, "monitor");
    proxy.edit_config("users = [\"admin\"]", "users = [\"monitor\"]");
    proxy.edit_config("stats_users = [\"monitor\"]", "stats_users = []");
    done(&mut was_admin, "RELOAD");
    assert_eq!(refused(&mut was_admin, "RELOAD").code(), "42501");
    assert_eq!(refused(&mut was_admin, "SHOW POOLS").code(), "42501");
    done(&mut monitor, "RELOAD");
}

#[test]
fn nobody_else_gets_in_by_any_method() {
    let postgres = Postgres::start();
    for method in ["trust", "plain", "md5", "scram-sha-256"] {
        let proxy = before(&postgres)
            .auth(method)
            .user("admin", "right")
            .user("monitor", "right")
            .user("app", "right")
            .start();
        for database in ["pgweir", "pgbouncer"] {
            let door = |user: &str, password: &str| {
                proxy.connect().user(user).password(password).database(database).try_open()
            };
            let code = |result: Result<Client, Error>| server_error(result.map(drop)).code().to_owned();
            assert_eq!(code(door("app", "right")), "42501", "{method}: neither admin nor monitor");
            assert!(door("admin", "right").is_ok() && door("monitor", "right").is_ok(), "{method}");
            if method == "trust" {
                assert_eq!(code(door("nobody", "")), "42501");
                continue;
            }
            for user in ["admin", "monitor", "app", "nobody"] {
                for password in ["wrong", ""] {
                    assert_eq!(code(door(user, password)), "28P01", "{method}: {user} with {password:?}");
                }
            }
        }
        let log = proxy.log();
        assert!(!log.contains("panic"), "{log}");
    }
}

#[test]
fn an_administrator_without_a_password_does_not_get_in() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).auth("scram-sha-256").user("app", "right").start();
    let error: ServerError =
        server_error(proxy.connect().user("admin").database("pgweir").try_open().map(drop));
    assert_eq!(error.code(), "28P01");
}

/// The error of the server behind a failed attempt.
#[track_caller]
fn server_error(result: Result<(), Error>) -> ServerError {
    match result {
        Err(Error::Server(error)) => error,
        other => panic!("expected an error of the server, got {other:?}"),
    }
}
