//! A primary with two replicas, and pgweir before them.

use testkit::cluster::Cluster;
use testkit::proxy::{Builder, Server};
use testkit::{Client, Postgres, Proxy, wait};

use crate::scene::{PGWEIR, metrics};

/// Where it runs: a view that nobody can tell from a table.
pub(crate) const WHERE: &str = "SELECT port FROM here";

/// What every test has.
const TABLES: &str = "CREATE VIEW here AS SELECT current_setting('port')::int AS port;\
                      CREATE VIEW work_mem AS SELECT current_setting('work_mem') AS setting;\
                      CREATE TABLE t (a int); CREATE SEQUENCE s; CREATE UNLOGGED TABLE u (a int);\
                      CREATE VIEW next AS SELECT nextval('s') AS n";

/// Servers and pgweir.
pub(crate) struct Scene {
    pub(crate) proxy: Proxy,
    pub(crate) cluster: Cluster,
}

impl Scene {
    /// Two replicas, and sessions that need not see their own writes.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::with(Cluster::start(2), |builder| builder.set("route.consistency", "\"eventual\""))
    }

    /// This cluster, and whatever else there is to say; the replicas are known to be fit.
    #[track_caller]
    pub(crate) fn with(cluster: Cluster, say: impl FnOnce(Builder) -> Builder) -> Self {
        let servers: Vec<Server> =
            std::iter::once(&cluster.primary).chain(&cluster.replicas).map(Server::from).collect();
        Self::at(cluster, &servers, say)
    }

    /// The same, where these lead to the servers.
    #[track_caller]
    pub(crate) fn at(cluster: Cluster, servers: &[Server], say: impl FnOnce(Builder) -> Builder) -> Self {
        cluster.primary.psql(TABLES);
        cluster.wait_until_caught_up();
        let builder = Proxy::builder(PGWEIR)
            .database_on("postgres", servers)
            .set("route.probe_interval", "\"100ms\"")
            // what views hide is not to be known here
            .set("route.catalog_interval", "\"0s\"")
            .set("listen.workers", "2");
        let scene = Self { proxy: say(builder).start(), cluster };
        scene.wait_until_split();
        scene
    }

    /// Waits until every replica takes reads.
    #[track_caller]
    fn wait_until_split(&self) {
        let mut missing = self.replicas();
        let mut client = self.client();
        wait::until(wait::PATIENCE, "every replica takes reads", || {
            let port = client.try_rows(WHERE).unwrap_or_default();
            missing.retain(|other| *other != port);
            missing.is_empty() || self.routes_nowhere(&mut client)
        });
    }

    /// The database's target is the primary: there is nothing to wait for.
    fn routes_nowhere(&self, _client: &mut Client) -> bool {
        self.counted("primary", "asked") > 0
    }

    pub(crate) fn client(&self) -> Client {
        self.proxy.connect().open()
    }

    /// Runs it on the primary, and waits until the replicas have it.
    pub(crate) fn write(&self, sql: &str) {
        self.cluster.primary.psql(sql);
        self.cluster.wait_until_caught_up();
    }

    /// The primary, as [`WHERE`] tells it.
    pub(crate) fn primary(&self) -> String {
        port(&self.cluster.primary)
    }

    /// The replicas, likewise.
    pub(crate) fn replicas(&self) -> Vec<String> {
        self.cluster.replicas.iter().map(port).collect()
    }

    /// How many requests pgweir has sent there for this reason.
    pub(crate) fn counted(&self, target: &str, reason: &str) -> u64 {
        let series = format!("pgweir_routed_total{{target=\"{target}\",reason=\"{reason}\"}} ");
        let text = metrics(&self.proxy);
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
    }

    /// How many transactions were begun without a server.
    pub(crate) fn virtual_begins(&self) -> u64 {
        let text = metrics(&self.proxy);
        let line = text.lines().find_map(|line| line.strip_prefix("pgweir_virtual_begins_total "));
        line.unwrap_or_else(|| panic!("not counted in\n{text}")).parse().unwrap()
    }

    /// What pgweir tells of where requests were sent.
    pub(crate) fn routed(&self) -> String {
        let text = metrics(&self.proxy);
        let ours = |line: &&str| line.starts_with("pgweir_routed_total") && !line.ends_with(" 0");
        text.lines().filter(ours).collect::<Vec<_>>().join("\n")
    }

    /// How many requests did not go well on a replica for this reason.
    pub(crate) fn retried(&self, reason: &str) -> u64 {
        let series = format!("pgweir_replica_retries_total{{reason=\"{reason}\"}} ");
        let text = metrics(&self.proxy);
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("no {series} in\n{text}")).parse().unwrap()
    }
}

fn port(postgres: &Postgres) -> String {
    postgres.port().to_string()
}
