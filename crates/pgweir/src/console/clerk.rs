//! What the console's commands do, and who may have them done. Every command ends in bounded time but PAUSE
//! without TIMEOUT, which a cancel request, RESUME or the visitor's leaving ends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use net::Phase;
use session::Hub;
use session::card::Order;
use session::error::Error;

use super::fail::Fail;
use super::grammar::{Command, Stop};
use super::line::{Line, Waited};
use super::rows::{self, Scene};
use super::table::{Column, Kind, Row};
use super::{config_rows, help};
use crate::control::Control;
use crate::lifecycle;
use crate::reload;

/// How long KILL waits for those it has sent away.
const KILLED: Duration = Duration::from_secs(15);

/// Does what one visitor asks for.
pub(crate) struct Clerk<'a> {
    pub(crate) hub: &'a Arc<Hub>,
    pub(crate) control: &'a Arc<Control>,
    pub(crate) user: &'a str,
    pub(crate) worker: usize,
}

/// A command that was done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) rows: Option<Vec<Row>>,
    pub(crate) tag: &'static str,
    /// A NOTICE with its detail.
    pub(crate) notice: Option<(&'static str, String)>,
}

/// A command that was not.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The visitor is told why.
    Fail(Fail),
    /// The connection ends.
    Gone(Error),
}

impl Done {
    /// Nothing but a tag.
    pub(crate) fn tag(tag: &'static str) -> Self {
        Self { tag, ..Self::default() }
    }

    fn rows(rows: Vec<Row>) -> Self {
        Self { rows: Some(rows), tag: "SHOW", notice: None }
    }

    fn notice(tag: &'static str, message: &'static str, detail: String) -> Self {
        Self { rows: None, tag, notice: Some((message, detail)) }
    }
}

impl From<Fail> for Refused {
    fn from(fail: Fail) -> Self {
        Self::Fail(fail)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Gone(error)
    }
}

impl From<wire::Error> for Refused {
    fn from(what: wire::Error) -> Self {
        Self::Fail(Fail::message(&what))
    }
}

impl Command {
    /// The columns of its answer, if it has rows.
    pub(crate) fn columns(&self) -> Option<Vec<Column>> {
        match self {
            Self::Show(view) => Some(view.columns().to_vec()),
            Self::ShowSetting(name, _) => Some(vec![(*name, Kind::Text)]),
            Self::Help
            | Self::Pause(..)
            | Self::Resume(_)
            | Self::Kill(_)
            | Self::KillClient(_)
            | Self::Reconnect(_)
            | Self::Ban(..)
            | Self::Reload
            | Self::Shutdown(_)
            | Self::Set(_)
            | Self::Nothing(_)
            | Self::Deallocate(_)
            | Self::Later(_) => None,
        }
    }

    /// Whether it changes nothing that others see.
    fn is_harmless(&self) -> bool {
        match self {
            Self::Show(_) | Self::ShowSetting(..) | Self::Help | Self::Nothing(_) | Self::Deallocate(_) => {
                true
            }
            Self::Set(key) => !config_rows::is_ours(key),
            Self::Pause(..)
            | Self::Resume(_)
            | Self::Kill(_)
            | Self::KillClient(_)
            | Self::Reconnect(_)
            | Self::Ban(..)
            | Self::Reload
            | Self::Shutdown(_)
            | Self::Later(_) => false,
        }
    }
}

impl Clerk<'_> {
    /// Does it, if the visitor may.
    pub(crate) async fn run(&self, line: &mut Line, command: &Command) -> Result<Done, Refused> {
        let counted = self.control.console.shared();
        counted.add_query_count(1);
        counted.add_xact_count(1);
        self.allowed(command)?;
        if !command.is_harmless() {
            tracing::info!(client = line.card.id, user = self.user, "console: {command:?}");
        }
        match command {
            Command::Show(view) => Ok(Done::rows(rows::show(*view, &self.scene()))),
            Command::ShowSetting(_, value) => Ok(Done::rows(vec![vec![(*value).into()]])),
            Command::Help => Ok(Done::notice("SHOW", "Console usage", help::TEXT.to_owned())),
            Command::Pause(database, patience) => self.pause(line, database.as_deref(), *patience).await,
            Command::Resume(database) => self.resume(database.as_deref()),
            Command::Kill(database) => self.kill(line, database.as_deref()).await,
            Command::KillClient(id) => self.kill_client(id),
            Command::Reconnect(database) => {
                self.known("reconnect", database.as_deref())?;
                self.hub.directory.reconnect(database.as_deref());
                Ok(Done::tag("RECONNECT"))
            }
            Command::Ban(what, banned) => {
                if self.control.monitors.ban(what, *banned) == 0 {
                    return Err(Fail::no_server(what).into());
                }
                Ok(Done::tag(if *banned { "BAN" } else { "UNBAN" }))
            }
            Command::Reload => match reload::reload(self.control).await {
                Ok(()) => Ok(Done::tag("RELOAD")),
                Err(mistakes) => Err(Fail::reload(&mistakes).into()),
            },
            Command::Shutdown(stop) => Ok(self.shutdown(*stop)),
            Command::Set(key) if config_rows::is_ours(key) => Err(Fail::in_file(key).into()),
            Command::Set(_) => Ok(Done::notice("SET", "SET ignored", String::new())),
            Command::Later(what) => Err(Fail::later(what).into()),
            // the desk does these
            Command::Nothing(_) | Command::Deallocate(_) => Ok(Done::default()),
        }
    }

    /// What went to and fro.
    pub(crate) fn count_bytes(&self, received: u64, sent: u64) {
        let counted = self.control.console.shared();
        counted.add_bytes_received(received);
        counted.add_bytes_sent(sent);
    }

    /// By the configuration in force now, not the one of the log-in.
    fn allowed(&self, command: &Command) -> Result<(), Fail> {
        let config = self.hub.directory.config();
        let is_in = |users: &[String]| users.iter().any(|user| user == self.user);
        if is_in(&config.admin.users) {
            return Ok(());
        }
        if !is_in(&config.admin.stats_users) {
            return Err(Fail::nobody_here());
        }
        if command.is_harmless() { Ok(()) } else { Err(Fail::not_admin()) }
    }

    fn scene(&self) -> Scene<'_> {
        Scene { hub: self.hub, control: self.control, config: self.hub.directory.config() }
    }

    /// A database that clients could ask for, or all.
    fn known(&self, verb: &str, database: Option<&str>) -> Result<(), Fail> {
        let Some(name) = database else { return Ok(()) };
        if config::CONSOLE_NAMES.contains(&name) {
            return Err(Fail::own_database(verb, name));
        }
        let directory = &self.hub.directory;
        let there = directory.config().database(name).is_some()
            || directory.holds().databases.contains(name)
            || directory.all().iter().any(|pool| pool.key.database == name);
        if there { Ok(()) } else { Err(Fail::no_database(name)) }
    }

    async fn pause(
        &self,
        line: &mut Line,
        database: Option<&str>,
        patience: Option<Duration>,
    ) -> Result<Done, Refused> {
        self.known("pause", database)?;
        self.running()?;
        let before = self.is_held(database);
        self.hub.directory.pause(database);
        let mut ended = false;
        let waited = line.wait(patience, || {
            ended = !self.is_held(database);
            ended || self.is_quiet(database)
        });
        let fail = match waited.await? {
            Waited::Done if ended => return Err(Fail::pause_ended().into()),
            Waited::Done => return Ok(Done::tag("PAUSE")),
            Waited::TimedOut => Fail::pause_timeout(!before),
            Waited::Cancelled => Fail::cancelled(!before),
        };
        // what was paused before stays paused
        if !before {
            self.hub.directory.resume(database, self.worker);
        }
        Err(fail.into())
    }

    fn resume(&self, database: Option<&str>) -> Result<Done, Refused> {
        self.known("resume", database)?;
        self.running()?;
        if !self.hub.directory.resume(database, self.worker) {
            return Err(Fail::not_paused(database).into());
        }
        Ok(Done::tag("RESUME"))
    }

    async fn kill(&self, line: &mut Line, database: Option<&str>) -> Result<Done, Refused> {
        self.known("kill", database)?;
        self.running()?;
        self.hub.directory.pause(database);
        let is_meant = |name: &String| match database {
            Some(database) => name == database,
            None => !config::CONSOLE_NAMES.contains(&name.as_str()),
        };
        let mut killed = BTreeSet::new();
        for card in self.hub.registry.all().iter().filter(|card| is_meant(&card.login.0)) {
            card.order(Order::Kill);
            killed.insert((card.pid, card.id));
        }
        let gone = |(pid, id): &(u32, u64)| self.hub.registry.find(*pid).is_none_or(|card| card.id != *id);
        // those that need longer are closed all the same, by themselves
        line.wait(Some(KILLED), || killed.iter().all(gone) && self.is_quiet(database)).await?;
        Ok(Done::tag("KILL"))
    }

    fn kill_client(&self, id: &str) -> Result<Done, Refused> {
        let id: u64 = id.parse().map_err(|_| Fail::bad_id())?;
        let all = self.hub.registry.all();
        let card = all.iter().find(|card| card.id == id).ok_or_else(Fail::no_client)?;
        card.order(Order::Kill);
        Ok(Done::tag("KILL_CLIENT"))
    }

    fn shutdown(&self, stop: Stop) -> Done {
        let shutdown = &self.hub.shutdown;
        match stop {
            Stop::Immediate => lifecycle::at_once(),
            Stop::Fast => shutdown.fast(),
            Stop::ServersFree => shutdown.drain(),
            Stop::ClientsGone => {
                self.control.wait_for_clients();
                shutdown.drain();
            }
        }
        Done::tag("SHUTDOWN")
    }

    fn running(&self) -> Result<(), Fail> {
        if self.hub.shutdown.phase() == Phase::Running { Ok(()) } else { Err(Fail::shutting_down()) }
    }

    fn is_held(&self, database: Option<&str>) -> bool {
        let holds = self.hub.directory.holds();
        database.map_or(holds.all, |name| holds.databases.contains(name))
    }

    /// Whether no server connection of it is left, opening ones included.
    fn is_quiet(&self, database: Option<&str>) -> bool {
        let roll = self.hub.directory.roll();
        let mut pools = roll.pools.iter().chain(&roll.leaving);
        pools.all(|pool| {
            database.is_some_and(|name| pool.key.database != name) || pool.look(|state| state.total()) == 0
        })
    }
}
