//! What the statistics cost on the path of a query, in nanoseconds, on an idle machine:
//! `cargo run --release -p pgweir-telemetry --example cost`. It measures and prints; it checks nothing.
#![expect(clippy::print_stdout, reason = "the figures are its only result")]

use std::hint::black_box;
use std::time::Instant;

use pgweir_telemetry::{Durations, Event, Events, PoolStats, Snapshot, Timing, Timings, prometheus};

fn main() {
    let (pool, events, timings) = (PoolStats::new(2), Events::new(), Timings::new(2));
    for _ in 0..3 {
        cost("one count in a pool", 20_000_000, |n| pool.slot(black_box(0)).add_bytes_sent(n));
        cost("one time in a histogram", 20_000_000, |n| {
            timings.worker(black_box(0)).record(Timing::Query, n & 2047);
        });
        for us in 0..100_000 {
            for (worker, timing) in
                [0, 1].into_iter().flat_map(|it| Timing::ALL.iter().map(move |t| (it, *t)))
            {
                timings.worker(worker).record(timing, us * us);
            }
        }
        cost("one event", 20_000_000, |_| events.count(black_box(Event::LoginFailed)));
        cost("one look at the clock", 2_000_000, |_| {
            black_box(Instant::now());
        });
        cost("histograms of 2 workers merged", 2_000, |_| {
            black_box(Durations::read(&timings));
        });
        let snapshot = snapshot(&timings);
        cost("scrape of 100 pools as text", 500, |_| {
            black_box(prometheus::text(&snapshot));
        });
    }
}

fn snapshot(timings: &Timings) -> Snapshot {
    let pool = |n: usize| pgweir_telemetry::PoolFigures {
        database: format!("database_{n}"),
        user: "app".into(),
        ..Default::default()
    };
    Snapshot {
        pools: (0..100).map(pool).collect(),
        durations: Durations::read(timings),
        ..Snapshot::default()
    }
}

fn cost(what: &str, times: u64, mut act: impl FnMut(u64)) {
    let start = Instant::now();
    for n in 0..times {
        act(black_box(n));
    }
    let each = start.elapsed().as_secs_f64() * 1e9 / f64::from(u32::try_from(times).unwrap_or(u32::MAX));
    println!("{each:12.1} ns  {what}");
}
