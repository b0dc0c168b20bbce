//! TLS towards servers.
//!
//! | mode | plain | TLS | the server's certificate |
//! |---|---|---|---|
//! | disable | yes | no | – |
//! | allow | first | if plain is refused | not checked |
//! | prefer | if the server has no TLS | first | not checked |
//! | require | no | yes | not checked |
//! | verify-ca | no | yes | signed by `ca` and within its dates |
//! | verify-full | no | yes | the same, and names the host |

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::BytesMut;
use config::{ServerTls, ServerTlsMode};
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use tokio_rustls::TlsConnector;

use super::files::{Contents, Files, Named};
use super::reload::{Reload, Settings};
use super::verify::ServerVerifier;
use super::{ALPN, PROVIDER, Transport};
use crate::error::Error;
use crate::socket::Peer;
use crate::stream::Stream;

/// Turns server connections into TLS ones.
#[derive(Debug)]
pub struct Connector {
    files: Reload<ServerTls>,
}

/// What new handshakes use.
pub(super) struct Loaded {
    mode: ServerTlsMode,
    /// `None` if and only if TLS is disabled.
    tls: Option<Arc<ClientConfig>>,
    end: Option<SystemTime>,
}

impl Connector {
    /// Reads and checks the files.
    pub fn new(settings: &ServerTls) -> Result<Self, Error> {
        Ok(Self { files: Reload::new(settings)? })
    }

    /// Whether and when to ask a server for TLS. Unix sockets have none, whatever the mode.
    pub fn mode(&self) -> ServerTlsMode {
        self.files.current().mode
    }

    /// When the certificate that servers are shown ends, if there is one.
    pub fn not_after(&self) -> Option<SystemTime> {
        self.files.current().end
    }

    /// The handshake after the server answered `S`. `host` is what the configuration calls the server.
    ///
    /// The caller bounds the time, and must have read exactly that one byte: anything behind it came in plain
    /// text before TLS began, and the connection is to be dropped.
    pub async fn connect(&self, stream: Stream, host: &str) -> io::Result<Stream> {
        let loaded = self.files.current();
        let Some(config) = &loaded.tls else {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "TLS is disabled"));
        };
        let name = match (ServerName::try_from(host.to_owned()), stream.peer()) {
            (Ok(name), _) => name,
            // No certificate can name such a host, but only verify-full asks for that.
            (Err(_), Peer::Tcp(address)) if loaded.mode != ServerTlsMode::VerifyFull => {
                ServerName::IpAddress(address.ip().into())
            }
            (Err(error), Peer::Tcp(_) | Peer::Unix) => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, error));
            }
        };
        let transport = Transport::new(stream.into_socket()?, BytesMut::new(), None);
        let tls = TlsConnector::from(Arc::clone(config)).connect(name, transport).await;
        Ok(Stream::encrypted(tls.map_err(|error| in_words(error, host))?.into()))
    }

    /// Whether the files have changed since they were last read. Reads them, so not for every connection.
    pub fn changed(&self) -> bool {
        self.files.changed()
    }

    /// Reads the files again; on an error new handshakes go on with the old ones.
    pub fn reload(&self) -> Result<(), Error> {
        self.files.reload()
    }

    /// Takes other settings; on an error the old ones stay.
    pub fn replace(&self, settings: &ServerTls) -> Result<(), Error> {
        self.files.replace(settings)
    }
}

/// The error of a handshake; what is wrong with the server's certificate is told as operators know it.
fn in_words(error: io::Error, host: &str) -> io::Error {
    use CertificateError as Wrong;

    let of_library = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(wrong)) = of_library else { return error };
    let words = if matches!(wrong, Wrong::UnknownIssuer | Wrong::BadSignature) {
        "is not signed by an authority of server_tls.ca".to_owned()
    } else if matches!(wrong, Wrong::Expired | Wrong::ExpiredContext { .. }) {
        "has expired".to_owned()
    } else if matches!(wrong, Wrong::NotValidYet | Wrong::NotValidYetContext { .. }) {
        "is not valid yet".to_owned()
    } else if matches!(wrong, Wrong::NotValidForName | Wrong::NotValidForNameContext { .. }) {
        format!("is not for the host \"{host}\"")
    } else {
        return error;
    };
    io::Error::new(error.kind(), format!("the server's certificate {words}"))
}

impl Settings for ServerTls {
    type Loaded = Loaded;

    fn files(&self) -> Files {
        if self.mode == ServerTlsMode::Disable {
            return Files::default();
        }
        Files {
            cert: Named { key: "cert", path: self.cert.clone() },
            key: Named { key: "key", path: self.key.clone() },
            ca: Named { key: "ca", path: self.ca.clone() },
        }
    }

    fn load(&self, contents: &Contents) -> Result<Loaded, Error> {
        let verifier = match self.mode {
            ServerTlsMode::Disable => return Ok(Loaded { mode: self.mode, tls: None, end: None }),
            ServerTlsMode::Allow | ServerTlsMode::Prefer | ServerTlsMode::Require => {
                ServerVerifier::trusting()
            }
            ServerTlsMode::VerifyCa | ServerTlsMode::VerifyFull => {
                let (path, certificates) = contents.authorities()?;
                ServerVerifier::checking(certificates, self.mode == ServerTlsMode::VerifyFull)
                    .map_err(|source| Error::Unusable { path: path.to_owned(), source })?
            }
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_safe_default_protocol_versions()
            .map_err(|source| Error::Library { source })?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut end = None;
        let mut config = if contents.has_identity() {
            let identity = contents.identity()?;
            end = identity.end;
            builder.with_client_cert_resolver(identity.pair)
        } else {
            builder.with_no_client_auth()
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Loaded { mode: self.mode, tls: Some(Arc::new(config)), end })
    }
}
