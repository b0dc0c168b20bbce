//! What all sessions share: the pools, the clients, how they log in, and the order to stop.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use net::channel::Channel;
use net::{Acceptor, Shutdown};
use pool::Directory;
use route::Boards;
use telemetry::Events;
use wire::auth::ScramSecret;

use crate::card::{ClientCard, Registry};
use crate::lookups::Lookups;
use crate::meanings::Dictionary;
use crate::writers::Writers;

/// Common to all sessions.
pub struct Hub {
    /// The pools, and the configuration in force.
    pub directory: Directory,
    /// The clients.
    pub registry: Registry,
    /// TLS towards clients.
    pub acceptor: Acceptor,
    /// Rare events.
    pub events: Arc<Events>,
    /// The order to stop.
    pub shutdown: Shutdown,
    /// Who answers on the console's databases.
    pub console: Box<dyn Console>,
    /// Makes the answers to unknown users look like those to known ones, the same for as long as we run.
    pub seed: [u8; 32],
    /// SCRAM secrets made of plain passwords: thousands of hashes each, so once for each password.
    pub secrets: Secrets,
    /// The secrets of users that the configuration does not know.
    pub lookups: Lookups,
    /// What is known of the servers of databases that have several.
    pub boards: Boards,
    /// Who sees whose writes there.
    pub writers: Writers,
    /// What the names in their texts mean.
    pub meanings: Dictionary,
}

/// So many plain passwords are remembered with what was made of them.
const MADE: usize = 10_000;

/// What was made of plain passwords, by user.
#[derive(Default)]
pub struct Secrets {
    made: Mutex<HashMap<String, (String, ScramSecret)>>,
}

impl Secrets {
    /// The SCRAM secret of a user's plain password.
    pub(crate) fn of(&self, user: &str, plain: &str, seed: &[u8; 32]) -> ScramSecret {
        let known = self.made().get(user).filter(|(of, _)| of == plain).map(|(_, secret)| secret.clone());
        known.unwrap_or_else(|| {
            let secret = ScramSecret::from_plain(user, plain, seed);
            let mut made = self.made();
            if made.len() >= MADE {
                made.clear();
            }
            made.insert(user.to_owned(), (plain.to_owned(), secret.clone()));
            secret
        })
    }

    fn made(&self) -> MutexGuard<'_, HashMap<String, (String, ScramSecret)>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An administrator at the console's door, logged in.
pub struct Visitor {
    /// The connection; the log-in is answered up to and including AuthenticationOk.
    pub channel: Channel,
    /// The user.
    pub user: String,
    /// May use every command, not only look.
    pub admin: bool,
    /// What others may know of it, with the number and the keys it will be told.
    pub card: Arc<ClientCard>,
    /// The cancel key it will be told.
    pub secret: Vec<u8>,
    /// The worker it is on.
    pub worker: usize,
}

/// The console: speaks the protocol from ParameterStatus on until the visitor leaves.
pub trait Console: Send + Sync {
    /// Serves one visitor.
    fn serve<'a>(
        &'a self,
        hub: &'a Arc<Hub>,
        visitor: Visitor,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}
