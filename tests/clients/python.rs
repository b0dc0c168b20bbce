//! psycopg 3, psycopg2, asyncpg and pg8000.

use std::path::Path;
use std::process::Command;

use testkit::drivers;

use crate::stage::Stage;
use crate::transcript::{output, same, same_for_many};

/// A script in this folder with its arguments; `None` where Python's drivers are missing.
pub(crate) fn script(name: &str, args: &[&str]) -> Option<impl Fn() -> Command + use<>> {
    drivers::python(name)?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients").join(name);
    let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    let name = name.to_owned();
    Some(move || {
        let mut command = drivers::python(&name).unwrap();
        command.arg(&path).args(&args);
        command
    })
}

#[test]
fn psycopg_by_default() {
    let Some(script) = script("psycopg/queries.py", &["default"]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn psycopg_preparing_at_once() {
    let Some(script) = script("psycopg/queries.py", &["at-once"]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn psycopg_keeping_three_statements() {
    let Some(script) = script("psycopg/queries.py", &["three"]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn psycopg_on_servers_with_room_for_three_statements() {
    let Some(script) = script("psycopg/queries.py", &["at-once"]) else { return };
    same_for_many(&Stage::with(2, 3), script);
}

#[test]
fn psycopg_in_binary() {
    let Some(script) = script("psycopg/queries.py", &["binary"]) else { return };
    same(&Stage::new(), script);
}

#[test]
fn psycopg_never_preparing() {
    let Some(script) = script("psycopg/queries.py", &["never"]) else { return };
    same(&Stage::new(), script);
}

#[test]
fn psycopg_binding_on_its_side() {
    let Some(script) = script("psycopg/queries.py", &["client-side"]) else { return };
    same(&Stage::new(), script);
}

#[test]
fn psycopg_in_pipeline_mode() {
    let Some(script) = script("psycopg/pipeline.py", &[]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn psycopg_copying_and_with_named_cursors() {
    let Some(script) = script("psycopg/copies.py", &[]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn psycopg_asynchronous() {
    let Some(script) = script("psycopg/asynchronous.py", &[]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn libpq_knows_what_pgweir_says_of_itself() {
    let Some(script) = script("psycopg/announce.py", &[]) else { return };
    let stage = Stage::new();
    assert_eq!(output(script(), stage.direct()), "None None\n(1,)\n");
    let ours = format!("{} transaction\n(1,)\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(output(script(), stage.pooled()), ours);
    stage.check();
}

#[test]
fn psycopg2_queries() {
    let Some(script) = script("psycopg2/queries.py", &[]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn asyncpg_with_its_cache() {
    let Some(script) = script("asyncpg/queries.py", &["cache"]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn asyncpg_without_its_cache() {
    let Some(script) = script("asyncpg/queries.py", &["none"]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn pg8000_queries() {
    let Some(script) = script("pg8000/queries.py", &[]) else { return };
    same_for_many(&Stage::new(), script);
}

/// The unnamed statement lives on across Sync, whichever server the client is lent next.
#[test]
fn pg8000_in_eight_threads_is_never_wrong() {
    let Some(script) = script("pg8000/threads.py", &[]) else { return };
    let stage = Stage::new();
    assert_eq!(output(script(), stage.pooled()).trim(), "1600 of 1600");
    stage.check();
}
