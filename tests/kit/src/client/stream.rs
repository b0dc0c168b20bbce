//! The bytes under a raw client: TCP or Unix socket, with or without TLS, every read and write bounded.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};
use socket2::SockRef;

use crate::error::Error;

/// Enough for most answers in one read.
const CHUNK: usize = 16 * 1024;

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

#[derive(Debug)]
pub(super) enum Stream {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Socket {
    pub(super) fn set_deadline(&self, limit: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => {
                tcp.set_read_timeout(Some(limit))?;
                tcp.set_write_timeout(Some(limit))
            }
            Self::Unix(unix) => {
                unix.set_read_timeout(Some(limit))?;
                unix.set_write_timeout(Some(limit))
            }
        }
    }

    fn fd(&self) -> SockRef<'_> {
        match self {
            Self::Tcp(tcp) => SockRef::from(tcp),
            Self::Unix(unix) => SockRef::from(unix),
        }
    }
}

impl Stream {
    pub(super) fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes)?,
            Self::Tls(tls) => {
                tls.write_all(bytes)?;
                tls.flush()?;
            }
        }
        Ok(())
    }

    /// Appends what comes next; the end of the stream is an error.
    pub(super) fn read_into(&mut self, inbox: &mut Vec<u8>) -> Result<(), Error> {
        let mut chunk = [0; CHUNK];
        let n = loop {
            let read = match self {
                Self::Plain(socket) => socket.read(&mut chunk),
                Self::Tls(tls) => tls.read(&mut chunk),
            };
            // a process that is stopped and goes on finds its reads with a deadline broken off
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if n == 0 {
            return Err(Error::Closed);
        }
        inbox.extend(chunk.iter().take(n));
        Ok(())
    }

    /// Reads what there is, without waiting; whether the end of the stream was among it.
    pub(super) fn is_closed(&mut self, inbox: &mut Vec<u8>) -> bool {
        if self.socket().fd().set_nonblocking(true).is_err() {
            return true;
        }
        let closed = loop {
            match self.read_into(inbox) {
                Ok(()) => {}
                Err(Error::TimedOut) => break false,
                Err(_) => break true,
            }
        };
        let _ = self.socket().fd().set_nonblocking(false);
        closed
    }

    /// The certificate that the server has shown.
    pub(super) fn certificate(&self) -> Option<&[u8]> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(tls) => Some(tls.conn.peer_certificates()?.first()?),
        }
    }

    pub(super) fn shutdown(&self, how: Shutdown) {
        let _ = self.socket().fd().shutdown(how);
    }

    /// A zero linger time makes the kernel send RST when the socket is closed.
    pub(super) fn reset(self) {
        let _ = self.socket().fd().set_linger(Some(Duration::ZERO));
    }

    fn socket(&self) -> &Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => tls.get_ref(),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.read(buf),
            Self::Unix(unix) => unix.read(buf),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.write(buf),
            Self::Unix(unix) => unix.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match self {
            Self::Tcp(tcp) => tcp.as_fd(),
            Self::Unix(unix) => unix.as_fd(),
        }
    }
}
