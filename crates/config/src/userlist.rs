//! The file named by `auth.file`, in PgBouncer's format: `"name" "secret"` on each line.
//!
//! A quote inside quotes is doubled; empty lines and lines that begin with `;` or `#` are skipped, and so is
//! what follows the secret. There are no variables: the file is a secret as a whole.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Secret;
use crate::error::{Error, Mistake, quoted};
use crate::file::read_text;

/// A user of the file.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The secret; none if it is empty, which PgBouncer's files have for users that need none.
    pub(crate) password: Option<Secret>,
    /// `FILE:LINE`.
    pub(crate) place: String,
}

/// The most bytes of a list of users.
const MOST: u64 = 64 << 20;

/// Reads the file: its users by name, and what is wrong with it.
pub(crate) fn read(file: &Path) -> Result<(BTreeMap<String, Listed>, Vec<Mistake>), Error> {
    read_text(file, MOST).map(|text| parse(&text, file))
}

/// A mistake that concerns a line of the file.
pub(crate) fn mistake(file: &Path, line: usize, error: &Error) -> Mistake {
    Mistake { file: file.into(), line, col: 1, key: "auth.file".into(), message: error.to_string() }
}

/// The users of a file by name, and what is wrong with it.
fn parse(text: &str, file: &Path) -> (BTreeMap<String, Listed>, Vec<Mistake>) {
    let mut users: BTreeMap<String, Listed> = BTreeMap::new();
    let mut mistakes = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let mut mistake = |rest: &str, error: Error| {
            let before = content.len().saturating_sub(rest.len());
            let col = 1 + content.char_indices().take_while(|(index, _)| *index < before).count();
            let message = error.to_string();
            mistakes.push(Mistake { file: file.into(), line, col, key: "auth.file".into(), message });
        };
        let start = content.trim_start();
        if start.is_empty() || start.starts_with([';', '#']) {
            continue;
        }
        let (name, password) = match entry(start) {
            Ok(entry) => entry,
            Err((rest, got)) => {
                let want = "\"name\" \"secret\", both in double quotes, a quote inside doubled".into();
                mistake(rest, Error::Value { got: got.into(), want });
                continue;
            }
        };
        if let Some(first) = users.get(&name) {
            let what = format!("user {}", quoted(&name));
            mistake(start, Error::Twice { what, first: first.place.clone() });
            continue;
        }
        let password = (!password.is_empty()).then(|| Secret::new(password));
        let place = format!("{}:{line}", file.display());
        users.insert(name, Listed { password, place });
    }
    (users, mistakes)
}

/// Name and secret of a line, or the rest that is wrong and what it is.
fn entry(line: &str) -> Result<(String, String), (&str, &'static str)> {
    let (name, after) = string(line)?;
    if name.is_empty() {
        return Err((line, "an empty name"));
    }
    let rest = after.trim_start();
    if rest.is_empty() {
        return Err((rest, "a name without a secret"));
    }
    let (secret, _) = string(rest)?;
    let holds_zero = name.contains('\0') || secret.contains('\0');
    if holds_zero { Err((line, "text with a zero byte")) } else { Ok((name, secret)) }
}

/// The quoted string that `text` begins with, and what follows it.
fn string(text: &str) -> Result<(String, &str), (&str, &'static str)> {
    let mut rest = text.strip_prefix('"').ok_or((text, "text without double quotes"))?;
    let mut out = String::new();
    loop {
        let (part, after) = rest.split_once('"').ok_or((text, "text whose double quotes do not end"))?;
        out.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                out.push('"');
                rest = after;
            }
            None => return Ok((out, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse_all(text: &str) -> (BTreeMap<String, Listed>, Vec<String>) {
        let (users, mistakes) = parse(text, Path::new("userlist.txt"));
        (users, mistakes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn names_and_secrets_may_hold_anything_but_zero() {
        let text = "; people\n\"app\" \"se\"\"cret # ;\"\r\n\n  \"o'brien \"\"x\"\"\"\t\"md5abc\" more\n# end\n\"cert\" \"\"";
        let (users, mistakes) = parse_all(text);
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(users.keys().collect::<Vec<_>>(), ["app", "cert", "o'brien \"x\""]);
        assert_eq!(users["app"].password, Some(Secret::new("se\"cret # ;")));
        assert_eq!(users["app"].place, "userlist.txt:2");
        assert_eq!(users["cert"].place, "userlist.txt:6");
        assert_eq!(users["cert"].password, None);
    }

    #[test]
    fn every_wrong_line_is_named_and_no_secret_is_repeated() {
        let text = "app \"canary\"\n\"a\"\n\"b\" canary\n\"c\" \"canary\n\"\" \"canary\"\n\"d\" \"1\"\n  \"d\" \"canary\"\n\"e\0\" \"\"";
        let (users, mistakes) = parse_all(text);
        assert_eq!(users.keys().collect::<Vec<_>>(), ["d"]);
        let places: Vec<&str> = mistakes.iter().map(|text| text.split(": ").next().unwrap()).collect();
        let expected =
            ["1:1", "2:4", "3:5", "4:5", "5:1", "7:3", "8:1"].map(|at| format!("userlist.txt:{at}"));
        assert_eq!(places, expected);
        assert!(mistakes.iter().all(|text| text.contains(": auth.file: ") && !text.contains("canary")));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_gives_users_or_mistakes(text in "([\"a-c \\n;#\\\\\\x00é]|\"[ab]\" \"x\"\\n){0,60}") {
            let (users, mistakes) = parse(&text, Path::new("userlist.txt"));
            let lines = text.lines().filter(|line| !line.trim_start().starts_with([';', '#']) && !line.trim().is_empty());
            prop_assert_eq!(users.len() + mistakes.len(), lines.count());
            for mistake in mistakes {
                let line = text.lines().nth(mistake.line - 1).unwrap();
                prop_assert!(mistake.col <= line.chars().count() + 1, "{}", mistake);
            }
        }

        #[test]
        fn what_is_quoted_comes_back(name in "[^\\x00\r\n]{1,20}", secret in "[^\\x00\r\n]{1,20}") {
            let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
            let text = format!("{} {}", quoted(&name), quoted(&secret));
            let (users, mistakes) = parse(&text, Path::new("userlist.txt"));
            prop_assert!(mistakes.is_empty(), "{:?}", mistakes);
            let read = users[&name].password.as_ref().map(Secret::expose);
            prop_assert_eq!(read.as_deref(), Some(&*secret));
        }
    }
}
