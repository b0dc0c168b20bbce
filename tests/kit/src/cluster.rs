//! A primary with streaming replicas.
//!
//! All are copies of one template, so a replica needs no base backup: it starts from the same first checkpoint
//! as its primary and streams everything since.

use crate::postgres::{Builder, Postgres};
use crate::wait;

/// A primary and its replicas; the replicas go first when dropped.
#[derive(Debug)]
pub struct Cluster {
    /// The replicas, in the order they were started.
    pub replicas: Vec<Postgres>,
    /// The primary.
    pub primary: Postgres,
}

impl Cluster {
    /// A primary and `n` replicas with every default.
    #[must_use]
    #[track_caller]
    pub fn start(n: usize) -> Self {
        Self::start_from(&Postgres::builder(), n)
    }

    /// A primary as described, and `n` replicas like it.
    #[must_use]
    #[track_caller]
    pub fn start_from(primary: &Builder, n: usize) -> Self {
        let mut cluster = Self { replicas: Vec::new(), primary: primary.start() };
        for _ in 0..n {
            cluster.add_replica(primary.clone());
        }
        cluster.wait_until_caught_up();
        cluster
    }

    /// Adds a replica, described like the primary but for settings of its own, such as
    /// `.set("recovery_min_apply_delay", "2s")`.
    #[track_caller]
    pub fn add_replica(&mut self, like: Builder) {
        let conninfo = self.primary.conninfo(&format!("replica{}", self.replicas.len()));
        self.replicas.push(like.standby_of(conninfo).start());
    }

    /// Waits until every replica has replayed all that the primary has written by now.
    #[track_caller]
    pub fn wait_until_caught_up(&self) {
        let target = self.primary.psql("SELECT pg_current_wal_lsn()");
        for replica in &self.replicas {
            Self::wait_until_replayed(replica, &target);
        }
    }

    /// Waits until a replica has replayed up to `lsn`.
    #[track_caller]
    pub fn wait_until_replayed(replica: &Postgres, lsn: &str) {
        let question = format!("SELECT coalesce(pg_last_wal_replay_lsn() >= '{lsn}'::pg_lsn, false)");
        let mut client = replica.door().open();
        wait::until(wait::PATIENCE, &format!("the replica has replayed {lsn}"), || {
            client.rows(&question) == "t"
        });
    }
}
