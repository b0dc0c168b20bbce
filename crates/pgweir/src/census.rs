//! One look at all clients and pools, for SHOW and the figures alike, so that they cannot disagree.
//!
//! | a server is | when |
//! |---|---|
//! | active | a client's request or transaction is on it, or it listens for clients |
//! | being_canceled | no client has it, and a cancel request sent for it is not done |
//! | idle | it may be lent |
//! | tested | it is being cleaned, or taken over with a client's settings |
//! | login | it is connecting or logging in |

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pool::{Key, Pool, ServerCard};
use session::card::Doing;
use session::{ClientCard, Hub};
use telemetry::{PoolGauges, Totals};

/// Everybody, at one moment.
pub(crate) struct Census {
    /// Clients of databases, by number.
    pub(crate) clients: Vec<Client>,
    /// Visitors of the console.
    pub(crate) visitors: Vec<Client>,
    /// By database and user; those that are gone but have counted included.
    pub(crate) pools: BTreeMap<(String, String), Crew>,
}

/// A client and what it does.
pub(crate) struct Client {
    pub(crate) card: Arc<ClientCard>,
    pub(crate) doing: Doing,
    /// For how long it has been waiting.
    pub(crate) waited: Duration,
    pub(crate) server: Option<Arc<ServerCard>>,
}

/// The pools of one database and user: the one in use, and those a reload has replaced.
#[derive(Default)]
pub(crate) struct Crew {
    pub(crate) pools: Vec<Arc<Pool>>,
    pub(crate) servers: Vec<Server>,
    pub(crate) now: PoolGauges,
    pub(crate) totals: Totals,
}

/// A server connection and what it does.
pub(crate) struct Server {
    pub(crate) card: Arc<ServerCard>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) state: &'static str,
    /// The number of the client that has it.
    pub(crate) client: Option<u64>,
    pub(crate) requested: Option<Instant>,
}

impl Census {
    /// Looks now.
    pub(crate) fn take(hub: &Hub) -> Self {
        let now = Instant::now();
        let is_visitor = |client: &Client| config::CONSOLE_NAMES.contains(&client.card.login.0.as_str());
        let all = hub.registry.all().into_iter().map(|card| Client::look(card, now));
        let (visitors, clients): (Vec<_>, Vec<_>) = all.partition(is_visitor);
        let mut census = Self { clients, visitors, pools: BTreeMap::new() };
        census.count_pools(hub);
        census.count_clients();
        census
    }

    fn count_pools(&mut self, hub: &Hub) {
        let lent: HashMap<u64, &Client> =
            self.clients.iter().filter_map(|client| Some((client.server.as_ref()?.id, client))).collect();
        let roll = hub.directory.roll();
        for pool in roll.pools.into_iter().chain(roll.leaving) {
            let crew = self.pools.entry(name(&pool.key)).or_default();
            crew.totals += pool.stats.totals();
            crew.now.sv_login += u64::from(pool.look(|state| state.counts().2));
            for card in pool.roster() {
                let server = Server::look(card, Arc::clone(&pool), &lent);
                crew.now.count(&server);
                crew.servers.push(server);
            }
            crew.pools.push(pool);
        }
        for (key, totals) in roll.gone {
            self.pools.entry(name(&key)).or_default().totals += totals;
        }
    }

    fn count_clients(&mut self) {
        let mut found = HashMap::<&(String, String), PoolGauges>::new();
        for client in &self.clients {
            let now = found.entry(&client.card.login).or_default();
            match client.doing {
                Doing::Idle | Doing::Active => now.cl_active += 1,
                Doing::Waiting => now.cl_waiting += 1,
            }
            let waited = u64::try_from(client.waited.as_micros()).unwrap_or(u64::MAX);
            now.maxwait_us = now.maxwait_us.max(waited);
        }
        for (login, now) in found {
            self.pools.entry(login.clone()).or_default().now.absorb(&now);
        }
    }

    /// What was counted, by database.
    pub(crate) fn totals(&self) -> BTreeMap<&str, Totals> {
        let mut by_database = BTreeMap::<&str, Totals>::new();
        for ((database, _), crew) in &self.pools {
            *by_database.entry(database).or_default() += crew.totals;
        }
        by_database
    }

    /// Server connections of those pools for which `wanted` holds by database and user.
    pub(crate) fn servers(&self, wanted: impl Fn(&str, &str) -> bool) -> u64 {
        let crews = self.pools.iter().filter(|((database, user), _)| wanted(database, user));
        crews.map(|(_, crew)| crew.connections()).sum()
    }
}

impl Client {
    fn look(card: Arc<ClientCard>, now: Instant) -> Self {
        let (doing, since, server) = card.doing();
        let waited = since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        Self { card, doing, waited, server }
    }
}

impl Server {
    fn look(card: Arc<ServerCard>, pool: Arc<Pool>, lent: &HashMap<u64, &Client>) -> Self {
        let client = lent.get(&card.id);
        let state = match (client, card.is_lent(), card.cancels.load(Ordering::Relaxed)) {
            (Some(_), _, _) => "active",
            // for as many clients as subscribe to something
            (None, true, _) if card.is_listening() => "active",
            (None, true, 1..) => "being_canceled",
            (None, true, 0) => "tested",
            (None, false, _) => "idle",
        };
        let (requested, client) =
            (client.and_then(|client| client.card.requested()), client.map(|client| client.card.id));
        Self { card, pool, state, client, requested }
    }
}

impl Crew {
    /// So many connections its pools may open: one pool for each server that its clients use.
    pub(crate) fn size(&self) -> u64 {
        let current = self.pools.iter().filter(|pool| !pool.look(|state| state.retired));
        current.map(|pool| u64::from(pool.settings().size)).sum()
    }

    /// All its server connections, those being opened included.
    pub(crate) fn connections(&self) -> u64 {
        let open = u64::try_from(self.servers.len()).unwrap_or(u64::MAX);
        open.saturating_add(self.now.sv_login)
    }
}

/// Adds a server to the gauges of its pool.
trait Count {
    fn count(&mut self, server: &Server);
}

impl Count for PoolGauges {
    fn count(&mut self, server: &Server) {
        match server.state {
            "active" => self.sv_active += 1,
            "being_canceled" => self.sv_being_canceled += 1,
            "tested" => self.sv_tested += 1,
            _ => self.sv_idle += 1,
        }
        let cancels = u64::from(server.card.cancels.load(Ordering::Relaxed));
        self.cl_active_cancel_req += cancels;
        self.sv_active_cancel += cancels;
    }
}

fn name(key: &Key) -> (String, String) {
    (key.database.clone(), key.user.clone())
}
