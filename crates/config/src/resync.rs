//! The part of `[failover]` that is about servers that can not follow the primary any more.

use std::path::PathBuf;
use std::time::Duration;

use crate::amount::{ONE_DAY, Time};
use crate::choice::{choice, one_of};
use crate::error::{Error, quoted};
use crate::file::{Item, Table};
use crate::form::{Form, expanded, in_toml};
use crate::key::{Check, key, optional, section};

section! {
    /// What happens with a server that can not follow the primary by itself.
    pub struct Resync {
        /// What is done about a server that has changes which the primary has not, or needs what is not kept any more.
        /// SHOW REPLICAS says in any case what would help.
        pub resync: Resyncing = key("failover.resync", one_of(), Resyncing::Never).live(),
        /// The program that `resync = "command"` runs, and its arguments. What it is about is in its environment:
        /// PGWEIR_SERVER, PGWEIR_HOST, PGWEIR_PORT, PGWEIR_PRIMARY, PGWEIR_PRIMARY_HOST, PGWEIR_PRIMARY_PORT,
        /// PGWEIR_DATABASE, PGWEIR_REASON, PGWEIR_DATA_DIRECTORY, PGWEIR_COMMAND.
        pub command: Option<Command> =
            optional("failover.resync_command", Words, r#"["/usr/local/bin/resync", "--now"]"#).live(),
        /// How long a server has to be without what it should follow before that is told, and before the command runs.
        pub after: Duration =
            key("failover.resync_after", Time(Duration::from_secs(1), ONE_DAY), Duration::from_secs(30)).live(),
        /// How long the command may take before it is killed.
        pub timeout: Duration =
            key("failover.resync_timeout", Time(Duration::from_secs(1), ONE_DAY), Duration::from_secs(3600)).live(),
    }
}

impl Check for Resync {
    fn check(section: Option<&Self>, table: &Table<'_>) {
        let runs = section.is_some_and(|section| section.resync == Resyncing::Command);
        if runs && !table.has("resync_command") {
            let message = "needs \"resync_command\" beside it, the program to run".into();
            table.mistake("resync", Error::Conflict(message));
        }
    }
}

choice! {
    /// What is done about a server that can not follow.
    pub enum Resyncing {
        /// Nothing: what helps is only told.
        Never = "never",
        /// A program is run, once each time.
        Command = "command",
    }
}

/// A program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Where the program is, or its name.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// The words of a command; unlike in other lists the same one may stand there twice.
pub(crate) struct Words;

impl Form for Words {
    type Value = Command;

    fn read(&self, item: &Item<'_>) -> Option<Command> {
        let words: Vec<Option<String>> =
            item.each().iter().map(|item| expanded(item, self.words())).collect();
        let words: Vec<String> = words.into_iter().collect::<Option<_>>()?;
        let got = match words.split_first() {
            None => "an empty list".to_owned(),
            Some((program, _)) if program.is_empty() => "a list without a program".to_owned(),
            Some(_) if words.iter().any(|word| word.contains('\0')) => "text with a zero byte".to_owned(),
            Some((program, arguments)) => {
                // as every path of the file; a bare name is looked for in PATH
                let has_path = program.contains('/');
                let program = if has_path { item.reading.path(program) } else { program.into() };
                return Some(Command { program, arguments: arguments.to_vec() });
            }
        };
        item.mistake(Error::Value { got, want: self.words() });
        None
    }

    fn show(&self, value: &Command) -> String {
        let program = value.program.to_string_lossy();
        let words = [program.as_ref()].into_iter().chain(value.arguments.iter().map(String::as_str));
        format!("[{}]", words.map(in_toml).collect::<Vec<_>>().join(", "))
    }

    fn words(&self) -> String {
        format!("a list of the program and its arguments, such as [{}]", quoted("resync"))
    }
}
