//! What a verdict costs: of a shape that was seen, with a new literal each time; of one that was not; of a long text.
//!
//! `cargo bench -p pgweir-classify`; one row: `cargo bench -p pgweir-classify -- 'ORM/seen'`.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use pgweir_classify::memo::thorough;
use pgweir_classify::{Lexis, Memo, digest, tables, verdict};

const PLAIN: Lexis = Lexis { backslashes: false };

fn pgbench(n: usize) -> String {
    format!("SELECT abalance FROM pgbench_accounts WHERE aid = {n};")
}

fn orm(n: usize) -> String {
    format!(
        "SELECT \"app_order\".\"id\", \"app_order\".\"state\", COUNT(\"app_item\".\"id\") AS \"items\" FROM \"app_order\" \
         LEFT OUTER JOIN \"app_item\" ON (\"app_order\".\"id\" = \"app_item\".\"order_id\") WHERE (\"app_order\".\"state\" \
         = 'open' AND UPPER(\"app_order\".\"name\"::text) LIKE UPPER('%{n}%')) GROUP BY \"app_order\".\"id\" ORDER BY \
         \"app_order\".\"created\" DESC LIMIT 21"
    )
}

/// One text after the other.
fn row(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, texts: &[String], mut run: impl FnMut(&[u8])) {
    let mut next = texts.iter().cycle();
    group.bench_function(name, |bencher| {
        bencher.iter(|| run(black_box(next.next().map_or(&[], |text| text.as_bytes()))));
    });
}

/// Texts of one shape, each with a literal of its own.
fn shapes(criterion: &mut Criterion) {
    let many = |text: fn(usize) -> String| (1_000..3_000).map(text).collect::<Vec<_>>();
    for (name, texts) in [("pgbench", many(pgbench)), ("ORM", many(orm))] {
        let group = &mut criterion.benchmark_group(name);
        let memo = Memo::new(1_000);
        row(group, "seen", &texts, |sql| {
            black_box(memo.verdict(sql, true, PLAIN));
        });
        row(group, "unseen", &texts, |sql| {
            black_box(thorough(sql, true, PLAIN));
        });
        row(group, "scan alone", &texts, |sql| {
            black_box(verdict(sql, true, PLAIN));
        });
        row(group, "tables", &texts, |sql| {
            black_box(tables(sql, PLAIN));
        });
        row(group, "digest", &texts, |sql| {
            black_box(digest(sql, PLAIN));
        });
    }
}

/// Texts about as long as are looked at.
fn long(criterion: &mut Criterion) {
    let list = (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let chain = "a = 1 OR ".repeat(28_000);
    for (name, text) in [
        ("list of numbers", format!("SELECT a FROM t WHERE b IN ({list})")),
        ("chain of conditions", format!("SELECT a FROM t WHERE {chain}true")),
        ("string", format!("SELECT '{}'", "x".repeat(260_000))),
    ] {
        let group = &mut criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(u64::try_from(text.len()).unwrap_or(u64::MAX)));
        let (texts, memo) = (vec![text], Memo::new(10));
        row(group, "unseen", &texts, |sql| {
            black_box(thorough(sql, true, PLAIN));
        });
        row(group, "seen", &texts, |sql| {
            black_box(memo.verdict(sql, true, PLAIN));
        });
    }
}

criterion_group!(all, shapes, long);
criterion_main!(all);
