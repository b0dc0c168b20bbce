//! Rust text taken apart just enough: what is code, what is comment, what is the inside of a literal.
//!
//! It does not parse. It keeps every character where it was, so that a line here is a line in the file.

/// A text as two texts of the same shape.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The code: comments, and what stands in quotes, are blank.
    pub(crate) code: String,
    /// The comments: everything else is blank.
    pub(crate) comments: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// Takes a text apart.
pub(crate) fn take_apart(text: &str) -> Parts {
    let mut parts = Parts { code: String::new(), comments: String::new() };
    let mut rest = text;
    let mut before = None;
    while !rest.is_empty() {
        let (kind, length) = piece(rest, before);
        let (taken, after) = rest.split_at(length);
        for c in taken.chars() {
            let blank = if c == '\n' { '\n' } else { ' ' };
            parts.code.push(if kind == Kind::Code { c } else { blank });
            parts.comments.push(if kind == Kind::Comment { c } else { blank });
        }
        before = taken.chars().next_back();
        rest = after;
    }
    parts
}

/// What the text begins with, and how many bytes of it.
fn piece(text: &str, before: Option<char>) -> (Kind, usize) {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if text.starts_with("//") {
        return (Kind::Comment, text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return (Kind::Comment, block_comment(text));
    }
    if text.starts_with('"') {
        return (Kind::Literal, quoted(text, 1, '"'));
    }
    if !in_word && let Some(length) = prefixed(text) {
        return (Kind::Literal, length);
    }
    if text.starts_with('\'') && is_char(text) {
        return (Kind::Literal, quoted(text, 1, '\''));
    }
    (Kind::Code, text.chars().next().map_or(1, char::len_utf8))
}

/// Comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// From `from`, behind the opening quote, to behind the closing one.
fn quoted(text: &str, from: usize, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at < from) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// `b"…"`, `b'…'`, `c"…"`, and raw strings with any number of `#`.
fn prefixed(text: &str) -> Option<usize> {
    for prefix in ["b\"", "c\""] {
        if text.starts_with(prefix) {
            return Some(quoted(text, 2, '"'));
        }
    }
    if text.starts_with("b'") {
        return Some(quoted(text, 2, '\''));
    }
    let body = ["r", "br", "cr"].iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inside = body.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - inside.len();
    Some(inside.find(&end).map_or(text.len(), |at| start + at + end.len()))
}

/// A quote begins a character if it is closed again behind one; else it begins a lifetime.
fn is_char(text: &str) -> bool {
    let mut inside = text.chars().skip(1);
    match inside.next() {
        Some('\\') => true,
        Some(_) => inside.next() == Some('\''),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        take_apart(text).code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_blank() {
        assert_eq!(code("a // b\nc /* d /* e */ f */ g"), "a c g");
        assert_eq!(code(r#"let s = "fn // x \" {"; let c = '{'; b'\'' "#), "let s = ; let c = ;");
        assert_eq!(code("r#\"a \" b\"# r\"x\\\" br##\"\"# {\"## end"), "end");
        assert_eq!(code("let r#fn = bar;"), "let r#fn = bar;");
    }

    #[test]
    fn lifetimes_are_code() {
        assert_eq!(
            code("fn f<'a>(x: &'a str) -> &'static str {}"),
            "fn f<'a>(x: &'a str) -> &'static str {}"
        );
        assert_eq!(code("'\\n' 'ü' '\\u{1f600}' 'outer: loop"), "'outer: loop");
    }

    #[test]
    fn lines_stay_where_they_are() {
        let parts = take_apart("\"a\nb\"\n/* c\nd */\ne");
        assert_eq!(parts.code.lines().count(), 5);
        assert_eq!(parts.comments.lines().nth(3).map(str::trim), Some("d */"));
    }

    #[test]
    fn what_is_never_closed_ends_with_the_text() {
        for text in ["/* a", "\"a", "r#\"a", "'\\", "b'"] {
            assert_eq!(code(text), "", "{text}");
        }
    }
}
