//! Drivers of other languages, as the distribution has them: PDO, ruby-pg, DBD::Pg, lib/pq, psqlODBC.

use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::drivers;

use crate::stage::Stage;
use crate::transcript::{same, same_for_many};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients").join(name)
}

/// A script in this folder with its arguments; `None` where its runtime is missing.
fn script(
    runtime: fn(&str) -> Option<Command>,
    name: &'static str,
    args: &'static [&str],
) -> Option<impl Fn() -> Command> {
    runtime(name)?;
    Some(move || {
        let mut command = runtime(name).unwrap();
        command.arg(path(name)).args(args);
        command
    })
}

#[test]
fn php_pdo_binding_on_its_side() {
    let Some(script) = script(drivers::php, "php/queries.php", &["emulated"]) else { return };
    same(&Stage::new(), script);
}

#[test]
fn ruby_pg() {
    let Some(script) = script(drivers::ruby, "ruby/queries.rb", &[]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn perl_dbd_pg() {
    let Some(script) = script(drivers::perl, "perl/queries.pl", &[]) else { return };
    same_for_many(&Stage::new(), script);
}

fn lib_pq(args: &'static [&str]) -> Option<impl Fn() -> Command> {
    let source = path("go/queries.go");
    drivers::go("lib/pq", &source)?;
    Some(move || {
        let mut command = drivers::go("lib/pq", &source).unwrap();
        command.args(args);
        command
    })
}

#[test]
fn lib_pq_by_default() {
    let Some(program) = lib_pq(&[]) else { return };
    same_for_many(&Stage::new(), program);
}

#[test]
fn lib_pq_in_binary() {
    let Some(program) = lib_pq(&["binary_parameters=yes"]) else { return };
    same(&Stage::new(), program);
}

/// The transaction is lost with the first error, as it is without savepoints.
#[test]
fn odbc_without_savepoints() {
    let options = &["Protocol=7.4-1", "UseServerSidePrepare=0"];
    let Some(script) = script(drivers::odbc, "odbc/queries.py", options) else { return };
    same(&Stage::new(), script);
}

#[test]
fn php_pdo_preparing() {
    let Some(script) = script(drivers::php, "php/queries.php", &[]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn odbc_by_default() {
    let Some(script) = script(drivers::odbc, "odbc/queries.py", &[]) else { return };
    same_for_many(&Stage::new(), script);
}

#[test]
fn odbc_preparing_with_cursors() {
    let options = &["UseServerSidePrepare=1", "UseDeclareFetch=1", "Fetch=50"];
    let Some(script) = script(drivers::odbc, "odbc/queries.py", options) else { return };
    same(&Stage::new(), script);
}
