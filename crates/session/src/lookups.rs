//! The secrets of users that the configuration does not know: looked up on a server when they log in.
//!
//! A log-in never gets an answer from before its own beginning: it shares the lookup of another only while that
//! has not been sent yet. So a changed password holds from the next log-in on, and at most one lookup for each
//! user is under way. What was answered is remembered, and serves while the server cannot be asked, for as
//! long as `auth.query.ttl` says.
//!
//! One task does the asking, over one connection. It begins with the first lookup and ends when nobody has
//! asked for a while. Whoever asks waits for `auth.query.timeout` at the longest, whatever becomes of the task.

mod asking;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use pool::lookup::Answer;
use pool::target::Found;
use telemetry::Event;
use tokio::sync::{Notify, oneshot};

use crate::error::{Error, Refusal};
use crate::hub::Hub;

/// No role of PostgreSQL has a longer name; longer ones are not even looked up.
const LONGEST_NAME: usize = 255;
/// So many users may wait for their lookup.
const MOST_ASKED: usize = 4096;
/// So many users are asked for at a time.
const BATCH: usize = 64;
/// So many secrets are remembered.
const MOST_KNOWN: usize = 10_000;

/// What a lookup gave: a user's secret, nobody, or why there is no answer.
type Outcome = Result<Option<Found>, Arc<str>>;

/// Lookups asked for, and what earlier ones gave.
#[derive(Debug, Default)]
pub struct Lookups {
    state: Mutex<State>,
    /// Told when somebody has asked.
    asked: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Not sent yet, with those who want to know, in the order they came.
    asked: HashMap<String, Vec<oneshot::Sender<Outcome>>>,
    order: VecDeque<String>,
    /// There is a task that sends them.
    running: bool,
    known: HashMap<String, Known>,
    generation: u64,
}

/// A secret that was looked up.
#[derive(Debug)]
struct Known {
    found: Found,
    /// The role's `VALID UNTIL`.
    until: Option<SystemTime>,
    /// When the server said so last.
    at: Instant,
}

/// The secret of a user, if the configuration says where such are looked up and there is one.
///
/// # Errors
/// The server could not be asked, and there was no earlier answer that still serves.
pub(crate) async fn find(hub: &Arc<Hub>, user: &str) -> Result<Option<Found>, Error> {
    let config = hub.directory.config();
    let Some(query) = &config.auth.query else { return Ok(None) };
    if user.len() > LONGEST_NAME {
        return Ok(None);
    }
    let began = Instant::now();
    let outcome = match hub.lookups.ask(user) {
        Some((receiver, first)) => {
            if first {
                tokio::spawn(asking::run(Arc::clone(hub)));
            }
            match tokio::time::timeout(query.timeout, receiver).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Err("the task that asks has ended".into()),
                Err(_) => Err("it was not answered in time".into()),
            }
        }
        None => Err("too many log-ins wait for theirs".into()),
    };
    let why = match outcome {
        Ok(Some(found)) => {
            hub.events.count(Event::SecretFound);
            return Ok(Some(found));
        }
        Ok(None) => {
            hub.events.count(Event::SecretMissing);
            return Ok(None);
        }
        Err(why) => why,
    };
    hub.events.count(Event::SecretLookupFailed);
    if let Some(found) = hub.lookups.remembered(user, query.ttl, SystemTime::now()) {
        tracing::warn!(user, "the secret could not be looked up, an earlier answer serves: {why}");
        return Ok(found);
    }
    tracing::warn!(user, "the secret could not be looked up: {why}");
    Err(Error::Login(Refusal::Lookup { user: user.to_owned(), waited: began.elapsed() }))
}

impl Lookups {
    /// Joins those who wait for this user's lookup; true if the caller has to start the task that asks. `None`
    /// if too many are waiting.
    fn ask(&self, user: &str) -> Option<(oneshot::Receiver<Outcome>, bool)> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        let full = state.order.len() >= MOST_ASKED;
        match state.asked.get_mut(user) {
            Some(others) => {
                // those who have left need no answer: the list is no longer than the clients there are
                others.retain(|sender| !sender.is_closed());
                others.push(sender);
            }
            None if full => return None,
            None => {
                state.asked.insert(user.to_owned(), vec![sender]);
                state.order.push_back(user.to_owned());
            }
        }
        let first = !std::mem::replace(&mut state.running, true);
        drop(state);
        self.asked.notify_one();
        Some((receiver, first))
    }

    /// The earlier answer for a user, if it is not too old: `Some(None)` if the secret has expired since.
    fn remembered(&self, user: &str, ttl: Duration, now: SystemTime) -> Option<Option<Found>> {
        let state = self.state();
        let known = state.known.get(user).filter(|known| known.at.elapsed() < ttl)?;
        Some(known.until.is_none_or(|until| now < until).then(|| known.found.clone()))
    }

    /// The next users to be asked for, with those who want to know, without those whom nobody waits for.
    fn take(&self) -> Vec<(String, Vec<oneshot::Sender<Outcome>>)> {
        let mut state = self.state();
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let Some(user) = state.order.pop_front() else { break };
            let senders = state.asked.remove(&user).unwrap_or_default();
            if senders.iter().any(|sender| !sender.is_closed()) {
                batch.push((user, senders));
            }
        }
        batch
    }

    /// Remembers an answer and gives it the number of its generation.
    fn learn(&self, user: &str, answer: Answer) -> Option<Found> {
        let mut state = self.state();
        let (secret, until) = match answer {
            Answer::Secret(secret, until) => (secret, until),
            Answer::Nobody(why) => {
                state.known.remove(user);
                tracing::info!(user, "nobody to log in as: {why}");
                return None;
            }
        };
        let at = Instant::now();
        if let Some(known) = state.known.get_mut(user).filter(|known| known.found.secret == secret) {
            (known.until, known.at) = (until, at);
            return Some(known.found.clone());
        }
        state.generation += 1;
        let found = Found { secret, generation: state.generation };
        if state.known.len() >= MOST_KNOWN && !state.known.contains_key(user) {
            // they only serve in an emergency: it does not matter much which are left
            state.known.clear();
        }
        state.known.insert(user.to_owned(), Known { found: found.clone(), until, at });
        Some(found)
    }

    /// Another source is asked from now on.
    fn forget(&self) {
        self.state().known.clear();
    }

    /// Ends the task that asks, unless somebody has asked meanwhile.
    fn rest(&self) -> bool {
        let mut state = self.state();
        state.running = !state.order.is_empty();
        !state.running
    }

    /// The task that asks is gone: nobody waits in vain, and the next who asks starts another.
    fn abandon(&self) {
        let mut state = self.state();
        state.running = false;
        state.order.clear();
        // the receivers hear of it by the end of their senders
        state.asked.clear();
    }

    /// What it guards is whole between any two statements.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
