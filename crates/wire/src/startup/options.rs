//! The `options` start-up value: settings in the form of command-line arguments.
//!
//! Understood are `-c name=value`, `-cname=value` and `--name=value`, separated by white space, with a
//! backslash before a character that stands for itself. PostgreSQL's other switches are refused, and named.

use crate::Error;

/// Error texts quote at most this much of a word.
const SHOWN: usize = 64;

/// The settings in `options`, in their order; of a name given twice the last one counts, as in PostgreSQL.
///
/// A dash in a name stands for an underscore. Nothing is known here about names or values.
pub fn parse(options: &str) -> Result<Vec<(String, String)>, Error> {
    let mut settings = Vec::new();
    let mut words = words(options).into_iter();
    while let Some(word) = words.next() {
        let setting = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
            (Some(setting), _) => setting.to_owned(),
            (None, Some("")) => words.next().ok_or_else(|| bad(&word))?,
            (None, Some(setting)) => setting.to_owned(),
            (None, None) => return Err(bad(&word)),
        };
        let (name, value) = setting.split_once('=').ok_or_else(|| bad(&word))?;
        if name.is_empty() {
            return Err(bad(&word));
        }
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

fn words(options: &str) -> Vec<String> {
    let mut words = Vec::new();
    // None between words: a word may be empty only by a lone backslash at the end
    let mut word: Option<String> = None;
    let mut chars = options.chars();
    while let Some(c) = chars.next() {
        match c {
            // what C calls white space; not all of it is for Rust
            ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn bad(word: &str) -> Error {
    let shown = word.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    Error::BadOption { word: shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(options: &str) -> Vec<(String, String)> {
        parse(options).unwrap()
    }

    fn one(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.into(), value.into())]
    }

    #[test]
    fn six_shapes_of_one_setting() {
        for options in [
            "-c search_path=a",
            "-csearch_path=a",
            "--search_path=a",
            "--search-path=a",
            "  -c \t search_path=a\n",
            "-c search-path=\\a",
        ] {
            assert_eq!(pairs(options), one("search_path", "a"), "{options:?}");
        }
    }

    #[test]
    fn a_backslash_keeps_what_follows() {
        assert_eq!(pairs(r"-c application_name=two\ words"), one("application_name", "two words"));
        assert_eq!(pairs(r"--a=b\\c"), one("a", r"b\c"));
        assert_eq!(pairs("--a=b\\"), one("a", "b"));
        assert_eq!(pairs("--a=b\\\n"), one("a", "b\n"));
    }

    #[test]
    fn values_keep_dashes_and_equal_signs() {
        assert_eq!(pairs("-c a-b=c-d=e"), one("a_b", "c-d=e"));
        assert_eq!(pairs("-c a="), one("a", ""));
    }

    #[test]
    fn several_settings_keep_their_order() {
        let expected = [("geqo", "off"), ("statement_timeout", "5min"), ("geqo", "on")];
        let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        assert_eq!(pairs("-c geqo=off  --statement-timeout=5min -cgeqo=on"), expected);
        assert_eq!(pairs(""), []);
        assert_eq!(pairs(" \t "), []);
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        for options in ["-c", "-c geqo", "--geqo", "--", "--=x", "-c =x", "-F", "geqo=off", "-", "\\"] {
            assert!(matches!(parse(options), Err(Error::BadOption { .. })), "{options:?}");
        }
        let long = format!("{}\u{7}", "x".repeat(5000));
        let Err(Error::BadOption { word }) = parse(&long) else { panic!("taken") };
        assert_eq!(word.len(), SHOWN);
    }
}
