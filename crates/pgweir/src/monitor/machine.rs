//! How busy a server's machine is, from its node_exporter, where the configuration names one.
//!
//! It is asked by HTTP 1.0, without TLS, every few seconds; what it has counted of the processors' time is held against
//! what it had counted before. An exporter that does not answer leaves the machine's share of the reads as it is in the
//! configuration: it says nothing of the server.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::news;
use super::watched::Watched;
use crate::web::{Answer, Page};

/// How often an exporter is asked: figures over less than the first are too rough, over more than the second too old.
const OFTEN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(15));
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of an answer; they are a few hundred thousand.
const MOST: usize = 8 << 20;
/// What it calls the time of the processors.
const METRIC: &str = "node_cpu_seconds_total{";

/// Asks the exporter of one server until its task is ended.
pub(super) async fn watch(watched: Arc<Watched>, server: usize, url: String) {
    let name = news::name(&watched.entry, server);
    let Some(exporter) = Page::parse(&url) else {
        tracing::warn!(
            server = name,
            "node_exporter is not asked: not a URL of the form http://host:port/path"
        );
        return;
    };
    let (mut before, mut silent) = (None, false);
    loop {
        let asked = exporter.get(PATIENCE, MOST).await.and_then(Answer::good);
        let found =
            asked.and_then(|text| Times::read(&text).ok_or_else(|| "no times of processors".to_owned()));
        if let Err(why) = &found
            && !silent
        {
            tracing::warn!(server = name, "node_exporter does not tell how busy the machine is: {why}");
        }
        silent = found.is_err();
        let now = found.ok();
        watched
            .cluster()
            .cpu(server, before.zip(now).and_then(|(before, now): (Times, Times)| now.since(before)));
        before = now;
        sleep(watched.config().servers.route.probe_interval.clamp(OFTEN.0, OFTEN.1)).await;
    }
}

/// Asks the exporter behind this URL once.
pub(crate) async fn try_once(url: &str) -> Result<(), String> {
    let exporter = Page::parse(url).ok_or("not a URL of the form http://host:port/path")?;
    let text = exporter.get(PATIENCE, MOST).await.and_then(Answer::good)?;
    Times::read(&text).map(|_| ()).ok_or_else(|| "no times of processors".to_owned())
}

/// What the processors have done since the machine was started, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Times {
    idle: f64,
    all: f64,
}

impl Times {
    fn read(text: &str) -> Option<Self> {
        let mut times = Self { idle: 0.0, all: 0.0 };
        for line in text.lines() {
            let Some((labels, value)) = line.strip_prefix(METRIC).and_then(|rest| rest.rsplit_once("} "))
            else {
                continue;
            };
            // a timestamp may stand behind it
            let seconds: f64 = value.split(' ').next()?.parse().ok()?;
            if !seconds.is_finite() {
                return None;
            }
            times.all += seconds;
            // who waits for a disk uses no processor
            if ["mode=\"idle\"", "mode=\"iowait\""].iter().any(|mode| labels.contains(mode)) {
                times.idle += seconds;
            }
        }
        (times.all > 0.0).then_some(times)
    }

    /// The share of the time since then in which they did something. None if no time has passed, or the machine was
    /// started anew.
    fn since(self, before: Self) -> Option<f64> {
        let (idle, all) = (self.idle - before.idle, self.all - before.all);
        (all > 0.0 && idle >= 0.0).then(|| (1.0 - idle / all).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_idle_is_busy() {
        let text = |idle: f64, wait: f64, user: f64| {
            format!(
                "# TYPE node_cpu_seconds_total counter\n\
                 node_cpu_seconds_total{{cpu=\"0\",mode=\"idle\"}} {idle}\n\
                 node_cpu_seconds_total{{cpu=\"0\",mode=\"iowait\"}} {wait}\n\
                 node_cpu_seconds_total{{cpu=\"1\",mode=\"user\"}} {user} 1700000000000\n\
                 node_load1 0.5\n"
            )
        };
        let times = |idle, wait, user| Times::read(&text(idle, wait, user)).unwrap();
        let before = times(100.0, 10.0, 50.0);
        assert_eq!(times(101.0, 11.0, 56.0).since(before), Some(0.75));
        assert_eq!(times(110.0, 10.0, 50.0).since(before), Some(0.0));
        assert_eq!(before.since(before), None, "no time has passed");
        assert_eq!(times(1.0, 0.0, 200.0).since(before), None, "another machine, or the same started anew");
        assert_eq!(Times::read("node_load1 0.5\n"), None);
        assert_eq!(Times::read(&text(f64::NAN, 0.0, 0.0)), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in "(node_cpu_seconds_total\\{mode=\"(idle|user)\"\\} [0-9.e+-]{0,6}\n|\\PC{0,20}\n){0,10}") {
            if let Some(times) = Times::read(&text) {
                let share = times.since(Times { idle: 0.0, all: 0.0 });
                prop_assert!(share.is_none_or(|share| (0.0..=1.0).contains(&share)));
            }
        }
    }
}
