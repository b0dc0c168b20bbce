//! The files made from the definitions of the keys are up to date, and the files in `config/` load.
//! `UPDATE_GENERATED=1` writes the former again instead of comparing them.

use std::fs;
use std::path::{Path, PathBuf};

use pgweir_config::{Config, example_toml, reference_md};

use crate::{folder, right};

fn in_tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn is_up_to_date(path: &str, generated: &str) {
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(in_tree(path), generated).unwrap();
        return;
    }
    let there = fs::read_to_string(in_tree(path)).unwrap_or_default();
    assert!(there == generated, "{path} is stale, write it again with UPDATE_GENERATED=1");
}

#[test]
fn the_reference_is_up_to_date() {
    is_up_to_date("docs/config.md", &reference_md());
}

#[test]
fn the_example_is_up_to_date() {
    is_up_to_date("config/pgweir.toml", &example_toml());
}

#[test]
fn the_minimal_file_loads_and_has_the_defaults_of_the_example() {
    let minimal = Config::load(&in_tree("config/minimal.toml")).unwrap();
    let example = right(&example_toml());
    assert_eq!(minimal.entries(), example.entries());
    assert_eq!(minimal.databases, example.databases);
}

/// Lines such as `#size = 25` and `#[auth.query]` are there to be uncommented; prose has a space after the `#`.
#[test]
fn every_line_of_the_example_that_is_commented_out_is_right_too() {
    let folder = folder("example");
    for file in ["server.crt", "server.key", "ca.crt", "client.crt", "client.key"] {
        fs::write(folder.join(file), "").unwrap();
    }
    fs::write(folder.join("userlist.txt"), "\"monitor\" \"secret\"\n").unwrap();
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(key) if key.starts_with(|c: char| c.is_alphabetic() || c == '[') => key.to_owned(),
        _ => line.to_owned(),
    };
    fs::write(folder.join("pg_hba.conf"), "local all all peer map=m\n").unwrap();
    fs::write(folder.join("pg_ident.conf"), "m root admin\n").unwrap();
    // rules are for their method only, and who sends headers for those
    let example = example_toml().replace("method = \"scram-sha-256\"", "method = \"hba\"");
    let example = example.replace("proxy_protocol = \"off\"", "proxy_protocol = \"v2\"");
    let text: Vec<String> = example.lines().map(uncommented).collect();
    let env = |name: &str| (name == "DB_PASSWORD").then(|| "secret".to_owned());
    let config = Config::parse(&text.join("\n"), &folder.join("pgweir.toml"), &env).unwrap();
    let unset = config.entries().into_iter().filter(|entry| entry.value.is_empty());
    // secrets are never shown
    let unset: Vec<_> = unset.filter(|entry| !entry.key.ends_with(".password")).collect();
    assert_eq!(unset, []);
}

#[test]
fn the_reference_names_every_key_once() {
    let reference = reference_md();
    for entry in right(&example_toml()).entries() {
        let headings = reference.matches(&format!("### `{}`", entry.key)).count();
        assert_eq!(headings, 1, "{}", entry.key);
    }
}
