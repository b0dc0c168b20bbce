//! Secrets from files and commands that change while pgweir runs, with nobody telling it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use testkit::dir::Dir;
use testkit::postgres::Auth;
use testkit::proxy::{Builder, Server};
use testkit::{Client, Postgres, Proxy, wait};

use crate::scene::{PGWEIR, before, metrics, server_error};

/// Writes a file in one go, as those do who rotate secrets.
fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

fn path_of(dir: &Dir, name: &str) -> PathBuf {
    dir.path().join(name)
}

/// A pgweir that logs in to the server as `app` with a password from `source`.
fn with_password(postgres: &Postgres, source: &str) -> Builder {
    let server = Server::from(postgres).key("user", "\"app\"").key("password", source);
    Proxy::builder(PGWEIR).database("postgres", server).set("pool.max_lifetime", "\"50ms\"")
}

/// Changes the password on the server and in the file, as nearly at one moment as can be: a log-in that meets only
/// one of the two is refused, and is repeated once.
fn together(postgres: &Postgres, token: &Path, password: &str) {
    let mut door = postgres.door().open();
    door.rows(&format!("BEGIN; ALTER ROLE app PASSWORD '{password}'"));
    put(token, password);
    door.rows("COMMIT");
}

/// Queries all the time while the password changes again and again; how many there were.
fn under_load(proxy: &Proxy, rotate: impl Fn(usize)) -> u64 {
    const CLIENTS: usize = 4;
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let (stop, done, mut client) = (&stop, &done, proxy.connect().open());
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let number = done.fetch_add(1, Ordering::Relaxed);
                    match client.try_rows(&format!("SELECT {number}")) {
                        Ok(answer) => assert_eq!(answer, number.to_string()),
                        // it waited for a connection while server and file did not agree; its session goes on
                        Err(error) => assert_eq!(server_error::<String>(Err(error)).code(), "28P01"),
                    }
                }
            });
        }
        for round in 0..6 {
            rotate(round);
            // new connections are opened with the new password before the next one comes
            let before = opened(proxy);
            wait::until(wait::PATIENCE, "connections were opened", || opened(proxy) > before + 4);
        }
        stop.store(true, Ordering::Relaxed);
    });
    done.load(Ordering::Relaxed)
}

/// How many server connections were opened so far.
fn opened(proxy: &Proxy) -> u64 {
    metric(proxy, "pgweir_server_connections_total")
}

fn metric(proxy: &Proxy, name: &str) -> u64 {
    let text = metrics(proxy);
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap_or("0");
    line.parse().unwrap()
}

/// The server's password and the command's change together: queries go on after each change.
#[test]
fn a_command_that_gives_another_password_each_time_is_followed() {
    let postgres = Postgres::builder().auth(Auth::Scram).user("app", "canary-0").start();
    let dir = Dir::new("rotation");
    let token = path_of(&dir, "token");
    put(&token, "canary-0");
    let program = path_of(&dir, "token.sh");
    fs::write(&program, format!("#!/bin/sh\ncat {}\n", token.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let source = format!("{{ command = [\"{}\"], ttl = \"2s\" }}", program.display());
    let proxy = with_password(&postgres, &source).start();
    let queries = under_load(&proxy, |round| {
        together(&postgres, &token, &format!("canary-{}", round + 1));
    });
    println!("{queries} queries, {} connections", opened(&proxy));
    assert!(!proxy.log().contains("canary"), "{}", proxy.log());
}

#[test]
fn a_file_that_changes_is_followed() {
    let postgres = Postgres::builder().auth(Auth::Scram).user("app", "canary-0").start();
    let dir = Dir::new("rotation");
    let token = path_of(&dir, "token");
    put(&token, "canary-0\n");
    let proxy = with_password(&postgres, &format!("{{ file = \"{}\" }}", token.display())).start();
    under_load(&proxy, |round| {
        together(&postgres, &token, &format!("canary-{}", round + 1));
    });
    assert!(!proxy.log().contains("canary"), "{}", proxy.log());
}

/// Without a time to live a command is run again only when its password was refused.
#[test]
fn a_refused_password_is_asked_for_anew_once_and_then_waited_with() {
    let postgres = Postgres::builder().auth(Auth::Scram).user("app", "first").start();
    let dir = Dir::new("rotation");
    let (token, runs) = (path_of(&dir, "token"), path_of(&dir, "runs"));
    put(&token, "first");
    let script = format!("echo >> {}; cat {}", runs.display(), token.display());
    let proxy = with_password(&postgres, &format!("{{ command = [\"sh\", \"-c\", \"{script}\"] }}"))
        .set("pool.acquire_timeout", "\"500ms\"")
        .start();
    let ran = || fs::read_to_string(&runs).unwrap().lines().count();
    // a client of its own each time: one whose server is taken away goes with it
    let ask = || proxy.connect().try_open().and_then(|mut client| client.try_rows("SELECT 1"));
    assert_eq!((ask().unwrap(), ran()), ("1".to_owned(), 1));
    postgres.psql("ALTER ROLE app PASSWORD 'second'");
    postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
    // nobody has told the command: a failure of its own, without a storm
    let mut refused = 0;
    wait::until(wait::PATIENCE, "the new password is refused", || {
        refused += usize::from(ask().is_err());
        refused > 4
    });
    let failures = metric(&proxy, "pgweir_server_connect_failures_total");
    assert!(failures <= 4 && ran() <= 6, "{failures} attempts, {} runs for {refused} queries", ran());
    put(&token, "second");
    wait::until(wait::PATIENCE, "the new one is used", || ask().is_ok());
}

#[test]
fn a_source_that_fails_leaves_the_old_secret_in_force() {
    let postgres = Postgres::builder().auth(Auth::Scram).user("app", "canary").start();
    let dir = Dir::new("rotation");
    let (token, broken) = (path_of(&dir, "token"), path_of(&dir, "broken"));
    put(&token, "canary");
    let script = format!("cat {}; test ! -e {}", token.display(), broken.display());
    let source = format!("{{ command = [\"sh\", \"-c\", \"{script}\"], ttl = \"100ms\" }}");
    let proxy = with_password(&postgres, &source).start();
    let mut client = proxy.connect().open();
    assert_eq!(client.rows("SELECT 1"), "1");
    put(&broken, "");
    let failed = "pgweir_secret_renewals_total{result=\"failed\"}";
    wait::until(wait::PATIENCE, "the command has failed", || metric(&proxy, failed) > 0);
    let before = opened(&proxy);
    wait::until(wait::PATIENCE, "connections are opened with the old one", || {
        client.rows("SELECT 2") == "2" && opened(&proxy) > before + 2
    });
    let log = proxy.log();
    assert!(log.contains("the old one stays") && !log.contains("canary"), "{log}");
}

/// What clients log in with may come from a file as well.
#[test]
fn a_clients_password_follows_its_file() {
    let postgres = Postgres::start();
    let dir = Dir::new("rotation");
    let token = path_of(&dir, "token");
    for method in ["plain", "md5", "scram-sha-256"] {
        put(&token, "first");
        let user = format!("[[user]]\nname = \"postgres\"\npassword = {{ file = \"{}\" }}", token.display());
        let proxy = before(&postgres).auth(method).toml(&user).start();
        let with = |password: &str| proxy.connect().password(password).try_open();
        assert!(with("first").is_ok(), "{method}");
        let mut inside = with("first").unwrap();
        put(&token, "second");
        wait::until(wait::PATIENCE, "the new password", || with("second").is_ok());
        assert_eq!(server_error(with("first")).code(), "28P01", "{method}");
        assert_eq!(inside.rows("SELECT 1"), "1", "who is in stays in");
    }
}

#[test]
fn the_list_of_users_is_read_again_without_being_told() {
    let postgres = Postgres::start();
    let dir = Dir::new("rotation");
    let list = path_of(&dir, "users");
    put(&list, "\"postgres\" \"one\"\n\"leaver\" \"one\"\n");
    let file = format!("\"{}\"", list.display());
    let proxy = before(&postgres).auth("scram-sha-256").set("auth.file", &file).start();
    let with = |user: &str, password: &str| {
        proxy.connect().user(user).database("postgres").password(password).try_open()
    };
    let mut inside: Client = with("postgres", "one").unwrap();
    put(&list, "\"postgres\" \"two\"\n");
    wait::until(wait::PATIENCE, "the new password", || with("postgres", "two").is_ok());
    assert_eq!(server_error(with("postgres", "one")).code(), "28P01");
    assert_eq!(server_error(with("leaver", "one")).code(), "28P01");
    assert_eq!(inside.rows("SELECT 1"), "1");
    put(&list, "\"postgres\" canary\n");
    proxy.wait_log("the users of before stay");
    drop(with("postgres", "two").unwrap());
    put(&list, "\"postgres\" \"three\"\n");
    wait::until(wait::PATIENCE, "the next password", || with("postgres", "three").is_ok());
    let log = proxy.log();
    assert_eq!(log.matches("the users of before stay").count(), 1, "said once: {log}");
    assert!(!log.contains("canary"), "{log}");
}

/// As long as what clouds hand out for a password, and as long as PostgreSQL takes.
#[test]
fn long_tokens_serve_on_both_sides() {
    let postgres = Postgres::builder().auth(Auth::Plain).start();
    let dir = Dir::new("rotation");
    for size in [8 * 1024, 60_000] {
        let token = path_of(&dir, "token");
        let password = "t".repeat(size);
        put(&token, &password);
        postgres.psql("DROP ROLE IF EXISTS app");
        postgres.psql(&format!("CREATE ROLE app LOGIN PASSWORD '{password}'"));
        let source = format!("{{ command = [\"cat\", \"{}\"], ttl = \"10s\" }}", token.display());
        let user = format!("[[user]]\nname = \"app\"\npassword = {source}");
        let proxy = before(&postgres).auth("plain").toml(&user).start();
        let mut client = proxy.connect().user("app").password(&password).open();
        assert_eq!(client.rows("SELECT current_user::text"), "app", "{size} bytes");
    }
}
