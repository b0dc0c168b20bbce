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
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Finds the lines of `text`.
    pub(crate) fn of(text: &'a str) -> Self {
        let starts = text.bytes().zip(1..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next).collect();
        Self { text, starts }
    }

    /// The place of the byte at `offset`, or of the end if the text is shorter.
    pub(crate) fn at(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|above| self.starts.get(above)).copied().unwrap_or(0);
        let before = self.text.get(start..).unwrap_or_default().char_indices();
        let col = before.take_while(|(index, _)| start.saturating_add(*index) < offset).count();
        Position { line: line + 1, col: col + 1 }
    }

    /// The lines that cannot be trusted when one is not TOML: for a header all until the next header, because
    /// their keys were taken for those of another table.
    pub(crate) fn reach(&self, broken: usize) -> RangeInclusive<usize> {
        let start = broken.checked_sub(2).and_then(|above| self.starts.get(above)).copied().unwrap_or(0);
        let mut lines = self.text.get(start..).unwrap_or_default().lines();
        let is_header = |line: &str| line.trim_start().starts_with('[');
        let following = match lines.next() {
            Some(line) if is_header(line) => lines.take_while(|line| !is_header(line)).count(),
            _ => 0,
        };
        broken..=broken.saturating_add(following)
    }
}

/// The key at `offset` of a text that the TOML parser could not read, found by its looks: the last header
/// above and the word before `=` on the line. None where there is nothing like it.
pub(crate) fn section_of(text: &str, offset: usize) -> Option<String> {
    let bare = |part: &str| {
        let part = part.trim().trim_matches(['[', ']']);
        let fits = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
        (!part.is_empty() && part.len() <= 60 && part.chars().all(fits)).then(|| part.to_owned())
    };
    let above = text.get(..offset).unwrap_or(text);
    let start = above.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(start..)?.lines().next().unwrap_or_default();
    let header = |line: &str| line.trim_start().starts_with('[').then(|| bare(line.split('#').next()?))?;
    if line.trim_start().starts_with('[') {
        return header(line);
    }
    // a thousand lines are far for a guess, and near for a file that is broken on every line
    let section = text.get(..start)?.lines().rev().take(1000).find_map(header);
    let name = line.split_once('=').and_then(|(name, _)| bare(name));
    match (section, name) {
        (Some(section), Some(name)) => Some(format!("{section}.{name}")),
        (section, name) => section.or(name),
    }
}

/// Whether the value on the line of `offset` begins like text without quotes.
pub(crate) fn is_bare(text: &str, offset: usize) -> bool {
    let start = text.get(..offset).and_then(|above| above.rfind('\n')).map_or(0, |newline| newline + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let value = line.split_once('=').map(|(_, value)| value.trim_start()).unwrap_or_default();
    value.starts_with(|first: char| first.is_alphanumeric() || "/.$*:~@".contains(first))
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
        assert_eq!(section_of(text, text.find("127").unwrap()).as_deref(), Some("listen.address"));
        assert_eq!(section_of(text, text.find("[[").unwrap()).as_deref(), Some("user"));
        assert_eq!(section_of("= 3", 0), None);
        assert_eq!(section_of("ü", 1), None);
    }
}
