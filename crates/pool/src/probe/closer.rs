//! Questions to a server that seems not to be able to follow, and to the primary about it. They are asked now and then,
//! and each by itself: what a server refuses to tell is left out.

use std::sync::Arc;
use std::time::Duration;

use wire::backend::row::DataRow;
use wire::lsn::Lsn;

use super::{Asker, Failed, Line, late};
use crate::error::Error;
use crate::params::quote_literal;
use crate::shared::Shared;
use crate::target::Target;

/// Settings, by the names of their columns. Two of them are shown only to those who may read all settings.
const SETUP: &str = "SELECT \
    max(s.setting) FILTER (WHERE s.name = 'data_directory'), \
    max(s.setting) FILTER (WHERE s.name = 'primary_conninfo'), \
    max(s.setting) FILTER (WHERE s.name = 'primary_slot_name'), \
    max(s.setting) FILTER (WHERE s.name = 'restore_command'), \
    max(s.setting) FILTER (WHERE s.name = 'wal_log_hints'), \
    max(s.setting) FILTER (WHERE s.name = 'data_checksums'), \
    pg_catalog.pg_last_wal_receive_lsn() FROM pg_catalog.pg_settings s";
/// The first of the files of the log, without its timeline, and how large each is.
const OLDEST: &str = "SELECT min(substr(name, 9)), \
    (SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_segment_size') \
    FROM pg_catalog.pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'";
/// The most bytes of a history that are read; a timeline takes some fifty.
const HISTORY: u32 = 32 * 1024;

/// How a server is set up. What it does not tell is none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Setup {
    /// Where its data is.
    pub data_directory: Option<String>,
    /// `primary_conninfo`, which may have a password in it.
    pub conninfo: Option<String>,
    /// `primary_slot_name`.
    pub slot: Option<String>,
    /// It has a `restore_command`.
    pub archive: bool,
    /// It has checksums, or `wal_log_hints`.
    pub rewindable: bool,
    /// What it has received since it was started.
    pub received: Option<Lsn>,
}

/// What a primary keeps for a replica. What it does not tell is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Where the oldest file of the log begins.
    pub oldest: Option<Lsn>,
    /// What it says of the slot: `wal_status`, or that there is none of that name.
    pub slot: Option<Result<String, NoSlot>>,
    /// The history of its timeline.
    pub history: Option<String>,
}

/// There is no slot of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSlot;

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // with a password in it
        f.debug_struct("Setup").field("data_directory", &self.data_directory).finish_non_exhaustive()
    }
}

impl Asker {
    /// How the server is set up, asked within `patience` on the connection of this asker, or a new one.
    ///
    /// # Errors
    /// It could not be reached, or did not answer in time.
    pub async fn setup(
        &mut self,
        target: &Target,
        shared: &Arc<Shared>,
        patience: Duration,
    ) -> Result<Setup, Failed> {
        let asked = async {
            let mut line = self.take_line(target, shared, patience).await?;
            let row = line.texts(SETUP).await?.unwrap_or_default();
            self.line = Some(line);
            Ok(setup(row))
        };
        settle(tokio::time::timeout(patience, asked).await, patience)
    }

    /// What a primary on this timeline keeps for a replica that uses this slot, likewise.
    ///
    /// # Errors
    /// It could not be reached, or did not answer in time.
    pub async fn kept(
        &mut self,
        target: &Target,
        shared: &Arc<Shared>,
        patience: Duration,
        (slot, timeline): (Option<&str>, u32),
    ) -> Result<Kept, Failed> {
        let asked = async {
            let mut line = self.take_line(target, shared, patience).await?;
            let mut kept = Kept::default();
            if let Some(row) = line.texts(OLDEST).await? {
                kept.oldest = oldest(&row);
            }
            if let Some(slot) = slot.filter(|slot| !slot.is_empty()) {
                let status = line.texts(&slot_question(slot)).await?;
                kept.slot = status.map(|row| row.into_iter().next().flatten().ok_or(NoSlot));
            }
            if timeline > 1 {
                let row = line.texts(&history_question(timeline)).await?;
                kept.history = row.and_then(|row| row.into_iter().next().flatten());
            }
            self.line = Some(line);
            Ok(kept)
        };
        settle(tokio::time::timeout(patience, asked).await, patience)
    }

    pub(super) async fn take_line(
        &mut self,
        target: &Target,
        shared: &Arc<Shared>,
        patience: Duration,
    ) -> Result<Line, Error> {
        match self.line.take().filter(|line| !line.has_left(shared)) {
            Some(line) => Ok(line),
            None => Line::open(target, shared, patience).await,
        }
    }
}

impl Line {
    /// The columns of the one row of an answer; none if the question is refused.
    pub(super) async fn texts(&mut self, sql: &str) -> Result<Option<Vec<Option<String>>>, Error> {
        let row = match self.row(sql).await {
            Ok(row) => row,
            Err(Error::Refused { sqlstate, .. }) if !sqlstate.starts_with("57P") => return Ok(None),
            Err(other) => return Err(other),
        };
        let row = DataRow::parse(&row).map_err(|what| self.protocol(what))?;
        let text = |value: Option<&[u8]>| value.map(|value| String::from_utf8_lossy(value).into_owned());
        Ok(Some(row.values().map(text).collect()))
    }
}

/// What came of it, whether it took too long or not.
pub(super) fn settle<T>(
    outcome: Result<Result<T, Error>, tokio::time::error::Elapsed>,
    patience: Duration,
) -> Result<T, Failed> {
    match outcome {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(error)) => Err(Failed::from(&error)),
        Err(_) => Err(late(patience)),
    }
}

fn setup(row: Vec<Option<String>>) -> Setup {
    let mut values = row.into_iter().map(|value| value.filter(|value| !value.is_empty()));
    let mut next = || values.next().flatten();
    let (data_directory, conninfo, slot, archive) = (next(), next(), next(), next().is_some());
    let (hints, checksums) = (next(), next());
    let rewindable = [hints, checksums].iter().flatten().any(|value| value == "on");
    let received = next().and_then(|at| at.parse().ok());
    Setup { data_directory, conninfo, slot, archive, rewindable, received }
}

/// Half of a file's name counts in steps of four gigabytes, the other half the files within such a step.
fn oldest(row: &[Option<String>]) -> Option<Lsn> {
    let name = row.first()?.as_deref()?;
    let size: u64 = row.get(1)?.as_deref()?.parse().ok()?;
    let part = |range| u64::from_str_radix(name.get(range)?, 16).ok();
    let (step, file) = (part(0..8)?, part(8..16)?);
    file.checked_mul(size)?.checked_add(step.checked_shl(32)?).map(Lsn)
}

/// The aggregate gives a row where there is no slot.
fn slot_question(slot: &str) -> String {
    let mut sql = "SELECT max(coalesce(wal_status, 'reserved')) FROM pg_catalog.pg_replication_slots \
                   WHERE slot_name = "
        .to_owned();
    quote_literal(&mut sql, slot);
    sql
}

fn history_question(timeline: u32) -> String {
    format!("SELECT pg_catalog.pg_read_file('pg_wal/{timeline:08X}.history', 0, {HISTORY}, true)")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_oldest_file_tells_where_it_begins() {
        let row = |name: &str, size: &str| oldest(&[Some(name.to_owned()), Some(size.to_owned())]);
        assert_eq!(row("0000000200000003", "16777216"), Some(Lsn(0x2_0300_0000)));
        assert_eq!(row("0000000000000001", "1048576"), Some(Lsn(0x10_0000)));
        assert_eq!(row("0000", "16777216"), None);
        assert_eq!(oldest(&[None, None]), None);
    }

    #[test]
    fn what_is_not_told_is_none() {
        let text = |text: &str| Some(text.to_owned());
        let row = vec![text("/data"), None, text(""), text("cp"), text("off"), text("on"), text("0/28")];
        let found = setup(row);
        assert_eq!((found.data_directory, found.conninfo, found.slot), (text("/data"), None, None));
        assert!(found.archive && found.rewindable);
        assert_eq!(found.received, Some(Lsn(0x28)));
        assert_eq!(setup(Vec::new()), Setup::default());
    }

    proptest! {
        #[test]
        fn any_row_is_read(row in prop::collection::vec(prop::option::of("[0-9A-Fé]{0,18}"), 0..9)) {
            let _ = oldest(&row);
            let _ = setup(row);
        }
    }
}
