//! Mistakes in the configuration, of the program as a whole: `pgweir check` says where each of them is, a start is
//! refused, a reload changes nothing, and whoever is served is served on.

use std::fs;
use std::path::Path;
use std::process::Command;

use testkit::{Proxy, wait};

use crate::stage::{PGWEIR, before, echo};

/// A value that its key has not.
const WRONG: [&str; 9] = [
    "-1",
    "99999999999999999999",
    "nan",
    "[[]]",
    "{ a = 1 }",
    "\"\"",
    "1979-05-27",
    "[\"a\", 1]",
    "\"unclosed",
];

/// The file with a slip in one line, the line from 1, and the key that is wrong.
fn slips(good: &str) -> Vec<(String, usize, String)> {
    let lines: Vec<&str> = good.lines().collect();
    let with = |at: usize, line: &str| {
        let mut changed = lines.clone();
        changed[at] = line;
        changed.join("\n")
    };
    let mut slips = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((name, _)) = line.split_once(" = ") else { continue };
        let name = name.to_owned();
        for value in WRONG {
            slips.push((with(at, &format!("{name} = {value}")), at + 1, name.clone()));
        }
        slips.push((with(at, &format!("{line}\n{line}")), at + 2, name.clone()));
        slips.push((with(at, &format!("{line}\nno_{line}")), at + 2, format!("no_{name}")));
    }
    for (list, more) in [("user", "password = \"x\""), ("database", "[[database.server]]\nhost = \"x\"")] {
        let name = if list == "user" { "app" } else { "postgres" };
        let text = format!("{good}\n[[{list}]]\nname = \"{name}\"\n{more}\n");
        slips.push((text, lines.len() + 3, "name".to_owned()));
    }
    slips
}

fn prepared() -> (testkit::Scripted, Proxy) {
    let server = echo();
    let proxy = before(&server)
        .user("app", "secret")
        .set("log.level", "\"debug\"")
        .set("listen.login_timeout", "\"20s\"")
        .set("admin.users", "[\"app\"]")
        .set("pool.mode", "\"transaction\"")
        .set("pool.query_timeout", "\"1h\"")
        .pool_size(1)
        .start();
    (server, proxy)
}

/// What `pgweir check` says of a file, and whether it was content.
fn check(path: &Path) -> (bool, String) {
    let output = Command::new(PGWEIR).args(["check", "-c"]).arg(path).output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

/// Whether a line is `FILE:LINE:COL: key: words`, at this line and of this key.
fn is_at(said: &str, path: &Path, line: usize, key: &str) -> bool {
    let Some(rest) = said.strip_prefix(&format!("{}:{line}:", path.display())) else { return false };
    let mut parts = rest.splitn(3, ": ");
    let is_column = parts.next().is_some_and(|col| col.parse::<usize>().is_ok_and(|col| col > 0));
    let names = parts
        .next()
        .is_some_and(|said| said.rsplit('.').next() == Some(key) || said.contains(&format!("{key}.")));
    is_column && names && parts.next().is_some_and(|words| !words.is_empty())
}

#[test]
fn check_names_the_place_of_every_slip_and_a_start_is_refused() {
    let (_server, proxy) = prepared();
    let good = fs::read_to_string(proxy.config_path()).unwrap();
    let path = proxy.dir().join("slip.toml");
    fs::write(&path, &good).unwrap();
    assert_eq!(check(&path), (true, String::new()));
    for (text, line, key) in slips(&good) {
        fs::write(&path, &text).unwrap();
        let (content, said) = check(&path);
        assert!(!content, "line {line}, {key}: {}", text.lines().nth(line - 1).unwrap_or_default());
        assert!(said.lines().any(|said| is_at(said, &path, line, &key)), "line {line}, {key}: {said}");
        assert!(!said.contains("panic") && said.lines().all(|said| said.contains(": ")), "{said}");
    }
    let run = Command::new(PGWEIR).args(["run", "-c"]).arg(&path).output().unwrap();
    assert!(!run.status.success(), "it does not start with a mistake");
}

#[test]
fn a_reload_with_any_slip_changes_nothing() {
    let (server, mut proxy) = prepared();
    let good = fs::read_to_string(proxy.config_path()).unwrap();
    let mut witness = proxy.connect().open();
    assert_eq!(witness.rows("first"), "first");
    let connections = server.connections();
    let slips = slips(&good);
    assert!(slips.len() > 100, "{}", slips.len());
    for (number, (text, line, key)) in slips.iter().enumerate() {
        fs::write(proxy.config_path(), text).unwrap();
        let before = proxy.log().len();
        proxy.reload();
        wait::until(wait::PATIENCE, &format!("it is refused: line {line}, {key}"), || {
            proxy.log()[before..].lines().any(|said| {
                let said = said.split("reload refused: ").nth(1).unwrap_or_default();
                is_at(said, &proxy.config_path(), *line, key)
            })
        });
        assert_eq!(witness.rows(&number.to_string()), number.to_string());
    }
    assert_eq!(server.connections(), connections, "the pool has its connection of the start");
    assert_eq!(proxy.connect().open().rows("others too"), "others too");
    fs::write(proxy.config_path(), good).unwrap();
    proxy.reload();
    proxy.wait_log("configuration reloaded");
    assert_eq!(server.connections(), connections);
    assert!(proxy.exited().is_none() && !proxy.log().contains("panic"));
}
