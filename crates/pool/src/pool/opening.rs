//! An attempt to open a server connection, counted by its pool for as long as it lasts.

use std::sync::Arc;
use std::time::Instant;

use telemetry::Event;

use super::Pool;
use crate::error::Error;
use crate::server::Server;

/// An attempt to connect; it is taken off the count whatever becomes of its task.
pub(super) struct Opening {
    pool: Arc<Pool>,
    done: bool,
}

impl Opening {
    /// Begins; the pool has counted it.
    pub(super) fn begin(pool: &Arc<Pool>) -> Self {
        Self { pool: Arc::clone(pool), done: false }
    }

    /// The pool it is for.
    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Ends with a server, which goes to whoever waits, or with the reason why there is none.
    pub(super) fn end(mut self, opened: Result<Box<Server>, Error>) {
        self.done = true;
        let pool = &self.pool;
        match opened {
            Ok(mut server) => {
                let mut state = pool.state();
                state.opened();
                server.age.generation = state.generation;
                drop(state);
                pool.shared.events.count(Event::ServerConnected);
                let home = server.age.home;
                pool.place(server, home, Instant::now());
            }
            Err(error) => {
                pool.shared.events.count(Event::ServerConnectFailed);
                let jitter = pool.shared.jitter();
                let pause = pool.state().open_failed(error.clone(), Instant::now(), jitter);
                tracing::warn!(
                    database = pool.key.database,
                    user = pool.key.user,
                    retry_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                    "{error}"
                );
                if error.is_final() {
                    pool.fail_waiting(&error);
                }
            }
        }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if !self.done {
            self.pool.state().open_abandoned();
        }
    }
}
