//! Stored passwords: PostgreSQL's own forms, and mutilated ones.

use postgres_protocol::password::scram_sha_256;

use super::*;

/// The secret of the password "pencil" with the salt of RFC 7677, section 3.
const RFC: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
                   WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

const SEED: [u8; 32] = [7; 32];

#[test]
fn the_three_forms_are_told_apart() {
    let md5 = md5::hash("bob", b"secret");
    assert_eq!(Secret::parse(&md5.stored()), Ok(Secret::Md5(md5)));
    assert!(matches!(Secret::parse(RFC), Ok(Secret::Scram(_))));
    for plain in ["", "secret", "md5", "md5rocks", "SCRAM-SHA-256", "SCRAM-SHA-1$x", "é"] {
        assert_eq!(Secret::parse(plain), Ok(Secret::Plain(plain.into())));
    }
    assert!(matches!(Secret::parse("a\0b"), Err(Error::BadSecret { .. })));
}

#[test]
fn every_form_knows_its_password() {
    let scram = ScramSecret::from_password(b"secret", b"salt", 2);
    for secret in
        [Secret::Plain("secret".into()), Secret::Md5(md5::hash("bob", b"secret")), Secret::Scram(scram)]
    {
        assert!(secret.verify("bob", b"secret"), "{secret:?}");
        for wrong in [&b""[..], b"Secret", b"secret ", b"secre", b"secret\0", b"\xff"] {
            assert!(!secret.verify("bob", wrong), "{secret:?}");
        }
    }
    assert!(!Secret::Md5(md5::hash("bob", b"secret")).verify("eve", b"secret"));
}

#[test]
fn the_vector_of_rfc_7677_is_computed() {
    let ScramSecret { salt, .. } = ScramSecret::parse(RFC).unwrap();
    let secret = ScramSecret::from_password(b"pencil", &salt, 4096);
    assert_eq!(secret.stored(), RFC);
    assert_eq!(ScramSecret::parse(RFC), Ok(secret.clone()));
    assert!(secret.verify(b"pencil") && !secret.verify(b"pencils"));
}

#[test]
fn secrets_of_another_implementation_are_read() {
    for password in ["secret", "", "pass\u{ad}word", "\u{2168}", "\x07"] {
        let stored = scram_sha_256(password.as_bytes());
        assert!(ScramSecret::parse(&stored).unwrap().verify(password.as_bytes()), "{password:?}");
    }
}

#[test]
fn a_mutilated_scram_secret_is_refused() {
    let with = |from: &str, to: &str| RFC.replacen(from, to, 1);
    let bad = [
        "SCRAM-SHA-256$".to_owned(),
        RFC[..RFC.len() - 1].to_owned(),
        RFC[..60].to_owned(),
        format!("{RFC}$"),
        format!("{RFC}:x"),
        with("4096", "0"),
        with("4096", ""),
        with("4096", "-1"),
        with("4096", "+4096"),
        with("4096", "4096 "),
        with("4096", "1000001"),
        with("4096", "2147483648"),
        with("4096", "99999999999999999999999999"),
        with("W22ZaJ0SNY7soEsUEjb6gQ==", ""),
        with("W22ZaJ0SNY7soEsUEjb6gQ==", "W22ZaJ0SNY7soEsUEjb6gQ"),
        with("W22Z", "W2*Z"),
        with("qY=:", "qY=$"),
        with(":wfPL", ":wfPLAAAA"),
        with("WG5d", ""),
    ];
    for stored in bad {
        assert!(matches!(Secret::parse(&stored), Err(Error::BadSecret { .. })), "{stored}");
    }
}

#[test]
fn a_mock_is_steady_and_cannot_be_told_from_a_user() {
    let mock = ScramSecret::mock("nobody", &SEED);
    assert_eq!(mock, ScramSecret::mock("nobody", &SEED));
    assert_ne!(mock.salt, ScramSecret::mock("somebody", &SEED).salt);
    assert_ne!(mock.salt, ScramSecret::mock("nobody", &[8; 32]).salt);
    assert!(!mock.verify(b""));
    let real = ScramSecret::from_plain("nobody", "secret", &SEED);
    assert_eq!((real.salt.clone(), real.iterations), (mock.salt, mock.iterations));
    assert!(real.verify(b"secret"));
}

#[test]
fn debug_shows_nothing() {
    let scram = ScramSecret::from_password(b"canary", b"canarysalt", 1);
    let shown = format!(
        "{:?} {:?} {:?} {:?}",
        Secret::Plain("canary".into()),
        Secret::Md5(md5::hash("bob", b"canary")),
        Secret::Scram(scram.clone()),
        scram
    );
    assert_eq!(shown, "Plain(…) Md5(…) Scram(…) ScramSecret { iterations: 1, .. }");
}
