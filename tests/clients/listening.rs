//! LISTEN and NOTIFY through drivers, with more listeners than servers, beside settings and locks of their sessions.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::drivers;

use crate::stage::Stage;
use crate::transcript::same_for;
use crate::{node, python};

/// Enough to take each other's servers.
const COPIES: u32 = 4;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients").join(name)
}

/// `program` on a script of this folder.
fn script(
    program: fn(&str) -> Option<Command>,
    name: &'static str,
    args: &'static [&str],
) -> Option<impl Fn() -> Command> {
    program(name)?;
    Some(move || {
        let mut command = program(name).unwrap();
        command.arg(path(name)).args(args);
        command
    })
}

#[test]
fn psycopg_and_psycopg2_listen() {
    let Some(script) = python::script("psycopg/listening.py", &[]) else { return };
    same_for(&Stage::new(), COPIES, script);
}

#[test]
fn asyncpg_listens_and_resets_what_its_pool_takes_back() {
    let Some(script) = python::script("asyncpg/session.py", &[]) else { return };
    same_for(&Stage::new(), COPIES, script);
}

#[test]
fn node_postgres_and_postgres_js_keep_their_sessions_and_listen() {
    let Some(script) = node::script("node_postgres/session.js", &[]) else { return };
    same_for(&Stage::new(), COPIES, script);
}

#[test]
fn jdbc_listens() {
    let Some(script) = script(drivers::java, "jdbc/Session.java", &["notifications"]) else { return };
    same_for(&Stage::new(), 1, script);
}

#[test]
fn ruby_pg_as_active_record_uses_it() {
    let Some(script) = script(drivers::ruby, "ruby/session.rb", &[]) else { return };
    same_for(&Stage::new(), COPIES, script);
}

#[test]
fn php_keeps_its_session_and_listens() {
    let Some(script) = script(drivers::php, "php/session.php", &[]) else { return };
    same_for(&Stage::new(), COPIES, script);
}

#[test]
fn dbd_pg_keeps_its_session_and_listens() {
    let Some(script) = script(drivers::perl, "perl/session.pl", &[]) else { return };
    same_for(&Stage::new(), COPIES, script);
}

#[test]
fn lib_pq_keeps_its_session_and_listens() {
    let source = path("go/session.go");
    if drivers::go("lib/pq", &source).is_none() {
        return;
    }
    same_for(&Stage::new(), COPIES, || drivers::go("lib/pq", &source).unwrap());
}
