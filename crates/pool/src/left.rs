//! What clients may have left behind on a server connection: suspected until the server was asked, then known.
//!
//! | what | as long as it is there, the server |
//! |---|---|
//! | suspected ([`Traces`]) | is given to nobody: it is asked first ([`crate::enquiry`]) |
//! | pins ([`Pins`]) | stays with its client |
//! | a stranger's | is reset before another client gets it |
//! | spoilt | is closed when its client has done with it |

use std::fmt;

use wire::TxStatus;

use crate::definitions::Pending;

/// What running a text may leave behind in a session. Given by whoever understands the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// What kinds of things.
    pub marks: Marks,
    /// Settings that may have another value afterwards.
    pub settings: Vec<Touched>,
}

/// A setting that may have been changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Which.
    pub name: Name,
    /// To what a new connection has.
    pub to_default: bool,
}

/// The name of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// It stands in the text.
    Known(Box<str>),
    /// It is the parameter of this number, from 1.
    Bound(u16),
}

macro_rules! bits {
    ($(#[doc = $about:literal])* $name:ident($type:ty) { $($(#[doc = $doc:literal])* $bit:ident = $at:literal,)* }) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name($type);

        impl $name {
            $($(#[doc = $doc])* pub const $bit: Self = Self(1 << $at);)*

            /// Whether nothing is in it.
            #[must_use]
            pub fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Whether all of `other` is in it.
            #[must_use]
            pub fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether any of `other` is in it.
            #[must_use]
            pub fn has_any(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Both.
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Without `other`.
            #[must_use]
            pub fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// Adds `other`.
            pub fn insert(&mut self, other: Self) {
                self.0 |= other.0;
            }
        }
    };
}

bits! {
    /// Kinds of things that may be left behind.
    Marks(u16) {
        /// Anything at all.
        UNKNOWN = 0,
        /// Every setting has the value that a new connection has.
        RESETS_ALL = 1,
        /// Everything is as on a new connection.
        DISCARDS_ALL = 2,
        /// Temporary tables and the like.
        TEMPORARY = 3,
        /// Cursors that outlive their transaction.
        HOLDS = 4,
        /// Session-level advisory locks.
        LOCKS = 5,
        /// What a session never loses again: a library, a seed, a replication origin.
        LOADS = 6,
        /// The client asks to keep its server.
        PINS = 7,
        /// Something that was left may be gone.
        RELEASES = 8,
        /// Channels the session listens to, or does not any more.
        LISTENS = 9,
    }
}

bits! {
    /// Why a server stays with its client between two transactions.
    Pins(u8) {
        /// Temporary tables, views, sequences, functions or types.
        TEMPORARY = 0,
        /// A cursor WITH HOLD.
        CURSOR = 1,
        /// A session-level advisory lock.
        LOCK = 2,
        /// What a session never loses again.
        LOAD = 3,
        /// The client has asked for it.
        HINT = 4,
        /// Settings that cannot be carried to another server.
        SETTING = 5,
        /// `pool.state` is `pin`, and the session has been changed.
        POLICY = 6,
        /// A channel it listens to.
        CHANNEL = 7,
    }
}

impl Marks {
    /// Why a server would stay with its client if this is left behind.
    #[must_use]
    pub fn pins(self) -> Pins {
        let pairs = [
            (Self::TEMPORARY, Pins::TEMPORARY),
            (Self::HOLDS, Pins::CURSOR),
            (Self::LOCKS, Pins::LOCK),
            (Self::LOADS, Pins::LOAD),
            (Self::PINS, Pins::HINT),
            (Self::LISTENS, Pins::CHANNEL),
        ];
        let found = pairs.iter().filter(|(mark, _)| self.contains(*mark));
        found.fold(Pins::default(), |pins, (_, pin)| pins.union(*pin))
    }
}

impl Pins {
    /// Every reason.
    pub const ALL: Self = Self(u8::MAX);

    /// Each reason with its word.
    pub const WORDS: [(Self, &'static str); 8] = [
        (Self::TEMPORARY, "temporary"),
        (Self::CURSOR, "cursor"),
        (Self::LOCK, "lock"),
        (Self::LOAD, "load"),
        (Self::HINT, "hint"),
        (Self::SETTING, "setting"),
        (Self::POLICY, "policy"),
        (Self::CHANNEL, "channel"),
    ];

    /// As one byte, to be kept where others can read it.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// What [`Pins::bits`] gave.
    #[must_use]
    pub fn from_bits(bits: u8) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = Self::WORDS.iter().filter(|(pin, _)| self.contains(*pin)).map(|(_, word)| *word);
        f.write_str(&words.collect::<Vec<_>>().join(","))
    }
}

/// The most settings that one enquiry is about; a session that has touched more may have touched any.
const MOST_TOUCHED: usize = 500;

impl Traces {
    /// Adds what `other` says.
    pub fn add(&mut self, other: &Self) {
        self.marks.insert(other.marks);
        for touched in &other.settings {
            self.touch(touched.clone());
        }
    }

    /// Adds one setting.
    pub fn touch(&mut self, touched: Touched) {
        let room = self.settings.len() < MOST_TOUCHED;
        match self.settings.iter_mut().find(|known| known.name == touched.name) {
            Some(known) => known.to_default |= touched.to_default,
            None if room => self.settings.push(touched),
            None => self.marks.insert(Marks::UNKNOWN),
        }
    }
}

/// What is left on one server connection.
#[derive(Debug, Default)]
pub struct Left {
    /// What is suspected since the server was asked last.
    suspected: Option<Box<Traces>>,
    /// Why it stays with its client.
    pub pins: Pins,
    /// It may hold what nobody can name, left by the client of this number.
    pub stranger: Option<u64>,
    /// It cannot be made as good as new.
    pub spoilt: bool,
    /// Settings of ours are under way to it.
    pub changing: Changing,
    /// A statement that defines something anew was sent to it.
    pub redefines: bool,
    /// One that defines what names mean, and whose transaction is not over.
    pub pending: Option<Pending>,
    /// Whether a backslash escapes in its strings may have changed since it was lent.
    pub lexis_in_doubt: bool,
}

/// How far a change of settings is that goes before a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Changing {
    /// What is in force is known.
    #[default]
    No,
    /// It was sent, or will be with the next bytes.
    Sent,
    /// A request is behind it; no more may follow before it is confirmed.
    Followed,
}

impl Left {
    /// A request that runs may leave this.
    pub fn suspect(&mut self, traces: &Traces) {
        let spoken_of = |touched: &Touched| match &touched.name {
            Name::Known(name) => name.eq_ignore_ascii_case("standard_conforming_strings"),
            Name::Bound(_) => true,
        };
        self.lexis_in_doubt |= traces.marks.has_any(Marks::UNKNOWN.union(Marks::RESETS_ALL))
            || traces.settings.iter().any(spoken_of);
        self.suspected.get_or_insert_default().add(traces);
    }

    /// Whether the server has to be asked.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.suspected.is_some()
    }

    /// What is suspected.
    #[must_use]
    pub fn suspected(&self) -> Option<&Traces> {
        self.suspected.as_deref()
    }

    /// It stays with its client for this reason too, without asking the server.
    pub fn keep(&mut self, why: Pins) {
        self.suspected = None;
        self.pins.insert(why);
        // what there is nobody has looked at
        self.stranger = Some(0);
    }

    /// What it is to be asked about; it is not suspected of that any more.
    pub fn take_suspected(&mut self) -> Option<Box<Traces>> {
        self.lexis_in_doubt = false;
        self.suspected.take()
    }

    /// What follows from what is suspected without asking the server.
    pub(crate) fn note(&mut self, marks: Marks, client: u64) {
        if marks.contains(Marks::DISCARDS_ALL) {
            self.pins = self.pins.without(Pins::HINT.union(Pins::SETTING).union(Pins::POLICY));
        }
        if marks.contains(Marks::RESETS_ALL) {
            self.pins = self.pins.without(Pins::SETTING);
        }
        if marks.contains(Marks::UNKNOWN) {
            self.stranger = Some(client);
        }
        if marks.contains(Marks::LOADS) {
            self.pins.insert(Pins::LOAD);
            self.spoilt = true;
        }
        if marks.contains(Marks::PINS) {
            self.pins.insert(Pins::HINT);
        }
    }

    /// The server is ready for more; `last`: nothing is under way that might be another transaction.
    #[inline]
    pub fn on_ready(&mut self, status: TxStatus, last: bool) {
        match &self.pending {
            Some(_) if status == TxStatus::Idle && last => self.pending = None,
            Some(pending) if status == TxStatus::Idle => pending.took_effect(),
            Some(_) | None => {}
        }
    }

    /// Whether another client may have the server as it is, or after a reset.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.suspected.is_none() && self.pins.is_empty() && !self.spoilt && self.changing == Changing::No
    }

    /// Whether a client that is gone has left something that has to be undone.
    #[must_use]
    pub fn needs_reset(&self) -> bool {
        self.suspected.is_some() || !self.pins.is_empty() || self.stranger.is_some()
    }

    /// The server is as new.
    pub fn was_reset(&mut self) {
        *self = Self { spoilt: self.spoilt, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str, to_default: bool) -> Touched {
        Touched { name: Name::Known(name.into()), to_default }
    }

    #[test]
    fn a_setting_is_asked_about_once() {
        let mut traces = Traces::default();
        traces.touch(known("a", false));
        traces.add(&Traces { marks: Marks::LOCKS, settings: vec![known("a", true), known("b", false)] });
        assert_eq!(traces.settings, [known("a", true), known("b", false)]);
        assert!(traces.marks.contains(Marks::LOCKS));
    }

    #[test]
    fn more_settings_than_can_be_asked_about_are_anything() {
        let mut traces = Traces::default();
        for i in 0..=MOST_TOUCHED {
            assert!(!traces.marks.contains(Marks::UNKNOWN), "{i}");
            traces.touch(known(&i.to_string(), false));
        }
        assert!(traces.marks.contains(Marks::UNKNOWN));
    }

    #[test]
    fn reasons_are_told_in_words() {
        assert_eq!(Pins::TEMPORARY.union(Pins::LOCK).to_string(), "temporary,lock");
        assert_eq!(Pins::default().to_string(), "");
    }
}
