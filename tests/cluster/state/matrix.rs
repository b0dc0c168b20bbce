//! Whatever one client changes in its session, the other on the same server connection never sees it; and it sees
//! its own itself, after the other has used that connection. In both protocols, on PostgreSQL 15 and 18.

use testkit::install::{Install, Version};
use testkit::messages::{bind, execute, parse, sync};
use testkit::{Client, Postgres, Proxy};

use crate::scene::before;

/// What is changed, how to see it, and what is seen by whom.
struct Change {
    /// Run one after the other.
    change: &'static [&'static str],
    probe: &'static str,
    /// What the client sees that has changed it.
    own: &'static str,
    /// What everybody else sees.
    others: &'static str,
    /// The server stays with the client meanwhile.
    kept: bool,
}

const fn carried(
    change: &'static [&'static str],
    probe: &'static str,
    own: &'static str,
    others: &'static str,
) -> Change {
    Change { change, probe, own, others, kept: false }
}

const fn kept(
    change: &'static [&'static str],
    probe: &'static str,
    own: &'static str,
    others: &'static str,
) -> Change {
    Change { change, probe, own, others, kept: true }
}

const LOCKS: &str = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()";
const CURSORS: &str = "select count(*) from pg_cursors where is_holdable";
const TENANT: &str = "select coalesce(current_setting('app.tenant', true), '')";

const CHANGES: &[Change] = &[
    // settings that servers report
    carried(&["set timezone = 'Asia/Tokyo'"], "show timezone", "Asia/Tokyo", "Etc/UTC"),
    carried(&["set time zone 'Asia/Tokyo'"], "show timezone", "Asia/Tokyo", "Etc/UTC"),
    carried(&["set datestyle = 'German'"], "show datestyle", "German, DMY", "ISO, MDY"),
    carried(&["set intervalstyle to iso_8601"], "show intervalstyle", "iso_8601", "postgres"),
    carried(&["set application_name = 'a''b\\'"], "show application_name", "a'b\\", ""),
    carried(&["set client_encoding = 'LATIN1'"], "show client_encoding", "LATIN1", "UTF8"),
    carried(&["set names 'LATIN1'"], "show client_encoding", "LATIN1", "UTF8"),
    carried(&["set standard_conforming_strings = off"], "show standard_conforming_strings", "off", "on"),
    carried(&["set default_transaction_read_only = on"], "show default_transaction_read_only", "on", "off"),
    // those that they do not, or not always
    carried(
        &["set search_path = pg_catalog, \"Odd, one\""],
        "show search_path",
        "pg_catalog, \"Odd, one\"",
        "\"$user\", public",
    ),
    carried(&["set schema 'pg_catalog'"], "show search_path", "pg_catalog", "\"$user\", public"),
    carried(&["select set_config('search_path', '', false)"], "show search_path", "", "\"$user\", public"),
    carried(&["set statement_timeout = '123s'"], "show statement_timeout", "123s", "0"),
    carried(&["set lock_timeout = 4567"], "show lock_timeout", "4567ms", "0"),
    carried(&["set session work_mem = '7MB'"], "show work_mem", "7MB", "4MB"),
    carried(&["/* x */ -- y\n set work_mem to 8192"], "show work_mem", "8MB", "4MB"),
    carried(&["SELECT pg_catalog.set_config('work_mem', '9MB', 'f')"], "show work_mem", "9MB", "4MB"),
    carried(
        &["with x as (select set_config('work_mem', '10MB', false)) select * from x"],
        "show work_mem",
        "10MB",
        "4MB",
    ),
    carried(&["begin", "set work_mem = '11MB'", "commit"], "show work_mem", "11MB", "4MB"),
    carried(&["begin", "set work_mem = '12MB'", "rollback"], "show work_mem", "4MB", "4MB"),
    carried(&["begin", "set local work_mem = '13MB'", "commit"], "show work_mem", "4MB", "4MB"),
    carried(
        &[
            "begin",
            "set work_mem = '14MB'",
            "savepoint s",
            "set work_mem = '15MB'",
            "rollback to s",
            "commit",
        ],
        "show work_mem",
        "14MB",
        "4MB",
    ),
    carried(&["set work_mem = '16MB'", "reset work_mem"], "show work_mem", "4MB", "4MB"),
    carried(&["set work_mem = '17MB'", "reset all"], "show work_mem", "4MB", "4MB"),
    carried(&["set work_mem = '18MB'", "set work_mem to default"], "show work_mem", "4MB", "4MB"),
    carried(&["set work_mem = '19MB'", "discard all"], "show work_mem", "4MB", "4MB"),
    carried(&["set extra_float_digits = 3"], "show extra_float_digits", "3", "1"),
    carried(&["set bytea_output = 'escape'"], "show bytea_output", "escape", "hex"),
    carried(&["set row_security = off"], "show row_security", "off", "on"),
    carried(&["set client_min_messages = error"], "show client_min_messages", "error", "notice"),
    carried(
        &["set session_replication_role = replica"],
        "show session_replication_role",
        "replica",
        "origin",
    ),
    carried(&["set lc_numeric = 'C.UTF-8'"], "show lc_numeric", "C.UTF-8", "C"),
    carried(&["set xml option document"], "show xmloption", "document", "content"),
    carried(
        &["set plan_cache_mode = force_custom_plan"],
        "show plan_cache_mode",
        "force_custom_plan",
        "auto",
    ),
    carried(
        &["set session characteristics as transaction isolation level serializable"],
        "show transaction_isolation",
        "serializable",
        "read committed",
    ),
    carried(
        &["set session characteristics as transaction read only"],
        "show transaction_read_only",
        "on",
        "off",
    ),
    // custom ones
    carried(&["set app.tenant = '42'"], TENANT, "42", ""),
    carried(
        &["select set_config('app.tenant', 'x''; drop table t; --', false)"],
        TENANT,
        "x'; drop table t; --",
        "",
    ),
    carried(&["select set_config('app.tenant', 'é', false)"], TENANT, "é", ""),
    carried(&["set app.tenant = '1'", "reset app.tenant"], TENANT, "", ""),
    // who acts
    carried(&["set role bob"], "select current_user", "bob", "postgres"),
    carried(&["set local role bob"], "select current_user", "postgres", "postgres"),
    carried(&["set role bob", "set role none"], "select current_user", "postgres", "postgres"),
    carried(&["set session authorization bob"], "select session_user", "bob", "postgres"),
    carried(
        &["set session authorization bob", "reset session authorization"],
        "select session_user",
        "postgres",
        "postgres",
    ),
    carried(&["select set_config('role', 'bob', false)"], "select current_user", "bob", "postgres"),
    // what only the server can see
    carried(&["do $$ begin set work_mem = '20MB'; end $$"], "show work_mem", "20MB", "4MB"),
    carried(
        &["do $$ begin perform set_config('work_mem', '21MB', false); end $$"],
        "show work_mem",
        "21MB",
        "4MB",
    ),
    carried(&["call sets_it()"], "show work_mem", "22MB", "4MB"),
    carried(&["select f_sets_it()"], "show work_mem", "23MB", "4MB"),
    carried(
        &["update pg_settings set setting = '8MB' where name = 'work_mem'"],
        "show work_mem",
        "8MB",
        "4MB",
    ),
    // statements
    carried(&["prepare q as select 'mine'"], "execute q", "mine", "!26000"),
    carried(&["prepare q as select 'mine'", "deallocate q"], "execute q", "!26000", "!26000"),
    carried(&["prepare q as select 'mine'", "deallocate all"], "execute q", "!26000", "!26000"),
    // what stays where it is
    kept(&["create temp table t (i int)"], "select to_regclass('pg_temp.t') is not null", "t", "f"),
    kept(&["create temporary sequence t"], "select to_regclass('pg_temp.t') is not null", "t", "f"),
    kept(
        &["create or replace temp view t as select 1"],
        "select to_regclass('pg_temp.t') is not null",
        "t",
        "f",
    ),
    kept(&["select 1 as i into temporary t"], "select to_regclass('pg_temp.t') is not null", "t", "f"),
    kept(&["create table pg_temp.t (i int)"], "select to_regclass('pg_temp.t') is not null", "t", "f"),
    kept(
        &["create function pg_temp.f() returns int language sql as 'select 1'"],
        "select to_regproc('pg_temp.f') is not null",
        "t",
        "f",
    ),
    kept(&["declare c cursor with hold for select 1"], CURSORS, "1", "0"),
    kept(&["begin", "declare c cursor with hold for select 1", "commit"], CURSORS, "1", "0"),
    kept(&["select pg_advisory_lock(1)"], LOCKS, "1", "0"),
    kept(&["select pg_advisory_lock_shared(1, 2)"], LOCKS, "1", "0"),
    kept(&["select pg_try_advisory_lock(1)"], LOCKS, "1", "0"),
    kept(&["begin", "select pg_advisory_lock(1)", "rollback"], LOCKS, "1", "0"),
    kept(&["select f_locks_it()"], LOCKS, "1", "0"),
    kept(&["load 'plpgsql'"], "select 1", "1", "1"),
    carried(&["select pg_advisory_xact_lock(1)"], LOCKS, "0", "0"),
    carried(&["select pg_advisory_lock(1)", "select pg_advisory_unlock(1)"], LOCKS, "0", "0"),
    carried(
        &["begin", "create temp table t (i int) on commit drop", "commit"],
        "select to_regclass('pg_temp.t') is not null",
        "f",
        "f",
    ),
];

/// What the changes need to be there.
const SCENERY: &str = "create role bob; grant pg_read_all_data to bob; \
    create procedure sets_it() language plpgsql as $$ begin perform set_config('work_mem', '22MB', false); end $$; \
    create function f_sets_it() returns int language plpgsql as \
    $$ begin perform set_config('work_mem', '23MB', false); return 1; end $$; \
    create function f_locks_it() returns int language plpgsql as \
    $$ begin perform pg_advisory_lock(5); return 1; end $$";

/// How statements are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Simple,
    Extended,
}

/// What a statement says: its rows, or the SQLSTATE of its error.
fn say(client: &mut Client, protocol: Protocol, sql: &str) -> String {
    match protocol {
        Protocol::Simple => client.send(&testkit::messages::query(sql)),
        Protocol::Extended => {
            client.send(&[parse("", sql, &[]), bind("", "", &[]), execute("", 0), sync()].concat());
        }
    }
    let answer = client.read_until_ready();
    let errors = answer
        .iter()
        .filter(|message| message.tag == b'E')
        .filter_map(testkit::Message::error)
        .map(|error| format!("!{}", error.code()));
    let rows = answer.iter().filter(|message| message.tag == b'D').map(|row| row.texts().join("|"));
    errors.chain(rows).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn try_all(postgres: &Postgres) {
    postgres.psql(SCENERY);
    let mut wrong = Vec::new();
    for protocol in [Protocol::Simple, Protocol::Extended] {
        let proxy = before(postgres).pool_size(1).start();
        for change in CHANGES {
            wrong.extend(
                one(&proxy, protocol, change)
                    .into_iter()
                    .map(|what| format!("{protocol:?}: {:?}: {what}", change.change)),
            );
        }
    }
    assert!(wrong.is_empty(), "{} leaked or lost:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is wrong, if anything.
fn one(proxy: &Proxy, protocol: Protocol, change: &Change) -> Vec<String> {
    let (mut one, mut other) = (proxy.connect().open(), proxy.connect().open());
    let mut wrong = Vec::new();
    let mut see = |client: &mut Client, want: &str, who: &str| {
        let seen = say(client, protocol, change.probe);
        if seen != want {
            wrong.push(format!("{who}: {seen} instead of {want}"));
        }
    };
    see(&mut other, change.others, "before");
    for sql in change.change {
        let said = say(&mut one, protocol, sql);
        assert!(!said.starts_with('!'), "{sql}: {said}");
    }
    if change.kept {
        see(&mut one, change.own, "for itself");
        drop(one);
        see(&mut other, change.others, "for others");
        return wrong;
    }
    for _ in 0..2 {
        see(&mut other, change.others, "for others");
        see(&mut one, change.own, "for itself");
    }
    wrong
}

#[test]
fn no_change_reaches_another_client_or_is_lost() {
    try_all(&Postgres::start());
}

#[test]
fn so_it_is_with_postgresql_18() {
    if Install::v18_or_skip("state::matrix::so_it_is_with_postgresql_18").is_none() {
        return;
    }
    try_all(&Postgres::builder().version(Version::V18).start());
}
