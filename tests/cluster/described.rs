//! A client never gets rows of another shape than it was told when its statement was described, and its parameters are
//! never read as other types, on whatever server its statement is prepared anew.

use testkit::client::tags;
use testkit::error::ServerError;
use testkit::proxy::Server;
use testkit::tap::Direction;
use testkit::{Client, Message, Postgres, Proxy, Tap, messages as m};

use crate::scene::{PGWEIR, before, is_whole};

fn ask(client: &mut Client, messages: &[Vec<u8>]) -> Vec<Message> {
    client.send(&messages.concat());
    client.read_until_ready()
}

/// Prepares a statement and has it described.
#[track_caller]
fn prepare(client: &mut Client, name: &str, sql: &str) {
    let answer = ask(client, &[m::parse(name, sql, &[]), m::describe_statement(name), m::sync()]);
    assert!(["1tTZ", "1tnZ"].contains(&tags(&answer).as_str()), "{answer:?}");
}

fn error_in(answer: &[Message]) -> Option<ServerError> {
    answer.iter().find(|message| message.tag == b'E').and_then(Message::error)
}

/// The values of the last row, or the code of the error.
fn run(client: &mut Client, name: &str, values: &[Option<&[u8]>]) -> Result<Vec<String>, String> {
    let answer = ask(client, &[m::bind("", name, values), m::execute("", 0), m::sync()]);
    match error_in(&answer) {
        Some(error) => Err(error.code().to_owned()),
        None => Ok(answer.iter().rfind(|m| m.tag == b'D').map(Message::texts).unwrap_or_default()),
    }
}

/// What a driver goes by when it meets a changed statement.
#[track_caller]
fn assert_changed(answer: &[Message]) {
    let error = error_in(answer).unwrap_or_else(|| panic!("an error, not {answer:?}"));
    assert_eq!(error.field(b'S'), "ERROR", "{error}");
    assert_eq!(error.code(), "0A000", "{error}");
    assert_eq!(error.message(), "cached plan must not change result type");
    assert_eq!(error.field(b'R'), "RevalidateCachedQuery");
}

fn pid(client: &mut Client) -> String {
    client.rows("select pg_backend_pid()")
}

/// Two servers: `one`'s statements are on the first, which `other` keeps in a transaction of its own from now on.
fn on_the_second(one: &mut Client, other: &mut Client) {
    let first = pid(one);
    other.rows("begin");
    assert_eq!(pid(other), first);
    assert_ne!(pid(one), first);
}

fn scene(sql: &str) -> (Postgres, Proxy, Client, Client) {
    let postgres = Postgres::start();
    postgres.psql(sql);
    let proxy = before(&postgres).pool_size(2).start();
    let (one, other) = (proxy.connect().open(), proxy.connect().open());
    (postgres, proxy, one, other)
}

#[test]
fn a_client_that_was_told_other_columns_gets_the_error_of_postgresql_until_it_prepares_again() {
    let (postgres, proxy, mut one, mut other) =
        scene("create table t (a int4, b int4); insert into t values (1, 2)");
    prepare(&mut one, "s", "select a from t");
    prepare(&mut one, "unchanged", "select b from t");
    assert_eq!(tags(&ask(&mut other, &[m::parse("u", "select a from t where true", &[]), m::sync()])), "1Z");
    assert_eq!(run(&mut one, "s", &[]).unwrap(), ["1"]);
    postgres.psql("alter table t alter a type text using a || 'x'");
    on_the_second(&mut one, &mut other);
    assert_eq!(run(&mut one, "unchanged", &[]).unwrap(), ["2"]);
    let bind = [m::bind_formats("", "s", &[], &[], &[1]), m::execute("", 0), m::sync()];
    let answer = ask(&mut one, &bind);
    assert_eq!(tags(&answer), "EZ");
    assert_changed(&answer);
    assert_changed(&ask(&mut one, &bind));
    assert_changed(&ask(&mut one, &[m::describe_statement("s"), m::sync()]));
    // on the first server too, which has it as it was
    other.rows("commit");
    assert_changed(&ask(&mut one, &bind));
    assert_changed(&ask(&mut one, &bind));
    assert_eq!(run(&mut one, "unchanged", &[]).unwrap(), ["2"]);
    // a client that was told nothing goes on after one error at the most
    let _ = run(&mut other, "u", &[]);
    assert_eq!(run(&mut other, "u", &[]).unwrap(), ["1x"]);
    let answer = ask(&mut one, &[m::close_statement("s"), m::sync()]);
    assert_eq!(tags(&answer), "3Z");
    prepare(&mut one, "s", "select a from t");
    assert_eq!(run(&mut one, "s", &[]).unwrap(), ["1x"]);
    is_whole(&proxy, &postgres, 2, "a column was changed");
}

#[test]
fn what_has_come_back_as_it_was_goes_on_everywhere() {
    let (postgres, _proxy, mut one, mut other) =
        scene("create table t (a varchar(3)); insert into t values ('x')");
    prepare(&mut one, "s", "select a, 1::numeric(4,2) from t where a = $1");
    let values: [Option<&[u8]>; 1] = [Some(b"x")];
    postgres.psql("drop table t; create table t (b int4, a varchar(3)); insert into t values (1, 'x')");
    for column in ["c", "d"] {
        assert_eq!(run(&mut one, "s", &values).unwrap(), ["x", "1.00"]);
        on_the_second(&mut one, &mut other);
        assert_eq!(run(&mut one, "s", &values).unwrap(), ["x", "1.00"]);
        other.rows("commit");
        postgres.psql(&format!("alter table t add {column} int4"));
    }
    // a modifier is part of what was told
    postgres.psql("alter table t alter a type varchar(4)");
    assert_eq!(run(&mut one, "s", &values), Err("0A000".to_owned()));
    assert_eq!(run(&mut one, "s", &values), Err("0A000".to_owned()));
    postgres.psql("alter table t alter a type varchar(3)");
    assert_eq!(run(&mut one, "s", &values).unwrap(), ["x", "1.00"], "as it was once more");
}

#[test]
fn the_transaction_fails_and_nothing_of_the_batch_stays() {
    let (postgres, proxy, mut one, mut other) =
        scene("create table t (a int4); create table log (a int4); insert into t values (1)");
    prepare(&mut one, "s", "select * from t");
    prepare(&mut one, "i", "insert into t values (7) returning *");
    prepare(&mut one, "end", "rollback");
    on_the_second(&mut one, &mut other);
    other.rows("commit");
    // through pgweir, by another client
    other.rows("alter table t alter a type int8");
    let run_it = |name: &str| [m::bind("", name, &[]), m::execute("", 0)].concat();
    for _ in 0..2 {
        one.rows("begin; insert into log values (1)");
        let answer = ask(&mut one, &[run_it("i"), m::sync()]);
        assert_changed(&answer);
        assert_eq!(answer.last().unwrap().body, b"E", "the transaction has failed");
        assert_eq!(run(&mut one, "s", &[]), Err("25P02".to_owned()));
        assert_eq!(run(&mut one, "end", &[]).unwrap(), [""; 0]);
        // a pipeline is one transaction: what came before goes with it, and what comes behind is not looked at
        let log = [m::parse("", "insert into log values (2)", &[]), run_it("")].concat();
        let answer = ask(&mut one, &[log.clone(), run_it("i"), run_it("s"), log, m::sync()]);
        assert_eq!(tags(&answer), "12CEZ");
        assert_changed(&answer);
        assert_eq!(answer.last().unwrap().body, b"I");
        other.rows("begin");
        let answer = ask(&mut one, &[run_it("s"), m::sync()]);
        assert_changed(&answer);
        other.rows("commit");
    }
    assert_eq!(postgres.psql("select count(*) from log").trim(), "0");
    assert_eq!(postgres.psql("select count(*) from t").trim(), "1", "no INSERT has run");
    is_whole(&proxy, &postgres, 2, "transactions have failed");
}

/// A server asked for them anew would find others: what a client sends in binary would be misread.
#[test]
fn parameters_stay_what_the_client_was_told() {
    let (postgres, _proxy, mut one, mut other) = scene("create table t (a int4)");
    prepare(&mut one, "s", "insert into t values ($1)");
    let seven = |client: &mut Client| {
        let bind = m::bind_formats("", "s", &[1], &[Some(&7_i32.to_be_bytes())], &[]);
        let answer = ask(client, &[bind, m::execute("", 0), m::sync()]);
        assert_eq!(tags(&answer), "2CZ", "{answer:?}");
    };
    seven(&mut one);
    postgres.psql("alter table t alter a type text");
    seven(&mut one);
    on_the_second(&mut one, &mut other);
    seven(&mut one);
    assert_eq!(postgres.psql("select string_agg(a, ' ') from t").trim(), "7 7 7");
    // one that is told now is told what is so now
    let mut newcomer = other;
    newcomer.rows("commit");
    postgres.psql("alter table t alter a type int8 using 1");
    let sql = "insert into t values ($1) returning pg_typeof($1)";
    prepare(&mut newcomer, "n", sql);
    assert_eq!(run(&mut newcomer, "n", &[Some(b"1")]).unwrap(), ["bigint"]);
}

/// Some drivers have a portal described the first time, and go by that from then on.
#[test]
fn what_was_told_by_a_portal_counts_as_well() {
    let (postgres, _proxy, mut one, mut other) = scene("create table t (a int4); insert into t values (1)");
    let described = [m::bind("", "s", &[]), m::describe_portal(""), m::execute("", 0), m::sync()];
    let first = [m::parse("s", "select a from t", &[]), described.concat()];
    assert_eq!(tags(&ask(&mut one, &first)), "12TDCZ");
    assert_eq!(tags(&ask(&mut other, &first)), "12TDCZ", "a second one is told as well");
    postgres.psql("alter table t alter a type text");
    on_the_second(&mut one, &mut other);
    assert_eq!(run(&mut one, "s", &[]), Err("0A000".to_owned()));
    // whoever is told each time, goes by that
    let answer = ask(&mut one, &described);
    assert_eq!(tags(&answer), "2TDCZ");
    assert_eq!(run(&mut one, "s", &[]).unwrap(), ["1"], "it was told");
    other.rows("commit");
    assert_eq!(run(&mut other, "s", &[]), Err("0A000".to_owned()));
    assert_eq!(run(&mut other, "s", &[]), Err("0A000".to_owned()));
    // a portal with a name, described later
    let mut named = [m::bind("p", "s", &[]), m::flush(), m::describe_portal("p"), m::sync()];
    assert_eq!(
        tags(&ask(&mut other, &named[..1].iter().cloned().chain([m::sync()]).collect::<Vec<_>>())),
        "EZ"
    );
    named[1] = Vec::new();
    assert_eq!(tags(&ask(&mut other, &named)), "2TZ");
    assert_eq!(run(&mut other, "s", &[]).unwrap(), ["1"]);
}

/// One text, one server, and two clients for whom it means other tables.
#[test]
fn clients_with_other_search_paths_each_get_what_they_were_told() {
    let postgres = Postgres::start();
    postgres.psql(
        "create schema a; create schema b; create table a.t (x int4); create table b.t (y text); \
         insert into a.t values (1); insert into b.t values ('b')",
    );
    let proxy = before(&postgres).pool_size(1).start();
    let mut a = proxy.connect().param("search_path", "a").open();
    let mut b = proxy.connect().param("search_path", "b").open();
    prepare(&mut a, "s", "select * from t");
    // what the server holds is another's, and refused once
    let _ = ask(&mut b, &[m::parse("x", "select * from t", &[]), m::describe_statement("x"), m::sync()]);
    let _ = run(&mut b, "x", &[]);
    prepare(&mut b, "s", "select * from t");
    for _ in 0..3 {
        assert_eq!(run(&mut a, "s", &[]).unwrap(), ["1"]);
        assert_eq!(run(&mut b, "s", &[]).unwrap(), ["b"]);
    }
}

#[test]
fn the_longest_descriptions_are_compared_too() {
    let columns =
        |kind: &str| (0..1600).map(|n| format!("1::{kind} as \"{n:063}\"")).collect::<Vec<_>>().join(",");
    let (postgres, _proxy, mut one, mut other) =
        scene(&format!("create view v as select {}", columns("int4")));
    prepare(&mut one, "s", "select * from v");
    assert_eq!(run(&mut one, "s", &[]).unwrap().len(), 1600);
    on_the_second(&mut one, &mut other);
    assert_eq!(run(&mut one, "s", &[]).unwrap().len(), 1600);
    let all = columns("int4");
    let (rest, last) = all.split_at(all.rfind("1::int4").unwrap());
    let changed = format!("{rest}{}", last.replace("int4", "int8"));
    postgres.psql(&format!("drop view v; create view v as select {changed}"));
    assert_eq!(run(&mut one, "s", &[]), Err("0A000".to_owned()));
    assert_eq!(run(&mut one, "s", &[]), Err("0A000".to_owned()));
}

/// A server is waited for once, and never by a client that was told nothing.
#[test]
fn a_server_describes_a_statement_to_us_once() {
    let postgres = Postgres::start();
    let tap = Tap::start(postgres.host(), postgres.port());
    let proxy = Proxy::builder(PGWEIR)
        .database_on("postgres", &[Server::at(postgres.host(), tap.port())])
        .pool_size(2)
        .start();
    let (mut one, mut other) = (proxy.connect().open(), proxy.connect().open());
    prepare(&mut one, "s", "select 1");
    assert_eq!(tags(&ask(&mut one, &[m::parse("u", "select 2", &[]), m::sync()])), "1Z");
    on_the_second(&mut one, &mut other);
    for _ in 0..3 {
        for name in ["s", "u"] {
            let batch = [m::bind("", name, &[]), m::execute("", 0)].concat();
            assert_eq!(tags(&ask(&mut one, &[batch.clone(), batch, m::sync()])), "2DC2DCZ");
        }
    }
    let asked = |connection: usize| {
        let sent = tap.recorded(connection, Direction::ToServer);
        sent.windows(6)
            .filter(|bytes| bytes[0] == b'D' && bytes[1..4] == [0, 0, 0] && bytes[5] == b'S')
            .count()
    };
    let all: Vec<usize> = (0..tap.connections()).map(asked).filter(|asked| *asked > 0).collect();
    assert_eq!(all, [1, 1], "the client's own, and ours on the second server");
}
