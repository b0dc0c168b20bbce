//! The client's side against the RFC's server, another implementation's parts, and hostile servers.

use super::*;
use crate::auth::{Digest, attrs, scram_server};

const NONCE: Nonce = [1; 18];
const OURS: &str = "AQEBAQEBAQEBAQEBAQEBAQEB";

fn start() -> AwaitFirst {
    AwaitFirst::new(NONCE, Binding::No).0
}

fn first(message: &str) -> Result<Challenge, ScramError> {
    start().on(message.as_bytes())
}

/// An exchange whose nonce is not ours to choose, for the RFC's example.
fn with_nonce(nonce: &str) -> AwaitFirst {
    AwaitFirst { nonce: nonce.into(), binding: Binding::No }
}

#[test]
fn the_example_of_rfc_7677_is_computed() {
    let server_first =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    let challenge = with_nonce("rOprNGfwEbeRWgbNEkqO").on(server_first.as_bytes()).unwrap();
    assert_eq!(challenge.iterations, 4096);
    // the RFC's client says "n=user", ours leaves the name empty: put it in for this one comparison
    let bare = b"n=user,r=rOprNGfwEbeRWgbNEkqO";
    let (old, tail) = challenge.messages.split_at("n=,r=rOprNGfwEbeRWgbNEkqO".len());
    assert_eq!(old, b"n=,r=rOprNGfwEbeRWgbNEkqO");
    let messages = [&bare[..], tail].concat();
    let client_final = challenge.client_final + 4;
    let challenge = Challenge { messages, client_final, ..challenge };
    let keys = challenge.derive(b"pencil");
    let (last, proof) = challenge.answer(&keys).unwrap();
    assert_eq!(
        String::from_utf8(proof).unwrap(),
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    );
    assert!(last.on(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").is_ok());
}

#[test]
fn client_first_is_what_postgresqls_own_client_sends() {
    let bound = Binding::To(EndPoint::of(b"certificate", Digest::Sha256));
    for (binding, flag) in [(Binding::No, "n"), (Binding::NotOffered, "y"), (bound, "p=tls-server-end-point")]
    {
        let (_, message) = AwaitFirst::new(NONCE, binding);
        assert_eq!(message, format!("{flag},,n=,r={OURS}").into_bytes());
    }
}

#[test]
fn the_nonce_has_to_be_ours_with_something_behind_it() {
    for nonce in [OURS, "AQEB", "xAQEBAQEBAQEBAQEBAQEBAQEB", "AQEBAQEBAQEBAQEBAQEBAQECserver"] {
        assert_eq!(first(&format!("r={nonce},s=c2FsdA==,i=1")).unwrap_err(), ScramError::NonceMismatch);
    }
    assert!(first(&format!("r={OURS}x,s=c2FsdA==,i=1")).is_ok());
    for nonce in ["", "AQEB AQEB", "AQ\u{e9}EB"] {
        let error = first(&format!("r={nonce},s=c2FsdA==,i=1")).unwrap_err();
        assert_eq!(error, ScramError::Malformed("nonce"));
    }
}

#[test]
fn a_long_nonce_or_message_is_refused_before_it_is_copied() {
    let nonce = |len: usize| format!("r={OURS}{},s=c2FsdA==,i=1", "x".repeat(len - OURS.len()));
    assert!(first(&nonce(MAX_NONCE)).is_ok());
    let error = ScramError::TooLong { len: MAX_NONCE + 1, limit: MAX_NONCE };
    assert_eq!(first(&nonce(MAX_NONCE + 1)).unwrap_err(), error);
    assert!(matches!(first(&nonce(1 << 20)), Err(ScramError::TooLong { limit: attrs::MAX_MESSAGE, .. })));
}

#[test]
fn the_work_a_server_can_ask_for_is_bounded() {
    for (text, got) in
        [("0", 0), ("1000001", 1_000_001), ("2147483648", 1 << 31), ("99999999999999999999", u64::MAX)]
    {
        let error = ScramError::Iterations { got, limit: MAX_ITERATIONS };
        assert_eq!(first(&format!("r={OURS}x,s=c2FsdA==,i={text}")).unwrap_err(), error);
    }
    for text in ["", "-1", "+1", "1e3", "0x10", " 1"] {
        assert!(first(&format!("r={OURS}x,s=c2FsdA==,i={text}")).is_err(), "{text}");
    }
    assert_eq!(first(&format!("r={OURS}x,s=c2FsdA==,i=1000000")).unwrap().iterations, MAX_ITERATIONS);
}

#[test]
fn a_first_message_that_lacks_or_mixes_attributes_is_refused() {
    let bad = [
        "".to_owned(),
        ",".to_owned(),
        "r".to_owned(),
        format!("r={OURS}x"),
        format!("r={OURS}x,s=c2FsdA=="),
        format!("r={OURS}x,i=1"),
        format!("s=c2FsdA==,i=1,r={OURS}x"),
        format!("r={OURS}x,s=,i=1"),
        format!("r={OURS}x,s=c2FsdA,i=1"),
        format!("r={OURS}x,s=c2Fs*A==,i=1"),
        format!("r={OURS}x,s=c2FsdA==,i=1,"),
        format!("r={OURS}x,s=c2FsdA==,i=1,junk"),
        format!("r={OURS}x,s=c2FsdA==,i=1\0"),
        format!("r={OURS}x,s={},i=1", encode(&[0; MAX_SALT + 1])),
    ];
    for message in bad {
        assert!(matches!(first(&message), Err(ScramError::Malformed(_))), "{message}");
    }
    let mandatory = Err(ScramError::Unsupported("mandatory extension"));
    assert_eq!(first(&format!("m=x,r={OURS}x,s=c2FsdA==,i=1")).map(drop), mandatory);
    assert_eq!(first(&format!("r={OURS}x,s=c2FsdA==,i=1,m=x")).map(drop), mandatory);
    assert!(first(&format!("r={OURS}x,s=c2FsdA==,i=1,x=optional")).is_ok());
}

#[test]
fn keys_for_another_secret_say_so_with_both_salts() {
    let keys = Keys::derive(b"secret", b"salt", 1);
    let challenge = || first(&format!("r={OURS}x,s=b3RoZXI=,i=2")).unwrap();
    assert!(!challenge().fits(&keys));
    let error = challenge().answer(&keys).map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "stored SCRAM secret has salt c2FsdA== and 1 iterations, server uses salt b3RoZXI= and 2 iterations"
    );
    assert!(!first(&format!("r={OURS}x,s=c2FsdA==,i=2")).unwrap().fits(&keys));
    assert!(!first(&format!("r={OURS}x,s=b3RoZXI=,i=1")).unwrap().fits(&keys));
    assert!(first(&format!("r={OURS}x,s=c2FsdA==,i=1")).unwrap().fits(&keys));
}

#[test]
fn a_server_without_the_secret_is_found_out() {
    let last = || {
        let keys = Keys::derive(b"secret", b"salt", 1);
        first(&format!("r={OURS}x,s=c2FsdA==,i=1")).unwrap().answer(&keys).unwrap().0
    };
    let wrong = format!("v={}", encode(&[0; 32]));
    assert_eq!(last().on(wrong.as_bytes()).unwrap_err(), ScramError::ServerSignature);
    for message in ["", "v=", "v=AAAA", "v=*", "r=x", "p=x", "v", "m=x"] {
        assert!(matches!(last().on(message.as_bytes()), Err(ScramError::Malformed(_))), "{message}");
    }
    let long = format!("e={}", "é".repeat(500));
    let Err(ScramError::ServerError(value)) = last().on(long.as_bytes()) else { panic!("no error") };
    assert!(value.len() == 64 && value.is_ascii());
    assert_eq!(last().on(b"e=other-error").unwrap_err(), ScramError::ServerError("other-error".into()));
    assert!(matches!(last().on(&vec![b'v'; 1 << 20]), Err(ScramError::TooLong { .. })));
}

#[test]
fn keys_learnt_from_a_log_in_open_another_server_with_the_same_secret() {
    let stored = ScramSecret::from_password(b"secret", b"salt", 3);
    let log_in = |keys: Option<&Keys>| {
        let (client, first) = AwaitFirst::new([2; 18], Binding::No);
        let server = scram_server::AwaitFirst::new(stored.clone(), [3; 18]);
        let (server, server_first) = server.on(SCRAM_SHA_256.as_bytes(), &first).unwrap();
        let challenge = client.on(&server_first).unwrap();
        let keys = keys.cloned().unwrap_or_else(|| challenge.derive(b"secret"));
        let (client, client_final) = challenge.answer(&keys).unwrap();
        let (done, server_final) = server.on(&client_final).unwrap();
        client.on(&server_final).unwrap();
        (done.keys, keys)
    };
    let (learnt, derived) = log_in(None);
    assert_eq!(learnt, derived);
    assert_eq!(learnt.secret(), stored);
    log_in(Some(&learnt));
}

#[test]
fn the_mechanism_is_chosen_from_what_is_offered() {
    use crate::backend::auth::{Authentication, write_sasl};
    let choose_of = |offered: &[&str], want, end_point: Option<&EndPoint>| {
        let mut out = bytes::BytesMut::new();
        write_sasl(&mut out, offered).unwrap();
        let Ok(Authentication::Sasl(list)) = Authentication::parse(&out[5..]) else { panic!("not SASL") };
        choose(list, want, end_point.cloned())
    };
    let (plain, plus) = ("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS");
    let end_point = EndPoint::of(b"certificate", Digest::Sha256);
    let (some, bound) = (Some(&end_point), Ok((plus, Binding::To(end_point.clone()))));
    let both = &[plus, plain][..];
    let table = [
        // without TLS
        (both, Want::Prefer, None, Ok((plain, Binding::No))),
        (&[plain][..], Want::Prefer, None, Ok((plain, Binding::No))),
        (&[plus][..], Want::Prefer, None, Err(ScramError::NoMechanism)),
        // with TLS
        (both, Want::Prefer, some, bound.clone()),
        (both, Want::Require, some, bound.clone()),
        (both, Want::Never, some, Ok((plain, Binding::No))),
        (&[plus][..], Want::Prefer, some, bound),
        (&[plus][..], Want::Never, some, Err(ScramError::NoMechanism)),
        (&[plain][..], Want::Prefer, some, Ok((plain, Binding::NotOffered))),
        (&[plain][..], Want::Never, some, Ok((plain, Binding::No))),
        (&[], Want::Prefer, some, Err(ScramError::NoMechanism)),
        (&["OAUTHBEARER", "scram-sha-256"], Want::Prefer, some, Err(ScramError::NoMechanism)),
    ];
    for (offered, want, end_point, result) in table {
        assert_eq!(choose_of(offered, want, end_point), result, "{offered:?}, {want:?}, {end_point:?}");
    }
    for (offered, end_point) in [(both, None), (&[plain][..], some), (&[][..], some), (&[plain], None)] {
        let got = choose_of(offered, Want::Require, end_point);
        assert!(matches!(got, Err(ScramError::NoBinding(_))), "{offered:?}: {got:?}");
    }
}

#[test]
fn debug_shows_no_key() {
    let keys = Keys::derive(b"canary", b"salt", 1);
    assert_eq!(format!("{keys:?}"), "Keys { iterations: 1, .. }");
}
