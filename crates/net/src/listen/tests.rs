//! Listening, accepting, and what may stand in the way.

use std::process::Command;
use std::task::Poll;

use bytes::BytesMut;
use config::Host;
use socket2::SockRef;

use super::*;
use crate::connect::connect;
use crate::testing::{Dir, PATIENCE, loopback, read_exactly};

fn address(listener: &Listener) -> SocketAddr {
    let Peer::Tcp(address) = listener.local().unwrap() else { panic!("a TCP listener") };
    address
}

#[tokio::test]
async fn accepted_sockets_inherit_what_the_listener_was_set_to() {
    let mut listener = Listener::tcp(loopback(), 8).unwrap();
    let _client = TcpStream::connect(address(&listener)).unwrap();
    let Accepted::Tcp(socket, _) = listener.accept().await.socket else { panic!("TCP") };
    let options = SockRef::from(&socket);
    assert!(options.tcp_nodelay().unwrap() && options.keepalive().unwrap() && options.nonblocking().unwrap());
    assert_eq!(options.tcp_keepalive_time().unwrap(), Duration::from_secs(30));
    assert_eq!(options.tcp_keepalive_interval().unwrap(), Duration::from_secs(10));
    assert_eq!(options.tcp_keepalive_retries().unwrap(), 3);
}

#[tokio::test]
async fn a_client_is_served_by_another_worker_than_the_one_that_accepted_it() {
    let mut listener = Listener::tcp(loopback(), 8).unwrap();
    let client = TcpStream::connect(address(&listener)).unwrap();
    let incoming = listener.accept().await;
    assert_eq!(incoming.peer(), Peer::Tcp(client.local_addr().unwrap()));
    let worker = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let mut stream = incoming.register().unwrap();
            stream.write_all(b"hello").await.unwrap();
            read_exactly(&mut stream, 3).await
        })
    });
    client.set_nonblocking(true).unwrap();
    let mut client = Incoming::new(Accepted::Tcp(client, address(&listener))).unwrap().register().unwrap();
    assert_eq!(&read_exactly(&mut client, 5).await[..], b"hello");
    client.write_all(b"bye").await.unwrap();
    assert_eq!(&worker.join().unwrap()[..], b"bye");
}

#[tokio::test]
async fn a_client_that_leaves_before_it_is_accepted_does_not_hold_up_the_next() {
    let mut listener = Listener::tcp(loopback(), 8).unwrap();
    let gone = TcpStream::connect(address(&listener)).unwrap();
    SockRef::from(&gone).set_linger(Some(Duration::ZERO)).unwrap();
    drop(gone);
    let here = TcpStream::connect(address(&listener)).unwrap();
    let wanted = Peer::Tcp(here.local_addr().unwrap());
    while listener.accept().await.peer() != wanted {}
}

#[tokio::test]
async fn an_address_in_use_is_an_error() {
    let listener = Listener::tcp(loopback(), 8).unwrap();
    let error = Listener::tcp(address(&listener), 8).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn both_families_may_listen_on_one_port() {
    let Ok(six) = Listener::tcp("[::]:0".parse().unwrap(), 8) else { return };
    let four = Listener::tcp((std::net::Ipv4Addr::UNSPECIFIED, address(&six).port()).into(), 8);
    assert!(four.is_ok(), "{four:?}");
}

#[tokio::test]
async fn the_file_of_a_unix_socket_is_open_to_all_and_goes_with_the_listener() {
    let dir = Dir::new();
    let listener = Listener::unix(dir.path(), 6432, 8).unwrap();
    let path = dir.path().join(".s.PGSQL.6432");
    assert_eq!(listener.path(), Some(&*path));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o777);
    drop(listener);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_stale_unix_socket_is_replaced_a_living_one_and_a_file_are_not() {
    let dir = Dir::new();
    let path = dir.path().join(".s.PGSQL.6432");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "the standard library leaves the file");
    let mut listener = Listener::unix(dir.path(), 6432, 8).unwrap();
    let error = Listener::unix(dir.path(), 6432, 8).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    let host = Host::Unix(dir.path().to_owned());
    let mut client = connect(&host, 6432, PATIENCE).await.unwrap();
    // First in the queue is the look of the second listener, which has hung up.
    let mut probe = listener.accept().await.register().unwrap();
    assert_eq!(probe.read_more(&mut BytesMut::new()).await.unwrap(), 0);
    let mut accepted = listener.accept().await.register().unwrap();
    client.write_all(b"x").await.unwrap();
    assert_eq!(&read_exactly(&mut accepted, 1).await[..], b"x");

    let file = dir.write(".s.PGSQL.6433", "precious");
    assert!(Listener::unix(dir.path(), 6433, 8).is_err());
    assert_eq!(fs::read_to_string(file).unwrap(), "precious");
}

#[tokio::test]
async fn the_socket_of_a_successor_is_left_alone() {
    let dir = Dir::new();
    let first = Listener::unix(dir.path(), 6432, 8).unwrap();
    let path = first.path().unwrap().to_owned();
    fs::remove_file(&path).unwrap();
    let second = Listener::unix(dir.path(), 6432, 8).unwrap();
    drop(first);
    assert!(path.exists());
    drop(second);
    assert!(!path.exists());
}

/// Starts itself again with few descriptors, so that running out of them hurts no other test.
#[test]
fn running_out_of_descriptors_is_survived_without_spinning() {
    const INSIDE: &str = "PGWEIR_NET_FEW_DESCRIPTORS";
    if std::env::var_os(INSIDE).is_some() {
        return run_out();
    }
    let this = "listen::tests::running_out_of_descriptors_is_survived_without_spinning";
    let done = Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\" --exact \"$1\" --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .arg(this)
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn run_out() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut listener = Listener::tcp(loopback(), 8).unwrap();
        let client = TcpStream::connect(address(&listener)).unwrap();
        let mut hogs = Vec::new();
        while let Ok(hog) = fs::File::open("/dev/null") {
            hogs.push(hog);
        }
        // The clock jumps from pause to pause; 100 seconds of them are few attempts, each a second long.
        let mut attempts = 0;
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(100) {
            let before = listener.pause.map(|pause| pause.until);
            let refused = {
                let mut accept = std::pin::pin!(listener.accept());
                std::future::poll_fn(|cx| Poll::Ready(accept.as_mut().poll(cx).is_pending())).await
            };
            assert!(refused);
            attempts += usize::from(listener.pause.map(|pause| pause.until) != before);
            match before {
                Some(until) => sleep_until(until).await,
                // The poller has yet to report the client.
                None => tokio::task::yield_now().await,
            }
        }
        assert!((90..130).contains(&attempts), "{attempts}");
        drop(hogs);
        let accepted = listener.accept().await;
        assert_eq!(accepted.peer(), Peer::Tcp(client.local_addr().unwrap()));
        assert!(listener.pause.is_none());
    });
}
