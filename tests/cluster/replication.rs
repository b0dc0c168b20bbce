//! Replication connections: a server connection of the client's own, with nothing changed on the way.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use testkit::client::tags;
use testkit::dir::Dir;
use testkit::{Client, Postgres, Proxy, messages as m, wait};

use crate::scene::{before, is_whole, last_words, server_error};

/// Connections for replication, as the server sees them.
const WALSENDERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'";

/// PostgreSQL's own programs ask for the database "replication" where they need none.
fn with_replication(postgres: &Postgres) -> testkit::proxy::Builder {
    before(postgres).database("replication", postgres)
}

fn open(proxy: &Proxy) -> Client {
    proxy.connect().param("replication", "database").open()
}

#[test]
fn commands_of_replication_and_sql_pass_with_the_clients_parameters() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(1).start();
    let mut direct = postgres.connect().param("replication", "database").open();
    let connect = proxy.connect().param("replication", "database").param("application_name", "theirs");
    let mut client = connect.param("options", "-c work_mem=7MB").open();
    for name in ["server_version", "in_hot_standby", "client_encoding"] {
        assert_eq!(client.parameter(name), direct.parameter(name), "{name}");
    }
    let mine = "SELECT application_name, current_setting('work_mem') FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    assert_eq!(client.rows(mine), "theirs|7MB");
    let identify = |client: &mut Client| {
        let answer = client.query("IDENTIFY_SYSTEM");
        (tags(&answer), answer.iter().find(|m| m.tag == b'D').unwrap().texts()[0].clone())
    };
    assert_eq!(identify(&mut client), identify(&mut direct));
    let wrong = "START_REPLICATION SLOT nobody LOGICAL 0/0";
    assert_eq!(client.query(wrong), direct.query(wrong), "an error and its place");
    assert_eq!(client.rows("SHOW wal_level"), "logical");
    // the pool has nothing to do with it: it has its one server, and keeps it
    let mut holder = proxy.connect().open();
    holder.rows("BEGIN");
    let mut second = open(&proxy);
    assert_eq!(second.rows("SELECT 'second'"), "second");
    holder.rows("COMMIT");
    drop((client, second, direct));
    let mut door = postgres.door().open();
    wait::until(wait::PATIENCE, "they are closed with their clients", || door.rows(WALSENDERS) == "0");
    is_whole(&proxy, &postgres, 1, "replication");
}

#[test]
fn it_counts_under_the_caps_and_says_so_when_they_are_reached() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(2).set("pool.max_server_connections", "2").start();
    let client = open(&proxy);
    assert_eq!(proxy.connect().open().rows("SELECT 1"), "1");
    let error = server_error(proxy.connect().param("replication", "database").try_open());
    assert_eq!((error.field(b'S'), error.code()), ("FATAL", "53300"), "{error}");
    drop(client);
    wait::until(wait::PATIENCE, "there is room again", || {
        proxy.connect().param("replication", "on").try_open().is_ok()
    });
    let error = server_error(proxy.connect().user("nobody").param("replication", "1").try_open());
    assert_eq!((error.field(b'S'), error.code()), ("FATAL", "28000"), "the server's own: {error}");
    let error = server_error(proxy.connect().database("nowhere").param("replication", "on").try_open());
    assert_eq!(error.code(), "3D000");
    let proxy = before(&postgres).set("admin.users", "[\"postgres\"]").start();
    let error = server_error(proxy.connect().database("pgweir").param("replication", "on").try_open());
    assert_eq!(error.code(), "0A000");
    assert_eq!(proxy.connect().param("replication", "off").open().rows("SELECT 1"), "1");
}

#[test]
fn a_cancel_reaches_it() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut client = open(&proxy);
    client.send(&m::query("SELECT pg_sleep(603)"));
    let mut door = postgres.door().open();
    let runs = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(603)' AND state = 'active'";
    wait::until(wait::PATIENCE, "it runs", || door.rows(runs) == "1");
    client.cancel();
    let answer = client.read_until_ready();
    assert_eq!(answer.iter().find_map(testkit::Message::error).unwrap().code(), "57014");
    assert_eq!(client.rows("SELECT 'usable'"), "usable");
}

/// A copy of the whole server, of which the client takes nothing for now.
#[test]
fn a_client_that_does_not_read_costs_no_memory() {
    let postgres = Postgres::start();
    postgres.psql("CREATE TABLE big AS SELECT repeat(md5(i::text), 30) t FROM generate_series(1, 30000) i");
    let proxy = before(&postgres).start();
    let mut client = open(&proxy);
    let before = proxy.rss_kb();
    client.send(&m::query("BASE_BACKUP (CHECKPOINT 'fast')"));
    let mut door = postgres.door().open();
    // that it does not end is what shows it: nothing more of it goes anywhere
    let (mut streamed, mut same) = (String::new(), 0);
    wait::until(wait::PATIENCE, "the server waits for the client", || {
        let now =
            door.rows("SELECT backup_streamed FROM pg_stat_progress_basebackup WHERE backup_streamed > 0");
        same = if now == streamed && !now.is_empty() { same + 1 } else { 0 };
        streamed = now;
        same == 20
    });
    let grown = proxy.rss_kb().saturating_sub(before);
    assert!(grown < 8 * 1024, "grew by {grown} kB");
    let answer = client.read_until_ready();
    let bytes: usize = answer.iter().filter(|m| m.tag == b'd').map(|m| m.body.len()).sum();
    assert!(bytes > 40_000_000, "{bytes} bytes of a backup");
    assert!(answer.iter().all(|m| m.tag != b'E'));
}

/// A program of PostgreSQL's own, through pgweir.
fn program(postgres: &Postgres, proxy: &Proxy, name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(postgres.install().program(name));
    command.args(["-h", "127.0.0.1", "-p", &proxy.port().to_string(), "-U", "postgres", "-w"]).args(args);
    command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A child that is ended, whatever becomes of the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}

fn contains(dir: &Path, name: &str) -> bool {
    std::fs::read_dir(dir).unwrap().flatten().any(|entry| entry.file_name().to_string_lossy().contains(name))
}

#[test]
fn pg_receivewal_and_pg_recvlogical_follow_and_pg_basebackup_copies() {
    let postgres = Postgres::start();
    postgres.psql("CREATE TABLE t (id int8)");
    let proxy = with_replication(&postgres).start();
    let (dir, mut door) = (Dir::new("replication"), postgres.door().open());
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::create_dir(dir.path().join("wal")).unwrap();
    let receivewal = program(&postgres, &proxy, "pg_receivewal", &["-D", &path("wal"), "-s", "1"]).spawn();
    let _receivewal = Running(receivewal.unwrap());
    let logical = ["-d", "postgres", "-S", "s", "-P", "test_decoding"];
    let created = program(&postgres, &proxy, "pg_recvlogical", &[&logical[..], &["--create-slot"]].concat());
    let created = { created }.output().unwrap();
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let file = path("changes");
    let start = [&logical[..], &["--start", "-f", &file, "-s", "1", "-F", "0"]].concat();
    let _recvlogical = Running(program(&postgres, &proxy, "pg_recvlogical", &start).spawn().unwrap());
    wait::until(wait::PATIENCE, "both stream", || {
        door.rows("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "2"
    });
    // each answers the server's keepalives, and what they are sent is what was written
    for round in 0..5 {
        proxy.connect().open().rows(&format!("INSERT INTO t SELECT {round} FROM generate_series(1, 200)"));
        let before = door.rows("SELECT pg_current_wal_flush_lsn()");
        let told = format!("SELECT count(*) FROM pg_stat_replication WHERE write_lsn >= '{before}'");
        wait::until(wait::PATIENCE, "both have it", || door.rows(&told) == "2");
    }
    let changes = std::fs::read_to_string(&file).unwrap();
    assert_eq!(changes.matches("table public.t: INSERT").count(), 1000);
    door.rows("SELECT pg_switch_wal()");
    wait::until(wait::PATIENCE, "a segment is whole", || {
        let names = std::fs::read_dir(dir.path().join("wal")).unwrap().flatten();
        names.into_iter().any(|entry| !entry.file_name().to_string_lossy().ends_with(".partial"))
    });
    let backup = ["-D", &path("backup"), "-X", "stream", "-c", "fast"];
    let copied = program(&postgres, &proxy, "pg_basebackup", &backup).output().unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    assert!(contains(&dir.path().join("backup"), "backup_manifest"));
    let whole =
        Command::new(postgres.install().program("pg_verifybackup")).arg(path("backup")).output().unwrap();
    assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
}

#[test]
fn a_stream_ends_at_a_drain_and_with_its_server() {
    let mut postgres = Postgres::start();
    let mut proxy = before(&postgres).start();
    let stream = |proxy: &Proxy| {
        let mut client = open(proxy);
        client.rows("CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL test_decoding");
        client.send(&m::query("START_REPLICATION SLOT s LOGICAL 0/0"));
        client.expect(b'W');
        client
    };
    let killed = stream(&proxy);
    proxy.term();
    let code = |mut client: Client| last_words(&mut client).last().map(|error| error.code().to_owned());
    assert_eq!(code(killed).as_deref(), Some("57P01"));
    proxy.wait_exit(wait::PATIENCE);
    let proxy = before(&postgres).start();
    let mut client = stream(&proxy);
    postgres.stop(testkit::postgres::Stop::Immediate);
    let said = last_words(&mut client);
    assert!(!said.is_empty(), "the server's own words, or that it was lost");
}

#[test]
fn a_rule_for_all_databases_lets_no_physical_replication_in() {
    let postgres = Postgres::start();
    let dir = Dir::new("replication-hba");
    let file = dir.path().join("hba.conf");
    std::fs::write(&file, "host all all all trust\n").unwrap();
    let rules = format!("\"{}\"", file.display());
    let proxy = with_replication(&postgres).auth("hba").set("auth.hba", &rules).start();
    let physical = || proxy.connect().database("replication").param("replication", "true").try_open();
    assert_eq!(server_error(physical()).code(), "28000");
    assert_eq!(open(&proxy).rows("SELECT 'logical'"), "logical");
    std::fs::write(&file, "host replication all all trust\n").unwrap();
    proxy.reload();
    wait::until(wait::PATIENCE, "a rule of its own does", || physical().is_ok());
}
