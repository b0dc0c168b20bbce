//! A secret that may change while the program runs: when it is read again, and what stays if that fails.
//!
//! | read from | has to be read again |
//! |---|---|
//! | a file | a second after it was looked at, or after `ttl`; it is read only if it has changed |
//! | a command | after `ttl`, better already after three quarters of it; never without one |
//! | either | when somebody has refused it |
//!
//! After a failure the old text stays, and the next attempt comes a second later at the earliest.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::source::{Origin, fault};

/// How often a file is looked at, and the least time between two attempts after a failure.
const LOOK: Duration = Duration::from_secs(1);

/// Whether a secret has to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It may be used as it is.
    No,
    /// It may be used, but not for long.
    Soon,
    /// It has to be read before it is used.
    Now,
}

/// What reading it again has given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// What was there before.
    Same,
    /// Another text.
    Changed,
    /// Nothing, for this reason; the old text stays.
    Failed(String),
}

/// The secret and where it is read from.
pub(crate) struct Changing {
    origin: Origin,
    ttl: Option<Duration>,
    state: Mutex<State>,
    /// Somebody is reading it.
    busy: AtomicBool,
}

struct State {
    text: Arc<str>,
    /// When it was read, or found unchanged.
    at: Instant,
    stamp: Option<Stamp>,
    /// When the last attempt has failed, if it has.
    failed: Option<Instant>,
    suspected: bool,
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    file: (u64, u64),
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// That of the file behind this path, if there is one.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let data = fs::metadata(path).ok()?;
        Some(Self {
            file: (data.dev(), data.ino()),
            len: data.len(),
            modified: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        })
    }
}

impl Changing {
    /// Reads it for the first time.
    pub(crate) fn read(origin: Origin, ttl: Option<Duration>) -> Result<Self, Error> {
        // taken before the text: if the file changes in between, it is read once more than needed
        let stamp = stamp(&origin);
        let text = origin.read()?.into();
        let state = State { text, at: Instant::now(), stamp, failed: None, suspected: false };
        Ok(Self { origin, ttl, state: Mutex::new(state), busy: AtomicBool::new(false) })
    }

    pub(crate) fn text(&self) -> Arc<str> {
        Arc::clone(&self.state().text)
    }

    pub(crate) fn is_of_command(&self) -> bool {
        matches!(self.origin, Origin::Command { .. })
    }

    pub(crate) fn due(&self, now: Instant) -> Due {
        let state = self.state();
        if state.failed.is_some_and(|failed| now.saturating_duration_since(failed) < LOOK) {
            return Due::No;
        }
        let age = now.saturating_duration_since(state.at);
        match (&self.origin, self.ttl) {
            _ if state.suspected => Due::Now,
            (Origin::File(_), ttl) if age >= ttl.unwrap_or(LOOK) => Due::Now,
            (Origin::Command { .. }, Some(ttl)) if age >= ttl => Due::Now,
            (Origin::Command { .. }, Some(ttl)) if age >= ttl / 4 * 3 => Due::Soon,
            (Origin::File(_) | Origin::Command { .. }, _) => Due::No,
        }
    }

    pub(crate) fn suspect(&self, now: Instant, age: Duration) {
        let mut state = self.state();
        state.suspected |= now.saturating_duration_since(state.at) >= age;
    }

    pub(crate) fn begin(&self) -> bool {
        !self.busy.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn renew(&self) -> Renewed {
        let _end = End(&self.busy);
        let (known, suspected) = {
            let state = self.state();
            (state.stamp, state.suspected)
        };
        let began = Instant::now();
        let stamp = stamp(&self.origin);
        if stamp.is_some() && stamp == known && !suspected {
            let mut state = self.state();
            (state.at, state.failed) = (began, None);
            return Renewed::Same;
        }
        let read = self.origin.read().map_err(|error| error.to_string());
        let read = read.and_then(|text| match fault(&text) {
            Some(got) => Err(format!("it is {got}")),
            None => Ok(text),
        });
        let mut state = self.state();
        match read {
            Ok(text) => {
                let same = *state.text == *text;
                *state = State { text: text.into(), at: began, stamp, failed: None, suspected: false };
                if same { Renewed::Same } else { Renewed::Changed }
            }
            Err(why) => {
                state.failed = Some(Instant::now());
                Renewed::Failed(why)
            }
        }
    }

    /// What it guards is whole between any two statements.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives the right to read back, whatever becomes of the reading.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn stamp(origin: &Origin) -> Option<Stamp> {
    match origin {
        Origin::File(path) => Stamp::of(path),
        Origin::Command { .. } => None,
    }
}

/// The same source, whatever it gives.
impl PartialEq for Changing {
    fn eq(&self, other: &Self) -> bool {
        self.origin == other.origin && self.ttl == other.ttl
    }
}

impl Eq for Changing {}

impl fmt::Debug for Changing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Changing(…)")
    }
}

#[cfg(test)]
mod tests;
