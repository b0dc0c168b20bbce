//! A transaction that a client was told is begun, and of which no server knows yet: which server that is to be is said
//! by what comes behind its BEGIN.
//!
//! | state | BEGIN | SET TRANSACTION | COMMIT, ROLLBACK | any other request | the server's answer to BEGIN | a refusal |
//! |---|---|---|---|---|---|---|
//! | none | told: open | – | – | – | | |
//! | open | – | told: open | told: none | with BEGIN in front of it: sent | | told: failed |
//! | sent | | | | | it has begun: none, as the server has it now; an error: failed | told: failed |
//! | failed | refused | refused | told: none | refused | | |
//!
//! A dash: it is for a server, as any other request. "Told" is what a client is told without one.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use classify::Hints;
use classify::transaction::{Isolation, Modes, Step, Text};
use tokio::time::Sleep;
use wire::TxStatus;

/// Where such a transaction stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// There is none.
    #[default]
    None,
    /// Begun, for all that the client knows.
    Open(Wanted),
    /// A server is told of it, with the request behind it.
    Sent(Wanted),
    /// An error has ended it; the client has to.
    Failed,
}

/// What it is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// As its BEGIN and what came behind say.
    pub(crate) modes: Modes,
    /// As their comments say.
    pub(crate) hints: Hints,
}

/// What becomes of a text that only begins, tunes and ends transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The client is told these; this is how it stands then.
    Told(State, Vec<&'static str>),
    /// The transaction has failed.
    Refused,
    /// It is for a server.
    Server,
}

impl State {
    /// What becomes of a text.
    pub(crate) fn on(self, text: &Text) -> Answer {
        let (mut state, mut tags) = (self, Vec::new());
        for step in &text.steps {
            state = match (state, *step) {
                (Self::None, Step::Begin(modes) | Step::Start(modes)) => {
                    Self::Open(Wanted { modes, hints: text.hints })
                }
                (Self::Open(wanted), Step::Set(modes)) => Self::Open(wanted.with(modes, text.hints)),
                (Self::Open(_) | Self::Failed, Step::Commit | Step::Rollback) => Self::None,
                (Self::Failed, Step::Begin(_) | Step::Start(_) | Step::Set(_)) => return Answer::Refused,
                (Self::None, Step::Set(_) | Step::Commit | Step::Rollback)
                | (Self::Open(_), Step::Begin(_) | Step::Start(_))
                | (Self::Sent(_), _) => return Answer::Server,
            };
            tags.push(match step {
                Step::Begin(_) => "BEGIN",
                Step::Start(_) => "START TRANSACTION",
                Step::Set(_) => "SET",
                // of the first, as nothing else can follow a failure
                Step::Commit if self == Self::Failed && tags.is_empty() => "ROLLBACK",
                Step::Commit => "COMMIT",
                Step::Rollback => "ROLLBACK",
            });
        }
        // a server that is to stay with its client has to be there
        if text.hints.pin { Answer::Server } else { Answer::Told(state, tags) }
    }

    /// A server is told of it.
    pub(crate) fn sent(self) -> Self {
        match self {
            Self::Open(wanted) | Self::Sent(wanted) => Self::Sent(wanted),
            Self::None | Self::Failed => self,
        }
    }

    /// A request in it was refused.
    pub(crate) fn refused(self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Open(_) | Self::Sent(_) | Self::Failed => Self::Failed,
        }
    }

    /// What the client takes the transaction for.
    pub(crate) fn status(self) -> TxStatus {
        match self {
            Self::None => TxStatus::Idle,
            Self::Open(_) | Self::Sent(_) => TxStatus::InTransaction,
            Self::Failed => TxStatus::Failed,
        }
    }

    /// What it is to be, if a server is to be told of it.
    pub(crate) fn wanted(self) -> Option<Wanted> {
        match self {
            Self::Open(wanted) | Self::Sent(wanted) => Some(wanted),
            Self::None | Self::Failed => None,
        }
    }
}

impl Wanted {
    fn with(self, modes: Modes, hints: Hints) -> Self {
        let Hints { pin, primary, replica } = self.hints;
        let hints = Hints {
            pin: pin || hints.pin,
            primary: primary || hints.primary,
            replica: replica || hints.replica,
        };
        Self { modes: self.modes.with(modes), hints }
    }

    /// Whether all of it may run on a replica: it only reads, or its client says that it does.
    pub(crate) fn may_go_to_replica(&self) -> bool {
        let Modes { isolation, only_reads, .. } = self.modes;
        let reads = only_reads == Some(true) || (only_reads.is_none() && self.hints.replica);
        reads && isolation != Some(Isolation::Serializable) && !self.hints.primary
    }

    /// The BEGIN for a server.
    pub(crate) fn begin(&self) -> String {
        let Modes { isolation, only_reads, deferrable } = self.modes;
        let yes_or_no = |value: Option<bool>, yes, no| value.map(|value| if value { yes } else { no });
        let modes = [
            isolation.map(|level| ["ISOLATION LEVEL ", level.as_str()]),
            yes_or_no(only_reads, ["READ ONLY", ""], ["READ WRITE", ""]),
            yes_or_no(deferrable, ["DEFERRABLE", ""], ["NOT DEFERRABLE", ""]),
        ];
        let modes = modes.into_iter().flatten().map(|mode| mode.concat());
        ["BEGIN".to_owned()].into_iter().chain(modes).collect::<Vec<_>>().join(" ")
    }
}

/// Such a transaction, with its times.
#[derive(Debug)]
pub(crate) struct Begun {
    /// How it stands.
    pub(crate) state: State,
    /// When it began.
    pub(crate) since: Instant,
    /// When the client was answered last.
    pub(crate) last: Instant,
    /// Ends a client that does nothing with it for too long.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Begun {
    /// One that begins now.
    pub(crate) fn new(state: State, now: Instant) -> Box<Self> {
        Box::new(Self { state, since: now, last: now, timer: None })
    }

    /// The client was answered.
    pub(crate) fn answered(&mut self, state: State, now: Instant) {
        (self.state, self.last, self.timer) = (state, now, None);
    }

    /// Whether it is over this time; the task is woken when it is.
    pub(crate) fn poll_until(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at.into())));
        timer.as_mut().poll(cx)
    }

    /// For how long it has gone on.
    pub(crate) fn lasts(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }
}

#[cfg(test)]
mod tests;
