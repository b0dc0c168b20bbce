//! Prepared statements by name, and channels.

use super::scanner::Scanner;
use super::{Channel, Effects, Marks, NameUse, Naming};
use crate::lexer::Kind;

impl Scanner<'_> {
    /// PREPARE: the current token. What is prepared is looked at when it is executed.
    pub(super) fn prepare(&mut self) {
        self.advance();
        if self.is("transaction") && self.peek().kind == Kind::Text {
            return;
        }
        let named = self.name_use(Naming::Prepare);
        self.advance();
        if !self.skip_to("as") {
            return;
        }
        let start = self.token.end;
        self.skip_rest();
        let body = start..self.token.start;
        if named && let Some(prepared) = self.found().names.last_mut() {
            prepared.body = Some(body);
        }
    }

    /// EXECUTE: the current token. Its arguments are expressions.
    pub(super) fn execute(&mut self) {
        self.advance();
        self.name_use(Naming::Execute);
        self.advance();
        self.expressions();
    }

    /// DEALLOCATE: the current token.
    pub(super) fn deallocate(&mut self) {
        self.advance();
        if self.is("prepare") && self.peek().is_identifier() {
            self.advance();
        }
        if self.is("all") {
            self.mark(Marks::FORGETS);
        } else {
            self.name_use(Naming::Deallocate);
        }
    }

    /// LISTEN: the current token.
    pub(super) fn listen(&mut self) {
        self.advance();
        self.mark(Marks::LISTENS);
        let channel = self.identifier(self.token).map(|name| Channel::Listen(name.into()));
        self.channel(channel);
    }

    /// UNLISTEN: the current token.
    pub(super) fn unlisten(&mut self) {
        self.advance();
        self.mark(Marks::UNLISTENS);
        let channel = if self.token.kind == Kind::Operator {
            Some(Channel::UnlistenAll)
        } else {
            self.identifier(self.token).map(|name| Channel::Unlisten(name.into()))
        };
        self.channel(channel);
    }

    /// The current token is a name; whether it can be told.
    fn name_use(&mut self, what: Naming) -> bool {
        let name = self.identifier(self.token);
        let range = self.token.start..self.token.end;
        let names = &mut self.found().names;
        match name {
            Some(name) if names.len() < Effects::MOST => {
                names.push(NameUse { what, range, name: name.into(), body: None });
                true
            }
            _ => {
                self.mark(Marks::UNKNOWN);
                false
            }
        }
    }

    fn channel(&mut self, channel: Option<Channel>) {
        let channels = &mut self.found().channels;
        match channel {
            Some(channel) if channels.len() < Effects::MOST => channels.push(channel),
            _ => self.mark(Marks::UNKNOWN),
        }
    }
}
