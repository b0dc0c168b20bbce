//! What is running while the contest goes on: one PostgreSQL, and the contestants in front of it.

use std::path::Path;
use std::process::Command;

use testkit::dir::Dir;
use testkit::{Authority, Postgres};

use super::contestant::Contestant;
use super::options::Options;
use crate::error::Error;
use crate::program;

/// pgbench's scale: a million accounts, all in memory.
const SCALE: &str = "10";

/// Everything that runs; gone when dropped.
#[derive(Debug)]
pub(super) struct Stage {
    contestants: Vec<Contestant>,
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
        fill(&postgres)?;
        let mut contestants = Vec::new();
        if options.takes("direct") {
            contestants.push(Contestant::direct(&postgres));
        }
        if options.takes("pgbouncer") {
            contestants.push(Contestant::pgbouncer(&postgres, &pair)?);
        }
        for (name, binary) in [("before", options.against.as_deref()), ("pgweir", pgweir)] {
            if let Some(binary) = binary {
                contestants.push(Contestant::pgweir(name, binary, options.workers, &postgres, &pair)?);
            }
        }
        Ok(Self { contestants, postgres, dir: Dir::new("pgbench"), _authority: authority })
    }

    /// In the order they are visited.
    pub(super) fn contestants(&self) -> &[Contestant] {
        &self.contestants
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

fn fill(postgres: &Postgres) -> Result<(), Error> {
    eprintln!("filling {} with pgbench's tables, scale {SCALE}", postgres.install());
    let mut pgbench = Command::new(postgres.install().program("pgbench"));
    pgbench.args(["-i", "-q", "--unlogged-tables", "-s", SCALE, "-h"]).arg(postgres.socket_dir());
    pgbench.args(["-p", &postgres.port().to_string(), "-U", "postgres", "bench"]);
    program::output(&mut pgbench).map(drop)
}
