//! A regular expression that is looked for in statements.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};

/// The most memory that a compiled one may take, whatever it is looked for in.
pub(crate) const MOST: usize = 1 << 20;

/// A regular expression, compiled.
#[derive(Clone)]
pub struct Matcher(Regex);

impl Matcher {
    /// Of this text, if it is one.
    pub(crate) fn new(text: &str) -> Option<Self> {
        RegexBuilder::new(text).size_limit(MOST).build().ok().map(Self)
    }

    /// Whether it is found in this.
    #[must_use]
    pub fn is_in(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }

    /// As it was written.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Matcher {}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}
