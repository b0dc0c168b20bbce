//! Caps of a user over all its databases and of a database over all its users, beside those of the server: never
//! passed, shared with others only as far as they go, told to whoever waits in vain, changed by a reload.

use std::thread;

use testkit::proxy::{Builder, Server};
use testkit::{Client, Postgres, Proxy, messages as m, wait};

use crate::fairness::{USERS, most_connections, server};
use crate::scene::{PGWEIR, before, server_error};

/// A pgweir with two databases; who waits gives up late, and nothing idle goes by itself.
fn two_databases(postgres: &Postgres) -> Builder {
    patient(before(postgres).database("other", Server::from(postgres)))
}

fn patient(builder: Builder) -> Builder {
    builder.set("pool.acquire_timeout", "\"30s\"").set("pool.idle_timeout", "\"0s\"")
}

/// A `[[user]]` with a cap of its own.
fn user(name: &str, cap: u32) -> String {
    format!("[[user]]\nname = \"{name}\"\npassword = \"x\"\nmax_server_connections = {cap}\n")
}

/// So many clients who ask for a transaction and keep it; they wait for a server, or have one.
fn hold(proxy: &Proxy, user: &str, database: &str, count: usize) -> Vec<Client> {
    let hold = |_| {
        let mut client = proxy.connect().user(user).database(database).open();
        client.send(&m::query("begin"));
        client
    };
    (0..count).map(hold).collect()
}

fn connections(postgres: &Postgres, whose: &str) -> String {
    postgres.psql(&format!("select count(*) from pg_stat_activity where {whose}"))
}

#[track_caller]
fn come_to(postgres: &Postgres, whose: &str, count: &str) {
    wait::until(wait::PATIENCE, &format!("{count} connections where {whose}"), || {
        connections(postgres, whose) == count
    });
}

#[test]
fn a_user_has_a_cap_of_its_own_over_all_its_databases() {
    let postgres = server();
    let proxy = two_databases(&postgres).toml(&user("one", 3)).user("two", "x").start();
    let most = most_connections(&postgres, || {
        thread::scope(|scope| {
            for database in ["postgres", "other"] {
                for _ in 0..8 {
                    let proxy = &proxy;
                    scope.spawn(move || {
                        let mut client = proxy.connect().user("one").database(database).open();
                        for _ in 0..20 {
                            assert_eq!(client.rows("select current_database()::text"), database);
                            client.rows("select pg_sleep(0.005)");
                        }
                    });
                }
            }
        });
    });
    assert_eq!(most, 3);
    // what is idle in one database makes room in the other, and nobody else is limited by it
    let mut held = hold(&proxy, "one", "postgres", 3);
    held.iter_mut().for_each(|client| drop(client.read_until_ready()));
    held.iter_mut().for_each(|client| drop(client.query("commit")));
    assert_eq!(proxy.connect().user("one").database("other").open().rows("select 1"), "1");
    let _others = hold(&proxy, "two", "postgres", 5);
    come_to(&postgres, "usename = 'two'", "5");
}

#[test]
fn what_a_user_may_not_have_is_for_the_others() {
    let postgres = server();
    let builder = patient(before(&postgres)).set("pool.max_server_connections", "6");
    let proxy = builder.toml(&user("one", 2)).user("two", "x").start();
    let most = most_connections(&postgres, || {
        let _ones = hold(&proxy, "one", "postgres", 10);
        let _twos = hold(&proxy, "two", "postgres", 10);
        come_to(&postgres, "usename = 'two'", "4");
        come_to(&postgres, "usename = 'one'", "2");
    });
    assert_eq!(most, 6);
}

#[test]
fn a_name_has_a_cap_of_its_own_over_all_its_users() {
    let postgres = server();
    let reports = Server::from(&postgres).key("dbname", "\"postgres\"");
    let reports = reports.key("pool", "{ max_server_connections = 2 }");
    let mut builder = patient(before(&postgres).database("reports", reports));
    for user in USERS {
        builder = builder.user(user, "x");
    }
    let proxy = builder.set("pool.max_server_connections", "5").start();
    // many at the other name of the same database do not keep this one from its own
    let _busy = hold(&proxy, "one", "postgres", 3);
    come_to(&postgres, "usename = 'one'", "3");
    let most = most_connections(&postgres, || {
        // the first of a pool needs a server to be greeted by
        let come = |user: &str| proxy.connect().user(user).database("reports").open();
        let mut all: Vec<Client> = ["two", "three"].repeat(4).into_iter().map(come).collect();
        all.iter_mut().for_each(|client| client.send(&m::query("begin")));
        // every one of them is served, two at a time
        while !all.is_empty() {
            let served = |client: &mut Client| !client.is_closed() && client.buffered() > 0;
            let mut at = None;
            wait::until(wait::PATIENCE, "somebody is served", || {
                at = all.iter_mut().position(served);
                at.is_some()
            });
            let mut client = all.remove(at.unwrap());
            client.read_until_ready();
            client.query("commit");
        }
    });
    assert_eq!(most, 5, "two beside the three");
}

#[test]
fn a_cap_of_the_user_that_the_server_sees_holds_for_all_who_come_as_it() {
    let postgres = server();
    let own = Server::from(&postgres).key("dbname", "\"postgres\"");
    let own = own.login("three", "x");
    let builder = patient(Proxy::builder(PGWEIR).database("postgres", own));
    let proxy = builder.user("one", "x").user("two", "x").toml(&user("three", 2)).start();
    let most = most_connections(&postgres, || {
        let mut clients = hold(&proxy, "one", "postgres", 1);
        clients.extend(hold(&proxy, "two", "postgres", 1));
        clients.iter_mut().for_each(|client| drop(client.read_until_ready()));
        let mut late = hold(&proxy, "one", "postgres", 1);
        clients.iter_mut().for_each(|client| drop(client.query("commit")));
        late.iter_mut().for_each(|client| drop(client.read_until_ready()));
    });
    assert_eq!(most, 2);
}

#[test]
fn a_users_cap_is_shown_told_and_reloaded() {
    let postgres = server();
    let builder = two_databases(&postgres).set("admin.users", "[\"postgres\"]").toml(&user("one", 3));
    let proxy = builder.start();
    let mut other = proxy.connect().user("one").database("other").open();
    let mut held = hold(&proxy, "one", "postgres", 3);
    held.iter_mut().for_each(|client| drop(client.read_until_ready()));
    held.iter_mut().for_each(|client| drop(client.query("commit")));
    come_to(&postgres, "usename = 'one'", "3");
    proxy.edit_config("max_server_connections = 3", "max_server_connections = 1");
    proxy.edit_config("acquire_timeout = \"30s\"", "acquire_timeout = \"300ms\"");
    proxy.reload();
    come_to(&postgres, "usename = 'one'", "1");
    let users = proxy.connect().database("pgweir").open().query("SHOW USERS");
    let row = users.iter().find(|row| row.tag == b'D' && row.texts()[0] == "one").unwrap().texts();
    assert_eq!(row[4..6], ["1", "1"], "max_user_connections and current_connections");
    assert_eq!(held[0].rows("begin"), "");
    let error = server_error(other.try_rows("select 1"));
    assert_eq!(error.code(), "53300", "{error}");
    assert!(error.field(b'D').ends_with("1 of 1 connections of this user."), "{error}");
    // without a limit there is none
    proxy.edit_config("max_server_connections = 1\n", "");
    proxy.reload();
    wait::until(wait::PATIENCE, "there is room", || other.try_rows("select 1").is_ok());
}
