//! The console's commands, parsed by hand: what was typed becomes a [`Command`] or a [`Fail`]. Decides nothing
//! about rights and touches nothing.

use std::time::Duration;

use super::fail::Fail;
use super::view::{MISSING, SETTINGS, View};
use super::words::{Word, statements};

/// The most statements of one text.
const MOST_STATEMENTS: usize = 64;
/// The longest wait of PAUSE.
const MOST_TIMEOUT: u64 = 24 * 60 * 60 * 1000;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// One view.
    Show(View),
    /// A setting that drivers ask for.
    ShowSetting(&'static str, &'static str),
    /// What can be asked for.
    Help,
    /// Lend nothing; with a time after which it is given up.
    Pause(Option<String>, Option<Duration>),
    /// Lend again.
    Resume(Option<String>),
    /// Drop clients and servers, and lend nothing.
    Kill(Option<String>),
    /// Drop one client.
    KillClient(String),
    /// Close servers as they become free.
    Reconnect(Option<String>),
    /// Take a server out, or put it back: its name, its host, or host and port.
    Ban(String, bool),
    /// Read the configuration again.
    Reload,
    /// Stop.
    Shutdown(Stop),
    /// Change this setting.
    Set(String),
    /// Nothing is to be done, but this be said.
    Nothing(Idle),
    /// Forget one prepared statement, or all.
    Deallocate(Option<String>),
    /// Something that is not there yet; admins only.
    Later(&'static str),
}

/// How to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Telling the clients.
    Fast,
    /// Without a word.
    Immediate,
    /// When every transaction has ended.
    ServersFree,
    /// When every client has left.
    ClientsGone,
}

/// What drivers do around their work, without a meaning here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Idle {
    /// A transaction begins; the tag.
    Begin(&'static str),
    /// It ends.
    End(&'static str),
    /// RESET.
    Reset,
    /// DISCARD ALL.
    Discard,
}

/// Parses a text.
///
/// # Errors
/// What is wrong with it; then nothing of it is done.
pub(crate) fn parse(text: &str) -> Result<Vec<Command>, Fail> {
    let all = statements(text).map_err(Fail::syntax)?;
    if all.len() > MOST_STATEMENTS {
        return Err(Fail::too_many("statements in one text", MOST_STATEMENTS));
    }
    all.iter().map(|words| command(words)).collect()
}

fn command(words: &[Word]) -> Result<Command, Fail> {
    let unknown = || Fail::unknown(&shown(words));
    let (first, rest) = words.split_first().ok_or_else(unknown)?;
    let Word::Bare(verb) = first else { return Err(unknown()) };
    let found = match verb.to_ascii_uppercase().as_str() {
        "SHOW" | "SELECT" => return show(rest).ok_or_else(unknown)?,
        "PAUSE" => pause(rest),
        "RESUME" => one_name(rest).map(Command::Resume),
        "KILL" => one_name(rest).map(Command::Kill),
        "RECONNECT" => one_name(rest).map(Command::Reconnect),
        "KILL_CLIENT" => one_name(rest).map(|id| Command::KillClient(id.unwrap_or_default())),
        "RELOAD" => rest.is_empty().then_some(Command::Reload),
        "SHUTDOWN" => shutdown(rest).map(Command::Shutdown),
        "SET" => set(rest),
        "BEGIN" => Some(Command::Nothing(Idle::Begin("BEGIN"))),
        "START" => rest
            .first()
            .is_some_and(|word| word.is("TRANSACTION"))
            .then_some(Command::Nothing(Idle::Begin("START TRANSACTION"))),
        "COMMIT" | "END" => Some(Command::Nothing(Idle::End("COMMIT"))),
        "ROLLBACK" | "ABORT" => Some(Command::Nothing(Idle::End("ROLLBACK"))),
        "RESET" => (!rest.is_empty()).then_some(Command::Nothing(Idle::Reset)),
        "DISCARD" => (all_or(rest) == Some(None)).then_some(Command::Nothing(Idle::Discard)),
        "DEALLOCATE" => all_or(rest).map(Command::Deallocate),
        "DISABLE" => Some(Command::Later("DISABLE")),
        "ENABLE" => Some(Command::Later("ENABLE")),
        "SUSPEND" => Some(Command::Later("SUSPEND")),
        "WAIT_CLOSE" => Some(Command::Later("WAIT_CLOSE")),
        "BAN" => one_name(rest).flatten().map(|what| Command::Ban(what, true)),
        "UNBAN" => one_name(rest).flatten().map(|what| Command::Ban(what, false)),
        "CACHE" => Some(Command::Later("CACHE INVALIDATE")),
        _ => None,
    };
    found.ok_or_else(unknown)
}

fn show(rest: &[Word]) -> Option<Result<Command, Fail>> {
    let words = rest.iter().map(Word::name).collect::<Option<Vec<_>>>()?;
    let asked = words.join(" ");
    let is = |name: &str| name.eq_ignore_ascii_case(&asked);
    if is("HELP") {
        return Some(Ok(Command::Help));
    }
    if let Some(view) = View::ALL.iter().find(|view| is(view.word())) {
        return Some(Ok(Command::Show(*view)));
    }
    if let Some((name, value)) = SETTINGS.iter().find(|(name, _)| is(name)) {
        return Some(Ok(Command::ShowSetting(name, value)));
    }
    let missing = MISSING.iter().find(|name| is(name))?;
    Some(Err(Fail::later(&format!("SHOW {missing}"))))
}

/// At most one name.
fn one_name(rest: &[Word]) -> Option<Option<String>> {
    match rest {
        [] => Some(None),
        [one] => one.name().map(|name| Some(name.to_owned())),
        _ => None,
    }
}

/// `ALL`, or one name.
fn all_or(rest: &[Word]) -> Option<Option<String>> {
    match rest {
        [all] if all.is("ALL") => Some(None),
        [prepare, rest @ ..] if prepare.is("PREPARE") && !rest.is_empty() => all_or(rest),
        [one] => one.name().map(|name| Some(name.to_owned())),
        _ => None,
    }
}

fn pause(rest: &[Word]) -> Option<Command> {
    let (names, time) = match rest {
        [names @ .., word, time] if word.is("TIMEOUT") => (names, Some(duration(time)?)),
        names => (names, None),
    };
    one_name(names).map(|name| Command::Pause(name, time))
}

/// `5`, `5s`, `500ms` or `2min`; a number alone is seconds.
fn duration(word: &Word) -> Option<Duration> {
    let text = word.name()?;
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "min" => 60_000,
        _ => return None,
    };
    let ms = number.parse::<u64>().ok()?.checked_mul(unit)?;
    (ms <= MOST_TIMEOUT).then(|| Duration::from_millis(ms))
}

fn shutdown(rest: &[Word]) -> Option<Stop> {
    match rest {
        [] => Some(Stop::Fast),
        [how] if how.is("IMMEDIATE") => Some(Stop::Immediate),
        [how] if how.is("WAIT_FOR_SERVERS") => Some(Stop::ServersFree),
        [how] if how.is("WAIT_FOR_CLIENTS") => Some(Stop::ClientsGone),
        _ => None,
    }
}

/// Any SET: `SET a = b`, `SET SESSION a TO b`, `SET SESSION CHARACTERISTICS AS …`.
fn set(rest: &[Word]) -> Option<Command> {
    let rest = match rest {
        [scope, rest @ ..] if (scope.is("SESSION") || scope.is("LOCAL")) && !rest.is_empty() => rest,
        rest => rest,
    };
    let (key, value) = rest.split_first()?;
    (!value.is_empty()).then(|| key.name().map(|key| Command::Set(key.to_owned())))?
}

/// What was typed, as far as it fits a message.
fn shown(words: &[Word]) -> String {
    let text = |word: &Word| match word {
        Word::Bare(text) => text.clone(),
        Word::Quoted(text) => format!("\"{text}\""),
        Word::Sign(sign) => sign.to_string(),
    };
    let all = words.iter().take(10).map(text).collect::<Vec<_>>().join(" ");
    all.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests;
