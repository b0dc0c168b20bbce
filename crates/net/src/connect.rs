//! Reaching a server: names, addresses, deadlines.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use config::Host;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, sleep, timeout_at};

use crate::socket::{Socket, tune};
use crate::stream::Stream;

/// The pause before a Unix socket with a full backlog is tried again.
const FULL_BACKLOG: Duration = Duration::from_millis(5);

/// Connects to a server within `timeout`.
///
/// A name is resolved anew each time. Every address is tried in the order the resolver gives; each gets an equal share of the time
/// that is left, so that one that swallows packets does not use up the time of the next. The error is that
/// of the last address tried.
///
/// # Cancel safety
/// Dropping the future closes the half-made connection.
pub async fn connect(host: &Host, port: u16, timeout: Duration) -> io::Result<Stream> {
    let deadline = Instant::now() + timeout;
    match host {
        Host::Tcp(name) => connect_tcp(name, port, deadline).await,
        Host::Unix(dir) => connect_unix(dir, port, deadline).await,
    }
}

/// The addresses of a name as they are now, asked for within `timeout`.
///
/// # Cancel safety
/// Nothing is lost: the answer is not kept.
pub async fn resolve(name: &str, timeout: Duration) -> io::Result<Vec<IpAddr>> {
    let found = within(Instant::now() + timeout, tokio::net::lookup_host((name, 0))).await?;
    Ok(found.map(|address| address.ip()).collect())
}

async fn connect_tcp(name: &str, port: u16, deadline: Instant) -> io::Result<Stream> {
    let addresses: Vec<SocketAddr> = within(deadline, tokio::net::lookup_host((name, port))).await?.collect();
    connect_any(addresses, deadline).await
}

async fn connect_any(addresses: Vec<SocketAddr>, deadline: Instant) -> io::Result<Stream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let count = addresses.len();
    for (tried, address) in addresses.into_iter().enumerate() {
        let now = Instant::now();
        let share = share(deadline.saturating_duration_since(now), count - tried);
        match within(now + share, TcpStream::connect(address)).await {
            Ok(socket) => {
                tune(&socket)?;
                return Ok(Stream::plain(Socket::connected_tcp(socket)?));
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// The time that one of `addresses` gets of what is left for all of them.
fn share(left: Duration, addresses: usize) -> Duration {
    left / u32::try_from(addresses).unwrap_or(u32::MAX).max(1)
}

async fn connect_unix(dir: &Path, port: u16, deadline: Instant) -> io::Result<Stream> {
    let path = socket_path(dir, port);
    loop {
        match within(deadline, UnixStream::connect(&path)).await {
            Ok(socket) => return Ok(Stream::plain(Socket::connected_unix(socket))),
            // Where TCP would wait, a Unix socket with a full backlog answers at once (connect(2), EAGAIN).
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let pause = sleep(FULL_BACKLOG);
                within(deadline, async {
                    pause.await;
                    Ok(())
                })
                .await?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Where PostgreSQL puts the Unix socket of a port.
pub(crate) fn socket_path(dir: &Path, port: u16) -> std::path::PathBuf {
    dir.join(format!(".s.PGSQL.{port}"))
}

async fn within<T>(deadline: Instant, attempt: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match timeout_at(deadline, attempt).await {
        Ok(done) => done,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "connection attempt timed out")),
    }
}

#[cfg(test)]
mod tests;
