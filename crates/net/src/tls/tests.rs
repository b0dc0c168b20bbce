//! Handshakes of every mode, against our own other side and against a bare TLS library.

use std::fs;
use std::path::PathBuf;

use config::{ChannelBinding, ListenTls, ListenTlsMode, ServerTls, ServerTlsMode};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion};
use tokio_rustls::TlsConnector;

use super::*;
use crate::error::Error;
use crate::stream::Stream;
use crate::testing::{Authority, Dir, Signed, tcp_pair};

mod clients;
mod reload;
mod servers;
mod stream;
mod version1;

const LISTEN_MODES: [ListenTlsMode; 6] = [
    ListenTlsMode::Disable,
    ListenTlsMode::Allow,
    ListenTlsMode::Prefer,
    ListenTlsMode::Require,
    ListenTlsMode::VerifyCa,
    ListenTlsMode::VerifyFull,
];

/// Files for both sides, all signed by one authority that is trusted.
struct World {
    dir: Dir,
    authority: Authority,
}

impl World {
    fn new() -> Self {
        let (dir, authority) = (Dir::new(), Authority::new("ours"));
        dir.write("ca.crt", &authority.pem);
        Self { dir, authority }
    }

    fn put(&self, name: &str, signed: &Signed) -> (Option<PathBuf>, Option<PathBuf>) {
        let cert = self.dir.write(&format!("{name}.crt"), &signed.cert);
        (Some(cert), Some(self.dir.write(&format!("{name}.key"), &signed.key)))
    }

    fn ca(&self) -> Option<PathBuf> {
        Some(self.dir.path().join("ca.crt"))
    }

    /// Settings of the side towards clients, with this certificate.
    fn listen(&self, mode: ListenTlsMode, signed: &Signed) -> ListenTls {
        let (cert, key) = self.put("listen", signed);
        ListenTls { mode, cert, key, client_ca: self.ca() }
    }

    /// A side towards clients as everybody has it.
    fn acceptor(&self) -> Acceptor {
        Acceptor::new(&self.listen(ListenTlsMode::Require, &self.authority.sign(&["localhost"]))).unwrap()
    }

    /// Settings of the side towards servers, without a certificate.
    fn server(&self, mode: ServerTlsMode) -> ServerTls {
        ServerTls { mode, channel_binding: ChannelBinding::Prefer, ca: self.ca(), cert: None, key: None }
    }

    fn connector(&self, mode: ServerTlsMode) -> Connector {
        Connector::new(&self.server(mode)).unwrap()
    }

    /// The settings of a client that is not ours.
    fn client(&self, versions: &[&'static SupportedProtocolVersion], alpn: &[&[u8]]) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem.as_bytes()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Arc::new(config).into()
    }
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// Both sides of a handshake after `SSLRequest`: ours towards servers and ours towards clients.
async fn shake(
    acceptor: &Acceptor,
    connector: &Connector,
    host: &str,
) -> (io::Result<Stream>, io::Result<Stream>) {
    let (near, far) = tcp_pair().await;
    tokio::join!(connector.connect(near, host), acceptor.accept(far, b""))
}

/// The certificate that a new connection is shown.
async fn shown(acceptor: &Acceptor, connector: &Connector) -> Vec<u8> {
    let (near, _far) = shake(acceptor, connector, "localhost").await;
    near.unwrap().peer_certificate().unwrap().to_vec()
}
