//! Texts that do nothing but begin, tune and end transactions: read as a whole, so that they can be answered without a
//! server.
//!
//! Whatever stands beside that in a text, and whatever PostgreSQL would refuse, makes it a text that is not known here.

use crate::lexer::{Kind, Lexer, Token};
use crate::verdict::Hints;
use crate::words;

/// The longest text that is looked at, comments included.
const LONGEST: usize = 2000;
/// So many statements in one text.
const MOST: usize = 8;

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// BEGIN
    Begin(Modes),
    /// START TRANSACTION
    Start(Modes),
    /// SET TRANSACTION
    Set(Modes),
    /// COMMIT, END
    Commit,
    /// ROLLBACK, ABORT
    Rollback,
}

/// What a transaction is to be; `None`: as the session has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// ISOLATION LEVEL
    pub isolation: Option<Isolation>,
    /// READ ONLY, or READ WRITE.
    pub only_reads: Option<bool>,
    /// DEFERRABLE, or NOT DEFERRABLE.
    pub deferrable: Option<bool>,
}

/// An isolation level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// READ UNCOMMITTED
    ReadUncommitted,
    /// READ COMMITTED
    ReadCommitted,
    /// REPEATABLE READ
    RepeatableRead,
    /// SERIALIZABLE
    Serializable,
}

impl Isolation {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "READ UNCOMMITTED",
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}

impl Modes {
    /// The same with these said behind them.
    #[must_use]
    pub fn with(self, later: Self) -> Self {
        Self {
            isolation: later.isolation.or(self.isolation),
            only_reads: later.only_reads.or(self.only_reads),
            deferrable: later.deferrable.or(self.deferrable),
        }
    }
}

/// A text that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its statements, at least one.
    pub steps: Vec<Step>,
    /// What its comments ask for.
    pub hints: Hints,
}

/// Reads a text if it does nothing else. A zero byte ends it.
#[must_use]
pub fn read(sql: &[u8]) -> Option<Text> {
    let word = words::first_word(sql);
    let known = ["begin", "start", "set", "commit", "end", "rollback", "abort"];
    if sql.len() > LONGEST || !known.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes())) {
        return None;
    }
    let sql = sql.strip_suffix(b"\0").unwrap_or(sql);
    // what is not in the encoding is an error, in comments too
    if sql.contains(&0) || !sql.is_ascii() {
        return None;
    }
    let mut reader = Reader { lexer: Lexer::new(sql, false) };
    let mut steps = Vec::new();
    let mut token = reader.lexer.next();
    while token.kind != Kind::End {
        if token.kind == Kind::Semicolon {
            token = reader.lexer.next();
            continue;
        }
        let (step, end) = reader.statement(token)?;
        steps.push(step);
        if steps.len() > MOST || !(end.kind == Kind::End || end.kind == Kind::Semicolon) {
            return None;
        }
        token = end;
    }
    (!steps.is_empty() && !reader.lexer.broken).then_some(Text { steps, hints: reader.lexer.hints })
}

/// Whether the first of several statements is nothing but the end of a transaction.
#[must_use]
pub fn ends_first(sql: &[u8]) -> bool {
    if !words::exits_transaction(sql) {
        return false;
    }
    let mut reader = Reader { lexer: Lexer::new(sql, false) };
    let mut token = reader.lexer.next();
    while token.kind == Kind::Semicolon {
        token = reader.lexer.next();
    }
    let read = reader.statement(token);
    read.is_some_and(|(step, end)| {
        matches!(step, Step::Commit | Step::Rollback) && end.kind == Kind::Semicolon
    })
}

struct Reader<'a> {
    lexer: Lexer<'a>,
}

impl Reader<'_> {
    /// The statement that begins with this token, and the token behind it.
    fn statement(&mut self, verb: Token) -> Option<(Step, Token)> {
        if verb.kind != Kind::Word {
            return None;
        }
        let next = self.lexer.next();
        if self.says(verb, "begin") {
            let next = self.past_noise(next);
            let (modes, end) = self.modes(next)?;
            return Some((Step::Begin(modes), end));
        }
        if self.says(verb, "start") || self.says(verb, "set") {
            if !self.says(next, "transaction") {
                return None;
            }
            let first = self.lexer.next();
            let (modes, end) = self.modes(first)?;
            let starts = self.says(verb, "start");
            return match starts {
                true => Some((Step::Start(modes), end)),
                false => (first != end).then_some((Step::Set(modes), end)),
            };
        }
        let step = if self.says(verb, "commit") || self.says(verb, "end") {
            Step::Commit
        } else if self.says(verb, "rollback") || self.says(verb, "abort") {
            Step::Rollback
        } else {
            return None;
        };
        // AND CHAIN, PREPARED and TO are for a server
        Some((step, self.past_noise(next)))
    }

    /// The token behind WORK or TRANSACTION, if it is one of those.
    fn past_noise(&mut self, token: Token) -> Token {
        let noise = self.says(token, "work") || self.says(token, "transaction");
        if noise { self.lexer.next() } else { token }
    }

    /// What a transaction is to be, from this token on, and the token behind it.
    fn modes(&mut self, mut token: Token) -> Option<(Modes, Token)> {
        let (mut modes, mut any) = (Modes::default(), false);
        loop {
            if any && token.kind == Kind::Comma {
                token = self.lexer.next();
            } else if token.kind != Kind::Word {
                return Some((modes, token));
            }
            modes = modes.with(self.mode(token)?);
            token = self.lexer.next();
            any = true;
        }
    }

    fn mode(&mut self, first: Token) -> Option<Modes> {
        let modes = Modes::default();
        if self.says(first, "deferrable") {
            return Some(Modes { deferrable: Some(true), ..modes });
        }
        let second = self.lexer.next();
        if self.says(first, "not") && self.says(second, "deferrable") {
            return Some(Modes { deferrable: Some(false), ..modes });
        }
        if self.says(first, "read") {
            let only = self.says(second, "only");
            return (only || self.says(second, "write")).then_some(Modes { only_reads: Some(only), ..modes });
        }
        if !self.says(first, "isolation") || !self.says(second, "level") {
            return None;
        }
        let level = self.lexer.next();
        if self.says(level, "serializable") {
            return Some(Modes { isolation: Some(Isolation::Serializable), ..modes });
        }
        let rest = self.lexer.next();
        let isolation = if self.says(level, "repeatable") && self.says(rest, "read") {
            Isolation::RepeatableRead
        } else if self.says(level, "read") && self.says(rest, "committed") {
            Isolation::ReadCommitted
        } else if self.says(level, "read") && self.says(rest, "uncommitted") {
            Isolation::ReadUncommitted
        } else {
            return None;
        };
        Some(Modes { isolation: Some(isolation), ..modes })
    }

    fn says(&self, token: Token, word: &str) -> bool {
        token.kind == Kind::Word && self.lexer.bytes(token).eq_ignore_ascii_case(word.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(sql: &str) -> Option<Vec<Step>> {
        read(sql.as_bytes()).map(|text| text.steps)
    }

    const PLAIN: Modes = Modes { isolation: None, only_reads: None, deferrable: None };

    #[test]
    fn what_drivers_send() {
        let begin = Some(vec![Step::Begin(PLAIN)]);
        for sql in ["BEGIN", "begin;\0", " /* x */ BEGIN WORK ; ", "BEGIN TRANSACTION -- so", ";;begin"] {
            assert_eq!(steps(sql), begin, "{sql}");
        }
        assert_eq!(steps("START TRANSACTION"), Some(vec![Step::Start(PLAIN)]));
        for sql in ["COMMIT", "end work", "Commit Transaction;"] {
            assert_eq!(steps(sql), Some(vec![Step::Commit]), "{sql}");
        }
        for sql in ["ROLLBACK", "abort work", "rollback transaction"] {
            assert_eq!(steps(sql), Some(vec![Step::Rollback]), "{sql}");
        }
        let reads = Modes { only_reads: Some(true), ..PLAIN };
        let all = Modes {
            isolation: Some(Isolation::RepeatableRead),
            only_reads: Some(false),
            deferrable: Some(false),
        };
        assert_eq!(steps("SET TRANSACTION READ ONLY"), Some(vec![Step::Set(reads)]));
        let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY READ WRITE, NOT DEFERRABLE";
        assert_eq!(steps(sql), Some(vec![Step::Begin(all)]));
        assert_eq!(
            steps("BEGIN; SET TRANSACTION READ ONLY;"),
            Some(vec![Step::Begin(PLAIN), Step::Set(reads)])
        );
    }

    #[test]
    fn what_is_for_a_server() {
        for sql in [
            "",
            ";",
            "SELECT 1",
            "BEGIN; SELECT 1",
            "BEGIN READ",
            "BEGIN READ ONLY,",
            "BEGIN , READ ONLY",
            "BEGIN WORK TRANSACTION",
            "BEGIN ISOLATION LEVEL READ",
            "BEGIN 'x'",
            "BEGIN /* never closed",
            "BEGIN \"read\" only",
            "BEGIN -- ü",
            "START",
            "START WORK",
            "SET TRANSACTION",
            "SET TRANSACTION SNAPSHOT '1'",
            "SET LOCAL TRANSACTION READ ONLY",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "SET a = 1",
            "COMMIT AND CHAIN",
            "COMMIT AND NO CHAIN",
            "COMMIT PREPARED 'x'",
            "ROLLBACK TO a",
            "PREPARE TRANSACTION 'x'",
            "BEGIN\0BEGIN",
        ] {
            assert_eq!(steps(sql), None, "{sql}");
        }
        assert_eq!(steps(&format!("BEGIN /*{}*/", "x".repeat(LONGEST))), None);
        assert_eq!(steps(&"BEGIN;".repeat(9)), None);
    }

    #[test]
    fn hints_are_heard() {
        let hints = |sql: &str| read(sql.as_bytes()).map(|text| text.hints).unwrap_or_default();
        assert!(hints("/* pgweir: replica */ BEGIN").replica);
        assert!(hints("BEGIN /* pgweir: primary */").primary);
        assert_eq!(hints("BEGIN"), Hints::default());
    }

    #[test]
    fn an_end_with_something_behind_it() {
        for sql in ["ROLLBACK; SELECT 1", "; commit work; BEGIN"] {
            assert!(ends_first(sql.as_bytes()), "{sql}");
        }
        for sql in ["ROLLBACK", "ROLLBACK TO a; COMMIT", "COMMIT AND CHAIN; SELECT 1", "SELECT 1; COMMIT"] {
            assert!(!ends_first(sql.as_bytes()), "{sql}");
        }
    }
}
