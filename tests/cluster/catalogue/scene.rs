//! A primary with a replica, and pgweir before them that reads the primary's catalogue.

use testkit::cluster::Cluster;
use testkit::proxy::{Builder, Server};
use testkit::{Client, Proxy, wait};

use crate::console::{admin, show};
use crate::scene::{PGWEIR, metrics};

/// Servers and pgweir.
pub(crate) struct Scene {
    pub(crate) proxy: Proxy,
    pub(crate) cluster: Cluster,
}

impl Scene {
    /// Servers that have this, and pgweir, whose sessions need not see their own writes; the replica is known to be fit.
    #[track_caller]
    pub(crate) fn start(sql: &str, say: impl FnOnce(Builder) -> Builder) -> Self {
        Self::with(Cluster::start(1), "postgres", sql, say)
    }

    /// The same, with these servers, and behind this name.
    #[track_caller]
    pub(crate) fn with(
        cluster: Cluster,
        name: &str,
        sql: &str,
        say: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        cluster.primary.psql(&format!("CREATE TABLE t (a int); INSERT INTO t VALUES (1); {sql}"));
        cluster.wait_until_caught_up();
        let servers: Vec<Server> =
            std::iter::once(&cluster.primary).chain(&cluster.replicas).map(Server::from).collect();
        let builder = Proxy::builder(PGWEIR)
            .database_on(name, &servers)
            .set("admin.users", r#"["admin"]"#)
            .set("route.consistency", "\"eventual\"")
            .set("route.probe_interval", "\"100ms\"")
            .set("listen.workers", "2");
        let scene = Self { proxy: say(builder).start(), cluster };
        let mut client = scene.client();
        wait::until(wait::PATIENCE, "the replica takes reads", || {
            scene.runs_on(&mut client, "SELECT a FROM t") == "replica"
        });
        scene
    }

    pub(crate) fn client(&self) -> Client {
        self.proxy.connect().open()
    }

    /// Waits until the catalogue of every database is in this state.
    #[track_caller]
    pub(crate) fn until(&self, state: &str) {
        let mut console = admin(&self.proxy);
        wait::until(wait::PATIENCE, &format!("every catalogue is {state}"), || {
            let table = show(&mut console, "SHOW CATALOGUES");
            !table.rows.is_empty() && table.column("state").iter().all(|is| is == state)
        });
    }

    /// How many names are known.
    pub(crate) fn names(&self) -> u64 {
        self.figure("pgweir_catalogue_names{database=\"postgres\"} ").unwrap_or(0)
    }

    /// Looks at catalogues that have come to this.
    pub(crate) fn looks(&self, result: &str) -> u64 {
        self.figure(&format!("pgweir_catalogue_looks_total{{result=\"{result}\"}} ")).unwrap()
    }

    /// How many requests pgweir has sent there for this reason.
    pub(crate) fn counted(&self, target: &str, reason: &str) -> u64 {
        let series = format!("pgweir_routed_total{{target=\"{target}\",reason=\"{reason}\"}} ");
        self.figure(&series).unwrap()
    }

    /// How many requests a replica has refused.
    pub(crate) fn refused(&self) -> u64 {
        self.figure("pgweir_replica_retries_total{reason=\"refused\"} ").unwrap()
    }

    /// Which server a request runs on that one client sends alone.
    #[track_caller]
    pub(crate) fn runs_on(&self, client: &mut Client, sql: &str) -> &'static str {
        let before = self.counted("replica", "reads");
        client.rows(sql);
        if self.counted("replica", "reads") > before { "replica" } else { "primary" }
    }

    fn figure(&self, series: &str) -> Option<u64> {
        let text = metrics(&self.proxy);
        text.lines().find_map(|line| line.strip_prefix(series)).map(|value| value.parse().unwrap())
    }
}
