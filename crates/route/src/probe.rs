//! What a server says of itself when it is asked.

use std::time::Duration;

use wire::lsn::Lsn;

/// What a server has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// It follows another server: `pg_is_in_recovery()`.
    pub in_recovery: bool,
    /// The number that all servers of a cluster share: `system_identifier` of `pg_control_system()`. None from one that
    /// does not tell us: it is taken for one of ours.
    pub system: Option<u64>,
    /// Grows with each promotion: the timeline that a primary writes or a replica receives. None from a replica that
    /// does not tell us.
    pub timeline: Option<u32>,
    /// Where a primary writes (`pg_current_wal_insert_lsn()`), what a replica has replayed
    /// (`pg_last_wal_replay_lsn()`); none from a replica that has replayed nothing yet.
    pub position: Option<Lsn>,
    /// What a replica has received (`pg_last_wal_receive_lsn()`), or replayed if that is more; none from a primary.
    pub received: Option<Lsn>,
    /// A replica that is not fed at the moment: its replay is paused, or it receives nothing.
    pub starved: bool,
    /// A replica that receives what it is to replay from another server.
    pub receiving: bool,
    /// How long it took to say so.
    pub took: Duration,
}

impl Report {
    /// Of the cluster of this number, as far as it tells.
    pub(crate) fn is_of(&self, system: Option<u64>) -> bool {
        self.system.is_none() || system.is_none() || self.system == system
    }
}

/// Why it has said nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// It could not be reached, or the connection was lost.
    Connect,
    /// It does not let us in. It is there all the same, so this takes nothing from it but what it would have said.
    Login,
    /// It did not answer in time.
    Late,
    /// It says that it is starting, stopping, or in recovery without hot standby.
    NotReady,
}

impl Failure {
    /// For views and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Login => "login",
            Self::Late => "late",
            Self::NotReady => "not_ready",
        }
    }
}
