//! What a suite runs against: a PostgreSQL of its own, with or without pgweir before it.
//!
//! Most suites use one connection after the other, which would get the same server every time. So other clients
//! run beside them, whose state must not be seen, and who take the suite's servers between its transactions.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use testkit::process::{Process, Spec};
use testkit::proxy::{Builder, Server};
use testkit::{Cluster, Connect, Postgres, Proxy, dir, wait};

use super::fetch::Sources;
use super::known::Suite;
use crate::checkout;
use crate::error::Error;

/// Longer than any suite takes on a busy machine; one that hangs is stopped, and its last tests are missing.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Clients beside the suite, in each of its databases.
const NEIGHBOURS: u32 = 2;

/// The servers.
pub(super) struct Stage {
    proxy: Option<Proxy>,
    // last: pgweir goes first
    servers: Cluster,
}

impl Stage {
    /// PostgreSQL alone.
    pub(super) fn direct(suite: &Suite) -> Self {
        Self::of(suite, 0)
    }

    /// PostgreSQL with so many replicas.
    fn of(suite: &Suite, replicas: usize) -> Self {
        let builder = Postgres::builder().auth(suite.auth()).set("max_prepared_transactions", 20);
        let builder = suite.databases.iter().fold(builder, |builder, (name, _)| match *name {
            "postgres" => builder,
            name => builder.database(name),
        });
        let servers = Cluster::start_from(&builder, replicas);
        for (database, sql) in suite.databases.iter().filter(|(_, sql)| !sql.is_empty()) {
            servers.primary.psql_in(database, sql);
        }
        Self { proxy: None, servers }
    }

    /// With pgweir in transaction mode; it has a replica to split reads to, or not.
    pub(super) fn pooled(suite: &Suite, binary: &Path, split: bool) -> Result<Self, Error> {
        let stage = Self::of(suite, usize::from(split));
        let servers: Vec<Server> = std::iter::once(&stage.servers.primary)
            .chain(&stage.servers.replicas)
            .map(Server::from)
            .collect();
        let proxy = Builder::new(binary.to_owned())
            .mode("transaction")
            .pool_size(suite.pool)
            .set("pool.acquire_timeout", "\"50s\"")
            .set("pool.notify_after", "\"0s\"")
            .set("route.probe", "{ user = \"postgres\" }")
            .database_on("*", &servers);
        let proxy = ["pass_user", "md5_user", "scram_user"]
            .iter()
            .fold(proxy, |proxy, user| proxy.user(user, "password"));
        let proxy = match suite.hba() {
            Some(lines) => {
                let file = dir::home().join("suites").join(format!("{}-hba.conf", suite.name));
                checkout::write(&file, &lines)?;
                proxy.auth("hba").set("auth.hba", &format!("{:?}", file.display().to_string()))
            }
            None => proxy,
        };
        Ok(Self { proxy: Some(proxy.start()), ..stage })
    }

    /// Runs the suite; what it prints goes to `log`.
    pub(super) fn run(&self, suite: &Suite, sources: &Sources, log: &Path) -> Result<(), Error> {
        let port = self.proxy.as_ref().map_or_else(|| self.servers.primary.port(), Proxy::port);
        let shell = format!("cd \"$1\" && {}", suite.shell(&sources.python, port));
        let _ = std::fs::remove_file(log);
        let spec = Spec::new("sh", log)
            .args(["-c".to_owned(), shell, "sh".to_owned(), sources.dir.display().to_string()])
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", port.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for (database, _) in self.proxy.iter().flat_map(|_| suite.databases) {
                let connect = Connect::tcp("127.0.0.1", port).database(database);
                for number in 0..NEIGHBOURS {
                    let (connect, over) = (connect.clone(), &over);
                    scope.spawn(move || neighbour(&connect, number, over));
                }
            }
            let mut process = Process::spawn(&spec);
            if !wait::holds(PATIENCE, || process.exited().is_some()) {
                eprintln!("{} did not end", suite.name);
            }
            over.store(true, Ordering::Relaxed);
        });
        match &self.proxy {
            Some(proxy) if proxy.log().contains("panicked") => {
                Err(Error::Down { what: "pgweir (it panicked)", log: proxy.log() })
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Runs short transactions and changes its own state between them; comes again when it is thrown out.
fn neighbour(connect: &Connect, number: u32, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let Ok(mut client) = connect.try_open() else { continue };
        let state = format!(
            "SET application_name = 'neighbour {number}'; SET search_path = pg_catalog; SET TimeZone = 'Asia/Tokyo'; \
             SET default_transaction_isolation = 'serializable'; SET statement_timeout = '{}s'; SET DateStyle = 'SQL'",
            50 + number
        );
        let mut alive = client.try_query(&state).is_ok();
        while alive && !over.load(Ordering::Relaxed) {
            alive = client.try_query("SELECT pg_catalog.pg_sleep(0.004)").is_ok();
            // the suite has most of the time
            thread::sleep(Duration::from_millis(4));
        }
    }
}
