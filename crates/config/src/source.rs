//! Where a secret comes from that does not stand in the configuration itself, and how it is read from there.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::error::{Error, quoted};
use crate::file::read_text;

/// The longest secret, in bytes; tokens of cloud services have some kilobytes.
const MOST: u64 = 1 << 20;
/// How long a command may take. Start and reload wait for it.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);

/// A file or a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// What is in this file.
    File(PathBuf),
    /// What this program writes to its standard output.
    Command {
        /// The program and its arguments.
        words: Vec<String>,
        /// The folder of the configuration file.
        folder: PathBuf,
    },
}

impl Origin {
    /// The text, without the line break at its end. Blocks.
    pub(crate) fn read(&self) -> Result<String, Error> {
        let text = match self {
            Self::File(path) => read_text(path, MOST)?,
            Self::Command { words, folder } => run(words, folder, COMMAND_TIMEOUT)?,
        };
        // what an editor or echo leaves behind is not part of the secret
        let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        Ok(line.unwrap_or(&text).to_owned())
    }
}

/// What is wrong with a text that is to be a secret.
pub(crate) fn fault(text: &str) -> Option<&'static str> {
    match text {
        "" => Some("empty"),
        text if text.contains('\0') => Some("text with a zero byte"),
        _ => None,
    }
}

/// What a command writes to its standard output. Its standard error is ours.
fn run(words: &[String], folder: &Path, timeout: Duration) -> Result<String, Error> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Error::Conflict("there is no command".into()));
    };
    // a whole command line in its place may have a token in it
    let name = program.split_whitespace().next().unwrap_or(program);
    let wrong = |what: &str| Error::Conflict(format!("command {} {what}", quoted(name)));
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
}
