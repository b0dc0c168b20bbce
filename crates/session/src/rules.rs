//! What the settings of a pool mean for a relay: read once for each change of them.

use std::time::Duration;

use config::{ListenPolicy, PoolMode, PoolSettings, SessionSettings, StatePolicy};
use pool::left::Pins;

use crate::limits::Limits;

/// What holds for a relay while it lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// When the server is free again.
    pub(crate) mode: PoolMode,
    /// Statements a server may hold; 0: names are the server's own.
    pub(crate) statements: usize,
    /// Limits in time.
    pub(crate) limits: Limits,
    /// What texts leave behind in the session is followed, as the server may be another client's next.
    pub(crate) follows: bool,
    /// What would keep a server between transactions is refused,
    pub(crate) rejects: bool,
    /// but for this.
    pub(crate) allows: Pins,
    /// Somebody else listens for the client.
    pub(crate) shares: bool,
    /// How long a LISTEN may be held back.
    pub(crate) patience: Duration,
}

impl Rules {
    /// As the pool's settings say.
    pub(crate) fn of(settings: &PoolSettings) -> Self {
        let SessionSettings { state, listen, .. } = settings.session;
        let follows = settings.mode != PoolMode::Session;
        Self {
            mode: settings.mode,
            statements: match settings.mode {
                // a server of its own keeps the client's own names
                PoolMode::Session => 0,
                PoolMode::Transaction | PoolMode::Statement => settings.prepared_statements as usize,
            },
            limits: Limits::of(settings),
            follows,
            rejects: state == StatePolicy::Reject || listen == ListenPolicy::Reject,
            allows: match (state, listen) {
                (StatePolicy::Reject, ListenPolicy::Reject) => Pins::default(),
                (StatePolicy::Reject, ListenPolicy::Share) => Pins::CHANNEL,
                (StatePolicy::Track | StatePolicy::Pin, _) => Pins::ALL.without(Pins::CHANNEL),
            },
            shares: follows && state != StatePolicy::Pin && listen == ListenPolicy::Share,
            patience: settings.acquire_timeout(),
        }
    }

    /// What of this, which would keep a server between transactions, is refused.
    pub(crate) fn refuses(&self, pins: impl FnOnce() -> Pins) -> Pins {
        if self.rejects { pins().without(self.allows) } else { Pins::default() }
    }
}
