//! What a request asks for, and which server it gets.

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// It may write, or must see everything written.
    Write,
}

/// The server that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The one primary.
    Primary,
}

/// Chooses a server.
#[must_use]
pub fn choose(intent: Intent) -> Choice {
    match intent {
        Intent::Write => Choice::Primary,
    }
}
