//! Leaving a server alone that keeps failing.
//!
//! | state | requests | becomes |
//! |---|---|---|
//! | closed | pass | open, when the share of failures within the window is reached |
//! | open | none | half-open, after `open_for`, and later after each pause of `backoff` |
//! | half-open | one, a probe | closed, if that succeeds; open, if it fails |
//!
//! Only failures to connect, to log in and to answer in time are told to it.

use std::collections::VecDeque;
use std::time::Duration;

/// So few outcomes say nothing.
const FEW: u32 = 5;
/// The window moves in so many steps.
const STEPS: u32 = 10;

/// When a breaker opens and closes: `[breaker]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The share of failures that opens it.
    pub failure_rate: f64,
    /// The time over which they are counted.
    pub window: Duration,
    /// How long it stays open at first.
    pub open_for: Duration,
    /// How long after each try that fails; the last pause is repeated.
    pub backoff: Vec<Duration>,
}

impl From<&config::Breaker> for Rules {
    fn from(section: &config::Breaker) -> Self {
        let config::Breaker { failure_rate, window, open_for, backoff } = section.clone();
        Self { failure_rate, window, open_for, backoff }
    }
}

/// What a breaker lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Everything.
    Closed,
    /// Nothing.
    Open,
    /// One request, to see.
    HalfOpen,
}

impl State {
    /// For views and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// The outcomes of one step of the window.
#[derive(Clone, Copy, Debug)]
struct Step {
    at: Duration,
    good: u32,
    bad: u32,
}

/// One breaker.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    steps: VecDeque<Step>,
    /// When it opened, or the last try failed, and how many tries have.
    open: Option<(Duration, usize)>,
}

impl Breaker {
    /// What it lets pass now.
    #[must_use]
    pub fn state(&self, rules: &Rules, now: Duration) -> State {
        match self.open {
            None => State::Closed,
            Some((since, tries)) if now >= since.saturating_add(pause(rules, tries)) => State::HalfOpen,
            Some(_) => State::Open,
        }
    }

    /// A request has reached the server.
    pub fn succeeded(&mut self, rules: &Rules, now: Duration) {
        match self.state(rules, now) {
            State::Closed => self.note(rules, now, true),
            State::HalfOpen => *self = Self::default(),
            // one that was on its way when it opened
            State::Open => {}
        }
    }

    /// A request has not.
    pub fn failed(&mut self, rules: &Rules, now: Duration) {
        match (self.state(rules, now), self.open) {
            (State::Closed, _) | (_, None) => {
                self.note(rules, now, false);
                let (good, bad) = self.counts();
                let all = good + bad;
                if all >= FEW && f64::from(bad) >= rules.failure_rate * f64::from(all) {
                    *self = Self { open: Some((now, 0)), ..Self::default() };
                }
            }
            (State::HalfOpen, Some((_, tries))) => {
                self.open = Some((now, tries + 1));
            }
            (State::Open, Some(_)) => {}
        }
    }

    /// Successes and failures within the window.
    #[must_use]
    pub fn counts(&self) -> (u32, u32) {
        self.steps.iter().fold((0, 0), |(good, bad), step| (good + step.good, bad + step.bad))
    }

    /// Closes it by hand.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    fn note(&mut self, rules: &Rules, now: Duration, good: bool) {
        while self.steps.front().is_some_and(|step| now >= step.at.saturating_add(rules.window)) {
            self.steps.pop_front();
        }
        let (good, bad) = (u32::from(good), u32::from(!good));
        let wide = rules.window / STEPS;
        match self.steps.back_mut().filter(|step| now < step.at.saturating_add(wide)) {
            Some(step) => (step.good, step.bad) = (step.good + good, step.bad + bad),
            None => self.steps.push_back(Step { at: now, good, bad }),
        }
    }
}

fn pause(rules: &Rules, tries: usize) -> Duration {
    match tries.checked_sub(1) {
        None => rules.open_for,
        Some(at) => rules.backoff.get(at).or(rules.backoff.last()).copied().unwrap_or(rules.open_for),
    }
}

#[cfg(test)]
mod tests;
