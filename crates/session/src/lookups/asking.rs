//! The task that asks: takes what was asked for, sends it in batches, hands the answers out.
//!
//! | state | on a lookup |
//! |---|---|
//! | no connection | connects, then asks |
//! | connected | asks; if the connection was found dead, once more on a new one |
//! | backing off after a failure | refuses with the reason of the failure, until the time is over |

use std::sync::Arc;
use std::time::{Duration, Instant};

use config::Config;
use pool::Error;
use pool::lookup::{Answer, Line, Source};

use super::{Lookups, Outcome};
use crate::hub::Hub;

/// Without a lookup for so long, the task and its connection end.
const REST: Duration = Duration::from_secs(60);
/// Back-off after failed attempts to connect.
const BACK_OFF: [Duration; 4] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// Runs until nobody has asked for a while.
pub(super) async fn run(hub: Arc<Hub>) {
    let mut watch = Watch { lookups: &hub.lookups, is_over: false };
    let mut asking = Asking::default();
    loop {
        let batch = hub.lookups.take();
        if batch.is_empty() {
            let asked = hub.lookups.asked.notified();
            if tokio::time::timeout(REST, asked).await.is_err() && hub.lookups.rest() {
                watch.is_over = true;
                return;
            }
            continue;
        }
        let (users, waiting): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let answers = asking.ask(&hub, &users).await;
        for (number, (user, senders)) in users.iter().zip(waiting).enumerate() {
            let outcome: Outcome = match &answers {
                Ok(answers) => match answers.get(number) {
                    Some(answer) => Ok(hub.lookups.learn(user, answer.clone())),
                    None => Ok(None),
                },
                Err(why) => Err(Arc::clone(why)),
            };
            for sender in senders {
                // whoever has stopped waiting needs no answer
                let _gone = sender.send(outcome.clone());
            }
        }
    }
}

/// If the task ends otherwise than by itself, nobody waits for it, and the next who asks starts another.
struct Watch<'a> {
    lookups: &'a Lookups,
    is_over: bool,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.lookups.abandon();
        }
    }
}

/// Whom it asks, and how that went.
#[derive(Default)]
struct Asking {
    /// The configuration that the source was made from, and how many primaries there had been.
    config: Option<(Arc<Config>, u64)>,
    source: Option<Source>,
    line: Option<Line>,
    failures: usize,
    /// Why the last attempt to connect has failed, and until when there is no other.
    failed: Option<(Arc<str>, Instant)>,
}

impl Asking {
    async fn ask(&mut self, hub: &Hub, users: &[String]) -> Result<Vec<Answer>, Arc<str>> {
        self.look_at_configuration(hub)?;
        let Some(source) = &self.source else { return Err("the configuration has no auth.query".into()) };
        if let Some(mut line) = self.line.take() {
            match line.ask(source, users).await {
                Ok(answers) => {
                    self.line = Some(line);
                    return Ok(answers);
                }
                // it has been at rest, and may have ended long ago
                Err(Error::Lost { .. }) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        if let Some((why, until)) = &self.failed
            && Instant::now() < *until
        {
            return Err(Arc::clone(why));
        }
        let asked = async {
            let mut line = Line::open(source, hub.directory.shared()).await?;
            let answers = line.ask(source, users).await?;
            Ok((line, answers))
        };
        match asked.await {
            Ok((line, answers)) => {
                (self.line, self.failed, self.failures) = (Some(line), None, 0);
                Ok(answers)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Where to ask, if the configuration or the primary is another one than the last time.
    fn look_at_configuration(&mut self, hub: &Hub) -> Result<(), Arc<str>> {
        // before the configuration: what changes meanwhile is looked at the next time
        let reigns = hub.directory.reigns();
        let config = hub.directory.config();
        let is_known = |known: &(Arc<Config>, u64)| Arc::ptr_eq(&known.0, &config);
        let reloaded = !self.config.as_ref().is_some_and(is_known);
        if !reloaded && self.config.as_ref().is_some_and(|known| known.1 == reigns) {
            return Ok(());
        }
        let source = hub.directory.source().map_err(|why| Arc::from(why.to_string()))?;
        let same = match (&self.source, &source) {
            (Some(old), Some(new)) => old.same_as(new),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !same {
            // another primary has the users of the one before
            if reloaded {
                hub.lookups.forget();
            }
            *self = Self { source, ..Self::default() };
        }
        self.config = Some((config, reigns));
        Ok(())
    }

    /// Notes a failure, and until when nothing is tried again.
    fn failed(&mut self, error: &Error) -> Arc<str> {
        let pause = BACK_OFF.get(self.failures).or(BACK_OFF.last()).copied().unwrap_or_default();
        self.failures = self.failures.saturating_add(1);
        let why: Arc<str> = if let Error::Refused { body, .. } = error {
            let said = wire::backend::error::Fields::new(body).text(b'M', 500);
            format!("{error}: {said}").into()
        } else {
            error.to_string().into()
        };
        self.failed = Some((Arc::clone(&why), Instant::now() + pause));
        why
    }
}
