//! Logs to stderr: one event, one line, as text or as JSON, with a level that can change while running.
//! A line break or another control character inside an event is escaped, so nobody's text can forge a line.
//! Lines are written where they happen, each by one system call; nothing is kept back when the process ends.
//! What may not stand in a line (passwords, keys, statements) is the callers' duty; see `fields`.

use std::io::{self, Write};

use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::{Registry, reload};

use crate::error::Error;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: time, level, part, text, fields.
    Text,
    /// For machines: one JSON object.
    Json,
}

/// Starts to log to stderr, for the whole process and once. `level` is `off`, `error`, `warn`, `info`,
/// `debug` or `trace`; after a comma a part may have a level of its own: `info,pool=debug`.
///
/// # Errors
/// When the level is not one, or logs were started before.
pub fn init(format: Format, level: &str) -> Result<Log, Error> {
    let (subscriber, log) = subscriber(format, level, io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| Error::AlreadyStarted)?;
    Ok(log)
}

/// Whether `level` is one that [`init`] takes.
///
/// # Errors
/// When it is not.
pub fn check_level(level: &str) -> Result<(), Error> {
    targets(level).map(|_| ())
}

/// What changes the level of running logs.
#[derive(Debug, Clone)]
pub struct Log {
    level: reload::Handle<Targets, Registry>,
}

impl Log {
    /// From now on this level holds.
    ///
    /// # Errors
    /// When it is not a level; the old one then stays.
    pub fn set_level(&self, level: &str) -> Result<(), Error> {
        self.level.reload(targets(level)?).map_err(|_| Error::Stopped)
    }
}

fn subscriber<W>(format: Format, level: &str, writer: W) -> Result<(impl Subscriber + use<W>, Log), Error>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (level, handle) = reload::Layer::new(targets(level)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(OneLine(writer)).with_ansi(false);
    let lines = match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    Ok((tracing_subscriber::registry().with(level).with(lines), Log { level: handle }))
}

fn targets(level: &str) -> Result<Targets, Error> {
    let error = || Error::Level(level.to_owned());
    let mut directives = level.split(',').map(str::trim);
    let base = directives.next().and_then(filter).ok_or_else(error)?;
    let mut targets = Targets::new().with_default(base);
    for directive in directives {
        let (part, level) = directive.split_once('=').ok_or_else(error)?;
        let level = filter(level).filter(|_| !part.is_empty()).ok_or_else(error)?;
        // Our own crates are called pgweir_… when they speak.
        targets = targets.with_target(part, level).with_target(format!("pgweir_{part}"), level);
    }
    Ok(targets)
}

/// Only words: the parser of the library takes numbers too.
fn filter(word: &str) -> Option<LevelFilter> {
    if word.is_empty() || word.bytes().any(|b| !b.is_ascii_alphabetic()) { None } else { word.parse().ok() }
}

/// Escapes the control characters inside each line on its way to the writer.
struct OneLine<W>(W);

struct OneLineWriter<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for OneLine<W> {
    type Writer = OneLineWriter<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        OneLineWriter(self.0.make_writer())
    }
}

impl<W: Write> Write for OneLineWriter<W> {
    /// The formatter hands over each event whole, its own line break included.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if text.iter().any(u8::is_ascii_control) {
            let mut safe = Vec::with_capacity(line.len() + 16);
            for byte in text {
                match byte {
                    b'\t' => safe.push(b'\t'),
                    byte if byte.is_ascii_control() => safe.extend(byte.escape_ascii()),
                    byte => safe.push(*byte),
                }
            }
            safe.extend_from_slice(line.get(text.len()..).unwrap_or_default());
            self.0.write_all(&safe)?;
        } else {
            self.0.write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{debug, info, info_span, warn};

    use super::*;
    use crate::fields;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines_of(format: Format, level: &str, events: impl FnOnce(&Log)) -> Vec<String> {
        let sink = Sink::default();
        let writer = sink.clone();
        let (subscriber, log) = subscriber(format, level, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || events(&log));
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn text_has_fields_and_spans_on_one_line() {
        let lines = lines_of(Format::Text, "info", |_| {
            let _client = info_span!("client", { fields::CLIENT } = 7).entered();
            info!({ fields::SERVER_PID } = 4711, "server lent");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        for part in ["INFO", "client=7", "server lent", "server_pid=4711"] {
            assert!(lines[0].contains(part), "{part} is not in {}", lines[0]);
        }
    }

    #[test]
    fn json_is_one_object_per_line() {
        let lines = lines_of(Format::Json, "info", |_| {
            let _client = info_span!("client", { fields::CLIENT } = 7).entered();
            warn!({ fields::USER } = "a\"b\nc\u{1b}[31m", "login failed\nagain");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        let value: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(value["level"], "WARN");
        assert_eq!(value["message"], "login failed\nagain");
        assert_eq!(value["user"], "a\"b\nc\u{1b}[31m");
        assert_eq!(value["span"]["client"], 7);
    }

    #[test]
    fn no_text_can_forge_a_line() {
        let lines = lines_of(Format::Text, "info", |_| {
            let evil = "x\n2026-01-01T00:00:00Z  INFO forged\r\u{1b}[2J";
            warn!({ fields::USER } = evil, shown = %evil, "from {evil}");
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(!lines[0].bytes().any(|b| b.is_ascii_control()), "{:?}", lines[0]);
    }

    #[test]
    fn the_level_changes_while_running_and_a_wrong_one_changes_nothing() {
        let lines = lines_of(Format::Text, "info", |log| {
            debug!("hidden");
            log.set_level("debug").unwrap();
            debug!("first");
            assert!(matches!(log.set_level("loud"), Err(Error::Level(given)) if given == "loud"));
            debug!("second");
            log.set_level("warn, telemetry=debug").unwrap();
            info!(target: "hyper::proto", "other part");
            debug!("part");
            log.set_level("off").unwrap();
            warn!("hidden too");
        });
        let texts: Vec<_> = lines.iter().map(|line| line.rsplit(": ").next().unwrap()).collect();
        assert_eq!(texts, ["first", "second", "part"]);
    }

    #[test]
    fn levels_are_words() {
        for good in ["off", "info", "WARN", "info,pool=debug", "error, pool=trace, session=debug"] {
            assert!(check_level(good).is_ok(), "{good}");
        }
        for bad in
            ["", "loud", "3", "pool=debug", "info,", "info,pool", "info,pool=", "info,=debug", "info debug"]
        {
            assert!(check_level(bad).is_err(), "{bad}");
        }
    }
}
