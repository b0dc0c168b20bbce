//! The shape of a file: its header, its length, the length of its functions, the width of its structs.

use crate::tree::{Source, Violation};

/// Lines of a file, comments, blank lines and its own tests included: what a reader has to scroll through.
const FILE: usize = 400;
/// Lines of a file that holds nothing but tests.
const TEST_FILE: usize = 800;
/// Files that are kept shorter still: the path of a request has to be seen at a glance.
const SHORTER: [(&str, usize); 3] =
    [("crates/session/src/pipeline.rs", 80), ("crates/session/src/steps/", 200), ("/src/main.rs", 100)];
/// Lines of a function, from its `fn` to its closing brace.
const FUNCTION: usize = 80;
/// Fields of a struct.
const FIELDS: usize = 12;
/// Lines of tests at the end of the file they test.
const TESTS: usize = 100;
/// Lines of a header, tables of states and the lists of a map aside.
const HEADER: usize = 10;
/// Names that say nothing.
const NOTHING: [&str; 7] = ["common", "helpers", "misc", "types", "util", "utils", "stuff"];

/// A header of `//!` lines, of some but not many.
pub(crate) fn header(source: &Source) -> Vec<Violation> {
    let says = |line: &str| {
        let text = line.trim_start_matches("//!").trim();
        !text.is_empty() && !text.starts_with('|') && !text.starts_with("- ") && !text.starts_with("* ")
    };
    let header = source.text.lines().take_while(|line| line.starts_with("//!"));
    let is_map = source.path.ends_with("/lib.rs");
    let wrong = match header.filter(|line| says(line)).count() {
        0 => "no header: the first line is `//!` and what the file is",
        lines if lines > HEADER && !is_map => "the header is too long",
        _ => return Vec::new(),
    };
    vec![Violation::new(&source.path, 1, wrong)]
}

/// Not too many lines.
pub(crate) fn length(source: &Source) -> Vec<Violation> {
    let shorter = SHORTER.iter().find(|(part, _)| source.path.contains(part)).map(|(_, limit)| *limit);
    let limit = shorter.unwrap_or(if source.is_test() { TEST_FILE } else { FILE });
    let lines = source.text.lines().count();
    let what = || format!("{lines} lines, at most {limit}: split what it holds, not its functions");
    (lines > limit).then(|| Violation::new(&source.path, 0, what())).into_iter().collect()
}

/// No long functions.
pub(crate) fn functions(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for (at, name) in named(&source.parts.code, "fn") {
        let Some(body) = body(&source.parts.code, at) else { continue };
        let lines = source.parts.code.get(at..body.end).unwrap_or_default().lines().count();
        if lines > FUNCTION {
            let what = format!("fn {name} has {lines} lines, at most {FUNCTION}");
            found.push(Violation::new(&source.path, line(&source.parts.code, at), what));
        }
    }
    found
}

/// No wide structs.
pub(crate) fn fields(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for (at, name) in named(&source.parts.code, "struct") {
        let Some(body) = body(&source.parts.code, at) else { continue };
        let fields = parts_of(source.parts.code.get(body).unwrap_or_default());
        if fields > FIELDS {
            let what = format!("struct {name} has {fields} fields, at most {FIELDS}");
            found.push(Violation::new(&source.path, line(&source.parts.code, at), what));
        }
    }
    found
}

/// Tests that are long move to `x/tests.rs`.
pub(crate) fn tests_beside(source: &Source) -> Vec<Violation> {
    let mut found = Vec::new();
    for (at, name) in named(&source.parts.code, "mod") {
        let Some(body) = body(&source.parts.code, at).filter(|_| name == "tests") else { continue };
        let lines = source.parts.code.get(body).unwrap_or_default().lines().count();
        if lines > TESTS {
            let what = format!("{lines} lines of tests, at most {TESTS} beside the code: a file tests.rs");
            found.push(Violation::new(&source.path, line(&source.parts.code, at), what));
        }
    }
    found
}

/// A crate's first file says what there is, and does nothing.
pub(crate) fn map(source: &Source) -> Vec<Violation> {
    if !source.path.ends_with("/src/lib.rs") {
        return Vec::new();
    }
    ["fn", "struct", "enum", "trait", "impl", "static"]
        .iter()
        .flat_map(|word| words(&source.parts.code, word))
        .map(|at| Violation::new(&source.path, line(&source.parts.code, at), "lib.rs is a map, without code"))
        .collect()
}

/// A file is named for its role.
pub(crate) fn name(source: &Source) -> Vec<Violation> {
    let stem = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    let what = "a name that says nothing: who reads, who writes, who decides, who drives?";
    NOTHING.contains(&stem).then(|| Violation::new(&source.path, 0, what)).into_iter().collect()
}

/// Where `word` stands as a word of its own.
pub(crate) fn words(code: &str, word: &str) -> Vec<usize> {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '#');
    let alone = |at: usize| {
        let (before, after) =
            (code.get(..at).unwrap_or_default(), code.get(at + word.len()..).unwrap_or_default());
        !part(before.chars().next_back()) && !part(after.chars().next())
    };
    code.match_indices(word).map(|(at, _)| at).filter(|at| alone(*at)).collect()
}

/// The line of a place in the text, from 1.
pub(crate) fn line(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// Items of this keyword, with their names; `fn(…)` as a type has none.
fn named<'a>(code: &'a str, keyword: &str) -> Vec<(usize, &'a str)> {
    let name = |at: usize| {
        let rest = code.get(at + keyword.len()..)?.trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest.get(..end).filter(|name| !name.is_empty()).map(|name| (at, name))
    };
    words(code, keyword).into_iter().filter_map(name).collect()
}

/// The braces of the item that begins at `at`; none if it ends with a semicolon first.
fn body(code: &str, at: usize) -> Option<std::ops::Range<usize>> {
    let (mut round, mut curly, mut start) = (0usize, 0usize, at);
    for (offset, c) in code.get(at..)?.char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round = round.saturating_sub(1),
            ';' if round == 0 && curly == 0 => return None,
            '{' => {
                if curly == 0 {
                    start = at + offset;
                }
                curly += 1;
            }
            '}' => {
                curly = curly.saturating_sub(1);
                if curly == 0 {
                    return Some(start..at + offset + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Parts between commas, not counting commas inside brackets of any kind.
fn parts_of(body: &str) -> usize {
    let inside = body.trim().trim_start_matches('{').trim_end_matches('}');
    let (mut depth, mut parts, mut any) = (0i32, 0usize, false);
    for c in inside.chars() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' | '>' => depth -= 1,
            ',' if depth <= 0 => {
                parts += usize::from(any);
                any = false;
                continue;
            }
            _ => {}
        }
        any |= !c.is_whitespace();
    }
    parts + usize::from(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("crates/x/src/y.rs", text)
    }

    #[test]
    fn a_file_without_a_header_or_with_a_treatise_is_found() {
        assert_eq!(header(&source("use x;\n")).len(), 1);
        assert_eq!(header(&source("//!\n\nuse x;\n")).len(), 1);
        assert_eq!(header(&source(&"//! word\n".repeat(11))).len(), 1);
        assert!(header(&source(&format!("//! What it is.\n{}", "//! | a | b |\n".repeat(20)))).is_empty());
    }

    #[test]
    fn a_long_file_is_found_and_a_test_may_be_longer() {
        let text = "//! x\n".repeat(401);
        assert_eq!(length(&source(&text)).len(), 1);
        assert!(length(&Source::new("crates/x/src/y/tests.rs", &text)).is_empty());
        assert!(length(&Source::new("tests/cluster/copy.rs", &text)).is_empty());
        assert_eq!(length(&Source::new("tests/kit/src/copy.rs", &text)).len(), 1);
        assert_eq!(length(&Source::new("crates/session/src/pipeline.rs", &"//\n".repeat(81))).len(), 1);
    }

    #[test]
    fn a_long_function_is_found_and_its_text_does_not_deceive() {
        let long = format!("fn a(f: fn(u8) -> u8) {{\n let _ = \"}}\";\n{}}}\n", "// }\n".repeat(78));
        assert_eq!(functions(&source(&long)).len(), 1);
        let short = long.replacen("// }\n", "", 1);
        assert!(functions(&source(&short)).is_empty());
        assert!(functions(&source(&format!("trait T {{ fn a();\n{}}}", "\n".repeat(90)))).is_empty());
    }

    #[test]
    fn a_wide_struct_is_found() {
        let fields: Vec<String> =
            (0..13).map(|i| format!("/// b, c\n a{i}: HashMap<u8, (u8, u8)>,\n")).collect();
        assert_eq!(self::fields(&source(&format!("struct A<T> {{ {} }}", fields.concat()))).len(), 1);
        assert!(self::fields(&source(&format!("struct A {{ {} }}", fields[..12].concat()))).is_empty());
        assert!(self::fields(&source("struct A;\nstruct B(u8, u8);")).is_empty());
    }

    #[test]
    fn long_tests_beside_the_code_are_found() {
        let tests = |lines| source(&format!("//! x\nmod tests {{\n{}}}", "\n".repeat(lines)));
        assert_eq!(tests_beside(&tests(101)).len(), 1);
        assert!(tests_beside(&tests(90)).is_empty());
    }

    #[test]
    fn code_in_a_map_is_found() {
        let lib = |text| map(&Source::new("crates/x/src/lib.rs", text)).len();
        assert_eq!(lib("//! A struct.\nmod a;\npub use a::fn_like;\n"), 0);
        assert_eq!(lib("mod a;\npub fn b() {}\n"), 1);
    }

    #[test]
    fn a_drawer_for_everything_is_found() {
        assert_eq!(name(&Source::new("crates/x/src/utils.rs", "")).len(), 1);
        assert!(name(&Source::new("crates/x/src/wait.rs", "")).is_empty());
    }
}
