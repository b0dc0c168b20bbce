//! A server's name that has another address than it had: nothing goes to the old one for longer than it must.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::dir::Dir;
use testkit::proxy::Server;
use testkit::skip::skipped;
use testkit::{Postgres, Proxy, Tap, wait};

use crate::scene::PGWEIR;

/// A pgweir that sees this file in the place of /etc/hosts; nobody else does.
fn with_hosts(dir: &Path, hosts: &Path) -> PathBuf {
    let script = dir.join("pgweir");
    let inner = format!("mount --bind {} /etc/hosts && exec {PGWEIR} \"$@\"", hosts.display());
    fs::write(&script, format!("#!/bin/sh\nexec unshare -m sh -c '{inner}' pgweir \"$@\"\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

fn may_mount() -> bool {
    let tried =
        Command::new("unshare").args(["-m", "sh", "-c", "mount --bind /dev/null /etc/hosts"]).output();
    tried.is_ok_and(|output| output.status.success())
}

#[test]
fn connections_to_an_address_that_a_name_has_no_more_are_closed_when_they_are_free() {
    if !may_mount() {
        return skipped("names_of_servers", "a file of hosts of one's own needs the right to mount");
    }
    let (old, new) = (Postgres::start(), Postgres::start());
    // both at the same port, each at its own address
    let there = Tap::start_at(("127.0.0.2", old.port()), new.host(), new.port());
    let dir = Dir::new("hosts");
    let hosts = dir.path().join("hosts");
    fs::write(&hosts, "127.0.0.1 db.test\n").unwrap();
    let proxy = Proxy::builder(with_hosts(dir.path(), &hosts))
        .database("postgres", Server::at("db.test", old.port()))
        .set("failover.resolve_interval", "\"100ms\"")
        .set("log.level", "\"debug\"")
        .pool_size(2)
        .start();
    let port = "SELECT current_setting('port')";
    let (mut free, mut in_transaction) = (proxy.connect().open(), proxy.connect().open());
    in_transaction.rows("BEGIN");
    assert_eq!(free.rows(port), old.port().to_string());
    fs::write(&hosts, "127.0.0.2 db.test\n").unwrap();
    wait::until(wait::PATIENCE, "the new address is used", || free.rows(port) == new.port().to_string());
    assert_eq!(in_transaction.rows(port), old.port().to_string(), "nobody is interrupted");
    in_transaction.rows("COMMIT");
    assert_eq!(in_transaction.rows(port), new.port().to_string());
    assert!(there.connections() > 0);
    // a resolver that knows nothing for a while takes nothing away
    fs::write(&hosts, "").unwrap();
    proxy.wait_log("could not be looked up");
    for _ in 0..20 {
        assert_eq!(free.rows(port), new.port().to_string());
    }
}
