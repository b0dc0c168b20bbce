//! Clients that send the right messages at the wrong time, broken ones, or too many.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use testkit::{Client, Connect, Scripted, answers, messages};

use crate::stage::{self, before, echo, ends_with, ordinary, serves};

#[test]
fn a_message_before_start_up_is_taken_for_a_broken_packet() {
    let (server, proxy) = ordinary();
    let tagged =
        [messages::password("x"), messages::query("SELECT 1"), messages::terminate(), messages::sync()];
    for message in tagged {
        let mut client = proxy.connect().unlogged();
        client.send(&message);
        ends_with(&mut client, "08P01", &message.escape_ascii().to_string());
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn nothing_but_a_password_is_taken_while_one_is_asked_for() {
    for method in ["plain", "md5", "scram-sha-256"] {
        let server = echo();
        let proxy = before(&server).auth(method).user("app", "secret").start();
        let connect = proxy.connect().user("app");
        let startup = connect.startup_message();
        for message in [messages::query("SELECT 1"), messages::sync(), startup, messages::copy_done()] {
            let mut client = connect.unlogged();
            client.send_startup().unwrap();
            client.expect(b'R');
            client.send(&message);
            ends_with(&mut client, "08P01", &format!("{method}: {}", message.escape_ascii()));
        }
        let mut polite = connect.unlogged();
        polite.send_startup().unwrap();
        polite.expect(b'R');
        polite.send(&messages::terminate());
        let _ = stage::end(&mut polite);
        assert_eq!(server.connections(), 0, "{method}: nobody was logged in");
        serves(&connect.password("secret"));
    }
}

/// What is sent ahead of AuthenticationOk must not be taken for the password, nor run before it.
#[test]
fn a_query_sent_ahead_of_a_wrong_password_never_runs() {
    let server = echo();
    let proxy = before(&server).auth("plain").user("app", "secret").start();
    let mut client = proxy.connect().user("app").unlogged();
    let startup = proxy.connect().user("app").startup_message();
    client.send(&[startup, messages::password("wrong"), messages::query("DROP TABLE x")].concat());
    ends_with(&mut client, "28P01", "wrong password");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_query_sent_along_with_the_right_password_runs() {
    let server = echo();
    let proxy = before(&server).auth("plain").user("app", "secret").start();
    let connect = proxy.connect().user("app");
    let mut client = connect.unlogged();
    client
        .send(&[connect.startup_message(), messages::password("secret"), messages::query("ahead")].concat());
    client.read_until_ready();
    let answer = client.read_until_ready();
    assert!(answer.iter().any(|m| m.tag == b'D' && m.texts() == ["ahead"]), "{answer:?}");
}

#[test]
fn broken_scram_messages_are_refused() {
    let server = echo();
    let proxy = before(&server).auth("scram-sha-256").user("app", "secret").start();
    let connect = proxy.connect().user("app");
    for (name, message) in broken_first_messages() {
        let mut client = connect.unlogged();
        client.send_startup().unwrap();
        client.expect(b'R');
        let _ = client.try_send(&message);
        let said = stage::end(&mut client);
        let code = said.as_ref().map(|e| e.code().to_owned()).unwrap_or_default();
        assert!(matches!(code.as_str(), "08P01" | "28P01" | "28000" | "0A000"), "{name}: {said:?}");
    }
    for (name, last) in broken_final_messages() {
        let mut client = connect.unlogged();
        client.send_startup().unwrap();
        client.expect(b'R');
        client.send(&messages::sasl_initial("SCRAM-SHA-256", b"n,,n=,r=abcdefghijklmnop"));
        let challenge = client.expect(b'R');
        let text = String::from_utf8_lossy(&challenge.body[4..]).into_owned();
        let nonce = text.split(',').next().unwrap().to_owned();
        let _ = client.try_send(&messages::sasl_response(last.replace("NONCE", &nonce).as_bytes()));
        let said = stage::end(&mut client);
        let code = said.as_ref().map(|e| e.code().to_owned()).unwrap_or_default();
        assert!(matches!(code.as_str(), "08P01" | "28P01" | "28000"), "{name}: {said:?}");
    }
    assert_eq!(server.connections(), 0);
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
    serves(&connect.password("secret"));
}

fn broken_first_messages() -> Vec<(&'static str, Vec<u8>)> {
    let first = |data: &[u8]| messages::sasl_initial("SCRAM-SHA-256", data);
    let long_nonce = format!("n,,n=,r={}", "x".repeat(1_000_000));
    let lying = |length: i32| {
        let body = [b"SCRAM-SHA-256\0".as_slice(), &length.to_be_bytes(), b"n,,n=,r=abc"].concat();
        messages::frame(b'p', &body)
    };
    vec![
        ("empty", messages::frame(b'p', b"")),
        ("no mechanism", messages::sasl_initial("", b"n,,n=,r=abc")),
        ("another mechanism", messages::sasl_initial("SCRAM-SHA-1", b"n,,n=,r=abc")),
        (
            "channel binding not offered",
            messages::sasl_initial("SCRAM-SHA-256-PLUS", b"p=tls-unique,,n=,r=a"),
        ),
        ("no data", first(b"")),
        ("a bad gs2 flag", first(b"x,,n=,r=abc")),
        ("binding asked for", first(b"p=tls-server-end-point,,n=,r=abc")),
        ("no user", first(b"n,,r=abc")),
        ("no nonce", first(b"n,,n=")),
        ("an empty nonce", first(b"n,,n=,r=")),
        ("an extension that must be known", first(b"n,,m=x,n=,r=abc")),
        ("no commas", first(b"nnr")),
        ("zero bytes", first(b"n,,n=\0,r=\0abc")),
        ("not text", first(b"n,,n=\xff\xfe,r=\xff")),
        ("a nonce of 1 MB", first(long_nonce.as_bytes())),
        ("a shorter inner length", lying(3)),
        ("a longer inner length", lying(4000)),
        ("a negative inner length", lying(-2)),
        ("the largest inner length", lying(i32::MAX)),
    ]
}

fn broken_final_messages() -> Vec<(&'static str, String)> {
    let proof = "A".repeat(43) + "=";
    vec![
        ("empty", String::new()),
        ("a wrong proof", format!("c=biws,NONCE,p={proof}")),
        ("an empty proof", "c=biws,NONCE,p=".to_owned()),
        ("no proof", "c=biws,NONCE".to_owned()),
        ("a proof that is not base64", "c=biws,NONCE,p=!!!!".to_owned()),
        ("a short proof", "c=biws,NONCE,p=AAAA".to_owned()),
        ("a long proof", format!("c=biws,NONCE,p={}", "A".repeat(40_000))),
        ("another nonce", format!("c=biws,r=somethingelse,p={proof}")),
        ("half a nonce", format!("c=biws,r=abcdefghijklmnop,p={proof}")),
        ("another binding", format!("c=eSws,NONCE,p={proof}")),
        ("no binding", format!("NONCE,p={proof}")),
        ("bytes behind the proof", format!("c=biws,NONCE,p={proof},x=y")),
    ]
}

#[test]
fn keys_of_cancel_requests_that_fit_nobody_are_met_with_silence() {
    let server = echo();
    let proxy = before(&server).start();
    let mut client = proxy.connect().open();
    let (pid, secret) = client.key().map(|(pid, secret)| (pid, secret.to_vec())).unwrap();
    let long: Vec<u8> = secret.iter().copied().chain([0; 28]).collect();
    let wrong: Vec<u8> = secret.iter().map(|byte| byte ^ 1).collect();
    let keys = [&wrong, &secret[..3].to_vec(), &long, &vec![0; 4], &vec![0; 32], &vec![7; 256]];
    for key in keys {
        for pid in [pid, 0, u32::MAX, pid ^ 1] {
            assert_silence(&proxy.connect(), &messages::cancel_request(pid, key));
        }
    }
    for key in [vec![], vec![1], vec![0; 257], vec![0; 5000]] {
        assert_silence(&proxy.connect(), &messages::cancel_request(pid, &key));
    }
    assert_eq!(client.rows("untouched"), "untouched");
    assert!(server.cancels().is_empty(), "no cancel has reached the server: {:?}", server.cancels());
}

#[track_caller]
fn assert_silence(connect: &Connect, request: &[u8]) {
    let mut stranger = connect.unlogged();
    stranger.send(request);
    assert!(stranger.read_to_end().is_empty(), "a cancel request has no answer");
}

#[test]
fn keys_are_all_different_and_use_all_their_bits() {
    let (_server, proxy) = ordinary();
    let connect = proxy.connect().minor(2);
    let clients: Vec<Client> = (0..200).map(|_| connect.open()).collect();
    let keys: Vec<(u32, Vec<u8>)> =
        clients.iter().map(|c| c.key().map(|(p, s)| (p, s.to_vec())).unwrap()).collect();
    let mut pids: Vec<u32> = keys.iter().map(|(pid, _)| *pid).collect();
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), keys.len(), "every client has a process id of its own");
    for bit in 0..256 {
        let ones = keys.iter().filter(|(_, key)| key[bit / 8] >> (bit % 8) & 1 == 1).count();
        // of 200 fair coins, fewer than 50 heads come once in 10^13 throws
        assert!((50..=150).contains(&ones), "bit {bit} is set in {ones} of 200 keys");
    }
}

#[test]
fn a_client_that_sends_rubbish_after_log_in_harms_nobody() {
    let (_server, proxy) = ordinary();
    let mut witness = proxy.connect().open();
    let mut seed = 0x1234_5678_9abc_def1_u64;
    for _ in 0..300 {
        let mut client = proxy.connect().open();
        let rubbish: Vec<u8> = std::iter::repeat_with(|| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed.to_be_bytes()[3]
        })
        .take(64)
        .collect();
        let _ = client.try_send(&rubbish);
        client.reset();
        assert_eq!(witness.rows("fine"), "fine");
    }
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
}

#[test]
fn a_storm_of_connections_beyond_the_file_limit_is_survived() {
    testkit::process::raise_file_limit();
    let server = echo();
    let proxy = before(&server).start();
    limit_files(proxy.pid(), 80);
    serves(&proxy.connect());
    let mut storm: Vec<_> = (0..300).filter_map(|_| proxy.connect().try_unlogged().ok()).collect();
    proxy.wait_log("cannot accept clients");
    for stranger in &mut storm {
        let _ = stranger.try_send(b"\0\0");
    }
    drop(storm);
    proxy.wait_log("accepting clients again");
    serves(&proxy.connect());
}

/// Lowers the limit of open files of a running process.
fn limit_files(pid: u32, files: u32) {
    let done = std::process::Command::new("prlimit")
        .args([format!("--pid={pid}"), format!("--nofile={files}")])
        .status();
    assert!(done.is_ok_and(|status| status.success()), "prlimit of util-linux");
}

#[test]
fn a_pipeline_without_end_is_not_remembered_without_end() {
    const QUERIES: usize = 5000;
    let most = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&most);
    // answers only when it is asked to, or when the whole pipeline is there
    let server = Scripted::log_in_then(move |peer| {
        let (mut owed, mut all) = (0, 0);
        loop {
            match peer.read_message()?.tag {
                b'Q' => {
                    (owed, all) = (owed + 1, all + 1);
                    seen.fetch_max(owed, Ordering::SeqCst);
                    if all < QUERIES {
                        continue;
                    }
                }
                b'H' => {}
                _ => return Ok(()),
            }
            for _ in 0..std::mem::take(&mut owed) {
                peer.send(&[answers::complete("X"), answers::ready(b'I')].concat())?;
            }
        }
    });
    let proxy = before(&server).start();
    let mut client = proxy.connect().open();
    client.send(&messages::query("q").repeat(QUERIES));
    for i in 0..QUERIES {
        assert_eq!(testkit::client::tags(&client.read_until_ready()), "CZ", "reply {i}");
    }
    assert_eq!(most.load(Ordering::SeqCst), 1024);
}
