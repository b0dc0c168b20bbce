//! TLS for a raw client: after SSLRequest or directly, checking the server or not, with a certificate or not.

use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
};

use super::stream::{Socket, Stream};
use crate::error::Error;
use crate::fail::OrFail;
use crate::messages;

/// How a client uses TLS.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: String,
    direct: bool,
}

impl Tls {
    /// Whatever certificate the server has (`sslmode=require`).
    #[must_use]
    pub fn unchecked() -> Self {
        Self::make(None, None)
    }

    /// Only a certificate of this CA (PEM file) that is made out to `localhost` (`sslmode=verify-full`).
    #[must_use]
    #[track_caller]
    pub fn verified(ca: &Path) -> Self {
        Self::make(Some(ca), None)
    }

    /// As [`Tls::verified`], showing a certificate of our own.
    #[must_use]
    #[track_caller]
    pub fn with_client_cert(ca: &Path, cert: &Path, key: &Path) -> Self {
        Self::make(Some(ca), Some((cert, key)))
    }

    /// Expects this name in the certificate instead of `localhost`.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Starts TLS at once, with ALPN `postgresql`, instead of asking by SSLRequest.
    #[must_use]
    pub fn direct(self) -> Self {
        self.direct_alpn(&["postgresql"])
    }

    /// Starts TLS at once, offering these protocols.
    #[must_use]
    pub fn direct_alpn(mut self, protocols: &[&str]) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        self.config = Arc::new(config);
        self.direct = true;
        self
    }

    /// TLS over a socket of the caller's, asked for first.
    pub(crate) fn over<S: Read + Write>(
        &self,
        mut socket: S,
    ) -> Result<StreamOwned<ClientConnection, S>, Error> {
        if !self.direct {
            socket.write_all(&messages::ssl_request())?;
            let mut answer = [0; 1];
            socket.read_exact(&mut answer)?;
            if answer != *b"S" {
                return Err(Error::Protocol("the server does not want TLS"));
            }
        }
        let name =
            ServerName::try_from(self.name.clone()).map_err(|_| Error::Protocol("a bad server name"))?;
        let session = ClientConnection::new(Arc::clone(&self.config), name).map_err(std::io::Error::other)?;
        let mut tls = StreamOwned::new(session, socket);
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock)?;
        }
        Ok(tls)
    }

    /// Turns a fresh socket into a TLS stream; `Protocol` if the server does not want TLS.
    pub(super) fn wrap(&self, socket: Socket) -> Result<Stream, Error> {
        Ok(Stream::Tls(Box::new(self.over(socket)?)))
    }

    #[track_caller]
    fn make(ca: Option<&Path>, own: Option<(&Path, &Path)>) -> Self {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .or_fail("TLS versions");
        let builder = match ca {
            Some(ca) => builder.with_root_certificates(roots(ca)),
            None => builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchecked(provider))),
        };
        let config = match own {
            Some((cert, key)) => {
                let key = PrivateKeyDer::from_pem_file(key).or_fail(key.display());
                builder.with_client_auth_cert(certs(cert), key).or_fail(cert.display())
            }
            None => builder.with_no_client_auth(),
        };
        Self { config: Arc::new(config), name: "localhost".to_owned(), direct: false }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tls({}, direct: {})", self.name, self.direct)
    }
}

#[track_caller]
fn certs(path: &Path) -> Vec<CertificateDer<'static>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).or_fail(path.display()).collect();
    found.or_fail(path.display())
}

#[track_caller]
fn roots(path: &Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for cert in certs(path) {
        roots.add(cert).or_fail(path.display());
    }
    roots
}

/// Accepts every certificate, as libpq does without a CA, but still has the server prove it holds the key.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
