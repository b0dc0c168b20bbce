//! What one bit can say of a text.

use std::ops::BitOr;

/// A set of [`Effects`](super::Effects) without details.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks(u32);

impl Marks {
    /// May do anything to the session: DO, CALL, a function not known to be harmless, `UPDATE pg_settings`,
    /// `set_config` of a name that is not in the text, a text that is cut off or never closes a quote.
    pub const UNKNOWN: Self = Self(1);
    /// RESET ALL.
    pub const RESETS_ALL: Self = Self(1 << 1);
    /// DISCARD ALL.
    pub const DISCARDS_ALL: Self = Self(1 << 2);
    /// Every prepared name goes: DEALLOCATE ALL, DISCARD ALL.
    pub const FORGETS: Self = Self(1 << 3);
    /// May make temporary tables, views, sequences or functions.
    pub const TEMPORARY: Self = Self(1 << 4);
    /// May leave a cursor open that outlives its transaction.
    pub const HOLDS: Self = Self(1 << 5);
    /// May take an advisory lock that outlives its transaction.
    pub const LOCKS: Self = Self(1 << 6);
    /// Changes what nothing can change back within the session, or only what the client does itself: LOAD, the
    /// seed of `random()`, temporary replication slots, a replication origin, a backup.
    pub const LOADS: Self = Self(1 << 7);
    /// May end a reason to keep the server: DROP, CLOSE, `pg_advisory_unlock`, DISCARD TEMP or ALL,
    /// ALTER … SET SCHEMA.
    pub const RELEASES: Self = Self(1 << 8);
    /// Has the hint `/* pgweir: pin */`.
    pub const PINS: Self = Self(1 << 9);
    /// LISTEN.
    pub const LISTENS: Self = Self(1 << 10);
    /// UNLISTEN.
    pub const UNLISTENS: Self = Self(1 << 11);
    /// Any SET, RESET or `set_config` that outlives its transaction.
    pub const SETS: Self = Self(1 << 12);

    const NAMES: [(Self, &'static str); 13] = [
        (Self::UNKNOWN, "UNKNOWN"),
        (Self::RESETS_ALL, "RESETS_ALL"),
        (Self::DISCARDS_ALL, "DISCARDS_ALL"),
        (Self::FORGETS, "FORGETS"),
        (Self::TEMPORARY, "TEMPORARY"),
        (Self::HOLDS, "HOLDS"),
        (Self::LOCKS, "LOCKS"),
        (Self::LOADS, "LOADS"),
        (Self::RELEASES, "RELEASES"),
        (Self::PINS, "PINS"),
        (Self::LISTENS, "LISTENS"),
        (Self::UNLISTENS, "UNLISTENS"),
        (Self::SETS, "SETS"),
    ];

    /// None of them.
    #[must_use]
    pub const fn empty() -> Self {
        Self(0)
    }

    /// Whether none is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of the others are in it.
    #[must_use]
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// Whether any of the others is in it.
    #[must_use]
    pub const fn intersects(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Adds the others.
    pub const fn insert(&mut self, others: Self) {
        self.0 |= others.0;
    }

    /// Both together.
    #[must_use]
    pub const fn union(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

impl BitOr for Marks {
    type Output = Self;

    fn bitor(self, others: Self) -> Self {
        self.union(others)
    }
}

impl std::fmt::Debug for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = Self::NAMES.iter().filter(|(mark, _)| self.contains(*mark)).map(|(_, name)| name);
        f.write_str("Marks(")?;
        for (at, name) in names.enumerate() {
            f.write_str(if at == 0 { "" } else { " | " })?;
            f.write_str(name)?;
        }
        f.write_str(")")
    }
}
