//! The text format, checked against a reader of its own and against what was put into the snapshot.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::*;
use crate::counters::Totals;
use crate::events::{Event, Events};
use crate::histogram::{Timing, Timings};
use crate::metrics::{CATALOGUE, Kind, Label};
use crate::process::Process;
use crate::snapshot::{
    CatalogueFigures, ClientFigures, DatabaseFigures, Durations, PoolFigures, PoolGauges, ServerFigures,
    ServerPart, WorkerFigures,
};

fn full() -> Snapshot {
    let timings = Timings::new(1);
    for (index, us) in [40, 900, 3_000, 120_000_000].into_iter().enumerate() {
        timings.worker(index % 2).record(Timing::Query, us);
    }
    let events = Events::new();
    events.count(Event::LoginTimeout);
    events.count(Event::PanicCaught);
    events.count(Event::PanicCaught);
    let pool = |database: &str, user: &str| PoolFigures {
        database: database.into(),
        user: user.into(),
        size: 25,
        now: PoolGauges {
            cl_active: 3,
            cl_waiting: 2,
            sv_active: 1,
            maxwait_us: 1_500_000,
            ..PoolGauges::default()
        },
        totals: Totals { xact_count: 7, query_count: 11, query_time_us: 1_000_001, ..Totals::default() },
    };
    Snapshot {
        version: "1.2.3",
        workers: ["0", "1"]
            .map(|name| WorkerFigures {
                name: name.to_owned(),
                clients: 3,
                cpu: Some(Duration::from_millis(1500)),
            })
            .to_vec(),
        clients: ClientFigures { open: 5, limit: 10_000, buffer_bytes: Some(4_096) },
        pools: vec![
            pool("shop", "web"),
            pool("a \"b\"\\c\nd", "ü"),
            pool("shop", "admin"),
            pool("shop", "web"),
        ],
        databases: vec![DatabaseFigures {
            name: "shop".into(),
            servers: 4,
            servers_limit: 100,
            paused: true,
        }],
        servers: vec![
            ServerFigures {
                database: "shop".into(),
                name: "a:5432".into(),
                up: true,
                part: ServerPart::Primary,
                ..ServerFigures::default()
            },
            ServerFigures {
                database: "shop".into(),
                name: "b".into(),
                lag: Some((Duration::from_millis(1_250), 77)),
                readable: true,
                cut_off: true,
                breakers: [2, 0],
                ..ServerFigures::default()
            },
        ],
        catalogues: vec![CatalogueFigures { database: "shop".into(), names: 12 }],
        events: events.read(),
        durations: Durations::read(&timings),
        process: Process {
            resident_bytes: Some(5_000_000),
            cpu: Some(Duration::from_millis(1_230)),
            open_fds: Some(17),
            max_fds: Some(1_024),
            started: Some(Duration::from_secs(1_700_000_000)),
        },
        ..Snapshot::default()
    }
}

type Series = (String, BTreeMap<String, String>);

/// Reads the format as a scraper does, and insists on its rules.
fn scrape(text: &str) -> HashMap<Series, f64> {
    let mut found = HashMap::new();
    let mut family = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().unwrap().to_owned();
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let name_end = line.find(['{', ' ']).unwrap();
        let (name, mut rest) = line.split_at(name_end);
        assert!(name.starts_with(family.as_str()), "{name} stands under {family}");
        let mut labels = BTreeMap::new();
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner;
            while !rest.starts_with('}') {
                let (label, after) = rest.trim_start_matches(',').split_once("=\"").unwrap();
                let mut value = String::new();
                let mut chars = after.char_indices();
                let end = loop {
                    match chars.next().unwrap() {
                        (_, '\\') => value.push(match chars.next().unwrap().1 {
                            'n' => '\n',
                            other => other,
                        }),
                        (at, '"') => break at,
                        (_, char) => value.push(char),
                    }
                };
                labels.insert(label.to_owned(), value);
                rest = &after[end + 1..];
            }
            rest = &rest[1..];
        }
        let value: f64 = rest.trim().parse().unwrap();
        let key = (name.to_owned(), labels);
        assert!(found.insert(key.clone(), value).is_none(), "{key:?} twice");
    }
    found
}

fn at(found: &HashMap<Series, f64>, name: &str, labels: &[(&str, &str)]) -> f64 {
    let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    *found.get(&(name.to_owned(), labels)).unwrap_or_else(|| panic!("{name} is not shown"))
}

#[test]
fn every_figure_stands_under_its_name() {
    let text = text(&full());
    let found = scrape(&text);
    let web = [("database", "shop"), ("user", "web")];
    assert_eq!(at(&found, "pgweir_build_info", &[("version", "1.2.3")]), 1.0);
    assert_eq!(at(&found, "pgweir_pool_queries_total", &web), 22.0);
    assert_eq!(at(&found, "pgweir_pool_query_seconds_total", &web), 2.000_002);
    assert_eq!(at(&found, "pgweir_pool_maxwait_seconds", &web), 1.5);
    let waiting = [("database", "shop"), ("user", "admin"), ("state", "waiting")];
    assert_eq!(at(&found, "pgweir_pool_clients", &waiting), 2.0);
    let odd = [("database", "a \"b\"\\c\nd"), ("user", "ü")];
    assert_eq!(at(&found, "pgweir_pool_transactions_total", &odd), 7.0);
    assert_eq!(at(&found, "pgweir_database_paused", &[("database", "shop")]), 1.0);
    assert_eq!(at(&found, "pgweir_catalogue_names", &[("database", "shop")]), 12.0);
    assert_eq!(at(&found, "pgweir_client_logins_failed_total", &[("reason", "timeout")]), 1.0);
    assert_eq!(at(&found, "pgweir_client_logins_failed_total", &[("reason", "rejected")]), 0.0);
    assert_eq!(at(&found, "pgweir_panics_total", &[]), 2.0);
    assert_eq!(at(&found, "pgweir_process_cpu_seconds_total", &[]), 1.23);
}

#[test]
fn histograms_are_cumulative_and_end_with_everything() {
    let found = scrape(&text(&full()));
    let bucket = |le: &str| at(&found, "pgweir_query_duration_seconds_bucket", &[("le", le)]);
    assert_eq!([bucket("0.00005"), bucket("0.0005"), bucket("0.001")], [1.0, 1.0, 2.0]);
    assert_eq!([bucket("0.005"), bucket("60"), bucket("+Inf")], [3.0, 3.0, 4.0]);
    assert_eq!(at(&found, "pgweir_query_duration_seconds_count", &[]), 4.0);
    assert_eq!(at(&found, "pgweir_query_duration_seconds_sum", &[]), 120.003_94);
    let bounds: Vec<_> = BOUNDS_US.iter().map(|us| bucket(&Seconds(*us).to_string())).collect();
    assert!(bounds.is_sorted());
}

#[test]
fn the_catalogue_is_shown_whole_in_its_order_with_its_labels() {
    let snapshot = full();
    let pools = snapshot.merged_pools();
    let families = families(&snapshot, &pools);
    let shown: Vec<_> = families.iter().map(|family| family.metric.name).collect();
    let catalogue: Vec<_> = CATALOGUE.iter().map(|metric| metric.name).collect();
    assert_eq!(shown, catalogue);
    for family in &families {
        assert!(!family.samples.is_empty(), "{} has no sample", family.metric.name);
        for sample in &family.samples {
            assert_eq!(sample.labels.len(), family.metric.labels.len(), "{}", family.metric.name);
            let times = matches!(sample.value, Value::Times(_));
            assert_eq!(times, family.metric.kind == Kind::Histogram, "{}", family.metric.name);
        }
    }
    let used: Vec<_> = CATALOGUE.iter().flat_map(|metric| metric.labels).collect();
    assert!(Label::ALL.iter().all(|label| used.contains(&label)));
}

#[test]
fn the_same_snapshot_gives_the_same_text_whatever_the_order_of_its_pools() {
    let (one, mut other) = (full(), full());
    other.pools.reverse();
    assert_eq!(text(&one), text(&other));
}

#[test]
fn what_is_not_known_is_not_shown() {
    let text = text(&Snapshot::default());
    assert!(!text.contains("pgweir_process_") && !text.contains("pgweir_pool_"), "{text}");
    assert!(!text.contains("pgweir_buffer_bytes"));
    assert_eq!(at(&scrape(&text), "pgweir_query_duration_seconds_count", &[]), 0.0);
}

#[test]
fn seconds_lose_no_digit() {
    for (us, shown) in [
        (0, "0"),
        (1, "0.000001"),
        (10, "0.00001"),
        (1_500_000, "1.5"),
        (60_000_000, "60"),
        (u64::MAX, "18446744073709.551615"),
    ] {
        assert_eq!(Seconds(us).to_string(), shown);
    }
}
