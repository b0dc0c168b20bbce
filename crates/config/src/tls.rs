//! `listen.tls` and `database.server_tls`: TLS towards clients and towards servers.

use std::path::PathBuf;

use crate::choice::{choice, one_of};
use crate::error::Error;
use crate::file::Table;
use crate::form::ReadableFile;
use crate::key::{Check, key, optional, section};

section! {
    /// TLS towards clients.
    pub struct ListenTls {
        /// Whether TLS is offered or required, and whether clients must show a certificate.
        pub mode: ListenTlsMode = key("listen.tls.mode", one_of(), ListenTlsMode::Disable),
        /// The certificate chain shown to clients, PEM. Needed unless the mode is `disable`.
        pub cert: Option<PathBuf> = optional("listen.tls.cert", ReadableFile, r#""server.crt""#),
        /// The key of `cert`, PEM. Needed unless the mode is `disable`.
        pub key: Option<PathBuf> = optional("listen.tls.key", ReadableFile, r#""server.key""#),
        /// The authorities that sign the certificates of clients, PEM. If it is set clients are asked for a
        /// certificate, and one that is shown must be signed by them. Needed with `verify-ca` and `verify-full`,
        /// and to log in with a certificate.
        pub client_ca: Option<PathBuf> = optional("listen.tls.client_ca", ReadableFile, r#""ca.crt""#),
    }
}

impl Check for ListenTls {
    fn check(section: Option<&Self>, table: &Table<'_>) {
        let mode = section.map_or(ListenTlsMode::Disable, |section| section.mode);
        let verifies = matches!(mode, ListenTlsMode::VerifyCa | ListenTlsMode::VerifyFull);
        let on = mode != ListenTlsMode::Disable;
        for (_, name) in
            [(on, "cert"), (on, "key"), (verifies, "client_ca")].iter().filter(|(needed, _)| *needed)
        {
            if !table.has(name) {
                let message = format!("mode \"{mode}\" needs \"{name}\", set it or choose mode \"disable\"");
                table.mistake("mode", Error::Conflict(message));
            }
        }
        if table.has("cert") && !table.has("mode") {
            let message = "does nothing without \"mode\", set it, to \"disable\" if that is meant";
            table.mistake("cert", Error::Conflict(message.into()));
        }
    }
}

choice! {
    /// PgBouncer's `client_tls_sslmode`.
    pub enum ListenTlsMode {
        /// TLS is refused.
        Disable = "disable",
        /// TLS if the client asks.
        Allow = "allow",
        /// The same as `allow`.
        Prefer = "prefer",
        /// Clients without TLS are refused.
        Require = "require",
        /// As `require`, and every client shows a certificate signed by `client_ca`.
        VerifyCa = "verify-ca",
        /// The same as `verify-ca`.
        VerifyFull = "verify-full",
    }
}

section! {
    /// TLS towards the servers of a database.
    pub struct ServerTls {
        /// Whether TLS is used and how much of the server's certificate is checked. Only `verify-full` keeps out
        /// whoever can get between pgweir and the server; it is recommended wherever that is possible, with `ca`
        /// beside it.
        pub mode: ServerTlsMode = key("database.server_tls.mode", one_of(), ServerTlsMode::Prefer),
        /// Whether a SCRAM log-in to the server is bound to the certificate that the server has shown.
        pub channel_binding: ChannelBinding =
            key("database.server_tls.channel_binding", one_of(), ChannelBinding::Prefer),
        /// The authorities that sign the certificates of servers, PEM. Needed with `verify-ca` and `verify-full`.
        pub ca: Option<PathBuf> = optional("database.server_tls.ca", ReadableFile, r#""ca.crt""#),
        /// A certificate to show to the server, PEM.
        pub cert: Option<PathBuf> = optional("database.server_tls.cert", ReadableFile, r#""client.crt""#),
        /// The key of `cert`, PEM.
        pub key: Option<PathBuf> = optional("database.server_tls.key", ReadableFile, r#""client.key""#),
    }
}

choice! {
    /// libpq's `channel_binding`.
    pub enum ChannelBinding {
        /// Never: for servers behind something that ends TLS with another certificate than theirs.
        Disable = "disable",
        /// With TLS, where the server offers it.
        Prefer = "prefer",
        /// Or no log-in; other ways of logging in than SCRAM are refused as well.
        Require = "require",
    }
}

impl Check for ServerTls {
    fn check(section: Option<&Self>, table: &Table<'_>) {
        let mode = section.map_or(ServerTlsMode::Disable, |section| section.mode);
        let verifies = matches!(mode, ServerTlsMode::VerifyCa | ServerTlsMode::VerifyFull);
        if verifies && !table.has("ca") {
            let message = format!("mode \"{mode}\" needs \"ca\", set it or choose mode \"require\"");
            table.mistake("mode", Error::Conflict(message));
        }
        let binds = section.is_some_and(|section| section.channel_binding == ChannelBinding::Require);
        if binds && matches!(mode, ServerTlsMode::Disable | ServerTlsMode::Allow) {
            let message = format!("\"require\" needs TLS, choose another mode than \"{mode}\"");
            table.mistake("channel_binding", Error::Conflict(message));
        }
        for (one, other) in [("cert", "key"), ("key", "cert")] {
            if table.has(one) && !table.has(other) {
                table.mistake(one, Error::Conflict(format!("needs \"{other}\" beside it, set both or none")));
            }
        }
    }
}

choice! {
    /// PgBouncer's `server_tls_sslmode`.
    pub enum ServerTlsMode {
        /// Never TLS.
        Disable = "disable",
        /// Without TLS, and with it if the server refuses that.
        Allow = "allow",
        /// TLS, and without it if the server has none.
        Prefer = "prefer",
        /// TLS or nothing; the certificate is not checked.
        Require = "require",
        /// TLS, and the certificate is signed by `ca`.
        VerifyCa = "verify-ca",
        /// As `verify-ca`, and the certificate names the host.
        VerifyFull = "verify-full",
    }
}
