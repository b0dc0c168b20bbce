//! How far the certificate of a peer is believed.
//!
//! The proof that a peer owns its certificate is checked in every mode. Beyond what webpki does, three habits
//! of PostgreSQL's own recipes for certificates are honoured as libpq honours them: a certificate may itself
//! be the trusted one, may name the host only in its common name, and may be of version 1.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};

use super::{PROVIDER, der, version1};

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
        let roots = roots(&anchors)?;
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
        let first = der::version_1(end_entity);
        if anchors.contains(end_entity) {
            verify_dates(end_entity, now)?;
        } else if let Some(first) = &first {
            version1::verify_signed(first, roots)?;
            verify_dates(end_entity, now)?;
        } else {
            let parsed = ParsedCertificate::try_from(end_entity)?;
            let algorithms = PROVIDER.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)?;
        }
        if *by_name {
            verify_name(end_entity, first.is_some(), server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        version1::verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        version1::verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER.signature_verification_algorithms.supported_schemes()
    }
}

/// A check of client certificates: signed by one of the authorities.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    /// A client without one is refused.
    needed: bool,
    roots: Arc<RootCertStore>,
    webpki: Arc<dyn ClientCertVerifier>,
}

impl ClientVerifier {
    pub(super) fn checking(anchors: &[CertificateDer<'static>], needed: bool) -> Result<Self, Error> {
        let roots = Arc::new(roots(anchors)?);
        let webpki = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&PROVIDER))
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
        Ok(Self { needed, roots, webpki })
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.needed
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.webpki.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let Some(first) = der::version_1(end_entity) else {
            return self.webpki.verify_client_cert(end_entity, intermediates, now);
        };
        version1::verify_signed(&first, &self.roots)?;
        verify_dates(end_entity, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        version1::verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        version1::verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

fn roots(anchors: &[CertificateDer<'static>]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for anchor in anchors {
        roots.add(anchor.clone())?;
    }
    Ok(roots)
}

/// The dates, where webpki does not look at them.
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

fn verify_name(certificate: &CertificateDer<'_>, first: bool, host: &ServerName<'_>) -> Result<(), Error> {
    let error = if first {
        CertificateError::NotValidForName.into()
    } else {
        match verify_server_name(&ParsedCertificate::try_from(certificate)?, host) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        }
    };
    // RFC 6125, 6.4.4: the common name counts only where there are no alternative names.
    match der::subject(certificate) {
        Some(subject) if !subject.has_alternative_names && subject.is_called(host) => Ok(()),
        Some(_) | None => Err(error),
    }
}
