//! Where one timeline went on from another, as the file of its history says.

use wire::lsn::Lsn;

/// Where a timeline ended that others went on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    /// Here: what is behind that exists on the old timeline alone.
    At(Lsn),
    /// No later than here: the primary was seen here on its own timeline.
    Before(Lsn),
    /// The primary has never been on it.
    Never,
}

/// Where `timeline` ended, by the history of a later one: a line for each timeline before it, with its number and the
/// position where it ended.
#[must_use]
pub fn fork(history: &str, timeline: u32) -> Fork {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let number: u32 = words.next()?.parse().ok()?;
        let end: Lsn = words.next()?.parse().ok()?;
        (number == timeline).then_some(end)
    };
    history.lines().find_map(line).map_or(Fork::Never, Fork::At)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_of_each_timeline_is_found() {
        let text =
            "1\t0/3000060\tno recovery target specified\n\n# by hand\n2\t0/50001A0\tbefore 2000-01-01\n";
        assert_eq!(fork(text, 1), Fork::At(Lsn(0x300_0060)));
        assert_eq!(fork(text, 2), Fork::At(Lsn(0x500_01A0)));
        assert_eq!(fork(text, 3), Fork::Never);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,60}|([0-9]{1,12}\t[0-9A-F/]{0,12}\n){0,4}", timeline in any::<u32>()) {
            let _ = fork(&text, timeline);
        }
    }
}
