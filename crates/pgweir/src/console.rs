//! The console: PgBouncer's administration commands, on the databases `pgweir` and `pgbouncer`.
//!
//! Map, from the visitor's bytes to the answer:
//! - [`line`]: messages in, answers out, waiting; `desk`: simple and extended protocol
//! - `words`, `grammar`: text to command; `clerk`: what commands do and who may
//! - `view`: what can be shown and its columns; `rows`, `config_rows`: what is in them; `table`: on the wire
//! - `fail`: every refusal in words; `help`: SHOW HELP; `date`: times as text

mod clerk;
mod config_rows;
mod date;
mod desk;
mod fail;
mod grammar;
mod help;
mod line;
mod rows;
mod table;
mod view;
mod words;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};

use session::error::Error;
use session::{Console, Hub, Visitor};

use crate::control::Control;
use clerk::Clerk;
use desk::Desk;
use line::Line;

/// Where the console finds what it controls, once that is there.
pub(crate) type Reception = OnceLock<Weak<Control>>;

/// Serves administrators.
pub(crate) struct Office {
    reception: Arc<Reception>,
}

impl Office {
    /// Opens as soon as there is somebody at the reception.
    pub(crate) fn new(reception: Arc<Reception>) -> Self {
        Self { reception }
    }

    async fn receive(&self, hub: &Arc<Hub>, visitor: Visitor) {
        let Visitor { channel, user, admin, card, secret, worker } = visitor;
        let id = card.id;
        let mut line = Line::new(channel, card);
        line.listen().await;
        let Some(control) = self.reception.get().and_then(Weak::upgrade) else {
            return line.close(&Error::ShuttingDown).await;
        };
        tracing::info!(client = id, user, admin, "console: log-in");
        let clerk = Clerk { hub, control: &control, user: &user, worker };
        let served = match desk::greet(&mut line, &hub.directory.config(), &secret) {
            Ok(()) => Desk::new(&mut line, &clerk).serve().await,
            Err(what) => Err(Error::Protocol(what)),
        };
        match served {
            Ok(()) | Err(Error::ClientLost(_)) => tracing::debug!(client = id, "console: visitor left"),
            Err(why) => {
                tracing::info!(client = id, "console: closing: {why:?}");
                line.close(&why).await;
            }
        }
    }
}

impl Console for Office {
    fn serve<'a>(
        &'a self,
        hub: &'a Arc<Hub>,
        visitor: Visitor,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(self.receive(hub, visitor))
    }
}
