//! What is running while the contest goes on: one PostgreSQL, and the contestants in front of it.

use std::path::Path;
use std::process::Command;

use testkit::dir::Dir;
use testkit::postgres::Builder;
use testkit::{Authority, Cluster, Postgres};

use super::contestant::Contestant;
use super::options::Options;
use super::row::Row;
use crate::error::Error;
use crate::program;

/// pgbench's scale: a million accounts, all in memory.
const SCALE: &str = "10";

/// Everything that runs; gone when dropped.
#[derive(Debug)]
pub(super) struct Stage {
    contestants: Vec<Contestant>,
    /// Those of the rows over several servers.
    splitting: Vec<Contestant>,
    _cluster: Option<Cluster>,
    postgres: Postgres,
    dir: Dir,
    _authority: Authority,
}

impl Stage {
    /// Starts PostgreSQL, fills it, and starts the contestants.
    pub(super) fn set(options: &Options, pgweir: Option<&Path>) -> Result<Self, Error> {
        let authority = Authority::new();
        let pair = authority.server();
        let postgres = Postgres::builder()
            .tls(&pair.cert, &pair.key, None)
            .database("bench")
            // one session-mode pool, two of transactions, and the clients that come directly
            .set("max_connections", 500)
            .set("shared_buffers", "512MB")
            .start();
        fill(&postgres, &["--unlogged-tables"])?;
        let mut contestants = Vec::new();
        if options.takes("direct") {
            contestants.push(Contestant::direct(&postgres));
        }
        if options.takes("pgbouncer") {
            contestants.push(Contestant::pgbouncer(&postgres, &pair)?);
        }
        for (name, binary) in [("before", options.against.as_deref()), ("pgweir", pgweir)] {
            if let Some(binary) = binary {
                contestants.push(Contestant::pgweir(name, binary, options.workers, &[&postgres], &pair)?);
            }
        }
        let mut splitting = Vec::new();
        let wanted = pgweir.filter(|_| options.rows.iter().any(|row| row.split));
        let cluster = wanted.map(|_| Cluster::start_from(&like_primary(), 2));
        if let Some((binary, cluster)) = wanted.zip(cluster.as_ref()) {
            fill(&cluster.primary, &[])?;
            cluster.wait_until_caught_up();
            let [primary, others] = [vec![&cluster.primary], cluster.replicas.iter().collect()];
            splitting.push(Contestant::direct(&cluster.primary));
            splitting.push(Contestant::pgweir("pooling", binary, options.workers, &primary, &pair)?);
            let all = [primary, others].concat();
            splitting.push(Contestant::pgweir("pgweir", binary, options.workers, &all, &pair)?);
        }
        Ok(Self {
            contestants,
            splitting,
            _cluster: cluster,
            postgres,
            dir: Dir::new("pgbench"),
            _authority: authority,
        })
    }

    /// In the order they are visited.
    pub(super) fn contestants(&self, row: &Row) -> &[Contestant] {
        if row.split { &self.splitting } else { &self.contestants }
    }

    /// The server behind them.
    pub(super) fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// Where pgbench writes its logs.
    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }
}

/// What the replicas are copies of.
fn like_primary() -> Builder {
    Postgres::builder().database("bench").set("max_connections", 200).set("shared_buffers", "256MB")
}

fn fill(postgres: &Postgres, how: &[&str]) -> Result<(), Error> {
    eprintln!("filling {} with pgbench's tables, scale {SCALE}", postgres.install());
    let mut pgbench = Command::new(postgres.install().program("pgbench"));
    pgbench.args(["-i", "-q", "-s", SCALE]).args(how).arg("-h").arg(postgres.socket_dir());
    pgbench.args(["-p", &postgres.port().to_string(), "-U", "postgres", "bench"]);
    program::output(&mut pgbench).map(drop)
}
