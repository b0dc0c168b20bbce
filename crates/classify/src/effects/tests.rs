//! What texts leave behind, written as one line each.

mod any_text;
mod drivers;
mod expressions;
mod lexing;
mod naming;
mod settings;
mod statements;
mod verdicts;

use super::{Channel, Effects, Lexis, Naming, SettingName, effects};

/// Marks by name, then settings, names and channels; empty for none.
fn said(sql: &str) -> String {
    described(sql, effects(sql.as_bytes(), true, Lexis { backslashes: false }))
}

fn described(sql: &str, effects: Option<Box<Effects>>) -> String {
    let Some(effects) = effects else { return String::new() };
    let marks = format!("{:?}", effects.marks);
    let marks = marks.trim_start_matches("Marks(").trim_end_matches(')');
    let mut all: Vec<String> = marks.split(" | ").map(str::to_owned).collect();
    for setting in &effects.settings {
        let kind = if setting.to_default { "reset" } else { "set" };
        all.push(match &setting.name {
            SettingName::Known(name) => format!("{kind}:{name}"),
            SettingName::Bound(number) => format!("{kind}:${number}"),
        });
    }
    for name in &effects.names {
        let kind = match name.what {
            Naming::Prepare => "prepare",
            Naming::Execute => "execute",
            Naming::Deallocate => "deallocate",
        };
        let body = name.body.clone().map(|body| format!("={{{}}}", &sql[body])).unwrap_or_default();
        let text = &sql[name.range.clone()];
        assert!(text.starts_with('"') || text.to_ascii_lowercase().as_bytes().starts_with(&name.name));
        all.push(format!("{kind}:{}{body}", String::from_utf8_lossy(&name.name)));
    }
    for channel in &effects.channels {
        all.push(match channel {
            Channel::Listen(name) => format!("listen:{}", String::from_utf8_lossy(name)),
            Channel::Unlisten(name) => format!("unlisten:{}", String::from_utf8_lossy(name)),
            Channel::UnlistenAll => "unlisten:*".to_owned(),
        });
    }
    all.retain(|part| !part.is_empty());
    assert!(!all.is_empty(), "nothing found is none: {sql}");
    all.join(" ")
}

/// Fails with every text that is not as expected.
#[track_caller]
fn expect(table: &[(&str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .filter(|(sql, expected)| said(sql) != *expected)
        .map(|(sql, expected)| format!("{sql}\n  is       {}\n  expected {expected}\n", said(sql)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// Fails with every text that leaves something behind.
#[track_caller]
fn expect_none(texts: &[&str]) {
    let table: Vec<(&str, &str)> = texts.iter().map(|sql| (*sql, "")).collect();
    expect(&table);
}

/// Fails with every text that is not exactly of this kind.
#[track_caller]
fn expect_all(expected: &str, texts: &[&str]) {
    let table: Vec<(&str, &str)> = texts.iter().map(|sql| (*sql, expected)).collect();
    expect(&table);
}
