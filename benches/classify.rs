//! What a verdict costs: of a shape that was seen, with a new literal each time; of one that was not; of a long text.
//!
//! And what it costs to make a catalogue.
//!
//! `cargo bench -p pgweir-classify`; one row: `cargo bench -p pgweir-classify -- 'ORM/seen'`.

use std::hint::black_box;
use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use pgweir_classify::catalogue::{Catalogue, Function, Relation, Rows};
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

/// What is known of names, made of as many as a large application has.
fn catalogue(criterion: &mut Criterion) {
    let mut rows = Rows::default();
    let body =
        "SELECT t.a, lower(t.b) FROM t JOIN u USING (a) WHERE t.c = $1 AND t.d = ANY ('{1,2,3}'::integer[]) ";
    for n in 0..20_000 {
        let (name, next) = (format!("f{n}"), n + 1);
        let (language, body) = match n % 2 {
            0 => ("sql", format!("{}AND f{next}(t.e) > 1", body.repeat(4))),
            _ => (
                "plpgsql",
                format!("DECLARE x int := f{next}(1); BEGIN {} INTO x; RETURN x; END", body.repeat(4)),
            ),
        };
        let language = language.to_owned();
        rows.functions.push(Function { name, language, body, ..Function::default() });
    }
    for n in 0..10_000 {
        let texts = vec![format!("{} AND f{n}(v{}.a) > 1", body.repeat(4), n + 1)];
        rows.relations.push(Relation { name: format!("v{n}"), texts, ..Relation::default() });
    }
    let group = &mut criterion.benchmark_group("catalogue");
    group.sample_size(10);
    group.bench_function("20 000 functions, 10 000 views", |bencher| {
        bencher.iter(|| black_box(Catalogue::of(black_box(&rows), &[])));
    });
    let memo = Memo::new(1_000);
    memo.adopt(Arc::new(Catalogue::of(&rows, &[])));
    let texts: Vec<_> = (1_000..3_000).map(pgbench).collect();
    row(group, "seen", &texts, |sql| {
        black_box(memo.verdict(sql, true, PLAIN));
    });
}

criterion_group!(all, shapes, long, catalogue);
criterion_main!(all);
