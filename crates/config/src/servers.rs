//! `[[database]]` and `[[database.server]]`: what clients may ask for and where it is.

use std::path::PathBuf;

use crate::{PoolOverrides, Secret, ServerTls};

/// One name that clients may ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// What clients ask for; `*` stands for every name that has no entry of its own.
    pub name: String,
    /// The name on the server; the asked-for name if absent.
    pub dbname: Option<String>,
    /// The user to log in to the server as; the client's user if absent.
    pub user: Option<String>,
    /// The password of `user`; never there without `user`.
    pub password: Option<Secret>,
    /// The servers, at least one.
    pub servers: Vec<Server>,
    /// TLS towards the servers.
    pub server_tls: ServerTls,
    /// What this database sets differently from `[pool]`.
    pub pool: PoolOverrides,
}

/// One server of a database.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    /// Where it is.
    pub host: Host,
    /// Its port, also part of the name of a Unix socket.
    pub port: u16,
    /// What it is.
    pub role: Role,
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name or an address.
    Tcp(String),
    /// The directory of the server's Unix socket.
    Unix(PathBuf),
}

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The server is asked.
    Auto,
    /// It takes writes.
    Primary,
}
