//! What the views show: one function for each, in PgBouncer's meaning of every column. Nothing here asks a
//! server; all comes from one [`Census`].

mod connections;
mod entries;
mod replicas;
mod stats;

use std::mem::size_of;
use std::sync::Arc;

use config::Config;
use pool::Pool;
use session::{ClientCard, Hub};

use super::config_rows;
use super::table::{Cell, Row};
use super::view::View;
use crate::census::Census;
use crate::control::Control;

/// The name that PgBouncer gives to the console's own database, pool and user.
const OWN: &str = "pgbouncer";

/// What can be looked at.
pub(crate) struct Scene<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) control: &'a Control,
    pub(crate) config: Arc<Config>,
}

/// The rows of a view, as things are now.
pub(crate) fn show(view: View, scene: &Scene<'_>) -> Vec<Row> {
    let census = || Census::take(scene.hub);
    match view {
        View::Clients => connections::clients(scene, &census()),
        View::Servers => connections::servers(&census()),
        View::Pools => connections::pools(scene, &census()),
        View::Pins => connections::pins(&census()),
        View::Replicas => replicas::replicas(scene),
        View::Catalogues => replicas::catalogues(scene),
        View::Breakers => replicas::breakers(scene),
        View::ServersState => replicas::servers_state(scene, &census()),
        View::Failover => replicas::failover(scene),
        View::Config => config_rows::rows(&scene.config),
        View::Databases => entries::databases(scene, &census()),
        View::Users => entries::users(scene, &census()),
        View::Stats => stats::stats(scene, &census()),
        View::StatsTotals => stats::totals_by_database(scene, &census()),
        View::StatsAverages => stats::averages_by_database(scene, &census()),
        View::Totals => stats::totals(scene, &census()),
        View::Lists => lists(scene, &census()),
        View::State => state(scene),
        View::Mem => memory(&census()),
        View::Version => vec![vec![format!("PgBouncer {}", scene.config.admin.version).into()]],
        // the system resolves names, and there are no peers
        View::DnsHosts | View::DnsZones | View::Peers | View::PeerPools => Vec::new(),
    }
}

fn lists(scene: &Scene<'_>, census: &Census) -> Vec<Row> {
    let logged_in = count(census.clients.len() + census.visitors.len());
    let pools = census.pools.values().filter(|crew| !crew.pools.is_empty()).count();
    let servers = census.servers(|_, _| true);
    let list = [
        ("databases", count(entries::names(scene, census).len())),
        ("users", count(scene.config.users.len())),
        ("peers", 0),
        // the console's own is one of them
        ("pools", count(pools + 1)),
        ("peer_pools", 0),
        // PgBouncer keeps room for those that have gone; we do not
        ("free_clients", 0),
        ("used_clients", logged_in),
        ("login_clients", scene.control.desk.connections().saturating_sub(logged_in)),
        ("free_servers", 0),
        ("used_servers", servers),
        ("dns_names", 0),
        ("dns_zones", 0),
        ("dns_queries", 0),
        ("dns_pending", 0),
    ];
    list.into_iter().map(|(name, items)| vec![name.into(), items.into()]).collect()
}

fn state(scene: &Scene<'_>) -> Vec<Row> {
    let paused = scene.hub.directory.holds().all;
    let word = |yes: bool| Cell::from(if yes { "yes" } else { "no" });
    [("active", !paused), ("paused", paused), ("suspended", false)]
        .into_iter()
        .map(|(key, yes)| vec![key.into(), word(yes)])
        .collect()
}

/// What we know without counting: the fixed part of each thing, its buffers and texts not included.
fn memory(census: &Census) -> Vec<Row> {
    let pools = census.pools.values().map(|crew| crew.pools.len()).sum();
    let servers = census.pools.values().map(|crew| crew.servers.len()).sum();
    let kinds = [
        ("pool_cache", size_of::<Pool>(), pools),
        ("server_cache", size_of::<pool::Server>(), servers),
        ("client_cache", size_of::<ClientCard>(), census.clients.len() + census.visitors.len()),
    ];
    let row = |(name, size, used): (&str, usize, usize)| {
        vec![name.into(), count(size).into(), count(used).into(), 0_u64.into(), count(size * used).into()]
    };
    kinds.into_iter().map(row).collect()
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
