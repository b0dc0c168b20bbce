//! Whether a server answers.
//!
//! | state | takes requests | a success | a failure |
//! |---|---|---|---|
//! | probing (also at first) | no | up, after two in a row; the very first at once | down |
//! | up | yes | up | suspect |
//! | suspect | yes | up | down, after two in a row |
//! | down | no | probing | down |
//!
//! So one lost probe takes nothing away from a server, and one lucky one gives nothing back.

/// Failures in a row that take a server out.
const LOST: u32 = 2;
/// Successes in a row that bring it back.
const FOUND: u32 = 2;

/// Whether a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It has just been found, again or for the first time.
    Probing,
    /// It answers.
    Up,
    /// It has failed to once.
    Suspect,
    /// It does not.
    Down,
}

impl State {
    /// For views and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Probing => "probing",
            Self::Up => "up",
            Self::Suspect => "suspect",
            Self::Down => "down",
        }
    }

    /// Whether it may be given requests.
    #[must_use]
    pub const fn serves(self) -> bool {
        matches!(self, Self::Up | Self::Suspect)
    }
}

/// The health of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    state: State,
    row: u32,
    fresh: bool,
}

impl Default for Health {
    fn default() -> Self {
        Self { state: State::Probing, row: 0, fresh: true }
    }
}

impl Health {
    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// It has answered.
    pub fn succeeded(&mut self) {
        self.state = match self.state {
            // nothing speaks against one of which nothing is known
            State::Probing if self.fresh => State::Up,
            State::Probing | State::Down => {
                self.row = if self.state == State::Down { 1 } else { self.row + 1 };
                if self.row >= FOUND { State::Up } else { State::Probing }
            }
            State::Up | State::Suspect => State::Up,
        };
        self.fresh = false;
        if self.state == State::Up {
            self.row = 0;
        }
    }

    /// It has not.
    pub fn failed(&mut self) {
        self.fresh = false;
        self.state = match self.state {
            State::Up | State::Suspect => {
                self.row = if self.state == State::Up { 1 } else { self.row + 1 };
                if self.row >= LOST { State::Down } else { State::Suspect }
            }
            State::Probing | State::Down => State::Down,
        };
        if self.state == State::Down {
            self.row = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(answers: &str) -> State {
        let mut health = Health::default();
        for answer in answers.chars() {
            if answer == '+' { health.succeeded() } else { health.failed() }
        }
        health.state()
    }

    #[test]
    fn states_change_as_the_table_says() {
        for (answers, state) in [
            ("", State::Probing),
            ("+", State::Up),
            ("+-", State::Suspect),
            ("+-+", State::Up),
            ("+--", State::Down),
            ("+-+-", State::Suspect),
            ("+--+", State::Probing),
            ("+--+-", State::Down),
            ("+--++", State::Up),
            ("-", State::Down),
            ("-+", State::Probing),
            ("-++", State::Up),
        ] {
            assert_eq!(after(answers), state, "{answers}");
        }
    }

    proptest! {
        #[test]
        fn a_server_that_serves_has_answered_one_of_the_last_two_times(answers in "[+-]{2,40}") {
            let serves = after(&answers).serves();
            prop_assert!(!serves || answers[answers.len() - 2..].contains('+'));
            prop_assert!(serves || !answers.ends_with("++"));
        }
    }
}
