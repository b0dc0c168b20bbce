//! Children: started with their output in a file, signalled, measured, and never left behind.
//!
//! Every child asks the kernel for a signal when its parent dies (through util-linux' `setpriv`, since we have
//! no unsafe code). The kernel means the parent *thread*, and each test has its own; so one thread that lives
//! as long as the process starts them all, and a server shared by several tests survives each of them.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Duration;

pub use rustix::process::Signal;
use rustix::process::{Pid, Resource, Rlimit, geteuid, getrlimit, kill_process, setrlimit};

use crate::fail::OrFail;
use crate::wait;

/// How a child is started.
#[derive(Debug)]
pub struct Spec {
    program: PathBuf,
    args: Vec<String>,
    envs: Vec<(String, String)>,
    log: PathBuf,
    user: Option<String>,
    parent_death: &'static str,
}

impl Spec {
    /// `program`, with both its outputs appended to `log`.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            envs: Vec::new(),
            log: log.into(),
            user: None,
            parent_death: "KILL",
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.envs.push((name.into(), value.into()));
        self
    }

    /// Runs it as this user when we are root; as ourselves otherwise.
    #[must_use]
    pub fn unprivileged(mut self, user: &str) -> Self {
        self.user = is_root().then(|| user.to_owned());
        self
    }

    /// The signal it gets when we die without stopping it (default KILL).
    #[must_use]
    pub fn parent_death(mut self, signal: &'static str) -> Self {
        self.parent_death = signal;
        self
    }

    fn command(&self) -> io::Result<Command> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig").arg(self.parent_death);
        if let Some(user) = &self.user {
            command.args(["--reuid", user, "--regid", user, "--init-groups"]);
        }
        command.arg("--").arg(&self.program).args(&self.args).envs(self.envs.iter().cloned());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // Ctrl-C at a terminal reaches the whole group: what stops, and in which order, is ours to say
        command.process_group(0);
        Ok(command)
    }
}

/// A running child; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts it.
    #[must_use]
    #[track_caller]
    pub fn spawn(spec: &Spec) -> Self {
        let name = spec.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let command = spec.command().or_fail(spec.log.display());
        let child = spawn_from_lasting_thread(command).or_fail(format!("starting {name}"));
        Self { child, name, log: spec.log.clone() }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// How it ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends it a signal; one that is gone already gets none.
    pub fn signal(&self, signal: Signal) {
        send(self.pid(), signal);
    }

    /// Waits for its end; fails the test after `limit`.
    #[track_caller]
    pub fn wait_exit(&mut self, limit: Duration) -> ExitStatus {
        let name = self.name.clone();
        wait::until_some(limit, &format!("{name} exits"), || self.exited())
    }

    /// Ends it without a chance to tidy up, with its children; returns when all are gone.
    pub fn kill9(&mut self) {
        // a killed postmaster's children end by themselves, but only when they next look
        let children = children(self.pid());
        if self.exited().is_none() {
            self.signal(Signal::KILL);
        }
        let _ = self.child.wait();
        for pid in &children {
            send(*pid, Signal::KILL);
        }
        wait::holds(wait::PATIENCE, || children.iter().all(|&pid| !is_running(pid)));
    }

    /// Resident memory in kB.
    #[must_use]
    pub fn rss_kb(&self) -> u64 {
        rss_kb(self.pid())
    }

    /// CPU time used so far by all its threads, in microseconds.
    #[must_use]
    pub fn cpu_us(&self) -> u64 {
        cpu_us(self.pid())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// Whether we are root, and have to become somebody else to run PostgreSQL.
#[must_use]
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Sends a signal to any process; one that is gone gets none.
pub fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Allows us and our future children to have as many files open as the system lets us; how many that is.
pub fn raise_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum;
    let _ = setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The direct children of a process.
#[must_use]
pub fn children(pid: u32) -> Vec<u32> {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// Resident memory of a process in kB; 0 if it is gone.
#[must_use]
pub fn rss_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap_or(0)
}

/// CPU time used by the living threads of a process, in microseconds, from the scheduler's nanoseconds:
/// clock ticks of 10 ms would be too coarse for a run of seconds.
#[must_use]
pub fn cpu_us(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanos: u64 = tasks
        .filter_map(|task| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        })
        .sum();
    nanos / 1000
}

/// Looks for a program in the directories where Debian keeps them, also those of an administrator.
#[must_use]
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let dirs = path.split(':').chain(["/usr/bin", "/usr/sbin", "/usr/local/bin"]);
    dirs.map(|dir| Path::new(dir).join(program)).find(|candidate| candidate.is_file())
}

fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    !matches!(state, None | Some("Z" | "X"))
}

type Order = (Command, SyncSender<io::Result<Child>>);

fn spawn_from_lasting_thread(command: Command) -> io::Result<Child> {
    static ORDERS: LazyLock<Mutex<SyncSender<Order>>> = LazyLock::new(|| {
        let (sender, orders): (_, Receiver<Order>) = sync_channel(0);
        thread::spawn(move || {
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let (answer, result) = sync_channel(1);
    let gone = |_| io::Error::other("the starting thread is gone");
    ORDERS.lock().or_fail("starting thread").send((command, answer)).map_err(|_| gone(()))?;
    result.recv().map_err(|_| gone(()))?
}
