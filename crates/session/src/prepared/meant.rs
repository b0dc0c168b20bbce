//! The statement that a message of the client means.

use std::sync::Arc;

use pool::prepared::{About, Statement};

/// The statement a message means.
pub(super) enum Use {
    /// The unnamed one, if there is one.
    Unnamed(Option<Arc<Statement>>),
    /// One that has another name on the server than with the client.
    Shared(Arc<Statement>),
    /// None, as the server will say.
    Nothing,
    /// None; the name only looks like one of ours.
    Unreachable(String),
    /// One that is not what the client was told any more.
    Changed,
}

impl Use {
    /// Its name on the server, where that is another one.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Unnamed(_) | Self::Nothing | Self::Changed => None,
            Self::Shared(statement) => Some(&statement.name),
            Self::Unreachable(name) => Some(name),
        }
    }

    /// The statement, if it has a name.
    pub(super) fn shared(&self) -> Option<&Statement> {
        match self {
            Self::Shared(statement) => Some(statement.as_ref()),
            Self::Unnamed(_) | Self::Nothing | Self::Unreachable(_) | Self::Changed => None,
        }
    }

    /// What is known of its text.
    pub(super) fn about(&self) -> Option<&About> {
        match self {
            Self::Unnamed(Some(statement)) | Self::Shared(statement) => Some(&statement.about),
            Self::Unnamed(None) | Self::Nothing | Self::Unreachable(_) | Self::Changed => None,
        }
    }
}
