//! Names that the configuration does not have itself: databases that `*` stands for, users that nobody listed. One that is
//! missing at the server costs nobody else anything, and nothing is kept for those that do not come again.

use testkit::{Client, Postgres, Proxy, wait};

use crate::scene::{before, server_error};

#[test]
fn a_database_that_is_made_after_it_was_asked_for_is_there_at_once() {
    let postgres = Postgres::builder().database("present").start();
    // less than those who wait after failures have to wait for the next attempt
    let builder = before(&postgres).database("*", &postgres).set("pool.acquire_timeout", "\"3s\"");
    let proxy = builder.start();
    let mut elsewhere = proxy.connect().database("present").open();
    for _ in 0..5 {
        let error = server_error(proxy.connect().database("later").try_open());
        assert_eq!((error.code(), error.field(b'S')), ("3D000", "FATAL"), "{error}");
        assert_eq!(elsewhere.rows("SELECT current_database()::text"), "present");
    }
    postgres.psql("CREATE DATABASE later");
    let mut client = proxy.connect().database("later").open();
    assert_eq!(client.rows("SELECT current_database()::text"), "later");
    // the same for one whose clients are logged in, and for a user
    postgres.psql("ALTER DATABASE later ALLOW_CONNECTIONS false");
    postgres.psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'later'");
    // a client that asks while its server goes is told so and disconnected, which is not what this is about
    let left = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'later'";
    wait::until(wait::PATIENCE, "its servers are gone", || postgres.psql(left) == "0");
    for _ in 0..5 {
        let error = server_error(client.try_rows("SELECT 1"));
        assert_eq!(error.code(), "55000", "what the server says: {error}");
    }
    postgres.psql("ALTER DATABASE later ALLOW_CONNECTIONS true");
    assert_eq!(client.rows("SELECT 1"), "1");
    for _ in 0..5 {
        let error = server_error(proxy.connect().user("newcomer").try_open());
        assert_eq!((error.code(), error.field(b'S')), ("28000", "FATAL"), "{error}");
    }
    postgres.psql("CREATE ROLE newcomer LOGIN");
    assert_eq!(proxy.connect().user("newcomer").open().rows("SELECT current_user::text"), "newcomer");
}

/// The databases and users that there are pools of.
fn pools(console: &mut Client) -> Vec<(String, String)> {
    let answer = console.query("SHOW POOLS");
    let rows = answer.iter().filter(|message| message.tag == b'D').map(testkit::Message::texts);
    rows.map(|row| (row[0].to_string(), row[1].to_string())).filter(|(name, _)| name != "pgbouncer").collect()
}

#[test]
fn nothing_is_kept_ready_for_names_that_may_not_come_again() {
    let postgres = Postgres::builder().database("other").user("one", "x").start();
    let proxy: Proxy = before(&postgres)
        .database("*", &postgres)
        .toml("[[user]]\nname = \"one\"\n[[user]]\nname = \"postgres\"\n")
        .set("admin.users", "[\"postgres\"]")
        .set("pool.min_size", "2")
        .set("pool.idle_timeout", "\"100ms\"")
        .start();
    let mut console = proxy.connect().database("pgweir").open();
    let warm = |database: &str, user: &str, count: &str| {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND usename = '{user}' \
             AND pid <> pg_backend_pid()"
        );
        wait::until(wait::PATIENCE, &format!("{count} of {user} in {database}"), || {
            postgres.psql(&sql) == count
        });
    };
    let mut here = proxy.connect().database("other").user("one").open();
    drop(proxy.connect().user("one").open());
    drop(proxy.connect().open());
    warm("other", "one", "2");
    warm("postgres", "one", "2");
    here.rows("SELECT 1");
    drop(here);
    // a database that nobody named goes with its last client, what was named stays
    warm("other", "one", "0");
    let named = ["one", "postgres"].map(|user| ("postgres".to_owned(), user.to_owned()));
    wait::until(wait::PATIENCE, "the pool is forgotten", || pools(&mut console) == named);
    // a user that vanishes from the configuration
    proxy.edit_config("[[user]]\nname = \"one\"\n", "");
    proxy.reload();
    warm("postgres", "one", "0");
    wait::until(wait::PATIENCE, "that pool is, too", || pools(&mut console) == named[1..]);
    warm("postgres", "postgres", "2");
}
