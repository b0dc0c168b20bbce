//! What a stream does the same, and what differently, over TLS.

use std::future::poll_fn;
use std::sync::{Mutex, mpsc};

use rustls::version::TLS13;
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::socket::Look;
use crate::testing::read_exactly;

async fn tls_pair() -> (Stream, Stream) {
    let world = World::new();
    let connector = world.connector(ServerTlsMode::VerifyFull);
    let (near, far) = shake(&world.acceptor(), &connector, "localhost").await;
    (near.unwrap(), far.unwrap())
}

fn worker() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[tokio::test]
async fn a_megabyte_goes_both_ways_at_once() {
    let (mut near, mut far) = tls_pair().await;
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    // One task per side, reading and writing in turn as a session does, so neither can starve the other.
    let relay = async |stream: &mut Stream| {
        let (mut got, mut rest) = (BytesMut::new(), &sent[..]);
        poll_fn(|cx| {
            while got.len() < sent.len() && stream.poll_read(cx, &mut got, usize::MAX)?.is_ready() {}
            while !rest.is_empty() {
                let Poll::Ready(n) = stream.poll_write(cx, rest)? else { return Poll::Pending };
                rest = &rest[n..];
            }
            let flushed = stream.poll_flush(cx)?.is_ready();
            if flushed && got.len() == sent.len() { Poll::Ready(io::Result::Ok(())) } else { Poll::Pending }
        })
        .await
        .unwrap();
        got
    };
    let (at_near, at_far) = tokio::join!(relay(&mut near), relay(&mut far));
    assert!(at_near[..] == sent[..] && at_far[..] == sent[..]);
}

/// Keeps what comes in, to see the records from outside.
struct Tap<S> {
    inner: S,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let done = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.seen.lock().unwrap().extend_from_slice(&buf.filled()[before..]);
        done
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// libpq in asynchronous use stalls on larger ones.
#[tokio::test]
async fn records_to_clients_hold_at_most_8_kb() {
    let world = World::new();
    let acceptor = world.acceptor();
    let (near, far) = tcp_pair().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tap = Tap { inner: near.into_socket().unwrap(), seen: Arc::clone(&seen) };
    let client = world.client(&[&TLS13], &[ALPN]);
    let (near, far) = tokio::join!(client.connect(localhost(), tap), acceptor.accept(far, b""));
    let (mut near, mut far) = (near.unwrap(), far.unwrap());
    let mut got = vec![0; 100_000];
    let read = tokio::io::AsyncReadExt::read_exact(&mut near, &mut got);
    let (read, written) = tokio::join!(read, far.write_all(&[7; 100_000]));
    read.unwrap();
    written.unwrap();

    let seen = seen.lock().unwrap();
    let (mut rest, mut largest) = (&seen[..], 0);
    while let [_type, _, _, high, low, body @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        largest = largest.max(len);
        rest = &body[len..];
    }
    // 17 bytes of TLS 1.3: the kind of the content and the seal.
    assert_eq!(largest, 8192 + 17);
}

#[tokio::test]
async fn a_goodbye_and_a_hang_up_both_end_the_stream() {
    let (mut near, mut far) = tls_pair().await;
    far.shutdown().await.unwrap();
    assert_eq!(near.read_more(&mut BytesMut::new()).await.unwrap(), 0);
    assert!(matches!(near.look(), Look::Bytes | Look::Closed));
    let (mut near, far) = tls_pair().await;
    drop(far);
    assert_eq!(near.read_more(&mut BytesMut::new()).await.unwrap(), 0);
    assert!(matches!(near.look(), Look::Closed));
}

#[tokio::test]
async fn a_look_sees_what_tls_has_read_but_not_handed_out() {
    let (mut near, mut far) = tls_pair().await;
    // Takes the session ticket in, so that the socket is empty.
    far.write_all(b"x").await.unwrap();
    read_exactly(&mut near, 1).await;
    assert!(matches!(near.look(), Look::Nothing));
    far.write_all(b"ab").await.unwrap();
    let mut buf = BytesMut::new();
    poll_fn(|cx| near.poll_read(cx, &mut buf, 1)).await.unwrap();
    assert!(matches!(near.look(), Look::Bytes));
    poll_fn(|cx| near.poll_read(cx, &mut buf, 1)).await.unwrap();
    assert!(matches!(near.look(), Look::Nothing));
    assert_eq!(&buf[..], b"ab");
}

/// Half a message is inside TLS and half still in the socket when the stream moves.
#[test]
fn a_stream_moves_between_workers_without_losing_bytes() {
    let here = worker();
    let (mut near, mut far) = here.block_on(tls_pair());
    let (to_there, inbox) = mpsc::channel::<Stream>();
    let (to_here, outbox) = mpsc::channel::<Stream>();
    let there = std::thread::spawn(move || {
        let there = worker();
        for mut near in inbox {
            there.block_on(async {
                near.rehome().unwrap();
                assert_eq!(&read_exactly(&mut near, 7).await[..], b"ingpong");
                near.write_all(b"ack").await.unwrap();
            });
            to_here.send(near).unwrap();
        }
    });
    for round in 0..100 {
        here.block_on(async {
            if round > 0 {
                near.rehome().unwrap();
            }
            far.write_all(b"ping").await.unwrap();
            let mut first = BytesMut::new();
            poll_fn(|cx| near.poll_read(cx, &mut first, 1)).await.unwrap();
            assert_eq!(&first[..], b"p");
            far.write_all(b"pong").await.unwrap();
        });
        to_there.send(near).unwrap();
        here.block_on(async { assert_eq!(&read_exactly(&mut far, 3).await[..], b"ack") });
        near = outbox.recv().unwrap();
    }
    drop(to_there);
    there.join().unwrap();
}

#[tokio::test]
async fn an_altered_record_is_an_error_not_an_end() {
    let (near, mut far) = tls_pair().await;
    let Some(mut raw) = near.into_raw_socket() else { panic!("TLS") };
    raw.write_all(&[0x17, 3, 3, 0, 20]).await.unwrap();
    raw.write_all(&[0; 20]).await.unwrap();
    let error = far.read_more(&mut BytesMut::new()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}
