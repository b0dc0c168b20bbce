//! Files that change under a running proxy, and files that are wrong.

use wire::auth::Digest;

use super::*;
use crate::testing::read_exactly;

#[tokio::test]
async fn new_handshakes_show_the_new_certificate_and_old_connections_go_on() {
    let world = World::new();
    let (acceptor, connector) = (world.acceptor(), world.connector(ServerTlsMode::VerifyFull));
    let old = shown(&acceptor, &connector).await;
    let (near, far) = shake(&acceptor, &connector, "localhost").await;
    assert!(!acceptor.changed());

    let new = world.authority.sign(&["localhost"]);
    world.put("listen", &new);
    assert!(acceptor.changed());
    assert_eq!(shown(&acceptor, &connector).await, old, "nothing changes by itself");
    acceptor.reload().unwrap();
    assert!(!acceptor.changed());
    assert_eq!(shown(&acceptor, &connector).await, new.der);

    let (mut near, mut far) = (near.unwrap(), far.unwrap());
    near.write_all(b"still here").await.unwrap();
    assert_eq!(&read_exactly(&mut far, 10).await[..], b"still here");
}

/// What a log-in is bound to is what both sides saw in the handshake, not what was loaded later.
#[tokio::test]
async fn a_connection_is_bound_to_the_certificate_it_was_shown() {
    let world = World::new();
    let (acceptor, connector) = (world.acceptor(), world.connector(ServerTlsMode::VerifyFull));
    let old = shown(&acceptor, &connector).await;
    let (near, far) = shake(&acceptor, &connector, "localhost").await;
    let new = world.authority.sign(&["localhost"]);
    world.put("listen", &new);
    acceptor.reload().unwrap();
    let (later_near, later_far) = shake(&acceptor, &connector, "localhost").await;
    for (certificate, near, far) in [(old, near, far), (new.der, later_near, later_far)] {
        let bound = near.unwrap().end_point();
        assert_eq!(bound, Some(EndPoint::of(&certificate, Digest::Sha256)));
        assert_eq!(far.unwrap().end_point(), bound);
    }
    assert_eq!(tcp_pair().await.0.end_point(), None, "without TLS");
}

#[tokio::test]
async fn the_hash_is_that_of_the_certificate_s_signature() {
    let world = World::new();
    let connector = world.connector(ServerTlsMode::Require);
    let kinds = [
        (&rcgen::PKCS_ECDSA_P384_SHA384, Some(Digest::Sha384)),
        (&rcgen::PKCS_RSA_SHA512, Some(Digest::Sha512)),
        (&rcgen::PKCS_RSA_SHA256, Some(Digest::Sha256)),
        (&rcgen::PKCS_ED25519, None),
    ];
    for (kind, digest) in kinds {
        let key = rcgen::KeyPair::generate_for(kind).unwrap();
        let cert = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key);
        let cert = cert.unwrap();
        let signed = Signed { cert: cert.pem(), key: key.serialize_pem(), der: cert.der().to_vec() };
        let acceptor = Acceptor::new(&world.listen(ListenTlsMode::Require, &signed)).unwrap();
        let (near, far) = shake(&acceptor, &connector, "localhost").await;
        let right = digest.map(|digest| EndPoint::of(&signed.der, digest));
        assert_eq!(near.unwrap().end_point(), right, "{digest:?}");
        assert_eq!(far.unwrap().end_point(), right, "{digest:?}");
    }
}

/// As a certificate and its key are replaced one after the other.
#[tokio::test]
async fn a_key_that_does_not_match_keeps_the_old_pair_until_the_files_change_again() {
    let world = World::new();
    let (acceptor, connector) = (world.acceptor(), world.connector(ServerTlsMode::VerifyFull));
    let old = shown(&acceptor, &connector).await;
    let new = world.authority.sign(&["localhost"]);
    let cert = world.dir.write("listen.crt", &new.cert);
    let error = acceptor.reload().unwrap_err();
    let key = cert.with_extension("key");
    assert_eq!(
        error.to_string(),
        format!("private key file \"{}\" does not match the certificate", key.display())
    );
    assert_eq!(shown(&acceptor, &connector).await, old);
    assert!(!acceptor.changed(), "what was tried is not tried again");

    fs::write(key, &new.key).unwrap();
    assert!(acceptor.changed());
    acceptor.reload().unwrap();
    assert_eq!(shown(&acceptor, &connector).await, new.der);
}

#[tokio::test]
async fn a_file_that_goes_and_comes_back_is_two_changes() {
    let world = World::new();
    let (acceptor, connector) = (world.acceptor(), world.connector(ServerTlsMode::VerifyFull));
    let old = shown(&acceptor, &connector).await;
    let (here, away) = (world.dir.path().join("listen.crt"), world.dir.path().join("away"));
    fs::rename(&here, &away).unwrap();
    assert!(acceptor.changed());
    assert!(matches!(acceptor.reload(), Err(Error::Unreadable { path, .. }) if path == here));
    assert!(!acceptor.changed());
    assert_eq!(shown(&acceptor, &connector).await, old);
    fs::rename(&away, &here).unwrap();
    assert!(acceptor.changed());
    acceptor.reload().unwrap();
}

#[tokio::test]
async fn a_new_authority_is_believed_after_a_reload() {
    let world = World::new();
    let other = Authority::new("other");
    let connector = world.connector(ServerTlsMode::VerifyFull);
    let acceptor = Acceptor::new(&world.listen(ListenTlsMode::Require, &other.sign(&["localhost"]))).unwrap();
    assert!(shake(&acceptor, &connector, "localhost").await.0.is_err());
    world.dir.write("ca.crt", &format!("{}{}", world.authority.pem, other.pem));
    assert!(connector.changed());
    connector.reload().unwrap();
    assert!(shake(&acceptor, &connector, "localhost").await.0.is_ok());
}

#[tokio::test]
async fn other_settings_are_taken_whole_or_not_at_all() {
    let world = World::new();
    let acceptor = world.acceptor();
    let mut settings = world.listen(ListenTlsMode::Prefer, &world.authority.sign(&["localhost"]));
    settings.key = world.dir.write("empty", "").into();
    assert!(acceptor.replace(&settings).is_err());
    assert!(acceptor.requires());
    settings.mode = ListenTlsMode::Disable;
    acceptor.replace(&settings).unwrap();
    assert!(!acceptor.offers());

    let connector = world.connector(ServerTlsMode::Require);
    connector.replace(&world.server(ServerTlsMode::VerifyCa)).unwrap();
    assert_eq!(connector.mode(), ServerTlsMode::VerifyCa);
}

#[tokio::test]
async fn the_end_of_a_certificate_is_known() {
    let world = World::new();
    let signed = world.authority.sign_with(&["localhost"], |params| {
        params.not_after = rcgen::date_time_ymd(2050, 1, 1);
    });
    let acceptor = Acceptor::new(&world.listen(ListenTlsMode::Require, &signed)).unwrap();
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(2_524_608_000);
    assert_eq!(acceptor.not_after(), Some(end));
    let mut settings = world.server(ServerTlsMode::Require);
    assert_eq!(Connector::new(&settings).unwrap().not_after(), None);
    (settings.cert, settings.key) = world.put("client", &signed);
    assert_eq!(Connector::new(&settings).unwrap().not_after(), Some(end));
}

#[test]
fn each_mistake_names_its_file() {
    let world = World::new();
    let signed = world.authority.sign(&["localhost"]);
    let good = world.listen(ListenTlsMode::VerifyCa, &signed);
    let junk = world.dir.write("junk", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let torn = world.dir.write("torn", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    let empty = world.dir.write("empty", "");
    let named = |path: &PathBuf| format!("\"{}\"", path.display());
    let cases = [
        (ListenTls { cert: None, ..good.clone() }, "\"cert\"".to_owned()),
        (ListenTls { key: None, ..good.clone() }, "\"key\"".to_owned()),
        (ListenTls { client_ca: None, ..good.clone() }, "\"client_ca\"".to_owned()),
        (
            ListenTls { cert: Some(empty.clone()), ..good.clone() },
            format!("{} has no certificate", named(&empty)),
        ),
        (
            ListenTls { key: Some(empty.clone()), ..good.clone() },
            format!("{} has no private key", named(&empty)),
        ),
        (ListenTls { cert: Some(torn.clone()), ..good.clone() }, named(&torn)),
        (ListenTls { client_ca: Some(junk.clone()), ..good.clone() }, named(&junk)),
    ];
    for (settings, expected) in cases {
        let error = Acceptor::new(&settings).unwrap_err().to_string();
        assert!(error.contains(&expected), "{error} should have {expected}");
    }
    let half = ServerTls { cert: good.cert, ..world.server(ServerTlsMode::Require) };
    assert!(matches!(Connector::new(&half), Err(Error::NotNamed { key: "key" })));
}
