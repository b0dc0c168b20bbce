//! Names of prepared statements in texts: SQL's PREPARE, EXECUTE and DEALLOCATE.
//!
//! On a server a statement has a name of ours, so every name in a text is exchanged for the one that it has there. A
//! statement made by PREPARE is one client's alone, and made again by the same PREPARE on the next server that the
//! client is lent. What PREPARE and DEALLOCATE have done counts when the server has completed them.

use std::sync::Arc;

use bytes::Bytes;
use classify::effects::{Effects, NameUse, Naming as Doing};
use pool::left::Traces;
use pool::prepared::{About, Alias, Effect, Naming, PREFIX, Statement, Step};
use wire::frontend::{Kind, bind, close, execute, parse, query, sync};
use wire::replies::{Action, Request};

use crate::names::Known;
use crate::prepared::{Desk, Passage, Read, Stalled};
use crate::traces;

/// The portal in which the server runs a PREPARE for us.
const PORTAL: &[u8] = b"__pgweir";

impl Desk<'_> {
    /// A simple query with such names in it.
    pub(crate) fn query(&mut self, sql: &[u8], effects: &Effects) -> Result<Passage, Stalled> {
        let text = sql.split(|byte| *byte == 0).next().unwrap_or_default();
        let Read { sql: renamed, about } = self.rename(text, effects)?;
        let before = self.server.replies.len();
        self.ensure_all(&about)?;
        if self.server.replies.len() > before {
            // an error in them must not make the server skip the query
            self.server.replies.push(Request::Sync, Action::Discard, None);
            self.out.buffer().extend_from_slice(sync::BYTES);
        }
        if let Some(traces) = &about.traces {
            self.server.left.suspect(traces);
        }
        let steps = about.naming.as_deref().map(|naming| naming.steps.clone()).unwrap_or_default();
        let effect = Effect::Names { steps: Box::new(steps), simple: true };
        query::write(self.out.buffer(), renamed.as_deref().unwrap_or(text)).map_err(|_| Stalled)?;
        self.server.left.follow();
        Ok(if self.server.replies.push(Request::Query, Action::Forward, Some(effect)) {
            Passage::Rewritten
        } else {
            Passage::Dropped
        })
    }

    /// The text with the server's names in it, and what it does.
    pub(crate) fn rename(&mut self, sql: &[u8], effects: &Effects) -> Result<Read, Stalled> {
        let mut about = traces::about_of(effects);
        let mut naming = Naming::default();
        let mut all = about.traces.as_deref().cloned().unwrap_or_default();
        // what the names before have done in this very text
        let mut here: Vec<(&[u8], Option<Arc<Statement>>)> = Vec::new();
        let (mut out, mut done) = (Vec::with_capacity(sql.len() + 16), 0);
        for used in &effects.names {
            let known = match here.iter().rev().find(|(name, _)| **name == *used.name) {
                Some((_, known)) => known.clone(),
                None => match self.names.named(self.server, &used.name) {
                    Known::Yes(statement, _) => Some(statement),
                    Known::No => None,
                    Known::Unsure => return Err(Stalled),
                },
            };
            let alias = |statement: &Arc<Statement>| Alias {
                name: Bytes::copy_from_slice(&used.name),
                statement: Arc::clone(statement),
            };
            let name = match (used.what, known) {
                // if it is taken, the server says so
                (Doing::Prepare | Doing::Execute, Some(statement)) => {
                    need(&mut naming, &here, &statement);
                    if used.what == Doing::Execute {
                        about.forgets |= statement.about.forgets;
                        if let Some(traces) = &statement.about.traces {
                            all.add(traces);
                        }
                    }
                    Some(statement.name.clone())
                }
                (Doing::Prepare, None) => {
                    let statement = self.prepared_by(sql, used);
                    naming.steps.push_back(Step::Prepare(alias(&statement)));
                    here.push((&used.name, Some(Arc::clone(&statement))));
                    Some(statement.name.clone())
                }
                (Doing::Deallocate, Some(statement)) => {
                    need(&mut naming, &here, &statement);
                    naming.steps.push_back(Step::Deallocate(alias(&statement)));
                    here.push((&used.name, None));
                    Some(statement.name.clone())
                }
                // the server says that there is none; our own names are out of the client's reach
                (Doing::Execute | Doing::Deallocate, None) => used
                    .name
                    .starts_with(PREFIX.as_bytes())
                    .then(|| format!("_{}", String::from_utf8_lossy(&used.name))),
            };
            if let Some(name) = name {
                out.extend_from_slice(sql.get(done..used.range.start).unwrap_or_default());
                out.extend_from_slice(name.as_bytes());
                done = used.range.end;
            }
        }
        out.extend_from_slice(sql.get(done..).unwrap_or_default());
        about.traces = (all != Traces::default()).then(|| Arc::new(all));
        about.naming = Some(Arc::new(naming));
        Ok(Read { sql: Some(out), about })
    }

    /// Makes sure that the server knows the statements that a text speaks of.
    pub(crate) fn ensure_all(&mut self, about: &About) -> Result<(), Stalled> {
        let needs = about.naming.iter().flat_map(|naming| &naming.needs);
        for statement in needs {
            self.ensure(statement)?;
        }
        Ok(())
    }

    /// Has the server run the PREPARE of a statement, in a portal of our own.
    pub(crate) fn prepare_by_sql(&mut self, statement: &Arc<Statement>) -> Result<(), Stalled> {
        self.made += 1;
        let out = self.out.buffer();
        let written = parse::write(out, b"", &statement.sql, &statement.types)
            .and_then(|()| bind::write(out, PORTAL, b"", &[0; 6]))
            .and_then(|()| execute::write(out, PORTAL, 0))
            .and_then(|()| close::write(out, Kind::Portal, PORTAL));
        written.map_err(|_| Stalled)?;
        let replies = &mut self.server.replies;
        replies.push(Request::Parse, Action::Discard, Some(Effect::Replayed(Arc::clone(statement))));
        replies.push(Request::Bind, Action::Discard, None);
        replies.push(Request::Execute, Action::Discard, Some(Effect::Shared(Arc::clone(statement))));
        replies.push(Request::Close, Action::Discard, None);
        Ok(())
    }

    /// The statement that this PREPARE makes.
    fn prepared_by(&self, sql: &[u8], used: &NameUse) -> Arc<Statement> {
        let end = used.body.as_ref().map_or(sql.len(), |body| body.end);
        let rest = sql.get(used.range.end..end).unwrap_or_default();
        let body = used.body.clone().and_then(|body| sql.get(body)).unwrap_or_default();
        let about = About { naming: None, ..traces::about(body, self.server) };
        self.catalog.prepare(about, |name| {
            let mut text = format!("PREPARE {name} ").into_bytes();
            text.extend_from_slice(rest);
            Bytes::from(text)
        })
    }
}

/// The server must hold this, unless the text itself makes it.
fn need(naming: &mut Naming, here: &[(&[u8], Option<Arc<Statement>>)], statement: &Arc<Statement>) {
    // one that speaks of others in turn the server may not have; it says so then, and nothing here goes deep
    let simple = statement.about.naming.as_ref().is_none_or(|naming| naming.needs.is_empty());
    let made_here = here.iter().any(|(_, made)| made.as_ref().is_some_and(|made| made.id == statement.id));
    if simple && !made_here && !naming.needs.iter().any(|known| known.id == statement.id) {
        naming.needs.push(Arc::clone(statement));
    }
}
