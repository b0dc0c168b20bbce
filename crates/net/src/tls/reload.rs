//! A value made from files, swapped when they change and kept when they are wrong.
//!
//! The new value is complete and checked before it replaces the old one, so a handshake sees either. Files
//! that were found wrong are tried again only when they change once more; that is how a certificate and its
//! key can be replaced one after the other.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::files::{Contents, Files};
use crate::error::Error;

/// A section of the configuration that names files.
pub(super) trait Settings: Clone {
    /// What becomes of them.
    type Loaded;

    /// The files.
    fn files(&self) -> Files;

    /// Checks everything and builds the value.
    fn load(&self, contents: &Contents) -> Result<Self::Loaded, Error>;
}

/// The present value and where it comes from.
pub(super) struct Reload<S: Settings> {
    state: Mutex<State<S>>,
}

struct State<S: Settings> {
    settings: S,
    /// The contents that were last tried, with success or without.
    tried: u64,
    loaded: Arc<S::Loaded>,
}

impl<S: Settings> Reload<S> {
    pub(super) fn new(settings: &S) -> Result<Self, Error> {
        let contents = settings.files().read();
        let loaded = Arc::new(settings.load(&contents)?);
        let state = State { settings: settings.clone(), tried: contents.fingerprint(), loaded };
        Ok(Self { state: Mutex::new(state) })
    }

    /// The value for a new handshake.
    pub(super) fn current(&self) -> Arc<S::Loaded> {
        Arc::clone(&self.state().loaded)
    }

    /// Whether the files differ from what was last tried. Reads them.
    pub(super) fn changed(&self) -> bool {
        let (files, tried) = {
            let state = self.state();
            (state.settings.files(), state.tried)
        };
        files.read().fingerprint() != tried
    }

    /// Reads the files again.
    pub(super) fn reload(&self) -> Result<(), Error> {
        let settings = self.state().settings.clone();
        let contents = settings.files().read();
        let loaded = settings.load(&contents);
        let mut state = self.state();
        state.tried = contents.fingerprint();
        state.loaded = Arc::new(loaded?);
        Ok(())
    }

    /// Takes other settings; keeps the old ones if the new ones do not load.
    pub(super) fn replace(&self, settings: &S) -> Result<(), Error> {
        let new = Self::new(settings)?.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        *self.state() = new;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State<S>> {
        // Whole between any two statements above, whoever panicked while holding it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Settings + fmt::Debug> fmt::Debug for Reload<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state().settings.fmt(f)
    }
}
