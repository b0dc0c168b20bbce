//! What the parts beside the sessions share: the console, reload, figures, and the order to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use config::Config;
use session::Hub;
use telemetry::PoolStats;
use telemetry::log::Log;
use tokio::runtime::Handle;

use crate::ledger::Ledger;
use crate::monitor::Monitors;
use crate::workers::Desk;

/// What the parts beside the sessions share.
pub(crate) struct Control {
    /// The sessions' shared parts.
    pub(crate) hub: Arc<Hub>,
    /// The log, to change its level.
    pub(crate) log: Log,
    /// When the program came up.
    pub(crate) started: SystemTime,
    /// One reload at a time.
    pub(crate) reloading: tokio::sync::Mutex<()>,
    /// What was counted in the last periods.
    pub(crate) ledger: Ledger,
    /// Where connections are handed out and counted.
    pub(crate) desk: Desk,
    /// What watches the servers of databases that have several.
    pub(crate) monitors: Monitors,
    /// The runtime that they are on, once it runs.
    pub(crate) home: OnceLock<Handle>,
    /// What the console itself has done.
    pub(crate) console: PoolStats,
    /// Clients are waited for, not sent away.
    patient: AtomicBool,
}

impl Control {
    /// For a program that starts now.
    pub(crate) fn new(hub: Arc<Hub>, log: Log, started: SystemTime, desk: Desk) -> Self {
        Self {
            hub,
            log,
            started,
            reloading: tokio::sync::Mutex::new(()),
            ledger: Ledger::new(),
            desk,
            monitors: Monitors::new(),
            home: OnceLock::new(),
            // visitors are seldom: they share the slot of everybody
            console: PoolStats::new(0),
            patient: AtomicBool::new(false),
        }
    }

    /// Takes a configuration: who is in it, and what is known of the servers that are in it still.
    pub(crate) fn take(&self, new: Config) {
        self.monitors.leave(&new);
        self.hub.directory.reload(Arc::new(new));
        if let Some(home) = self.home.get() {
            self.monitors.start(&self.hub, home);
        }
    }

    /// Whether the next drain waits for clients to leave by themselves.
    pub(crate) fn is_patient(&self) -> bool {
        self.patient.load(Ordering::Acquire)
    }

    /// The next drain waits for clients to leave by themselves, for as long as they like.
    pub(crate) fn wait_for_clients(&self) {
        self.patient.store(true, Ordering::Release);
    }
}
