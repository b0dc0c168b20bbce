//! A server that breaks the protocol on the connection that listens for all: that connection is replaced, and the
//! clients who listen are told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use testkit::scripted::Peer;
use testkit::{Error, Scripted, answers, messages};

use crate::stage::{before, serves};

/// The connections that listen, and the moment at which the client's LISTEN has taken effect.
struct Scene {
    listeners: AtomicUsize,
    asked: AtomicUsize,
    effect: Barrier,
}

/// Answers statements; a connection that listens says `first` if it is the first of that kind, and a notification
/// else.
fn serve(peer: &mut Peer, first: &[u8], scene: &Scene) -> Result<(), Error> {
    let done = |tag: &str| [answers::complete(tag), answers::ready(b'I')].concat();
    let mut listens = false;
    loop {
        let sql = peer.expect(b'Q')?.text();
        if sql.contains("pgweir: LISTEN") {
            listens = true;
            peer.send(&done("SET"))?;
        } else if sql.starts_with("LISTEN") && listens {
            peer.send(&done("LISTEN"))?;
            if scene.listeners.fetch_add(1, Ordering::SeqCst) == 0 {
                scene.effect.wait();
                peer.send(first)?;
                if first.is_empty() {
                    return Ok(());
                }
            } else {
                peer.send(&answers::notification(1, "c", "at last"))?;
            }
        } else if sql.starts_with("LISTEN") {
            peer.send(&done("LISTEN"))?;
        } else if sql.contains("pg_listening_channels") && scene.asked.fetch_add(1, Ordering::SeqCst) > 0 {
            // of another text, which changes nothing
            peer.send(&[answers::complete("SELECT 0"), done("UNLISTEN")].concat())?;
        } else if sql.contains("pg_listening_channels") {
            let row = answers::data_row(&[Some("t"), Some("channel"), Some("c")]);
            peer.send(&[row, answers::complete("SELECT 1"), done("UNLISTEN")].concat())?;
            scene.effect.wait();
        } else {
            peer.send(&answers::one_row(&sql))?;
        }
    }
}

#[test]
fn a_listening_connection_that_breaks_the_protocol_is_replaced() {
    let raw = |tag: u8, length: u32| [&[tag], length.to_be_bytes().as_slice(), b"rest"].concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("its end", Vec::new()),
        ("an unknown tag", messages::frame(b'!', b"x")),
        ("an empty notification", messages::frame(b'A', b"")),
        ("a notification without a channel", messages::frame(b'A', b"\0\0\0\x01")),
        ("a notification without an end", messages::frame(b'A', b"\0\0\0\x01c\0payload")),
        ("a notification with something behind it", messages::frame(b'A', b"\0\0\0\x01c\0payload\0more")),
        ("a notification of two gigabytes", raw(b'A', 0x7fff_ffff)),
        ("a length of 3", raw(b'A', 3)),
        ("ReadyForQuery without a question", answers::ready(b'I')),
        ("an error without a question", answers::error("ERROR", "XX000", "what?")),
        ("a last word", answers::error("FATAL", "57P01", "terminating connection")),
    ];
    for (name, first) in cases {
        let (listeners, asked) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let scene = Arc::new(Scene { listeners, asked, effect: Barrier::new(2) });
        let played = Arc::clone(&scene);
        let server = Scripted::log_in_then(move |peer| serve(peer, &first, &played));
        let proxy = before(&server).start();
        let mut client = proxy.connect().open();
        client.send(&messages::query("LISTEN c"));
        let mut said = client.read_until_ready();
        while said.iter().all(|message| message.tag != b'A') {
            said.push(client.read_message());
        }
        let tags: String = said.iter().map(|message| char::from(message.tag)).collect();
        assert_eq!(tags, "CZNA", "{name}: {said:?}");
        let warning = said[2].error().unwrap();
        assert_eq!(warning.message(), "notifications may have been missed", "{name}");
        assert_eq!(scene.listeners.load(Ordering::SeqCst), 2, "{name}");
        assert_eq!(client.rows("q"), "q", "{name}");
        serves(&proxy.connect());
        assert!(!proxy.log().contains("panic"), "{name}: {}", proxy.log());
    }
}
