//! What is met on the way to a server and is not for it: requests about settings of pgweir's own, and what is not allowed.

use classify::{Effects, Setting, SettingName};
use pool::left::Pins;
use pool::prepared::Effect;
use wire::TxStatus;
use wire::replies::Request;

use super::{Pass, Passage};
use crate::error::Error;
use crate::own_settings::{self, Doing, Name};
use crate::steps::own::understood;
use crate::{batch, portion, single};

/// A query that every server refuses to parse.
const NONSENSE_QUERY: &[u8] = b"Q\0\0\0\x0bpgweir\0";

impl Pass<'_> {
    /// Whether a request about such a setting comes next, which waits here, or is refused; a message that only belongs to
    /// one passes as any other.
    pub(super) fn is_own(&mut self) -> bool {
        if self.client.underway.portion.is_none() || self.server.replies.is_unsynced() {
            return false;
        }
        let rest = self.client.channel.inbox.get(self.run.at()..).unwrap_or_default();
        let Some(doing) = own_settings::read(batch::first_text(rest, &self.client.names)) else {
            return false;
        };
        // what it is about, and what of it is a batch, is known when it is whole and what is before it is over
        if batch::is_to_come(rest) || !self.server.replies.is_settled() {
            self.done.stalled = true;
            return true;
        }
        let length = portion::first(rest);
        if !single::runs_once(rest.get(..length).unwrap_or_default()) {
            return false;
        }
        let wrong = match doing {
            _ if self.server.status == TxStatus::Failed => Some(Error::Aborted),
            Doing::Set(name, Some(text)) => understood(name, &text).err(),
            Doing::Set(_, None) | Doing::Reset(_) | Doing::Show(_) => None,
        };
        match wrong {
            None => self.done.own = true,
            Some(error) => {
                self.refuse_own(error);
                self.run.leave_out(&self.client.channel.inbox, length);
            }
        }
        true
    }

    /// The name of such a setting that a text changes which does other things, too.
    pub(super) fn misplaced(&self, effects: &Effects) -> Option<&'static str> {
        self.client.underway.portion.as_ref()?;
        let own = |setting: &Setting| match &setting.name {
            SettingName::Known(name) => Name::of(name),
            SettingName::Bound(_) => None,
        };
        effects.settings.iter().find_map(own).map(Name::as_str)
    }

    /// The server is made to refuse a statement that is not allowed, so that transaction and batch end as they should;
    /// the client is told our reason.
    pub(super) fn refuse_query(&mut self, pins: Pins) -> Passage {
        self.put_in(NONSENSE_QUERY);
        let passage = self.asks(Request::Query, Some(Effect::Refused { pins, simple: true }));
        if passage == Passage::Verbatim { Passage::Rewritten } else { passage }
    }

    /// The same, for this reason.
    pub(super) fn refuse_own(&mut self, why: Error) -> Passage {
        self.client.underway.reasons.push(why);
        self.refuse_query(Pins::default())
    }
}
