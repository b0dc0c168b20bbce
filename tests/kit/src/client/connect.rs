//! How a raw client gets in: where to, with which start-up message, over what, with which password.

use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::stream::{Socket, Stream};
use super::{Client, login};
use crate::client::tls::Tls;
use crate::error::Error;
use crate::fail::OrFail;
use crate::{messages, wait};

/// A connection described before it is opened; opened as often as wanted.
#[derive(Clone, Debug)]
pub struct Connect {
    place: Place,
    minor: u16,
    params: Vec<(String, String)>,
    password: String,
    tls: Option<Tls>,
    binding: Bind,
    before: Vec<u8>,
    deadline: Duration,
}

/// What the client says of channel binding in a SCRAM log-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bind {
    /// Nothing.
    Never,
    /// That the server has not offered it, whether that is true or not.
    NotOffered,
    /// It binds to the certificate it sees, whose signature must be one with SHA-256; or does not log in.
    Seen,
}

#[derive(Clone, Debug)]
enum Place {
    Tcp(String, u16),
    Unix(PathBuf),
}

impl Connect {
    /// Over TCP; user and database `postgres`, protocol 3.0, no TLS.
    #[must_use]
    pub fn tcp(host: &str, port: u16) -> Self {
        Self::to(Place::Tcp(host.to_owned(), port))
    }

    /// Over the Unix socket that PostgreSQL's port gives its name to.
    #[must_use]
    pub fn unix(dir: &Path, port: u16) -> Self {
        Self::to(Place::Unix(dir.join(format!(".s.PGSQL.{port}"))))
    }

    /// Logs in as this user.
    #[must_use]
    pub fn user(self, user: &str) -> Self {
        self.param("user", user)
    }

    /// Asks for this database.
    #[must_use]
    pub fn database(self, database: &str) -> Self {
        self.param("database", database)
    }

    /// Adds a start-up parameter, or changes it.
    #[must_use]
    pub fn param(mut self, name: &str, value: &str) -> Self {
        match self.params.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.params.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Answers with this password when asked for one.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        password.clone_into(&mut self.password);
        self
    }

    /// Asks for protocol 3.`minor`.
    #[must_use]
    pub fn minor(mut self, minor: u16) -> Self {
        self.minor = minor;
        self
    }

    /// Goes over TLS.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Deals with channel binding like this (default: never).
    #[must_use]
    pub fn bind(mut self, binding: Bind) -> Self {
        self.binding = binding;
        self
    }

    pub(super) fn binding(&self) -> Bind {
        self.binding
    }

    /// Sends these bytes before anything else, TLS included.
    #[must_use]
    pub fn before(mut self, bytes: &[u8]) -> Self {
        self.before = bytes.to_vec();
        self
    }

    /// How long a single read or write may take (default: 30 s).
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Connects and logs in; a failure fails the test.
    #[must_use]
    #[track_caller]
    pub fn open(&self) -> Client {
        self.try_open().or_fail(format!("connecting to {:?}", self.place))
    }

    /// Connects and logs in, up to the first ReadyForQuery.
    pub fn try_open(&self) -> Result<Client, Error> {
        let mut client = self.try_unlogged()?;
        client.send_startup()?;
        client.finish_login()?;
        Ok(client)
    }

    /// Connects, with TLS if asked for, and sends nothing of PostgreSQL's.
    #[must_use]
    #[track_caller]
    pub fn unlogged(&self) -> Client {
        self.try_unlogged().or_fail(format!("connecting to {:?}", self.place))
    }

    /// The same, where it may fail.
    pub fn try_unlogged(&self) -> Result<Client, Error> {
        let mut socket = match &self.place {
            Place::Tcp(host, port) => {
                let tcp = TcpStream::connect((host.as_str(), *port))?;
                // a cut made by the caller must reach the peer as a segment of its own
                tcp.set_nodelay(true)?;
                Socket::Tcp(tcp)
            }
            Place::Unix(path) => Socket::Unix(UnixStream::connect(path)?),
        };
        socket.set_deadline(self.deadline)?;
        socket.write_all(&self.before)?;
        let stream = match &self.tls {
            Some(tls) => tls.wrap(socket)?,
            None => Stream::Plain(socket),
        };
        Ok(Client::new(stream, self.clone()))
    }

    /// The StartupMessage this connection begins with.
    #[must_use]
    pub fn startup_message(&self) -> Vec<u8> {
        let params: Vec<_> =
            self.params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        messages::startup(self.minor, &params)
    }

    fn to(place: Place) -> Self {
        let params = [("user", "postgres"), ("database", "postgres")];
        Self {
            place,
            minor: 0,
            params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            password: String::new(),
            tls: None,
            binding: Bind::Never,
            before: Vec::new(),
            deadline: wait::PATIENCE,
        }
    }
}

impl Client {
    /// Sends the StartupMessage of the connection it was opened for.
    pub fn send_startup(&mut self) -> Result<(), Error> {
        let bytes = self.connect.startup_message();
        self.try_send(&bytes)
    }

    /// Goes on from a sent StartupMessage to the first ReadyForQuery.
    pub fn finish_login(&mut self) -> Result<(), Error> {
        let connect = self.connect.clone();
        let user = connect.params.iter().find(|(name, _)| name == "user").map_or("", |(_, user)| user);
        login::run(self, user, &connect.password)
    }
}
