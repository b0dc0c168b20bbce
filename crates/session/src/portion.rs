//! How much of what a client has sent may go to the server that it has: where there are replicas, a server gets the
//! batches that were chosen for it and no byte of what follows, for that may be for another server.
//!
//! What is kept stays in the inbox until it is answered, so that it can be run elsewhere if the server refuses it
//! before the client has been told anything.
//!
//! | open | what may go out |
//! |---|---|
//! | all | everything, as where there is one server |
//! | bytes | so many more |
//! | request | everything up to the end of one request |
//! | nothing | nothing, until the server is free or the next request of its transaction may follow |

use bytes::Bytes;
use net::channel::Channel;
use wire::frame;

use crate::refusal::Refusal;

/// What may go out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Open {
    /// Everything.
    #[default]
    All,
    /// So many bytes.
    Bytes(usize),
    /// Up to the end of one request.
    Request,
    /// Nothing.
    Nothing,
}

/// The part of the inbox that is for the server at hand.
#[derive(Debug, Default)]
pub(crate) struct Portion {
    open: Open,
    /// What is sent stays in the inbox until it is answered.
    keeps: bool,
    /// So much of the inbox is sent.
    sent: usize,
    /// The request at hand has been answered in part, and is not in the inbox any more.
    begun: bool,
    /// It was run before, and refused for another reason.
    pub(crate) repeated: bool,
    /// Names that the request at hand has given to statements.
    named: Vec<Bytes>,
    /// Why what begins the inbox was not run where it was sent.
    refusal: Option<Refusal>,
}

impl Portion {
    /// For a server that is about to be sent this much; kept: it may have to be run elsewhere.
    pub(crate) fn begin(&mut self, open: Open, keeps: bool) {
        *self = Self { open, keeps, named: std::mem::take(&mut self.named), ..Self::default() };
        self.named.clear();
    }

    /// Where the part that may go out ends, given how much is there.
    pub(crate) fn end(&self, there: usize) -> usize {
        match self.open {
            Open::All | Open::Request => there,
            Open::Bytes(open) => open.min(there),
            Open::Nothing => 0,
        }
    }

    /// It is of no importance at the moment.
    pub(crate) fn is_idle(&self) -> bool {
        self.open == Open::All && !self.keeps
    }

    /// Nothing more may go out for now.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(self.open, Open::Nothing | Open::Bytes(0))
    }

    /// A request has gone out as a whole.
    pub(crate) fn request_ends(&mut self) {
        if self.open == Open::Request {
            self.open = Open::Nothing;
        }
    }

    /// So many bytes have gone out: how many of them are to be taken from the inbox now.
    pub(crate) fn passed(&mut self, taken: usize) -> usize {
        let Open::Bytes(open) = self.open else { return taken };
        let left = open.saturating_sub(taken);
        self.open = Open::Bytes(left);
        if self.keeps && left == 0 {
            self.sent = taken;
            return 0;
        }
        // a part of it waits for the answers to the rest: what is gone can not be kept
        self.keeps &= taken == 0;
        taken
    }

    /// The next request of the transaction that is open on the server may go out.
    pub(crate) fn go_on(&mut self) {
        *self = Self { open: Open::Request, named: std::mem::take(&mut self.named), ..Self::default() };
    }

    /// What is sent is kept.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps
    }

    /// What is kept, if nothing of it has been answered.
    pub(crate) fn kept<'a>(&self, inbox: &'a [u8]) -> &'a [u8] {
        inbox.get(..self.sent).filter(|_| self.may_run_elsewhere()).unwrap_or_default()
    }

    /// Whether the request that the server is answering can be run elsewhere, for all that the client knows.
    pub(crate) fn may_run_elsewhere(&self) -> bool {
        self.keeps && !self.begun && self.refusal.is_none()
    }

    /// The client was told that so many requests are over; `more`: and something of the next one.
    pub(crate) fn answered(&mut self, channel: &mut Channel, over: u64, more: bool) {
        for _ in 0..over {
            if !std::mem::take(&mut self.begun) {
                self.consume(channel);
            }
        }
        if more && !self.begun {
            self.consume(channel);
            self.begun = true;
        }
    }

    /// The request that was answered is over.
    pub(crate) fn over(&mut self) {
        self.named.clear();
    }

    /// A name for a statement was given by the request at hand.
    pub(crate) fn names(&mut self, name: &Bytes) {
        if self.keeps {
            self.named.push(name.clone());
        }
    }

    /// The server has not run the request: the names that it has given, which do not count.
    pub(crate) fn refused(&mut self, why: Refusal) -> Vec<Bytes> {
        self.refusal = Some(why);
        std::mem::take(&mut self.named)
    }

    /// Why what begins the inbox was refused; told once.
    pub(crate) fn take_refusal(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }

    /// It was refused, and is to be run elsewhere.
    pub(crate) fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }

    /// What was sent is not run: it stays in the inbox.
    pub(crate) fn give_up(&mut self) {
        (self.open, self.keeps, self.sent) = (Open::Nothing, false, 0);
    }

    /// The server is free: what is still in the inbox is looked at anew.
    pub(crate) fn close(&mut self) {
        (self.open, self.keeps, self.sent, self.begun) = (Open::All, false, 0, false);
        self.named.clear();
    }

    fn consume(&mut self, channel: &mut Channel) {
        let gone = first(channel.inbox.get(..self.sent).unwrap_or_default());
        channel.consume(gone);
        self.sent -= gone;
    }
}

/// The length of the first request of these.
pub(crate) fn first(requests: &[u8]) -> usize {
    let mut at = 0;
    while let Ok(Some(head)) = frame::head(requests.get(at..).unwrap_or_default(), frame::LARGEST) {
        at += head.total();
        if matches!(head.tag, b'Q' | b'F' | b'S') {
            break;
        }
    }
    at.min(requests.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_with_its_sync_or_is_a_query() {
        let (query, parse, sync): (&[u8], &[u8], &[u8]) =
            (b"Q\0\0\0\x05\0", b"P\0\0\0\x08\0\0\0\0", b"S\0\0\0\x04");
        assert_eq!(first(&[query, query].concat()), 6);
        assert_eq!(first(&[parse, sync, query].concat()), 14);
        assert_eq!(first(parse), 9);
        assert_eq!(first(b""), 0);
    }

    #[test]
    fn what_was_cut_in_two_is_not_kept() {
        let mut portion = Portion::default();
        portion.begin(Open::Bytes(10), true);
        assert_eq!((portion.passed(0), portion.keeps()), (0, true));
        assert_eq!((portion.passed(4), portion.keeps()), (4, false));
        assert_eq!((portion.passed(6), portion.is_spent()), (6, true));
        portion.begin(Open::Bytes(10), true);
        assert_eq!((portion.passed(10), portion.keeps(), portion.is_spent()), (0, true, true));
        assert!(portion.may_run_elsewhere());
    }

    #[test]
    fn one_request_of_a_transaction_at_a_time() {
        let mut portion = Portion::default();
        portion.go_on();
        assert_eq!((portion.end(7), portion.passed(7)), (7, 7));
        assert!(!portion.is_spent());
        portion.request_ends();
        assert_eq!((portion.end(7), portion.is_spent()), (0, true));
    }
}
