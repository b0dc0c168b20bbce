//! What a test may ask of a PostgreSQL server before it starts.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Postgres, template};
use crate::dir::Dir;
use crate::fail::OrFail;
use crate::install::{Install, Version, hand_over};
use crate::port::Port;

/// How clients log in, over TCP and Unix sockets alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// Everybody is who they say.
    #[default]
    Trust,
    /// The password in clear text.
    Plain,
    /// MD5; passwords are stored that way too.
    Md5,
    /// SCRAM-SHA-256.
    Scram,
    /// A client certificate whose common name is the user (over TCP with TLS only).
    Cert,
    /// By these lines of pg_hba.conf.
    Line(String),
}

/// A server that has not been started yet.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    version: Version,
    auth: Auth,
    tls: Option<Tls>,
    settings: Vec<(String, String)>,
    roles: Vec<(String, String)>,
    databases: Vec<String>,
    standby_of: Option<String>,
    stranger: bool,
}

#[derive(Clone, Debug)]
struct Tls {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

impl Builder {
    /// Asks for another version than the installed one.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Chooses how clients log in.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Turns TLS on with this certificate and key (PEM files, copied), and asks clients for certificates of `client_ca`.
    #[must_use]
    pub fn tls(mut self, cert: &Path, key: &Path, client_ca: Option<&Path>) -> Self {
        self.tls = Some(Tls {
            cert: cert.to_owned(),
            key: key.to_owned(),
            client_ca: client_ca.map(Path::to_owned),
        });
        self
    }

    /// Adds a line to postgresql.conf.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }

    /// Makes a role that may log in with a password.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.roles.push((name.to_owned(), password.to_owned()));
        self
    }

    /// Makes a database that everybody may use.
    #[must_use]
    pub fn database(mut self, name: &str) -> Self {
        self.databases.push(name.to_owned());
        self
    }

    /// Makes it a streaming replica, from the same template, of the server that `conninfo` names.
    #[must_use]
    pub(crate) fn standby_of(mut self, conninfo: String) -> Self {
        self.standby_of = Some(conninfo);
        self
    }

    /// Has it initialised for itself: its system identifier is not that of all other servers of the kit.
    #[must_use]
    pub fn stranger(mut self) -> Self {
        self.stranger = true;
        self
    }

    /// Starts it and waits until it answers.
    #[must_use]
    #[track_caller]
    pub fn start(&self) -> Postgres {
        let install = Install::find(self.version)
            .or_fail(format!("PostgreSQL ({:?}); `cargo xtask test` installs what is missing", self.version));
        let dir = Dir::new("pg");
        let port = Port::free();
        let mut server = Postgres { install, port, process: None, dir };
        self.furnish(&server);
        server.launch();
        if self.standby_of.is_none() {
            self.populate(&server);
        }
        server
    }

    #[track_caller]
    fn furnish(&self, server: &Postgres) {
        let data = server.data_dir();
        if self.stranger {
            template::make_at(&server.install, &data);
        } else {
            template::copy_to(&server.install, &data);
        }
        std::fs::create_dir(server.socket_dir()).or_fail(server.socket_dir().display());
        hand_over(&server.socket_dir());
        template::append(&data.join("postgresql.conf"), &self.conf(server));
        template::replace(&data.join("pg_hba.conf"), &self.hba());
        if let Some(tls) = &self.tls {
            template::install_secret(&tls.cert, &data.join("server.crt"));
            template::install_secret(&tls.key, &data.join("server.key"));
            if let Some(ca) = &tls.client_ca {
                template::install_secret(ca, &data.join("client_ca.crt"));
            }
        }
        if self.standby_of.is_some() {
            template::replace(&data.join("standby.signal"), "");
        }
    }

    fn conf(&self, server: &Postgres) -> String {
        let mut conf = format!(
            "listen_addresses = '{}'\nport = {}\nunix_socket_directories = '{}'\n",
            server.host(),
            server.port(),
            server.socket_dir().display()
        );
        conf.push_str(template::DEFAULTS);
        if self.auth == Auth::Md5 {
            conf.push_str("password_encryption = 'md5'\n");
        }
        if let Some(tls) = &self.tls {
            conf.push_str("ssl = on\n");
            if tls.client_ca.is_some() {
                conf.push_str("ssl_ca_file = 'client_ca.crt'\n");
            }
        }
        if let Some(conninfo) = &self.standby_of {
            let _ = writeln!(conf, "primary_conninfo = '{conninfo}'");
        }
        for (name, value) in &self.settings {
            let _ = writeln!(conf, "{name} = '{}'", value.replace('\'', "''"));
        }
        conf
    }

    fn hba(&self) -> String {
        let (kind, local, remote) = match &self.auth {
            Auth::Trust => ("host", "trust", "trust"),
            Auth::Plain => ("host", "password", "password"),
            Auth::Md5 => ("host", "md5", "md5"),
            Auth::Scram => ("host", "scram-sha-256", "scram-sha-256"),
            Auth::Cert => ("hostssl", "reject", "cert"),
            Auth::Line(line) => return format!("{DOOR}{line}\n"),
        };
        format!(
            "{DOOR}local all all {local}\n{kind} all all 127.0.0.1/32 {remote}\n{kind} all all ::1/128 {remote}\n"
        )
    }

    #[track_caller]
    fn populate(&self, server: &Postgres) {
        for (name, password) in &self.roles {
            let quoted = password.replace('\'', "''");
            server.psql(&format!("CREATE ROLE \"{name}\" LOGIN PASSWORD '{quoted}'"));
        }
        for name in &self.databases {
            server.psql(&format!("CREATE DATABASE \"{name}\""));
            // from PostgreSQL 15 on the public schema is its owner's alone
            server.psql_in(name, "GRANT ALL ON SCHEMA public TO PUBLIC");
        }
    }
}

/// What the kit itself needs: its superuser, and its replicas.
const DOOR: &str = "local all postgres trust\n\
                    local replication postgres trust\n\
                    host replication postgres 127.0.0.1/32 trust\n";
