//! Waiting on a condition with a deadline: the only way a test may let time pass.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything ordinary may take before the test fails: generous, since machines are shared.
pub const PATIENCE: Duration = Duration::from_secs(30);

const FIRST_PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Asks `condition` again and again until it holds; fails the test, naming `what`, after `limit`.
#[track_caller]
pub fn until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    if !holds(limit, &mut condition) {
        panic!("waited {limit:?} in vain until {what}");
    }
}

/// Asks `attempt` again and again until it gives a value; fails the test, naming `what`, after `limit`.
#[track_caller]
pub fn until_some<T>(limit: Duration, what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    let done = holds(limit, &mut || {
        found = attempt();
        found.is_some()
    });
    match found {
        Some(value) if done => value,
        _ => panic!("waited {limit:?} in vain until {what}"),
    }
}

/// Whether `condition` comes to hold within `limit`.
pub fn holds(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        // asked once more after the limit, so that a late scheduler does not fail a condition that holds
        let late = start.elapsed() >= limit;
        if condition() {
            return true;
        }
        if late {
            return false;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_asked_until_it_holds() {
        let mut asked = 0;
        until(PATIENCE, "asked five times", || {
            asked += 1;
            asked == 5
        });
        assert_eq!(asked, 5);
    }

    #[test]
    #[should_panic(expected = "in vain until pigs fly")]
    fn a_condition_that_never_holds_fails_with_its_name() {
        until(Duration::from_millis(2), "pigs fly", || false);
    }
}
