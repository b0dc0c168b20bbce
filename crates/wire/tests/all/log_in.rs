//! Whole log-ins: both sides of SCRAM and of MD5, with any password.

use pgweir_wire::auth::scram_client::{self, Verified};
use pgweir_wire::auth::{
    Binding, Digest, EndPoint, Keys, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramError, ScramSecret, md5,
    scram_server,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// One exchange without channel binding; what the server has learnt and what the client has been shown.
fn exchange(
    secret: &ScramSecret,
    keys: impl FnOnce(&scram_client::Challenge) -> Keys,
    nonces: [[u8; 18]; 2],
) -> Result<(Keys, Verified), ScramError> {
    exchange_bound(secret, keys, nonces, (Binding::No, None))
}

/// One exchange; the client binds to the one, the server has shown the other.
fn exchange_bound(
    secret: &ScramSecret,
    keys: impl FnOnce(&scram_client::Challenge) -> Keys,
    nonces: [[u8; 18]; 2],
    (binding, shown): (Binding, Option<EndPoint>),
) -> Result<(Keys, Verified), ScramError> {
    let mechanism = if let Binding::To(_) = binding { SCRAM_SHA_256_PLUS } else { SCRAM_SHA_256 };
    let (client, client_first) = scram_client::AwaitFirst::new(nonces[0], binding);
    let server = scram_server::AwaitFirst::new(secret.clone(), nonces[1]).offering(shown);
    let (server, server_first) = server.on(mechanism.as_bytes(), &client_first)?;
    let challenge = client.on(&server_first)?;
    let keys = keys(&challenge);
    let (client, client_final) = challenge.answer(&keys)?;
    let (done, server_final) = server.on(&client_final)?;
    Ok((done.keys, client.on(&server_final)?))
}

fn password() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[ -~]{1,20}".prop_map(String::into_bytes),
        "\\PC{1,20}".prop_map(String::into_bytes),
        vec(1..=u8::MAX, 1..20),
        vec(1..=u8::MAX, 8_000..8_001),
    ]
}

fn end_point() -> impl Strategy<Value = EndPoint> {
    let digest =
        prop_oneof![Just(Digest::Sha224), Just(Digest::Sha256), Just(Digest::Sha384), Just(Digest::Sha512)];
    (vec(any::<u8>(), 0..3), digest).prop_map(|(certificate, digest)| EndPoint::of(&certificate, digest))
}

fn binding() -> impl Strategy<Value = Binding> {
    prop_oneof![Just(Binding::No), Just(Binding::NotOffered), end_point().prop_map(Binding::To)]
}

proptest! {
    /// With the right password it is the binding alone that decides; and keys that one log-in has shown are good for
    /// another, whatever either is bound to.
    #[test]
    fn a_log_in_is_bound_to_what_both_sides_see(
        binding in binding(),
        shown in prop::option::of(end_point()),
        same in any::<bool>(),
        nonces in any::<[[u8; 18]; 2]>(),
    ) {
        let shown = match (&binding, shown) {
            (Binding::To(end_point), Some(_)) if same => Some(end_point.clone()),
            (_, shown) => shown,
        };
        let secret = ScramSecret::from_password(b"secret", b"salt", 2);
        let right = match (&binding, &shown) {
            (Binding::No, _) | (Binding::NotOffered, None) => Ok(()),
            (Binding::NotOffered, Some(_)) => Err(ScramError::Downgrade),
            (Binding::To(_), None) => Err(ScramError::Mechanism),
            (Binding::To(seen), Some(shown)) if seen == shown => Ok(()),
            (Binding::To(_), Some(_)) => Err(ScramError::OtherEndPoint),
        };
        let pair = (binding, shown);
        let got = exchange_bound(&secret, |challenge| challenge.derive(b"secret"), nonces, pair.clone());
        prop_assert_eq!(got.as_ref().map(|_| ()).map_err(Clone::clone), right);
        if let Ok((learnt, _)) = got {
            prop_assert!(exchange_bound(&secret, |_| learnt.clone(), nonces, pair).is_ok());
            prop_assert!(exchange(&secret, |_| learnt, nonces).is_ok());
        }
        let wrong = (Binding::To(EndPoint::of(b"x", Digest::Sha256)), Some(EndPoint::of(b"x", Digest::Sha256)));
        let got = exchange_bound(&secret, |challenge| challenge.derive(b"wrong"), nonces, wrong);
        prop_assert_eq!(got.map(drop), Err(ScramError::Rejected));
    }

    #[test]
    fn the_right_password_logs_in_and_its_keys_do_so_again(
        password in password(),
        salt in vec(any::<u8>(), 1..40),
        iterations in 1u32..6,
        nonces in any::<[[u8; 18]; 2]>(),
    ) {
        let secret = ScramSecret::from_password(&password, &salt, iterations);
        let (learnt, _) = exchange(&secret, |challenge| challenge.derive(&password), nonces).unwrap();
        prop_assert_eq!(&learnt, &Keys::derive(&password, &salt, iterations));
        prop_assert!(exchange(&secret, |_| learnt, nonces).is_ok());
    }

    #[test]
    fn another_password_does_not(
        right in "[!-~]{1,20}",
        wrong in "[!-~]{0,20}",
        salt in vec(any::<u8>(), 1..40),
        nonces in any::<[[u8; 18]; 2]>(),
    ) {
        prop_assume!(right != wrong);
        let secret = ScramSecret::from_password(right.as_bytes(), &salt, 2);
        let got = exchange(&secret, |challenge| challenge.derive(wrong.as_bytes()), nonces);
        prop_assert_eq!(got.map(drop), Err(ScramError::Rejected));
        let mock = ScramSecret::mock(&right, &[0; 32]);
        let got = exchange(&mock, |challenge| Keys::derive(b"", &mock.salt, challenge.iterations()), nonces);
        prop_assert_eq!(got.map(drop), Err(ScramError::Rejected));
    }

    #[test]
    fn md5_is_right_for_one_user_password_and_salt(
        user in "\\PC{0,10}",
        right in password(),
        wrong in password(),
        salts in any::<[[u8; 4]; 2]>(),
    ) {
        prop_assume!(right != wrong && salts[0] != salts[1]);
        let stored = md5::hash(&user, &right);
        let answer = md5::response(&stored, salts[0]);
        prop_assert!(md5::verify(&stored, salts[0], answer.as_bytes()));
        prop_assert!(!md5::verify(&stored, salts[1], answer.as_bytes()));
        prop_assert!(!md5::verify(&md5::hash(&user, &wrong), salts[0], answer.as_bytes()));
    }
}

#[test]
fn a_password_of_a_megabyte_logs_in() {
    let password = vec![b'x'; 1 << 20];
    let secret = ScramSecret::from_password(&password, b"salt", 2);
    assert!(exchange(&secret, |challenge| challenge.derive(&password), [[1; 18], [2; 18]]).is_ok());
}
