//! Subjects as OpenSSL's `-nameopt RFC2253` writes them, and those that are not to be believed.

use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

use super::*;

fn made(parts: &[(DnType, DnValue)]) -> Option<Certificate> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in parts {
        params.distinguished_name.push(kind.clone(), value.clone());
    }
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
    Certificate::of(&der, at(1_767_225_600))
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn text(value: &str) -> DnValue {
    DnValue::Utf8String(value.to_owned())
}

#[test]
fn a_subject_is_written_from_its_end() {
    let found = made(&[
        (DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap())),
        (DnType::OrganizationName, text("Weir, Ltd. + \"Co\"")),
        (DnType::CommonName, text(" #bob; müller ")),
    ]);
    let found = found.unwrap();
    assert_eq!(found.common_name.as_deref(), Some(" #bob; müller "));
    assert_eq!(
        found.distinguished_name.as_deref(),
        Some("CN=\\ #bob\\; m\\C3\\BCller\\ ,O=Weir\\, Ltd. \\+ \\\"Co\\\",C=DE")
    );
}

#[test]
fn who_is_not_named_has_no_name() {
    assert_eq!(made(&[]).unwrap(), Certificate { common_name: None, distinguished_name: None });
    let zero = made(&[(DnType::CommonName, text("bob\0.evil"))]).unwrap();
    assert_eq!(zero.common_name, None);
    let strange =
        made(&[(DnType::CommonName, text("bob")), (DnType::CustomDnType(vec![1, 2, 3]), text("x"))]);
    assert_eq!(strange.as_ref().unwrap().distinguished_name, None);
    assert_eq!(strange.unwrap().common_name.as_deref(), Some("bob"));
}

#[test]
fn a_certificate_counts_in_its_time_only() {
    let params = CertificateParams::new(Vec::new()).unwrap();
    let der = params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
    assert!(Certificate::of(&der, at(1_767_225_600)).is_some());
    assert!(Certificate::of(&der, at(1)).is_none());
    assert!(Certificate::of(&der, at(u64::from(u32::MAX) * 100)).is_none());
    for end in 0..der.len() {
        assert!(Certificate::of(&der[..end], at(1_767_225_600)).is_none(), "{end}");
    }
}
