//! The drivers' runtimes: what was fetched can be loaded.

use std::process::Command;

use testkit::drivers;
use testkit::fail::OrFail;

fn said(mut command: Command) -> String {
    let output = command.output().or_fail("driver");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn python_has_its_drivers() {
    let Some(mut python) = drivers::python("python_has_its_drivers") else { return };
    python.args([
        "-c",
        "import psycopg, psycopg2, asyncpg, pg8000, sqlalchemy, django; print(psycopg.__version__)",
    ]);
    assert!(said(python).starts_with("3."));
}

#[test]
fn node_has_its_drivers() {
    let Some(mut node) = drivers::node("node_has_its_drivers") else { return };
    node.args(["-e", "require('pg-cursor'); require('postgres'); console.log(typeof require('pg').Client)"]);
    assert_eq!(said(node), "function");
}

#[test]
fn java_has_its_driver() {
    let Some(mut java) = drivers::java("java_has_its_driver") else { return };
    let dir = testkit::dir::Dir::new("java");
    let source = dir.path().join("J.java");
    let text = "class J { public static void main(String[] a) throws Exception \
                { System.out.println(Class.forName(\"org.postgresql.Driver\").getSimpleName()); } }";
    std::fs::write(&source, text).unwrap();
    java.arg(source);
    assert_eq!(said(java), "Driver");
}
