//! Documents that the code writes: each has a test in the crate it comes from that finds it stale.

use crate::tree::{Tree, Violation};

/// What such a document has near its beginning.
const MARK: &str = "<!-- generated from ";
/// What tells the tests of such documents to write instead of comparing.
const SWITCH: &str = "UPDATE_GENERATED";
/// The documents that have to be such.
const REQUIRED: [&str; 3] = ["docs/config.md", "docs/errors.md", "docs/metrics.md"];

/// Documents without a test of their own, and documents kept by hand that should not be.
pub(crate) fn unguarded(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for required in REQUIRED {
        if !tree.document(required).is_some_and(|document| is_generated(&document.text)) {
            found.push(Violation::new(required, 0, "has to be written by the code that knows it"));
        }
    }
    for document in tree.documents.iter().filter(|document| is_generated(&document.text)) {
        let guards = |text: &str| text.contains(SWITCH) && text.contains(&document.path);
        if !tree.sources.iter().any(|source| guards(&source.text)) {
            found.push(Violation::new(&document.path, 0, "no test would find this document stale"));
        }
    }
    found
}

fn is_generated(text: &str) -> bool {
    text.lines().take(5).any(|line| line.to_lowercase().starts_with(MARK))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Document, Source};

    fn tree(test: &str) -> Tree {
        let document = |path: &str| Document { path: path.to_owned(), text: format!("# A\n\n{MARK}b -->\n") };
        let documents = REQUIRED.iter().map(|path| document(path)).collect();
        let sources = vec![Source::new("crates/tests/a.rs", test)];
        Tree { documents, sources, ..Tree::default() }
    }

    #[test]
    fn a_document_that_may_grow_stale_is_found() {
        let names = REQUIRED.join("\", \"");
        assert!(unguarded(&tree(&format!("[\"{names}\"]; {SWITCH}"))).is_empty());
        assert_eq!(unguarded(&tree(&format!("[\"{}\"]; {SWITCH}", REQUIRED[0]))).len(), 2);
        assert_eq!(unguarded(&tree(&names)).len(), 3, "a name alone is no test");
    }

    #[test]
    fn a_document_kept_by_hand_is_found() {
        let mut tree = tree(&format!("{} {SWITCH}", REQUIRED.join(" ")));
        tree.documents[1].text = "# Errors\n".to_owned();
        assert_eq!(unguarded(&tree).len(), 1);
    }
}
