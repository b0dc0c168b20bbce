//! One connected socket, TCP or Unix, registered with the runtime of the worker that uses it.
//!
//! It can move to another worker's runtime and can be looked at without taking bytes out of it. What is
//! read and written is the business of `stream`.

use std::fmt;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpStream as StdTcp};
use std::os::unix::net::UnixStream as StdUnix;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// How long a TCP peer may be silent before it is asked for a sign of life.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// The pause between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// How many of them may stay unanswered.
const KEEPALIVE_RETRIES: u32 = 3;

/// Who is at the other end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A process on this machine.
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// A process at the other end of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// The number of its user.
    pub uid: u32,
    /// Its own number; 0 if the kernel does not tell.
    pub id: u32,
}

/// What a non-blocking look at a socket shows.
#[derive(Debug)]
pub enum Look {
    /// The connection stands and nothing has arrived.
    Nothing,
    /// Something can be read.
    Bytes,
    /// The peer has closed its side.
    Closed,
    /// The connection is broken.
    Failed(io::Error),
}

/// A connected socket.
#[derive(Debug)]
pub(crate) struct Socket {
    kind: Kind,
    peer: Peer,
    /// Nothing was written since the socket was registered, so the runtime does not know yet that it can
    /// be: the first write must not wait for a turn of its poller to learn that.
    fresh: bool,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// Moving to another runtime failed; the connection is gone.
    Lost,
}

impl Socket {
    /// Registers a non-blocking TCP socket with the calling runtime.
    pub(crate) fn from_tcp(socket: StdTcp, peer: SocketAddr) -> io::Result<Self> {
        Ok(Self::new(Kind::Tcp(TcpStream::from_std(socket)?), Peer::Tcp(peer)))
    }

    /// Registers a non-blocking Unix socket with the calling runtime.
    pub(crate) fn from_unix(socket: StdUnix) -> io::Result<Self> {
        Ok(Self::new(Kind::Unix(UnixStream::from_std(socket)?), Peer::Unix))
    }

    /// A TCP socket that was connected in the calling runtime.
    pub(crate) fn connected_tcp(socket: TcpStream) -> io::Result<Self> {
        let peer = Peer::Tcp(socket.peer_addr()?);
        Ok(Self::new(Kind::Tcp(socket), peer))
    }

    /// A Unix socket that was connected in the calling runtime.
    pub(crate) fn connected_unix(socket: UnixStream) -> Self {
        Self::new(Kind::Unix(socket), Peer::Unix)
    }

    fn new(kind: Kind, peer: Peer) -> Self {
        Self { kind, peer, fresh: true }
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    /// See [`crate::Stream::speaks_for`].
    pub(crate) fn speaks_for(&mut self, client: SocketAddr) {
        self.peer = Peer::Tcp(client);
    }

    pub(crate) fn local(&self) -> io::Result<Peer> {
        match &self.kind {
            Kind::Tcp(socket) => Ok(Peer::Tcp(socket.local_addr()?)),
            Kind::Unix(_) => Ok(Peer::Unix),
            Kind::Lost => Err(lost()),
        }
    }

    /// See [`crate::Stream::peer_process`].
    pub(crate) fn peer_process(&self) -> io::Result<Option<Process>> {
        let Kind::Unix(socket) = &self.kind else { return Ok(None) };
        let who = socket.peer_cred()?;
        let id = who.pid().and_then(|pid| u32::try_from(pid).ok());
        Ok(Some(Process { uid: who.uid(), id: id.unwrap_or(0) }))
    }

    /// Ready when a read is worth trying. An error is left for the read to report.
    #[inline]
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.kind {
            Kind::Tcp(socket) => socket.poll_read_ready(cx).map(drop),
            Kind::Unix(socket) => socket.poll_read_ready(cx).map(drop),
            Kind::Lost => Poll::Ready(()),
        }
    }

    /// Whether the runtime has noticed something that nobody has read yet: bytes, an end, an error. Asks the
    /// kernel nothing, so what came since the runtime's last turn is not known yet, and what is known may have
    /// been read meanwhile.
    pub(crate) fn is_stirring(&self) -> bool {
        match &self.kind {
            Kind::Tcp(socket) => socket.try_io(Interest::READABLE, || Ok(())).is_ok(),
            Kind::Unix(socket) => socket.try_io(Interest::READABLE, || Ok(())).is_ok(),
            Kind::Lost => true,
        }
    }

    /// Looks without taking anything out.
    pub(crate) fn look(&self) -> Look {
        let socket = match &self.kind {
            Kind::Tcp(socket) => SockRef::from(socket),
            Kind::Unix(socket) => SockRef::from(socket),
            Kind::Lost => return Look::Failed(lost()),
        };
        // `peek` reports a pending socket error (a reset) as well as an end of stream.
        let mut byte = [MaybeUninit::uninit(); 1];
        loop {
            match socket.peek(&mut byte) {
                Ok(0) => return Look::Closed,
                Ok(_) => return Look::Bytes,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Look::Nothing,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Look::Failed(error),
            }
        }
    }

    /// Moves the registration to the calling runtime. On an error the connection is closed.
    pub(crate) fn rehome(&mut self) -> io::Result<()> {
        self.kind = match std::mem::replace(&mut self.kind, Kind::Lost) {
            Kind::Tcp(socket) => Kind::Tcp(TcpStream::from_std(socket.into_std()?)?),
            Kind::Unix(socket) => Kind::Unix(UnixStream::from_std(socket.into_std()?)?),
            Kind::Lost => return Err(lost()),
        };
        self.fresh = true;
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn into_std_tcp(self) -> StdTcp {
        let Kind::Tcp(socket) = self.kind else { panic!("a TCP socket") };
        socket.into_std().unwrap()
    }

    /// See [`crate::Stream::set_user_timeout`].
    pub(crate) fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match &self.kind {
            Kind::Tcp(socket) => SockRef::from(socket).set_tcp_user_timeout(timeout),
            Kind::Unix(_) => Ok(()),
            Kind::Lost => Err(lost()),
        }
    }

    /// Sends past the runtime's idea of readiness, which is empty just after a registration.
    fn send(&self, buf: &[u8]) -> io::Result<usize> {
        match &self.kind {
            Kind::Tcp(socket) => SockRef::from(socket).send(buf),
            Kind::Unix(socket) => SockRef::from(socket).send(buf),
            Kind::Lost => Err(lost()),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.kind {
            Kind::Tcp(socket) => Pin::new(socket).poll_read(cx, buf),
            Kind::Unix(socket) => Pin::new(socket).poll_read(cx, buf),
            Kind::Lost => Poll::Ready(Err(lost())),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.fresh {
            self.fresh = false;
            match self.send(buf) {
                // The runtime's own attempt below registers the task.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
        match &mut self.kind {
            Kind::Tcp(socket) => Pin::new(socket).poll_write(cx, buf),
            Kind::Unix(socket) => Pin::new(socket).poll_write(cx, buf),
            Kind::Lost => Poll::Ready(Err(lost())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let ([buf], _) | ([buf, ..], true) = (bufs, self.fresh) {
            return self.poll_write(cx, buf);
        }
        match &mut self.kind {
            Kind::Tcp(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Kind::Unix(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Kind::Lost => Poll::Ready(Err(lost())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.kind {
            Kind::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Kind::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
            Kind::Lost => Poll::Ready(Err(lost())),
        }
    }
}

/// Sends small messages at once and notices a peer whose machine is gone.
///
/// `TCP_USER_TIMEOUT` is not set: Linux also applies it to a peer that is alive but does not read (a client
/// that pauses in the middle of a large result, a server busy with the first statement of a long pipeline),
/// and it replaces the number of keepalive questions.
pub(crate) fn tune<'a>(socket: impl Into<SockRef<'a>>) -> io::Result<()> {
    let socket = socket.into();
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(KEEPALIVE_IDLE)
            .with_interval(KEEPALIVE_INTERVAL)
            .with_retries(KEEPALIVE_RETRIES),
    )
}

fn lost() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the socket was lost while moving to another worker")
}
