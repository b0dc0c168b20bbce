//! `[listen]`: where clients come in, and the limits that hold before they are known.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::ListenTls;

/// Where clients come in.
#[derive(Clone, Debug, PartialEq)]
pub struct Listen {
    /// The TCP addresses, at least one.
    pub addresses: Vec<SocketAddr>,
    /// The directory of the Unix socket, named after the port of the first address.
    pub unix_socket_dir: Option<PathBuf>,
    /// Worker threads, at least one; the file's 0 is already one per core here.
    pub workers: usize,
    /// TLS towards clients.
    pub tls: ListenTls,
    /// How long a client may take from accept to the end of its login.
    pub login_timeout: Duration,
    /// How long a drain (SIGTERM) waits for transactions to end.
    pub drain_timeout: Duration,
    /// The kernel's queue of connections not yet accepted.
    pub backlog: u32,
    /// The largest frame accepted from a client, in bytes.
    pub max_message: u32,
}
