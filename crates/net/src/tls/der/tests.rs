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
    }
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            let _ = (validity(&changed), subject(&changed), version_1(&changed));
        }
    }
}
