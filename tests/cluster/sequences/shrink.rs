//! Makes a sequence that is answered wrongly as short as it can be, leaving out steps one by one. Which server
//! a request meets is a matter of luck, so each attempt is repeated before it counts as harmless.

use std::time::Duration;

use super::Ground;
use super::drive::{self, Expected, run};
use super::random::Random;
use super::step::{Step, segments};

/// How often an attempt is repeated.
const TRIES: u64 = 12;
/// An answer that does not come is waited for so long.
const PATIENCE: Duration = Duration::from_secs(5);

/// The shortest sequence found that still fails, and how.
pub(super) fn shrink(ground: &Ground, mut steps: Vec<Step>) -> String {
    let Some(mut how) = fails(ground, &steps) else {
        return format!("it does not fail again on fresh connections:\n{}", list(&steps));
    };
    let mut size = steps.len();
    while size > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + size).min(steps.len()));
            match fails(ground, &fewer) {
                Some(same) => (steps, how) = (fewer, same),
                None => at += size,
            }
        }
        size /= 2;
    }
    format!("the shortest that fails:\n{}\n{how}", list(&steps))
}

fn list(steps: &[Step]) -> String {
    let lines: Vec<_> = steps.iter().map(|step| format!("  {:.400}", format!("{step:?}"))).collect();
    lines.join("\n")
}

fn fails(ground: &Ground, steps: &[Step]) -> Option<String> {
    let segments = segments(steps);
    let mut direct = ground.direct.clone().deadline(PATIENCE).open();
    let mut proxied = ground.proxied.clone().deadline(PATIENCE).open();
    for again in 0..TRIES {
        let plain = run(&mut direct, ground.tables, &segments, Expected::Unknown, None);
        let mut cuts = Random::new(again);
        let pooled = run(&mut proxied, ground.tables, &segments, Expected::Like(&plain), Some(&mut cuts));
        if !drive::alike(&plain, &pooled) {
            return Some(drive::difference(&plain, &pooled));
        }
    }
    None
}
