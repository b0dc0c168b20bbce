//! Where in the text something stands, and what was probably meant there.

use std::ops::RangeInclusive;

/// A place in a text as people count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column in characters, from 1.
    pub(crate) col: usize,
}

/// A text with the places where its lines begin.
pub(crate) struct Lines<'a> {
    text: &'a str,
    /// Where each line begins.
    starts: Vec<usize>,
    /// The lines that look like headers, from 1, each with the section it names if that can be made out.
    headers: Vec<(usize, Option<&'a str>)>,
}

impl<'a> Lines<'a> {
    /// Finds the lines of `text`.
    pub(crate) fn of(text: &'a str) -> Self {
        let newlines = text.bytes().zip(1..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
        let starts = std::iter::once(0).chain(newlines).collect();
        let header = |(number, line): (usize, &'a str)| {
            let inside = line.trim_start().strip_prefix('[')?;
            Some((number, inside.split('#').next().and_then(bare)))
        };
        Self { text, starts, headers: (1..).zip(text.lines()).filter_map(header).collect() }
    }

    /// The place of the byte at `offset`, or of the end if the text is shorter.
    pub(crate) fn at(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let (start, end) = (self.start(line), offset.min(self.text.len()));
        // an offset inside a character stands for the character
        let before = (0..4).find_map(|back| self.text.get(start..end.checked_sub(back)?));
        let col = before.unwrap_or_default().chars().count();
        Position { line, col: col + 1 }
    }

    /// The lines that cannot be trusted when one is not TOML: for a header all until the next header, because
    /// their keys were taken for those of another table.
    pub(crate) fn reach(&self, broken: usize) -> RangeInclusive<usize> {
        let at = self.headers.partition_point(|(line, _)| *line < broken);
        let mut headers = self.headers.iter().skip(at).map(|(line, _)| *line).peekable();
        if headers.next_if_eq(&broken).is_none() {
            return broken..=broken;
        }
        broken..=headers.next().unwrap_or(self.starts.len() + 1).saturating_sub(1)
    }

    /// The key on the line of `offset`, found by its looks where the TOML parser could not read it: the section
    /// of the last header and the word before `=`. None where there is nothing like it.
    pub(crate) fn key_at(&self, offset: usize) -> Option<String> {
        let line = self.at(offset).line;
        let above = self.headers.partition_point(|(header, _)| *header <= line);
        let header = above.checked_sub(1).and_then(|last| self.headers.get(last));
        let (header, section) = header.copied().unwrap_or_default();
        let name = self.line(line).split_once('=').and_then(|(name, _)| bare(name));
        match (section, name) {
            (Some(section), Some(name)) if header != line => Some(format!("{section}.{name}")),
            (section, name) => section.or(name).map(str::to_owned),
        }
    }

    /// Whether the value on the line of `offset` begins like text without quotes.
    pub(crate) fn is_bare(&self, offset: usize) -> bool {
        let line = self.line(self.at(offset).line);
        let value = line.split_once('=').map(|(_, value)| value.trim_start()).unwrap_or_default();
        value.starts_with(|first: char| first.is_alphanumeric() || "/.$*:~@".contains(first))
    }

    /// Where a line begins.
    fn start(&self, line: usize) -> usize {
        line.checked_sub(1).and_then(|above| self.starts.get(above)).copied().unwrap_or(self.text.len())
    }

    /// The text of a line with its end.
    fn line(&self, line: usize) -> &'a str {
        self.text.get(self.start(line)..self.start(line.saturating_add(1))).unwrap_or_default()
    }
}

/// What is left of a key or a header without blanks and brackets, if it needs no quotes and is not long.
fn bare(part: &str) -> Option<&str> {
    let part = part.trim().trim_matches(['[', ']']).trim();
    let fits = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    (!part.is_empty() && part.len() <= 60 && part.chars().all(fits)).then_some(part)
}

/// The one of `known` that `word` is probably meant to be.
pub(crate) fn near(word: &str, known: &[&'static str]) -> Option<&'static str> {
    // the distance costs length by length, and nothing as long as this is a slip of the hand
    if word.len() > 40 {
        return None;
    }
    let tolerated = |known: &str| (known.len() / 3).clamp(1, 3);
    known
        .iter()
        .map(|known| (distance(word, known), *known))
        .filter(|(distance, known)| *distance <= tolerated(known))
        .min()
        .map(|(_, known)| known)
}

/// How many characters must be inserted, dropped or replaced to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (above, a) in one.chars().enumerate() {
        let mut next = vec![above + 1];
        for ((b, left_above), straight_above) in other.chars().zip(&row).zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or_default();
            next.push((left_above + usize::from(a != b)).min(left + 1).min(straight_above + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let text = "a = \"ü\"\nb = 1\n";
        assert_eq!(Lines::of(text).at(0), Position { line: 1, col: 1 });
        let quote = text.rfind('"').unwrap();
        assert_eq!(Lines::of(text).at(quote), Position { line: 1, col: 7 });
        assert_eq!(Lines::of(text).at(text.find('b').unwrap()), Position { line: 2, col: 1 });
        assert_eq!(Lines::of(text).at(quote - 1), Position { line: 1, col: 6 });
        assert_eq!(Lines::of(text).at(999), Position { line: 3, col: 1 });
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("size", "size"), 0);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn the_nearest_word_is_offered_and_far_ones_are_not() {
        let known = ["size", "min_size", "reserve_size", "mode"];
        assert_eq!(near("pool_size", &known), None);
        assert_eq!(near("minsize", &known), Some("min_size"));
        assert_eq!(near("mod", &known), Some("mode"));
        assert_eq!(near(&"size".repeat(1000), &known), None);
    }

    #[test]
    fn keys_are_found_by_their_looks() {
        let text = "[listen] # here\naddress = 127.0.0.1:1\n[[user]\nname = 'x'\n";
        let lines = Lines::of(text);
        assert_eq!(lines.key_at(text.find("127").unwrap()).as_deref(), Some("listen.address"));
        assert_eq!(lines.key_at(text.find("[[").unwrap()).as_deref(), Some("user"));
        assert_eq!(Lines::of("= 3").key_at(0), None);
        assert_eq!(Lines::of("a = 3").key_at(99).as_deref(), Some("a"));
        assert_eq!(Lines::of("ü").key_at(1), None);
    }

    #[test]
    fn a_broken_header_takes_its_keys_with_it() {
        let lines = Lines::of("a = 1\n[b\nc = 1\n\n [d]\ne =\n[f\ng = 1");
        assert_eq!([1, 2, 6, 7].map(|line| lines.reach(line)), [1..=1, 2..=4, 6..=6, 7..=8]);
    }
}
