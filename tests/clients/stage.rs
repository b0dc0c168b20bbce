//! What every test here stands on: PostgreSQL asking for SCRAM, and pgweir before it with a small pool, knowing
//! only the stored secret of the user, as it would from a userlist.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use testkit::cluster::Cluster;
use testkit::postgres::Auth;
use testkit::proxy::Server;
use testkit::{Postgres, Proxy, wait};

/// Whom all clients log in as, and the database they use.
pub(crate) const NAME: &str = "app";
/// The user's password.
pub(crate) const PASSWORD: &str = "a secret of 'clients'";

/// Requests that went to replicas.
pub(crate) const READS: &str = "pgweir_routed_total{target=\"replica\"";

/// PostgreSQL and pgweir.
pub(crate) struct Stage {
    proxy: Proxy,
    size: u32,
    // last: pgweir goes first
    postgres: Cluster,
}

/// Where a client connects to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    port: u16,
}

impl Stage {
    /// With a transaction pool of two.
    pub(crate) fn new() -> Self {
        Self::with_pool(2)
    }

    /// With a transaction pool of this size.
    pub(crate) fn with_pool(size: u32) -> Self {
        Self::with(size, 200)
    }

    /// With a transaction pool of this size, and room for so many statements on each server connection.
    pub(crate) fn with(size: u32, statements: u32) -> Self {
        Self::on(0, size, statements)
    }

    /// With so many replicas, from which clients read.
    pub(crate) fn with_replicas(replicas: usize) -> Self {
        let stage = Self::on(replicas, 2, 200);
        let mut client = stage.proxy.connect().user(NAME).password(PASSWORD).database(NAME).open();
        wait::until(wait::PATIENCE, "a replica takes reads", || {
            client.rows("select 1");
            stage.has_counted(READS)
        });
        stage
    }

    fn on(replicas: usize, size: u32, statements: u32) -> Self {
        let like = Postgres::builder().auth(Auth::Scram).user(NAME, PASSWORD).database(NAME);
        let cluster = Cluster::start_from(&like, replicas);
        let postgres = &cluster.primary;
        postgres.psql(&format!("grant create on database {NAME} to {NAME}"));
        let secret = postgres.psql(&format!("select rolpassword from pg_authid where rolname = '{NAME}'"));
        let servers: Vec<Server> =
            [postgres].into_iter().chain(&cluster.replicas).map(Server::from).collect();
        assert!(secret.starts_with("SCRAM-SHA-256$"), "the secret is stored as {secret}");
        let proxy = Proxy::builder(env!("CARGO_BIN_EXE_pgweir"))
            .auth("scram-sha-256")
            .mode("transaction")
            .pool_size(size)
            // many wait long for two servers on a busy machine, and no notice of that is to be compared
            .set("pool.acquire_timeout", "\"280s\"")
            .set("pool.notify_after", "\"0s\"")
            .set("pool.prepared_statements", &statements.to_string())
            .user(NAME, secret.trim())
            .set("route.probe_interval", "\"100ms\"")
            .database_on(NAME, &servers)
            .start();
        Self { proxy, size, postgres: cluster }
    }

    /// PostgreSQL itself.
    pub(crate) fn direct(&self) -> Place {
        Place { port: self.postgres.primary.port() }
    }

    /// Through pgweir.
    pub(crate) fn pooled(&self) -> Place {
        Place { port: self.proxy.port() }
    }

    /// A program of PostgreSQL's own.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.postgres.primary.install().program(name));
        command.env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs a statement as the superuser, past pgweir.
    pub(crate) fn admin(&self, sql: &str) -> String {
        self.postgres.primary.psql_in(NAME, sql)
    }

    /// Ends the connections of pgweir's idle servers, as an operator would.
    pub(crate) fn end_servers(&self) {
        self.admin(&format!(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = '{NAME}'"
        ));
    }

    /// What must hold after any client: pgweir lives, has met no bug of its own, and kept to its pool.
    pub(crate) fn check(&self) {
        let log = self.proxy.log();
        assert!(!log.contains("panicked"), "pgweir panicked:\n{log}");
        // the connections that listen for all clients, and ask servers what they are, are beside the pool
        let servers = format!(
            "select count(*) from pg_stat_activity where usename = '{NAME}' and backend_type = 'client backend' \
             and application_name not in ('pgweir: LISTEN', 'pgweir monitor')"
        );
        let count: u32 = self.admin(&servers).trim().parse().unwrap();
        assert!(count <= self.size, "{count} connections at the server for a pool of {}", self.size);
    }

    /// No server stayed with a client between transactions.
    pub(crate) fn nothing_was_pinned(&self) {
        let counts = self.counts("pgweir_pins_total");
        assert!(!counts.is_empty());
        assert!(counts.iter().all(|line| line.ends_with(" 0")), "{counts:?}");
    }

    /// Something was counted under this name.
    pub(crate) fn counted(&self, series: &str) {
        assert!(self.has_counted(series), "{series}: {:?}", self.counts(series));
    }

    fn has_counted(&self, series: &str) -> bool {
        self.counts(series).iter().any(|line| !line.ends_with(" 0"))
    }

    /// What pgweir says of itself under names that begin like this.
    fn counts(&self, series: &str) -> Vec<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.proxy.http_port())).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut metrics = String::new();
        stream.read_to_string(&mut metrics).unwrap();
        metrics.lines().filter(|line| line.starts_with(series)).map(str::to_owned).collect()
    }
}

impl Place {
    /// Where it is.
    pub(crate) fn port(self) -> u16 {
        self.port
    }

    /// As libpq's variables, which programs for other drivers read as well.
    pub(crate) fn tell(self, command: &mut Command) {
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", NAME)
            .env("PGDATABASE", NAME)
            .env("PGPASSWORD", PASSWORD);
    }
}
