//! What operators say by signals.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// An operator's wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGTERM: stop when the clients' transactions have ended.
    Drain,
    /// SIGINT: stop now, telling the clients.
    Fast,
    /// SIGQUIT: stop at once.
    Now,
}

/// The signals we listen to.
pub(crate) struct Signals {
    hangup: unix::Signal,
    terminate: unix::Signal,
    interrupt: unix::Signal,
    quit: unix::Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// The system does not let us.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: unix::signal(SignalKind::hangup())?,
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            quit: unix::signal(SignalKind::quit())?,
        })
    }

    /// The next one.
    ///
    /// # Cancel safety
    /// A signal that comes while nobody waits is not lost.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::Reload,
            _ = self.terminate.recv() => Signal::Drain,
            _ = self.interrupt.recv() => Signal::Fast,
            _ = self.quit.recv() => Signal::Now,
        }
    }
}
