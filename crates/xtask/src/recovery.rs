//! `cargo xtask recovery`: how long clients feel it when a server fails.
//!
//! A primary with two replicas, pgweir before them with its defaults, four clients that write and four that read, all as
//! fast as they can. A promotion and a restart are counted from the moment on at which a primary exists, which pgweir has
//! no part in, to the first write that is acknowledged; a lost replica from its end to the last read that began before all
//! was well: one that failed, or took longer than [`SLOW`].

mod load;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use testkit::proxy::Server;
use testkit::{Cluster, Proxy, wait};

use crate::checkout;
use crate::error::Error;
use crate::setup::{self, Purpose};
use load::Load;

/// A read that takes longer has met something.
const SLOW: Duration = Duration::from_millis(100);
/// The interval of the monitor's questions.
const INTERVAL: &str = "\"1s\"";

/// What is measured.
#[derive(Clone, Copy)]
enum What {
    Promotion,
    Restart,
    Replica,
}

impl What {
    const ALL: [Self; 3] = [Self::Promotion, Self::Restart, Self::Replica];

    fn as_str(self) -> &'static str {
        match self {
            Self::Promotion => {
                "kill -9 of the primary, a replica is promoted: from its end of recovery to the first write"
            }
            Self::Restart => {
                "kill -9 of the primary, it starts again: from its first log-in to the first write"
            }
            Self::Replica => {
                "kill -9 of a replica: from then to the last read that failed or took over 100 ms"
            }
        }
    }

    fn measure(self, binary: &Path) -> Result<Duration, Error> {
        let mut cluster = Cluster::start(2);
        cluster.primary.psql("CREATE TABLE t (a int)");
        cluster.wait_until_caught_up();
        let servers: Vec<Server> =
            std::iter::once(&cluster.primary).chain(&cluster.replicas).map(Server::from).collect();
        let builder = Proxy::builder(binary).database_on("postgres", &servers);
        let builder = builder.set("route.probe_interval", INTERVAL).set("pool.acquire_timeout", "\"60s\"");
        let proxy = builder.try_start().map_err(|log| Error::Down { what: "pgweir", log })?;
        let load = Load::start(&proxy);
        load.wait_for_more(200);
        let took = match self {
            Self::Promotion => {
                cluster.primary.kill9();
                let replica = cluster.replicas.first().ok_or(Error::Stopped)?;
                let mut door = replica.door().open();
                door.rows("SELECT pg_promote(false)");
                wait::until(wait::PATIENCE, "it is a primary", || {
                    door.rows("SELECT pg_is_in_recovery()") == "f"
                });
                load.first_write_since(Instant::now())
            }
            Self::Restart => {
                cluster.primary.kill9();
                cluster.primary.restart();
                load.first_write_since(Instant::now())
            }
            Self::Replica => {
                let begun = Instant::now();
                if let Some(replica) = cluster.replicas.first_mut() {
                    replica.kill9();
                }
                load.wait_for_more(2_000);
                load.last_bad_read(SLOW).map_or(Duration::ZERO, |last| last.saturating_duration_since(begun))
            }
        };
        load.stop();
        Ok(took)
    }
}

/// Runs the command.
pub(crate) fn run(args: &[String]) -> Result<(), Error> {
    let (mut given, mut rounds, mut rest) = (None, 5, args.iter());
    while let Some(arg) = rest.next() {
        let value = rest.next().ok_or_else(|| Error::Usage(format!("{arg} needs a value")))?;
        match arg.as_str() {
            "--binary" => given = Some(PathBuf::from(value)),
            "--rounds" => {
                rounds = value.parse().map_err(|_| Error::Usage(format!("{value:?} is not a number")))?;
            }
            other => return Err(Error::Usage(format!("unknown option {other:?}"))),
        }
    }
    setup::ensure(Purpose::Bench)?;
    let binary = given.map_or_else(checkout::release_binary, Ok)?;
    println!("| milliseconds, of {rounds} rounds | median | least | most |\n|---|---|---|---|");
    for what in What::ALL {
        let mut took = Vec::new();
        for _ in 0..rounds {
            let one = what.measure(&binary)?.as_millis();
            eprintln!("  {one} ms");
            took.push(one);
        }
        took.sort_unstable();
        let at = |nth: usize| took.get(nth).copied().unwrap_or(0);
        let (median, most) = (at(took.len() / 2), at(took.len().saturating_sub(1)));
        println!("| {} | {median} | {} | {most} |", what.as_str(), at(0));
    }
    Ok(())
}
