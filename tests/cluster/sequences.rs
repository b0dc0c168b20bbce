//! Any legal sequence of messages gets, through pgweir, the bytes that PostgreSQL itself answers.
//!
//! Random sequences ([`generate`]) run on a direct connection and through a transaction pool of two servers
//! that other clients use too, so that the server changes from one transaction to the next. The replies must
//! be equal, byte for byte. A sequence that is answered otherwise is made as short as it can be ([`shrink`]).
//!
//! `PGWEIR_SEQUENCES` says how many, `PGWEIR_SEED` where to begin.

mod drive;
mod generate;
mod random;
mod shrink;
mod step;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::scene::metrics;
use drive::{Expected, run};
use random::Random;
use testkit::client::tls::Tls;
use testkit::cluster::Cluster;
use testkit::install::{Install, Version};
use testkit::proxy::{Builder, Server};
use testkit::{Authority, Connect, Postgres, Proxy};

/// Threads that compare; half of them on each proxy.
const THREADS: u64 = 4;
/// Clients that only use the pools, so that servers change hands; one on each proxy.
const OTHERS: u64 = 2;
const SEED: u64 = 20_261_121;
const CASES: u64 = 10_000;

/// Where one thread plays: its tables, a direct way and the way through pgweir.
struct Ground {
    tables: u64,
    mixing: bool,
    direct: Connect,
    proxied: Connect,
}

#[test]
fn any_sequence_is_answered_as_by_a_direct_connection() {
    // thousands of errors are part of this
    let postgres = Postgres::builder().set("log_min_messages", "fatal").start();
    // the second one has room for so few statements that it must close some all the time
    let proxies = [200, 3].map(|statements| proxy(&postgres, statements).start());
    compare(&postgres, CASES, Mixing::Yes, &proxies.each_ref().map(Proxy::connect));
}

#[test]
fn so_it_is_in_session_mode_and_over_tls() {
    let postgres = Postgres::builder().set("log_min_messages", "fatal").start();
    let authority = Authority::new();
    let pair = authority.server();
    let (cert, key) = (pair.cert.display().to_string(), pair.key.display().to_string());
    let session = proxy(&postgres, 200).set("pool.mode", "\"session\"").pool_size(8).start();
    let encrypted = proxy(&postgres, 3).tls("require", &cert, &key, None).start();
    compare(
        &postgres,
        CASES / 5,
        Mixing::Yes,
        &[session.connect(), encrypted.connect().tls(Tls::unchecked())],
    );
}

#[test]
fn so_it_is_with_postgresql_18() {
    if Install::v18_or_skip("so_it_is_with_postgresql_18").is_none() {
        return;
    }
    let postgres = Postgres::builder().version(Version::V18).set("log_min_messages", "fatal").start();
    let proxies = [200, 3].map(|statements| proxy(&postgres, statements).start());
    compare(&postgres, CASES / 5, Mixing::ByOthers, &proxies.each_ref().map(Proxy::connect));
}

/// Reads go to a replica, and a BEGIN is answered without a server.
#[test]
fn so_it_is_where_there_are_replicas() {
    let cluster = Cluster::start_from(&Postgres::builder().set("log_min_messages", "fatal"), 1);
    let servers = [Server::from(&cluster.primary), Server::from(&cluster.replicas[0])];
    let proxies = [200, 3].map(|statements| {
        let several = empty(statements).database_on("postgres", &servers);
        several.set("route.probe_interval", "\"100ms\"").start()
    });
    compare(&cluster.primary, CASES / 16, Mixing::Yes, &proxies.each_ref().map(Proxy::connect));
    let begun = |proxy| {
        let text = metrics(proxy);
        text.lines().any(|line| {
            let count = line.strip_prefix("pgweir_virtual_begins_total ");
            count.is_some_and(|count| count != "0")
        })
    };
    assert!(proxies.iter().all(begun), "transactions were begun without a server");
}

/// Whether simple queries and function calls stand inside batches of the extended protocol.
///
/// PostgreSQL 18 answers one behind an Execute with the status of a transaction block that the next Sync ends,
/// and the first request after that with "unexpected state STARTED". Who asks for that gets it directly and a
/// new server through pgweir; nobody else may notice.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mixing {
    Yes,
    ByOthers,
}

/// Compares so many sequences, direct and by one of these ways.
#[track_caller]
fn compare(postgres: &Postgres, cases: u64, mixing: Mixing, ways: &[Connect]) {
    let (cases, seed) = (number("PGWEIR_SEQUENCES", cases), number("PGWEIR_SEED", SEED));
    furnish(postgres);
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let ground = |tables: u64, way: &Connect| {
        let mixing = mixing == Mixing::Yes || tables >= THREADS;
        Ground { tables, mixing, direct: postgres.connect(), proxied: way.clone() }
    };
    let failures: Vec<String> = thread::scope(|scope| {
        for (i, way) in (0..OTHERS).zip(ways.iter().cycle()) {
            let (ground, stop) = (ground(THREADS + i, way), &stop);
            scope.spawn(move || keep_busy(&ground, seed, stop));
        }
        let playing: Vec<_> = (0..THREADS)
            .zip(ways.iter().cycle())
            .map(|(i, way)| {
                let (ground, stop, done) = (ground(i, way), &stop, &done);
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
        let steps = if ground.mixing { steps } else { generate::unmixed(steps) };
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

fn proxy(postgres: &Postgres, statements: u32) -> Builder {
    empty(statements).database("postgres", postgres)
}

fn empty(statements: u32) -> Builder {
    Proxy::builder(env!("CARGO_BIN_EXE_pgweir"))
        .pool_size(2)
        .set("listen.workers", "2")
        .set("pool.prepared_statements", &statements.to_string())
        .set("pool.acquire_timeout", "\"60s\"")
        // would be one message more than PostgreSQL sends
        .set("pool.notify_after", "\"0s\"")
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
