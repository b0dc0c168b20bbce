//! How the kit starts pgweir, tried on a stand-in that only listens: pgweir's own tests bring the real one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use testkit::dir::Dir;
use testkit::{Proxy, wait};

/// A program called as pgweir is, that listens where the configuration says until it is told to stop.
const STAND_IN: &str = "#!/bin/sh
port=$(sed -n 's/^address = \"127.0.0.1:\\([0-9]*\\)\"$/\\1/p' \"$3\")
[ -n \"$port\" ] || { echo \"no address in $3\" >&2; exit 1; }
exec redis-server --port \"$port\" --bind 127.0.0.1 --save ''
";

#[test]
fn it_is_started_measured_and_stopped() {
    let dir = Dir::new("stand-in");
    let bin = stand_in(&dir);
    let mut proxy = Proxy::builder(&bin).pool_size(2).start();
    assert!(std::net::TcpStream::connect(("127.0.0.1", proxy.port())).is_ok());
    assert!(proxy.rss_kb() > 1000, "{} kB", proxy.rss_kb());
    let before = proxy.cpu_us();
    wait::until(wait::PATIENCE, "it has used the processor", || proxy.cpu_us() > before);
    proxy.wait_log("Ready to accept connections");
    proxy.edit_config("size = 2", "size = 3");
    assert!(fs::read_to_string(proxy.config_path()).unwrap().contains("[pool]\nsize = 3\n"));
    proxy.term();
    assert!(proxy.wait_exit(wait::PATIENCE).success());
}

#[test]
fn one_that_ends_at_once_gives_its_log() {
    let dir = Dir::new("stand-in");
    let bin = stand_in(&dir);
    let log = Proxy::try_start(&bin, |_, _| "nothing".to_owned()).unwrap_err();
    assert!(log.contains("no address in"), "{log:?}");
}

fn stand_in(dir: &Dir) -> PathBuf {
    let bin = dir.path().join("pgweir");
    let written = fs::write(&bin, STAND_IN);
    let made = written.and_then(|()| fs::set_permissions(&bin, fs::Permissions::from_mode(0o755)));
    assert!(made.is_ok(), "{made:?}");
    bin
}
