//! Where a text may run, and why it may not run on a replica.

use crate::Lexis;
use crate::catalogue::Names;
use crate::effects;

/// The longest text that is looked at: a longer one may do anything.
pub const LONGEST: usize = 256 * 1024;

/// What is known of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What kind of statement it is; of several, the one that asks for most.
    pub kind: Kind,
    /// What speaks against a replica; `None`: nothing.
    pub against: Option<Against>,
    /// What is not known of it and does not speak against a replica: what it hides, a replica refuses if it writes, as it
    /// does with what a view hides.
    pub doubt: Option<Doubt>,
    /// What it does to the transaction.
    pub block: Block,
    /// What its comments ask for.
    pub hints: Hints,
}

impl Verdict {
    /// Whether it goes to a replica, if nothing but the text decides: the hint `primary` is stronger than what it says,
    /// and the hint `replica` than what is not known of it.
    #[must_use]
    pub fn goes_to_replica(&self) -> bool {
        let Hints { primary, replica, .. } = self.hints;
        !primary && self.against.is_none_or(|why| replica && why.is_undecided())
    }

    /// Whether a replica may answer it.
    #[must_use]
    pub fn reads(&self) -> bool {
        self.against.is_none()
    }
}

/// What is not known of a text, and need not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Doubt {
    /// A type that is not the server's own: it may be a domain whose condition calls functions.
    UnknownType,
    /// An operator that is not the server's own: a function stands behind it.
    UnknownOperator,
}

/// A kind of statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Nothing but blanks and comments.
    Empty,
    /// It gives rows.
    Read,
    /// BEGIN, COMMIT and their like.
    Transaction,
    /// It changes or uses the session.
    Session,
    /// It changes rows, tables, or anything else that is kept.
    Write,
    /// It may do anything.
    Unknown,
}

impl Kind {
    /// For views and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Read => "read",
            Self::Transaction => "transaction",
            Self::Session => "session",
            Self::Write => "write",
            Self::Unknown => "unknown",
        }
    }
}

/// What a text does to the transaction it runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Block {
    /// Nothing.
    Stays,
    /// It begins with BEGIN or START TRANSACTION.
    Opens,
    /// It is nothing but a BEGIN of a transaction that only reads, and that a replica can run.
    OpensReadOnly,
    /// It begins with COMMIT, END, ROLLBACK, ABORT or PREPARE TRANSACTION.
    Ends,
}

/// What comments ask for: `/* pgweir: … */`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hints {
    /// `pin`
    pub pin: bool,
    /// `primary`
    pub primary: bool,
    /// `replica`
    pub replica: bool,
}

/// What speaks against a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Against {
    /// INSERT, UPDATE, DELETE, MERGE, also in WITH; any other statement that changes what is kept.
    Writes,
    /// SELECT INTO makes a table.
    MakesTable,
    /// FOR UPDATE and its like, LOCK.
    Locks,
    /// It changes the session, or uses what is only in the session that did.
    Session,
    /// BEGIN, COMMIT and their like.
    Transaction,
    /// A function that writes, or whose answer is another one on another server.
    Function,
    /// A function that is not known.
    UnknownFunction,
    /// An operator of which the catalogue does not say that it only reads, or a character that is none. Without a
    /// catalogue, operators that are not known are a [`Doubt`] only.
    UnknownOperator,
    /// The type of a parameter that is not known; a type that the text names and of which the catalogue does not say that
    /// a conversion to it only reads. Without a catalogue, the latter are a [`Doubt`] only.
    UnknownType,
    /// What it reads is about this server, not about the data.
    ServerState,
    /// A system column of rows, which says where and by whom they were written.
    SystemColumn,
    /// The state of a sequence.
    Sequence,
    /// A table that is not logged, so that replicas have no rows of it.
    Unlogged,
    /// A view, or the policy of a table, of which it is not known that it only reads.
    UnknownView,
    /// COPY to or from somewhere else than the client.
    Copy,
    /// An option of EXPLAIN that is not known.
    ExplainOption,
    /// A name with escapes, `U&"…"`.
    Escapes,
    /// A backslash, and whether it escapes depends on a setting.
    Backslash,
    /// A quote or a comment is never closed, or the text is not all here.
    CutOff,
    /// It is too long, or nested too deep, to be looked at.
    TooLong,
    /// A statement that is not known.
    UnknownStatement,
    /// Nothing but blanks and comments.
    Empty,
    /// The grammar sees something else than the scan of the tokens.
    Disagreement,
    /// A replica has refused a text of this shape.
    Refused,
}

impl Against {
    /// Every one of them.
    pub const ALL: [Self; 24] = [
        Self::Writes,
        Self::MakesTable,
        Self::Locks,
        Self::Session,
        Self::Transaction,
        Self::Function,
        Self::UnknownFunction,
        Self::UnknownOperator,
        Self::UnknownType,
        Self::ServerState,
        Self::SystemColumn,
        Self::Sequence,
        Self::Unlogged,
        Self::UnknownView,
        Self::Copy,
        Self::ExplainOption,
        Self::Escapes,
        Self::Backslash,
        Self::CutOff,
        Self::TooLong,
        Self::UnknownStatement,
        Self::Empty,
        Self::Disagreement,
        Self::Refused,
    ];

    /// Whether only knowledge is missing: a comment or a setting may send the text to a replica nevertheless.
    #[must_use]
    pub const fn is_undecided(self) -> bool {
        matches!(self, Self::UnknownFunction | Self::UnknownOperator | Self::UnknownType | Self::UnknownView)
    }

    /// For people: half a sentence.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Writes => "it writes",
            Self::MakesTable => "SELECT INTO makes a table",
            Self::Locks => "it locks rows or tables",
            Self::Session => "it changes the session, or uses what only this one has",
            Self::Transaction => "it begins or ends a transaction",
            Self::Function => "a function in it writes, or answers something else on another server",
            Self::UnknownFunction => "a function in it is not known to read only",
            Self::UnknownOperator => "an operator in it is not known to read only, or is none",
            Self::UnknownType => "a type in it, or of a parameter, is not known to read only",
            Self::ServerState => "it asks about this server, not about the data",
            Self::SystemColumn => "a system column tells where and by whom a row was written",
            Self::Sequence => "it reads the state of a sequence",
            Self::Unlogged => "a table in it is not logged, and so not on replicas",
            Self::UnknownView => "a view in it, or a policy, is not known to read only",
            Self::Copy => "COPY from or to somewhere else than the client",
            Self::ExplainOption => "an option of EXPLAIN is not known",
            Self::Escapes => "a name in it has escapes (U&\"…\")",
            Self::Backslash => "a backslash in it may escape what follows",
            Self::CutOff => "a quote or a comment is never closed, or the text is not all there",
            Self::TooLong => "it is too long, or nested too deep, to be looked at",
            Self::UnknownStatement => "the statement is not known, or may do anything",
            Self::Empty => "there is nothing in it",
            Self::Disagreement => "the grammar sees something else than the scan of the tokens",
            Self::Refused => "a replica has refused a text of this shape",
        }
    }

    /// For `pgweir classify`, views and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Writes => "writes",
            Self::MakesTable => "makes_table",
            Self::Locks => "locks",
            Self::Session => "session",
            Self::Transaction => "transaction",
            Self::Function => "function",
            Self::UnknownFunction => "unknown_function",
            Self::UnknownOperator => "unknown_operator",
            Self::UnknownType => "unknown_type",
            Self::ServerState => "server_state",
            Self::SystemColumn => "system_column",
            Self::Sequence => "sequence",
            Self::Unlogged => "unlogged",
            Self::UnknownView => "unknown_view",
            Self::Copy => "copy",
            Self::ExplainOption => "explain_option",
            Self::Escapes => "escapes",
            Self::Backslash => "backslash",
            Self::CutOff => "cut_off",
            Self::TooLong => "too_long",
            Self::UnknownStatement => "unknown_statement",
            Self::Empty => "empty",
            Self::Disagreement => "disagreement",
            Self::Refused => "refused",
        }
    }
}

/// Looks at the text of a simple query or of a Parse. A zero byte ends it; `whole` is false if only the beginning of it
/// is here.
#[must_use]
pub fn verdict(sql: &[u8], whole: bool, lexis: Lexis) -> Verdict {
    by_names(sql, whole, lexis, Names::default())
}

/// The same, by what is known of names.
pub(crate) fn by_names(sql: &[u8], whole: bool, lexis: Lexis, names: Names<'_>) -> Verdict {
    if sql.len() > LONGEST {
        let (kind, against) = (Kind::Unknown, Some(Against::TooLong));
        return Verdict { kind, against, doubt: None, block: Block::Stays, hints: Hints::default() };
    }
    effects::judge(sql, whole, lexis, names)
}
