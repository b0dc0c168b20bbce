//! TLS towards clients.
//!
//! | mode | a client without TLS | with TLS | its certificate |
//! |---|---|---|---|
//! | disable | served | refused | not asked for |
//! | allow, prefer | served | served | may be missing |
//! | require | refused | served | may be missing |
//! | verify-ca, verify-full | refused | served | must be there |
//!
//! A certificate is asked for if `client_ca` is set, and must then be signed by it.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::BytesMut;
use config::{ListenTls, ListenTlsMode};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::NoServerSessionStorage;
use tokio_rustls::TlsAcceptor;
use wire::auth::EndPoint;

use super::files::{Contents, Files, Identity, Named};
use super::reload::{Reload, Settings};
use super::verify::ClientVerifier;
use super::{ALPN, PROVIDER, Transport};
use crate::error::Error;
use crate::stream::Stream;

/// The most plaintext in one record to a client. libpq makes at least this much room before a read; of a
/// larger record a part would stay inside its TLS library, where an application that waits for the socket
/// does not see it.
const RECORD: usize = 8 * 1024;
/// What rustls counts on top of the plaintext: the header of a record.
const RECORD_HEADER: usize = 5;

/// Whether the first byte of a connection starts a TLS handshake record: direct TLS, without `SSLRequest`.
/// No start-up packet begins so, its length would be far above the limit.
pub fn is_client_hello(first: u8) -> bool {
    first == 0x16
}

/// Turns client connections into TLS ones.
#[derive(Debug)]
pub struct Acceptor {
    files: Reload<ListenTls>,
}

/// What new handshakes use.
pub(super) struct Loaded {
    mode: ListenTlsMode,
    /// `None` if and only if TLS is disabled.
    tls: Option<Shown>,
}

/// A certificate in use: handshakes that began with it end with it, whatever is loaded meanwhile.
struct Shown {
    config: Arc<ServerConfig>,
    end: Option<SystemTime>,
    end_point: Option<EndPoint>,
}

impl Acceptor {
    /// Reads and checks the files.
    pub fn new(settings: &ListenTls) -> Result<Self, Error> {
        Ok(Self { files: Reload::new(settings)? })
    }

    /// Whether `SSLRequest` is answered with `S` and direct TLS is taken.
    pub fn offers(&self) -> bool {
        self.files.current().tls.is_some()
    }

    /// Whether a client without TLS is refused. (Clients on Unix sockets never have it.)
    pub fn requires(&self) -> bool {
        match self.files.current().mode {
            ListenTlsMode::Disable | ListenTlsMode::Allow | ListenTlsMode::Prefer => false,
            ListenTlsMode::Require | ListenTlsMode::VerifyCa | ListenTlsMode::VerifyFull => true,
        }
    }

    /// When the certificate that clients are shown ends.
    pub fn not_after(&self) -> Option<SystemTime> {
        self.files.current().tls.as_ref().and_then(|shown| shown.end)
    }

    /// The handshake after `S` was sent. `already_read` is what came behind the `SSLRequest`: anything there
    /// was sent in plain text before TLS began and might be an attacker's, so it is an error.
    ///
    /// The caller bounds the time.
    pub async fn accept(&self, stream: Stream, already_read: &[u8]) -> io::Result<Stream> {
        if !already_read.is_empty() {
            return Err(invalid("received unencrypted data after SSL request"));
        }
        self.handshake(stream, BytesMut::new()).await
    }

    /// The handshake of direct TLS. `already_read` is what was read of it so far.
    ///
    /// The client must name PostgreSQL by ALPN, as it must for PostgreSQL itself: otherwise a request meant
    /// for another kind of server could be led here. The caller bounds the time.
    pub async fn accept_direct(&self, stream: Stream, already_read: BytesMut) -> io::Result<Stream> {
        let stream = self.handshake(stream, already_read).await?;
        if stream.alpn() != Some(ALPN) {
            return Err(invalid("direct SSL connection without ALPN protocol \"postgresql\""));
        }
        Ok(stream)
    }

    async fn handshake(&self, stream: Stream, early: BytesMut) -> io::Result<Stream> {
        let loaded = self.files.current();
        let Some(shown) = &loaded.tls else {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "TLS is disabled"));
        };
        let transport = Transport::new(stream.into_socket()?, early, shown.end_point.clone());
        let tls = TlsAcceptor::from(Arc::clone(&shown.config)).accept(transport).await?;
        Ok(Stream::encrypted(tls.into()))
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
    pub fn replace(&self, settings: &ListenTls) -> Result<(), Error> {
        self.files.replace(settings)
    }
}

impl Settings for ListenTls {
    type Loaded = Loaded;

    fn files(&self) -> Files {
        if self.mode == ListenTlsMode::Disable {
            return Files::default();
        }
        Files {
            cert: Named { key: "cert", path: self.cert.clone() },
            key: Named { key: "key", path: self.key.clone() },
            ca: Named { key: "client_ca", path: self.client_ca.clone() },
        }
    }

    fn load(&self, contents: &Contents) -> Result<Loaded, Error> {
        let needed = match self.mode {
            ListenTlsMode::Disable => return Ok(Loaded { mode: self.mode, tls: None }),
            ListenTlsMode::Allow | ListenTlsMode::Prefer | ListenTlsMode::Require => false,
            ListenTlsMode::VerifyCa | ListenTlsMode::VerifyFull => true,
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_safe_default_protocol_versions()
            .map_err(|source| Error::Library { source })?;
        let builder = if needed || self.client_ca.is_some() {
            let (path, authorities) = contents.authorities()?;
            let verifier = ClientVerifier::checking(&authorities, needed)
                .map_err(|source| Error::Unusable { path: path.to_owned(), source })?;
            builder.with_client_cert_verifier(Arc::new(verifier))
        } else {
            builder.with_no_client_auth()
        };
        let Identity { pair, end, end_point } = contents.identity()?;
        let mut config = builder.with_cert_resolver(pair);
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.max_fragment_size = Some(RECORD + RECORD_HEADER);
        // Sessions are resumed by tickets, which cost the proxy no memory. The keys are made anew with each
        // load, so a client that an earlier `client_ca` let in must show its certificate again.
        config.ticketer = Ticketer::new().map_err(|source| Error::Library { source })?;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 1;
        Ok(Loaded { mode: self.mode, tls: Some(Shown { config: Arc::new(config), end, end_point }) })
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
