//! No text, however odd, does more than give mistakes.

use std::path::Path;

use pgweir_config::{Config, Mistake};
use proptest::prelude::*;

use crate::{MINIMAL, parse, wrong};

/// What holds for any text: it is right, or it has mistakes with a place inside it and one line each.
fn holds(text: &str) {
    let Err(mistakes) = parse(text) else { return };
    assert!(!mistakes.is_empty(), "{text:?}");
    let lines = text.split('\n').count();
    for Mistake { line, col, key, message, .. } in &mistakes {
        assert!((1..=lines).contains(line) && *col >= 1, "{text:?}");
        assert!(!key.is_empty() && !message.is_empty() && !message.contains('\n') && !key.contains('\n'));
        assert!(message.len() < 1000, "{message}");
    }
    assert!(mistakes.is_sorted_by_key(|mistake| (mistake.line, mistake.col)), "{text:?}");
}

/// Words that mean something here, so that the random reaches the readers behind them. No `command`: a random
/// program is not to be run.
const WORDS: &[&str] = &[
    "listen",
    "address",
    "tls",
    "mode",
    "cert",
    "key",
    "workers",
    "admin",
    "http",
    "users",
    "auth",
    "method",
    "file",
    "pool",
    "size",
    "min_size",
    "acquire_timeout",
    "user",
    "name",
    "password",
    "database",
    "server",
    "host",
    "port",
    "role",
    "server_tls",
    "log",
    "level",
    "cache",
    "route",
    "target",
    "\"a b\"",
    "\"\\n\"",
    "''",
    "ttl",
];

/// A value of TOML, also deep ones.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i128>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        any::<bool>().prop_map(|truth| truth.to_string()),
        "[0-9]{0,25}(us|ms|s|min|h|d|B|kB|MiB|GiB)?".prop_map(|text| format!("\"{text}\"")),
        ".{0,12}".prop_map(|text| format!("{text:?}")),
        prop::sample::select(WORDS).prop_map(|word| format!("\"{}\"", word.trim_matches(['"', '\'']))),
        Just("\"${PORT}$${${EMPTY}\"".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let pair =
            (prop::sample::select(WORDS), inner.clone()).prop_map(|(key, value)| format!("{key} = {value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(", "))),
            prop::collection::vec(pair, 0..4).prop_map(|pairs| format!("{{ {} }}", pairs.join(", "))),
        ]
    })
}

/// A document out of headers and keys.
fn document() -> impl Strategy<Value = String> {
    let path = || prop::collection::vec(prop::sample::select(WORDS), 1..3).prop_map(|path| path.join("."));
    let line = prop_oneof![
        1 => path().prop_map(|path| format!("[{path}]")),
        1 => path().prop_map(|path| format!("[[{path}]]")),
        3 => (path(), value()).prop_map(|(path, value)| format!("{path} = {value}")),
    ];
    prop::collection::vec(line, 0..20).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in any::<String>()) {
        holds(&text);
    }

    #[test]
    fn any_document(text in document()) {
        holds(&text);
    }

    #[test]
    fn a_right_file_with_any_line_more(line in document(), at in 0usize..=9) {
        let mut lines: Vec<&str> = MINIMAL.lines().collect();
        lines.insert(at, &line);
        holds(&lines.join("\n"));
    }

    #[test]
    fn a_right_file_cut_anywhere(cut in 0..MINIMAL.len(), other in any::<char>()) {
        holds(&MINIMAL[..cut]);
        holds(&format!("{}{other}{}", &MINIMAL[..cut], &MINIMAL[cut + 1..]));
    }
}

#[test]
fn deep_and_wide_documents_end() {
    let deep = [
        format!("x = {}1{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("x = {}", "{ a = ".repeat(100_000)),
        format!("{} = 1", vec!["a"; 100_000].join(".")),
        format!("[{}]", vec!["a"; 100_000].join(".")),
        "[[a]]\n".repeat(20_000),
        "[\n".repeat(20_000),
        "= 1\n".repeat(20_000),
        "[[user]]\nname = \"a\"\n".repeat(5_000),
        (0..20_000).map(|number| format!("k{number} = 1\n")).collect(),
        (0..5_000).map(|number| format!("[[user]]\nname = \"u{number}\"\npassword = \"x\"\n")).collect(),
    ];
    for text in deep {
        holds(&text);
    }
}

#[test]
fn long_keys_and_values_are_shown_short() {
    let found = wrong(&format!(
        "{} = 1\n[pool]\nsize = {}\nmode = \"{}\"",
        "k".repeat(9999),
        "9".repeat(9999),
        "m".repeat(9999)
    ));
    assert!(found.len() >= 3 && found.iter().all(|line| line.len() < 400), "{found:#?}");
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let mistakes = Config::load(Path::new("/dev/zero")).unwrap_err();
    assert!(mistakes[0].message.contains("longer than"), "{mistakes:?}");
}
