//! A Redis server of a test's own: on a free port, keeping nothing on disk.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::dir::Dir;
use crate::fail::OrFail;
use crate::port::Port;
use crate::process::{Process, Spec, which};
use crate::wait;

/// A running (or stopped) Redis.
#[derive(Debug)]
pub struct Redis {
    port: Port,
    process: Option<Process>,
    // last: removed when the process is gone
    dir: Dir,
}

impl Redis {
    /// Starts one and waits until it answers.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        let mut redis = Self { port: Port::free(), process: None, dir: Dir::new("redis") };
        redis.launch();
        redis
    }

    /// The port; the same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `redis://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }

    /// A crash.
    pub fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill9();
        }
    }

    /// Starts it again, empty, on the same port.
    #[track_caller]
    pub fn restart(&mut self) {
        self.kill9();
        self.launch();
    }

    /// Sends one command and gives the raw reply (RESP2, of at most one read).
    pub fn command(&self, words: &[&str]) -> std::io::Result<String> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port()))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        socket.write_all(request.as_bytes())?;
        let mut reply = [0; 4096];
        let n = socket.read(&mut reply)?;
        Ok(String::from_utf8_lossy(reply.get(..n).unwrap_or_default()).into_owned())
    }

    #[track_caller]
    fn launch(&mut self) {
        let program = which("redis-server").or_fail("redis-server (`cargo xtask test` installs it)");
        let port = self.port().to_string();
        let dir = self.dir.path().display().to_string();
        let spec = Spec::new(program, self.dir.path().join("redis.log")).args([
            "--port",
            &port,
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            &dir,
        ]);
        let process = Process::spawn(&spec);
        wait::until(wait::PATIENCE, "Redis answers", || {
            self.command(&["PING"]).is_ok_and(|reply| reply == "+PONG\r\n")
        });
        self.process = Some(process);
    }
}
