//! What a reload finds different, and what SHOW CONFIG says.

use pgweir_config::{Changes, diff, reference_md};

use crate::{MINIMAL, right, with};

#[test]
fn nothing_differs_from_itself() {
    let changes =
        diff(&right(MINIMAL), &right(&format!("# another comment\n{MINIMAL}[log]\nlevel = \"info\"\n")));
    assert!(changes.is_empty(), "{changes:?}");
}

#[test]
fn keys_that_need_a_restart_are_named_and_others_are_not_among_them() {
    let old = right(&with("[listen]", "workers = 1"));
    let text = with("[listen]", "workers = 2\nunix_socket_dir = \"/x\"\ndrain_timeout = \"1s\"");
    let new =
        right(&(text.replace(":6432", ":6433") + "[pool]\nsize = 5\n[admin]\nhttp = \"127.0.0.1:1\"\n"));
    let changes = diff(&old, &new);
    assert_eq!(
        changes.restart_needed,
        ["listen.address", "listen.unix_socket_dir", "listen.workers", "admin.http"]
    );
    assert_eq!(changes.settings, ["listen.drain_timeout", "pool.size"]);
    assert_eq!((changes.databases_changed, changes.users_changed), (vec![], vec![]));
}

#[test]
fn databases_and_users_are_compared_by_name() {
    let database = |name: &str, host: &str| {
        format!("[[database]]\nname = \"{name}\"\n[[database.server]]\nhost = \"{host}\"\n")
    };
    let user =
        |name: &str, password: &str| format!("[[user]]\nname = \"{name}\"\npassword = \"{password}\"\n");
    let old = [MINIMAL, &database("b", "1"), &database("c", "1"), &user("u", "1"), &user("v", "1")].concat();
    let new = [MINIMAL, &database("c", "2"), &database("a", "1"), &user("v", "2"), &user("t", "1")].concat();
    let changes = diff(&right(&old), &right(&new));
    let expected = Changes {
        databases_added: vec!["a".into()],
        databases_removed: vec!["b".into()],
        databases_changed: vec!["c".into()],
        users_added: vec!["t".into()],
        users_removed: vec!["u".into()],
        users_changed: vec!["v".into()],
        ..Changes::default()
    };
    assert_eq!(changes, expected);
}

#[test]
fn show_config_has_values_defaults_and_what_a_reload_changes() {
    let config =
        right(&format!("{MINIMAL}[pool]\nsize = 7\nmode = \"session\"\n[admin]\nusers = [\"a\", \"b\"]\n"));
    let entries = config.entries();
    let row = |key: &str| {
        let entry = entries.iter().find(|entry| entry.key == key).unwrap();
        (&*entry.value, &*entry.default, entry.changeable)
    };
    assert_eq!(row("pool.size"), ("7", "25", true));
    assert_eq!(row("pool.mode"), ("session", "transaction", true));
    assert_eq!(row("pool.max_lifetime"), ("1h", "1h", true));
    assert_eq!(row("listen.address"), ("[\"127.0.0.1:6432\"]", "", false));
    assert_eq!(row("listen.unix_socket_dir"), ("", "", false));
    assert_eq!(row("listen.tls.mode"), ("disable", "disable", true));
    assert_eq!(row("admin.users"), ("[\"a\", \"b\"]", "[]", true));
    // every key of the reference that is no user's, no database's and no rule's
    let reference = reference_md();
    let keys = reference.lines().filter_map(|line| line.strip_prefix("### `"));
    let keys =
        keys.filter(|key| !["user.", "database.", "route.rule."].iter().any(|list| key.starts_with(list)));
    let keys: Vec<_> = keys.map(|key| key.trim_end_matches('`')).collect();
    assert_eq!(entries.iter().map(|entry| entry.key).collect::<Vec<_>>(), keys);
}
