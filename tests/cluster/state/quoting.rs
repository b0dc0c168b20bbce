//! Values and names that would be something else if they left their quotes: they are put in force on a server as they
//! are, whatever the client before has left behind of how that server reads strings.

use testkit::Client;

use super::Pair;

/// Values of any setting.
const VALUES: [&str; 14] = [
    "'; drop table t; --",
    "\\'; drop table t; --",
    "'); drop table t; select ('",
    "$u$",
    "$$; drop table t; $$",
    "$u$; drop table t; $u$",
    "\\",
    "\\\\'",
    "x\\",
    "E'\\x27",
    "/* ", // and no end of it
    "a, \"b\", 'c'",
    "é€😀' \\u0027 \u{ff07}",
    "%s {0} $1 ${HOME}\n\t;",
];

/// Values of a list of names, as the server shows them again.
const PATHS: [&str; 6] = [
    "pg_catalog, public",
    "\"Odd, one\", public",
    "\"o\"\"b\", \"it's\"",
    "\"$user\", \"; drop table t; --\"",
    "\"back\\slash\", \"\\'\"",
    "",
];

/// How the client before may have told the server to read strings.
const READING: [&str; 4] = [
    "set standard_conforming_strings = off",
    "set standard_conforming_strings = off; set backslash_quote = on; set escape_string_warning = off",
    "set client_encoding = 'SJIS'",
    "set client_encoding = 'GB18030'; set standard_conforming_strings = off",
];

const OWN: &str = "select current_setting('app.v', true)";

#[track_caller]
fn is_its_own(pair: &mut Pair, own: &mut Client, value: &str, path: &str, what: &str) {
    for reading in READING {
        // the neighbour's own, which has to be undone and the client's put in force
        pair.other.rows(reading);
        assert_eq!(
            pair.other.rows("select coalesce(current_setting('app.v', true), '')"),
            "",
            "{what}: {value}"
        );
        assert_eq!(own.rows(OWN), value, "{what}, behind {reading}");
        assert_eq!(own.rows("show search_path"), path, "{what}, behind {reading}");
        assert_eq!(pair.other.rows("show search_path"), "\"$user\", public", "{what}: {path}");
        pair.other.rows("reset all");
    }
    assert_eq!(pair.other.rows("select count(*) from t"), "1", "{what}: {value}");
}

#[test]
fn values_stay_values_however_they_come_and_however_the_server_reads_strings() {
    let mut pair = Pair::new();
    pair.postgres.psql("create table t as select 1 as i");
    for (number, value) in VALUES.into_iter().enumerate() {
        let path = PATHS[number % PATHS.len()];
        let mut own = pair.proxy.connect().param("app.v", value).param("search_path", path).open();
        is_its_own(&mut pair, &mut own, value, path, "at start-up");

        let mut own = pair.proxy.connect().open();
        let quoted = value.replace('\'', "''");
        own.rows(&format!("set app.v = '{quoted}'"));
        own.rows(&format!("select set_config('search_path', '{}', false)", path.replace('\'', "''")));
        is_its_own(&mut pair, &mut own, value, path, "by SET");

        use testkit::messages::{bind, execute, parse, sync};
        let mut own = pair.proxy.connect().open();
        for (name, value) in [("app.v", value), ("search_path", path)] {
            let set = parse("", "select set_config($1, $2, false)", &[25, 25]);
            let values = [Some(name.as_bytes()), Some(value.as_bytes())];
            own.send(&[set, bind("", "", &values), execute("", 0), sync()].concat());
            own.read_until_ready();
        }
        is_its_own(&mut pair, &mut own, value, path, "as a parameter");
    }
}

/// A name as SQL has it.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

const NAMES: [&str; 6] = ["it's", "quo\"ted", "back\\slash", "; drop table t; --", "$u$", "ünï \u{ff07}"];

#[test]
fn names_stay_names_of_roles_and_of_statements() {
    let mut pair = Pair::new();
    pair.postgres.psql("create table t as select 1 as i; grant select on t to public");
    for name in NAMES {
        let quoted = identifier(name);
        pair.postgres.psql(&format!("create role {quoted}"));
        let mut own = pair.proxy.connect().open();
        own.rows(&format!("set role {quoted}"));
        own.rows(&format!("prepare {quoted} as select 'mine'"));
        let mut started = pair.proxy.connect().param("role", name).open();
        for reading in READING {
            pair.other.rows(reading);
            assert_eq!(own.rows("select current_user::text"), name, "behind {reading}");
            assert_eq!(own.rows(&format!("execute {quoted}")), "mine", "{name}");
            assert_eq!(started.rows("select current_user::text"), name, "behind {reading}");
            assert_eq!(pair.other.rows("select current_user::text"), "postgres");
            // the name is sent as it is written here
            pair.other.rows("reset client_encoding");
            let error = crate::scene::server_error(pair.other.try_rows(&format!("execute {quoted}")));
            assert_eq!(error.code(), "26000", "{name}: {error}");
            pair.other.rows("reset all");
        }
        own.rows(&format!("deallocate {quoted}; reset role"));
        assert_eq!(pair.other.rows("select count(*) from t"), "1", "{name}");
    }
}

#[test]
fn names_stay_names_of_users_and_of_databases() {
    let pair = Pair::with(|builder| builder);
    let postgres = &pair.postgres;
    let proxy =
        crate::scene::before(postgres).database("*", postgres).set("admin.users", "[\"postgres\"]").start();
    for name in NAMES {
        let quoted = identifier(name);
        postgres.psql(&format!("create role {quoted} login"));
        postgres.psql(&format!("create database {quoted} owner {quoted}"));
        let mut client = proxy.connect().user(name).database(name).open();
        assert_eq!(client.rows("select current_user || '@' || current_database()"), format!("{name}@{name}"));
        let mut console = proxy.connect().database("pgweir").open();
        let pools = console.rows("show pools");
        assert!(pools.lines().any(|line| line.starts_with(&format!("{name}|{name}|"))), "{pools}");
    }
    let figures = crate::scene::metrics(&proxy);
    assert!(
        figures.contains("user=\"quo\\\"ted\"") && figures.contains("user=\"back\\\\slash\""),
        "{figures}"
    );
}
