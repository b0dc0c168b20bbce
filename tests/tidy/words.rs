//! Words that must not be in a source, or not alone.

use crate::shape::{line, words};
use crate::tree::{Source, Violation};

/// Files whose work it is to let time pass: the kit's waiting, and the delays of its tap.
const MAY_SLEEP: [&str; 2] = ["tests/kit/src/wait.rs", "tests/kit/src/tap/pump.rs"];

/// Lints are switched off by `#[expect(…, reason = "…")]` only, and nothing is `unsafe`.
pub(crate) fn attributes(source: &Source) -> Vec<Violation> {
    let code = &source.parts.code;
    let opened =
        |at: &usize| code.get(..*at).is_some_and(|before| before.ends_with("#[") || before.ends_with("#!["));
    let mut found: Vec<Violation> = words(code, "unsafe")
        .into_iter()
        .map(|at| Violation::new(&source.path, line(code, at), "unsafe code is forbidden"))
        .collect();
    for at in words(code, "allow").into_iter().filter(opened) {
        found.push(Violation::new(
            &source.path,
            line(code, at),
            "#[expect(lint, reason = \"…\")] instead of allow",
        ));
    }
    for at in words(code, "expect").into_iter().filter(opened) {
        let attribute = code.get(at..).and_then(|rest| rest.split(']').next()).unwrap_or_default();
        if words(attribute, "reason").is_empty() {
            found.push(Violation::new(&source.path, line(code, at), "an expected lint has a reason"));
        }
    }
    found
}

/// A note of what is left to do says what.
pub(crate) fn left_to_do(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for word in ["TODO", "FIXME", "XXX", "HACK"] {
        for at in words(&source.parts.comments, word) {
            let rest = source.parts.comments.get(at + word.len()..).unwrap_or_default();
            let text = rest.lines().next().unwrap_or_default();
            let said = text.trim_matches(|c: char| !c.is_alphanumeric()).split_whitespace().count();
            if word != "TODO" || said < 3 {
                let what = format!("{word} without a word: TODO and a sentence that says what and when");
                found.push(Violation::new(&source.path, line(&source.parts.comments, at), what));
            }
        }
    }
    found
}

/// Tests wait for conditions.
pub(crate) fn naps(source: &Source) -> Vec<Violation> {
    let kit = source.path.starts_with("tests/kit/");
    if (!source.is_test() && !kit) || MAY_SLEEP.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let code = &source.parts.code;
    // as an arm of a select! it is a deadline for something else
    let slept =
        |rest: &str| rest.starts_with('(') && !rest.lines().next().unwrap_or_default().contains(" => ");
    let called = |at: &usize| code.get(at + "sleep".len()..).is_some_and(slept);
    let what = "a test does not sleep, it waits until something holds (testkit::wait)";
    let calls = words(code, "sleep").into_iter().filter(called);
    calls.map(|at| Violation::new(&source.path, line(code, at), what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("tests/cluster/x.rs", text)
    }

    #[test]
    fn allowed_lints_and_bare_expectations_are_found() {
        assert_eq!(attributes(&source("#[allow(dead_code)]\nfn a() {}")).len(), 1);
        assert_eq!(attributes(&source("#![allow(dead_code, reason = \"x\")]")).len(), 1);
        assert_eq!(attributes(&source("#[expect(dead_code)]\nfn a() {}")).len(), 1);
        assert!(attributes(&source("#[expect(dead_code, reason = \"held\")]\nfn a() {}")).is_empty());
        assert!(attributes(&source("// #[allow(x)]\nfn a() { b.expect(\"c\"); allow(d) }")).is_empty());
    }

    #[test]
    fn unsafe_code_is_found() {
        assert_eq!(attributes(&source("fn a() { unsafe { b() } }")).len(), 1);
        assert!(attributes(&source("/// Nothing is unsafe here.\nfn a() { unsafe_looking() }")).is_empty());
    }

    #[test]
    fn a_bare_todo_is_found() {
        assert_eq!(left_to_do(&source("// TODO\n")).len(), 1);
        assert_eq!(left_to_do(&source("// TODO: later\n")).len(), 1);
        assert_eq!(left_to_do(&source("// FIXME: this is wrong for views\n")).len(), 1);
        assert!(left_to_do(&source("// TODO: count these once routing knows replicas\n")).is_empty());
        assert!(left_to_do(&source("let a = \"TODO\"; // SQLSTATE XXX00\n")).is_empty());
    }

    #[test]
    fn a_sleeping_test_is_found() {
        assert_eq!(naps(&source("fn a() { std::thread::sleep(B); }")).len(), 1);
        assert!(naps(&source("select! { x = y => z, () = sleep(B) => panic!() }")).is_empty());
        assert!(naps(&Source::new("crates/x/src/y.rs", "fn a() { sleep(B); }")).is_empty());
        assert!(naps(&source("use tokio::time::sleep; // sleep(1)\n\"select pg_sleep(1)\"")).is_empty());
    }
}
