//! `cargo xtask demo`: everything running, to look at: a primary with two streaming replicas, Redis, and pgweir
//! in front. It waits for Ctrl-C (or `kill`) and removes all of it.

use std::iter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use testkit::port::Port;
use testkit::proxy::{Builder, Server};
use testkit::{Cluster, Postgres, Proxy, Redis, wait};

use crate::checkout;
use crate::error::Error;
use crate::program;
use crate::setup::{self, Purpose};
use crate::stop::Stop;

const USER: &str = "app";
const PASSWORD: &str = "secret";
const DATABASE: &str = "app";

/// Seconds of traffic.
const TRAFFIC: &str = "5";

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), Error> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let given = match words.as_slice() {
        [] => None,
        ["--binary", path] => Some(PathBuf::from(path)),
        other => return Err(Error::Usage(format!("unknown arguments {other:?}"))),
    };
    setup::ensure(Purpose::Demo)?;
    let binary = given.map_or_else(checkout::release_binary, Ok)?;
    let stop = Stop::catch();
    match show(&binary, &stop) {
        // a program that Ctrl-C has stopped as well is no failure of ours
        Err(_) if stop.asked() => Err(Error::Stopped),
        other => other,
    }
}

fn show(binary: &Path, stop: &Stop) -> Result<(), Error> {
    eprintln!("starting a PostgreSQL primary with two streaming replicas, and Redis");
    let primary = Postgres::builder().user(USER, PASSWORD).database(DATABASE);
    let cluster = Cluster::start_from(&primary, 2);
    stop.check()?;
    let redis = Redis::start();
    let mut proxy = start_proxy(binary, &cluster)?;
    stop.check()?;
    traffic(&proxy, &cluster)?;
    cluster.wait_until_caught_up();
    stop.check()?;
    print!("{}", guide(&proxy, &cluster, &redis));
    loop {
        wait::holds(Duration::from_secs(60), || stop.asked() || proxy.exited().is_some());
        if stop.asked() {
            eprintln!("removing everything");
            return Ok(());
        }
        if proxy.exited().is_some() {
            return Err(Error::Down { what: "pgweir (any more)", log: proxy.log() });
        }
    }
}

/// The ports of the documents, if they are free.
fn start_proxy(binary: &Path, cluster: &Cluster) -> Result<Proxy, Error> {
    let ports = [6432, 9127].map(|port| Port::exactly(port).unwrap_or_else(Port::free));
    let servers = |target: &str| -> Vec<Server> {
        let target = format!("\"{target}\"");
        let all = iter::once(&cluster.primary).chain(&cluster.replicas);
        all.map(|server| login(server).key("dbname", &format!("\"{DATABASE}\"")).key("target", &target))
            .collect()
    };
    let config = Builder::new(binary.to_owned())
        .auth("scram-sha-256")
        .user(USER, PASSWORD)
        .set("admin.users", &format!("[\"{USER}\"]"))
        .pool_size(20)
        .database_on(DATABASE, &servers("split"))
        .database_on(&main_only(), &servers("primary"))
        .database_on(&read_only(), &servers("replica"));
    let [port, http] = ports;
    Proxy::try_start_on(binary, (port, http), |port, http| config.config(port, http))
        .map_err(|log| Error::Down { what: "pgweir", log })
}

/// What clients ask for who want the primary for everything.
fn main_only() -> String {
    format!("{DATABASE}_main")
}

/// What clients ask for who want replicas for everything.
fn read_only() -> String {
    format!("{DATABASE}_read")
}

fn login(server: &Postgres) -> Server {
    Server::from(server).login(USER, PASSWORD)
}

/// A little traffic through pgweir: pgbench's tables, then its ordinary transactions.
fn traffic(proxy: &Proxy, cluster: &Cluster) -> Result<(), Error> {
    let pgbench = |words: &[&str]| {
        let mut command = Command::new(cluster.primary.install().program("pgbench"));
        command.args(words).args(["-h", "127.0.0.1", "-p", &proxy.port().to_string(), "-U", USER, DATABASE]);
        command.env("PGPASSWORD", PASSWORD);
        command
    };
    eprintln!("{TRAFFIC} seconds of pgbench, 8 clients, through pgweir");
    program::output(&mut pgbench(&["-i", "-q", "-s", "1"]))?;
    let said = program::output(&mut pgbench(&["-n", "-c", "8", "-T", TRAFFIC]))?;
    for line in said.lines().filter(|line| line.contains("processed") || line.starts_with("tps")) {
        eprintln!("  {line}");
    }
    Ok(())
}

fn guide(proxy: &Proxy, cluster: &Cluster, redis: &Redis) -> String {
    let url = |database: &str| format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{}/{database}", proxy.port());
    let mut text = format!("\npgweir is running.\n\n  connect   psql {}\n", url(DATABASE));
    text += &format!("  primary   psql {}   (nothing else)\n", url(&main_only()));
    text += &format!("  replicas  psql {}   (nothing else)\n", url(&read_only()));
    text += &format!("  console   psql {} -c 'SHOW REPLICAS'\n", url("pgweir"));
    text += &format!("  look at   http://127.0.0.1:{}/metrics\n", proxy.http_port());
    let replicas: Vec<String> = cluster.replicas.iter().map(|replica| replica.port().to_string()).collect();
    text += &format!(
        "  servers   primary on port {}, replicas on {}\n",
        cluster.primary.port(),
        replicas.join(", ")
    );
    text += &format!("  Redis     {}\n", redis.url());
    text += &format!("  set up by {}\n\nCtrl-C removes everything.\n", proxy.config_path().display());
    text
}
