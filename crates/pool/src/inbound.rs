//! What a server says, held against what it owes. Every byte of a server is looked at here and nowhere else,
//! whoever waits for it: a client's relay, a clean-up, a setting of our own.
//!
//! Only heads are read, and the bodies of the few messages that change what we know: ReadyForQuery,
//! ParameterStatus, CommandComplete, errors, and descriptions of statements that a client is told for the first time.

use wire::replies::Deliver;
use wire::{Error, TxStatus, frame};

use crate::prepared::{Effect, Step};
use crate::server::Server;

/// The longest message PostgreSQL can send.
const LARGEST: u32 = 0x7fff_ffff;
/// The longest body that we look into. An error above it passes unread; the others are never that long.
const LARGEST_READ: u32 = 64 * 1024;
/// The longest description that we look into. None is longer: 1664 columns, 65,535 parameters.
const LARGEST_DESCRIPTION: u32 = 512 * 1024;

/// One message of the server.
#[derive(Debug)]
pub struct Seen {
    /// Its type.
    pub tag: u8,
    /// Its length.
    pub total: usize,
    /// How much of it is in the inbox already.
    pub have: usize,
    /// What to do with it.
    pub deliver: Deliver,
    /// It belongs to a request of our own.
    pub ours: bool,
    /// What the request it ends has changed; the server's part of that is done.
    pub effect: Option<Effect>,
    /// What a request would have changed that has failed.
    pub failed: Option<Effect>,
    /// DEALLOCATE ALL or DISCARD ALL ran: prepared statements are gone, the client's too.
    pub forgot_all: bool,
}

impl Server {
    /// The message that starts at `at` in the inbox; `None` while too little of it is there.
    ///
    /// # Errors
    /// A breach of the protocol by the server.
    pub fn see(&mut self, at: usize) -> Result<Option<Seen>, Error> {
        let rest = self.channel.inbox.get(at..).unwrap_or_default();
        let Some(head) = frame::head(rest, LARGEST)? else {
            return Ok(None);
        };
        let total = head.total();
        let have = rest.len().min(total);
        let mut forgot_all = false;
        let describes = self.describes(head.tag);
        let read = describes || matches!(head.tag, b'Z' | b'S' | b'C' | b'E');
        let limit = if describes { LARGEST_DESCRIPTION } else { LARGEST_READ };
        if read && head.len <= limit {
            if have < total {
                return Ok(None);
            }
        } else if read && head.tag != b'E' {
            return Err(Error::BadLength { tag: head.tag, len: head.len, limit });
        }
        let ours = self.replies.head_is_ours();
        let mut verdict = self.replies.on(head.tag)?;
        let mut step = None;
        let mut deliver = verdict.deliver;
        if read && have == total {
            let body = self.channel.inbox.get(at + frame::HEADER..at + total).unwrap_or_default();
            match head.tag {
                b'Z' => match body {
                    [status] => {
                        self.status = TxStatus::try_from(*status)?;
                        self.mixed.on_ready(self.status);
                        self.left.on_ready(self.status, self.replies.is_settled());
                    }
                    _ => return Err(Error::BadLength { tag: head.tag, len: head.len, limit: 5 }),
                },
                b'C' if matches!(body, b"PREPARE\0" | b"DEALLOCATE\0") => {
                    step = verdict.done.as_mut().or(self.replies.head_effect()).and_then(next_step);
                }
                b'C' if body.starts_with(b"D") => {
                    forgot_all = matches!(body, b"DEALLOCATE ALL\0" | b"DISCARD ALL\0");
                }
                b'S' => {
                    let (name, value) = wire::backend::params::parse(body)?;
                    let name = String::from_utf8_lossy(name).into_owned();
                    let value = String::from_utf8_lossy(value).into_owned();
                    self.parameter(&name, &value);
                    // the client whose settings we put in force knows them already
                    if ours {
                        deliver = Deliver::Discard;
                    }
                }
                b't' | b'T' | b'n' => {
                    hear(verdict.done.as_mut().or(self.replies.head_effect()), head.tag, body);
                }
                _ => {}
            }
        }
        if forgot_all {
            self.held.forget_all();
        }
        if let Some(effect) = &verdict.done {
            self.apply(effect);
        }
        if let Some(effect) = &step {
            self.apply(effect);
        }
        let failed = if head.tag == b'E' { self.replies.failed() } else { None };
        if let Some(effect) = &failed {
            self.held.apply_failed(effect);
        }
        Ok(Some(Seen {
            tag: head.tag,
            total,
            have,
            deliver,
            ours,
            effect: step.or(verdict.done),
            failed,
            forgot_all,
        }))
    }
}

impl Server {
    /// A description that is remembered.
    fn describes(&mut self, tag: u8) -> bool {
        matches!(tag, b't' | b'T' | b'n') && matches!(self.replies.head_effect(), Some(Effect::Described(_)))
    }
}

/// A message of an answer to Describe.
fn hear(effect: Option<&mut Effect>, tag: u8, body: &[u8]) {
    if let Some(Effect::Described(described)) = effect {
        described.hear(tag, body);
    }
}

/// What the PREPARE or DEALLOCATE that has just completed has changed.
fn next_step(effect: &mut Effect) -> Option<Effect> {
    let Effect::Names { steps, .. } = effect else { return None };
    Some(match steps.pop_front()? {
        Step::Prepare(alias) => Effect::Named(Box::new(alias)),
        Step::Deallocate(alias) => Effect::Deallocated(Box::new(alias)),
    })
}
