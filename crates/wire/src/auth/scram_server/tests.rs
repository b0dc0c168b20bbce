//! The server's side against another implementation's client and hostile clients.

use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};

use super::*;

const OURS: &str = "AgICAgICAgICAgICAgICAgIC";

fn start() -> AwaitFirst {
    AwaitFirst::new(ScramSecret::from_password(b"secret", b"salt", 2), [2; 18])
}

fn refused(message: &[u8]) -> ScramError {
    start().on(message).map(drop).unwrap_err()
}

/// The second half of an exchange whose client-first was `n,,n=,r=abc`.
fn second(message: &str) -> Result<Vec<u8>, ScramError> {
    let (server, server_first) = start().on(b"n,,n=,r=abc").unwrap();
    assert_eq!(server_first, format!("r=abc{OURS},s=c2FsdA==,i=2").into_bytes());
    server.on(message.as_bytes()).map(|(_, server_final)| server_final)
}

#[test]
fn another_implementations_client_logs_in() {
    for binding in [ChannelBinding::unrequested, ChannelBinding::unsupported] {
        let mut client = ScramSha256::new(b"secret", binding());
        let (server, server_first) = start().on(client.message()).unwrap();
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
        let (server, server_first) = AwaitFirst::new(secret, [2; 18]).on(client.message()).unwrap();
        client.update(&server_first).unwrap();
        assert_eq!(server.on(client.message()).map(drop).unwrap_err(), ScramError::Rejected);
        let text = String::from_utf8(server_first).unwrap();
        answers.push(text.split_once(OURS).unwrap().1.to_owned());
    }
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn what_we_do_not_offer_is_refused_by_name() {
    let binding = ScramError::Unsupported("channel binding");
    assert_eq!(refused(b"p=tls-server-end-point,,n=,r=abc"), binding);
    assert_eq!(refused(b"n,a=admin,n=,r=abc"), ScramError::Unsupported("authorization identity"));
    let mandatory = ScramError::Unsupported("mandatory extension");
    assert_eq!(refused(b"n,,m=x,n=,r=abc"), mandatory);
    assert_eq!(refused(b"n,,n=,r=abc,m=x"), mandatory);
    let error = second(&format!("c=biws,r=abc{OURS},m=x,p=AAAA")).unwrap_err();
    assert_eq!(error, mandatory);
    assert!(start().on(b"y,,n=bob,r=abc,x=optional").is_ok());
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
    let (server, server_first) = start().on(&client_first).unwrap();
    client.update(&server_first).unwrap();
    let proof = client.message().to_vec();
    assert!(server.on(&proof).is_ok());
    let secret = ScramSecret::from_password(b"secret", b"salt", 2);
    let (later, _) = AwaitFirst::new(secret, [3; 18]).on(&client_first).unwrap();
    assert_eq!(later.on(&proof).map(drop).unwrap_err(), ScramError::NonceMismatch);
}
