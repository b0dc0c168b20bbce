//! The console's text as words: bare, quoted, or single characters; statements end at a semicolon.
//! Any text gives words or an error; nothing here panics or recurses.

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// As it was typed: a command, a name, a number.
    Bare(String),
    /// What stood between double or single quotes.
    Quoted(String),
    /// Anything else.
    Sign(char),
}

impl Word {
    /// Whether it is this command word, in any case.
    pub(crate) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Bare(bare) if bare.eq_ignore_ascii_case(word))
    }

    /// A name, bare or quoted.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Bare(name) | Self::Quoted(name) => Some(name),
            Self::Sign(_) => None,
        }
    }
}

/// Cuts a text into statements, and these into words; statements without words are left out.
///
/// # Errors
/// A quote or a comment has no end; which.
pub(crate) fn statements(text: &str) -> Result<Vec<Vec<Word>>, &'static str> {
    let mut rest = text;
    let mut all = vec![Vec::new()];
    loop {
        rest = skip(rest)?;
        let mut chars = rest.chars();
        let Some(first) = chars.next() else { break };
        match first {
            ';' => all.push(Vec::new()),
            '"' | '\'' => {
                let (inside, behind) = quoted(chars.as_str(), first)?;
                if let Some(words) = all.last_mut() {
                    words.push(Word::Quoted(inside));
                }
                rest = behind;
                continue;
            }
            first => {
                let end = rest.find(|c| !is_bare(c)).unwrap_or(rest.len());
                let (word, behind) = match rest.split_at_checked(end) {
                    Some((bare, behind)) if !bare.is_empty() => (Word::Bare(bare.to_owned()), behind),
                    _ => (Word::Sign(first), chars.as_str()),
                };
                if let Some(words) = all.last_mut() {
                    words.push(word);
                }
                rest = behind;
                continue;
            }
        }
        rest = chars.as_str();
    }
    all.retain(|words| !words.is_empty());
    Ok(all)
}

fn is_bare(c: char) -> bool {
    c.is_alphanumeric() || "_.-$:/".contains(c)
}

/// White space and comments.
fn skip(text: &str) -> Result<&str, &'static str> {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\0');
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, behind)| behind);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = behind_comment(comment).ok_or("unterminated /* comment")?;
        } else {
            return Ok(rest);
        }
    }
}

/// Comments nest, as in PostgreSQL.
fn behind_comment(text: &str) -> Option<&str> {
    let mut rest = text;
    let mut depth = 1_u32;
    while depth > 0 {
        let at = rest.find(['*', '/'])?;
        rest = rest.get(at..)?;
        if let Some(behind) = rest.strip_prefix("*/") {
            depth -= 1;
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix("/*") {
            depth = depth.saturating_add(1);
            rest = behind;
        } else {
            rest = rest.get(1..)?;
        }
    }
    Some(rest)
}

/// What stands up to the quote that ends it; the quote twice stands for itself.
fn quoted(text: &str, quote: char) -> Result<(String, &str), &'static str> {
    let mut inside = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(quote) {
        inside.push_str(before);
        match behind.strip_prefix(quote) {
            Some(more) => {
                inside.push(quote);
                rest = more;
            }
            None => return Ok((inside, behind)),
        }
    }
    Err(if quote == '"' { "unterminated quoted identifier" } else { "unterminated quoted string" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bare(word: &str) -> Word {
        Word::Bare(word.to_owned())
    }

    #[test]
    fn words_comments_and_semicolons() {
        let text = " show /* a /* b */ ; */ pools;; -- c ; d\nPAUSE \"My \"\"db\"\"\";SET a='it''s'";
        let want = [
            vec![bare("show"), bare("pools")],
            vec![bare("PAUSE"), Word::Quoted("My \"db\"".to_owned())],
            vec![bare("SET"), bare("a"), Word::Sign('='), Word::Quoted("it's".to_owned())],
        ];
        assert_eq!(statements(text).unwrap(), want);
        assert_eq!(statements(" ; -- nothing").unwrap(), Vec::<Vec<Word>>::new());
    }

    #[test]
    fn what_has_no_end_is_told() {
        for text in ["SHOW \"pools", "SET a = 'b", "/* /* */ SHOW POOLS"] {
            assert!(statements(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_words_or_an_error(text in "\\PC*|[ -~\\n]{0,60}|[/*;'\"a -]{0,40}") {
            let found = statements(&text);
            prop_assert!(found.is_err() || found.is_ok_and(|all| all.iter().all(|words| !words.is_empty())));
        }
    }
}
