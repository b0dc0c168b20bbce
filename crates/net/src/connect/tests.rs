//! Reaching servers that are there, that are not, and that do not answer.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::*;
use crate::listen::Listener;
use crate::socket::Peer;
use crate::testing::{Dir, PATIENCE, loopback};

fn tcp(host: &str) -> Host {
    Host::Tcp(host.to_owned())
}

/// A listener whose backlog is full: the kernel leaves further attempts without an answer.
fn deaf() -> (Listener, Vec<socket2::Socket>, u16) {
    let listener = Listener::tcp(loopback(), 0).unwrap();
    let Peer::Tcp(address) = listener.local().unwrap() else { panic!("a TCP listener") };
    // More than fit. On loopback each is queued or dropped before `connect` returns.
    let attempt = |_| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&address.into());
        socket
    };
    (listener, (0..8).map(attempt).collect(), address.port())
}

#[tokio::test]
async fn a_name_is_resolved_and_each_of_its_addresses_tried() {
    let listener = Listener::tcp(loopback(), 8).unwrap();
    let Peer::Tcp(address) = listener.local().unwrap() else { panic!("a TCP listener") };
    let stream = connect(&tcp("localhost"), address.port(), PATIENCE).await.unwrap();
    assert_eq!(stream.peer(), Peer::Tcp(address));
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_errors_at_once() {
    let free = std::net::TcpListener::bind(loopback()).unwrap().local_addr().unwrap().port();
    let error = connect(&tcp("127.0.0.1"), free, PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert!(connect(&tcp("no-such-host.invalid"), 5432, PATIENCE).await.is_err());
}

#[tokio::test]
async fn a_name_has_addresses_and_an_unknown_one_is_an_error() {
    assert!(resolve("localhost", PATIENCE).await.unwrap().contains(&Ipv4Addr::LOCALHOST.into()));
    assert_eq!(resolve("127.0.0.7", PATIENCE).await.unwrap(), [IpAddr::from([127, 0, 0, 7])]);
    assert!(resolve("no-such-host.invalid", PATIENCE).await.is_err());
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_in_time() {
    let (_listener, _queued, port) = deaf();
    // From here the clock jumps to the next deadline whenever nothing else can happen.
    tokio::time::pause();
    let start = Instant::now();
    let error = connect(&tcp("127.0.0.1"), port, Duration::from_secs(15)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let waited = start.elapsed();
    assert!((Duration::from_secs(15)..Duration::from_secs(16)).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn an_address_that_does_not_answer_leaves_time_for_the_next() {
    let (_listener, _queued, port) = deaf();
    let silent = (Ipv4Addr::LOCALHOST, port).into();
    let listener = Listener::tcp(loopback(), 8).unwrap();
    let Peer::Tcp(answering) = listener.local().unwrap() else { panic!("a TCP listener") };
    let deadline = Instant::now() + Duration::from_secs(1);
    let stream = connect_any(vec![silent, answering], deadline).await.unwrap();
    assert_eq!(stream.peer(), Peer::Tcp(answering));
    let error = connect_any(Vec::new(), deadline).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[test]
fn what_a_quick_refusal_saves_goes_to_the_addresses_that_are_left() {
    let second = Duration::from_secs(1);
    assert_eq!(
        [share(12 * second, 3), share(12 * second, 2), share(6 * second, 1)],
        [4, 6, 6].map(|n| n * second)
    );
}

#[tokio::test]
async fn small_messages_are_sent_at_once_and_silence_is_questioned() {
    let listener = Listener::tcp(loopback(), 8).unwrap();
    let Peer::Tcp(address) = listener.local().unwrap() else { panic!("a TCP listener") };
    let socket = TcpStream::connect(address).await.unwrap();
    tune(&socket).unwrap();
    let options = socket2::SockRef::from(&socket);
    assert!(options.tcp_nodelay().unwrap() && options.keepalive().unwrap());
    assert_eq!(options.tcp_keepalive_time().unwrap(), Duration::from_secs(30));
    assert_eq!(options.tcp_keepalive_interval().unwrap(), Duration::from_secs(10));
    assert_eq!(options.tcp_keepalive_retries().unwrap(), 3);
}

#[tokio::test]
async fn ipv6_is_reached_where_there_is_any() {
    let Ok(listener) = Listener::tcp((Ipv6Addr::LOCALHOST, 0).into(), 8) else { return };
    let Peer::Tcp(address) = listener.local().unwrap() else { panic!("a TCP listener") };
    let stream = connect(&tcp("::1"), address.port(), PATIENCE).await.unwrap();
    let Peer::Tcp(peer) = stream.peer() else { panic!("TCP") };
    assert_eq!(peer.ip(), IpAddr::V6(Ipv6Addr::LOCALHOST));
}

#[tokio::test]
async fn a_missing_unix_socket_is_an_error_at_once() {
    let dir = Dir::new();
    let error = connect(&Host::Unix(dir.path().to_owned()), 5432, PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_unix_socket_with_a_full_backlog_is_waited_for() {
    let dir = Dir::new();
    let host = Host::Unix(dir.path().to_owned());
    let mut listener = Listener::unix(dir.path(), 5432, 0).unwrap();
    let queued = connect(&host, 5432, PATIENCE).await.unwrap();
    let error = connect(&host, 5432, Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let (late, _) = tokio::join!(connect(&host, 5432, PATIENCE), listener.accept());
    assert_eq!((late.unwrap().peer(), queued.peer()), (Peer::Unix, Peer::Unix));
}
