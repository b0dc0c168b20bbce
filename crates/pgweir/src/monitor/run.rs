//! Runs a command of the operator's: with a deadline, and with the end of what it writes kept for the log. Blocks.

use std::collections::VecDeque;
use std::fmt;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// So much of its output is kept: its end, in bytes and lines.
const KEPT: (usize, usize) = (4096, 20);
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(50);
/// How long its output is waited for when it has ended: something it has started may hold that open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Why it has not ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// It has not even begun.
    NotStarted(String),
    /// It may have done something.
    Ended(String),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(why) => write!(f, "it cannot be started: {why}"),
            Self::Ended(how) => f.write_str(how),
        }
    }
}

/// How it ended, and the last lines that it wrote to standard output and standard error.
pub(super) fn run(
    command: &config::Command,
    environment: &[(&'static str, String)],
    timeout: Duration,
) -> (Result<(), Failed>, String) {
    let not_started = |error: std::io::Error| (Err(Failed::NotStarted(error.to_string())), String::new());
    let (mut reader, writer) = match std::io::pipe() {
        Ok(ends) => ends,
        Err(error) => return not_started(error),
    };
    let child = writer.try_clone().and_then(|other| {
        Command::new(&command.program)
            .args(&command.arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(other)
            // so that what it starts can be ended with it
            .process_group(0)
            .spawn()
    });
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return not_started(error),
    };
    let (sender, receiver) = mpsc::sync_channel(1);
    let last = Arc::new(Mutex::new(VecDeque::new()));
    let theirs = Arc::clone(&last);
    let read = std::thread::Builder::new().name("command output".to_owned()).spawn(move || {
        let mut block = [0; 1024];
        while let Ok(n @ 1..) = reader.read(&mut block) {
            let mut last = theirs.lock().unwrap_or_else(PoisonError::into_inner);
            last.extend(block.iter().take(n));
            let more = last.len().saturating_sub(KEPT.0);
            last.drain(..more);
        }
        // who waited may have gone
        let _ = sender.send(());
    });
    let ended = wait(&mut child, timeout).map_err(Failed::Ended);
    if read.is_ok() {
        let _all_of_it = receiver.recv_timeout(LAST_WORDS);
    }
    let mut output: MutexGuard<'_, VecDeque<u8>> = last.lock().unwrap_or_else(PoisonError::into_inner);
    (ended, lines(output.make_contiguous()))
}

fn wait(child: &mut Child, timeout: Duration) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return judge(status),
            Ok(None) if begun.elapsed() < timeout => std::thread::sleep(LOOK),
            Ok(None) => {
                end(child);
                return Err(format!("it took longer than {timeout:?} and was killed"));
            }
            Err(error) => return Err(format!("it cannot be waited for: {error}")),
        }
    }
}

fn judge(status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

/// Kills it and all that it has started, as far as that has not left its group.
fn end(child: &mut Child) {
    let group = format!("-{}", child.id());
    let _killed = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    // it may have ended just now
    let _killed = child.kill();
    let _ended = child.wait();
}

fn lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(KEPT.1)..).unwrap_or_default();
    last.join(" | ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn shell(script: &str, timeout: Duration) -> (Result<(), String>, String) {
        let arguments = vec!["-c".to_owned(), script.to_owned()];
        let command = config::Command { program: "sh".into(), arguments };
        let (ended, output) = run(&command, &[("PGWEIR_REASON", "diverged".to_owned())], timeout);
        (ended.map_err(|failed| failed.to_string()), output)
    }

    #[test]
    fn it_has_its_environment_and_its_last_lines_are_kept() {
        let (outcome, output) = shell("echo $PGWEIR_REASON; echo no >&2; exit 3", PATIENCE);
        assert_eq!((outcome, output.as_str()), (Err("exit status: 3".to_owned()), "diverged | no"));
        let (outcome, output) = shell("seq 1 100000", PATIENCE);
        assert_eq!(outcome, Ok(()));
        assert!(output.starts_with("99981 | ") && output.ends_with(" | 100000"), "{output}");
    }

    #[test]
    fn one_that_hangs_is_ended_with_all_that_it_has_started() {
        let (outcome, _) = shell("sleep 600 & sleep 600", Duration::from_millis(100));
        assert!(outcome.unwrap_err().contains("killed"));
        // what it leaves behind is not waited for
        assert_eq!(shell("sleep 5 & echo done", PATIENCE), (Ok(()), "done".to_owned()));
    }

    #[test]
    fn one_that_is_not_there_says_so() {
        let command = config::Command { program: "/nowhere/at-all".into(), arguments: Vec::new() };
        assert!(matches!(run(&command, &[], PATIENCE).0, Err(Failed::NotStarted(_))));
    }
}
