//! TLS on both sides, by rustls with its aws-lc provider.
//!
//! [`Acceptor`] speaks to clients, [`Connector`] to servers. Both are built from files, tell when the files
//! have changed, and swap what new handshakes use; connections that stand keep what they have. Handshakes
//! have no deadline here: the caller's covers them together with the rest of the login.

mod acceptor;
mod connector;
mod der;
mod files;
mod reload;
mod subject;
mod verify;
mod version1;

use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::{Buf, BytesMut};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, CommonState, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;
use wire::auth::EndPoint;

pub use acceptor::{Acceptor, is_client_hello};
pub use connector::Connector;
pub use subject::Certificate;

use crate::buffers;
use crate::socket::Socket;

/// PostgreSQL's name in ALPN (documentation, "SSL Session Encryption").
const ALPN: &[u8] = b"postgresql";

/// Handed to every configuration, so that no other crate's choice of a process-wide default matters.
static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));

/// The suites of the provider by OpenSSL's names.
const CIPHERS: &[(CipherSuite, &str)] = &[
    (CipherSuite::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    (CipherSuite::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
    (CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
    (CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305"),
];

/// TLS over a socket.
pub(crate) type Tls = TlsStream<Transport>;

/// What was agreed on for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// Such as `TLSv1.3`.
    pub version: &'static str,
    /// As OpenSSL and `pg_stat_ssl` write it, such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
}

impl TlsInfo {
    /// `None` before the handshake is over.
    pub(crate) fn of(state: &CommonState) -> Option<Self> {
        // rustls speaks these two.
        let latest = state.protocol_version()? == ProtocolVersion::TLSv1_3;
        let version = if latest { "TLSv1.3" } else { "TLSv1.2" };
        let suite = state.negotiated_cipher_suite()?.suite();
        let named = CIPHERS.iter().find(|(known, _)| *known == suite);
        let cipher = named.map(|(_, name)| *name).or_else(|| suite.as_str()).unwrap_or("unknown");
        Some(Self { version, cipher })
    }
}

/// The time at which a certificate ends.
fn not_after(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let (_, end) = der::validity(certificate)?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(end))
}

/// What a log-in is bound to on a connection where a server shows this certificate.
pub(crate) fn end_point(certificate: &[u8]) -> Option<EndPoint> {
    Some(EndPoint::of(certificate, der::digest(certificate)?))
}

/// What TLS runs over: a socket, and before it the bytes that were read to find out that TLS was coming.
#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) socket: Socket,
    early: BytesMut,
    /// What our own certificate binds log-ins to, where we are the server.
    pub(crate) shown: Option<EndPoint>,
}

impl Transport {
    fn new(socket: Socket, early: BytesMut, shown: Option<EndPoint>) -> Self {
        Self { socket, early, shown }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.socket).poll_read(cx, buf);
        }
        let n = self.early.len().min(buf.remaining());
        buf.put_slice(self.early.get(..n).unwrap_or_default());
        self.early.advance(n);
        if self.early.is_empty() {
            // The connection may live long, the block is wanted elsewhere.
            buffers::give(std::mem::take(&mut self.early));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
