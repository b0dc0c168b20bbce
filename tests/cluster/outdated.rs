//! A prepared statement whose result has other columns since: it is run again where nobody notices, fails once where that
//! cannot be, and is prepared anew everywhere after that. What a client was told is another matter: see `described`.

use std::thread;

use testkit::client::tags;
use testkit::{Client, Postgres, messages as m};

use crate::scene::{before, is_whole};

const SQL: &str = "select * from t";

fn prepare(client: &mut Client) {
    client.send(&[m::parse("s", SQL, &[]), m::sync()].concat());
    assert_eq!(tags(&client.read_until_ready()), "1Z");
}

/// The values of the one row, or the code of the error.
fn run(client: &mut Client) -> Result<Vec<String>, String> {
    client.send(&[m::bind("", "s", &[]), m::execute("", 0), m::sync()].concat());
    let answer = client.read_until_ready();
    match answer.iter().find_map(testkit::Message::error) {
        Some(error) => Err(error.code().to_owned()),
        None => Ok(answer.iter().find(|m| m.tag == b'D').unwrap().texts()),
    }
}

#[test]
fn it_is_run_again_or_fails_once_and_never_again_on_any_server() {
    let postgres = Postgres::start();
    postgres.psql("create table t (a int4); insert into t values (1)");
    let proxy = before(&postgres).pool_size(2).start();
    let mut clients: Vec<Client> = (0..2).map(|_| proxy.connect().open()).collect();
    // on both servers
    for client in &mut clients {
        prepare(client);
        client.rows("begin");
        assert_eq!(run(client).unwrap(), ["1"]);
    }
    clients.iter_mut().for_each(|client| drop(client.rows("commit")));
    postgres.psql("alter table t add column b int4 default 2");
    let [one, other] = clients.as_mut_slice() else { panic!("two clients") };
    assert_eq!(run(one).unwrap(), ["1", "2"], "run again");
    // the other server too, as the first is in use
    one.rows("begin");
    assert_eq!(run(one).unwrap(), ["1", "2"]);
    assert_eq!(run(other).unwrap(), ["1", "2"]);
    one.rows("commit");
    let mut newcomer = proxy.connect().open();
    prepare(&mut newcomer);
    assert_eq!(run(&mut newcomer).unwrap(), ["1", "2"]);
    // in a transaction that has failed by it, everything fails until its end
    postgres.psql("alter table t drop column a");
    one.rows("begin");
    assert_eq!(run(one), Err("0A000".to_owned()));
    assert_eq!(run(one), Err("25P02".to_owned()));
    one.rows("rollback");
    assert_eq!(run(one).unwrap(), ["2"]);
    is_whole(&proxy, &postgres, 2, "a table was changed");
}

/// Names that a function has taken from under the proxy.
#[test]
fn a_statement_that_the_server_has_forgotten_is_prepared_anew() {
    let postgres = Postgres::start();
    postgres.psql("create table t (a int4); insert into t values (1)");
    let proxy = before(&postgres).pool_size(1).start();
    let mut client = proxy.connect().open();
    prepare(&mut client);
    assert_eq!(run(&mut client).unwrap(), ["1"]);
    client.rows("do $$ begin execute 'dea' || 'llocate all'; end $$");
    if let Err(code) = run(&mut client) {
        assert_eq!(code, "26000", "once, if at all");
    }
    assert_eq!(run(&mut client).unwrap(), ["1"]);
}

/// Each client may meet the change once, as it would directly.
#[test]
fn fifty_clients_meet_a_change_at_most_once() {
    let postgres = Postgres::start();
    postgres.psql("create table t (a int4); insert into t values (1)");
    let proxy = before(&postgres).pool_size(5).set("pool.acquire_timeout", "\"60s\"").start();
    thread::scope(|scope| {
        for number in 0..50 {
            let mut client = proxy.connect().open();
            let last = number % 2 == 0;
            scope.spawn(move || {
                prepare(&mut client);
                let (mut errors, mut row) = (0, Vec::new());
                while row.len() < 2 || (last && row.len() < 3) {
                    match run(&mut client) {
                        Ok(values) => row = values,
                        Err(code) => {
                            assert_eq!(code, "0A000");
                            errors += 1;
                        }
                    }
                }
                // a Parse may be confirmed behind the error that came of it elsewhere
                assert!(errors <= 3, "two changes, {errors} errors");
            });
        }
        postgres.psql("alter table t add column b int4 default 2");
        postgres.psql("alter table t add column c int4 default 3");
    });
    is_whole(&proxy, &postgres, 5, "a table was changed twice");
}

#[test]
fn what_is_defined_anew_through_pgweir_is_prepared_anew() {
    let postgres = Postgres::start();
    postgres.psql("create type e as enum ('a'); create table t (a e)");
    let proxy = before(&postgres).pool_size(1).start();
    let (mut one, mut other) = (proxy.connect().open(), proxy.connect().open());
    let insert = |client: &mut Client| {
        client.send(&[m::parse("s", "insert into t values ($1)", &[]), m::sync()].concat());
        assert_eq!(tags(&client.read_until_ready()), "1Z");
        client.send(&[m::bind("", "s", &[Some(b"a")]), m::execute("", 0), m::sync()].concat());
        assert_eq!(tags(&client.read_until_ready()), "2CZ");
        // the name goes, the statement stays with the server
        client.send(&[m::close_statement("s"), m::sync()].concat());
        assert_eq!(tags(&client.read_until_ready()), "3Z");
    };
    for sql in [
        "drop table t; drop type e; create type e as enum ('b', 'a'); create table t (a e)",
        "begin; /* x */ alter type e rename to old; create type e as enum ('a'); drop table t; create table t (a e); commit",
    ] {
        insert(&mut one);
        insert(&mut other);
        one.rows(sql);
        insert(&mut other);
        insert(&mut one);
    }
}

/// A type that was made in a transaction that was rolled back, and made again: the statement is for another one.
#[test]
fn what_was_made_and_rolled_back_and_made_again_is_prepared_anew() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut client = proxy.connect().open();
    let create = ["create type e as enum ('a')", "create table t (a e)"];
    // the statements that define may be prepared themselves, and run without their text
    for (i, sql) in create.iter().enumerate() {
        client.send(&[m::parse(&format!("c{i}"), sql, &[]), m::sync()].concat());
        assert_eq!(tags(&client.read_until_ready()), "1Z");
    }
    for by_name in [false, false, true, true] {
        client.rows("begin");
        if by_name {
            for name in ["c0", "c1"] {
                client.send(&[m::bind("", name, &[]), m::execute("", 0), m::sync()].concat());
                assert_eq!(tags(&client.read_until_ready()), "2CZ");
            }
        } else {
            create.iter().for_each(|sql| drop(client.rows(sql)));
        }
        for (sql, value) in [("insert into t values ($1)", Some(&b"a"[..])), ("select * from t", None)] {
            client.send(&[m::parse("s", sql, &[]), m::describe_statement("s"), m::sync()].concat());
            let described = tags(&client.read_until_ready());
            let values: Vec<_> = value.into_iter().map(Some).collect();
            let run = [m::bind("", "s", &values), m::execute("", 0), m::close_statement("s"), m::sync()];
            client.send(&run.concat());
            let done = tags(&client.read_until_ready());
            let wanted = if value.is_some() { ("1tnZ", "2C3Z") } else { ("1tTZ", "2DC3Z") };
            assert_eq!((&*described, &*done), wanted, "{sql}, made by name: {by_name}");
        }
        client.rows("rollback");
    }
    is_whole(&proxy, &postgres, 1, "a type was rolled back");
}

/// With the columns described each time, a client goes by what it is told then.
#[test]
fn a_request_of_one_statement_is_run_again_and_no_other() {
    let postgres = Postgres::start();
    postgres.psql("create table t (a int4); insert into t values (1); create table log (a int4)");
    let proxy = before(&postgres).pool_size(1).start();
    let mut client = proxy.connect().open();
    let ask = |client: &mut Client, messages: &[Vec<u8>]| {
        client.send(&messages.concat());
        client.read_until_ready()
    };
    prepare(&mut client);
    let described = [m::bind("", "s", &[]), m::describe_portal(""), m::execute("", 0), m::sync()];
    let bare = [m::bind("", "s", &[]), m::execute("", 0), m::sync()];
    let (mut columns, mut change) = (vec!["1".to_owned()], 0);
    let mut add = |columns: &mut Vec<String>| {
        change += 1;
        columns.push("7".to_owned());
        postgres.psql(&format!("alter table t add column b{change} int4 default 7"));
    };
    let mut told = proxy.connect().open();
    prepare(&mut told);
    for batch in [&described[..], &bare[..], &described[..], &bare[..]] {
        add(&mut columns);
        let answer = ask(if batch.len() == 4 { &mut told } else { &mut client }, batch);
        assert!(["2TDCZ", "2DCZ"].contains(&tags(&answer).as_str()), "{answer:?}");
        assert_eq!(answer.iter().find(|m| m.tag == b'D').unwrap().texts(), columns);
    }
    // several batches in one segment: the first is not run behind the second
    add(&mut columns);
    client.send(&[bare.concat(), bare.concat()].concat());
    let (first, second) = (client.read_until_ready(), client.read_until_ready());
    assert_eq!(first.iter().find_map(testkit::Message::error).unwrap().code(), "0A000");
    assert!(["EZ", "2DCZ"].contains(&tags(&second).as_str()), "{second:?}");
    assert_eq!(run(&mut client).unwrap(), columns);
    // what is in front of it in its batch was not run twice, and not without it
    add(&mut columns);
    let insert =
        [m::parse("", "insert into log values (1)", &[]), m::bind("", "", &[]), m::execute("", 0)].concat();
    let answer = ask(&mut client, &[insert, bare.concat()]);
    assert_eq!(tags(&answer), "12CEZ");
    assert_eq!(postgres.psql("select count(*) from log").trim(), "0");
    // in a transaction it fails
    assert_eq!(run(&mut client).unwrap(), columns);
    add(&mut columns);
    client.rows("begin");
    assert_eq!(run(&mut client), Err("0A000".to_owned()));
    client.rows("rollback");
    // settings of the client go in front of it the second time too
    client.rows("set application_name = 'mine'");
    let mut other = proxy.connect().open();
    assert_eq!(other.rows("show application_name"), "");
    add(&mut columns);
    assert_eq!(run(&mut client).unwrap(), columns);
    assert_eq!(client.rows("show application_name"), "mine");
    // described by name, for the first time: not run again, as the server says something before it refuses
    add(&mut columns);
    let describe = [m::describe_statement("s"), m::sync()];
    assert_eq!(tags(&ask(&mut client, &describe)), "tEZ");
    assert_eq!(tags(&ask(&mut client, &describe)), "tTZ");
    assert_eq!(run(&mut client).unwrap(), columns);
    // what it was told is not what it would get
    add(&mut columns);
    assert_eq!(run(&mut client), Err("0A000".to_owned()));
    is_whole(&proxy, &postgres, 1, "a table was changed often");
}
