//! node-postgres (with pg-cursor) and postgres.js.

use std::path::Path;
use std::process::Command;

use testkit::drivers;

use crate::stage::Stage;
use crate::transcript::{output, same_for_many};

/// A script in this folder with its arguments; `None` where Node's drivers are missing.
pub(crate) fn script(name: &str, args: &[&str]) -> Option<impl Fn() -> Command + use<>> {
    drivers::node(name)?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients").join(name);
    let path = path.canonicalize().unwrap();
    let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
    let name = name.to_owned();
    Some(move || {
        let mut command = drivers::node(&name).unwrap();
        command.arg(&path).args(&args);
        command
    })
}

#[test]
fn node_postgres_queries() {
    let Some(script) = script("node_postgres/queries.js", &[]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn postgres_js_preparing() {
    let Some(script) = script("postgres_js/queries.js", &["prepared"]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn postgres_js_not_preparing() {
    let Some(script) = script("postgres_js/queries.js", &["unprepared"]) else { return };
    same_for_many(&Stage::new(), script);
}

/// Six queries at once on one connection over one server connection: none is lost, nothing hangs.
#[test]
fn postgres_js_pipelining_over_a_pool_of_one() {
    let Some(script) = script("postgres_js/rounds.js", &[]) else { return };
    let stage = Stage::with_pool(1);
    assert_eq!(output(script(), stage.pooled()).trim(), "600 of 600");
    stage.check();
}
