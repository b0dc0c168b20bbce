//! LISTEN by way of other people's drivers: fifty clients of each hear through a pool of two what they hear
//! directly, in the same order.

use std::path::Path;

use testkit::drivers;

use crate::stage::Stage;
use crate::transcript::same;
use crate::{node, python};

#[test]
fn asyncpg_listeners() {
    let Some(script) = python::script("asyncpg/listen.py", &[]) else { return };
    same(&Stage::new(), script);
}

#[test]
fn psycopg_notifies() {
    let Some(script) = python::script("psycopg/listen.py", &[]) else { return };
    same(&Stage::new(), script);
}

#[test]
fn psycopg2_notifies() {
    let Some(script) = python::script("psycopg2/listen.py", &[]) else { return };
    same(&Stage::new(), script);
}

#[test]
fn node_postgres_notifications() {
    let Some(script) = node::script("node_postgres/listen.js", &[]) else { return };
    same(&Stage::new(), script);
}

#[test]
fn jdbc_notifications() {
    if drivers::java("jdbc/Listen.java").is_none() {
        return;
    }
    same(&Stage::new(), || {
        let mut command = drivers::java("jdbc/Listen.java").unwrap();
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/jdbc/Listen.java"));
        command
    });
}
