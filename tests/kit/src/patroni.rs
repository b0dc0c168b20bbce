//! Two servers that Patroni looks after, which agree on their leader by its own Raft: nothing else is needed.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::client::Connect;
use crate::dir::Dir;
use crate::drivers;
use crate::fail::OrFail;
use crate::install::{Install, Version, hand_over, server_user};
use crate::port::Port;
use crate::process::{self, Process, Signal, Spec};
use crate::wait;

/// The whole of it.
#[derive(Debug)]
pub struct Patroni {
    /// Both members.
    pub members: [Member; 2],
    // last: removed when their processes are gone
    _dir: Dir,
}

/// A server with the Patroni that looks after it.
#[derive(Debug)]
pub struct Member {
    /// What it is called.
    pub name: &'static str,
    folder: PathBuf,
    process: Option<Process>,
    server: Port,
    api: Port,
    raft: Port,
}

impl Patroni {
    /// Starts both and waits until one leads and the other one streams; `tags` are those of the second, as in YAML. None,
    /// with a visible line, where Patroni is missing.
    #[must_use]
    #[track_caller]
    pub fn start(test: &str, tags: &str) -> Option<Self> {
        let program = drivers::patroni(test)?;
        let install = Install::find(Version::Installed).or_fail("PostgreSQL");
        let dir = Dir::new("patroni");
        let member = |name| Member {
            name,
            folder: dir.path().join(name),
            process: None,
            server: Port::free(),
            api: Port::free(),
            raft: Port::free(),
        };
        let mut members = ["one", "two"].map(member);
        for (at, tags) in ["", tags].into_iter().enumerate() {
            let (member, other) = pair(&members, at);
            fs::create_dir(&member.folder).or_fail(member.folder.display());
            hand_over(&member.folder);
            let file = member.folder.with_extension("yml");
            fs::write(&file, member.config(other, &install, tags)).or_fail(file.display());
            let process = spawn(&program, &file, &member.folder);
            if let Some(member) = members.get_mut(at) {
                member.process = Some(process);
            }
        }
        let cluster = Self { members, _dir: dir };
        // neither does anything without the other; /replica would be no for one with the tag noloadbalance
        let runs = |member: &Member| member.says("/health");
        wait::until(Duration::from_secs(120), "one leads and one follows", || {
            cluster.leader().is_some() && cluster.members.iter().all(runs)
        });
        Some(cluster)
    }

    /// Which member leads.
    #[must_use]
    pub fn leader(&self) -> Option<usize> {
        self.members.iter().position(Member::is_leader)
    }

    /// Makes the other one the leader, and waits until it is and is followed.
    #[track_caller]
    pub fn switch_over(&self) {
        let old = wait::until_some(wait::PATIENCE, "one leads", || self.leader());
        let (old, new) = pair(&self.members, old);
        let (leader, candidate) = (old.name, new.name);
        let body = format!("{{\"leader\": \"{leader}\", \"candidate\": \"{candidate}\"}}");
        let answer = request(old.api.number(), "POST", "/switchover", &body);
        let (status, text) = answer.or_fail("an answer of Patroni");
        assert_eq!(status, "200", "{text}");
        wait::until(Duration::from_secs(60), "the other one leads", || new.is_leader());
    }
}

impl Drop for Patroni {
    fn drop(&mut self) {
        for member in &self.members {
            if let Some(process) = &member.process {
                process.signal(Signal::TERM);
            }
        }
        for member in &mut self.members {
            if let Some(mut process) = member.process.take() {
                wait::holds(Duration::from_secs(30), || process.exited().is_some());
            }
            // it stops its server by itself, unless it could not
            let pid = fs::read_to_string(member.folder.join("data/postmaster.pid"));
            let pid = pid.ok().and_then(|text| text.lines().next()?.trim().parse().ok());
            if let Some(pid) = pid {
                process::send(pid, Signal::QUIT);
            }
        }
    }
}

impl Member {
    /// Its server's port, on the loopback address.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.number()
    }

    /// Where its REST interface is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.api.number())
    }

    /// A way in to its server, as the superuser.
    #[must_use]
    pub fn connect(&self) -> Connect {
        Connect::tcp("127.0.0.1", self.port())
    }

    fn config(&self, other: &Self, install: &Install, tags: &str) -> String {
        let Self { name, server, api, raft, .. } = self;
        let (server, api, raft) = (server.number(), api.number(), raft.number());
        let (other, folder) = (other.raft.number(), self.folder.display().to_string());
        let bin = install.program("").display().to_string();
        format!(
            "scope: kit\nname: {name}\n\
             restapi: {{listen: '127.0.0.1:{api}', connect_address: '127.0.0.1:{api}'}}\n\
             raft: {{data_dir: {folder}/raft, self_addr: '127.0.0.1:{raft}', partner_addrs: ['127.0.0.1:{other}']}}\n\
             bootstrap:\n  \
               dcs: {{ttl: 20, loop_wait: 1, retry_timeout: 3, postgresql: {{use_slots: true, parameters: {{fsync: 'off'}}}}}}\n  \
               initdb: [{{encoding: UTF8}}, no-sync, {{auth: trust}}]\n\
             postgresql:\n  \
               listen: 127.0.0.1:{server}\n  connect_address: 127.0.0.1:{server}\n  \
               data_dir: {folder}/data\n  bin_dir: {bin}\n  pgpass: {folder}/pgpass\n  \
               authentication: {{superuser: {{username: postgres}}, replication: {{username: postgres}}}}\n  \
               parameters: {{unix_socket_directories: {folder}}}\n  \
               pg_hba: [local all all trust, host all all 127.0.0.1/32 trust, host replication all 127.0.0.1/32 trust]\n\
             tags: {{{tags}}}\n"
        )
    }

    fn is_leader(&self) -> bool {
        self.says("/primary")
    }

    fn says(&self, path: &str) -> bool {
        request(self.api.number(), "GET", path, "").is_ok_and(|(status, _)| status == "200")
    }
}

/// This one, and the other one.
fn pair(members: &[Member; 2], at: usize) -> (&Member, &Member) {
    let [one, two] = members;
    if at == 0 { (one, two) } else { (two, one) }
}

fn spawn(program: &Path, file: &Path, folder: &Path) -> Process {
    let user = server_user().map_or_else(String::new, |(user, ..)| user);
    let mut spec = Spec::new(program, folder.with_extension("log"))
        .args([file.display().to_string()])
        .env("LC_ALL", "C.UTF-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .parent_death("TERM");
    if !user.is_empty() {
        spec = spec.unprivileged(&user);
    }
    Process::spawn(&spec)
}

/// Status and body of an answer.
fn request(port: u16, method: &str, path: &str, body: &str) -> std::io::Result<(String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(stream, "{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok((status, body.to_owned()))
}
