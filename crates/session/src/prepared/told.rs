//! A client never gets rows of another shape than it was told of, and its parameters are never read as other types.
//!
//! What a server said when it described a statement, to the client by name or by a portal, is remembered for the
//! client's name and for the server's copy. A server keeps to what it has said of a copy, or refuses to run it; so as
//! long as both are the same, nothing has to be asked. Where the copy of this server has not been described yet, it is
//! described to us ahead of the client's message, which waits; where it differs, it is prepared anew once, as the client
//! would see the tables now; and where it still differs, the client gets the error that PostgreSQL has for this.

use std::sync::Arc;

use bytes::Bytes;
use pool::prepared::shape::{Compared, Described, Shape};
use pool::prepared::{Effect, Statement};
use wire::frame::{self, HEADER};
use wire::frontend::{Kind, close, describe, execute, parse};
use wire::replies::{Action, Request};

use super::meant::Use;
use super::{Desk, Passage, Stalled};

/// What makes a server refuse what the client has sent, and says why in the server's log. In a failed transaction it
/// says that it is one.
const REFUSED: &[u8] = b"SELECT \"cached plan must not change result type\"";

/// The name of what is never prepared.
const NEVER: &[u8] = b"__pgweir_never";

impl Desk<'_> {
    /// Makes sure that the server holds a statement as the client was told of it; `used`: the client's name for it,
    /// and the portal if one is bound.
    #[inline]
    pub(super) fn use_as_told(
        &mut self,
        statement: Arc<Statement>,
        told: Shape,
        used: (&[u8], Option<&[u8]>),
    ) -> Result<Use, Stalled> {
        let there = self.holds(&statement)?;
        let held = &mut self.server.held;
        if held.bound.is_some() {
            held.bound = None;
        }
        if let Some(there) = there
            && told.rows.is_some()
            && told.against(there) == Compared::Same
        {
            held.renewed = None;
            return Ok(Use::Shared(statement));
        }
        self.compare(statement, told, there, used)
    }

    /// The same for a client that was not told of rows, or where the server's copy is not known to be the same.
    fn compare(
        &mut self,
        statement: Arc<Statement>,
        mut told: Shape,
        there: Option<Shape>,
        (name, portal): (&[u8], Option<&[u8]>),
    ) -> Result<Use, Stalled> {
        if let Some(portal) = portal
            && self.behind.first() != Some(&execute::TAG)
        {
            if self.is_told_next(portal) {
                told.rows = None;
            }
            let (portal, name) = (Bytes::copy_from_slice(portal), self.names.keep(name));
            self.server.held.bound = Some(Box::new((portal, name, statement.id)));
        }
        let renewed = self.server.held.renewed == Some(statement.id);
        match there.map(|there| told.against(there)) {
            Some(Compared::Same) => {}
            Some(Compared::Differs) if renewed => {
                self.server.held.renewed = None;
                return Ok(Use::Changed);
            }
            Some(Compared::Unknown) => return self.ask(&statement),
            Some(Compared::Differs) => {
                self.server.held.outdate_here(statement.id);
                return self.renew(&statement, told);
            }
            None if told.is_unknown() => self.make(&statement, told)?,
            None => return self.renew(&statement, told),
        }
        self.server.held.renewed = None;
        Ok(Use::Shared(statement))
    }

    /// Has the server prepare it anew and describe it; the client's message waits.
    fn renew(&mut self, statement: &Arc<Statement>, told: Shape) -> Result<Use, Stalled> {
        self.make(statement, told)?;
        self.server.held.renewed = Some(statement.id);
        self.ask(statement)
    }

    /// Has the server describe it, unless it is about to.
    fn ask(&mut self, statement: &Arc<Statement>) -> Result<Use, Stalled> {
        if !self.is_being_told(statement) {
            let name = statement.name.as_bytes();
            describe::write(self.out.buffer(), Kind::Statement, name).map_err(|_| Stalled)?;
            let described = Effect::Described(Described::new(statement.id, None));
            self.server.replies.push(Request::Describe, Action::Discard, Some(described));
        }
        Err(Stalled)
    }

    /// Makes the name free where the server holds something out of date under it.
    pub(super) fn close_outdated(&mut self, statement: &Arc<Statement>) -> Result<(), Stalled> {
        if self.server.held.is_outdated(statement) {
            close::write(self.out.buffer(), Kind::Statement, statement.name.as_bytes())
                .map_err(|_| Stalled)?;
            let gone = Some(Effect::Evicted(Arc::clone(statement)));
            self.server.replies.push(Request::Close, Action::Discard, gone);
        }
        Ok(())
    }

    /// A description of this statement is under way.
    pub(super) fn is_being_told(&self, statement: &Statement) -> bool {
        self.server
            .replies
            .pending()
            .any(|(_, effect)| matches!(effect, Effect::Described(described) if described.id == statement.id))
    }

    /// The client will be told of the rows by this portal: it goes by what is said then.
    fn is_told_next(&self, portal: &[u8]) -> bool {
        let Ok(Some(head)) = frame::head(self.behind, frame::LARGEST) else { return false };
        let body = self.behind.get(HEADER..head.total()).unwrap_or_default();
        head.tag == describe::TAG
            && describe::Describe::parse(body)
                .is_ok_and(|next| matches!(next.kind, Kind::Portal) && next.name == portal)
    }

    /// What becomes of the answer to a Describe of this portal.
    pub(super) fn told_by_portal(&mut self, portal: &[u8]) -> Option<Effect> {
        let (_, name, id) = *self.server.held.bound.take_if(|bound| *bound.0 == *portal)?;
        Some(Effect::Described(Described::new(id, Some(name))))
    }

    /// What becomes of the answer to a Describe of this statement, by the client's name for it.
    pub(super) fn told_of(&self, statement: &Statement, name: &[u8]) -> Effect {
        Effect::Described(Described::new(statement.id, Some(self.names.keep(name))))
    }

    /// The client's message does not go to the server, but something that the server refuses: so transaction and batch
    /// end as they should.
    pub(super) fn refuse_changed(&mut self) -> Passage {
        let written = parse::write(self.out.buffer(), NEVER, REFUSED, b"\0\0");
        debug_assert!(written.is_ok(), "it is short");
        self.server.replies.push(Request::Parse, Action::Forward, Some(Effect::Changed));
        Passage::Dropped
    }
}
