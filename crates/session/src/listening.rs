//! What a client listens to, though it has no server connection of its own: a [`Mailbox`], and a place at the
//! switchboard of its pool for each channel.
//!
//! | a channel is | from | to |
//! |---|---|---|
//! | tried | its LISTEN is about to be sent | the end of the transaction; what comes meanwhile is kept back |
//! | heard | the server was found listening to it at that end | its UNLISTEN has taken effect |
//! | leaving | its UNLISTEN is about to be sent | the end of the transaction; a failure or a ROLLBACK keeps it |
//!
//! A LISTEN is held back until somebody really listens for this client, so that nothing is missed that is sent
//! after it has taken effect.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;
use pool::notify::{Mail, Mailbox, Name, Standing, Subscription, Tuning, cut};
use pool::{Params, Pool};
use telemetry::{Event, Events};
use tokio::time::{Sleep, sleep};
use wire::backend::error::{ErrorFields, Severity, write_notice};
use wire::sqlstate::SqlState;

/// The most channels of one client.
const MOST: usize = 10_000;
/// So many bytes are given to the socket of a client at once.
const PORTION: usize = 32 * 1024;

/// What a client listens to.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    mailbox: Arc<Mailbox>,
    heard: HashMap<Name, Subscription>,
    tried: HashMap<Name, Subscription>,
    leaving: Vec<Name>,
    /// How long a LISTEN may still be held back.
    patience: Option<Pin<Box<Sleep>>>,
    /// It was held back for long enough.
    impatient: bool,
    /// Channels that the client listens to and nobody for it, not told yet.
    unheard: Vec<(Name, String)>,
}

impl Listening {
    /// How the client's task is woken.
    pub(crate) fn reach_by(&self, waker: &Waker) {
        self.mailbox.reach_by(waker);
    }

    /// A statement that changes what the client listens to is about to be sent. Asked again until it may go.
    pub(crate) fn tune(&mut self, pool: &Arc<Pool>, encoding: Option<&str>, tunings: &[Tuning]) {
        for tuning in tunings {
            match tuning {
                Tuning::Listen(channel) => {
                    let channel = cut(channel);
                    self.leaving.retain(|name| **name != *channel);
                    let known = self.heard.contains_key(channel) || self.tried.contains_key(channel);
                    if !known && !channel.is_empty() && self.heard.len() + self.tried.len() < MOST {
                        let place = pool.subscribe(encoding, channel, &self.mailbox);
                        self.tried.insert(Arc::clone(place.channel()), place);
                    }
                }
                Tuning::Unlisten(channel) => {
                    let name = self.heard.get_key_value(cut(channel)).map(|(name, _)| Arc::clone(name));
                    self.leaving.extend(name.filter(|name| !self.leaving.contains(name)));
                }
                Tuning::UnlistenAll => self.leaving = self.heard.keys().cloned().collect(),
            }
        }
    }

    /// Whether a statement that was announced may go: somebody listens to each of its channels, or that took too
    /// long and the client is going to be told.
    pub(crate) fn is_ready(&self) -> bool {
        let settled = |place: &Subscription| matches!(place.standing(), Standing::Live | Standing::Refused);
        self.impatient || self.tried.values().all(settled)
    }

    /// Waits until it may go, for so long from the first time on.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>, patience: Duration) -> Poll<()> {
        self.reach_by(cx.waker());
        if !self.is_ready() {
            let timer = self.patience.get_or_insert_with(|| Box::pin(sleep(patience)));
            std::task::ready!(timer.as_mut().poll(cx));
            self.impatient = true;
        }
        self.patience = None;
        Poll::Ready(())
    }

    /// Why nobody listens yet to something that the client waits for; none if somebody does.
    pub(crate) fn trouble(&self) -> Option<Option<pool::Error>> {
        let late = |place: &&Subscription| matches!(place.standing(), Standing::Wanted | Standing::Asked);
        self.tried.values().find(late).map(Subscription::trouble)
    }

    /// The request that was held back is not going to be sent.
    pub(crate) fn give_up(&mut self) {
        (self.patience, self.impatient) = (None, false);
        for (name, _) in self.tried.drain() {
            self.mailbox.forget(&name);
        }
    }

    /// Nothing of the transaction is under way: what has come for its channels until now was sent before they were
    /// listened to.
    pub(crate) fn not_yet(&self) {
        self.tried.keys().for_each(|name| self.mailbox.forget(name));
    }

    /// Whether a LISTEN is under way: what has come may be nothing that the client listens to.
    pub(crate) fn is_tried(&self) -> bool {
        !self.tried.is_empty()
    }

    /// Whether the outcome of an UNLISTEN is to be watched for.
    pub(crate) fn is_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// The transaction, or part of it, did not take effect.
    pub(crate) fn stay(&mut self) {
        self.leaving.clear();
    }

    /// The transaction has ended.
    pub(crate) fn leave(&mut self) {
        for name in std::mem::take(&mut self.leaving) {
            self.heard.remove(&name);
            self.mailbox.forget(&name);
        }
    }

    /// The transaction is over, and whether its server listens to anything could not be found out: in doubt, the
    /// client does.
    pub(crate) fn settle_in_doubt(&mut self) {
        self.heard.extend(self.tried.drain());
        self.give_up();
    }

    /// The transaction is over, and its server was found listening to these.
    pub(crate) fn settle(&mut self, pool: &Arc<Pool>, encoding: Option<&str>, channels: &[Vec<u8>]) {
        for channel in channels {
            let known = self.tried.remove_entry(&**channel);
            if let Some((name, place)) = known {
                // one that was live and is no more is told when it is there again
                let never = match place.standing() {
                    Standing::Live => false,
                    Standing::Wanted | Standing::Asked => self.impatient,
                    Standing::Refused => true,
                };
                if never {
                    self.unheard.push((Arc::clone(&name), reason(place.trouble())));
                }
                self.heard.insert(name, place);
            } else if !self.heard.contains_key(&**channel) {
                if self.heard.len() >= MOST {
                    self.unheard.push((channel.as_slice().into(), format!("{MOST} are listened to already")));
                    continue;
                }
                // a function has done it, and nobody could know
                let place = pool.subscribe(encoding, channel, &self.mailbox);
                self.heard.insert(Arc::clone(place.channel()), place);
            }
        }
        self.give_up();
    }

    /// On to another pool.
    pub(crate) fn move_to(&mut self, pool: &Arc<Pool>) {
        for places in [&mut self.heard, &mut self.tried] {
            for place in places.values_mut() {
                *place = pool.take_over(place, &self.mailbox);
            }
        }
    }

    /// Whether the pool was retired since this was asked last.
    pub(crate) fn take_uprooted(&self) -> bool {
        self.mailbox.is_stirred() && self.mailbox.take_uprooted()
    }

    /// Whether it is worth while to [`Listening::deliver`].
    #[inline]
    pub(crate) fn has_mail(&self) -> bool {
        self.mailbox.is_stirred() || !self.unheard.is_empty()
    }

    /// Whether nothing is left of it.
    pub(crate) fn is_over(&self) -> bool {
        self.heard.is_empty() && self.tried.is_empty() && self.unheard.is_empty()
    }

    /// Writes what has come, as much as is given at once; true if there was something. The client is outside of a
    /// transaction and between two messages.
    pub(crate) fn deliver(&mut self, out: &mut BytesMut, events: &Events) -> bool {
        let before = out.len();
        for (name, why) in self.unheard.drain(..) {
            let name = String::from_utf8_lossy(&name);
            let detail =
                format!("The connection that listens could not do so for channel \"{name}\": {why}.");
            warn(out, "notifications may be missed", Some(&detail), "They come as soon as it can be done.");
        }
        let mut delivered = 0;
        while out.len() < before + PORTION && self.mailbox.is_stirred() {
            match self.mailbox.take() {
                Some(Mail::Notification { message, .. }) => {
                    out.extend_from_slice(&message);
                    delivered += 1;
                }
                Some(Mail::Lost(n)) => warn(
                    out,
                    &format!("{n} notifications were lost"),
                    Some("They were not read in time, and more came."),
                    "Read notifications as they come, and look for what you may have missed.",
                ),
                Some(Mail::Restored) => warn(
                    out,
                    "notifications may have been missed",
                    Some("The connection that listens was lost and is there again."),
                    "Look for what you may have missed.",
                ),
                None => break,
            }
        }
        events.add(Event::NotificationDelivered, delivered);
        out.len() > before
    }
}

/// Where a statement that changes what its client listens to is held back.
pub(crate) struct Gate<'a> {
    listening: &'a mut Option<Box<Listening>>,
    pub(crate) pool: &'a Arc<Pool>,
    params: &'a Params,
    /// Somebody else listens for the client.
    shares: bool,
    /// One was.
    pub(crate) held: bool,
}

impl<'a> Gate<'a> {
    /// For a client with these settings.
    pub(crate) fn new(
        listening: &'a mut Option<Box<Listening>>,
        pool: &'a Arc<Pool>,
        params: &'a Params,
        shares: bool,
    ) -> Self {
        Self { listening, pool, params, shares, held: false }
    }

    /// Whether a statement may be sent that does this.
    pub(crate) fn admits(&mut self, tunings: &[Tuning]) -> bool {
        if !self.shares || tunings.is_empty() {
            return true;
        }
        let listening = self.listening.get_or_insert_default();
        listening.tune(self.pool, encoding(self.params), tunings);
        self.held = !listening.is_ready();
        !self.held
    }
}

/// The encoding of a client's texts, as far as a server has told.
pub(crate) fn encoding(params: &Params) -> Option<&str> {
    params.get("client_encoding")
}

fn reason(trouble: Option<pool::Error>) -> String {
    trouble.map_or_else(|| "it did not get so far in time".to_owned(), |error| error.to_string())
}

fn warn(out: &mut BytesMut, message: &str, detail: Option<&str>, hint: &str) {
    let fields = ErrorFields {
        severity: Severity::Warning,
        sqlstate: SqlState::WARNING,
        message,
        detail,
        hint: Some(hint),
    };
    write_notice(out, &fields);
}
