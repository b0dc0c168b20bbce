//! Documents and what they point at: other documents, headings, files, and names in the code.
//!
//! A link whose text is code and whose target is a Rust file promises that the name occurs in that file, as in
//! [`Tree::read`](tree.rs). A path in backquotes that begins with a folder of ours promises that it exists.

use std::collections::BTreeSet;

use crate::tree::{Document, Tree, Violation};

/// Paths in backquotes that begin so are looked for.
const PATHS: [&str; 8] =
    [".ci/", "benches/", "config/", "crates/", "deploy/", "docs/", "fuzz/fuzz_targets/", "tests/"];

/// A link: its line, its text, where it points.
#[derive(Debug, PartialEq, Eq)]
struct Link<'a> {
    line: usize,
    text: &'a str,
    target: &'a str,
}

/// Everything a document points at.
pub(crate) fn check(document: &Document, tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for link in links(&document.text) {
        if let Some(what) = leads_nowhere(document, &link, tree) {
            found.push(Violation::new(&document.path, link.line, what));
        }
    }
    for (line, path) in paths(&document.text) {
        if !tree.has(path) {
            found.push(Violation::new(&document.path, line, format!("there is no {path}")));
        }
    }
    found
}

/// Sources whose header is a table of states, and that the list does not link.
pub(crate) fn states(tree: &Tree, list: &str) -> Vec<Violation> {
    let listed: BTreeSet<String> =
        links(list).iter().filter_map(|link| resolve("docs/states.md", link.target)).collect();
    let has_states = |text: &str| {
        let first = text.lines().find(|line| line.starts_with("//! |")).unwrap_or_default();
        let cell = first.split('|').nth(1).unwrap_or_default();
        cell.contains("state") || cell.contains("phase")
    };
    let missing =
        tree.sources.iter().filter(|source| has_states(&source.text) && !listed.contains(&source.path));
    missing
        .map(|source| Violation::new("docs/states.md", 0, format!("does not list {}", source.path)))
        .collect()
}

/// Documents that nobody finds who begins with `start`.
pub(crate) fn unreachable(tree: &Tree, start: &str) -> Vec<Violation> {
    let mut seen = BTreeSet::new();
    let mut next = vec![start.to_owned()];
    while let Some(path) = next.pop() {
        let Some(document) = tree.document(&path) else { continue };
        if seen.insert(path.clone()) {
            next.extend(links(&document.text).iter().filter_map(|link| resolve(&path, link.target)));
        }
    }
    let lost = tree.documents.iter().filter(|document| !seen.contains(&document.path));
    lost.map(|document| Violation::new(&document.path, 0, format!("no link leads here from {start}")))
        .collect()
}

fn leads_nowhere(document: &Document, link: &Link, tree: &Tree) -> Option<String> {
    let path = resolve(&document.path, link.target)?;
    if !tree.has(&path) {
        return Some(format!("there is no {path}"));
    }
    let heading = link.target.split_once('#').map(|(_, heading)| heading);
    if let (Some(heading), Some(to)) = (heading, tree.document(&path)) {
        return (!headings(&to.text).contains(heading)).then(|| format!("{path} has no heading #{heading}"));
    }
    let name = link.text.strip_prefix('`')?.strip_suffix('`')?;
    // a path names the file itself
    if name.contains('/') || name.ends_with(".rs") {
        return None;
    }
    let name = name.trim_end_matches("()").rsplit("::").next().unwrap_or_default();
    let occurs = !crate::shape::words(&tree.source(&path)?.parts.code, name).is_empty();
    (!occurs).then(|| format!("{path} has no {name}"))
}

/// The path of a target from the root of the checkout; none for other places than the checkout.
fn resolve(from: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let target = target.split('#').next().unwrap_or_default();
    if target.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Lines outside of fenced blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((at + 1, line))
    })
}

fn links(text: &str) -> Vec<Link<'_>> {
    let mut all = Vec::new();
    for (line, said) in prose(text) {
        for (at, _) in said.match_indices("](") {
            let (before, after) =
                (said.get(..at).unwrap_or_default(), said.get(at + 2..).unwrap_or_default());
            // what looks like a link inside of backquotes is none
            if before.matches('`').count() % 2 == 1 {
                continue;
            }
            let text = before.rfind('[').and_then(|from| before.get(from + 1..)).unwrap_or_default();
            all.push(Link { line, text, target: after.split(')').next().unwrap_or_default() });
        }
    }
    all
}

/// Paths in backquotes, whole ones only.
fn paths(text: &str) -> Vec<(usize, &str)> {
    let mut all = Vec::new();
    for (line, said) in prose(text) {
        let quoted = said.split('`').skip(1).step_by(2);
        let whole = |path: &&str| {
            PATHS.iter().any(|start| path.starts_with(start))
                && !path.contains([' ', '*', '…', '<', '{', ':'])
        };
        all.extend(quoted.filter(whole).map(|path| (line, path)));
    }
    all
}

/// The anchors that headings have: lower case, blanks as hyphens, without other signs.
fn headings(text: &str) -> BTreeSet<String> {
    let anchor = |heading: &str| {
        let kept = heading.to_lowercase();
        kept.trim()
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .collect::<String>()
            .replace(' ', "-")
    };
    let of_line =
        |(_, line): (usize, &str)| line.starts_with('#').then(|| anchor(line.trim_start_matches('#')));
    prose(text).filter_map(of_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Source;

    fn document(path: &str, text: &str) -> Document {
        Document { path: path.to_owned(), text: text.to_owned() }
    }

    fn found(text: &str) -> usize {
        let path = "crates/pgweir/src/main.rs";
        let sources = vec![Source::new(path, "fn main() {}")];
        let readme = document("README.md", "# A title: with `code`\n\n```\n# no heading\n```\n");
        let tree = Tree { sources, documents: vec![readme], ..Tree::default() };
        check(&document("docs/a.md", text), &tree).len()
    }

    #[test]
    fn links_to_what_is_there_pass() {
        assert_eq!(
            found("[a](../README.md) [b](../README.md#a-title-with-code) [c](https://x.example/y)"),
            0
        );
        assert_eq!(
            found("[`main`](../crates/pgweir/src/main.rs) [`x::main()`](../crates/pgweir/src/main.rs)"),
            0
        );
        assert_eq!(found("`docs/adr/*.md` `crates/pgweir` `[no](link)`\n```\n[a](nowhere)\n```\n"), 0);
    }

    #[test]
    fn links_to_what_is_not_there_are_found() {
        assert_eq!(found("[a](../READYOU.md)"), 1);
        assert_eq!(found("[a](../README.md#no-heading)"), 1);
        assert_eq!(found("[`domain`](../crates/pgweir/src/main.rs)"), 1);
        assert_eq!(found("see `crates/pgweir/src/domain.rs`"), 1);
    }

    #[test]
    fn a_state_machine_that_is_not_listed_is_found() {
        let machine = Source::new("crates/a/src/b.rs", "//! A.\n//!\n//! | state | then |\n//! |---|---|\n");
        let tree = Tree { sources: vec![machine], ..Tree::default() };
        assert_eq!(states(&tree, "[a](../crates/a/src/b.rs)"), []);
        assert_eq!(states(&tree, "[a](../crates/a/src/c.rs)").len(), 1);
    }

    #[test]
    fn a_document_without_a_way_to_it_is_found() {
        let documents = vec![
            document("README.md", "[a](docs/a.md)"),
            document("docs/a.md", "[b](b.md)"),
            document("docs/b.md", ""),
            document("docs/c.md", "[a](a.md)"),
        ];
        let lost = unreachable(&Tree { documents, ..Tree::default() }, "README.md");
        assert_eq!(lost, [Violation::new("docs/c.md", 0, "no link leads here from README.md")]);
    }
}
