//! `[[database]]` and `[[database.server]]`: what clients may ask for and where it is.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;

use crate::choice::{choice, one_of};
use crate::error::{Error, quoted};
use crate::file::{Item, Table};
use crate::form::{Form, HttpUrl, Integer, Text, expanded, in_toml, without_login};
use crate::key::{Check, Each, Under, key, optional, required, section};
use crate::pool::Again;
use crate::secret::SecretText;
use crate::{PoolOverrides, Secret, ServerTls, Target};

section! {
    /// One name that clients may ask for.
    pub struct Database {
        /// What clients ask for; `*` stands for every name that has no entry of its own.
        pub name: String = required("database.name", DatabaseName, r#""app""#),
        /// The name of the database on the server; if absent, the name that the client asked for.
        pub dbname: Option<String> = optional("database.dbname", Text, r#""app""#),
        /// The user to log in to the server as; if absent, the client's user.
        pub user: Option<String> = optional("database.user", Text, r#""app""#),
        /// The password of `user`.
        pub password: Option<Secret> = optional("database.password", SecretText, r#""${DB_PASSWORD}""#),
        /// What this database sets differently from `[pool]`: any of its keys.
        pub pool: PoolOverrides = Again::Under("database.pool", "{ size = 50 }"),
        /// TLS towards the servers of this database.
        pub server_tls: ServerTls = Under("database.server_tls"),
        /// Which of its servers may answer.
        pub target: Target = key("database.target", one_of(), Target::Split),
        /// The servers of this database: a primary and its replicas.
        pub servers: Vec<Server> = Each { path: "database.server", least: 1, most: None },
    }
}

/// The names of the console, which no database can have.
pub const CONSOLE_NAMES: [&str; 2] = ["pgweir", "pgbouncer"];

impl Check for Database {
    fn check(_section: Option<&Self>, table: &Table<'_>) {
        if table.has("password") && !table.has("user") {
            table.mistake("password", Error::Conflict("needs \"user\" beside it, set both or none".into()));
        }
    }
}

/// What clients may ask for.
struct DatabaseName;

impl Form for DatabaseName {
    type Value = String;

    fn read(&self, item: &Item<'_>) -> Option<String> {
        let name = Text.read(item)?;
        if CONSOLE_NAMES.contains(&name.as_str()) {
            let message = format!("\"{name}\" is the name of the console, choose another one");
            item.mistake(Error::Conflict(message));
            return None;
        }
        Some(name)
    }

    fn show(&self, value: &String) -> String {
        Text.show(value)
    }

    fn words(&self) -> String {
        format!("{}, and not {}", Text.words(), CONSOLE_NAMES.map(quoted).join(" or "))
    }
}

section! {
    /// One server of a database.
    #[derive(Eq, Hash)]
    pub struct Server {
        /// Its name or address, or the directory of its Unix socket.
        pub host: Host = required("database.server.host", HostName, r#""127.0.0.1""#),
        /// Its port, also part of the name of a Unix socket.
        pub port: u16 = key("database.server.port", Integer(1, 65_535), 5432),
        /// What it is.
        pub role: Role = key("database.server.role", one_of(), Role::Auto),
        /// What it is called in views and logs; if absent, its host and port.
        pub name: Option<String> = optional("database.server.name", Text, r#""eu-1""#),
        /// Its share of the reads beside the other replicas; 0 is none.
        pub weight: u32 = key("database.server.weight", Integer(0, 1_000), 1),
        /// Where it stands, for `route.local_zone`.
        pub zone: Option<String> = optional("database.server.zone", Text, r#""eu-1a""#),
        /// Where its machine's node_exporter serves its metrics.
        pub node_exporter: Option<String> =
            optional("database.server.node_exporter", HttpUrl, r#""http://10.0.0.1:9100/metrics""#),
        /// Where the REST interface of its Patroni is: then only the server that Patroni names leader is the primary.
        pub patroni: Option<String> =
            optional("database.server.patroni", HttpUrl, r#""http://10.0.0.1:8008""#),
    }
}

impl Check for Server {}

impl Server {
    /// What it is called in views and logs.
    pub fn shown_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("{}:{}", self.host, self.port))
    }
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name or an address.
    Tcp(String),
    /// The directory of the server's Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(name) => f.write_str(name),
            Self::Unix(folder) => folder.display().fmt(f),
        }
    }
}

choice! {
    /// What a server is.
    pub enum Role {
        /// The server is asked.
        Auto = "auto",
        /// It takes writes.
        Primary = "primary",
        /// It follows the primary and takes reads only.
        Replica = "replica",
    }
}

/// A host as PostgreSQL's clients write it: what begins with a slash is a directory.
struct HostName;

impl Form for HostName {
    type Value = Host;

    fn read(&self, item: &Item<'_>) -> Option<Host> {
        let text = expanded(item, self.words())?;
        if text.starts_with('/') && !text.contains('\0') {
            return Some(Host::Unix(PathBuf::from(text)));
        }
        let address = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(&text);
        if address.parse::<Ipv6Addr>().is_ok() {
            return Some(Host::Tcp(address.to_owned()));
        }
        let fits = |character: char| character.is_alphanumeric() || "-_.".contains(character);
        if text.is_empty() || !text.chars().all(fits) {
            let want = match text.rsplit_once(':') {
                Some((_, port)) if port.parse::<u16>().is_ok() => {
                    "only the host, with the port in \"port\"".into()
                }
                _ => self.words(),
            };
            item.mistake(Error::Value { got: quoted(&without_login(&text)), want });
            return None;
        }
        Some(Host::Tcp(text))
    }

    fn show(&self, value: &Host) -> String {
        in_toml(&value.to_string())
    }

    fn words(&self) -> String {
        "one name or address, or the directory of a Unix socket beginning with \"/\"".into()
    }
}
