//! The rows of the table: what the clients do.

use std::fmt;

/// How pgbench speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Simple,
    Extended,
    Prepared,
}

impl Mode {
    pub(super) const ALL: [Self; 3] = [Self::Simple, Self::Extended, Self::Prepared];

    /// pgbench's name for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Extended => "extended",
            Self::Prepared => "prepared",
        }
    }
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) mode: Mode,
    pub(super) clients: u32,
    /// A new connection for every transaction.
    pub(super) connect: bool,
    /// Clients come over TLS.
    pub(super) tls: bool,
    /// Every client has a setting of its own in force, so that a server never has the one the next client wants.
    pub(super) state: bool,
    /// Over a primary and two replicas; beside a pgweir that knows of the primary only.
    pub(super) split: bool,
}

impl Row {
    /// All of them, in the order of the table.
    pub(super) fn all() -> Vec<Self> {
        let plain =
            |mode, clients| Self { mode, clients, connect: false, tls: false, state: false, split: false };
        let mut rows = Vec::new();
        for mode in Mode::ALL {
            rows.extend([1, 16, 64, 200].map(|clients| plain(mode, clients)));
        }
        rows.push(Self { connect: true, ..plain(Mode::Simple, 8) });
        for mode in [Mode::Simple, Mode::Prepared] {
            rows.push(Self { tls: true, ..plain(mode, 16) });
        }
        for mode in [Mode::Simple, Mode::Prepared] {
            rows.push(Self { state: true, ..plain(mode, 16) });
        }
        for mode in [Mode::Simple, Mode::Prepared] {
            rows.push(Self { split: true, ..plain(mode, 16) });
        }
        rows
    }

    /// Those of a quick look.
    pub(super) fn quick() -> Vec<Self> {
        Self::all()
            .into_iter()
            .filter(|row| row.clients == 16 && !row.tls && !row.state && !row.split)
            .collect()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self { tls: true, .. } => "tls-",
            Self { state: true, .. } => "state-",
            Self { split: true, .. } => "split-",
            _ => "",
        };
        let what = if self.connect { "connect" } else { self.mode.name() };
        write!(f, "{kind}{what}-{}", self.clients)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_name_of_its_own() {
        let mut names: Vec<String> = Row::all().iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), 19);
        assert!(names.contains(&"tls-prepared-16".to_owned()) && names.contains(&"connect-8".to_owned()));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 19);
        assert_eq!(Row::quick().len(), 3);
    }
}
