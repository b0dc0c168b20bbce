//! What the crate promises, through its public face.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may fail as the test itself may"
)]

mod generated;
mod hostile;
mod load;
mod mistakes;
mod reload;
mod secrets;
mod slips;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use pgweir_config::{Config, Mistake};

/// The least that loads.
const MINIMAL: &str = "\
[listen]
address = \"127.0.0.1:6432\"
[[user]]
name = \"app\"
password = \"secret\"
[[database]]
name = \"app\"
[[database.server]]
host = \"db\"
";

/// The configuration that `text` is, with three variables in the environment.
fn parse(text: &str) -> Result<Config, Vec<Mistake>> {
    let env = |name: &str| match name {
        "PASSWORD" => Some("from-env".to_owned()),
        "PORT" => Some("7000".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    Config::parse(text, Path::new("pgweir.toml"), &env)
}

/// The same for a text without mistakes.
fn right(text: &str) -> Config {
    parse(text).unwrap_or_else(|mistakes| panic!("{}", lines(&mistakes)))
}

/// The same for a text with mistakes: their lines.
fn wrong(text: &str) -> Vec<String> {
    parse(text).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn lines(mistakes: &[Mistake]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// `MINIMAL` with `lines` put after the line that is `after`.
fn with(after: &str, lines: &str) -> String {
    assert!(MINIMAL.contains(after), "{after}");
    MINIMAL.replacen(after, &format!("{after}\n{lines}"), 1)
}

/// An empty folder for the files of one test, which may call this several times.
fn folder(test: &str) -> PathBuf {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let folder = format!("{test}-{}", CALLS.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
