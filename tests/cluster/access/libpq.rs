//! What is shown elsewhere with raw clients, by libpq: sockets, certificates, the words of a refusal.

use std::process::Command;

use testkit::{Authority, Postgres};

use super::{Rules, me};

/// What psql prints for one statement, or what it complains about.
fn psql(postgres: &Postgres, conninfo: &str) -> Result<String, String> {
    let mut command = Command::new(postgres.install().program("psql"));
    let output =
        command.args(["-XAtw", "-d", conninfo, "-c", "SELECT 'in'"]).env("LC_ALL", "C").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[test]
fn psql_comes_by_socket_and_by_certificate() {
    let (authority, postgres) = (Authority::new(), Postgres::start());
    let (pair, alice) = (authority.server(), authority.client("alice"));
    let text = |path: &std::path::Path| path.display().to_string();
    let rules = Rules::new(
        "local    all  all       peer\nhostssl  all  all  all  cert\nhost     all  all  all  reject\n",
        "",
    );
    let proxy = rules
        .before(&postgres)
        .tls("prefer", &text(&pair.cert), &text(&pair.key), Some(&text(&authority.ca())))
        .start();
    let near = format!("host={} port={} dbname=app", proxy.dir().display(), proxy.port());
    assert_eq!(psql(&postgres, &format!("{near} user={}", me())), Ok("in".to_owned()));
    let refused = psql(&postgres, &format!("{near} user=somebody")).unwrap_err();
    assert!(refused.contains("FATAL:  Peer authentication failed for user \"somebody\""), "{refused}");

    let far = format!("host=localhost hostaddr=127.0.0.1 port={} dbname=app", proxy.port());
    let shown = format!(
        "{far} sslmode=verify-full sslrootcert={} sslcert={} sslkey={}",
        text(&authority.ca()),
        text(&alice.cert),
        text(&alice.key)
    );
    assert_eq!(psql(&postgres, &format!("{shown} user=alice")), Ok("in".to_owned()));
    let refused = psql(&postgres, &format!("{shown} user=bob")).unwrap_err();
    assert!(refused.contains("FATAL:  certificate authentication failed for user \"bob\""), "{refused}");
    let refused = psql(&postgres, &format!("{far} sslmode=require sslcert=none user=alice")).unwrap_err();
    assert!(refused.contains("FATAL:  connection requires a valid client certificate"), "{refused}");
    let refused = psql(&postgres, &format!("{far} sslmode=disable user=alice")).unwrap_err();
    assert!(refused.contains("FATAL:  pg_hba.conf rejects connection for host \"127.0.0.1\""), "{refused}");
}
