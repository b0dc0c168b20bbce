//! Plain streams: reading, writing, looking, moving.

use std::sync::mpsc;
use std::task::Waker;

use socket2::SockRef;
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::buffers;
use crate::testing::{read_exactly, tcp_pair, unix_pair};

fn worker() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Looks until there is something to see.
async fn see(stream: &Stream) -> Look {
    loop {
        match stream.look() {
            Look::Nothing => tokio::task::yield_now().await,
            seen @ (Look::Bytes | Look::Closed | Look::Failed(_)) => return seen,
        }
    }
}

#[tokio::test]
async fn a_read_appends_no_more_than_it_may_and_leaves_the_rest() {
    let (mut near, mut far) = tcp_pair().await;
    far.write_all(b"abcdefgh").await.unwrap();
    let mut buf = BytesMut::from("-");
    let n = poll_fn(|cx| near.poll_read(cx, &mut buf, 3)).await.unwrap();
    assert_eq!((n, &buf[..]), (3, &b"-abc"[..]));
    assert_eq!(near.read_more(&mut buf).await.unwrap(), 5);
    assert_eq!(&buf[..], b"-abcdefgh");
    drop(far);
    assert_eq!(near.read_more(&mut buf).await.unwrap(), 0);
}

#[tokio::test]
async fn a_read_of_no_bytes_is_not_an_end_of_stream() {
    let (mut near, _far) = tcp_pair().await;
    let error = poll_fn(|cx| near.poll_read(cx, &mut BytesMut::new(), 0)).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn an_idle_stream_takes_a_borrowed_block_and_gives_it_back() {
    let (mut near, mut far) = tcp_pair().await;
    let mut buf = buffers::take();
    let block = buf.as_ptr();
    let idle = poll_fn(|cx| Poll::Ready(near.poll_read(cx, &mut buf, BLOCK).is_pending())).await;
    assert!(idle);
    buffers::give(buf);
    far.write_all(b"x").await.unwrap();
    let mut buf = buffers::take();
    assert_eq!(buf.as_ptr(), block);
    assert_eq!(near.read_more(&mut buf).await.unwrap(), 1);
    assert_eq!(buf.as_ptr(), block, "read in place");
}

#[tokio::test]
async fn a_full_socket_is_waited_for_and_nothing_is_lost() {
    for (mut near, mut far) in [tcp_pair().await, unix_pair().await] {
        let sent: Vec<u8> = (0..8_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
        let write = async { near.write_all(&sent).await.unwrap() };
        let ((), got) = tokio::join!(write, read_exactly(&mut far, sent.len()));
        assert!(got[..] == sent[..]);
    }
}

#[tokio::test]
async fn a_look_tells_nothing_bytes_closed_and_broken_apart() {
    for (near, mut far) in [tcp_pair().await, unix_pair().await] {
        assert!(matches!(near.look(), Look::Nothing));
        far.write_all(b"x").await.unwrap();
        assert!(matches!(see(&near).await, Look::Bytes));
        assert!(matches!(near.look(), Look::Bytes), "a look takes nothing");
    }
    for (near, mut far) in [tcp_pair().await, unix_pair().await] {
        far.shutdown().await.unwrap();
        assert!(matches!(see(&near).await, Look::Closed));
    }
    let (near, far) = tcp_pair().await;
    let Kind::Plain(socket) = far.kind else { panic!("a plain stream") };
    reset(socket);
    let Look::Failed(error) = see(&near).await else { panic!("a reset is a failure") };
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

/// Closes a socket so that the peer gets a reset.
fn reset(socket: Socket) {
    let socket = socket.into_std_tcp();
    SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap();
}

#[tokio::test]
async fn the_peer_is_known_and_stays_known_after_it_has_gone() {
    let (near, far) = tcp_pair().await;
    let (Peer::Tcp(near_local), Peer::Tcp(far_local)) = (near.local().unwrap(), far.local().unwrap()) else {
        panic!("TCP");
    };
    assert_eq!((near.peer(), far.peer()), (Peer::Tcp(far_local), Peer::Tcp(near_local)));
    drop(far);
    see(&near).await;
    assert_eq!(near.peer().to_string(), far_local.to_string());
    let (near, far) = unix_pair().await;
    assert_eq!((near.peer(), far.peer(), near.is_tls()), (Peer::Unix, Peer::Unix, false));
    assert_eq!(near.peer().to_string(), "unix");
}

#[tokio::test]
async fn the_first_write_after_a_registration_does_not_wait_for_the_poller() {
    let (mut near, mut far) = tcp_pair().await;
    near.rehome().unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(near.poll_write(&mut cx, b"now"), Poll::Ready(Ok(3))));
    assert_eq!(&read_exactly(&mut far, 3).await[..], b"now");
}

/// A stream goes back and forth between two workers; bytes are under way each time it moves.
#[test]
fn a_stream_moves_between_workers_without_losing_bytes() {
    for unix in [false, true] {
        let here = worker();
        let (moving, mut far) =
            here.block_on(async { if unix { unix_pair().await } else { tcp_pair().await } });
        let (to_there, inbox) = mpsc::channel::<Stream>();
        let (to_here, outbox) = mpsc::channel::<Stream>();
        let there = std::thread::spawn(move || {
            let there = worker();
            for mut stream in inbox {
                there.block_on(async {
                    stream.rehome().unwrap();
                    assert_eq!(&read_exactly(&mut stream, 4).await[..], b"ping");
                    stream.write_all(b"pong").await.unwrap();
                });
                to_here.send(stream).unwrap();
            }
        });
        let mut moving = moving;
        for _ in 0..200 {
            here.block_on(async { far.write_all(b"ping").await.unwrap() });
            to_there.send(moving).unwrap();
            here.block_on(async { assert_eq!(&read_exactly(&mut far, 4).await[..], b"pong") });
            moving = outbox.recv().unwrap();
        }
        drop(to_there);
        there.join().unwrap();
    }
}

/// The worker that a stream comes from may be gone.
#[test]
fn a_stream_outlives_the_worker_it_was_made_on() {
    let first = worker();
    let (mut near, mut far) = first.block_on(tcp_pair());
    drop(first);
    worker().block_on(async {
        assert!(near.write_all(b"x").await.is_err() || near.read_more(&mut BytesMut::new()).await.is_err());
        near.rehome().unwrap();
        far.rehome().unwrap();
        near.write_all(b"still here").await.unwrap();
        // What went out before the move is in front.
        let mut buf = BytesMut::new();
        while !buf.ends_with(b"still here") {
            assert_ne!(far.read_more(&mut buf).await.unwrap(), 0);
        }
    });
}
