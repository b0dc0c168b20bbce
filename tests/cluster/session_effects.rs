//! What `classify` says a text leaves behind in the session, beside what it does leave behind on a server.

use classify::{Effects, Lexis, Marks, effects};
use testkit::install::{Install, Version};
use testkit::{Client, Postgres};

/// Built-in functions that run the SQL they are given, and one without the name of a setting: those alone may
/// do anything.
const ANYTHING: [&str; 8] = [
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
    "set_config",
    "ts_rewrite",
    "ts_stat",
];

/// Functions that can be called, and types that can be called to convert.
const NAMES: &str = "select distinct quote_ident(name) from ( \
    select proname, pronamespace from pg_proc where prorettype not in ('trigger'::regtype, 'event_trigger'::regtype) \
    union all select typname, typnamespace from pg_type where typtype in ('b', 'r', 'm', 'd') and typname !~ '^_' \
    ) as names (name, schema) where schema in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)";

/// What a session has that outlives a transaction, in one line.
const STATE: &str = "select \
    (select string_agg(name || '=' || setting, ',' order by name) from pg_settings \
        where source = 'session' and name !~ '^transaction_'), \
    (select string_agg(current_setting(name, true), ',') \
        from unnest(array['a.b', 'a.bc', 'session.a', 'local.a', 'time.zone']) name), \
    current_setting('role'), session_user, \
    (select string_agg(name, ',' order by name) from pg_prepared_statements), \
    (select string_agg(name, ',' order by name) from pg_cursors where is_holdable), \
    (select string_agg(c, ',' order by c) from pg_listening_channels() c), \
    (select string_agg(objid || mode, ',' order by objid) from pg_locks \
        where locktype = 'advisory' and pid = pg_backend_pid()), \
    (select string_agg(relname, ',' order by relname) from pg_class where relnamespace = pg_my_temp_schema()), \
    (select string_agg(proname, ',' order by proname) from pg_proc where pronamespace = pg_my_temp_schema())";

/// One after the other in one session: each changes its state, and is told with what stands beside it.
const CHANGES: [(&str, Marks); 46] = [
    ("set work_mem = '5MB'", Marks::SETS),
    ("/* a */ set session \"TimeZone\" to 'Asia/Tokyo'", Marks::SETS),
    ("set time zone local", Marks::SETS),
    ("select 1; set search_path = a; select 2", Marks::SETS),
    ("set schema 'b'", Marks::SETS),
    ("set names 'latin1'", Marks::SETS),
    ("set session characteristics as transaction read only", Marks::SETS),
    ("set session characteristics as transaction read write, deferrable", Marks::SETS),
    ("set xml option document", Marks::SETS),
    ("set session.a = '1'", Marks::SETS),
    ("set local.a = '1'", Marks::SETS),
    ("set time.zone = '1'", Marks::SETS),
    ("set \"A\".\"Bc\" = '1'", Marks::SETS),
    ("select set_config('a.b', 'c', false)", Marks::SETS),
    ("select distinct on (1) set_config('a.b', 'd', false)", Marks::SETS),
    ("select 'x' operator(pg_catalog.||) set_config('work_mem', '600', 'no')", Marks::SETS),
    (
        "select (with a(b) as (select 1), c(d) as (select 2) select set_config('a.b', 'e', false))",
        Marks::SETS,
    ),
    ("copy (select set_config('a.b', 'f', false)) to stdout", Marks::SETS),
    ("explain analyze select \"pg_catalog\" . \"set_config\" ('a.b', 'g', false)", Marks::SETS),
    ("select set_config('a.' || 'b', 'h', false)", Marks::UNKNOWN),
    ("select query_to_xml('select set_config(''a.b'', ''i'', false)', true, true, '')", Marks::UNKNOWN),
    ("do $$ begin perform set_config('a.b', 'j', false); end $$", Marks::UNKNOWN),
    ("update pg_settings set setting = '128' where name = 'work_mem'", Marks::UNKNOWN),
    ("update only pg_catalog.pg_settings s set setting = '129' where name = 'work_mem'", Marks::UNKNOWN),
    ("select U&\"set\\005fconfig\"('a.b', 'm', false)", Marks::UNKNOWN),
    ("select 'a\\'; set a.b = 'n'; --'", Marks::SETS),
    ("select $a$ $b$ $a$; set a.b = 'o'", Marks::SETS),
    ("select 1 --/*\n; set a.b = 'p' --*/", Marks::SETS),
    ("select U&'\\\\'; set a.b = 'q'; select a$b$ from (select 1) as x (a$b$)", Marks::SETS),
    ("reset work_mem", Marks::SETS),
    ("set role pg_monitor", Marks::SETS),
    ("reset role", Marks::SETS),
    ("set session authorization pg_monitor", Marks::SETS),
    ("reset session authorization", Marks::SETS),
    ("reset all", Marks::RESETS_ALL),
    ("prepare a as select 1", Marks::empty()),
    ("explain analyze execute a; deallocate prepare a", Marks::empty()),
    ("declare b cursor with hold for select 1", Marks::HOLDS),
    ("close b", Marks::RELEASES),
    ("listen c; listen d", Marks::LISTENS),
    ("unlisten c", Marks::UNLISTENS),
    ("select (1::bigint).pg_advisory_lock", Marks::UNKNOWN),
    ("select 1 where pg_try_advisory_lock_shared(2)", Marks::LOCKS),
    ("select 1 as x into temp e", Marks::TEMPORARY),
    ("create function pg_temp.f() returns int language sql as 'select 1'", Marks::TEMPORARY),
    ("discard all", Marks::DISCARDS_ALL),
];

/// Texts that look as if they left something behind, and do not.
const NOTHING: [&str; 18] = [
    "select 1; set local work_mem = '7MB'; select 2",
    "begin; set local session authorization pg_monitor; set transaction read only; commit",
    "begin; select set_config('work_mem', '7MB', true), set_config('a.b', 'c', 't'); commit",
    "select 'set a.b = 1', '''; set a.b = 1; --', E'\\'; set a.b = 1; --', $$; set a.b = 1 $$",
    "select 'a'\n'; set a.b = 1'",
    "select 1 /* ; set a.b = 1 /* */ ; set a.b = 1 */ -- ; set a.b = 1",
    "select U&'\\0027; set a.b = 1; --', 1 as U&\"\\0022; set a.b = 1\"",
    "select 1 as a$b$, 2 as c$b$",
    "begin; declare a cursor for select 1; fetch a; commit",
    "select pg_advisory_xact_lock(1), pg_try_advisory_xact_lock_shared(2)",
    "begin; create table temp (temporary int); insert into temp (temporary) select 1; drop table temp; rollback",
    "with a (b) as (select 1), c (d) as (values (2)) select b, d, count(*) over w from a, c window w as (order by b)",
    "select x.a from json_to_record('{\"a\": 1}') as x (a numeric(3, 1)) group by rollup (x.a)",
    "select interval '1 2:03' day to second(2), regclass('pg_class'), (row (1, 2)) in (values (1, 2))",
    "notify a, 'listen b'",
    "show search_path",
    "select name, setting from pg_settings limit 1",
    "explain (costs off) select nullif(1, coalesce(2, 3)) where 1 between (0) and (2)",
];

fn told(sql: &str) -> Option<Box<Effects>> {
    effects(sql.as_bytes(), true, Lexis { backslashes: false })
}

#[test]
fn every_built_in_function_is_known() {
    knows_functions(&Postgres::start());
}

#[test]
fn every_built_in_function_of_postgresql_18_is_known() {
    if Install::v18_or_skip("every_built_in_function_of_postgresql_18_is_known").is_some() {
        knows_functions(&Postgres::builder().version(Version::V18).start());
    }
}

fn knows_functions(postgres: &Postgres) {
    let names = postgres.psql(NAMES);
    let anything = |name: &&str| {
        let call = told(&format!("select {name}()"));
        call.is_some_and(|found| found.marks.contains(Marks::UNKNOWN))
    };
    let unknown: Vec<&str> = names.lines().filter(anything).filter(|name| !ANYTHING.contains(name)).collect();
    assert!(unknown.is_empty(), "neither in functions.txt nor in functions.rs of classify: {unknown:?}");
    assert!(names.lines().count() > 2500);
}

#[test]
fn what_changes_a_session_is_told() {
    changes_are_told(&Postgres::start());
}

#[test]
fn so_it_is_with_postgresql_18() {
    if Install::v18_or_skip("so_it_is_with_postgresql_18").is_some() {
        changes_are_told(&Postgres::builder().version(Version::V18).start());
    }
}

fn changes_are_told(postgres: &Postgres) {
    let mut client = postgres.connect().open();
    client.query("create schema a; create schema b");
    for (sql, marks) in CHANGES {
        let before = state(&mut client);
        client.query(sql);
        assert_ne!(state(&mut client), before, "changes nothing: {sql}");
        let found = told(sql).unwrap_or_else(|| panic!("not told: {sql}"));
        assert!(found.marks.contains(marks), "{sql}: {:?}", found.marks);
    }
}

#[test]
fn what_leaves_nothing_behind_is_told_as_nothing() {
    let postgres = Postgres::start();
    let mut client = postgres.connect().open();
    let before = state(&mut client);
    for sql in NOTHING {
        client.query(sql);
        assert_eq!(state(&mut client), before, "{sql}");
        let settings = told(sql).map(|found| (found.marks, found.settings));
        assert!(settings.is_none_or(|(marks, _)| marks == Marks::RELEASES), "{sql}");
    }
}

fn state(client: &mut Client) -> String {
    client.rows(STATE)
}
