//! How far a server's certificate is believed.
//!
//! The proof that the server owns its certificate is checked in every mode. Beyond what webpki does, two
//! habits of PostgreSQL's own recipe for certificates (`openssl req -x509 -subj /CN=host`) are honoured as
//! libpq honours them: the certificate may itself be the trusted one, and may name the host only in its
//! common name.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::{PROVIDER, der};

/// A check of server certificates.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    trust: Trust,
}

#[derive(Debug)]
enum Trust {
    Anybody,
    Signed { roots: RootCertStore, anchors: Vec<CertificateDer<'static>>, by_name: bool },
}

impl ServerVerifier {
    /// Whoever the server says it is.
    pub(super) fn trusting() -> Self {
        Self { trust: Trust::Anybody }
    }

    /// Signed by one of `anchors`, and made out for the host if `by_name`.
    pub(super) fn checking(anchors: Vec<CertificateDer<'static>>, by_name: bool) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for anchor in &anchors {
            roots.add(anchor.clone())?;
        }
        Ok(Self { trust: Trust::Signed { roots, anchors, by_name } })
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Trust::Signed { roots, anchors, by_name } = &self.trust else {
            return Ok(ServerCertVerified::assertion());
        };
        let parsed = ParsedCertificate::try_from(end_entity)?;
        if anchors.contains(end_entity) {
            verify_dates(end_entity, now)?;
        } else {
            let algorithms = PROVIDER.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)?;
        }
        if *by_name {
            verify_name(end_entity, &parsed, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &PROVIDER.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &PROVIDER.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER.signature_verification_algorithms.supported_schemes()
    }
}

/// The dates of a certificate that needs no signature because it is itself trusted.
fn verify_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let Some((start, end)) = der::validity(certificate) else {
        return Err(CertificateError::BadEncoding.into());
    };
    match now.as_secs() {
        now if now < start => Err(CertificateError::NotValidYet.into()),
        now if now > end => Err(CertificateError::Expired.into()),
        _ => Ok(()),
    }
}

fn verify_name(
    certificate: &CertificateDer<'_>,
    parsed: &ParsedCertificate<'_>,
    host: &ServerName<'_>,
) -> Result<(), Error> {
    let Err(error) = verify_server_name(parsed, host) else {
        return Ok(());
    };
    // RFC 6125, 6.4.4: the common name counts only where there are no alternative names.
    match der::subject(certificate) {
        Some(subject) if !subject.has_alternative_names && subject.is_called(&host.to_str()) => Ok(()),
        Some(_) | None => Err(error),
    }
}
