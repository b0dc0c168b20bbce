//! Certificates of version 1, as `openssl x509 -req` makes them, on every side.

use rcgen::{DnType, SigningKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

use super::*;

const SEQUENCE: u8 = 0x30;

/// A DER element.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82, high, low], content].concat()
}

/// The elements inside an element, with their heads.
fn elements(element: &[u8]) -> Vec<&[u8]> {
    let head = |bytes: &[u8]| match bytes {
        [_, 0x82, high, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        [_, 0x81, len, ..] => (3, usize::from(*len)),
        [_, len, ..] => (2, usize::from(*len)),
        _ => panic!("no element"),
    };
    let (mut rest, mut found) = (&element[head(element).0..], Vec::new());
    while !rest.is_empty() {
        let (start, len) = head(rest);
        found.push(&rest[..start + len]);
        rest = &rest[start + len..];
    }
    found
}

fn pem(der: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in der.chunks(3) {
        let bits =
            three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            text.push(if digit <= three.len() { char::from(DIGITS[value]) } else { '=' });
        }
    }
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// A certificate with a common name and dates, taken down to version 1 and signed again.
fn sign(authority: &Authority, name: &str, years: (i32, i32)) -> Signed {
    let mut signed = authority.sign_with(&[], |params| {
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    });
    let parts = elements(&signed.der);
    let fields = elements(parts[0]);
    // Without the version in front and the extensions behind.
    let body = element(SEQUENCE, &fields[1..7].concat());
    let signature = authority.issuer.key().sign(&body).unwrap();
    let signature = element(0x03, &[&[0][..], &signature].concat());
    signed.der = element(SEQUENCE, &[&body[..], parts[1], &signature].concat());
    signed.cert = pem(&signed.der);
    signed
}

const NOW: (i32, i32) = (2020, 2090);

async fn believed(world: &World, signed: &Signed, mode: ServerTlsMode) -> bool {
    let acceptor = Acceptor::new(&world.listen(ListenTlsMode::Require, signed)).unwrap();
    shake(&acceptor, &world.connector(mode), "localhost").await.0.is_ok()
}

#[tokio::test]
async fn a_server_is_believed_as_far_as_the_mode_asks() {
    use ServerTlsMode::{Require, VerifyCa, VerifyFull};
    let world = World::new();
    let ours = &world.authority;
    let mut forged = sign(ours, "localhost", NOW);
    let last = forged.der.len() - 1;
    forged.der[last] ^= 1;
    forged.cert = pem(&forged.der);
    for (what, signed, expected) in [
        ("right", sign(ours, "localhost", NOW), [true, true, true]),
        ("wrong name", sign(ours, "elsewhere", NOW), [true, true, false]),
        ("expired", sign(ours, "localhost", (2019, 2020)), [true, false, false]),
        ("from the future", sign(ours, "localhost", (2090, 2099)), [true, false, false]),
        ("stranger of the same name", sign(&Authority::new("ours"), "localhost", NOW), [true, false, false]),
        ("stranger", sign(&Authority::new("theirs"), "localhost", NOW), [true, false, false]),
        ("forged", forged, [true, false, false]),
    ] {
        for (mode, expected) in [Require, VerifyCa, VerifyFull].into_iter().zip(expected) {
            assert_eq!(believed(&world, &signed, mode).await, expected, "{what}, {mode:?}");
        }
    }
}

/// An authority may only vouch for certain names, which a certificate without extensions need not respect.
#[tokio::test]
async fn an_authority_with_constraints_vouches_for_none() {
    let world = World::new();
    let constrained = Authority::constrained_to("ours", "localhost");
    world.dir.write("ca.crt", &constrained.pem);
    assert!(!believed(&world, &sign(&constrained, "localhost", NOW), ServerTlsMode::VerifyCa).await);
    assert!(believed(&world, &constrained.sign(&["localhost"]), ServerTlsMode::VerifyFull).await);
}

#[tokio::test]
async fn a_client_is_let_in_if_the_authority_signed_it() {
    let world = World::new();
    let server = world.authority.sign(&["localhost"]);
    let acceptor = Acceptor::new(&world.listen(ListenTlsMode::VerifyFull, &server)).unwrap();
    for (signed, welcome) in [
        (sign(&world.authority, "alice", NOW), true),
        (sign(&world.authority, "alice", (2019, 2020)), false),
        (sign(&Authority::new("ours"), "alice", NOW), false),
    ] {
        let mut settings = world.server(ServerTlsMode::VerifyFull);
        (settings.cert, settings.key) = world.put("client", &signed);
        let (_, far) = shake(&acceptor, &Connector::new(&settings).unwrap(), "localhost").await;
        assert_eq!(far.is_ok(), welcome);
    }
}

/// Only the owner of the key can use a certificate, in either version of TLS.
#[tokio::test]
async fn a_certificate_without_its_key_is_of_no_use() {
    let world = World::new();
    let (mine, stolen) = (sign(&world.authority, "localhost", NOW), sign(&world.authority, "localhost", NOW));
    for version in [&TLS12, &TLS13] {
        for (cert, owner) in [(&mine, true), (&stolen, false)] {
            for mode in [ServerTlsMode::Require, ServerTlsMode::VerifyFull] {
                let server = server(version, cert, &mine);
                let (near, far) = tcp_pair().await;
                let connector = world.connector(mode);
                let (near, _far) = tokio::join!(
                    connector.connect(near, "localhost"),
                    server.accept(far.into_socket().unwrap())
                );
                assert_eq!(near.is_ok(), owner, "{version:?} {mode:?}");
            }
        }
    }
}

/// A server that shows one certificate and signs with the key of another.
fn server(version: &'static SupportedProtocolVersion, cert: &Signed, key: &Signed) -> TlsAcceptor {
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(key.key.as_bytes()).unwrap();
    let key = PROVIDER.key_provider.load_private_key(key).unwrap();
    let pair = rustls::sign::CertifiedKey::new(vec![cert.der.clone().into()], key);
    let config = ServerConfig::builder_with_provider(Arc::clone(&PROVIDER))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(pair)));
    Arc::new(config).into()
}

#[test]
fn its_key_must_match_in_our_own_files_too() {
    let world = World::new();
    let (mine, other) = (sign(&world.authority, "localhost", NOW), world.authority.sign(&[]));
    let mut settings = world.listen(ListenTlsMode::Require, &mine);
    assert!(Acceptor::new(&settings).is_ok());
    settings.key = world.put("other", &other).1;
    let error = Acceptor::new(&settings).unwrap_err().to_string();
    assert!(error.contains("does not match"), "{error}");
}
