//! Whole log-ins: both sides of SCRAM and of MD5, with any password.

use pgweir_wire::auth::scram_client::{self, Verified};
use pgweir_wire::auth::{Keys, ScramError, ScramSecret, md5, scram_server};
use proptest::collection::vec;
use proptest::prelude::*;

/// One exchange; what the server has learnt and what the client has been shown.
fn exchange(
    secret: &ScramSecret,
    keys: impl FnOnce(&scram_client::Challenge) -> Keys,
    nonces: [[u8; 18]; 2],
) -> Result<(Keys, Verified), ScramError> {
    let (client, client_first) = scram_client::AwaitFirst::new(nonces[0]);
    let server = scram_server::AwaitFirst::new(secret.clone(), nonces[1]);
    let (server, server_first) = server.on(&client_first)?;
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

proptest! {
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
