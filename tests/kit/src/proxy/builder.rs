//! The usual configurations of pgweir: a few words for what most tests need, any key for the rest.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::Proxy;
use crate::postgres::Postgres;

/// A pgweir that has not been started yet.
#[derive(Clone, Debug)]
pub struct Builder {
    bin: PathBuf,
    sections: BTreeMap<String, Vec<(String, String)>>,
    users: Vec<(String, String)>,
    databases: Vec<String>,
    rest: String,
}

/// Where a database of pgweir lives, and how to log in there.
#[derive(Clone, Debug)]
pub struct Server {
    host: String,
    port: u16,
    keys: Vec<(String, String)>,
}

impl Server {
    /// Any host (or socket directory) and port.
    #[must_use]
    pub fn at(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, keys: Vec::new() }
    }

    /// Adds a key to the `[[database]]` that lives here, the value in TOML: `.key("pool", "{ size = 2 }")`.
    #[must_use]
    pub fn key(mut self, name: &str, toml: &str) -> Self {
        self.keys.push((name.to_owned(), toml.to_owned()));
        self
    }

    /// Logs in to the server as this user with this password.
    #[must_use]
    pub fn login(self, user: &str, password: &str) -> Self {
        self.key("user", &quoted(user)).key("password", &quoted(password))
    }
}

impl From<&Postgres> for Server {
    fn from(postgres: &Postgres) -> Self {
        Self::at(postgres.host(), postgres.port())
    }
}

impl Builder {
    /// Nothing but the program; `auth.method` is trust until said otherwise.
    #[must_use]
    pub fn new(bin: PathBuf) -> Self {
        let builder = Self {
            bin,
            sections: BTreeMap::new(),
            users: Vec::new(),
            databases: Vec::new(),
            rest: String::new(),
        };
        builder.auth("trust")
    }

    /// Sets a key of a section, the value in TOML: `.set("pool.idle_timeout", "\"1s\"")`.
    #[must_use]
    pub fn set(mut self, key: &str, toml: &str) -> Self {
        let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
        let entries = self.sections.entry(section.to_owned()).or_default();
        entries.retain(|(known, _)| known != name);
        entries.push((name.to_owned(), toml.to_owned()));
        self
    }

    /// `auth.method`.
    #[must_use]
    pub fn auth(self, method: &str) -> Self {
        self.set("auth.method", &quoted(method))
    }

    /// `pool.mode`.
    #[must_use]
    pub fn mode(self, mode: &str) -> Self {
        self.set("pool.mode", &quoted(mode))
    }

    /// `pool.size`.
    #[must_use]
    pub fn pool_size(self, size: u32) -> Self {
        self.set("pool.size", &size.to_string())
    }

    /// `listen.tls` with a mode, a certificate and its key, and a CA for clients.
    #[must_use]
    pub fn tls(self, mode: &str, cert: &str, key: &str, client_ca: Option<&str>) -> Self {
        let ca = client_ca.map_or_else(String::new, |ca| format!(", client_ca = {}", quoted(ca)));
        let toml =
            format!("{{ mode = {}, cert = {}, key = {}{ca} }}", quoted(mode), quoted(cert), quoted(key));
        self.set("listen.tls", &toml)
    }

    /// A user who may log in with this password (or stored secret).
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.push((name.to_owned(), password.to_owned()));
        self
    }

    /// A database with one server.
    #[must_use]
    pub fn database(self, name: &str, server: impl Into<Server>) -> Self {
        self.database_on(name, &[server.into()])
    }

    /// A database with several servers; the keys of the first hold for the database.
    #[must_use]
    pub fn database_on(mut self, name: &str, servers: &[Server]) -> Self {
        let mut text = format!("[[database]]\nname = {}\n", quoted(name));
        for (key, value) in servers.first().map(|server| server.keys.as_slice()).unwrap_or_default() {
            let _ = writeln!(text, "{key} = {value}");
        }
        for server in servers {
            let _ = writeln!(
                text,
                "[[database.server]]\nhost = {}\nport = {}",
                quoted(&server.host),
                server.port
            );
        }
        self.databases.push(text);
        self
    }

    /// Appends TOML as it is.
    #[must_use]
    pub fn toml(mut self, text: &str) -> Self {
        self.rest.push_str(text);
        self.rest.push('\n');
        self
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self, port: u16, http: u16) -> String {
        let mut sections = self.sections.clone();
        let mut add = |section: &str, name: &str, value: String| {
            let entries = sections.entry(section.to_owned()).or_default();
            if !entries.iter().any(|(known, _)| known == name) {
                entries.push((name.to_owned(), value));
            }
        };
        add("listen", "address", format!("\"127.0.0.1:{port}\""));
        add("admin", "http", format!("\"127.0.0.1:{http}\""));
        let mut text = String::new();
        for (section, entries) in &sections {
            if !section.is_empty() {
                let _ = writeln!(text, "[{section}]");
            }
            for (name, value) in entries {
                let _ = writeln!(text, "{name} = {value}");
            }
        }
        for (name, password) in &self.users {
            let _ = writeln!(text, "[[user]]\nname = {}\npassword = {}", quoted(name), quoted(password));
        }
        text.push_str(&self.databases.concat());
        text.push_str(&self.rest);
        text
    }

    /// Starts it and waits until it accepts clients.
    #[must_use]
    #[track_caller]
    pub fn start(&self) -> Proxy {
        Proxy::start(&self.bin, |port, http| self.config(port, http))
    }

    /// The same; what it logged if it ended instead of accepting.
    pub fn try_start(&self) -> Result<Proxy, String> {
        Proxy::try_start(&self.bin, |port, http| self.config(port, http))
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_written_section_by_section() {
        let text = Proxy::builder("x")
            .pool_size(2)
            .pool_size(3)
            .user("app", "se\"cret")
            .database("app", Server::at("10.0.0.1", 5432).login("u", "p"))
            .config(6432, 9127);
        assert_eq!(
            text,
            "[admin]\nhttp = \"127.0.0.1:9127\"\n[auth]\nmethod = \"trust\"\n[listen]\n\
             address = \"127.0.0.1:6432\"\n[pool]\nsize = 3\n[[user]]\nname = \"app\"\n\
             password = \"se\\\"cret\"\n[[database]]\nname = \"app\"\nuser = \"u\"\npassword = \"p\"\n\
             [[database.server]]\nhost = \"10.0.0.1\"\nport = 5432\n"
        );
    }
}
