//! Fields of certificates, whole, cut and altered.

use super::*;

#[test]
fn times_are_those_of_the_calendar() {
    let utc = |text: &str| time((UTC_TIME, text.as_bytes()));
    let general = |text: &str| time((GENERALIZED_TIME, text.as_bytes()));
    assert_eq!(utc("700101000000Z"), Some(0));
    assert_eq!(utc("240229123456Z"), Some(1_709_210_096));
    assert_eq!(utc("491231235959Z"), Some(2_524_607_999));
    assert_eq!(general("20500101000000Z"), Some(2_524_608_000));
    assert_eq!(general("20000301000000Z"), Some(951_868_800));
    assert_eq!(utc("500101000000Z"), Some(0), "1950");
    for wrong in ["", "Z", "240229123456", "2402291234Z", "241329123456Z", "24022912345xZ", "é4022912345Z"] {
        assert_eq!(utc(wrong), None, "{wrong}");
    }
}

#[test]
fn the_common_name_may_have_one_wild_label() {
    let called = |name: &'static str, host| {
        Subject { common_name: Some(name), has_alternative_names: false }
            .is_called(&ServerName::try_from(host).unwrap())
    };
    assert!(called("db.example.com", "DB.example.com"));
    assert!(called("*.example.com", "db.example.com"));
    assert!(!called("*.example.com", "a.db.example.com"));
    assert!(!called("*.example.com", "example.com"));
    assert!(called("10.0.0.1", "10.0.0.1"));
    assert!(!called("*.0.0.1", "10.0.0.1"));
    assert!(!called("example.com", "db.example.com"));
}

/// The inside of an `AlgorithmIdentifier`.
fn algorithm(id: &[u8], parameters: &[u8]) -> Option<Digest> {
    let inside = [&element(OBJECT_ID, id)[..], parameters].concat();
    digest_of(Der(&inside))
}

fn element(tag: u8, inside: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(inside.len()).unwrap()], inside].concat()
}

#[test]
fn a_binding_hashes_as_the_signature_does() {
    use Digest::{Sha224, Sha256, Sha384, Sha512};
    let rsa = [(4, Sha256), (5, Sha256), (11, Sha256), (12, Sha384), (13, Sha512), (14, Sha224)];
    for (last, digest) in rsa {
        assert_eq!(algorithm(&[PKCS_1, &[last]].concat(), &[5, 0]), Some(digest), "RSA, {last}");
    }
    for (last, digest) in [(1, Sha224), (2, Sha256), (3, Sha384), (4, Sha512)] {
        assert_eq!(algorithm(&[ECDSA_WITH_SHA2, &[last]].concat(), &[]), Some(digest), "ECDSA, {last}");
    }
    assert_eq!(algorithm(ECDSA_WITH_SHA1, &[]), Some(Sha256));
    // RSASSA-PSS names the function in its parameters
    let pss = |parameters: &[u8]| algorithm(&[PKCS_1, &[10]].concat(), &element(SEQUENCE, parameters));
    let hash = |id: &[u8]| element(PSS_HASH, &element(SEQUENCE, &element(OBJECT_ID, id)));
    for (last, digest) in [(1, Sha256), (2, Sha384), (3, Sha512), (4, Sha224)] {
        assert_eq!(pss(&hash(&[NIST_HASHES, &[last]].concat())), Some(digest), "PSS, {last}");
    }
    assert_eq!(pss(&[]), Some(Sha256), "SHA-1 by default");
    assert_eq!(pss(&hash(&[0x2B, 0x0E, 0x03, 0x02, 0x1A])), Some(Sha256), "SHA-1 by name");
    // no hash function of its own, or none that we know
    for unknown in [&[0x2B, 0x65, 0x70][..], &[PKCS_1, &[1]].concat(), &[PKCS_1, &[4, 4]].concat(), &[]] {
        assert_eq!(algorithm(unknown, &[]), None, "{unknown:?}");
    }
    assert_eq!(pss(&hash(&[NIST_HASHES, &[9]].concat())), None);
}

#[test]
fn no_cut_and_no_flipped_byte_panics() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["db.example.com".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "db");
    let certificate = params.self_signed(&key).unwrap();
    let bytes = certificate.der().to_vec();
    assert_eq!(subject(&bytes), Some(Subject { common_name: Some("db"), has_alternative_names: true }));
    assert!(version_1(&bytes).is_none());
    for cut in 0..bytes.len() {
        assert_eq!(validity(&bytes[..cut]), None);
        assert_eq!(subject(&bytes[..cut]), None);
        assert_eq!(digest(&bytes[..cut]), None);
    }
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            let _ = (validity(&changed), subject(&changed), version_1(&changed), digest(&changed));
        }
    }
}
