//! COPY inside the reply queue.
//!
//! While a server takes COPY data it reads Sync and Flush and ignores them (PostgreSQL documentation, "COPY
//! Operations"). A Sync that a client sent before its CopyDone is therefore never answered – unless the COPY
//! failed before the server came to read it; then it is an ordinary Sync. When an error arrives with such a
//! Sync under way, nothing on the wire says which of the two happened. We ask: [`SETTLE`] is a Sync, a marker
//! that only a Sync-ed server answers, and a second Sync. The ReadyForQuery that come before the marker's
//! reply, less our own first, are those that the client's Syncs brought.

use super::{Action, Deliver, Entry, Kind, Replies, Request, Verdict};
use crate::Error;

/// Sync, Close of a statement nobody has, Sync.
pub const SETTLE: &[u8] = b"S\0\0\0\x04C\0\0\0\x13Spgweir_marker\0S\0\0\0\x04";

/// Which COPY the head of the queue runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    None,
    In,
    Out,
    Both,
}

impl Copy {
    pub(super) fn receives(self) -> bool {
        matches!(self, Self::In | Self::Both)
    }

    pub(super) fn sends(self) -> bool {
        matches!(self, Self::Out | Self::Both)
    }
}

/// Waiting for the marker.
#[derive(Debug)]
pub(super) struct Settling {
    /// ReadyForQuery seen so far.
    ready: u32,
    /// The error came in the extended protocol: the server skips, if no Sync of the client ended that.
    extended: bool,
}

impl<E> Replies<E> {
    /// CopyData from the client. False: it comes too late, the server would drop it.
    #[must_use]
    pub fn takes_copy_data(&self) -> bool {
        !self.skipping && !self.queue.is_empty()
    }

    /// CopyDone or CopyFail from the client. False: as for data.
    pub fn push_copy_end(&mut self) -> bool {
        let takes = self.takes_copy_data();
        if takes {
            self.doubtful = true;
            match self.queue.back_mut() {
                Some(last) if last.kind == Kind::CopyEnd => last.more = last.more.saturating_add(1),
                Some(_) | None => {
                    let (kind, action) = (Kind::CopyEnd, Action::Forward);
                    self.queue.push_back(Entry { kind, action, more: 0, effect: None });
                }
            }
        }
        takes
    }

    /// The server waits for COPY data and the client has not ended it yet.
    #[must_use]
    pub fn in_open_copy(&self) -> bool {
        self.copy.receives() && !self.queue.iter().any(|entry| entry.kind == Kind::CopyEnd)
    }

    /// A COPY has been ended behind a Sync, and the server has not said yet whether that Sync was part of it.
    /// Until it has, no request may be sent: its replies could not be told from the Sync's.
    pub fn is_doubtful(&mut self) -> bool {
        self.doubtful = self.doubtful && self.syncs_before_copy_end();
        self.doubtful
    }

    fn syncs_before_copy_end(&self) -> bool {
        let syncs = |entry: &Entry<E>| matches!(entry.kind, Kind::Asked(Request::Sync) | Kind::MaybeSync);
        let behind = self.queue.iter().skip_while(|entry| !syncs(entry));
        behind.into_iter().any(|entry| entry.kind == Kind::CopyEnd)
    }

    pub(super) fn begin_copy(&mut self, tag: u8) {
        self.copy = match tag {
            b'G' => Copy::In,
            b'H' => Copy::Out,
            _ => Copy::Both,
        };
        if !self.copy.receives() {
            return;
        }
        // Syncs sent before the client knew that this is a COPY are read as part of it
        let (mut ended, mut maybe) = (false, false);
        self.queue.retain_mut(|entry| {
            ended |= entry.kind == Kind::CopyEnd;
            let sync = matches!(entry.kind, Kind::Asked(Request::Sync) | Kind::MaybeSync);
            if ended || !sync || entry.effect.is_some() {
                maybe = false;
                return true;
            }
            entry.kind = Kind::MaybeSync;
            !std::mem::replace(&mut maybe, true)
        });
        let extended = self.queue.front().is_some_and(|head| head.kind == Kind::Asked(Request::Execute));
        let synced = self.queue.iter().any(|entry| entry.kind == Kind::Asked(Request::Sync));
        self.unsynced = extended && !synced;
    }

    /// The COPY went well: its end, and every Sync before that, has been read as part of it.
    pub(super) fn end_copy(&mut self) {
        if !self.copy.receives() {
            self.copy = Copy::None;
            return;
        }
        self.copy = Copy::None;
        let mut ended = false;
        let mut at = 1;
        while let Some(entry) = self.queue.get(at) {
            match entry.kind {
                Kind::MaybeSync if !ended => drop(self.queue.remove(at)),
                Kind::CopyEnd if !ended => {
                    ended = true;
                    match self.queue.get_mut(at) {
                        Some(entry) if entry.more > 0 => entry.more -= 1,
                        Some(_) | None => drop(self.queue.remove(at)),
                    }
                }
                Kind::MaybeSync | Kind::CopyEnd | Kind::Asked(_) => at += 1,
            }
        }
    }

    pub(super) fn must_settle(&self) -> bool {
        self.queue.iter().any(|entry| entry.kind == Kind::MaybeSync)
    }

    /// Only Syncs may be behind the failed COPY: what else a client sends blindly behind a Sync inside a
    /// COPY cannot be matched with replies any more.
    pub(super) fn begin_settling(&mut self, extended: bool) -> Result<Verdict<E>, Error> {
        let only_syncs =
            self.queue.iter().skip(1).all(|entry| {
                matches!(entry.kind, Kind::MaybeSync | Kind::CopyEnd | Kind::Asked(Request::Sync))
            });
        if !only_syncs {
            return Err(Error::Unexpected {
                expected: "no request behind a Sync inside a failed COPY",
                got: b'E',
            });
        }
        self.copy = Copy::None;
        self.failed = self.pop().and_then(|entry| entry.effect);
        self.queue.clear();
        self.effects = 0;
        self.settling = Some(Settling { ready: 0, extended });
        Ok(Verdict { deliver: Deliver::Settle, done: None })
    }

    pub(super) fn on_settling(&mut self, tag: u8) -> Result<Verdict<E>, Error> {
        let Some(settling) = &mut self.settling else {
            return Err(Error::Unexpected { expected: "a marker under way", got: tag });
        };
        let deliver = match tag {
            b'N' | b'A' | b'S' | b'E' => Deliver::Forward,
            b'Z' => {
                settling.ready = settling.ready.saturating_add(1);
                Deliver::Discard
            }
            b'3' => {
                let answered = settling.ready.saturating_sub(1);
                // no Sync of the client got through: for the client the server still skips
                self.skipping = settling.extended && answered == 0;
                self.unsynced = self.skipping;
                self.settling = None;
                let (kind, action) = (Kind::Asked(Request::Sync), Action::Discard);
                self.queue.push_back(Entry { kind, action, more: 0, effect: None });
                Deliver::Ready(answered)
            }
            got => return Err(Error::Unexpected { expected: "the reply to the marker (Z 3)", got }),
        };
        Ok(Verdict { deliver, done: None })
    }
}
