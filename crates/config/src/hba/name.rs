//! The names of databases and users in a rule or a map: words with a meaning, plain names, regular expressions.

use regex::{Regex, RegexBuilder};

use super::Caller;
use super::lines::Token;
use crate::error::quoted;
use crate::matcher;

/// One word of a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Name {
    /// `all`
    All,
    /// `sameuser`
    SameUser,
    /// `replication`
    Replication,
    /// This name.
    Literal(String),
    /// `/expression`
    Pattern(Pattern),
}

/// A regular expression; the time of a search grows with the text, whatever the expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Pattern {
    /// The expression behind the slash.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let made = RegexBuilder::new(text).size_limit(matcher::MOST).build();
        made.map(Self).map_err(|error| {
            // the library draws the expression over several lines; the last one says what is wrong
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("{} is not a regular expression: {why}", quoted(text))
        })
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// What the first pair of brackets stands for; none if the expression does not match, empty if the pair
    /// is not part of the match.
    pub(super) fn captured<'t>(&self, text: &'t str) -> Option<&'t str> {
        let found = self.0.captures(text)?;
        Some(found.get(1).map_or("", |group| group.as_str()))
    }

    pub(super) fn has_group(&self) -> bool {
        self.0.captures_len() > 1
    }
}

impl Name {
    /// A word of the list of databases.
    pub(super) fn database(token: &Token) -> Result<Self, String> {
        match token.word() {
            Some("all") => Ok(Self::All),
            Some("sameuser") => Ok(Self::SameUser),
            Some("replication") => Ok(Self::Replication),
            Some(word @ ("samerole" | "samegroup")) => Err(format!(
                "\"{word}\" is not supported: the members of a role are known to the server only, list the users"
            )),
            Some(_) | None => Self::plain(token),
        }
    }

    /// A word of a list of users, or the user of a map.
    pub(super) fn user(token: &Token) -> Result<Self, String> {
        match token.word() {
            Some("all") => Ok(Self::All),
            Some(word) if word.starts_with('+') => Err(format!(
                "{} is not supported: the members of a role are known to the server only, list the users",
                quoted(word)
            )),
            Some(_) | None => Self::plain(token),
        }
    }

    fn plain(token: &Token) -> Result<Self, String> {
        match token.text.strip_prefix('/') {
            Some(expression) => Ok(Self::Pattern(Pattern::parse(expression)?)),
            None => Ok(Self::Literal(token.text.clone())),
        }
    }

    /// Whether it stands for the database a client asks for.
    pub(super) fn is_database(&self, caller: &Caller<'_>) -> bool {
        match self {
            Self::Replication => caller.replication,
            // physical replication is for no database, so nothing else speaks of it, not even `all`
            Self::All | Self::SameUser | Self::Literal(_) | Self::Pattern(_) if caller.replication => false,
            Self::All => true,
            Self::SameUser => caller.database == caller.user,
            Self::Literal(name) => name == caller.database,
            Self::Pattern(pattern) => pattern.is_in(caller.database),
        }
    }

    /// Whether it stands for a user.
    pub(super) fn is_user(&self, user: &str) -> bool {
        match self {
            Self::All => true,
            Self::SameUser | Self::Replication => false,
            Self::Literal(name) => name == user,
            Self::Pattern(pattern) => pattern.is_in(user),
        }
    }
}
