//! Where the requests may run that begin an inbox: each is judged as a whole, by everything in it.
//!
//! | message | it reads if |
//! |---|---|
//! | Query, Parse | its text does |
//! | Bind, Describe of a statement | the text does that its name stands for, here or since before |
//! | Describe of a portal, Execute, Close, Flush | what was bound does |
//! | FunctionCall, COPY data | never |
//!
//! Requests that read and follow each other are taken together.

use std::cell::Cell;

use classify::{Against, Block, Hints, Lexis, Memo, Verdict};
use config::Undecided;
use pool::Params;
use pool::prepared::Statement;
use wire::frame::{self, HEADER, Head};
use wire::frontend::{self, bind, describe, parse};

use crate::names::Names;

/// The longest batches that are taken together, or kept.
pub(crate) const LONGEST: usize = 64 * 1024;

/// The first of the oids that are not PostgreSQL's own.
const FIRST_OF_USERS: u32 = 16_384;

/// Where requests may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runs {
    /// Anywhere: so many bytes of requests only read.
    Reads(usize),
    /// So do these for all that is known, but that is not much.
    Guessed(usize),
    /// It opens a transaction that only reads, with so many bytes.
    Opens(usize),
    /// It does nothing, in so many bytes.
    Nothing(usize),
    /// On the primary.
    Primary(Reason),
    /// On the primary, so many bytes: a replica has refused it.
    Refused(usize),
}

/// Why a request runs on the primary for all that is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// What speaks against a text in it.
    Against(Against),
    /// A comment asks for it.
    Hint,
    /// It is not all here.
    Unfinished,
    /// It uses a statement that nobody knows.
    Statement,
    /// It calls a function by its number.
    FunctionCall,
    /// It is about the session itself.
    Session,
    /// What names mean has just been changed.
    Catalogue,
}

/// Who looks at requests, with what there is to know for it.
pub(crate) struct Judge<'a> {
    /// The database's verdicts.
    pub(crate) memo: &'a Memo,
    /// For as long as they hold.
    pub(crate) stamp: u64,
    /// The client's statements.
    pub(crate) names: &'a Names,
    /// The client's settings.
    pub(crate) params: &'a Params,
    /// Where texts go of which nothing is known.
    pub(crate) undecided: Undecided,
    /// The client's names are followed.
    pub(crate) follows: bool,
    /// Something was taken to read of which nothing is known.
    pub(crate) guessed: Cell<bool>,
}

/// What is known of a statement: it reads, or not and why.
type Judgement = Result<(), Reason>;

/// A request while it is looked at.
#[derive(Default)]
struct Request<'a> {
    /// Statements that were parsed in it, by name.
    parsed: Vec<(&'a [u8], Judgement)>,
    /// Something is executed in it.
    executes: bool,
    /// It began a transaction that only reads.
    opens: bool,
}

impl<'a> Judge<'a> {
    /// Looks at what begins the inbox.
    pub(crate) fn look(&self, inbox: &'a [u8]) -> Runs {
        if self.params.get("default_transaction_isolation") == Some("serializable") {
            // no replica has that
            return Runs::Primary(Reason::Session);
        }
        let mut request = Request::default();
        let (first, length) = self.one(inbox, &mut request);
        let mut together = match first {
            Ok(()) if request.opens => return Runs::Opens(length),
            Ok(()) => length,
            // of a batch only the beginning was looked at
            Err(Reason::Against(Against::Empty)) if inbox.starts_with(b"Q") => return Runs::Nothing(length),
            Err(why) => return Runs::Primary(why),
        };
        while let Some(rest) = inbox.get(together..).filter(|rest| !rest.is_empty()) {
            let (next, length) = self.one(rest, &mut request);
            if next.is_err() || request.opens || length == 0 || together + length > LONGEST {
                break;
            }
            together += length;
        }
        if self.guessed.get() { Runs::Guessed(together) } else { Runs::Reads(together) }
    }

    /// One request, and its length.
    fn one(&self, inbox: &'a [u8], request: &mut Request<'a>) -> (Judgement, usize) {
        let mut at = 0;
        loop {
            let rest = inbox.get(at..).unwrap_or_default();
            let Ok(Some(head)) = frame::head(rest, frame::LARGEST) else {
                return (Err(Reason::Unfinished), at);
            };
            let Some(body) = rest.get(HEADER..head.total()) else {
                // of what there is the reason may be plain already
                return (Err(Reason::Unfinished), at);
            };
            at += head.total();
            if at > LONGEST {
                return (Err(Reason::Against(Against::TooLong)), at);
            }
            match self.message(head, body, at == head.total(), request) {
                Ok(true) => return (Ok(()), at),
                Ok(false) => {}
                Err(why) => return (Err(why), at),
            }
        }
    }

    /// One message; true: the request ends with it.
    fn message(
        &self,
        head: Head,
        body: &'a [u8],
        first: bool,
        request: &mut Request<'a>,
    ) -> Result<bool, Reason> {
        match head.tag {
            b'Q' if first => {
                let verdict = self.verdict(body)?;
                request.opens |= verdict.block == Block::OpensReadOnly;
                return self.judgement(&verdict, body).map(|()| true);
            }
            b'P' => self.parse(body, request)?,
            b'B' => {
                let bind = bind::Bind::parse(body).map_err(|_| Reason::Statement)?;
                self.used(bind.statement, request)?;
            }
            b'D' => {
                let describe = describe::Describe::parse(body).map_err(|_| Reason::Statement)?;
                if matches!(describe.kind, frontend::Kind::Statement) {
                    self.used(describe.name, request)?;
                }
            }
            b'E' => request.executes = true,
            b'C' | b'H' => {}
            b'S' => return Ok(true),
            b'F' => return Err(Reason::FunctionCall),
            // a simple query in a batch of the other protocol, COPY data, the client's goodbye
            _ => return Err(Reason::Unfinished),
        }
        Ok(false)
    }

    fn parse(&self, body: &'a [u8], request: &mut Request<'a>) -> Result<(), Reason> {
        let parse = parse::Parse::parse(body).map_err(|_| Reason::Statement)?;
        if !self.follows && !parse.name.is_empty() {
            return Err(Reason::Statement);
        }
        let types = parse.types.get(2..).unwrap_or_default();
        let of_users = |oid: &[u8; 4]| u32::from_be_bytes(*oid) >= FIRST_OF_USERS;
        if types.as_chunks::<4>().0.iter().any(of_users) {
            return Err(Reason::Against(Against::UnknownType));
        }
        let verdict = self.verdict(parse.sql)?;
        if verdict.block == Block::OpensReadOnly {
            if request.executes {
                return Err(Reason::Against(Against::Transaction));
            }
            request.opens = true;
        }
        let judgement = self.judgement(&verdict, parse.sql);
        request.parsed.retain(|(name, _)| *name != parse.name);
        request.parsed.push((parse.name, judgement));
        judgement
    }

    /// The statement of this name is used.
    fn used(&self, name: &[u8], request: &Request<'_>) -> Result<(), Reason> {
        if let Some((_, judgement)) = request.parsed.iter().find(|(parsed, _)| *parsed == name) {
            return *judgement;
        }
        let known = if self.follows { self.names.settled(name) } else { None };
        known.map_or(Err(Reason::Statement), |statement| self.known(statement))
    }

    /// A statement that was prepared before.
    fn known(&self, statement: &Statement) -> Result<(), Reason> {
        let judged = &statement.about.judged;
        if let Some(number) = judged.get(self.stamp) {
            return from_number(number);
        }
        // who has prepared it, and with which settings, is long forgotten
        let judgement = if statement.sql.contains(&b'\\') {
            Err(Reason::Against(Against::Backslash))
        } else {
            self.verdict(&statement.sql).and_then(|verdict| match verdict.block {
                Block::OpensReadOnly => Err(Reason::Against(Against::Transaction)),
                Block::Stays | Block::Opens | Block::Ends => self.judgement(&verdict, &statement.sql),
            })
        };
        // where they go of which nothing is known may be set differently tomorrow
        let undecided = matches!(judgement, Err(Reason::Against(why)) if why.is_undecided());
        if !undecided && !self.guessed.get() {
            judged.set(self.stamp, number_of(judgement));
        }
        judgement
    }

    /// The verdict on a text, unless nobody can tell where its strings end.
    fn verdict(&self, sql: &[u8]) -> Result<Verdict, Reason> {
        if self.params.has_odd_encoding() && sql.contains(&b'\\') {
            return Err(Reason::Against(Against::Backslash));
        }
        Ok(self.memo.verdict(sql, true, self.lexis()))
    }

    fn judgement(&self, verdict: &Verdict, sql: &[u8]) -> Judgement {
        let Verdict { hints: Hints { primary, replica, .. }, against, block, .. } = *verdict;
        if primary {
            return Err(Reason::Hint);
        }
        match against {
            None => Ok(()),
            Some(_) if block == Block::OpensReadOnly => Ok(()),
            Some(why) if why.is_undecided() && (replica || self.undecided == Undecided::Replica) => {
                if !leaves_nothing(sql, self.lexis()) {
                    return Err(Reason::Against(why));
                }
                self.guessed.set(true);
                Ok(())
            }
            Some(why) => Err(Reason::Against(why)),
        }
    }

    fn lexis(&self) -> Lexis {
        Lexis { backslashes: self.params.has_backslashes() }
    }

    /// A replica has refused what begins the inbox: no text in it goes to one again.
    pub(crate) fn was_refused(&self, inbox: &[u8]) {
        let mut at = 0;
        while let Ok(Some(head)) = frame::head(inbox.get(at..).unwrap_or_default(), frame::LARGEST) {
            let body = inbox.get(at + HEADER..at + head.total()).unwrap_or_default();
            at += head.total();
            match head.tag {
                b'Q' => self.memo.refused(body, true, self.lexis()),
                b'P' => {
                    let sql = parse::Parse::parse(body).map_or(&b""[..], |parse| parse.sql);
                    self.memo.refused(sql, true, self.lexis());
                }
                b'B' => {
                    let name = bind::Bind::parse(body).map_or(&b""[..], |bind| bind.statement);
                    if let Some(statement) = self.names.settled(name) {
                        let refused = number_of(Err(Reason::Against(Against::Refused)));
                        statement.about.judged.set(self.stamp, refused);
                        self.memo.refused(&statement.sql, true, self.lexis());
                    }
                }
                _ => {}
            }
            if matches!(head.tag, b'Q' | b'S' | b'F') {
                break;
            }
        }
    }
}

/// Whether a text that is not known to only read is at least not known to leave anything behind in the session.
fn leaves_nothing(sql: &[u8], lexis: Lexis) -> bool {
    classify::effects(sql, true, lexis).is_none_or(|effects| effects.is_unknown_only())
}

/// The text of the statement that a request begins with, as far as it is here.
pub(crate) fn first_text<'a>(inbox: &'a [u8], names: &'a Names) -> &'a [u8] {
    let Ok(Some(head)) = frame::head(inbox, frame::LARGEST) else { return &[] };
    let body = inbox.get(HEADER..head.total().min(inbox.len())).unwrap_or_default();
    match head.tag {
        b'Q' => body,
        b'P' => parse::Parse::parse(body).map_or(&[], |parse| parse.sql),
        b'B' => {
            let statement = bind::Bind::parse(body).ok().and_then(|bind| names.settled(bind.statement));
            statement.map_or(&[], |statement| &statement.sql)
        }
        _ => &[],
    }
}

/// Whether a request begins the inbox that is not all there yet, and that no server has to answer before it is.
pub(crate) fn is_to_come(inbox: &[u8]) -> bool {
    let mut at = 0;
    while at < LONGEST {
        let rest = inbox.get(at..).unwrap_or_default();
        let Ok(Some(head)) = frame::head(rest, frame::LARGEST) else { return true };
        let whole = rest.len() >= head.total();
        match head.tag {
            b'P' | b'B' | b'D' | b'C' | b'E' if whole => at += head.total(),
            b'Q' | b'P' | b'B' | b'D' | b'C' | b'E' => return !whole && head.total() <= LONGEST,
            // Sync and Flush ask for an answer; what has no place here is dealt with elsewhere
            _ => return false,
        }
    }
    false
}

/// Judgements as they are kept with statements.
fn number_of(judgement: Judgement) -> u8 {
    let Err(Reason::Against(why)) = judgement else {
        return if judgement.is_ok() { 0 } else { HINT };
    };
    let place = Against::ALL.iter().position(|other| *other == why);
    place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or(HINT)
}

/// A comment asks for the primary.
const HINT: u8 = 100;

fn from_number(number: u8) -> Judgement {
    match usize::from(number).checked_sub(1) {
        None => Ok(()),
        Some(place) => Err(Against::ALL.get(place).map_or(Reason::Hint, |why| Reason::Against(*why))),
    }
}

#[cfg(test)]
mod tests;
