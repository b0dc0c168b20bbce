//! SHOW STATS and its kin. Times are in microseconds; averages are those of the last finished minute: per
//! second, or per transaction, query or lending where a time is averaged.

use std::collections::BTreeMap;

use telemetry::{Averages, Totals};

use super::{OWN, Scene};
use crate::census::Census;
use crate::console::table::{Cell, Row};

/// The counters in the order of the columns.
const NAMES: [&str; 11] = [
    "server_assignment_count",
    "xact_count",
    "query_count",
    "client_bytes",
    "server_bytes",
    "xact_time",
    "query_time",
    "wait_time",
    "ps_client_parse_count",
    "ps_server_parse_count",
    "ps_bind_count",
];

/// Totals and averages of each database.
pub(super) fn stats(scene: &Scene<'_>, census: &Census) -> Vec<Row> {
    by_database(scene, census, |database, totals| {
        [numbers(totals), averages(&scene.control.ledger.averages(database))].concat()
    })
}

/// Totals.
pub(super) fn totals_by_database(scene: &Scene<'_>, census: &Census) -> Vec<Row> {
    by_database(scene, census, |_, totals| numbers(totals).to_vec())
}

/// Averages.
pub(super) fn averages_by_database(scene: &Scene<'_>, census: &Census) -> Vec<Row> {
    by_database(scene, census, |database, _| averages(&scene.control.ledger.averages(database)).to_vec())
}

/// Both, over all databases, a row for each counter.
pub(super) fn totals(scene: &Scene<'_>, census: &Census) -> Vec<Row> {
    let sum: Totals = all(scene, census).into_values().sum();
    let totals = NAMES.iter().zip(numbers(&sum)).map(|(name, n)| (format!("total_{name}"), n));
    let recent = averages(&scene.control.ledger.all());
    let averages = NAMES.iter().zip(recent).map(|(name, n)| (format!("avg_{name}"), n));
    totals.chain(averages).map(|(name, n)| vec![name.into(), n.into()]).collect()
}

fn by_database(scene: &Scene<'_>, census: &Census, cells: impl Fn(&str, &Totals) -> Vec<u64>) -> Vec<Row> {
    let row = |(database, totals): (&str, Totals)| {
        let mut row: Row = vec![database.into()];
        row.extend(cells(database, &totals).into_iter().map(Cell::Number));
        row
    };
    all(scene, census).into_iter().map(row).collect()
}

/// The databases that have counted anything, and the console.
fn all<'a>(scene: &Scene<'_>, census: &'a Census) -> BTreeMap<&'a str, Totals> {
    let mut all = census.totals();
    all.insert(OWN, scene.control.console.totals());
    all
}

fn numbers(totals: &Totals) -> [u64; 11] {
    [
        totals.server_assignment_count,
        totals.xact_count,
        totals.query_count,
        totals.bytes_received,
        totals.bytes_sent,
        totals.xact_time_us,
        totals.query_time_us,
        totals.wait_time_us,
        totals.client_parse_count,
        totals.server_parse_count,
        totals.bind_count,
    ]
}

fn averages(averages: &Averages) -> [u64; 11] {
    [
        averages.server_assignment_count,
        averages.xact_count,
        averages.query_count,
        averages.bytes_received,
        averages.bytes_sent,
        averages.xact_time_us,
        averages.query_time_us,
        averages.wait_time_us,
        averages.client_parse_count,
        averages.server_parse_count,
        averages.bind_count,
    ]
}
