//! What a server may do to us while we log in to it: ask for the wrong thing, lie about who it is, say too much,
//! or nothing. The client gets one error that tells why, and no password leaves where it should not.

use std::time::Duration;

use testkit::error::ServerError;
use testkit::proxy::Server;
use testkit::scripted::Peer;
use testkit::{Error, Proxy, Scripted, answers, messages};

use crate::stage::PGWEIR;

/// How a client's log-in ends when its server logs in like this.
fn refused(server: &Scripted) -> (Proxy, ServerError) {
    let there = Server::at("127.0.0.1", server.port()).login("app", "canary-secret");
    let proxy = Proxy::builder(PGWEIR)
        .database("postgres", there)
        .set("pool.acquire_timeout", "\"1500ms\"")
        .set("pool.connect_timeout", "\"1s\"")
        .start();
    match proxy.connect().try_open() {
        Err(Error::Server(error)) => (proxy, error),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn scram(
    continuation: &'static str,
    then: impl Fn(&mut Peer) -> Result<(), Error> + Send + Sync + 'static,
) -> Scripted {
    Scripted::serve(move |peer| {
        peer.read_startup()?;
        peer.send(&answers::auth_sasl(&["SCRAM-SHA-256"]))?;
        let first = peer.expect(b'p')?;
        let text = String::from_utf8_lossy(&first.body).into_owned();
        let nonce = text.rsplit("r=").next().unwrap_or_default().to_owned();
        let data = continuation.replace("NONCE", &nonce).replace("MEGABYTE", &"x".repeat(1_000_000));
        peer.send(&answers::auth(11, data.as_bytes()))?;
        then(peer)
    })
}

#[test]
fn a_scram_server_that_lies_is_left_with_a_reason() {
    let cases = [
        ("another nonce", "r=something,s=c2FsdHNhbHQ=,i=4096"),
        ("our nonce only", "r=NONCE,s=c2FsdHNhbHQ=,i=4096"),
        ("no nonce", "s=c2FsdHNhbHQ=,i=4096"),
        ("no salt", "r=NONCEx,i=4096"),
        ("no count", "r=NONCEx,s=c2FsdHNhbHQ="),
        ("a count of 0", "r=NONCEx,s=c2FsdHNhbHQ=,i=0"),
        ("a count of 2^31", "r=NONCEx,s=c2FsdHNhbHQ=,i=2147483648"),
        ("a count that would take minutes", "r=NONCEx,s=c2FsdHNhbHQ=,i=2000000000"),
        ("a count below 0", "r=NONCEx,s=c2FsdHNhbHQ=,i=-1"),
        ("a salt that is not base64", "r=NONCEx,s=!!!!,i=4096"),
        ("an empty salt", "r=NONCEx,s=,i=4096"),
        ("a nonce of 1 MB", "r=NONCEMEGABYTE,s=c2FsdHNhbHQ=,i=4096"),
        ("a salt of 1 MB", "r=NONCEx,s=MEGABYTE,i=4096"),
        ("an extension that must be known", "m=x,r=NONCEx,s=c2FsdHNhbHQ=,i=4096"),
        ("nothing", ""),
    ];
    for (name, first) in cases {
        let server = scram(first, |peer| peer.read_message().map(drop));
        let (proxy, error) = refused(&server);
        assert_eq!(error.code(), "57P03", "{name}: {error}");
        let log = proxy.log();
        assert!(!log.contains("panic") && !log.contains("canary"), "{name}: {log}");
    }
}

/// Without TLS there is nothing to bind to, whatever the server offers or asks for instead.
#[test]
fn where_channel_binding_is_required_no_password_leaves() {
    let asks: [(&str, Vec<u8>); 5] = [
        ("clear text", answers::auth_password()),
        ("MD5", answers::auth(5, &[1, 2, 3, 4])),
        ("SCRAM", answers::auth_sasl(&["SCRAM-SHA-256"])),
        ("SCRAM with binding", answers::auth_sasl(&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"])),
        ("nothing", [answers::auth_ok(), answers::ready(b'I')].concat()),
    ];
    for (name, ask) in asks {
        let server = Scripted::serve(move |peer| {
            peer.read_startup()?;
            peer.send(&ask)?;
            match peer.read_message() {
                Err(Error::Closed) => Ok(()),
                said => panic!("{said:?}"),
            }
        });
        let there = Server::at("127.0.0.1", server.port()).login("app", "canary-secret");
        let there = there.key("server_tls", r#"{ mode = "prefer", channel_binding = "require" }"#);
        let proxy = Proxy::builder(PGWEIR)
            .database("postgres", there)
            .set("pool.acquire_timeout", "\"1500ms\"")
            .start();
        match proxy.connect().try_open() {
            Err(Error::Server(error)) => {
                assert!(error.message().contains("channel binding is required"), "{name}: {error}");
            }
            other => panic!("{name}: {other:?}"),
        }
        assert!(server.failures().is_empty(), "{name}: {:?}", server.failures());
    }
}

#[test]
fn a_server_that_cannot_prove_itself_gets_no_session() {
    type Last = fn(&mut Peer) -> Result<(), Error>;
    let cases: [(&str, Last); 4] = [
        ("a wrong signature", |peer| {
            peer.expect(b'p')?;
            let last = answers::auth(12, b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
            peer.send(&[last, answers::auth_ok(), answers::ready(b'I')].concat())?;
            peer.serve()
        }),
        ("no signature", |peer| {
            peer.expect(b'p')?;
            peer.send(&[answers::auth_ok(), answers::ready(b'I')].concat())?;
            peer.serve()
        }),
        ("an empty signature", |peer| {
            peer.expect(b'p')?;
            peer.send(&[answers::auth(12, b"v="), answers::auth_ok(), answers::ready(b'I')].concat())?;
            peer.serve()
        }),
        ("a request for clear text in between", |peer| {
            peer.expect(b'p')?;
            peer.send(&answers::auth_password())?;
            // whatever comes must not be the password
            let said = peer.read_message()?;
            assert!(!said.text().contains("canary"), "the password was sent in clear");
            Ok(())
        }),
    ];
    for (name, last) in cases {
        let server = scram("r=NONCEx,s=c2FsdHNhbHQ=,i=4096", last);
        let (_proxy, error) = refused(&server);
        assert_eq!(error.code(), "57P03", "{name}: {error}");
        assert!(server.failures().is_empty(), "{name}: {:?}", server.failures());
    }
}

#[test]
fn broken_log_ins_of_a_server_end_with_one_reason() {
    let ready = answers::ready(b'I');
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing but an end", Vec::new()),
        ("ready before it is logged in", ready.clone()),
        ("a key before it is logged in", [answers::backend_key_data(1, &[1; 4]), ready.clone()].concat()),
        ("logged in twice", [answers::auth_ok(), answers::auth_ok(), ready.clone()].concat()),
        ("ready twice", [answers::auth_ok(), ready.clone(), ready.clone()].concat()),
        ("ready in a transaction", [answers::auth_ok(), answers::ready(b'T')].concat()),
        ("status X", [answers::auth_ok(), answers::ready(b'X')].concat()),
        (
            "a key of 0 bytes and none of a pid",
            [answers::auth_ok(), messages::frame(b'K', b""), ready.clone()].concat(),
        ),
        (
            "a key of 300 bytes",
            [answers::auth_ok(), answers::backend_key_data(1, &[1; 300]), ready.clone()].concat(),
        ),
        ("a huge message", [b'R'].into_iter().chain(0x7fff_ffff_u32.to_be_bytes()).collect()),
        ("a length of 0", b"R\0\0\0\0".to_vec()),
        ("an unknown method", answers::auth(99, b"")),
        ("Kerberos", answers::auth(2, b"")),
        ("no mechanism that is known", answers::auth_sasl(&["SCRAM-SHA-512", "PLAIN"])),
        ("no mechanism at all", answers::auth_sasl(&[])),
        ("the middle of SCRAM", answers::auth(11, b"r=x,s=c2Fs,i=1")),
        ("the end of SCRAM", answers::auth(12, b"v=x")),
        ("an MD5 salt of 3 bytes", answers::auth(5, b"abc")),
        ("a row", [answers::auth_ok(), answers::data_row(&[Some("x")]), ready].concat()),
        ("an HTTP server", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ("endless parameters", endless()),
    ];
    for (name, bytes) in cases {
        let server = Scripted::serve(move |peer| {
            peer.read_startup()?;
            peer.send(&bytes)?;
            peer.stall();
            Ok(())
        });
        // an end must come as one
        if name == "nothing but an end" {
            server.release();
        }
        let (proxy, error) = refused(&server);
        assert_eq!(error.code(), "57P03", "{name}: {error}");
        let log = proxy.log();
        assert!(!log.contains("panic") && !log.contains("canary"), "{name}: {log}");
    }
}

fn endless() -> Vec<u8> {
    (0..2_000).fold(answers::auth_ok(), |mut bytes, n| {
        bytes.extend(answers::parameter_status(&format!("p{n}"), "x"));
        bytes
    })
}

#[test]
fn the_refusal_of_a_server_reaches_the_client_unchanged() {
    for (code, message) in [
        ("28P01", "password authentication failed for user \"app\""),
        ("3D000", "database \"app\" does not exist"),
        ("28000", "no pg_hba.conf entry for host \"10.0.0.1\""),
    ] {
        let body = answers::error("FATAL", code, message);
        let server = Scripted::serve(move |peer| {
            peer.read_startup()?;
            peer.send(&body)
        });
        let (_proxy, error) = refused(&server);
        assert_eq!((error.code(), error.message(), error.field(b'S')), (code, message, "FATAL"));
    }
}

#[test]
fn a_server_that_is_starting_is_waited_for() {
    let server = Scripted::serve(|peer| {
        peer.read_startup()?;
        if peer.number() < 1 {
            return peer.send(&answers::error("FATAL", "57P03", "the database system is starting up"));
        }
        peer.welcome()?;
        peer.serve()
    });
    let proxy = crate::stage::before(&server).set("pool.acquire_timeout", "\"20s\"").start();
    assert_eq!(proxy.connect().open().rows("up"), "up");
}

#[test]
fn a_server_of_older_minor_is_content_with_it() {
    for answer in [answers::negotiate(0x3_0000, &[]), answers::negotiate(0, &[]), Vec::new()] {
        let server = Scripted::serve(move |peer| {
            peer.read_startup()?;
            peer.send(&answer)?;
            peer.welcome()?;
            peer.serve()
        });
        let proxy = crate::stage::before(&server).start();
        assert_eq!(proxy.connect().open().rows("x"), "x");
    }
}

#[test]
fn a_server_that_takes_offence_at_a_minor_version_is_asked_for_3_0() {
    let server = Scripted::serve(|peer| {
        let (minor, _) = peer.read_startup()?;
        if minor != 0 {
            return peer.send(&answers::error("FATAL", "0A000", "unsupported frontend protocol 3.2"));
        }
        peer.welcome()?;
        peer.serve()
    });
    let proxy = crate::stage::before(&server).start();
    assert_eq!(proxy.connect().open().rows("x"), "x");
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let server = Scripted::serve(|peer| {
        peer.read_startup()?;
        peer.stall();
        Ok(())
    });
    let (_proxy, error) = refused(&server);
    assert_eq!(error.code(), "57P03", "{error}");
}

/// Bytes sent in clear behind the S come from somebody who does not hold the key.
#[test]
fn bytes_behind_the_consent_to_tls_end_the_attempt() {
    let server = Scripted::serve(|peer| {
        peer.read_packet()?;
        peer.send(&[b"S".to_vec(), answers::auth_ok(), answers::ready(b'I')].concat())?;
        peer.stall();
        Ok(())
    });
    let (_proxy, error) = refused(&server);
    assert_eq!(error.code(), "57P03", "{error}");
}

/// A server that is down when pgweir starts is no reason not to start, and is found when it comes up.
#[test]
fn a_start_with_the_server_down_serves_as_soon_as_it_is_up() {
    let port = testkit::port::Port::free();
    let proxy = Proxy::builder(PGWEIR)
        .database("postgres", Server::at("127.0.0.1", port.number()))
        .set("pool.acquire_timeout", "\"500ms\"")
        .start();
    let Err(Error::Server(error)) = proxy.connect().try_open() else { panic!("nobody is there") };
    assert_eq!(error.code(), "57P03", "{error}");
    assert!(error.message().contains("could not connect"), "{error}");
    let tap = testkit::wait::until_some(Duration::from_secs(30), "a second attempt", || {
        proxy.connect().try_open().err()
    });
    assert!(matches!(tap, Error::Server(_)), "{tap}");
}
