//! When the operator's own command may run for a server: once while it is in trouble, and not too soon after the last
//! time, however often it gets into trouble again.

use std::time::Duration;

/// After a command, the next one for the same server comes no sooner than this; each time that falls into
/// [`FORGET`] doubles it, up to the second.
const PAUSE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));
/// A server that has been well for so long begins anew.
const FORGET: Duration = Duration::from_secs(6 * 3600);

/// What is remembered of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incident {
    /// Since when it is in trouble.
    since: Option<Duration>,
    /// The command has run, or runs, for this trouble.
    had: bool,
    running: bool,
    runs: u32,
    /// When the last one ended.
    ended: Option<Duration>,
}

impl Incident {
    /// It is in trouble that a command may mend. True if it is to be run now: this has been so for `patience`.
    pub fn trouble(&mut self, now: Duration, patience: Duration) -> bool {
        let since = *self.since.get_or_insert(now);
        if self.had || self.running || now < since.saturating_add(patience) {
            return false;
        }
        if let Some(ended) = self.ended {
            if now >= ended.saturating_add(FORGET) {
                self.runs = 0;
            } else if now < ended.saturating_add(self.pause()) {
                return false;
            }
        }
        (self.had, self.running) = (true, true);
        self.runs = self.runs.saturating_add(1);
        true
    }

    /// The command has ended.
    pub fn ended(&mut self, now: Duration) {
        self.running = false;
        self.ended = Some(now);
    }

    /// It is well, or in none that a command could mend.
    pub fn over(&mut self) {
        self.since = None;
        // what runs belongs to what comes next, too
        self.had = self.running;
    }

    /// The command runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.running
    }

    /// Nothing runs, and nothing has to be remembered.
    #[must_use]
    pub fn is_past(&self, now: Duration) -> bool {
        let long_ago = self.ended.is_none_or(|ended| now >= ended.saturating_add(FORGET));
        self.since.is_none() && !self.running && long_ago
    }

    fn pause(&self) -> Duration {
        let doubled = PAUSE.0.saturating_mul(1 << self.runs.saturating_sub(1).min(10));
        if self.runs == 0 { Duration::ZERO } else { doubled.min(PAUSE.1) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn it_runs_once_for_a_trouble_and_later_for_the_next() {
        let mut it = Incident::default();
        assert!(!it.trouble(secs(0), secs(10)), "it has just begun");
        assert!(!it.trouble(secs(9), secs(10)));
        assert!(it.trouble(secs(10), secs(10)));
        assert!(!it.trouble(secs(11), secs(10)), "it runs");
        it.ended(secs(20));
        assert!(!it.trouble(secs(10_000), secs(10)), "once");
        it.over();
        it.trouble(secs(21), secs(0));
        assert!(it.trouble(secs(10_000), secs(0)), "another one");
        it.ended(secs(10_000));
        it.over();
        // twice as long now
        assert!(!it.trouble(secs(10_119), secs(0)));
        assert!(it.trouble(secs(10_120), secs(0)));
    }

    #[test]
    fn what_is_past_is_forgotten() {
        let mut it = Incident::default();
        assert!(it.is_past(secs(0)));
        assert!(it.trouble(secs(0), secs(0)));
        it.over();
        assert!(!it.is_past(secs(100_000)), "it runs");
        it.ended(secs(1));
        assert!(!it.is_past(secs(2)) && it.is_past(secs(100_000)));
    }

    proptest! {
        /// Whatever happens: never two at a time, never twice for one trouble, never two begun within a minute.
        #[test]
        fn commands_are_few(steps in prop::collection::vec((0_u64..40, 0_u8..4), 0..200)) {
            let (mut it, mut now, mut running, mut had, mut last) = (Incident::default(), 0, false, false, None);
            for (pause, what) in steps {
                now += pause;
                match what {
                    0 | 1 => if it.trouble(secs(now), secs(5)) {
                        prop_assert!(!running && !had);
                        prop_assert!(last.is_none_or(|last| now >= last + 60));
                        (running, had) = (true, true);
                    },
                    2 => if running {
                        it.ended(secs(now));
                        (running, last) = (false, Some(now));
                    },
                    _ => {
                        it.over();
                        had = running;
                    }
                }
            }
        }
    }
}
