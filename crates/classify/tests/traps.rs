//! Every trap that looks like a read and is not, and reads that must not be kept from replicas.

use pgweir_classify::memo::thorough;
use pgweir_classify::{Against, Lexis};

const TRAPS: &str = include_str!("traps.tsv");
const PLAIN: Lexis = Lexis { backslashes: false };

/// The label and the text of each line.
fn lines() -> impl Iterator<Item = (&'static str, String)> {
    TRAPS.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (label, text) = line.split_once('\t').unwrap_or(("no label", line));
        (label, unescaped(text))
    })
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text.chars();
    while let Some(first) = rest.next() {
        match (first, first == '\\') {
            (_, true) => match rest.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                other => out.extend(other),
            },
            (plain, false) => out.push(plain),
        }
    }
    out
}

fn wrong(label: &str) -> Vec<String> {
    let reads = label == "replica";
    lines()
        .filter(|(of, _)| *of == label)
        .map(|(_, text)| (thorough(text.as_bytes(), true, PLAIN), text))
        .filter(|(verdict, _)| verdict.goes_to_replica() != reads)
        .map(|(verdict, text)| format!("{:?}: {text}", verdict.against))
        .collect()
}

#[test]
fn no_trap_goes_to_a_replica() {
    assert!(lines().filter(|(label, _)| *label == "primary").count() >= 400);
    let wrong = wrong("primary");
    assert!(wrong.is_empty(), "{} go to a replica:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_plain_read_stays_on_the_primary() {
    let wrong = wrong("replica");
    assert!(wrong.is_empty(), "{} stay on the primary:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_reason_is_documented() {
    let document = include_str!("../../../docs/routing.md");
    for why in Against::ALL {
        let row = format!("| `{}` | {} |", why.as_str(), why.describe());
        assert!(document.contains(&row), "not in docs/routing.md: {row}");
    }
}
