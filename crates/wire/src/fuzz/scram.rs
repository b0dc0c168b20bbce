//! SCRAM with a hostile peer: any bytes, and honest messages with bytes changed.
//!
//! No such peer may come to the end: there is one right proof for each side, and every byte counts in it.

use crate::auth::{
    Binding, Digest, EndPoint, Keys, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSecret, scram_client,
    scram_server,
};

/// Bytes that separate the messages of one exchange in a fuzzer's input.
const BETWEEN: u8 = b'\n';
/// More of them only costs time.
const ITERATIONS: u32 = 16;

/// What the two sides may say of channel binding to each other: the client's choice, what the server offers.
fn bindings() -> [(&'static str, Binding, Option<EndPoint>); 4] {
    let end_point = EndPoint::of(b"certificate", Digest::Sha256);
    [
        (SCRAM_SHA_256, Binding::No, None),
        (SCRAM_SHA_256, Binding::No, Some(end_point.clone())),
        (SCRAM_SHA_256, Binding::NotOffered, None),
        (SCRAM_SHA_256_PLUS, Binding::To(end_point.clone()), Some(end_point)),
    ]
}

/// A client that breaks the rules, or changes what an honest one would say.
pub fn scram_server(data: &[u8]) {
    for (mechanism, binding, offered) in bindings() {
        let server = || scram_server::AwaitFirst::new(secret(), [2; 18]).offering(offered.clone());
        let (client_first, rest) = split(data);
        if let Ok((server, server_first)) = server().on(mechanism.as_bytes(), client_first) {
            assert!(server_first.starts_with(b"r="));
            assert!(server.on(rest).is_err(), "nobody guesses a proof");
        }
        let (name, client_first) = split(client_first);
        let known = server().mechanisms().iter().any(|known| known.as_bytes() == name);
        assert!(known || server().on(name, client_first).is_err(), "a made-up mechanism");

        let (client, client_first) = scram_client::AwaitFirst::new([1; 18], binding);
        let Ok((server, server_first)) = server().on(mechanism.as_bytes(), &client_first) else {
            panic_on("client-first")
        };
        let Ok(challenge) = client.on(&server_first) else { panic_on("server-first") };
        let keys = keys();
        let Ok((_, client_final)) = challenge.answer(&keys) else { panic_on("our keys") };
        let changed = change(&client_final, data);
        match server.on(&changed) {
            Ok((done, _)) => {
                assert_eq!(changed, client_final, "a changed proof was taken");
                assert_eq!(done.keys, keys);
            }
            Err(_) => assert_ne!(changed, client_final, "an honest proof was refused"),
        }
    }
}

/// A server that breaks the rules, or changes what an honest one would say.
pub fn scram_client(data: &[u8]) {
    for (mechanism, binding, offered) in bindings() {
        let client = || scram_client::AwaitFirst::new([1; 18], binding.clone());
        let (server_first, rest) = split(data);
        if let Ok(challenge) = client().0.on(server_first) {
            finish(challenge, rest);
        }

        let (client, client_first) = client();
        let server = scram_server::AwaitFirst::new(secret(), [2; 18]).offering(offered);
        let Ok((server, server_first)) = server.on(mechanism.as_bytes(), &client_first) else {
            panic_on("client-first")
        };
        let (first_change, last_change) = rest.split_at_checked(rest.len() / 2).unwrap_or_default();
        let changed_first = change(&server_first, first_change);
        let Ok(challenge) = client.on(&changed_first) else { continue };
        if challenge.iterations() > ITERATIONS {
            continue;
        }
        let keys = challenge.derive(PASSWORD);
        let Ok((client, client_final)) = challenge.answer(&keys) else { panic_on("keys of the challenge") };
        match server.on(&client_final) {
            Err(_) => assert_ne!(changed_first, server_first, "an honest exchange was refused"),
            Ok((_, server_final)) => {
                assert_eq!(changed_first, server_first, "the two sides did not see the same messages");
                let changed = change(&server_final, last_change);
                assert_eq!(client.on(&changed).is_ok(), changed == server_final, "the server's proof");
            }
        }
    }
}

fn finish(challenge: scram_client::Challenge, server_final: &[u8]) {
    let stranger = keys();
    if !challenge.fits(&stranger) {
        assert!(challenge.answer(&stranger).is_err(), "keys of another secret");
        return;
    }
    let Ok((client, client_final)) = challenge.answer(&stranger) else { panic_on("fitting keys") };
    assert!(client_final.starts_with(b"c="));
    assert!(client.on(server_final).is_err(), "nobody guesses a signature");
}

const PASSWORD: &[u8] = b"secret";

fn keys() -> Keys {
    Keys::derive(PASSWORD, b"salt", 1)
}

fn secret() -> ScramSecret {
    keys().secret()
}

fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let at = data.iter().position(|&byte| byte == BETWEEN).unwrap_or(data.len());
    let (first, rest) = data.split_at_checked(at).unwrap_or_default();
    (first, rest.get(1..).unwrap_or_default())
}

/// Up to eight bytes of `message` changed, as pairs of place and difference say.
fn change(message: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut message = message.to_vec();
    for pair in changes.chunks_exact(2).take(8) {
        if let [place, difference] = *pair
            && let Some(byte) = message.get_mut(usize::from(place))
        {
            *byte ^= difference;
        }
    }
    message
}

#[expect(clippy::panic, reason = "how a fuzz target reports a broken invariant")]
fn panic_on(what: &str) -> ! {
    panic!("an honest exchange broke off at {what}")
}
