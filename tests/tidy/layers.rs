//! Who may depend on whom: crates of ours by their layer, crates of others by their owner.
//!
//! The first table stands here. The second is `deny.toml`, in the form that cargo-deny reads as well; each of
//! its entries names the crates that may depend on one, ours and those of others.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::tree::{Document, Violation};

/// Each crate of ours and the crates of ours it may depend on. A change here needs a decision in `docs/adr`.
const LAYERS: [(&str, &[&str]); 13] = [
    ("pgweir-wire", &[]),
    ("pgweir-config", &[]),
    ("pgweir-telemetry", &[]),
    ("pgweir-net", &["wire", "config", "telemetry"]),
    ("pgweir-classify", &["config"]),
    ("pgweir-cache", &["wire", "config", "telemetry"]),
    ("pgweir-route", &["wire", "config"]),
    ("pgweir-pool", &["wire", "config", "telemetry", "net"]),
    ("pgweir-session", &["wire", "config", "telemetry", "net", "classify", "cache", "route", "pool"]),
    ("pgweir", &["wire", "config", "telemetry", "net", "classify", "cache", "route", "pool", "session"]),
    ("testkit", &["wire"]),
    ("xtask", &["testkit"]),
    ("pgweir-fuzz", &["wire", "classify"]),
];
/// Crates of ours under the names they have in code.
const OURS: [&str; 10] =
    ["wire", "config", "telemetry", "net", "classify", "cache", "route", "pool", "session", "testkit"];
/// The one crate whose tests may use the kit: they start the program, which only it can name.
const TESTED_BY_KIT: &str = "pgweir";
/// Crates of others that everybody may use.
const FREE: [&str; 1] = ["bytes"];

/// Dependencies of one crate on others of ours.
pub(crate) fn downwards(manifest: &Document) -> Vec<Violation> {
    let table = parse(&manifest.text);
    let name = package(&table);
    let wrong = |what: String| Violation::new(&manifest.path, 0, what);
    let Some((_, may)) = LAYERS.iter().find(|(crate_name, _)| *crate_name == name) else {
        return vec![wrong(format!("{name} has no place among the layers"))];
    };
    let mut found = Vec::new();
    for (kind, dependency) in dependencies(&table) {
        let kit = dependency == "testkit" && kind == "dev-dependencies" && name == TESTED_BY_KIT;
        if OURS.contains(&dependency.as_str()) && !may.contains(&dependency.as_str()) && !kit {
            found
                .push(wrong(format!("{name} must not depend on {dependency}, it may on: {}", may.join(" "))));
        }
    }
    found
}

/// What all crates have in common.
pub(crate) fn shared(manifest: &Document) -> Vec<Violation> {
    let table = parse(&manifest.text);
    // a workspace of its own
    if table.contains_key("workspace") {
        return Vec::new();
    }
    let from_workspace = |value: Option<&Value>| {
        value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
    };
    let mut found = Vec::new();
    if !from_workspace(table.get("lints")) {
        found.push("lints.workspace = true is missing".to_owned());
    }
    for key in ["version", "edition", "rust-version", "license", "publish"] {
        if !from_workspace(table.get("package").and_then(|package| package.get(key))) {
            found.push(format!("{key}.workspace = true is missing"));
        }
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        for (name, value) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
            if !from_workspace(Some(value)) {
                found.push(format!("the version of {name} belongs into the workspace's table"));
            }
        }
    }
    found.into_iter().map(|what| Violation::new(&manifest.path, 0, what)).collect()
}

/// Dependencies of ours, and of others, on crates that have owners.
pub(crate) fn owners(manifests: &[Document], deny: &str, lock: &str) -> Vec<Violation> {
    let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut found = Vec::new();
    let entries = entries(deny);
    for manifest in manifests {
        let table = parse(&manifest.text);
        let name = package(&table);
        for (kind, dependency) in dependencies(&table) {
            if kind == "dev-dependencies"
                || table.contains_key("workspace")
                || OURS.contains(&dependency.as_str())
            {
                continue;
            }
            if !entries.contains_key(&dependency) && !FREE.contains(&dependency.as_str()) {
                let what = format!("{dependency} has no owner: name {name} beside it in deny.toml");
                found.push(Violation::new(&manifest.path, 0, what));
            }
            users.entry(dependency).or_default().insert(name.clone());
        }
    }
    for (dependency, user) in reached(lock, users.keys().cloned().collect()) {
        users.entry(dependency).or_default().insert(user);
    }
    for (name, wrappers) in &entries {
        let Some(used_by) = users.get(name) else { continue };
        for user in used_by.difference(wrappers) {
            found.push(Violation::new("deny.toml", 0, format!("{user} must not depend on {name}")));
        }
        for unused in wrappers.difference(used_by) {
            found.push(Violation::new(
                "deny.toml",
                0,
                format!("{unused} does not depend on {name} any more"),
            ));
        }
    }
    found
}

fn parse(text: &str) -> Table {
    text.parse().unwrap_or_default()
}

fn package(table: &Table) -> String {
    let name = table.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    name.unwrap_or_default().to_owned()
}

/// Section and name of each, those for one platform included.
fn dependencies(table: &Table) -> Vec<(&'static str, String)> {
    let platforms = table.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = platforms.filter_map(|(_, value)| value.as_table()).chain([table]);
    let mut all = Vec::new();
    for table in tables {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let names = table.get(section).and_then(Value::as_table).into_iter().flatten();
            all.extend(names.map(|(name, _)| (section, name.clone())));
        }
    }
    all
}

/// Crates with owners, and the owners.
fn entries(deny: &str) -> BTreeMap<String, BTreeSet<String>> {
    let table = parse(deny);
    let list = table.get("bans").and_then(|bans| bans.get("deny")).and_then(Value::as_array);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entry = |value: &Value| {
        let wrappers = value.get("wrappers").and_then(Value::as_array).into_iter().flatten().map(text);
        (value.get("crate").map(text).unwrap_or_default(), wrappers.collect())
    };
    list.into_iter().flatten().map(entry).collect()
}

/// Who depends on whom among the packages that are reached from these, those for tests only left out:
/// (dependency, user).
fn reached(lock: &str, mut next: Vec<String>) -> BTreeSet<(String, String)> {
    let table = parse(lock);
    let packages = table.get("package").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
    while let Some(user) = next.pop() {
        let called = |package: &&Value| package.get("name").and_then(Value::as_str) == Some(user.as_str());
        for package in packages.iter().filter(called) {
            let used = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
            for dependency in used.filter_map(Value::as_str) {
                // a version follows where there are several
                let dependency = dependency.split(' ').next().unwrap_or_default().to_owned();
                found.insert((dependency.clone(), user.clone()));
                next.extend((!seen.contains(&dependency)).then_some(dependency));
            }
        }
        seen.insert(user);
    }
    found
}

#[cfg(test)]
mod tests;
