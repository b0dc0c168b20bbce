//! One look at the whole proxy, as values. The program fills it; `/metrics`, `/metrics/json` and the
//! console are written from it, so that they cannot disagree. It holds names and numbers only.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::averages::Recent;
use crate::counters::Totals;
use crate::events::EventCounts;
use crate::histogram::{Distribution, Timing, Timings};
use crate::process::Process;

/// Everything that is shown.
#[derive(Debug, Default, Clone)]
pub struct Snapshot {
    /// Our own version.
    pub version: &'static str,
    /// Worker threads.
    pub workers: Vec<WorkerFigures>,
    /// Client connections.
    pub clients: ClientFigures,
    /// The pools. Two entries of one database and user are shown as one, summed.
    pub pools: Vec<PoolFigures>,
    /// The databases.
    pub databases: Vec<DatabaseFigures>,
    /// The servers of databases that have several.
    pub servers: Vec<ServerFigures>,
    /// The catalogues of such databases, as far as they are known.
    pub catalogues: Vec<CatalogueFigures>,
    /// Counts of rare events.
    pub events: EventCounts,
    /// How long things took.
    pub durations: Durations,
    /// The result cache; all zero while there is none.
    pub cache: CacheFigures,
    /// What was counted lately, over all pools; see [`crate::averages::Window::recent`].
    pub recent: Recent,
    /// What the operating system knows.
    pub process: Process,
}

impl Snapshot {
    /// The pools in the order of their names, one entry for each database and user.
    #[must_use]
    pub fn merged_pools(&self) -> Vec<PoolFigures> {
        let mut merged: BTreeMap<(&str, &str), PoolFigures> = BTreeMap::new();
        for pool in &self.pools {
            merged
                .entry((&pool.database, &pool.user))
                .and_modify(|sum| sum.absorb(pool))
                .or_insert_with(|| pool.clone());
        }
        merged.into_values().collect()
    }

    /// What all pools counted together.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.pools.iter().map(|pool| pool.totals).sum()
    }
}

/// Client connections.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ClientFigures {
    /// Those that are open, logged in or not.
    pub open: u64,
    /// Those that may be open at once.
    pub limit: u64,
    /// Memory held in buffers; missing where it is not counted.
    pub buffer_bytes: Option<u64>,
}

/// One worker thread.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct WorkerFigures {
    /// Its number, from 0.
    pub name: String,
    /// Client connections that live on it.
    pub clients: u64,
    /// User and system time it has used; missing where the system does not tell.
    pub cpu: Option<Duration>,
}

/// What was read of the catalogue of one database.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CatalogueFigures {
    /// The database that its clients asked for.
    pub database: String,
    /// How many names are known from it.
    pub names: u64,
}

/// One pool.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct PoolFigures {
    /// The database its clients asked for.
    pub database: String,
    /// The user they logged in as.
    pub user: String,
    /// Server connections it may open, without its reserve.
    pub size: u64,
    /// What its clients and servers are doing.
    pub now: PoolGauges,
    /// What it counted.
    pub totals: Totals,
}

impl PoolFigures {
    fn absorb(&mut self, other: &Self) {
        self.size = self.size.saturating_add(other.size);
        self.now.absorb(&other.now);
        self.totals += other.totals;
    }
}

/// What the clients and servers of a pool are doing: the columns of SHOW POOLS.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct PoolGauges {
    /// Clients that have a server or need none at the moment.
    pub cl_active: u64,
    /// Clients that wait for a server.
    pub cl_waiting: u64,
    /// Cancel requests on their way to a server.
    pub cl_active_cancel_req: u64,
    /// Cancel requests that wait to be sent.
    pub cl_waiting_cancel_req: u64,
    /// Servers lent to a client.
    pub sv_active: u64,
    /// Server connections that carry a cancel request.
    pub sv_active_cancel: u64,
    /// Servers not lent on until the cancel request sent for them is done.
    pub sv_being_canceled: u64,
    /// Servers ready to be lent.
    pub sv_idle: u64,
    /// Servers that were idle for long and are looked at before they are lent.
    pub sv_used: u64,
    /// Servers being cleaned or looked at.
    pub sv_tested: u64,
    /// Servers that are connecting or logging in.
    pub sv_login: u64,
    /// How long the client at the head of the queue has waited, in microseconds.
    pub maxwait_us: u64,
}

impl PoolGauges {
    /// The clients by state, by the word that the label `state` has for it.
    #[must_use]
    pub fn clients(&self) -> [(&'static str, u64); 4] {
        [
            ("active", self.cl_active),
            ("waiting", self.cl_waiting),
            ("active_cancel_req", self.cl_active_cancel_req),
            ("waiting_cancel_req", self.cl_waiting_cancel_req),
        ]
    }

    /// The servers by state, likewise.
    #[must_use]
    pub fn servers(&self) -> [(&'static str, u64); 7] {
        [
            ("active", self.sv_active),
            ("active_cancel", self.sv_active_cancel),
            ("being_canceled", self.sv_being_canceled),
            ("idle", self.sv_idle),
            ("used", self.sv_used),
            ("tested", self.sv_tested),
            ("login", self.sv_login),
        ]
    }

    /// Adds the figures of another pool; of the two waits the longer stays.
    pub fn absorb(&mut self, other: &Self) {
        self.cl_active += other.cl_active;
        self.cl_waiting += other.cl_waiting;
        self.cl_active_cancel_req += other.cl_active_cancel_req;
        self.cl_waiting_cancel_req += other.cl_waiting_cancel_req;
        self.sv_active += other.sv_active;
        self.sv_active_cancel += other.sv_active_cancel;
        self.sv_being_canceled += other.sv_being_canceled;
        self.sv_idle += other.sv_idle;
        self.sv_used += other.sv_used;
        self.sv_tested += other.sv_tested;
        self.sv_login += other.sv_login;
        self.maxwait_us = self.maxwait_us.max(other.maxwait_us);
    }
}

/// One database.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DatabaseFigures {
    /// Its name, as clients ask for it.
    pub name: String,
    /// Server connections of all its pools.
    pub servers: u64,
    /// Server connections that all its pools may have together; 0: any number.
    pub servers_limit: u64,
    /// Whether PAUSE holds it.
    pub paused: bool,
}

/// One server of a database that has several.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ServerFigures {
    /// The database, as the configuration calls it.
    pub database: String,
    /// The server, likewise.
    pub name: String,
    /// It answers.
    pub up: bool,
    /// What it is.
    pub part: ServerPart,
    /// Reads may go to it.
    pub readable: bool,
    /// It can not follow the primary by itself.
    pub cut_off: bool,
    /// How far it is behind in time and in bytes, if it is a replica and that is known.
    pub lag: Option<(Duration, u64)>,
    /// Its breakers: 0 closed, 1 half-open, 2 open; as a replica and as the primary.
    pub breakers: [u64; 2],
}

/// What a server is to the others.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum ServerPart {
    /// A replica, or nobody knows.
    #[default]
    Other,
    /// The one that takes writes.
    Primary,
    /// One that takes writes and must not.
    Fenced,
}

/// What the result cache counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct CacheFigures {
    /// Answers given from it.
    pub hits: u64,
    /// Answers it could have given but did not have.
    pub misses: u64,
    /// Answers put into it.
    pub insertions: u64,
    /// Answers thrown out for want of room.
    pub evictions: u64,
}

/// How long things took.
#[derive(Debug, Default, Clone)]
pub struct Durations {
    /// Queries.
    pub query: Distribution,
    /// Transactions.
    pub transaction: Distribution,
    /// Waits for a server.
    pub wait: Distribution,
}

impl Durations {
    /// What all workers recorded so far.
    #[must_use]
    pub fn read(timings: &Timings) -> Self {
        Self {
            query: timings.read(Timing::Query),
            transaction: timings.read(Timing::Transaction),
            wait: timings.read(Timing::Wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(database: &str, user: &str, active: u64, maxwait_us: u64) -> PoolFigures {
        PoolFigures {
            database: database.into(),
            user: user.into(),
            size: 10,
            now: PoolGauges { cl_active: active, sv_idle: 1, maxwait_us, ..PoolGauges::default() },
            totals: Totals { query_count: active, ..Totals::default() },
        }
    }

    #[test]
    fn pools_of_one_name_become_one_in_the_order_of_names() {
        let pools =
            vec![pool("b", "u", 1, 5), pool("a", "v", 2, 0), pool("b", "u", 4, 3), pool("a", "u", 8, 0)];
        let snapshot = Snapshot { pools, ..Snapshot::default() };
        let merged = snapshot.merged_pools();
        let names: Vec<_> = merged.iter().map(|p| (p.database.as_str(), p.user.as_str())).collect();
        assert_eq!(names, [("a", "u"), ("a", "v"), ("b", "u")]);
        let sum = &merged[2];
        assert_eq!((sum.size, sum.now.cl_active, sum.now.sv_idle, sum.now.maxwait_us), (20, 5, 2, 5));
        assert_eq!(sum.totals.query_count, 5);
        assert_eq!(snapshot.totals().query_count, 15);
    }
}
