//! The contestants: a direct connection, PgBouncer and pgweir, each with the pool the contest prescribes.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::certs::Pair;
use testkit::dir::Dir;
use testkit::install::{hand_over, server_user};
use testkit::port::Port;
use testkit::process::{Process, Spec, cpu_us, which};
use testkit::{Postgres, Proxy, wait};

use super::row::{Mode, Row};
use crate::checkout;
use crate::error::Error;
use crate::program;

/// Server connections of a pool in transaction mode.
pub(super) const POOL_SIZE: u32 = 20;

/// One who answers pgbench.
#[derive(Debug)]
pub(super) enum Contestant {
    /// PostgreSQL itself, on this port.
    Direct(u16),
    /// PgBouncer, once per pool mode.
    PgBouncer(Box<[Bouncer; 2]>),
    /// pgweir; the name tells two of them apart.
    Pgweir(&'static str, Box<Proxy>),
}

/// One PgBouncer.
#[derive(Debug)]
pub(super) struct Bouncer {
    port: Port,
    process: Process,
    _dir: Dir,
}

impl Contestant {
    /// No proxy at all.
    pub(super) fn direct(postgres: &Postgres) -> Self {
        Self::Direct(postgres.port())
    }

    /// In transaction mode; and in session mode, with a server connection for every client, where prepared
    /// statements need it (those before 1.21).
    pub(super) fn pgbouncer(postgres: &Postgres, pair: &Pair) -> Result<Self, Error> {
        let transaction = Bouncer::start(postgres, pair, "transaction", POOL_SIZE)?;
        let session = Bouncer::start(postgres, pair, "session", 250)?;
        Ok(Self::PgBouncer(Box::new([transaction, session])))
    }

    /// In transaction mode, from this binary.
    pub(super) fn pgweir(
        name: &'static str,
        binary: &Path,
        workers: u32,
        servers: &[&Postgres],
        pair: &Pair,
    ) -> Result<Self, Error> {
        let template = checkout::read(&checkout::root().join("benches/load/pgweir.toml"))?;
        let listed = |server: &&Postgres| {
            format!("[[database.server]]\nhost = \"{}\"\nport = {}\n", server.host(), server.port())
        };
        let servers: String = servers.iter().map(listed).collect();
        let started = Proxy::try_start(binary, |port, _http| {
            template
                .replace("{port}", &port.to_string())
                .replace("{servers}", &servers)
                .replace("{workers}", &workers.to_string())
                .replace("{size}", &POOL_SIZE.to_string())
                .replace("{dir}/server.crt", &pair.cert.display().to_string())
                .replace("{dir}/server.key", &pair.key.display().to_string())
        });
        let proxy = started.map_err(|log| Error::Down { what: "pgweir", log })?;
        Ok(Self::Pgweir(name, Box::new(proxy)))
    }

    /// Its name in the table.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Direct(_) => "direct",
            Self::PgBouncer(_) => "pgbouncer",
            Self::Pgweir(name, _) => name,
        }
    }

    /// Where pgbench connects for this row.
    pub(super) fn port(&self, row: &Row) -> u16 {
        match self {
            Self::Direct(port) => *port,
            Self::PgBouncer(both) => pick(both, row).port.number(),
            Self::Pgweir(_, proxy) => proxy.port(),
        }
    }

    /// CPU time its process has used so far, in microseconds; a direct connection has none.
    pub(super) fn cpu_us(&self, row: &Row) -> Option<u64> {
        match self {
            Self::Direct(_) => None,
            Self::PgBouncer(both) => Some(cpu_us(pick(both, row).process.pid())),
            Self::Pgweir(_, proxy) => Some(proxy.cpu_us()),
        }
    }
}

fn pick<'a>(both: &'a [Bouncer; 2], row: &Row) -> &'a Bouncer {
    let [transaction, session] = both;
    if row.mode == Mode::Prepared { session } else { transaction }
}

impl Bouncer {
    fn start(postgres: &Postgres, pair: &Pair, mode: &str, size: u32) -> Result<Self, Error> {
        let dir = Dir::new("pgbouncer");
        let port = Port::free();
        let template = checkout::read(&checkout::root().join("benches/load/pgbouncer.ini"))?;
        let ini = filled(&template, postgres, port.number())
            .replace("{mode}", mode)
            .replace("{size}", &size.to_string())
            .replace("{dir}", &dir.path().display().to_string());
        let file = |name: &str| dir.path().join(name);
        checkout::write(&file("pgbouncer.ini"), &ini)?;
        checkout::write(&file("users.txt"), "\"postgres\" \"\"\n")?;
        for (from, name) in [(&pair.cert, "server.crt"), (&pair.key, "server.key")] {
            fs::copy(from, file(name)).map_err(|error| Error::File(file(name), error))?;
            hand_over(&file(name));
        }
        let mut process = Process::spawn(&spec(&dir)?);
        let accepts = wait::holds(wait::PATIENCE, || {
            process.exited().is_some() || TcpStream::connect(("127.0.0.1", port.number())).is_ok()
        });
        if !accepts || process.exited().is_some() {
            return Err(Error::Down { what: "PgBouncer", log: process.log() });
        }
        Ok(Self { port, process, _dir: dir })
    }
}

/// Such as `1.18.0`.
pub(super) fn pgbouncer_version() -> String {
    let text = binary().and_then(|path| program::output(Command::new(path).arg("--version")));
    let text = text.unwrap_or_default();
    text.lines().next().and_then(|line| line.strip_prefix("PgBouncer ")).unwrap_or("unknown").to_owned()
}

fn spec(dir: &Dir) -> Result<Spec, Error> {
    let spec = Spec::new(binary()?, dir.path().join("pgbouncer.log")).args([dir
        .path()
        .join("pgbouncer.ini")
        .display()
        .to_string()]);
    // like PostgreSQL, it refuses to run as root
    Ok(match server_user() {
        Some((user, ..)) => spec.unprivileged(&user),
        None => spec,
    })
}

fn binary() -> Result<PathBuf, Error> {
    which("pgbouncer")
        .ok_or_else(|| Error::Program { program: "pgbouncer".to_owned(), why: "not found".to_owned() })
}

fn filled(template: &str, postgres: &Postgres, port: u16) -> String {
    template
        .replace("{server_host}", postgres.host())
        .replace("{server_port}", &postgres.port().to_string())
        .replace("{port}", &port.to_string())
}
