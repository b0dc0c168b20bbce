//! How far a replica is behind.
//!
//! In bytes it is behind by what the primary has written since; in time, since when the primary has been further. To
//! know that, one remembers when the primary was where: a primary at rest leaves no lag behind, however long ago the
//! last transaction was. What a replica was last seen to have is a lower bound of what it has, so what comes out is
//! never too little; it grows while nobody asks.

use std::collections::VecDeque;
use std::time::Duration;

use wire::lsn::Lsn;

/// So many positions of the primary are remembered; beyond that some are dropped.
const MOST: usize = 1_024;
/// Those that stay are no further apart than their age divided by this, so that lag in time is not told more than this
/// part too great, however long ago it began and however often the primary was asked since.
const PARTS: u32 = 16;

/// How far a replica is behind, at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Bytes of WAL.
    pub bytes: u64,
    /// Everything that was committed earlier than this ago is there.
    pub time: Duration,
}

/// When the primary was where.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// The first and the last moment at which it was seen there, rising in both.
    seen: VecDeque<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Lsn,
    last: Duration,
}

impl Track {
    /// The primary was asked at `asked`, and had come to `at`. `asked` is the moment before the question, so that what
    /// was committed after it may be missing from `at`, and nothing else.
    pub fn note(&mut self, asked: Duration, at: Lsn) {
        match self.seen.back_mut() {
            // an answer that has overtaken another one
            Some(last) if asked < last.last => return,
            Some(last) if at == last.at => {
                last.last = asked;
                return;
            }
            // another primary has less: nothing of the old one's counts
            Some(last) if at < last.at => self.seen.clear(),
            Some(_) | None => {}
        }
        if self.seen.len() == MOST {
            self.thin(asked);
        }
        self.seen.push_back(Seen { at, last: asked });
    }

    /// Drops what is not needed to tell lags well enough: of those long ago more than of the last ones. The first stays,
    /// unless there are too many all the same.
    fn thin(&mut self, now: Duration) {
        let Some(mut newer) = self.seen.pop_back() else { return };
        let mut kept = VecDeque::with_capacity(MOST);
        kept.push_front(newer);
        while let Some(one) = self.seen.pop_back() {
            let older = self.seen.back();
            let near = |older: &Seen| {
                newer.last.saturating_sub(older.last) <= now.saturating_sub(newer.last) / PARTS
            };
            if !older.is_some_and(near) {
                kept.push_front(one);
                newer = one;
            }
        }
        while kept.len() > MOST / 4 * 3 {
            kept.pop_front();
        }
        self.seen = kept;
    }

    /// Forgets everything: there is another primary.
    pub fn clear(&mut self) {
        self.seen.clear();
    }

    /// Where the primary was last.
    #[must_use]
    pub fn latest(&self) -> Option<Lsn> {
        self.seen.back().map(|seen| seen.at)
    }

    /// How far one is behind that has `replayed` so much. None if that is further back than is remembered.
    #[must_use]
    pub fn lag(&self, replayed: Lsn, now: Duration) -> Option<Lag> {
        let latest = self.latest()?;
        let above = self.seen.partition_point(|seen| seen.at <= replayed);
        let had = self.seen.get(above.checked_sub(1)?)?;
        Some(Lag { bytes: replayed.behind(latest), time: now.saturating_sub(had.last) })
    }
}

#[cfg(test)]
mod tests;
