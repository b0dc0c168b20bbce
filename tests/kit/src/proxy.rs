//! pgweir itself, started from its binary with a configuration of the test's own, on free ports.
//!
//! The kit does not know pgweir from the inside: a configuration file goes in, signals go in, and what comes
//! out is a process to be measured, a port to connect to and a log.

mod builder;

pub use builder::{Builder, Server};

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use crate::client::Connect;
use crate::dir::Dir;
use crate::fail::OrFail;
use crate::port::Port;
use crate::process::{Process, Signal, Spec};
use crate::wait;

/// A running pgweir; killed when dropped.
#[derive(Debug)]
pub struct Proxy {
    port: Port,
    http: Port,
    process: Process,
    // last: removed when the process is gone
    dir: Dir,
}

impl Proxy {
    /// Describes one: `bin` is the program, in tests `env!("CARGO_BIN_EXE_pgweir")`.
    #[must_use]
    pub fn builder(bin: impl Into<PathBuf>) -> Builder {
        Builder::new(bin.into())
    }

    /// Starts `bin` with the configuration that `config` makes from its two ports (clients, HTTP), and waits
    /// until it accepts clients.
    #[must_use]
    #[track_caller]
    pub fn start(bin: &Path, config: impl FnOnce(u16, u16) -> String) -> Self {
        match Self::try_start(bin, config) {
            Ok(proxy) => proxy,
            Err(log) => panic!("pgweir did not start:\n{log}"),
        }
    }

    /// The same; what it logged if it ended instead of accepting.
    pub fn try_start(bin: &Path, config: impl FnOnce(u16, u16) -> String) -> Result<Self, String> {
        Self::try_start_on(bin, (Port::free(), Port::free()), config)
    }

    /// The same, on these ports (clients, HTTP).
    pub fn try_start_on(
        bin: &Path,
        (port, http): (Port, Port),
        config: impl FnOnce(u16, u16) -> String,
    ) -> Result<Self, String> {
        let dir = Dir::new("pgweir");
        let file = dir.path().join("pgweir.toml");
        fs::write(&file, config(port.number(), http.number())).or_fail(file.display());
        let spec = Spec::new(bin, dir.path().join("pgweir.log"))
            .args(["run".to_owned(), "-c".to_owned(), file.display().to_string()])
            .env("RUST_BACKTRACE", "1");
        let mut proxy = Self { port, http, process: Process::spawn(&spec), dir };
        let accepts = wait::holds(wait::PATIENCE, || {
            proxy.process.exited().is_some() || TcpStream::connect(("127.0.0.1", proxy.port())).is_ok()
        });
        if accepts && proxy.process.exited().is_none() { Ok(proxy) } else { Err(proxy.log()) }
    }

    /// Where clients connect.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Where its web page and figures are, if the configuration says so.
    #[must_use]
    pub fn http_port(&self) -> u16 {
        self.http.number()
    }

    /// `postgres://user@127.0.0.1:port/database`.
    #[must_use]
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port())
    }

    /// A way in over TCP for user `postgres`; change what the test needs.
    #[must_use]
    pub fn connect(&self) -> Connect {
        Connect::tcp("127.0.0.1", self.port())
    }

    /// A way in over its Unix socket, if the configuration has `unix_socket_dir` at [`Proxy::dir`].
    #[must_use]
    pub fn connect_unix(&self) -> Connect {
        Connect::unix(self.dir(), self.port())
    }

    /// Its directory: configuration, log, and whatever the test puts there.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its configuration file; write it anew and [`Proxy::reload`].
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.dir.path().join("pgweir.toml")
    }

    /// Replaces `old` by `new` in its configuration file; `old` must be there.
    #[track_caller]
    pub fn edit_config(&self, old: &str, new: &str) {
        let text = fs::read_to_string(self.config_path()).or_fail("configuration");
        assert!(text.contains(old), "no {old:?} in the configuration:\n{text}");
        fs::write(self.config_path(), text.replace(old, new)).or_fail("configuration");
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until its log contains `text`.
    #[track_caller]
    pub fn wait_log(&self, text: &str) {
        if !wait::holds(wait::PATIENCE, || self.log().contains(text)) {
            panic!("pgweir never logged {text:?}:\n{}", self.log());
        }
    }

    /// SIGHUP: reads its configuration again.
    pub fn reload(&self) {
        self.process.signal(Signal::HUP);
    }

    /// SIGTERM: drains.
    pub fn term(&self) {
        self.process.signal(Signal::TERM);
    }

    /// SIGINT: stops fast.
    pub fn int(&self) {
        self.process.signal(Signal::INT);
    }

    /// SIGQUIT: stops at once.
    pub fn quit(&self) {
        self.process.signal(Signal::QUIT);
    }

    /// A crash.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Resident memory in kB.
    #[must_use]
    pub fn rss_kb(&self) -> u64 {
        self.process.rss_kb()
    }

    /// CPU time used so far by all its threads, in microseconds.
    #[must_use]
    pub fn cpu_us(&self) -> u64 {
        self.process.cpu_us()
    }

    /// How it ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.process.exited()
    }

    /// Waits for its end; fails the test after `limit`.
    #[track_caller]
    pub fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        self.process.wait_exit(limit)
    }
}
