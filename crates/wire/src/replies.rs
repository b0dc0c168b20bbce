//! The queue of replies that a server still owes, and what is to become of each.
//!
//! Every request that is forwarded, or made up by us, leaves one entry; every message of the server is held
//! against the head of the queue. So it is always known whose reply a message is, when the last one has come,
//! and what the server will silently throw away after an error. Nothing is counted, nothing is guessed; the
//! one case in which the protocol itself does not tell (a Sync that crosses a failing COPY) is settled by
//! asking the server, see [`copy`].
//!
//! | state | meaning | ends with |
//! |---|---|---|
//! | head of the queue | the request being answered | its last message, or an error |
//! | skipping | an extended-protocol error: the server discards everything | the next Sync |
//! | copy in / out / both | the head runs a COPY | CommandComplete or an error |
//! | settling | a marker is under way through the server | the marker's own reply |
//!
//! The type parameter is what the caller wants back when the entry has been answered without an error.

use std::collections::VecDeque;

use crate::Error;

pub mod copy;
mod hush;

pub use copy::SETTLE;

/// A request that has a reply of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Query: any number of results, then ReadyForQuery.
    Query,
    /// FunctionCall: one result, then ReadyForQuery.
    FunctionCall,
    /// Parse: ParseComplete.
    Parse,
    /// Bind: BindComplete.
    Bind,
    /// Describe: RowDescription or NoData, for a statement behind ParameterDescription.
    Describe,
    /// Execute: rows, then CommandComplete, EmptyQueryResponse or PortalSuspended.
    Execute,
    /// Close: CloseComplete.
    Close,
    /// Sync: ReadyForQuery.
    Sync,
}

/// What becomes of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The client gets it.
    Forward,
    /// We asked for it; the client never hears of it, except of an error.
    Discard,
    /// The server was not asked; its confirmation is made up once everything before it has been answered.
    Invent,
}

/// What to do with the message just seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// Pass it on to the client.
    Forward,
    /// Drop it.
    Discard,
    /// Drop it and give the client this many ReadyForQuery instead.
    Ready(u32),
    /// Pass it on, then send [`SETTLE`] to the server and nothing else until it is settled.
    Settle,
}

/// The outcome of one message of the server.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict<E> {
    /// What to do with it.
    pub deliver: Deliver,
    /// Set when this was the last message of a reply without error.
    pub done: Option<E>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Asked(Request),
    /// A Sync that the server reads as part of a COPY, unless the COPY has failed before.
    MaybeSync,
    /// CopyDone or CopyFail: no reply of its own, but the end of the COPY before it.
    CopyEnd,
}

#[derive(Debug)]
struct Entry<E> {
    kind: Kind,
    action: Action,
    /// So many more of the same are behind it; only ends of a COPY are counted.
    more: u32,
    effect: Option<E>,
}

/// Replies owed by one server connection, in order.
#[derive(Debug)]
pub struct Replies<E> {
    queue: VecDeque<Entry<E>>,
    effects: usize,
    copy: copy::Copy,
    skipping: bool,
    unsynced: bool,
    /// A Sync may be under way inside a COPY; looked up only while this is set.
    doubtful: bool,
    /// What the request that failed last would have changed.
    failed: Option<E>,
    settling: Option<copy::Settling>,
}

impl<E> Default for Replies<E> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            effects: 0,
            copy: copy::Copy::None,
            skipping: false,
            unsynced: false,
            doubtful: false,
            failed: None,
            settling: None,
        }
    }
}

impl<E> Replies<E> {
    /// Notes a request, and what is to be handed back once it has been answered without an error. False: the server would throw it away after the error it has reported, so it need not
    /// be sent and no reply will come.
    pub fn push(&mut self, request: Request, action: Action, effect: Option<E>) -> bool {
        if self.skipping {
            if request != Request::Sync {
                return false;
            }
            self.skipping = false;
        }
        let mut kind = Kind::Asked(request);
        match request {
            Request::Sync if self.in_open_copy() => {
                // only whether there was one is of interest, never how many
                if self.queue.back().is_some_and(|entry| entry.kind == Kind::MaybeSync) && effect.is_none() {
                    return true;
                }
                kind = Kind::MaybeSync;
            }
            Request::Sync | Request::Query | Request::FunctionCall => self.unsynced = false,
            Request::Parse | Request::Bind | Request::Describe | Request::Execute | Request::Close => {
                self.unsynced = true;
            }
        }
        self.effects += usize::from(effect.is_some());
        self.queue.push_back(Entry { kind, action, more: 0, effect });
        true
    }

    /// Holds a message of the server against the queue.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when the server may not send this now.
    pub fn on(&mut self, tag: u8) -> Result<Verdict<E>, Error> {
        if self.settling.is_some() {
            return self.on_settling(tag);
        }
        let Some(head) = self.queue.front() else {
            return unasked(tag);
        };
        let (kind, deliver) = (head.kind, head.deliver());
        match (tag, kind) {
            (b'A' | b'S', _) => Ok(Verdict { deliver: Deliver::Forward, done: None }),
            (b'N', _) => Ok(Verdict { deliver, done: None }),
            (b'E', _) => self.on_error(kind),
            (b'Z', Kind::Asked(Request::Query | Request::FunctionCall | Request::Sync))
            | (b'1', Kind::Asked(Request::Parse))
            | (b'2', Kind::Asked(Request::Bind))
            | (b'T' | b'n', Kind::Asked(Request::Describe))
            | (b'I' | b's', Kind::Asked(Request::Execute))
            | (b'3', Kind::Asked(Request::Close)) => Ok(self.finish(deliver)),
            (b'C', Kind::Asked(Request::Execute)) => {
                self.end_copy();
                Ok(self.finish(deliver))
            }
            (b'C', Kind::Asked(Request::Query)) => {
                self.end_copy();
                Ok(Verdict { deliver, done: None })
            }
            (b'G' | b'H' | b'W', Kind::Asked(Request::Query | Request::Execute)) => {
                self.begin_copy(tag);
                Ok(Verdict { deliver, done: None })
            }
            (b'd' | b'c', Kind::Asked(Request::Query | Request::Execute)) if self.copy.sends() => {
                Ok(Verdict { deliver, done: None })
            }
            (b'T' | b'D' | b'I', Kind::Asked(Request::Query))
            | (b'V', Kind::Asked(Request::FunctionCall))
            | (b't', Kind::Asked(Request::Describe))
            | (b'D', Kind::Asked(Request::Execute)) => Ok(Verdict { deliver, done: None }),
            _ => Err(Error::Unexpected { expected: expected(kind), got: tag }),
        }
    }

    /// Takes a message that the client gets as it is, and that changes nothing here but, perhaps, whose turn is
    /// next. False: it is not one of those, or not surely; [`Replies::on`] has to see it.
    ///
    /// This is what [`Replies::on`] would do for most messages of most replies, in a few instructions.
    #[inline]
    pub fn pass(&mut self, tag: u8) -> bool {
        let Some(Entry { kind: Kind::Asked(request), action: Action::Forward, effect: None, .. }) =
            self.queue.front()
        else {
            return false;
        };
        if self.settling.is_some() || self.copy != copy::Copy::None {
            return false;
        }
        let last = match (request, tag) {
            (Request::Query, b'D' | b'T' | b'C' | b'I')
            | (Request::Execute, b'D')
            | (Request::Describe, b't') => return true,
            (Request::Query | Request::FunctionCall | Request::Sync, b'Z')
            | (Request::Parse, b'1')
            | (Request::Bind, b'2')
            | (Request::Describe, b'T' | b'n')
            | (Request::Execute, b'C' | b'I' | b's')
            | (Request::Close, b'3') => true,
            (_, _) => false,
        };
        // what the server does not answer itself needs more than a look
        let plain = last
            && self.queue.get(1).is_none_or(|next| {
                next.action != Action::Invent && matches!(next.kind, Kind::Asked(_) | Kind::MaybeSync)
            });
        if plain {
            self.queue.pop_front();
        }
        plain
    }

    /// It is our turn to reply, see [`Replies::invented`].
    #[must_use]
    pub fn owes_invented(&self) -> bool {
        self.queue.front().is_some_and(|entry| entry.action == Action::Invent)
    }

    /// The reply that we owe in the server's place, once it is its turn.
    pub fn invented(&mut self) -> Option<(Request, Option<E>)> {
        let entry = self.queue.front()?;
        let (Action::Invent, Kind::Asked(request)) = (entry.action, entry.kind) else {
            return None;
        };
        self.pop().map(|entry| (request, entry.effect))
    }

    /// The effect of the request that is being answered.
    pub fn head_effect(&mut self) -> Option<&mut E> {
        self.queue.front_mut()?.effect.as_mut()
    }

    /// The effect of the request that the error just seen has ended: even a failure may change something.
    pub fn failed(&mut self) -> Option<E> {
        self.failed.take()
    }

    /// Nothing is owed, no error waits for its Sync, no request waits for one either: at this point, and only
    /// here, the transaction status that the server reported last is its state.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.queue.is_empty() && !self.unsynced && !self.skipping && self.settling.is_none()
    }

    /// No reply is owed at the moment (the request may still lack its Sync).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.settling.is_none()
    }

    /// A request of the extended protocol waits for its Sync.
    #[must_use]
    pub fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// How many replies are owed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// The server discards everything up to the next Sync.
    #[must_use]
    pub fn is_skipping(&self) -> bool {
        self.skipping
    }

    /// Nothing may be sent to the server at the moment: it is being asked where it stands.
    #[must_use]
    pub fn is_settling(&self) -> bool {
        self.settling.is_some()
    }

    /// Whether any effect is still to come.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.effects > 0
    }

    /// The effects still to come, newest first, each with the number of Syncs behind it.
    pub fn pending(&self) -> impl Iterator<Item = (usize, &E)> {
        // the usual case, found without a walk: nothing is pending, however long the pipeline is
        let length = if self.effects == 0 { 0 } else { self.queue.len() };
        let mut syncs = 0;
        self.queue.iter().rev().take(length).filter_map(move |entry| {
            if matches!(entry.kind, Kind::Asked(Request::Sync) | Kind::MaybeSync) {
                syncs += 1;
            }
            entry.effect.as_ref().map(|effect| (syncs, effect))
        })
    }

    /// Whether the reply at the head is one the client waits for.
    #[must_use]
    pub fn head_is_ours(&self) -> bool {
        self.queue.front().is_some_and(|entry| entry.action == Action::Discard)
    }

    fn finish(&mut self, deliver: Deliver) -> Verdict<E> {
        let done = self.pop().and_then(|entry| entry.effect);
        while self.queue.front().is_some_and(|entry| entry.kind == Kind::CopyEnd) {
            self.pop();
        }
        Verdict { deliver, done }
    }

    fn pop(&mut self) -> Option<Entry<E>> {
        let entry = self.queue.pop_front()?;
        self.effects -= usize::from(entry.effect.is_some());
        Some(entry)
    }

    /// An error ends the head. In the extended protocol the server then reads on to the next Sync without
    /// answering; Query and FunctionCall go on to their ReadyForQuery.
    fn on_error(&mut self, kind: Kind) -> Result<Verdict<E>, Error> {
        let extended = !matches!(kind, Kind::Asked(Request::Query | Request::FunctionCall | Request::Sync));
        if self.copy.receives() && self.must_settle() {
            return self.begin_settling(extended);
        }
        self.copy = copy::Copy::None;
        if extended {
            self.failed = self.pop().and_then(|entry| entry.effect);
            self.skip_to_sync();
        }
        Ok(Verdict { deliver: Deliver::Forward, done: None })
    }

    fn skip_to_sync(&mut self) {
        while let Some(entry) = self.queue.front() {
            if entry.kind == Kind::Asked(Request::Sync) {
                return;
            }
            self.pop();
        }
        self.skipping = true;
    }
}

impl<E> Entry<E> {
    fn deliver(&self) -> Deliver {
        match self.action {
            Action::Discard => Deliver::Discard,
            Action::Forward | Action::Invent => Deliver::Forward,
        }
    }
}

/// What a server may say without being asked: notices, notifications, parameters, and why it goes away.
fn unasked<E>(tag: u8) -> Result<Verdict<E>, Error> {
    match tag {
        b'N' | b'A' | b'S' | b'E' => Ok(Verdict { deliver: Deliver::Forward, done: None }),
        got => Err(Error::Unexpected { expected: "nothing but notices, as no request is open", got }),
    }
}

fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Asked(Request::Query) => "the reply to Query (T D C I G H W d c E Z)",
        Kind::Asked(Request::FunctionCall) => "the reply to FunctionCall (V E Z)",
        Kind::Asked(Request::Parse) => "the reply to Parse (1 E)",
        Kind::Asked(Request::Bind) => "the reply to Bind (2 E)",
        Kind::Asked(Request::Describe) => "the reply to Describe (t T n E)",
        Kind::Asked(Request::Execute) => "the reply to Execute (D C I s G H W d c E)",
        Kind::Asked(Request::Close) => "the reply to Close (3 E)",
        Kind::Asked(Request::Sync) | Kind::MaybeSync => "the reply to Sync (Z E)",
        Kind::CopyEnd => "the end of a COPY",
    }
}

#[cfg(test)]
mod tests;
