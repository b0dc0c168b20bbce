//! Passwords that look alike are kept apart: by server, by user, by time. What one log-in has shown serves that user
//! on that server only, and a password that comes back is one like any other.

use testkit::error::ServerError;
use testkit::postgres::Auth;
use testkit::proxy::Server;
use testkit::{Client, Connect, Postgres, Proxy, wait};

use crate::scene::{PGWEIR, server_error};

/// A server that says which one it is.
fn server(name: &str, password: &str) -> Postgres {
    let postgres =
        Postgres::builder().auth(Auth::Scram).user("app", password).user("other", "others'").start();
    postgres.psql(&format!(
        "CREATE TABLE place AS SELECT '{name}'::text AS name; GRANT SELECT ON place TO PUBLIC"
    ));
    postgres
}

fn stored(postgres: &Postgres, user: &str) -> String {
    postgres.psql(&format!("SELECT rolpassword FROM pg_authid WHERE rolname = '{user}'"))
}

fn refusal(connect: &Connect) -> ServerError {
    server_error(connect.try_open().and_then(|mut client| client.try_rows("SELECT 1")))
}

/// The server has refused the log-in of pgweir: just now, in its own words, or a moment ago.
fn is_the_servers(error: &ServerError) -> bool {
    error.code() == "28P01" || (error.code() == "57P03" && error.message().contains("SQLSTATE 28P01"))
}

const WHO: &str = "SELECT current_user || ' ' || name FROM place";

#[test]
fn one_user_has_another_password_on_each_server() {
    let (first, second) = (server("first", "one"), server("second", "two"));
    let at = |postgres: &Postgres, password: &str| {
        Server::from(postgres).login("app", password).key("dbname", "\"postgres\"")
    };
    for method in ["plain", "md5", "scram-sha-256"] {
        let proxy = Proxy::builder(PGWEIR)
            .auth(method)
            .user("app", "here")
            .database("first", at(&first, "one"))
            .database("second", at(&second, "two"))
            .database("swapped", at(&second, "one"))
            .set("pool.acquire_timeout", "\"2s\"")
            .start();
        let to = |database: &str| proxy.connect().user("app").password("here").database(database);
        for _ in 0..3 {
            assert_eq!(to("first").open().rows(WHO), "app first", "{method}");
            assert_eq!(to("second").open().rows(WHO), "app second", "{method}");
            let error = refusal(&to("swapped"));
            assert!(is_the_servers(&error), "{method}: the first server's password on the second: {error}");
        }
        for password in ["one", "two", ""] {
            assert_eq!(refusal(&to("first").password(password)).code(), "28P01", "{method}, {password:?}");
        }
    }
}

/// The secret of one server, a log-in that has shown what it takes to use it, and a second server with another one.
#[test]
fn what_a_log_in_has_shown_serves_on_no_other_server_and_for_no_other_user() {
    let (first, second) = (server("first", "same"), server("second", "same"));
    let third = server("third", "different");
    let secret = stored(&first, "app");
    assert_ne!(secret, stored(&second, "app"));
    let at = |postgres: &Postgres| Server::from(postgres).key("dbname", "\"postgres\"");
    for method in ["plain", "scram-sha-256"] {
        let proxy = Proxy::builder(PGWEIR)
            .auth(method)
            .user("app", &secret)
            // the same secret under another name, whose password on the servers is another one
            .user("other", &secret)
            .database("first", at(&first))
            .database("second", at(&second))
            .database("third", at(&third))
            .set("pool.acquire_timeout", "\"2s\"")
            .start();
        let to = |user: &str, database: &str| proxy.connect().user(user).password("same").database(database);
        for _ in 0..3 {
            assert_eq!(to("app", "first").open().rows(WHO), "app first", "{method}");
            // the password itself serves where the secret is another one; keys made for one secret do not
            let second = to("app", "second").try_open().and_then(|mut client| client.try_rows(WHO));
            match method {
                "plain" => assert_eq!(second.ok().as_deref(), Some("app second")),
                _ => assert_eq!(server_error(second).code(), "57P03", "another salt"),
            }
            for (user, database) in [("app", "third"), ("other", "first")] {
                let error = refusal(&to(user, database));
                assert!(!error.to_string().contains("same"), "{error}");
                let salt = error.code() == "57P03" && error.message().contains("salt");
                let what = format!("{method}: {user} on {database}: {error}");
                assert!(if method == "plain" { is_the_servers(&error) } else { salt }, "{what}");
            }
        }
    }
}

/// Where passwords are looked up: there and back again, several times.
#[test]
fn a_password_that_is_changed_back_is_one_like_any_other() {
    let postgres = server("here", "first");
    postgres.psql("CREATE ROLE asks LOGIN SUPERUSER PASSWORD 'asks'");
    let query = "{ user = \"asks\", password = \"asks\", database = \"postgres\" }";
    for method in ["plain", "scram-sha-256"] {
        postgres.psql("ALTER ROLE app PASSWORD 'first'");
        let proxy = Proxy::builder(PGWEIR)
            .auth(method)
            .database("postgres", &postgres)
            .set("auth.query", query)
            .set("pool.acquire_timeout", "\"2s\"")
            .pool_size(2)
            .start();
        let with = |password: &str| proxy.connect().user("app").password(password);
        let mut inside = with("first").open();
        let mut seen = vec![inside.rows("SELECT pg_backend_pid()")];
        let secret = stored(&postgres, "app");
        for round in 0..6 {
            let (now, before) = if round % 2 == 0 { ("second", "first") } else { ("first", "second") };
            match now {
                // to the letter what it was, salt and all
                "first" if round == 3 => postgres.psql(&format!("ALTER ROLE app PASSWORD '{secret}'")),
                _ => postgres.psql(&format!("ALTER ROLE app PASSWORD '{now}'")),
            };
            assert_eq!(refusal(&with(before)).code(), "28P01", "{method}, round {round}");
            let mut client = with(now).open();
            assert_eq!(client.rows(WHO), "app here");
            let pid = client.rows("SELECT pg_backend_pid()");
            assert!(
                !seen.contains(&pid),
                "{method}, round {round}: a server of an older password is not lent"
            );
            // and a second one, opened with what is known now
            client.rows("BEGIN");
            assert_eq!(with(now).open().rows(WHO), "app here", "{method}, round {round}");
            assert_eq!(refusal(&with(before)).code(), "28P01", "{method}, round {round}: still");
            assert_eq!(inside.rows(WHO), "app here", "who is in stays in");
            seen.push(pid);
        }
    }
}

/// The same in the configuration, with the server's password changing along.
#[test]
fn a_password_that_is_changed_back_in_the_configuration_holds_again() {
    let postgres = server("here", "first");
    let proxy = Proxy::builder(PGWEIR)
        .auth("scram-sha-256")
        .user("app", "first")
        .database("postgres", &postgres)
        .set("pool.acquire_timeout", "\"2s\"")
        .start();
    let with = |password: &str| proxy.connect().user("app").password(password);
    let check = |client: &mut Client| assert_eq!(client.rows(WHO), "app here");
    check(&mut with("first").open());
    for (number, (old, new)) in
        [("first", "second"), ("second", "first"), ("first", "second")].into_iter().enumerate()
    {
        postgres.psql(&format!("ALTER ROLE app PASSWORD '{new}'"));
        proxy.edit_config(&format!("password = \"{old}\""), &format!("password = \"{new}\""));
        proxy.reload();
        wait::until(wait::PATIENCE, "it is reloaded", || {
            proxy.log().matches("configuration reloaded").count() > number
        });
        assert_eq!(refusal(&with(old)).code(), "28P01", "{old} behind {new}");
        check(&mut with(new).open());
        postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
        wait::until(wait::PATIENCE, "a new connection is opened with it", || {
            with(new).try_open().and_then(|mut client| client.try_rows(WHO)).is_ok()
        });
    }
}
