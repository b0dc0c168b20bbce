//! The reference (docs/config.md) and the example (config/pgweir.toml), both from the definitions of the keys.

use std::fmt::Write as _;

use crate::check::Raw;
use crate::key::{Described, DescribedKey, Effect, Section, name_of};
use crate::later;

/// A section of the file with its own keys, not those of the sections inside it.
struct Chapter {
    path: &'static str,
    many: bool,
    optional: bool,
    doc: String,
    keys: Vec<DescribedKey>,
}

impl Chapter {
    /// How the section begins in the file.
    fn header(&self) -> String {
        if self.many { format!("[[{}]]", self.path) } else { format!("[{}]", self.path) }
    }
}

fn chapters() -> Vec<Chapter> {
    let mut described = Vec::new();
    Raw::describe(&mut described);
    let mut chapters: Vec<Chapter> = Vec::new();
    for described in described {
        match described {
            Described::Section { path, many, optional, doc } => {
                chapters.push(Chapter { path, many, optional, doc, keys: Vec::new() });
            }
            Described::Key(key) => {
                let section = key.path.rsplit_once('.').map_or("", |(section, _)| section);
                if let Some(chapter) = chapters.iter_mut().find(|chapter| chapter.path == section) {
                    chapter.keys.push(key);
                }
            }
        }
    }
    chapters
}

/// The text of docs/config.md.
pub fn reference_md() -> String {
    let mut out = String::from(INTRODUCTION);
    for chapter in chapters() {
        let _ = write!(out, "\n## `{}`\n\n{}\n", chapter.header(), chapter.doc);
        for key in &chapter.keys {
            reference_key(&mut out, key);
        }
    }
    out.push_str(LATER);
    for key in later::keys() {
        let _ = writeln!(out, "- `{key}`");
    }
    out
}

fn reference_key(out: &mut String, key: &DescribedKey) {
    let _ = write!(out, "\n### {}\n\n{}\n\n", key.title, key.doc);
    for (word, meaning) in &key.meanings {
        let _ = writeln!(out, "- `\"{word}\"`: {meaning}");
    }
    if !key.meanings.is_empty() {
        out.push('\n');
    }
    let default = match (key.required, key.default.as_str()) {
        (true, _) => "Required".to_owned(),
        (false, "") => "Not set by default".to_owned(),
        (false, default) => format!("Default `{default}`"),
    };
    let effect = match key.effect {
        Effect::Reload => "a reload changes it at once",
        Effect::NewConnections => "a reload changes it for new connections",
        Effect::Restart => "needs a restart",
    };
    let allowed = if key.meanings.is_empty() { format!(" Allowed: {}.", key.words) } else { String::new() };
    let _ = writeln!(out, "{default}; {effect}.{allowed}");
}

/// The text of config/pgweir.toml.
pub fn example_toml() -> String {
    let mut out = String::from(EXAMPLE);
    for chapter in chapters() {
        out.push('\n');
        comment(&mut out, &chapter.doc);
        let _ = writeln!(out, "{}{}", if chapter.optional { "#" } else { "" }, chapter.header());
        for key in &chapter.keys {
            out.push('\n');
            comment(&mut out, &key.doc);
            for (word, meaning) in &key.meanings {
                comment(&mut out, &format!("  {word}: {meaning}"));
            }
            let name = name_of(key.path);
            let value = key.example.unwrap_or(&key.default);
            let _ = writeln!(
                out,
                "{}{name} = {value}",
                if key.suggested && !chapter.optional { "" } else { "#" }
            );
        }
    }
    out
}

/// Writes `text` as comments of at most 100 characters.
fn comment(out: &mut String, text: &str) {
    const WIDTH: usize = 100;
    let indent: String = text.chars().take_while(|character| *character == ' ').collect();
    let mut line = format!("#{indent}");
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() >= WIDTH {
            let _ = writeln!(out, "{line}");
            line = format!("#{indent}{indent}");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(out, "{line}");
}

const INTRODUCTION: &str = "\
# Configuration

<!-- Generated from crates/config by `cargo xtask generate`. Do not edit. -->

One TOML file, given with `-c`. `pgweir check -c FILE` names every mistake in it at once, with its line and
column. SIGHUP, or RELOAD on the console, reads it again: if anything is wrong with it nothing changes,
otherwise all of it does at once. What needs a restart is named in the log.

- **Durations** are text with a unit: `\"250ms\"`, `\"5s\"`, `\"10min\"`. Units: `us`, `ms`, `s`, `min`, `h`, `d`.
- **Sizes** are text with a unit: `\"64MiB\"`. Units: `B`, `kB` or `KiB`, `MB` or `MiB`, `GB` or `GiB`. As in
  PostgreSQL each is 1024 of the one before.
- **`${NAME}`** inside any text stands for the environment variable `NAME`, `$${` for the characters `${`.
- **Secrets** may also be `{ file = \"…\" }`, the contents of a file, or `{ command = [\"program\", \"argument\"] }`,
  what a program writes to its standard output within 10 seconds; one line break at the end is dropped. Both are
  read at the start, at every reload, and again while the program runs: a file when it has changed, a command when
  the time in `ttl` has passed (`{ command = […], ttl = \"10min\" }`; without it, never). See
  [secrets.md](secrets.md#secrets-that-change).
- **Paths** that do not begin with `/` begin at the folder of the configuration file.
- Keys that are not described here are mistakes.
";

const LATER: &str = "\n## Not supported yet\n\n\
These are planned. Until then each of them is a mistake that says so. So are more than one `[[database.server]]`
in a database, and `role = \"replica\"`.\n\n";

const EXAMPLE: &str = "\
# Every key of pgweir. What is not commented out is needed or shows the default.
# Generated from crates/config by `cargo xtask generate`; docs/config.md has the same with limits.
";
