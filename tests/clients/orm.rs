//! SQLAlchemy over each of its drivers, and Django.

use crate::python::script;
use crate::stage::Stage;
use crate::transcript::{same, same_for};

/// Enough to take each other's servers; each is a large program.
const COPIES: u32 = 5;

#[test]
fn sqlalchemy_over_psycopg() {
    let Some(script) = script("sqlalchemy/orm.py", &["psycopg"]) else { return };
    same_for(&Stage::new(), COPIES, script);
}

#[test]
fn sqlalchemy_over_psycopg2() {
    let Some(script) = script("sqlalchemy/orm.py", &["psycopg2"]) else { return };
    same(&Stage::new(), script);
}

#[test]
fn sqlalchemy_over_asyncpg() {
    let Some(script) = script("sqlalchemy/asynchronous.py", &["asyncpg"]) else { return };
    same_for(&Stage::new(), COPIES, script);
}

#[test]
fn sqlalchemy_over_psycopg_asynchronous() {
    let Some(script) = script("sqlalchemy/asynchronous.py", &["psycopg"]) else { return };
    same(&Stage::new(), script);
}

#[test]
fn django_queries() {
    let Some(script) = script("django/orm.py", &["queries"]) else { return };
    let stage = Stage::new();
    same_for(&stage, COPIES, script);
    stage.nothing_was_pinned();
}

#[test]
fn sqlalchemy_over_pg8000() {
    let Some(script) = script("sqlalchemy/orm.py", &["pg8000"]) else { return };
    same_for(&Stage::new(), COPIES, script);
}

/// Its cursors are WITH HOLD and live on behind transactions of the same connection.
#[test]
fn django_iterators_with_transactions_inside_the_loop() {
    let Some(script) = script("django/orm.py", &["iterators"]) else { return };
    same_for(&Stage::new(), COPIES, script);
}
