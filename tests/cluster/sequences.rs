//! Any legal sequence of messages gets, through pgweir, the bytes that PostgreSQL itself answers.
//!
//! Random sequences ([`generate`]) run on a direct connection and through a transaction pool of two servers
//! that other clients use too, so that the server changes from one transaction to the next. The replies must
//! be equal, byte for byte. A sequence that is answered otherwise is made as short as it can be ([`shrink`]).
//!
//! `PGWEIR_SEQUENCES` says how many (default 10 000), `PGWEIR_SEED` where to begin.

mod drive;
mod generate;
mod random;
mod shrink;
mod step;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use drive::{Expected, run};
use random::Random;
use testkit::{Connect, Postgres, Proxy};

/// Threads that compare; half of them on each proxy.
const THREADS: u64 = 4;
/// Clients that only use the pools, so that servers change hands; one on each proxy.
const OTHERS: u64 = 2;
const SEED: u64 = 20_261_121;

/// Where one thread plays: its tables, a direct way and the way through pgweir.
struct Ground {
    tables: u64,
    direct: Connect,
    proxied: Connect,
}

#[test]
fn any_sequence_is_answered_as_by_a_direct_connection() {
    let (cases, seed) = (number("PGWEIR_SEQUENCES", 10_000), number("PGWEIR_SEED", SEED));
    // thousands of errors are part of this
    let postgres = Postgres::builder().set("log_min_messages", "fatal").start();
    furnish(&postgres);
    // the second one has room for so few statements that it must close some all the time
    let proxies = [200, 3].map(|statements| proxy(&postgres, statements));
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let ground =
        |tables: u64, proxy: &Proxy| Ground { tables, direct: postgres.connect(), proxied: proxy.connect() };
    let failures: Vec<String> = thread::scope(|scope| {
        for (i, proxy) in (0..OTHERS).zip(proxies.iter().cycle()) {
            let (ground, stop) = (ground(THREADS + i, proxy), &stop);
            scope.spawn(move || keep_busy(&ground, seed, stop));
        }
        let playing: Vec<_> = (0..THREADS)
            .zip(proxies.iter().cycle())
            .map(|(i, proxy)| {
                let (ground, stop, done) = (ground(i, proxy), &stop, &done);
                scope.spawn(move || play(&ground, cases / THREADS, seed, (stop, done)))
            })
            .collect();
        let ended = playing.into_iter().map(|thread| thread.join());
        let failures =
            ended.filter_map(|ended| ended.unwrap_or(Some("a thread panicked".to_owned()))).collect();
        stop.store(true, Ordering::Relaxed);
        failures
    });
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert_eq!(done.load(Ordering::Relaxed), cases / THREADS * THREADS, "sequences compared");
}

/// Compares `cases` sequences; what it found, if one was answered otherwise.
fn play(ground: &Ground, cases: u64, seed: u64, (stop, done): (&AtomicBool, &AtomicU64)) -> Option<String> {
    let (mut direct, mut proxied) = (ground.direct.open(), ground.proxied.open());
    for case in 0..cases {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let seed_of_case = random::mix(&[seed, ground.tables, case]);
        let mut random = Random::new(seed_of_case);
        let steps = generate::steps(&mut random, ground.tables);
        let segments = step::segments(&steps);
        let plain = run(&mut direct, ground.tables, &segments, Expected::Unknown, None);
        let pooled = run(&mut proxied, ground.tables, &segments, Expected::Like(&plain), Some(&mut random));
        if !drive::alike(&plain, &pooled) {
            let what = format!(
                "PGWEIR_SEED={seed}, tables {}, case {case}:\n{}",
                ground.tables,
                drive::difference(&plain, &pooled)
            );
            let small = shrink::shrink(ground, steps);
            // the others have nothing to add
            stop.store(true, Ordering::Relaxed);
            return Some(format!("{what}\n{small}"));
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
    None
}

/// Runs sequences of its own, whatever is answered: errors are part of them.
fn keep_busy(ground: &Ground, seed: u64, stop: &AtomicBool) {
    let mut random = Random::new(random::mix(&[seed, ground.tables]));
    let mut client = ground.proxied.open();
    while !stop.load(Ordering::Relaxed) {
        let segments = step::segments(&generate::steps(&mut random, ground.tables));
        let answers = run(&mut client, ground.tables, &segments, Expected::Unknown, None);
        if answers.broken.is_some() {
            client = ground.proxied.open();
        }
    }
}

fn furnish(postgres: &Postgres) {
    postgres.psql("CREATE SCHEMA pw");
    for i in 0..THREADS + OTHERS {
        postgres.psql(&format!("CREATE TABLE pw.a{i} (id int4 PRIMARY KEY, v text)"));
        postgres.psql(&format!("CREATE TABLE pw.d{i} (id int4 UNIQUE DEFERRABLE INITIALLY DEFERRED)"));
    }
}

fn proxy(postgres: &Postgres, statements: u32) -> Proxy {
    Proxy::builder(env!("CARGO_BIN_EXE_pgweir"))
        .pool_size(2)
        .set("listen.workers", "2")
        .set("pool.prepared_statements", &statements.to_string())
        .set("pool.acquire_timeout", "\"60s\"")
        // would be one message more than PostgreSQL sends
        .set("pool.notify_after", "\"0s\"")
        .database("postgres", postgres)
        .start()
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
