//! A connection to a client or a server: bytes in, bytes out, whatever carries them.
//!
//! The two `poll_` calls are the hot path: one system call each when the socket is ready, none when it is
//! known not to be, no allocation and no copy of our own. Nothing here has a deadline of its own; whoever
//! waits for a peer sets one.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::{BufMut, BytesMut};
use rustls::CommonState;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use wire::auth::EndPoint;

use crate::buffers::BLOCK;
use crate::socket::{Look, Peer, Process, Socket};
use crate::tls::{self, Certificate, Tls, TlsInfo};

/// With less room than this in a buffer a read first makes more.
const ROOM: usize = 1024;

/// A connection.
#[derive(Debug)]
pub struct Stream {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Plain(Socket),
    /// Boxed: most connections have none, and it is large.
    Tls(Box<Tls>),
}

impl Stream {
    pub(crate) fn plain(socket: Socket) -> Self {
        Self { kind: Kind::Plain(socket) }
    }

    pub(crate) fn encrypted(tls: Tls) -> Self {
        Self { kind: Kind::Tls(Box::new(tls)) }
    }

    /// Appends what has arrived to `buf`, at most `max` bytes, and registers the task if nothing has.
    /// `Ok(0)` is the end of the stream.
    ///
    /// Reads into the spare room of `buf`; when there is little of it, a block's worth is made first, so
    /// a caller that knows how long a message is reserves its length beforehand.
    #[inline]
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut BytesMut,
        max: usize,
    ) -> Poll<io::Result<usize>> {
        if max == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidInput, "a read of no bytes")));
        }
        if buf.capacity() - buf.len() < max.min(ROOM) {
            buf.reserve(max.min(BLOCK));
        }
        match &mut self.kind {
            Kind::Plain(socket) => read_into(socket, cx, buf, max),
            Kind::Tls(tls) => match read_into(tls, cx, buf, max) {
                // Many clients just hang up. Every message says how long it is, so a cut is noticed anyway.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(0)),
                done @ (Poll::Ready(_) | Poll::Pending) => done,
            },
        }
    }

    /// Ready when a read is worth trying; registers the task if not. With TLS that is always so, as records
    /// may wait inside.
    #[inline]
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.kind {
            Kind::Plain(socket) => socket.poll_readable(cx),
            Kind::Tls(_) => Poll::Ready(()),
        }
    }

    /// One attempt to write; registers the task if the socket is full.
    ///
    /// With TLS some of what was taken may still wait inside: [`Stream::poll_flush`] before waiting for an
    /// answer.
    #[inline]
    pub fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.kind {
            Kind::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Kind::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    /// Pushes out what TLS has taken but not sent; nothing to do for a plain stream.
    #[inline]
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.kind {
            Kind::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Kind::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    /// Waits for bytes and appends them to `buf`, a block at most. `Ok(0)` is the end of the stream.
    ///
    /// # Cancel safety
    /// What was read is in `buf`, so dropping the future loses nothing.
    pub async fn read_more(&mut self, buf: &mut BytesMut) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, buf, BLOCK)).await
    }

    /// Writes all of `buf` and flushes.
    ///
    /// # Cancel safety
    /// None: an unknown part has been written when the future is dropped.
    pub async fn write_all(&mut self, mut buf: &[u8]) -> io::Result<()> {
        while !buf.is_empty() {
            let n = poll_fn(|cx| self.poll_write(cx, buf)).await?;
            match buf.get(n..) {
                Some(rest) if n > 0 => buf = rest,
                Some(_) | None => return Err(io::ErrorKind::WriteZero.into()),
            }
        }
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Tells the peer that nothing more will come: `close_notify` with TLS, then the end of our direction.
    /// A peer that does not read can hold this up with TLS, so the caller bounds it.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        poll_fn(|cx| match &mut self.kind {
            Kind::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Kind::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        })
        .await
    }

    /// Looks, without waiting and without taking bytes, whether the connection still stands.
    ///
    /// With TLS, bytes may turn out to be nothing but the peer's goodbye or news of TLS itself: only a read
    /// tells.
    pub fn look(&self) -> Look {
        match &self.kind {
            Kind::Plain(socket) => socket.look(),
            Kind::Tls(tls) => match tls.get_ref() {
                (_, state) if !state.wants_read() => Look::Bytes,
                (transport, _) => transport.socket.look(),
            },
        }
    }

    /// Whether something may have happened on the connection that nobody has read yet, as far as is known
    /// without asking the kernel; [`Stream::look`] asks.
    #[inline]
    pub fn is_stirring(&self) -> bool {
        self.socket().is_stirring()
    }

    /// Moves the connection to the calling worker's runtime; nothing that was read or is under way is lost.
    /// On an error the connection is gone and every later call answers `NotConnected`.
    pub fn rehome(&mut self) -> io::Result<()> {
        match &mut self.kind {
            Kind::Plain(socket) => socket.rehome(),
            Kind::Tls(tls) => tls.get_mut().0.socket.rehome(),
        }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> Peer {
        self.socket().peer()
    }

    /// The client that the other end speaks for: from now on that is who is there.
    pub fn speaks_for(&mut self, client: SocketAddr) {
        let socket = match &mut self.kind {
            Kind::Plain(socket) => socket,
            Kind::Tls(tls) => &mut tls.get_mut().0.socket,
        };
        socket.speaks_for(client);
    }

    /// Our own end.
    pub fn local(&self) -> io::Result<Peer> {
        self.socket().local()
    }

    /// Whether TLS carries the bytes.
    pub fn is_tls(&self) -> bool {
        self.state().is_some()
    }

    /// What TLS agreed on.
    pub fn tls(&self) -> Option<TlsInfo> {
        TlsInfo::of(self.state()?)
    }

    /// Whom the certificate names that the peer proved to own, if it is valid now.
    pub fn certificate(&self) -> Option<Certificate> {
        Certificate::of(self.peer_certificate()?, SystemTime::now())
    }

    /// The process at the other end of a Unix socket, as it was when it connected; none for a TCP connection.
    pub fn peer_process(&self) -> io::Result<Option<Process>> {
        self.socket().peer_process()
    }

    /// The certificate that the peer proved to own, in DER.
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.state()?.peer_certificates()?.first().map(AsRef::as_ref)
    }

    /// What a log-in over this connection is bound to: the server's certificate, be it ours or the peer's, as it was
    /// shown on this very connection. None without TLS, and where the certificate has no hash function.
    pub fn end_point(&self) -> Option<EndPoint> {
        let Kind::Tls(tls) = &self.kind else { return None };
        match &**tls {
            tokio_rustls::TlsStream::Client(_) => tls::end_point(self.peer_certificate()?),
            tokio_rustls::TlsStream::Server(tls) => tls.get_ref().0.shown.clone(),
        }
    }

    /// The protocol that was agreed on by ALPN.
    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        self.state()?.alpn_protocol()
    }

    /// The socket of a plain stream, for TLS to be put over it.
    pub(crate) fn into_socket(self) -> io::Result<Socket> {
        match self.kind {
            Kind::Plain(socket) => Ok(socket),
            Kind::Tls(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "TLS inside TLS")),
        }
    }

    /// The plain stream under TLS, for tests that tamper.
    #[cfg(test)]
    pub(crate) fn into_raw_socket(self) -> Option<Self> {
        match self.kind {
            Kind::Plain(_) => None,
            Kind::Tls(tls) => match *tls {
                tokio_rustls::TlsStream::Client(tls) => Some(Self::plain(tls.into_inner().0.socket)),
                tokio_rustls::TlsStream::Server(tls) => Some(Self::plain(tls.into_inner().0.socket)),
            },
        }
    }

    fn state(&self) -> Option<&CommonState> {
        match &self.kind {
            Kind::Plain(_) => None,
            Kind::Tls(tls) => Some(tls.get_ref().1),
        }
    }

    /// How long sent bytes may stay unacknowledged, or the peer refuse to read, before the kernel breaks
    /// the connection; `None` leaves it to the kernel's retransmissions. Nothing to do for Unix sockets.
    pub fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket().set_user_timeout(timeout)
    }

    fn socket(&self) -> &Socket {
        match &self.kind {
            Kind::Plain(socket) => socket,
            Kind::Tls(tls) => &tls.get_ref().0.socket,
        }
    }
}

/// Reads straight into the spare room of `buf`.
///
/// Tokio's `read_buf` future keeps nothing between polls, so making one per call costs nothing, and it is
/// the way to uninitialised memory that needs neither `unsafe` of ours, nor zeroing, nor a copy. Below it
/// tokio's `poll_read` takes a short read as proof that the socket is empty: the next read registers the
/// task without asking the kernel again.
fn read_into<S>(
    stream: &mut S,
    cx: &mut Context<'_>,
    buf: &mut BytesMut,
    max: usize,
) -> Poll<io::Result<usize>>
where
    S: AsyncRead + Unpin,
{
    pin!(stream.read_buf(&mut buf.limit(max))).poll(cx)
}

#[cfg(test)]
mod tests;
