//! Accepting clients on TCP addresses and Unix sockets.
//!
//! `accept` survives whatever the kernel answers: it backs off while descriptors or memory are short and
//! goes on when they are back. What it returns belongs to no runtime yet and may be sent to any worker.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, SockAddr, Type};
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep_until};

use crate::connect::socket_path;
use crate::socket::{Peer, Socket, tune};
use crate::stream::Stream;

/// The first pause after a refusal of the kernel; it doubles with each further one.
const BACK_OFF: Duration = Duration::from_millis(10);
/// The longest pause.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(1);

/// A socket that clients connect to. A Unix socket's file goes when the listener does.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    /// Set while the kernel cannot give us a socket. Kept here so that dropping the future of `accept`
    /// does not cut a pause short.
    pause: Option<Pause>,
}

#[derive(Debug)]
enum Kind {
    Tcp(AsyncFd<TcpListener>),
    Unix(AsyncFd<UnixListener>, SocketFile),
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    until: Instant,
    length: Duration,
}

impl Listener {
    /// Listens on a TCP address; port 0 takes a free one. `[::]` means IPv6 only, so that it can stand
    /// beside `0.0.0.0`. Must be called inside the runtime that will accept.
    pub fn tcp(address: SocketAddr, backlog: u32) -> io::Result<Self> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // Accepted sockets inherit these, which saves five calls per client.
        tune(&socket)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(clamped(backlog))?;
        Ok(Self { kind: Kind::Tcp(watched(socket.into())?), pause: None })
    }

    /// Listens on the Unix socket of `port` in `dir`, open to every user of the machine. A file left
    /// behind by a process that is gone is replaced; one that somebody answers on is `AddrInUse`. Must be
    /// called inside the runtime that will accept.
    pub fn unix(dir: &Path, port: u16, backlog: u32) -> io::Result<Self> {
        let path = socket_path(dir, port);
        remove_stale(&path)?;
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(&path)?)?;
        let file = SocketFile::new(path)?;
        // Before `listen`, so that nobody is turned away in between.
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o777))?;
        socket.listen(clamped(backlog))?;
        Ok(Self { kind: Kind::Unix(watched(socket.into())?, file), pause: None })
    }

    /// Where it listens, with the port that the kernel chose if it was asked to.
    pub fn local(&self) -> io::Result<Peer> {
        match &self.kind {
            Kind::Tcp(listener) => Ok(Peer::Tcp(listener.get_ref().local_addr()?)),
            Kind::Unix(..) => Ok(Peer::Unix),
        }
    }

    /// The file of a Unix socket.
    pub fn path(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Tcp(_) => None,
            Kind::Unix(_, file) => Some(&file.path),
        }
    }

    /// Waits for the next client.
    ///
    /// # Cancel safety
    /// Nothing is lost: a client that was not returned is still in the backlog.
    pub async fn accept(&mut self) -> Incoming {
        loop {
            if let Some(pause) = self.pause {
                sleep_until(pause.until).await;
            }
            match self.try_accept().await {
                Ok(incoming) => {
                    if self.pause.take().is_some() {
                        tracing::info!("accepting clients again");
                    }
                    return incoming;
                }
                // A client that was gone before we came to it; the next one is not.
                Err(error) if concerns_one_client(&error) => {}
                Err(error) => self.back_off(&error),
            }
        }
    }

    async fn try_accept(&self) -> io::Result<Incoming> {
        match &self.kind {
            Kind::Tcp(listener) => loop {
                if let Ok(accepted) = listener.readable().await?.try_io(|l| l.get_ref().accept()) {
                    let (socket, peer) = accepted?;
                    return Incoming::new(Accepted::Tcp(socket, peer));
                }
            },
            Kind::Unix(listener, _) => loop {
                if let Ok(accepted) = listener.readable().await?.try_io(|l| l.get_ref().accept()) {
                    let (socket, _) = accepted?;
                    return Incoming::new(Accepted::Unix(socket));
                }
            },
        }
    }

    fn back_off(&mut self, error: &io::Error) {
        let length = match self.pause {
            None => {
                tracing::warn!(%error, "cannot accept clients, trying again");
                BACK_OFF
            }
            Some(pause) => (pause.length * 2).min(LONGEST_BACK_OFF),
        };
        self.pause = Some(Pause { until: Instant::now() + length, length });
    }
}

/// A client that was accepted and belongs to no worker yet.
#[derive(Debug)]
pub struct Incoming {
    socket: Accepted,
}

#[derive(Debug)]
enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Incoming {
    fn new(socket: Accepted) -> io::Result<Self> {
        match &socket {
            Accepted::Tcp(socket, _) => socket.set_nonblocking(true)?,
            Accepted::Unix(socket) => socket.set_nonblocking(true)?,
        }
        Ok(Self { socket })
    }

    /// Who it is.
    pub fn peer(&self) -> Peer {
        match &self.socket {
            Accepted::Tcp(_, peer) => Peer::Tcp(*peer),
            Accepted::Unix(_) => Peer::Unix,
        }
    }

    /// Registers the client with the calling worker's runtime.
    pub fn register(self) -> io::Result<Stream> {
        Ok(Stream::plain(match self.socket {
            Accepted::Tcp(socket, peer) => Socket::from_tcp(socket, peer)?,
            Accepted::Unix(socket) => Socket::from_unix(socket)?,
        }))
    }
}

/// The file of a Unix socket, removed at the end unless another process has put its own there.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn new(path: PathBuf) -> io::Result<Self> {
        let identity = identity(&path)?;
        Ok(Self { path, identity })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            // Left behind at worst, and then replaced by the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// Removes the socket of a process that is gone; anything else at that path is an error.
fn remove_stale(path: &Path) -> io::Result<()> {
    let in_use = |what: &str| io::Error::new(io::ErrorKind::AddrInUse, format!("{}: {what}", path.display()));
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => return Err(in_use("the file is not a socket")),
        Ok(_) => {}
    }
    // Non-blocking: a full backlog answers `WouldBlock`, and that too is somebody.
    let probe = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(()) | Err(_) => Err(in_use("another process listens on the socket")),
    }
}

/// Whether `accept` failed because of the client it was about to return (accept(2), "Error handling").
fn concerns_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
            | io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
    )
}

/// Not tokio's own listener: that registers every client with the runtime that accepts it, and undoing this
/// to hand the client to another worker would cost two more system calls per client.
#[expect(deprecated, reason = "its successor is an unsafe fn; a listener never changes its descriptor")]
fn watched<L: AsRawFd>(listener: L) -> io::Result<AsyncFd<L>> {
    AsyncFd::new(listener)
}

fn clamped(backlog: u32) -> i32 {
    i32::try_from(backlog).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
