//! `listen.tls` and `database.server_tls`: TLS towards clients and towards servers.

use std::path::PathBuf;

/// TLS towards clients.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenTls {
    /// Whether TLS is offered or required, and whether clients must show a certificate.
    pub mode: ListenTlsMode,
    /// The certificate chain shown to clients, PEM; always there unless the mode is `Disable`.
    pub cert: Option<PathBuf>,
    /// The key of `cert`, PEM; always there unless the mode is `Disable`.
    pub key: Option<PathBuf>,
    /// The authorities that sign client certificates, PEM; always there with `VerifyCa` and `VerifyFull`.
    pub client_ca: Option<PathBuf>,
}

/// PgBouncer's `client_tls_sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenTlsMode {
    /// TLS is refused.
    Disable,
    /// TLS if the client asks; no client certificate is asked for.
    Allow,
    /// The same as `Allow`.
    Prefer,
    /// Clients without TLS are refused.
    Require,
    /// As `Require`, and the client shows a certificate signed by `client_ca`.
    VerifyCa,
    /// As `VerifyCa`.
    VerifyFull,
}

/// TLS towards the servers of a database.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerTls {
    /// Whether TLS is used and how much of the server's certificate is checked.
    pub mode: ServerTlsMode,
    /// The authorities that sign server certificates, PEM; always there with `VerifyCa` and `VerifyFull`.
    pub ca: Option<PathBuf>,
    /// The certificate shown to the server, PEM.
    pub cert: Option<PathBuf>,
    /// The key of `cert`, PEM; there exactly when `cert` is.
    pub key: Option<PathBuf>,
}

/// PgBouncer's `server_tls_sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerTlsMode {
    /// Never TLS.
    Disable,
    /// Without TLS, and with it if the server refuses that.
    Allow,
    /// TLS, and without it if the server has none.
    Prefer,
    /// TLS or nothing; the certificate is not checked.
    Require,
    /// TLS, and the certificate is signed by `ca`.
    VerifyCa,
    /// As `VerifyCa`, and the certificate names the host.
    VerifyFull,
}
