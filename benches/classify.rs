//! What a verdict costs: of a shape that was seen, with a new literal each time; of one that was not; of a long text.
//!
//! `cargo bench -p pgweir-classify`. Each row is the best of several rounds, in nanoseconds for one text.
#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::hint::black_box;
use std::time::Instant;

use pgweir_classify::memo::thorough;
use pgweir_classify::{Lexis, Memo, digest, tables};

const PLAIN: Lexis = Lexis { backslashes: false };
const ROUNDS: u32 = 15;

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

/// The best round of so many texts.
fn measure(name: &str, texts: &[String], mut run: impl FnMut(&[u8])) {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for text in texts {
            run(black_box(text.as_bytes()));
        }
        let count = u32::try_from(texts.len()).unwrap_or(u32::MAX);
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(count));
    }
    let bytes = texts.first().map_or(0, String::len);
    println!("{name:44} {bytes:7} bytes {best:12.0} ns");
}

fn main() {
    let many = |text: fn(usize) -> String| (1_000..3_000).map(text).collect::<Vec<_>>();
    for (name, texts) in [("pgbench", many(pgbench)), ("ORM", many(orm))] {
        let memo = Memo::new(1_000);
        measure(&format!("{name}: seen shape, new literal"), &texts, |sql| {
            black_box(memo.verdict(sql, true, PLAIN));
        });
        measure(&format!("{name}: unseen shape"), &texts, |sql| {
            black_box(thorough(sql, true, PLAIN));
        });
        measure(&format!("{name}: scan alone"), &texts, |sql| {
            black_box(pgweir_classify::verdict(sql, true, PLAIN));
        });
        measure(&format!("{name}: tables"), &texts, |sql| {
            black_box(tables(sql, PLAIN));
        });
        measure(&format!("{name}: digest"), &texts, |sql| {
            black_box(digest(sql, PLAIN));
        });
    }
    let list = (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let chain = "a = 1 OR ".repeat(28_000);
    for (name, text) in [
        ("a list of 20 000 numbers", format!("SELECT a FROM t WHERE b IN ({list})")),
        ("a chain as long as is looked at", format!("SELECT a FROM t WHERE {chain}true")),
        ("a string as long as is looked at", format!("SELECT '{}'", "x".repeat(260_000))),
    ] {
        let (texts, memo) = (vec![text], Memo::new(10));
        measure(&format!("{name}: unseen"), &texts, |sql| {
            black_box(thorough(sql, true, PLAIN));
        });
        measure(&format!("{name}: seen"), &texts, |sql| {
            black_box(memo.verdict(sql, true, PLAIN));
        });
    }
}
