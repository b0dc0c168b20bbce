//! What the servers of a pool have told of themselves, remembered so that later clients need not ask.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::{Bytes, BytesMut};
use wire::backend::params;

use crate::params::Params;

/// So many different sets of start-up settings are remembered with what the server made of them, and so many bytes
/// of both: a client may call itself anything, at length.
const MOST: (usize, usize) = (1000, 1 << 20);

/// What a server says of itself at log-in.
#[derive(Debug)]
pub struct Welcome {
    /// Every parameter it reported.
    pub reported: Vec<(String, String)>,
    /// Those that clients carry with them, at their defaults.
    pub base: Arc<Params>,
}

impl Welcome {
    /// Whom the server takes the session for.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        let mut reported = self.reported.iter();
        reported.find(|(name, _)| name == "session_authorization").map(|(_, user)| user.as_str())
    }
}

/// Start-up settings as a client sent them, in its order.
pub type Asked = Vec<(String, String)>;

/// What a client is told at log-in, and what is to be in force for it, given what it asked for.
#[derive(Debug)]
pub struct Greeting {
    /// Its settings, as the server spells them.
    pub params: Arc<Params>,
    /// A ParameterStatus for each parameter that servers report.
    pub report: Bytes,
}

impl Greeting {
    fn new(welcome: &Welcome, params: Arc<Params>) -> Self {
        let mut report = BytesMut::new();
        for (name, value) in &welcome.reported {
            let value = params.get(name).unwrap_or(value);
            // the server's own words, or what it has accepted: there is no zero byte in them
            let written = params::write(&mut report, name.as_bytes(), value.as_bytes());
            debug_assert!(written.is_ok(), "{name} was a text before");
        }
        Self { params, report: report.freeze() }
    }
}

/// What is known; with another welcome, greetings are others too.
#[derive(Debug, Default)]
pub struct Learnt {
    welcome: RwLock<Option<Arc<Welcome>>>,
    greetings: Mutex<Greetings>,
}

/// Greetings by what was asked for.
#[derive(Debug, Default)]
struct Greetings {
    known: HashMap<Asked, Arc<Greeting>>,
    /// Of all but the one for those who ask for nothing.
    bytes: usize,
}

impl Greetings {
    fn insert(&mut self, asked: Asked, greeting: &Arc<Greeting>) {
        let weight = weight(&asked, greeting);
        if self.known.len() >= MOST.0 || self.bytes.saturating_add(weight) > MOST.1 {
            self.known.retain(|asked, _| asked.is_empty());
            self.bytes = 0;
        }
        // two clients may have asked for the same at once; of those it is counted once
        if self.known.insert(asked, Arc::clone(greeting)).is_none() {
            self.bytes = self.bytes.saturating_add(weight);
        }
    }
}

/// The bytes of what was asked for and of what came of it.
fn weight(asked: &Asked, greeting: &Greeting) -> usize {
    let asked: usize = asked.iter().map(|(name, value)| name.len() + value.len()).sum();
    let params: usize = greeting.params.iter().map(|(name, value)| name.len() + value.len()).sum();
    asked + params + greeting.report.len()
}

impl Learnt {
    /// What servers say at log-in, once one has.
    #[must_use]
    pub fn welcome(&self) -> Option<Arc<Welcome>> {
        self.welcome.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A server was opened and said this.
    pub(crate) fn learn_welcome(&self, welcome: Welcome) {
        let mut known = self.welcome.write().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_none_or(|known| known.reported != welcome.reported) {
            let plain = Greeting::new(&welcome, Arc::clone(&welcome.base));
            *known = Some(Arc::new(welcome));
            // other defaults may give other values
            let mut greetings = self.greetings();
            *greetings = Greetings::default();
            greetings.known.insert(Asked::new(), Arc::new(plain));
        }
    }

    /// The greeting for a client with these start-up settings, if a server has taken them before.
    #[must_use]
    pub fn greeting(&self, asked: &Asked) -> Option<Arc<Greeting>> {
        self.greetings().known.get(asked).cloned()
    }

    /// Remembers what the server made of these start-up settings.
    pub fn learn(&self, asked: Asked, welcome: &Welcome, params: Arc<Params>) -> Arc<Greeting> {
        let greeting = Arc::new(Greeting::new(welcome, params));
        self.greetings().insert(asked, &greeting);
        greeting
    }

    /// What it guards is whole between any two statements.
    fn greetings(&self) -> MutexGuard<'_, Greetings> {
        self.greetings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_applications_are_remembered_up_to_a_bound_of_number_and_of_bytes() {
        let base = Arc::new(Params::reported([("application_name", "")]));
        let welcome = || Welcome {
            reported: vec![("application_name".into(), String::new())],
            base: Arc::clone(&base),
        };
        for (length, fewest) in [(10, 900), (9_000, 30)] {
            let learnt = Learnt::default();
            learnt.learn_welcome(welcome());
            let mut most = 0;
            for number in 0..3_000 {
                let name = format!("{number:0length$}");
                let asked = vec![("application_name".to_owned(), name.clone())];
                learnt.learn(asked.clone(), &welcome(), base.with("application_name", &name));
                assert!(learnt.greeting(&asked).is_some(), "the one at hand is known");
                let greetings = learnt.greetings();
                most = most.max(greetings.known.len());
                let held: usize =
                    greetings.known.iter().map(|(asked, greeting)| weight(asked, greeting)).sum();
                assert!(held <= (1 << 20) + 100, "{held} bytes");
            }
            assert!((fewest..=1000).contains(&most), "{most}");
            assert!(
                learnt.greeting(&Asked::new()).is_some(),
                "those who ask for nothing are never forgotten"
            );
        }
    }
}
