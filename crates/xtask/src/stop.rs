//! Being told to stop (Ctrl-C, or `kill`) while things run that have to be removed first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::error::Error;

/// Whether a signal to stop has come.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Catches the signals from now on, instead of dying of them.
    pub(crate) fn catch() -> Self {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // fails only for signals that cannot be caught, which these can
            let _ = signal_hook::flag::register(signal, Arc::clone(&flag));
        }
        Self(flag)
    }

    /// Whether it has come.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// An error if it has come: what the caller has started is dropped on the way out.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.asked() { Err(Error::Stopped) } else { Ok(()) }
    }
}
