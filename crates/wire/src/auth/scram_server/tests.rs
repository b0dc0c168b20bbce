//! The server's side against another implementation's client and hostile clients.

use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};

use super::*;
use crate::auth::Digest;

const PLAIN: &[u8] = SCRAM_SHA_256.as_bytes();
const PLUS: &[u8] = SCRAM_SHA_256_PLUS.as_bytes();
const OURS: &str = "AgICAgICAgICAgICAgICAgIC";

fn start() -> AwaitFirst {
    AwaitFirst::new(ScramSecret::from_password(b"secret", b"salt", 2), [2; 18])
}

fn refused(message: &[u8]) -> ScramError {
    start().on(PLAIN, message).map(drop).unwrap_err()
}

/// The second half of an exchange whose client-first was `n,,n=,r=abc`.
fn second(message: &str) -> Result<Vec<u8>, ScramError> {
    let (server, server_first) = start().on(PLAIN, b"n,,n=,r=abc").unwrap();
    assert_eq!(server_first, format!("r=abc{OURS},s=c2FsdA==,i=2").into_bytes());
    server.on(message.as_bytes()).map(|(_, server_final)| server_final)
}

#[test]
fn another_implementations_client_logs_in() {
    for binding in [ChannelBinding::unrequested, ChannelBinding::unsupported] {
        let mut client = ScramSha256::new(b"secret", binding());
        let (server, server_first) = start().on(PLAIN, client.message()).unwrap();
        client.update(&server_first).unwrap();
        let (_, server_final) = server.on(client.message()).unwrap();
        client.finish(&server_final).unwrap();
    }
}

#[test]
fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let known = ScramSecret::from_plain("user", "secret", &[9; 32]);
    let unknown = ScramSecret::mock("user", &[9; 32]);
    let mut answers = Vec::new();
    for secret in [known, unknown] {
        let mut client = ScramSha256::new(b"wrong", ChannelBinding::unsupported());
        let (server, server_first) = AwaitFirst::new(secret, [2; 18]).on(PLAIN, client.message()).unwrap();
        client.update(&server_first).unwrap();
        assert_eq!(server.on(client.message()).map(drop).unwrap_err(), ScramError::Rejected);
        let text = String::from_utf8(server_first).unwrap();
        answers.push(text.split_once(OURS).unwrap().1.to_owned());
    }
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn what_we_do_not_offer_is_refused_by_name() {
    assert_eq!(refused(b"n,a=admin,n=,r=abc"), ScramError::Unsupported("authorization identity"));
    let mandatory = ScramError::Unsupported("mandatory extension");
    assert_eq!(refused(b"n,,m=x,n=,r=abc"), mandatory);
    assert_eq!(refused(b"n,,n=,r=abc,m=x"), mandatory);
    let error = second(&format!("c=biws,r=abc{OURS},m=x,p=AAAA")).unwrap_err();
    assert_eq!(error, mandatory);
    assert!(start().on(PLAIN, b"y,,n=bob,r=abc,x=optional").is_ok());
}

#[test]
fn a_malformed_first_message_is_refused() {
    let bad: [&[u8]; 20] = [
        b"",
        b"n",
        b"n,",
        b"n,,",
        b"n,,n=",
        b"n,,n=,",
        b"n,,n=,r=",
        b"n,,r=abc",
        b"n,,r=abc,n=",
        b"n,,n=,r=a b",
        b"n,,n=,r=a\xc3\xa9",
        b"n,,n=\0,r=abc",
        b"n,,n=,r=abc\0",
        b"n,,n=,r=abc,",
        b"n,,n=,r=abc,junk",
        b"n,,n,r=abc",
        b"n,admin,n=,r=abc",
        b"x,,n=,r=abc",
        b"N,,n=,r=abc",
        b",,n=,r=abc",
    ];
    for message in bad {
        let error = refused(message);
        assert!(matches!(error, ScramError::Malformed(_)), "{}: {error:?}", message.escape_ascii());
    }
    let long = [b"n,,n=,r=", &vec![b'a'; 1 << 20][..]].concat();
    assert!(matches!(refused(&long), ScramError::TooLong { .. }));
}

#[test]
fn a_malformed_last_message_is_refused() {
    let proof = encode(&[0; 32]);
    let both = format!("abc{OURS}");
    let bad = [
        String::new(),
        format!("c=biws,r={both}"),
        format!("c=biws,r={both},"),
        format!("c=biws,r={both},p="),
        format!("c=biws,r={both},p=AAAA"),
        format!("c=biws,r={both},p={}", encode(&[0; 33])),
        format!("c=biws,r={both},p=****"),
        format!("c=biws,r={both},p={proof},x=y"),
        format!("c=biws,r={both},p={proof}\0"),
        format!("c=biws,p={proof}"),
        format!("r={both},p={proof}"),
        format!("p={proof}"),
        format!("c=,r={both},p={proof}"),
        format!("c=eSws,r={both},p={proof}"),
        format!("c=cD10bHM=,r={both},p={proof}"),
        format!("c=biws,r={both},=x,p={proof}"),
    ];
    for message in bad {
        let error = second(&message).unwrap_err();
        assert!(matches!(error, ScramError::Malformed(_)), "{message}: {error:?}");
    }
    for nonce in ["abc", OURS, "abd", &both[..both.len() - 1], &format!("{both}x"), ""] {
        let error = second(&format!("c=biws,r={nonce},p={proof}")).unwrap_err();
        assert_eq!(error, ScramError::NonceMismatch, "{nonce}");
    }
    let error = second(&format!("c=biws,r={both},p={proof}")).unwrap_err();
    assert_eq!(error, ScramError::Rejected);
    let long = format!("c=biws,r={both},x={},p={proof}", "y".repeat(1 << 20));
    assert!(matches!(second(&long), Err(ScramError::TooLong { .. })));
}

#[test]
fn optional_extensions_are_part_of_what_is_proved() {
    let keys = Keys::derive(b"secret", b"salt", 2);
    let both = format!("abc{OURS}");
    let without_proof = format!("c=biws,r={both},x=y,z=");
    let auth_message = format!("n=,r=abc,r={both},s=c2FsdA==,i=2,{without_proof}");
    let proof = keys.proof(auth_message.as_bytes());
    let server_final = second(&format!("{without_proof},p={}", encode(&proof))).unwrap();
    assert!(server_final.starts_with(b"v="));
    let other = format!("c=biws,r={both},x=n,z=,p={}", encode(&proof));
    assert_eq!(second(&other).unwrap_err(), ScramError::Rejected);
}

#[test]
fn a_proof_is_good_for_one_nonce_only() {
    let mut client = ScramSha256::new(b"secret", ChannelBinding::unsupported());
    let client_first = client.message().to_vec();
    let (server, server_first) = start().on(PLAIN, &client_first).unwrap();
    client.update(&server_first).unwrap();
    let proof = client.message().to_vec();
    assert!(server.on(&proof).is_ok());
    let secret = ScramSecret::from_password(b"secret", b"salt", 2);
    let (later, _) = AwaitFirst::new(secret, [3; 18]).on(PLAIN, &client_first).unwrap();
    assert_eq!(later.on(&proof).map(drop).unwrap_err(), ScramError::NonceMismatch);
}

fn end_point() -> EndPoint {
    EndPoint::of(b"certificate", Digest::Sha256)
}

/// An exchange in which binding is offered, as far as its first message.
fn offered(mechanism: &[u8], client_first: &[u8]) -> Result<AwaitFinal, ScramError> {
    start().offering(Some(end_point())).on(mechanism, client_first).map(|(next, _)| next)
}

#[test]
fn another_implementations_client_binds() {
    let right = ChannelBinding::tls_server_end_point(end_point().hash().to_vec());
    let mut client = ScramSha256::new(b"secret", right);
    let server = start().offering(Some(end_point()));
    assert_eq!(server.mechanisms(), ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
    let (server, server_first) = server.on(PLUS, client.message()).unwrap();
    client.update(&server_first).unwrap();
    let (_, server_final) = server.on(client.message()).unwrap();
    client.finish(&server_final).unwrap();

    let other = EndPoint::of(b"another certificate", Digest::Sha256);
    let mut client = ScramSha256::new(b"secret", ChannelBinding::tls_server_end_point(other.hash().to_vec()));
    let (server, server_first) = start().offering(Some(end_point())).on(PLUS, client.message()).unwrap();
    client.update(&server_first).unwrap();
    assert_eq!(server.on(client.message()).map(drop), Err(ScramError::OtherEndPoint));
}

#[test]
fn the_flag_has_to_fit_the_mechanism_and_the_offer() {
    let flag =
        |mechanism: &[u8], flag: &str| offered(mechanism, format!("{flag},,n=,r=abc").as_bytes()).map(drop);
    assert_eq!(flag(PLUS, "p=tls-server-end-point"), Ok(()));
    assert_eq!(flag(PLAIN, "n"), Ok(()), "who cannot bind may come without");
    assert_eq!(flag(PLAIN, "y"), Err(ScramError::Downgrade));
    for (mechanism, bad) in [(PLUS, "n"), (PLUS, "y"), (PLAIN, "p=tls-server-end-point"), (PLUS, "x")] {
        assert!(matches!(flag(mechanism, bad), Err(ScramError::Malformed(_))), "{bad}");
    }
    for name in ["tls-unique", "tls-exporter", "", "tls-server-end-point2", &"x".repeat(100)] {
        let cut = name.chars().take(64).collect();
        assert_eq!(flag(PLUS, &format!("p={name}")), Err(ScramError::BindingType(cut)));
    }
    for mechanism in [&b"SCRAM-SHA-1"[..], b"", b"scram-sha-256", b"SCRAM-SHA-256-PLUS "] {
        assert_eq!(flag(mechanism, "n"), Err(ScramError::Mechanism));
    }
    // nothing offered: nothing to choose, and "y" is right
    assert_eq!(start().on(PLUS, b"p=tls-server-end-point,,n=,r=abc").map(drop), Err(ScramError::Mechanism));
    assert!(start().on(PLAIN, b"y,,n=,r=abc").is_ok());
    assert_eq!(start().mechanisms(), ["SCRAM-SHA-256"]);
}

#[test]
fn a_binding_that_is_not_the_connections_is_refused_before_the_proof() {
    let proof = encode(&[0; 32]);
    let hash = end_point();
    let bind = |data: &[u8]| {
        let server = offered(PLUS, b"p=tls-server-end-point,,n=,r=abc").unwrap();
        let binding = encode(&[b"p=tls-server-end-point,,", data].concat());
        server.on(format!("c={binding},r=abc{OURS},p={proof}").as_bytes()).map(drop)
    };
    assert_eq!(bind(hash.hash()), Err(ScramError::Rejected), "the binding is right, the proof is not");
    for data in [&[][..], &hash.hash()[..31], &[hash.hash(), &[0]].concat(), &[0; 32]] {
        assert_eq!(bind(data), Err(ScramError::OtherEndPoint));
    }
    let server = offered(PLUS, b"p=tls-server-end-point,,n=,r=abc").unwrap();
    let unbound = server.on(format!("c=biws,r=abc{OURS},p={proof}").as_bytes());
    assert_eq!(unbound.map(drop), Err(ScramError::OtherEndPoint));
}
