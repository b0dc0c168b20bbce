//! What `classify` knows by name, beside the catalogues of servers: functions that read, types, operators, tables.

use std::collections::BTreeSet;

use classify::memo::thorough;
use classify::{Lexis, Verdict};
use testkit::Postgres;
use testkit::install::{Install, Version};

const READS: &str = include_str!("../../crates/classify/src/effects/replica.txt");

/// Functions that are volatile and read all the same: their answer is another one each time on any server, they ask
/// nothing of this one, and a replica runs them.
const VOLATILE: &[&str] = &[
    // chance, and the clock
    "array_sample",
    "array_shuffle",
    "clock_timestamp",
    "gen_random_uuid",
    "random",
    "random_normal",
    "timeofday",
    "uuidv4",
    "uuidv7",
    // samples of a table
    "bernoulli",
    "system",
    // look at the catalogue as it is at this moment
    "pg_partition_ancestors",
    "pg_partition_tree",
    // wait
    "pg_sleep*",
];

/// Functions that are not volatile and are for the primary all the same, by how their names begin.
const FOR_THE_PRIMARY: &[&str] = &[
    // about this server, its sessions, its settings, its files
    "current_setting",
    "getpgusername",
    "inet_*",
    "pg_available_extension*",
    "pg_backend_pid",
    "pg_conf_load_time",
    "pg_config",
    "pg_cursor",
    "pg_extension_update_paths",
    "pg_get_replication_slots",
    "pg_is_other_temp_schema",
    "pg_listening_channels",
    "pg_my_temp_schema",
    "pg_numa_available",
    "pg_postmaster_start_time",
    "pg_prepared_statement",
    "pg_settings_get_flags",
    "pg_show_all_settings",
    "pg_stat_get_*",
    "pg_tablespace_*",
    // transactions and the log: a replica refuses them, or knows others
    "pg_current_snapshot",
    "pg_current_xact_id*",
    "pg_replication_origin_oid",
    "pg_split_walfile_name",
    "pg_visible_in_snapshot",
    "pg_walfile_name*",
    "txid_*",
    // run what they are given, or read what they are told
    "database_to_xml*",
    "schema_to_xml*",
    "table_to_xml*",
    // make values of types that are not in the text
    "array_in",
    "array_recv",
    "domain_in",
    "domain_recv",
    "enum_in",
    "enum_recv",
    "multirange_in",
    "multirange_recv",
    "range_in",
    "range_recv",
    "record_in",
    "record_recv",
    // nobody calls them
    "fmgr_*",
    "hashvarlena",
    "pg_event_trigger_*",
    "pg_get_publication_tables",
];

/// Tables and views of `pg_catalog` that are for the primary, by how their names begin.
const SERVER_STATE: &[&str] = &[
    "pg_aios",
    "pg_available_extension*",
    "pg_backend_memory_contexts",
    "pg_config",
    "pg_cursors",
    "pg_file_settings",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_locks",
    "pg_prepared_*",
    "pg_replication_origin_status",
    "pg_replication_slots",
    // the last value of a sequence is ahead on a replica
    "pg_sequences",
    "pg_settings",
    "pg_shmem_allocations*",
    "pg_stat_*",
    "pg_statio_*",
    "pg_wait_events",
];

fn verdict(sql: &str) -> Verdict {
    thorough(sql.as_bytes(), true, Lexis { backslashes: false })
}

/// What an old and a new server say to the same question, the new one only if it can be had.
fn servers(test: &str) -> Vec<Postgres> {
    let mut servers = vec![Postgres::start()];
    if Install::v18_or_skip(test).is_some() {
        servers.push(Postgres::builder().version(Version::V18).start());
    }
    servers
}

fn named(list: &[&str], name: &str) -> bool {
    list.iter().any(|known| match known.strip_suffix('*') {
        Some(begins) => name.starts_with(begins),
        None => *known == name,
    })
}

/// Every name, with what the first column says of it, which must be the same for all of its kind.
fn rows(server: &Postgres, sql: &str) -> Vec<(String, String)> {
    let rows = server.psql(sql);
    rows.lines().filter_map(|line| line.split_once('|')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

#[test]
fn functions_that_read_are_not_volatile() {
    let servers = servers("functions_that_read_are_not_volatile");
    let mut exist = BTreeSet::new();
    let mut wrong = Vec::new();
    for server in &servers {
        for (volatile, name) in rows(
            server,
            "select bool_or(provolatile = 'v'), proname from pg_proc \
             where pronamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) group by proname",
        ) {
            let reads = verdict(&format!("SELECT \"{name}\"(1)")).reads();
            match (volatile == "t", reads) {
                (true, true) if !named(VOLATILE, &name) => wrong.push(format!("volatile and read: {name}")),
                (false, false) if !named(FOR_THE_PRIMARY, &name) => wrong.push(format!("primary: {name}")),
                _ => {}
            }
            exist.insert(name);
        }
        // types are called to convert
        exist.extend(server.psql("select typname from pg_type").lines().map(str::to_owned));
    }
    if servers.len() > 1 {
        let gone =
            READS.lines().filter(|name| !exist.contains(*name)).map(|name| format!("not there: {name}"));
        wrong.extend(gone);
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn types_of_the_servers_own_are_known() {
    for server in servers("types_of_the_servers_own_are_known") {
        let names = server.psql(
            "select typname from pg_type where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm') \
             and typcategory <> 'A'",
        );
        let unknown: Vec<&str> =
            names.lines().filter(|name| verdict(&format!("SELECT a::\"{name}\"")).doubt.is_some()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        for own in ["my_type", "\"Text\"", "\"integer\"", "s.text", "\"double\""] {
            assert!(verdict(&format!("SELECT a::{own}")).doubt.is_some(), "{own}");
        }
    }
}

#[test]
fn operators_of_the_servers_own_are_known() {
    for server in servers("operators_of_the_servers_own_are_known") {
        let names = server
            .psql("select distinct oprname from pg_operator where oprnamespace = 'pg_catalog'::regnamespace");
        let unknown: Vec<&str> =
            names.lines().filter(|name| verdict(&format!("SELECT a {name} b")).doubt.is_some()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        for own in ["<=>", "@-", "===", "~>", "<->>"] {
            assert!(verdict(&format!("SELECT a {own} b")).doubt.is_some(), "{own}");
        }
    }
}

#[test]
fn catalogues_are_read_and_the_state_of_servers_is_not() {
    let mut wrong = Vec::new();
    for server in servers("catalogues_are_read_and_the_state_of_servers_is_not") {
        for (kind, name) in rows(
            &server,
            "select relkind, relname from pg_class \
             where relnamespace = 'pg_catalog'::regnamespace and relkind in ('r', 'v')",
        ) {
            let reads = verdict(&format!("SELECT 1 FROM {name}")).reads();
            if reads == named(SERVER_STATE, &name) {
                wrong.push(format!("{kind} {name}"));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
