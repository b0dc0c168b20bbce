//! How busy a server's machine is, from its node_exporter, where the configuration names one.
//!
//! It is asked by HTTP 1.0, without TLS, every few seconds; what it has counted of the processors' time is held against
//! what it had counted before. An exporter that does not answer leaves the machine's share of the reads as it is in the
//! configuration: it says nothing of the server.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use config::Host;
use tokio::time::{sleep, timeout};

use super::news;
use super::watched::Watched;

/// How often an exporter is asked: figures over less than the first are too rough, over more than the second too old.
const OFTEN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(15));
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of an answer; they are a few hundred thousand.
const MOST: usize = 8 << 20;
/// The port of a URL that has none.
const PORT: u16 = 80;
/// What it calls the time of the processors.
const METRIC: &str = "node_cpu_seconds_total{";

/// Asks the exporter of one server until its task is ended.
pub(super) async fn watch(watched: Arc<Watched>, server: usize, url: String) {
    let name = news::name(&watched.entry, server);
    let Some(exporter) = Exporter::parse(&url) else {
        tracing::warn!(
            server = name,
            "node_exporter is not asked: not a URL of the form http://host:port/path"
        );
        return;
    };
    let (mut before, mut silent) = (None, false);
    loop {
        let asked = timeout(PATIENCE, exporter.ask()).await.unwrap_or_else(|_| Err("no answer".to_owned()));
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
    let exporter = Exporter::parse(url).ok_or("not a URL of the form http://host:port/path")?;
    let text = timeout(PATIENCE, exporter.ask()).await.unwrap_or_else(|_| Err("no answer".to_owned()))?;
    Times::read(&text).map(|_| ()).ok_or_else(|| "no times of processors".to_owned())
}

/// Where it is.
#[derive(Debug, PartialEq, Eq)]
struct Exporter {
    host: Host,
    port: u16,
    /// Host and port, as they stand in the URL.
    authority: String,
    path: String,
}

impl Exporter {
    fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let (host, port) = match authority.rsplit_once(':') {
            // a colon inside of brackets belongs to the address
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            Some(_) | None => (authority, PORT),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let fits = |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_control() || c == ' ');
        let (authority, path) = (authority.to_owned(), path.to_owned());
        (fits(host) && fits(&path) && !authority.contains('@')).then(|| Self {
            host: Host::Tcp(host.to_owned()),
            port,
            authority,
            path,
        })
    }

    async fn ask(&self) -> Result<String, String> {
        let words = |error: std::io::Error| error.to_string();
        let mut stream = net::connect(&self.host, self.port, PATIENCE).await.map_err(words)?;
        let request =
            format!("GET {} HTTP/1.0\r\nHost: {}\r\nAccept: text/plain\r\n\r\n", self.path, self.authority);
        stream.write_all(request.as_bytes()).await.map_err(words)?;
        let mut answer = BytesMut::new();
        while stream.read_more(&mut answer).await.map_err(words)? > 0 {
            if answer.len() > MOST {
                return Err("too long an answer".to_owned());
            }
        }
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").ok_or("not an answer in HTTP")?;
        let status = head.split(' ').nth(1).unwrap_or_default();
        if status == "200" { Ok(body.to_owned()) } else { Err(format!("HTTP status {status:.3}")) }
    }
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

    fn exporter(url: &str) -> Option<(String, u16, String)> {
        Exporter::parse(url).map(|it| (it.host.to_string(), it.port, it.path))
    }

    #[test]
    fn urls_are_taken_apart() {
        let is = |host: &str, port, path: &str| Some((host.to_owned(), port, path.to_owned()));
        assert_eq!(exporter("http://10.0.0.1:9100/metrics"), is("10.0.0.1", 9100, "/metrics"));
        assert_eq!(exporter("http://db.example/m?x=1"), is("db.example", 80, "/m?x=1"));
        assert_eq!(exporter("http://[::1]:9100"), is("::1", 9100, "/"));
        assert_eq!(exporter("http://[::1]"), is("::1", 80, "/"));
        for wrong in [
            "",
            "10.0.0.1:9100",
            "https://a/",
            "http://",
            "http:///x",
            "http://a:x/",
            "http://u@a/",
            "http://a/ b",
        ] {
            assert_eq!(exporter(wrong), None, "{wrong}");
        }
    }

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
            let _ = Exporter::parse(&text);
        }
    }
}
