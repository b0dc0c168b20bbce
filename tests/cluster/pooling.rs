//! The pool: who gets a server when, how many there are, and what is said when there is none.

mod bulk;
mod life;
mod queue;

use testkit::{Postgres, wait};

use crate::scene::before;

#[test]
fn statement_mode_refuses_a_transaction_block_and_goes_on() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).mode("statement").pool_size(1).start();
    let mut client = proxy.connect().open();
    for sql in ["BEGIN", "/* x */ start transaction"] {
        let error = crate::scene::server_error(client.try_rows(sql));
        assert_eq!(error.code(), "0A000", "{error}");
        assert_eq!(error.message(), "transaction blocks are not allowed in statement pooling mode");
        assert_eq!(client.rows("select 1"), "1");
    }
}

#[test]
fn session_mode_keeps_the_server_and_resets_it_afterwards() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).mode("session").pool_size(1).start();
    let mut client = proxy.connect().open();
    let pid = client.rows("select pg_backend_pid()");
    client.query("set work_mem = '77MB'");
    client.query("create temporary table left_behind ()");
    client.query("listen left_behind");
    client.query("prepare left_behind as select 1");
    client.query("begin");
    assert_eq!(client.rows("select pg_backend_pid()"), pid);
    client.terminate();
    let mut next = proxy.connect().open();
    let left = "select pg_backend_pid(), current_setting('work_mem'), to_regclass('left_behind') is null, \
                (select count(*) from pg_listening_channels()), (select count(*) from pg_prepared_statements)";
    assert_eq!(next.rows(left), format!("{pid}|4MB|t|0|0"));
}

/// How many connections to the server there are from outside.
fn servers(postgres: &Postgres) -> usize {
    let sql = "select count(*) from pg_stat_activity where client_addr is not null";
    postgres.psql(sql).parse().unwrap()
}

#[track_caller]
fn until_servers(postgres: &Postgres, n: usize) {
    wait::until(wait::PATIENCE, &format!("there are {n} server connections"), || servers(postgres) == n);
}
