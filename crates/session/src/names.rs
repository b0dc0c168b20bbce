//! The names a client has given to statements, and what each stands for while requests are under way.

use std::sync::Arc;

use bytes::Bytes;
use pool::Server;
use pool::map::Map;
use pool::prepared::shape::{Described, Shape};
use pool::prepared::{Effect, Statement};

/// The statements a client has prepared.
#[derive(Debug, Default)]
pub(crate) struct Names {
    unnamed: Option<Arc<Statement>>,
    named: Map<Bytes, Named>,
    /// Two names may stand for the same statement.
    aliased: bool,
}

/// A statement with a name.
#[derive(Debug)]
struct Named {
    statement: Arc<Statement>,
    /// What the client was told of it.
    told: Shape,
}

/// What a name stands for, as far as one can tell while requests are under way.
pub(crate) enum Known {
    /// This one, of which the client was told this.
    Yes(Arc<Statement>, Shape),
    /// Nothing.
    No,
    /// It depends on a batch that is not answered yet.
    Unsure,
}

impl Names {
    /// Follows what the server has confirmed.
    pub(crate) fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Named(alias) | Effect::Checked(alias) => {
                self.aliased |=
                    self.named.values().any(|known| Arc::ptr_eq(&known.statement, &alias.statement));
                self.named.insert(alias.name, Named { statement: alias.statement, told: Shape::UNKNOWN });
            }
            Effect::Forgotten(name) => drop(self.named.remove(&*name)),
            Effect::Deallocated(alias) => drop(self.named.remove(&*alias.name)),
            Effect::Unnamed(statement) => self.unnamed = Some(statement),
            Effect::Described(described) => self.tell(&described),
            Effect::NoUnnamed
            | Effect::Doubt { simple: true }
            | Effect::Names { simple: true, .. }
            | Effect::Refused { simple: true, .. } => self.unnamed = None,
            Effect::Names { simple: false, .. }
            | Effect::Refused { simple: false, .. }
            | Effect::Shared(_)
            | Effect::Evicted(_)
            | Effect::Replayed(_)
            | Effect::Doubt { simple: false }
            | Effect::Spoken(_)
            | Effect::Changed
            | Effect::InForce(_)
            | Effect::Begun => {}
        }
    }

    fn tell(&mut self, described: &Described) {
        if let Some(name) = &described.name
            && let Some(known) = self.named.get_mut(name)
            && known.statement.id == described.id
        {
            known.told.learn(described.shape);
        }
    }

    /// Follows a request that has failed: Query, and Parse without a name, drop the unnamed statement anyway.
    pub(crate) fn apply_failed(&mut self, effect: &Effect) {
        if matches!(
            effect,
            Effect::Unnamed(_)
                | Effect::NoUnnamed
                | Effect::Doubt { simple: true }
                | Effect::Names { simple: true, .. }
                | Effect::Refused { .. }
        ) {
            self.unnamed = None;
        }
    }

    /// DEALLOCATE ALL or DISCARD ALL ran.
    pub(crate) fn forget_all(&mut self) {
        self.named.clear();
        self.aliased = false;
    }

    /// Whether two names may stand for the same statement.
    pub(crate) fn is_aliased(&self) -> bool {
        self.aliased
    }

    /// What this name stands for while nothing is under way; the unnamed statement has an empty one.
    pub(crate) fn settled(&self, name: &[u8]) -> Option<&Arc<Statement>> {
        if name.is_empty() {
            self.unnamed.as_ref()
        } else {
            self.named.get(name).map(|known| &known.statement)
        }
    }

    /// The name stands for nothing: what gave it is not to count.
    pub(crate) fn undo(&mut self, name: &Bytes) {
        self.named.remove(name);
    }

    /// The unnamed statement, if a Parse with this text and these types would make the same.
    pub(crate) fn unnamed_like(&self, sql: &[u8], types: &[u8]) -> Option<Arc<Statement>> {
        self.unnamed.as_ref().filter(|known| known.is(sql, types)).cloned()
    }

    /// Whether there is an unnamed statement.
    pub(crate) fn has_unnamed(&self) -> bool {
        self.unnamed.is_some()
    }

    /// How many names are known.
    pub(crate) fn len(&self) -> usize {
        self.named.len()
    }

    /// The client's name of a statement, given the name it has on servers.
    pub(crate) fn by_server_name(&self, server_name: &[u8]) -> Option<&Bytes> {
        let its = |known: &Named| known.statement.name.as_bytes() == server_name;
        self.named.iter().find(|(_, known)| its(known)).map(|(name, _)| name)
    }

    /// The client's name, to be kept.
    pub(crate) fn keep(&self, name: &[u8]) -> Bytes {
        let known = self.named.get_key_value(name).map(|(name, _)| name.clone());
        known.unwrap_or_else(|| Bytes::copy_from_slice(name))
    }

    /// What this name stands for.
    pub(crate) fn named(&self, server: &Server, name: &[u8]) -> Known {
        for (syncs, effect) in server.replies.pending() {
            if let Effect::Named(alias) | Effect::Checked(alias) = effect
                && *alias.name == *name
            {
                return Known::pending(syncs, Some(&alias.statement));
            } else if matches!(effect, Effect::Forgotten(n) if ***n == *name) {
                return Known::pending(syncs, None);
            } else if matches!(effect, Effect::Doubt { .. } | Effect::Names { .. }) {
                return Known::Unsure;
            }
        }
        self.named.get(name).map_or(Known::No, |known| Known::Yes(Arc::clone(&known.statement), known.told))
    }

    /// The unnamed statement.
    pub(crate) fn unnamed(&self, server: &Server) -> Known {
        for (syncs, effect) in server.replies.pending() {
            if let Effect::Unnamed(statement) = effect {
                return Known::pending(syncs, Some(statement));
            } else if matches!(
                effect,
                Effect::NoUnnamed | Effect::Doubt { simple: true } | Effect::Names { simple: true, .. }
            ) {
                return Known::pending(syncs, None);
            }
        }
        Known::settled(self.unnamed.as_ref())
    }
}

impl Known {
    /// What an effect says that is under way, with so many Syncs behind it.
    pub(crate) fn pending(syncs: usize, found: Option<&Arc<Statement>>) -> Self {
        if syncs > 0 { Self::Unsure } else { Self::settled(found) }
    }

    /// What is confirmed.
    pub(crate) fn settled(found: Option<&Arc<Statement>>) -> Self {
        found.map_or(Self::No, |statement| Self::Yes(Arc::clone(statement), Shape::UNKNOWN))
    }
}
