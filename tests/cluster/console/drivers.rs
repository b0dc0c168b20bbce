//! Other people's drivers at the console, each in its default manners.

use std::process::Command;

use testkit::fail::OrFail;
use testkit::{Client, Postgres, Proxy, drivers, wait};

use super::{admin, before, show};

fn said(mut command: Command) -> String {
    let output = command.output().or_fail("driver");
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// One client, one server, both idle.
fn started() -> (Postgres, Proxy, Client) {
    let postgres = Postgres::start();
    let proxy = before(&postgres).start();
    let mut client = proxy.connect().open();
    client.rows("SELECT 1");
    let mut console = admin(&proxy);
    wait::until(wait::PATIENCE, "the server is back", || {
        show(&mut console, "SHOW POOLS").number("sv_idle", &[("database", "postgres")]) == 1
    });
    (postgres, proxy, client)
}

#[test]
fn psql() {
    let (postgres, proxy, _client) = started();
    let psql = postgres.install().program("psql");
    for sql in ["SHOW POOLS", "BEGIN; SHOW POOLS; COMMIT"] {
        let mut command = Command::new(&psql);
        command.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            sql,
            &proxy.url("admin", "pgbouncer"),
        ]);
        let text = said(command);
        assert!(text.contains("postgres|postgres|1|0|0|0|0|0|0|1|0|0|0|0|0|transaction|"), "{text}");
    }
}

#[test]
fn psycopg2_and_psycopg3() {
    const SCRIPT: &str = "
import sys, psycopg, psycopg2
url = sys.argv[1]
old = psycopg2.connect(url)  # sends BEGIN first
cursor = old.cursor()
cursor.execute('SHOW POOLS')
print([c.name for c in cursor.description][:2], len(cursor.fetchall()))
old.commit()
with psycopg.connect(url) as new:
    print(len(new.execute('SHOW POOLS').fetchall()))
    print(len(new.execute('SHOW POOLS', prepare=True).fetchall()))
    print(new.execute('SHOW STATS', binary=True).fetchone()[0])
    cursor = new.execute('SHOW LISTS', binary=True, prepare=True)
    print(dict(cursor.fetchall())['databases'])
with psycopg.connect(url, autocommit=True) as new, new.pipeline():
    print(new.execute('SHOW VERSION').fetchone()[0])
";
    let Some(mut python) = drivers::python("psycopg2_and_psycopg3") else { return };
    let (_postgres, proxy, _client) = started();
    python.args(["-c", SCRIPT, &proxy.url("admin", "pgbouncer")]);
    assert_eq!(said(python), "['database', 'user'] 2\n2\n2\npgbouncer\n2\nPgBouncer 1.25.2");
}

#[test]
fn tokio_postgres_reads_binary_numbers() {
    let (_postgres, proxy, _client) = started();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().or_fail("runtime");
    runtime.block_on(async {
        let url = proxy.url("admin", "pgbouncer");
        let (client, connection) =
            tokio_postgres::connect(&url, tokio_postgres::NoTls).await.or_fail("connect");
        let driven = tokio::spawn(connection);
        let rows = client.query("SHOW POOLS", &[]).await.or_fail("SHOW POOLS");
        let row = rows.iter().find(|row| row.get::<_, &str>("database") == "postgres").or_fail("the pool");
        assert_eq!((row.get::<_, i32>("sv_idle"), row.get::<_, &str>("pool_mode")), (1, "transaction"));
        drop(client);
        assert!(driven.await.is_ok());
    });
}
