//! A PostgreSQL server of a test's own: a copy of a cluster that was initialised once, on a free port, gone
//! when dropped. It runs without fsync; nobody's data is at stake.
//!
//! The superuser `postgres` always comes in by the Unix socket without a password: that is the kit's own door
//! ([`Postgres::psql`]). How everybody else logs in is chosen by [`Auth`].

mod builder;
mod fate;
mod template;

pub use builder::{Auth, Builder};

use std::path::PathBuf;
use std::time::Duration;

use crate::client::{Client, Connect};
use crate::dir::Dir;
use crate::error::Error;
use crate::install::{self, Install};
use crate::port::Port;
use crate::process::{Process, Signal, Spec};
use crate::wait;

/// How a server is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Waits for every client to leave.
    Smart,
    /// Ends the clients' connections, then tidies up.
    Fast,
    /// Ends at once; the next start recovers.
    Immediate,
}

/// A running (or stopped) server.
#[derive(Debug)]
pub struct Postgres {
    install: Install,
    port: Port,
    process: Option<Process>,
    // last: removed when the process is gone
    dir: Dir,
}

impl Postgres {
    /// Starts one with every default: trust, no TLS, the installed version.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Describes one before starting it.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Always the loopback address.
    #[must_use]
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The TCP port; the same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The directory of its Unix socket.
    #[must_use]
    pub fn socket_dir(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// Where its data is.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The file it logs to.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.dir.path().join("postgres.log")
    }

    /// The programs it was started from.
    #[must_use]
    pub fn install(&self) -> &Install {
        &self.install
    }

    /// The postmaster's process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// `postgres://user@host:port/database`, with whatever the caller puts for user and database.
    #[must_use]
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@{}:{}/{database}", self.host(), self.port())
    }

    /// A way in over TCP for user `postgres`; change what the test needs.
    #[must_use]
    pub fn connect(&self) -> Connect {
        Connect::tcp(self.host(), self.port())
    }

    /// The kit's own door: superuser, Unix socket, no password.
    #[must_use]
    pub fn door(&self) -> Connect {
        Connect::unix(&self.socket_dir(), self.port())
    }

    /// Runs statements as the superuser in database `postgres`; rows as `psql -At` prints them.
    #[track_caller]
    pub fn psql(&self, sql: &str) -> String {
        self.psql_in("postgres", sql)
    }

    /// The same in another database.
    #[track_caller]
    pub fn psql_in(&self, database: &str, sql: &str) -> String {
        self.door().database(database).open().rows(sql)
    }

    /// Stops it and waits for its end.
    #[track_caller]
    pub fn stop(&mut self, how: Stop) {
        let Some(mut process) = self.process.take() else { return };
        process.signal(match how {
            Stop::Smart => Signal::TERM,
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
        });
        process.wait_exit(wait::PATIENCE);
    }

    /// A crash: postmaster and all its children killed at the same time.
    pub fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill9();
        }
    }

    /// Stops it (fast) if it runs, and starts it again on the same port.
    #[track_caller]
    pub fn restart(&mut self) {
        self.stop(Stop::Fast);
        self.launch();
    }

    /// Reads its configuration again.
    pub fn reload(&self) {
        if let Some(process) = &self.process {
            process.signal(Signal::HUP);
        }
    }

    /// Ends one client connection's server process, as `kill -9` would; PostgreSQL then restarts them all.
    pub fn kill_backend(&self, pid: u32) {
        crate::process::send(pid, Signal::KILL);
    }

    /// Appends lines to postgresql.conf; takes effect at the next reload or restart.
    #[track_caller]
    pub fn configure(&self, lines: &str) {
        template::append(&self.data_dir().join("postgresql.conf"), lines);
    }

    /// Starts the server and waits until it answers.
    #[track_caller]
    pub(crate) fn launch(&mut self) {
        let user = install::server_user().map_or_else(String::new, |(user, ..)| user);
        let mut spec = Spec::new(self.install.program("postgres"), self.log_path())
            .args(["-D".to_owned(), self.data_dir().display().to_string()])
            .env("LC_ALL", "C")
            .parent_death("QUIT");
        if !user.is_empty() {
            spec = spec.unprivileged(&user);
        }
        let mut process = Process::spawn(&spec);
        let door = self.door().deadline(Duration::from_secs(2));
        let answers = wait::holds(wait::PATIENCE, || {
            if process.exited().is_some() {
                // after a crash the kernel may take a moment to see that nobody uses the shared memory
                if !process.log().contains("is still in use") {
                    return true;
                }
                process = Process::spawn(&spec);
            }
            is_up(&door)
        });
        if !answers || process.exited().is_some() {
            panic!("PostgreSQL did not start:\n{}", tail(&self.log()));
        }
        self.process = Some(process);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.thaw();
        if let Some(mut process) = self.process.take() {
            // an immediate stop frees the shared memory, a kill does not
            process.signal(Signal::QUIT);
            wait::holds(Duration::from_secs(10), || process.exited().is_some());
        }
    }
}

/// Whether a server answers a log-in with anything but "not yet".
fn is_up(door: &Connect) -> bool {
    match door.try_open() {
        Ok(Client { .. }) => true,
        Err(Error::Server(error)) => error.code() != "57P03",
        Err(Error::Closed | Error::TimedOut | Error::Io(_) | Error::Protocol(_)) => false,
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(20)).fold(String::new(), |text, line| text + line + "\n")
}
