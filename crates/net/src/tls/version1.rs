//! Certificates of X.509 version 1, which webpki does not read.
//!
//! The recipe in PostgreSQL's documentation makes them with every OpenSSL before 3.2, so many servers and
//! clients have one. One is believed only as the last of a chain of two: signed directly by an authority that
//! is trusted without constraints. Dates and names are checked by the caller.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    verify_tls12_signature as webpki_tls12, verify_tls13_signature as webpki_tls13,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerMisbehaved, RootCertStore};

use super::PROVIDER;
use super::der::{self, Version1};

/// That one of the authorities has signed the certificate.
pub(super) fn verify_signed(certificate: &Version1<'_>, roots: &RootCertStore) -> Result<(), Error> {
    let mut failure = CertificateError::UnknownIssuer;
    for root in &roots.roots {
        // What an authority is constrained to, a certificate without extensions cannot be held against.
        if *root.subject != *certificate.issuer || root.name_constraints.is_some() {
            continue;
        }
        let by = |algorithm: &&dyn SignatureVerificationAlgorithm| {
            *algorithm.signature_alg_id() == *certificate.algorithm
        };
        let algorithms = PROVIDER.signature_verification_algorithms.all.iter().copied().filter(by);
        let key = &root.subject_public_key_info;
        if is_signed(algorithms, key, certificate.signed, certificate.signature) {
            return Ok(());
        }
        failure = CertificateError::BadSignature;
    }
    Err(failure.into())
}

/// As rustls's function of this name, for every version of certificate.
pub(super) fn verify_tls12_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let known = &PROVIDER.signature_verification_algorithms;
    let Some(first) = der::version_1(certificate) else {
        return webpki_tls12(message, certificate, dss, known);
    };
    let (_, algorithms) = known
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == dss.scheme)
        .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    let key = der::inside(first.key).ok_or(CertificateError::BadEncoding)?;
    if is_signed(algorithms.iter().copied(), key, message, dss.signature()) {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(CertificateError::BadSignature.into())
    }
}

/// As rustls's function of this name, for every version of certificate.
pub(super) fn verify_tls13_signature(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let known = &PROVIDER.signature_verification_algorithms;
    match der::version_1(certificate) {
        None => webpki_tls13(message, certificate, dss, known),
        Some(first) => {
            let key = SubjectPublicKeyInfoDer::from(first.key);
            verify_tls13_signature_with_raw_key(message, &key, dss, known)
        }
    }
}

/// Whether the signature is right by one of the algorithms. `key` is the inside of a `SubjectPublicKeyInfo`.
fn is_signed<'a>(
    mut algorithms: impl Iterator<Item = &'a dyn SignatureVerificationAlgorithm>,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    let Some((kind, bits)) = der::public_key(key) else { return false };
    algorithms.any(|algorithm| {
        *algorithm.public_key_alg_id() == *kind
            && algorithm.verify_signature(bits, message, signature).is_ok()
    })
}
