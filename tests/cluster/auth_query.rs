//! Users whom only the server knows: who gets in by auth.query, who does not, and that nothing of a client
//! reaches the connection that asks.

use std::time::Duration;

use testkit::postgres::Auth;
use testkit::proxy::{Builder, Server};
use testkit::tap::Direction;
use testkit::{Connect, Postgres, Proxy, Tap, wait};

use crate::auth::expected;
use crate::scene::{PGWEIR, before, server_error};

/// A role that may do nothing but call a function, and the function.
const FUNCTION: &str = "CREATE ROLE pgweir_auth LOGIN PASSWORD 'canary-auth';
    CREATE SCHEMA pgweir;
    CREATE TABLE pgweir.plain (name text, secret text);
    CREATE FUNCTION pgweir.lookup(asked text, OUT name text, OUT secret text, OUT until timestamptz)
        RETURNS SETOF record LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
        SELECT p.name, p.secret, NULL::timestamptz FROM pgweir.plain p WHERE p.name = asked
        UNION ALL
        SELECT rolname::text, rolpassword, rolvaliduntil FROM pg_catalog.pg_authid
        WHERE rolname = asked AND rolcanlogin AND NOT EXISTS (SELECT FROM pgweir.plain p WHERE p.name = asked)
    $$;
    REVOKE ALL ON FUNCTION pgweir.lookup(text) FROM PUBLIC;
    GRANT USAGE ON SCHEMA pgweir TO pgweir_auth;
    GRANT EXECUTE ON FUNCTION pgweir.lookup(text) TO pgweir_auth";

/// A server with the function.
fn server(auth: Auth) -> Postgres {
    let postgres = Postgres::builder().auth(auth).start();
    postgres.psql(FUNCTION);
    postgres
}

/// A pgweir that asks the function of `database`.
fn asking(builder: Builder, database: &str, more: &str) -> Builder {
    let query = format!(
        "{{ user = \"pgweir_auth\", password = \"canary-auth\", database = \"{database}\", \
         sql = \"SELECT name, secret, until FROM pgweir.lookup($1)\"{more} }}"
    );
    builder.set("auth.query", &query).set("pool.acquire_timeout", "\"2s\"")
}

fn refused(connect: &Connect, code: &str, what: &str) {
    let error = server_error(connect.try_open());
    assert_eq!(error.code(), code, "{what}: {error}");
}

fn each_secret_before(auth: Auth) {
    let postgres = server(auth.clone());
    postgres.psql("SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN PASSWORD 'secret'");
    postgres.psql("SET password_encryption = 'scram-sha-256'; CREATE ROLE scram LOGIN PASSWORD 'secret'");
    let kind = if auth == Auth::Md5 { "md5" } else { "scram-sha-256" };
    postgres.psql(&format!("SET password_encryption = '{kind}'; CREATE ROLE plain LOGIN PASSWORD 'secret'"));
    postgres.psql("INSERT INTO pgweir.plain VALUES ('plain', 'secret')");
    for method in ["plain", "md5", "scram-sha-256"] {
        let proxy = asking(before(&postgres), "postgres", "").auth(method).start();
        for secret in ["plain", "md5", "scram"] {
            let connect = proxy.connect().user(secret).password("secret");
            let what = format!("{method}, {secret} secret, server {auth:?}");
            let wanted = match (&auth, secret) {
                // the server itself stores a hash that this method cannot use
                (Auth::Scram, "md5") => Err(if method == "scram-sha-256" { "28P01" } else { "" }),
                // under md5 it asks those for SCRAM whose secret is one
                (Auth::Md5, "scram") => expected(method, secret, &Auth::Scram),
                _ => expected(method, secret, &auth),
            };
            let outcome =
                connect.try_open().and_then(|mut client| client.try_rows("SELECT current_user::text"));
            match (wanted, outcome) {
                (Ok(()), Ok(user)) => assert_eq!(user, secret, "{what}"),
                (Err(""), Err(testkit::Error::Server(error))) => {
                    assert!(matches!(error.code(), "28P01" | "57P03"), "{what}: {error}");
                }
                (Err(code), Err(testkit::Error::Server(error))) => {
                    assert_eq!(error.code(), code, "{what}: {error}");
                    assert!(code == "28P01" || !error.field(b'H').is_empty(), "{what}: a hint: {error}");
                }
                (wanted, got) => panic!("{what}: wanted {wanted:?}, got {got:?}"),
            }
            refused(&connect.clone().password("wrong"), "28P01", &format!("{what}, wrong password"));
            refused(&connect.clone().password(""), "28P01", &format!("{what}, no password"));
        }
        let log = proxy.log();
        assert!(!log.contains("panic") && !log.contains("canary"), "{log}");
    }
}

#[test]
fn every_secret_that_is_looked_up_before_a_server_that_wants_md5() {
    each_secret_before(Auth::Md5);
}

#[test]
fn every_secret_that_is_looked_up_before_a_server_that_wants_scram() {
    each_secret_before(Auth::Scram);
}

#[test]
fn every_secret_that_is_looked_up_before_a_server_that_wants_clear_text() {
    each_secret_before(Auth::Plain);
}

/// Whoever may not log in to the server may not log in here, and looks like somebody who does not exist.
#[test]
fn nobody_gets_in_whom_the_server_would_not_let_in() {
    let postgres = server(Auth::Scram);
    for sql in [
        "CREATE ROLE expired LOGIN PASSWORD 'secret' VALID UNTIL '2020-01-01'",
        "CREATE ROLE nologin NOLOGIN PASSWORD 'secret'",
        "CREATE ROLE nothing LOGIN",
        "CREATE ROLE later LOGIN PASSWORD 'secret' VALID UNTIL '2200-01-01'",
        "CREATE ROLE always LOGIN PASSWORD 'secret' VALID UNTIL 'infinity'",
        "CREATE ROLE twice LOGIN PASSWORD 'secret'",
        "INSERT INTO pgweir.plain VALUES ('twice', 'secret'), ('twice', 'secret'), ('null', NULL), ('empty', '')",
    ] {
        postgres.psql(sql);
    }
    for method in ["plain", "md5", "scram-sha-256"] {
        let proxy = asking(before(&postgres), "postgres", "").auth(method).start();
        let as_user = |user: &str| proxy.connect().user(user).password("secret");
        for user in ["expired", "nologin", "nothing", "missing", "twice", "null", "empty", "pgweir_auth"] {
            refused(&as_user(user), "28P01", user);
            refused(&as_user(user).password(""), "28P01", user);
        }
        for user in ["later", "always"] {
            assert_eq!(as_user(user).open().rows("SELECT current_user::text"), user, "{method}");
        }
        // the statement of the configuration itself may be wrong in the same ways
        let error = server_error(as_user("missing").try_open());
        let other = server_error(as_user("expired").try_open());
        let neutral = |error: &testkit::error::ServerError, user: &str| error.message().replace(user, "USER");
        assert_eq!(neutral(&error, "missing"), neutral(&other, "expired"));
    }
}

/// The default statement, asked as a role that may read `pg_authid`.
#[test]
fn the_statement_of_pgweir_itself_respects_what_roles_may_do() {
    let postgres = Postgres::builder().auth(Auth::Scram).user("app", "secret").start();
    postgres.psql("CREATE ROLE asks LOGIN SUPERUSER PASSWORD 'canary-auth'");
    postgres.psql("CREATE ROLE expired LOGIN PASSWORD 'secret' VALID UNTIL '2020-01-01'");
    postgres.psql("CREATE ROLE nologin NOLOGIN PASSWORD 'secret'");
    // its own password among the users, and its log-in as any other
    let proxy = before(&postgres)
        .auth("scram-sha-256")
        .user("asks", "canary-auth")
        .set("auth.query", "{ user = \"asks\", database = \"postgres\" }")
        .start();
    let as_user = |user: &str| proxy.connect().user(user).password("secret");
    assert_eq!(as_user("app").open().rows("SELECT current_user::text"), "app");
    for user in ["expired", "nologin", "nobody"] {
        refused(&as_user(user), "28P01", user);
    }
}

#[test]
fn a_changed_password_holds_at_once_and_old_connections_are_lent_no_more() {
    let postgres = server(Auth::Scram);
    postgres.psql("CREATE ROLE app LOGIN PASSWORD 'first'");
    for method in ["plain", "scram-sha-256"] {
        let proxy = asking(before(&postgres), "postgres", "").auth(method).pool_size(1).start();
        let app = proxy.connect().user("app");
        postgres.psql("ALTER ROLE app PASSWORD 'first'");
        let mut inside = app.clone().password("first").open();
        let mut pid = inside.rows("SELECT pg_backend_pid()");
        assert_eq!(app.clone().password("first").open().rows("SELECT pg_backend_pid()"), pid);
        for password in ["second", "third", "third"] {
            postgres.psql(&format!("ALTER ROLE app PASSWORD '{password}'"));
            refused(&app.clone().password("first"), "28P01", "the old password");
            let now = app.clone().password(password).open().rows("SELECT pg_backend_pid()");
            assert_ne!(now, pid, "{method}: a connection of the old password is not lent");
            pid = now;
        }
        assert_eq!(inside.rows("SELECT pg_backend_pid()"), pid, "who is in stays in, on the new pool");
        postgres.psql("ALTER ROLE app NOLOGIN");
        refused(&app.clone().password("third"), "28P01", "a role that may not log in any more");
        postgres.psql("ALTER ROLE app LOGIN");
    }
}

/// Users and their secrets are not mixed up, whoever logs in while whose password changes.
#[test]
fn logins_during_changes_of_passwords_get_in_with_their_own_only() {
    const USERS: usize = 4;
    let postgres = server(Auth::Scram);
    for user in 0..USERS {
        postgres.psql(&format!("CREATE ROLE u{user} LOGIN PASSWORD 'p{user}-0'"));
    }
    let proxy = asking(before(&postgres), "postgres", "").auth("scram-sha-256").start();
    std::thread::scope(|scope| {
        for user in 0..USERS {
            let (postgres, proxy) = (&postgres, &proxy);
            scope.spawn(move || {
                let name = format!("u{user}");
                for round in 0..15 {
                    postgres.psql(&format!("ALTER ROLE {name} PASSWORD 'p{user}-{round}'"));
                    let connect = proxy.connect().user(&name);
                    let mut client = connect.clone().password(&format!("p{user}-{round}")).open();
                    assert_eq!(client.rows("SELECT current_user::text"), name, "the new password, at once");
                    let other = format!("p{}-{round}", (user + 1) % USERS);
                    refused(&connect.password(&other), "28P01", "somebody else's password");
                }
            });
        }
    });
}

/// CVE-2025-12819 and its like: what a client asks for at its start is its own.
#[test]
fn nothing_of_a_client_reaches_the_connection_that_asks() {
    let postgres = server(Auth::Scram);
    for sql in [
        "CREATE ROLE app LOGIN PASSWORD 'secret'",
        "CREATE ROLE other",
        "GRANT other TO app",
        "CREATE SCHEMA evil",
        "GRANT ALL ON SCHEMA evil TO PUBLIC",
        "CREATE TABLE pgweir.heard (setting text)",
        "ALTER ROLE pgweir_auth SET search_path = evil",
        "ALTER FUNCTION pgweir.lookup(text) RESET search_path",
        // what the statement finds without a schema it would find here first
        "CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'",
        "CREATE FUNCTION pgweir.hear(asked text, OUT name text, OUT secret text) RETURNS SETOF record \
         LANGUAGE sql SECURITY DEFINER AS $$ \
         INSERT INTO pgweir.heard SELECT n || '=' || current_setting(n) FROM unnest(ARRAY['search_path', 'role', \
         'client_encoding', 'DateStyle', 'application_name', 'work_mem']) n; \
         SELECT rolname::text, rolpassword FROM pg_catalog.pg_authid WHERE rolname = asked $$",
        "GRANT EXECUTE ON FUNCTION pgweir.hear(text) TO pgweir_auth",
    ] {
        postgres.psql(sql);
    }
    let query = "{ user = \"pgweir_auth\", password = \"canary-auth\", database = \"postgres\", \
                 sql = \"SELECT name, secret FROM pgweir.hear($1)\" }";
    let proxy = before(&postgres).auth("scram-sha-256").set("auth.query", query).start();
    let heard = "SELECT string_agg(DISTINCT setting, ';' ORDER BY setting) FROM pgweir.heard";
    drop(proxy.connect().user("app").password("secret").open());
    let plain = postgres.psql(heard);
    assert!(plain.contains("search_path=;") || plain.contains("search_path=\"\""), "{plain}");
    assert!(plain.contains("client_encoding=UTF8") && plain.contains("role=none"), "{plain}");
    let hostile = proxy
        .connect()
        .user("app")
        .password("secret")
        .param("search_path", "evil")
        .param("options", "-c role=other -c work_mem=77kB")
        .param("client_encoding", "LATIN1")
        .param("DateStyle", "German")
        .param("application_name", "evil");
    let mut client = hostile.open();
    assert_eq!(client.rows("SHOW search_path"), "evil", "the client has its own");
    assert_eq!(postgres.psql(heard), plain, "the lookup heard nothing of it");
}

#[test]
fn a_name_is_a_name_whatever_is_in_it() {
    let postgres = server(Auth::Scram);
    postgres.psql("CREATE ROLE \"o'brien \"\"x\"\" $1 \\ ; --\" LOGIN PASSWORD 'secret'");
    postgres.psql("CREATE ROLE app LOGIN PASSWORD 'secret'");
    let proxy = asking(before(&postgres), "postgres", "").auth("scram-sha-256").start();
    let as_user = |user: &str| proxy.connect().user(user).password("secret");
    let strange = "o'brien \"x\" $1 \\ ; --";
    assert_eq!(as_user(strange).open().rows("SELECT current_user::text"), strange);
    let long = format!("app{}", "x".repeat(300));
    let cut = "a".repeat(64);
    postgres.psql(&format!("CREATE ROLE {} LOGIN PASSWORD 'secret'", "a".repeat(63)));
    for user in [
        "x' OR '1'='1",
        "app' --",
        "app\\",
        "$1",
        "'; DROP SCHEMA pgweir CASCADE; --",
        "APP",
        "app ",
        " app",
        "äöü€😀",
        "%",
        &long,
        &cut,
    ] {
        refused(&as_user(user), "28P01", user);
    }
    assert_eq!(as_user("app").open().rows("SELECT count(*) FROM pg_namespace WHERE nspname = 'pgweir'"), "1");
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
}

/// The server that is asked hangs: every log-in hears so within the time, and none of them hangs with it.
#[test]
fn a_server_that_does_not_answer_holds_nobody_up_for_ever() {
    let postgres = server(Auth::Scram);
    postgres.psql("CREATE ROLE app LOGIN PASSWORD 'secret'");
    postgres.psql("CREATE ROLE known LOGIN PASSWORD 'secret'");
    let tap = Tap::start(postgres.host(), postgres.port());
    let builder = Proxy::builder(PGWEIR)
        .database("postgres", &postgres)
        .database("asked", Server::at("127.0.0.1", tap.port()).key("dbname", "\"postgres\""));
    let proxy = asking(builder, "asked", ", timeout = \"500ms\", ttl = \"1h\"").auth("scram-sha-256").start();
    let as_user = |user: &str| proxy.connect().user(user).password("secret");
    drop(as_user("known").open());

    tap.stall(Direction::ToClient);
    let error = server_error(as_user("app").try_open());
    assert_eq!(error.code(), "57P03", "{error}");
    assert!(!error.field(b'H').is_empty() && !error.to_string().contains("127.0.0.1"), "{error}");
    std::thread::scope(|scope| {
        for user in 0..40 {
            let connect = as_user(&format!("stranger{user}"));
            scope.spawn(move || refused(&connect, "57P03", "a stranger"));
        }
    });
    assert_eq!(as_user("known").open().rows("SELECT 1"), "1", "an earlier answer serves");
    refused(&as_user("known").password("wrong"), "28P01", "but only for who knows the password");

    tap.resume(Direction::ToClient);
    wait::until(wait::PATIENCE, "lookups go on when the server does", || as_user("app").try_open().is_ok());
    refused(&as_user("stranger"), "28P01", "a stranger");
    let log = proxy.log();
    assert!(log.contains("no answer within 0.5 s"), "the log tells why: {log}");
}

/// A connection that died at rest costs nobody a log-in; a server that is gone is an error, not a wait.
#[test]
fn a_connection_that_was_lost_is_made_again() {
    let mut postgres = server(Auth::Scram);
    postgres.psql("CREATE ROLE app LOGIN PASSWORD 'secret'");
    let proxy = asking(before(&postgres), "postgres", ", ttl = \"0s\"").auth("scram-sha-256").start();
    let app = proxy.connect().user("app").password("secret");
    let backends =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'pgweir_auth'";
    for _ in 0..3 {
        drop(app.open());
        assert_eq!(postgres.psql(backends), "1", "one connection asks");
    }
    drop(app.open());
    postgres.stop(testkit::postgres::Stop::Fast);
    refused(&app, "57P03", "the server is down");
    postgres.restart();
    wait::until(Duration::from_secs(30), "it is asked again", || app.try_open().is_ok());
}

#[test]
fn a_reload_changes_whom_is_asked_and_forgets_what_the_other_said() {
    let (first, second) = (server(Auth::Scram), server(Auth::Scram));
    for (postgres, password) in [(&first, "one"), (&second, "two")] {
        postgres.psql(&format!("CREATE ROLE app LOGIN PASSWORD '{password}'"));
    }
    let asking = asking(before(&first), "postgres", ", ttl = \"1h\"").auth("scram-sha-256");
    let proxy = asking.pool_size(5).start();
    let app = proxy.connect().user("app");
    let mut inside = app.clone().password("one").open();
    let pid = inside.rows("SELECT pg_backend_pid()");
    proxy.edit_config("size = 5", "size = 7");
    let reload = |times: usize| {
        proxy.reload();
        wait::until(wait::PATIENCE, "reloaded", || {
            proxy.log().matches("configuration reloaded").count() == times
        });
    };
    reload(1);
    assert_eq!(inside.rows("SELECT pg_backend_pid()"), pid, "a reload leaves the pool as it is");
    proxy.edit_config(&format!("port = {}", first.port()), &format!("port = {}", second.port()));
    reload(2);
    refused(&app.clone().password("one"), "28P01", "the password of the other server");
    assert_eq!(app.password("two").open().rows("SELECT 1"), "1");
}

/// Passwords and hashes are nowhere to be read.
#[test]
fn no_secret_shows_anywhere() {
    let postgres = server(Auth::Scram);
    postgres.psql("CREATE ROLE app LOGIN PASSWORD 'canary-app'");
    postgres.psql("CREATE ROLE admin LOGIN PASSWORD 'canary-admin'");
    for method in ["plain", "scram-sha-256"] {
        let proxy = asking(before(&postgres), "postgres", "")
            .auth(method)
            .set("admin.users", "[\"admin\"]")
            .set("log.level", "\"trace\"")
            .start();
        let mut app = proxy.connect().user("app").password("canary-app").open();
        app.rows("SELECT 1");
        refused(&proxy.connect().user("app").password("canary-wrong"), "28P01", "wrong");
        let mut console = proxy.connect().user("admin").password("canary-admin").database("pgweir").open();
        let mut seen = proxy.log();
        for view in ["CONFIG", "USERS", "DATABASES", "POOLS", "CLIENTS", "SERVERS"] {
            seen.push_str(&console.rows(&format!("SHOW {view}")));
        }
        assert!(seen.contains("auth.query.sql") || seen.contains("auth_query"), "{seen}");
        let secret = postgres.psql("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'");
        let key = secret.rsplit('$').next().unwrap();
        for word in ["canary", "SCRAM-SHA-256$", key] {
            let line = seen.lines().find(|line| line.contains(word));
            assert_eq!(line, None, "{word}");
        }
    }
}
