//! The files of the checkout, read once for a rule: sources, manifests and documents.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::lex::{self, Parts};

/// Where files of ours are; everything else in the checkout is made by programs.
const FOLDERS: [&str; 8] = [".ci", "benches", "config", "crates", "deploy", "docs", "fuzz", "tests"];
/// Folders of ours that hold what others have made.
const NOT_OURS: [&str; 3] = ["target", "node_modules", "corpus"];

/// Something against the rules.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    path: String,
    line: usize,
    what: String,
}

impl Violation {
    /// At a line of a file, counted from 1; 0 is the whole file.
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// A file that is not Rust.
#[derive(Debug)]
pub(crate) struct Document {
    /// From the root of the checkout.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

/// A Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root of the checkout.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
    /// The same, taken apart.
    pub(crate) parts: Parts,
}

impl Source {
    /// A source of this text.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), parts: lex::take_apart(text) }
    }

    /// Nothing but tests: `tests.rs` beside what it tests, or a file in a folder of tests. The kit is a library.
    pub(crate) fn is_test(&self) -> bool {
        let in_folder = self.path.contains("/tests/") || self.path.starts_with("tests/");
        self.path.ends_with("/tests.rs") || (in_folder && !self.path.starts_with("tests/kit/src/"))
    }
}

/// The checkout.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Every Rust file.
    pub(crate) sources: Vec<Source>,
    /// Every Cargo.toml but the workspace's.
    pub(crate) manifests: Vec<Document>,
    /// Every Markdown file.
    pub(crate) documents: Vec<Document>,
}

impl Tree {
    /// The checkout, read once.
    pub(crate) fn read() -> &'static Self {
        static TREE: OnceLock<Tree> = OnceLock::new();
        TREE.get_or_init(Self::load)
    }

    fn load() -> Self {
        let mut tree = Self::default();
        let files = FOLDERS.iter().flat_map(|folder| files_in(&root().join(folder)));
        for path in top_level().into_iter().chain(files) {
            tree.add(&path);
        }
        assert!(tree.sources.len() > 100 && tree.manifests.len() > 10, "the tree was not found");
        tree
    }

    fn add(&mut self, path: &Path) {
        let name = path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned();
        let text = || fs::read_to_string(path).unwrap_or_default();
        match path.extension().and_then(|end| end.to_str()) {
            Some("rs") => self.sources.push(Source::new(&name, &text())),
            Some("md") => self.documents.push(Document { path: name, text: text() }),
            Some("toml") if name.ends_with("/Cargo.toml") => {
                self.manifests.push(Document { path: name, text: text() });
            }
            _ => {}
        }
    }

    /// The text of a file of the checkout, empty if it is not there.
    pub(crate) fn text(&self, path: &str) -> String {
        fs::read_to_string(root().join(path)).unwrap_or_default()
    }

    /// Whether there is such a file or folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        root().join(path).exists()
    }

    /// The source at this path.
    pub(crate) fn source(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.path == path)
    }

    /// The document at this path.
    pub(crate) fn document(&self, path: &str) -> Option<&Document> {
        self.documents.iter().find(|document| document.path == path)
    }
}

fn root() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    crates.and_then(Path::parent).map(Path::to_owned).unwrap_or_default()
}

fn top_level() -> Vec<PathBuf> {
    let entries = fs::read_dir(root()).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let named = |path: &Path| path.file_name().is_some_and(|name| NOT_OURS.iter().any(|not| name == *not));
    paths.retain(|path| !named(path));
    let all = paths.into_iter().map(|path| if path.is_dir() { files_in(&path) } else { vec![path] });
    all.flatten().collect()
}
