//! What a new configuration changes: for RELOAD, and for SHOW CONFIG what there is to change.
//!
//! Pools follow from it: one whose database, user and `[pool]` settings are the same is not to be touched.

use std::collections::BTreeMap;

use crate::Config;
use crate::key::{Effect, Shown};

/// What differs between two configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys that differ but take effect only after a restart.
    pub restart_needed: Vec<&'static str>,
    /// Other keys that differ outside of databases and users.
    pub settings: Vec<&'static str>,
    /// Databases only the new configuration has.
    pub databases_added: Vec<String>,
    /// Databases only the old configuration has.
    pub databases_removed: Vec<String>,
    /// Databases that both have, with a difference.
    pub databases_changed: Vec<String>,
    /// Users only the new configuration has.
    pub users_added: Vec<String>,
    /// Users only the old configuration has.
    pub users_removed: Vec<String>,
    /// Users that both have, with a difference.
    pub users_changed: Vec<String>,
}

impl Changes {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What differs between two configurations; names are in alphabetical order.
pub fn diff(old: &Config, new: &Config) -> Changes {
    let mut changes = Changes::default();
    for (before, after) in old.shown().into_iter().zip(new.shown()) {
        if before.value != after.value {
            match after.effect {
                Effect::Restart => changes.restart_needed.push(after.path),
                Effect::Reload | Effect::NewConnections => changes.settings.push(after.path),
            }
        }
    }
    let databases = |config: &Config| -> BTreeMap<String, _> {
        config.databases.iter().map(|database| (database.name.clone(), database.clone())).collect()
    };
    let [added, removed, changed] = compare(&databases(old), &databases(new));
    (changes.databases_added, changes.databases_removed, changes.databases_changed) =
        (added, removed, changed);
    let users = |config: &Config| -> BTreeMap<String, _> {
        config.users.iter().map(|user| (user.name.clone(), user.clone())).collect()
    };
    let [added, removed, changed] = compare(&users(old), &users(new));
    (changes.users_added, changes.users_removed, changes.users_changed) = (added, removed, changed);
    changes
}

/// The names that are added, removed and changed.
fn compare<T: PartialEq>(old: &BTreeMap<String, T>, new: &BTreeMap<String, T>) -> [Vec<String>; 3] {
    let names = |from: &BTreeMap<String, T>, wanted: &dyn Fn(&str, &T) -> bool| -> Vec<String> {
        from.iter().filter(|(name, value)| wanted(name, value)).map(|(name, _)| name.clone()).collect()
    };
    let added = names(new, &|name, _| !old.contains_key(name));
    let removed = names(old, &|name, _| !new.contains_key(name));
    let changed = names(new, &|name, value| old.get(name).is_some_and(|old| old != value));
    [added, removed, changed]
}

/// One row of SHOW CONFIG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key with its section, such as `pool.size`.
    pub key: &'static str,
    /// Its value as it would stand in the file; empty when not set.
    pub value: String,
    /// Its default as it would stand in the file; empty when there is none.
    pub default: String,
    /// Whether a reload changes it.
    pub changeable: bool,
}

impl Config {
    /// The rows of SHOW CONFIG: every key outside of databases and users, in the order of the reference.
    pub fn entries(&self) -> Vec<Entry> {
        // the quotes belong to TOML, not to the value
        let bare = |value: String| match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
            Some(inside) if !inside.contains(['"', '\\']) => inside.to_owned(),
            _ => value,
        };
        let entry = |shown: Shown| Entry {
            key: shown.path,
            value: bare(shown.value),
            default: bare(shown.default),
            changeable: shown.effect != Effect::Restart,
        };
        self.shown().into_iter().map(entry).collect()
    }
}
