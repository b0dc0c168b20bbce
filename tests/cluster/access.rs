//! Who may come in: rules and maps in PostgreSQL's formats, certificates, users of the operating system.

mod announced;
mod as_postgresql;
mod cert;
mod console;
mod libpq;
mod rules;
mod socket;

use std::fs;
use std::path::Path;

use testkit::Postgres;
use testkit::dir::Dir;
use testkit::proxy::{Builder, Server};
use testkit::{Error, Proxy};

use crate::scene::PGWEIR;

/// The files of rules, where a pgweir reads them.
struct Rules {
    dir: Dir,
}

impl Rules {
    /// `pg_hba.conf`, and `pg_ident.conf` if it is not empty.
    fn new(hba: &str, ident: &str) -> Self {
        let rules = Self { dir: Dir::new("rules") };
        fs::write(rules.dir.path().join("pg_hba.conf"), hba).unwrap();
        if !ident.is_empty() {
            fs::write(rules.dir.path().join("pg_ident.conf"), ident).unwrap();
        }
        rules
    }

    /// Writes `pg_hba.conf` anew.
    fn write(&self, hba: &str) {
        fs::write(self.dir.path().join("pg_hba.conf"), hba).unwrap();
    }

    /// A pgweir with these rules, and a Unix socket in its directory.
    fn before(&self, postgres: &Postgres) -> Builder {
        let builder =
            door_to(postgres).auth("hba").set("auth.hba", &toml(&self.dir.path().join("pg_hba.conf")));
        let ident = self.dir.path().join("pg_ident.conf");
        if ident.exists() { builder.set("auth.ident", &toml(&ident)) } else { builder }
    }
}

/// A pgweir with a Unix socket in its directory, whose clients all are `postgres` on the server.
fn door_to(postgres: &Postgres) -> Builder {
    let server = || Server::from(postgres).login("postgres", "unused");
    Proxy::builder(PGWEIR)
        .set("listen.unix_socket_dir", "\".\"")
        .database("postgres", server())
        .database("app", server().key("dbname", "\"postgres\""))
}

/// A path in TOML.
fn toml(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

/// The user of the operating system that runs the tests.
fn me() -> String {
    let output = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// How an attempt ended: nothing, or SQLSTATE and message, or `closed`.
fn outcome(attempt: Result<testkit::Client, Error>) -> String {
    match attempt {
        Ok(_) => String::new(),
        Err(Error::Server(error)) => format!("{} {}", error.code(), error.message()),
        Err(_) => "closed".to_owned(),
    }
}
