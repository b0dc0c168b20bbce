//! A password or a stored secret that cannot be printed by accident, and where it may come from.
//!
//! It may stand in the file, also as `${NAME}`, or `{ file = "…" }` or `{ command = ["…"] }` says where to get
//! it; all of them are read again at every reload. Mistakes never repeat what was read.

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use toml::de::DeValue;

use crate::error::{Error, quoted};
use crate::file::{Item, Table, read_text};
use crate::form::{Folder, Form, expanded};

/// Text that neither `Debug` nor `Display` shows. `==` takes as long as the texts agree: it is for finding out
/// whether a reload changed something, not for logins.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself; the caller must not print or log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The longest secret, in bytes; tokens of cloud services have some kilobytes.
const MOST: u64 = 1 << 20;
/// How long a command may take. Start and reload wait for it.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// A secret or where to get it.
pub(crate) struct SecretText;

impl Form for SecretText {
    type Value = Secret;

    fn read(&self, item: &Item<'_>) -> Option<Secret> {
        let text = match item.value {
            DeValue::Table(_) => from_elsewhere(&item.table())?,
            DeValue::Array(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Float(_)
            | DeValue::Integer(_)
            | DeValue::String(_) => expanded(item, self.words())?,
        };
        let got = match text.as_str() {
            "" => "empty",
            text if text.contains('\0') => "text with a zero byte",
            _ => return Some(Secret(text)),
        };
        item.mistake(Error::Value { got: got.into(), want: self.words() });
        None
    }

    fn show(&self, _value: &Secret) -> String {
        String::new()
    }

    fn words(&self) -> String {
        "text that is not empty, { file = \"…\" } or { command = [\"…\"] }".into()
    }
}

/// The text that a table `{ file = "…" }` or `{ command = ["…"] }` stands for.
fn from_elsewhere(table: &Table<'_>) -> Option<String> {
    let (file, command) = (table.item("file"), table.item("command"));
    table.finish();
    let text = match (file, command) {
        (Some(item), None) => {
            let path = Folder.read(&item)?;
            read_text(&path, MOST).map_err(|error| item.mistake(error)).ok()
        }
        (None, Some(item)) => {
            let words = words(&item)?;
            run(&words, table.reading().folder(), COMMAND_TIMEOUT).map_err(|error| item.mistake(error)).ok()
        }
        (None, None) => {
            table.mistake("file", Error::Missing { want: "set, or \"command\" instead".into() });
            None
        }
        (Some(_), Some(_)) => {
            table.mistake("command", Error::Conflict("stands beside \"file\", keep one of them".into()));
            None
        }
    }?;
    // what an editor or echo leaves behind is not part of the secret
    let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    Some(line.unwrap_or(&text).to_owned())
}

/// The words of a command. They may be anything, and are not repeated: some tools take tokens as arguments.
fn words(item: &Item<'_>) -> Option<Vec<String>> {
    let want = || "a list of the program and its arguments".to_owned();
    let words: Vec<Option<String>> = item.each().iter().map(|item| expanded(item, want())).collect();
    let words: Vec<String> = words.into_iter().collect::<Option<_>>()?;
    let got = match words.first().map(String::as_str) {
        None => "an empty list",
        Some("") => "a list without a program",
        Some(_) if words.iter().any(|word| word.contains('\0')) => "text with a zero byte",
        Some(_) => return Some(words),
    };
    item.mistake(Error::Value { got: got.into(), want: want() });
    None
}

/// What a command writes to its standard output. Its standard error is ours.
fn run(words: &[String], folder: &Path, timeout: Duration) -> Result<String, Error> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Error::Conflict("there is no command".into()));
    };
    let wrong = |what: &str| Error::Conflict(format!("command {} {what}", quoted(program)));
    // as every path of the file; a bare name is looked for in PATH
    let path = if program.contains('/') { folder.join(program) } else { program.into() };
    let mut child = Command::new(path)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| wrong(&format!("cannot be started: {error}")))?;
    let (sender, receiver) = mpsc::sync_channel(1);
    if let Some(output) = child.stdout.take() {
        // a thread, because a pipe has no timeout; it ends with the last process that holds the other end
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let result = output.take(MOST.saturating_add(1)).read_to_end(&mut bytes).map(|_| bytes);
            // the receiver is gone once it has waited long enough
            drop(sender.send(result));
        });
    }
    let output = receiver.recv_timeout(timeout);
    if output.is_err() {
        // it may have ended just now
        drop(child.kill());
    }
    let status = child.wait().map_err(|error| wrong(&format!("cannot be waited for: {error}")))?;
    let Ok(output) = output else {
        return Err(wrong(&format!("takes longer than {timeout:?}, must be quicker")));
    };
    if !status.success() {
        return Err(wrong(&format!("failed with {status}, must end with exit status 0")));
    }
    let bytes = output.map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    match String::from_utf8(bytes) {
        Ok(text) if u64::try_from(text.len()).is_ok_and(|len| len <= MOST) => Ok(text),
        Ok(_) => Err(wrong(&format!("writes more than {MOST} bytes"))),
        Err(_) => Err(wrong("writes something that is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str], timeout: Duration) -> Result<String, Error> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        run(&words, Path::new(""), timeout)
    }

    #[test]
    fn commands_give_their_output() {
        assert_eq!(command(&["echo", "s3cret"], COMMAND_TIMEOUT), Ok("s3cret\n".into()));
    }

    #[test]
    fn commands_that_fail_say_so_without_their_output() {
        let error = command(&["sh", "-c", "echo s3cret; exit 3"], COMMAND_TIMEOUT).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && !error.contains("s3cret"), "{error}");
        let error = command(&["/nowhere/at-all"], COMMAND_TIMEOUT).unwrap_err().to_string();
        assert!(error.contains("cannot be started"), "{error}");
    }

    #[test]
    fn commands_that_hang_or_flood_are_cut_off() {
        let error = command(&["sleep", "600"], Duration::from_millis(20)).unwrap_err().to_string();
        assert!(error.contains("longer than 20ms"), "{error}");
        let error = command(&["head", "-c", "2000000", "/dev/zero"], COMMAND_TIMEOUT);
        assert!(error.is_err());
    }

    #[test]
    fn nothing_prints_a_secret() {
        let secret = Secret::new("canary");
        assert_eq!(format!("{secret} {secret:?} {secret:#?}"), "… Secret(…) Secret(…)");
        assert_eq!(secret.expose(), "canary");
    }
}
