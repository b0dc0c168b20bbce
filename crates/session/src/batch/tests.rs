//! Where requests may run.

use bytes::{Bytes, BytesMut};
use pool::prepared::{About, Alias, Catalog, Effect};
use proptest::prelude::*;
use wire::frontend::{close, execute, query, sync};

use super::*;

/// A client's side of a judgement.
#[derive(Default)]
struct Desk {
    names: Names,
    params: Params,
    catalog: Catalog,
}

impl Desk {
    /// One that has prepared these.
    fn with(statements: &[(&'static str, &str)]) -> Self {
        let mut desk = Self::default();
        for (name, sql) in statements {
            let statement = desk.catalog.intern(sql.as_bytes(), b"\0\0", About::default);
            let alias = Alias { name: Bytes::from_static(name.as_bytes()), statement };
            desk.names.apply(Effect::Named(Box::new(alias)));
        }
        desk
    }

    fn look(&self, memo: &Memo, inbox: &[u8]) -> Runs {
        self.judge(memo).look(inbox)
    }

    fn judge<'a>(&'a self, memo: &'a Memo) -> Judge<'a> {
        let (names, params) = (&self.names, &self.params);
        Judge {
            memo,
            stamp: memo.generation(),
            names,
            params,
            undecided: Undecided::Primary,
            follows: true,
            guessed: Cell::default(),
        }
    }
}

fn look(desk: &Desk, inbox: &[u8]) -> Runs {
    desk.look(&Memo::new(1000), inbox)
}

fn written(write: impl FnOnce(&mut BytesMut) -> Result<(), wire::Error>) -> Vec<u8> {
    let mut out = BytesMut::new();
    write(&mut out).unwrap();
    out.to_vec()
}

fn q(sql: &str) -> Vec<u8> {
    written(|out| query::write(out, sql.as_bytes()))
}

fn p(name: &str, sql: &str) -> Vec<u8> {
    written(|out| parse::write(out, name.as_bytes(), sql.as_bytes(), b"\0\0"))
}

fn b(name: &str) -> Vec<u8> {
    written(|out| bind::write(out, b"", name.as_bytes(), &[0; 6]))
}

fn e() -> Vec<u8> {
    written(|out| execute::write(out, b"", 0))
}

fn s() -> Vec<u8> {
    sync::BYTES.to_vec()
}

/// The unnamed statement, prepared and run.
fn run(sql: &str) -> Vec<u8> {
    [p("", sql), b(""), e(), s()].concat()
}

#[test]
fn a_query_goes_by_its_text() {
    let desk = Desk::default();
    let against = |sql: &str| match look(&desk, &q(sql)) {
        Runs::Primary(Reason::Against(why)) => Some(why),
        Runs::Reads(_) => None,
        other @ (Runs::Guessed(_)
        | Runs::Opens(_)
        | Runs::Nothing(_)
        | Runs::Primary(_)
        | Runs::Refused(_)) => {
            panic!("{sql}: {other:?}")
        }
    };
    assert_eq!(look(&desk, &q("SELECT a FROM t")), Runs::Reads(q("SELECT a FROM t").len()));
    assert_eq!(against("INSERT INTO t VALUES (1)"), Some(Against::Writes));
    assert_eq!(against("SELECT a FROM t FOR UPDATE"), Some(Against::Locks));
    assert_eq!(against("BEGIN"), Some(Against::Transaction));
    assert_eq!(against("SELECT mine(a) FROM t"), Some(Against::UnknownFunction));
    assert_eq!(look(&desk, &q("SELECT a /* pgweir: primary */")), Runs::Primary(Reason::Hint));
    assert_eq!(look(&desk, &q(" ; ")), Runs::Nothing(q(" ; ").len()));
}

#[test]
fn a_comment_decides_only_what_nobody_knows() {
    let desk = Desk::default();
    let reads = |sql: &str| matches!(look(&desk, &q(sql)), Runs::Reads(_) | Runs::Guessed(_));
    let sql = "/* pgweir: replica */ SELECT mine(a) FROM t";
    assert_eq!(look(&desk, &q(sql)), Runs::Guessed(q(sql).len()));
    for sql in [
        "/* pgweir: replica */ UPDATE t SET a = 1",
        "/* pgweir: replica */ SELECT a FROM t FOR UPDATE",
        "/* pgweir: replica */ SELECT mine(a) FROM t FOR UPDATE",
        "/* pgweir: replica */ SELECT mine(a), pg_advisory_lock(1)",
        "/* pgweir: replica */ SELECT mine(a), set_config('a.b', 'c', false)",
        "/* pgweir: replica */ SELECT mine(1); UPDATE t SET a = 1",
        "/* pgweir: replica */ SELECT mine(nextval('s'))",
        "/* pgweir: replica */ SET a.b = 1",
    ] {
        assert!(!reads(sql), "{sql}");
    }
}

#[test]
fn a_batch_reads_if_everything_in_it_does() {
    let desk = Desk::with(&[("r", "SELECT 1"), ("w", "DELETE FROM t"), ("x", r"SELECT 'a\'")]);
    let reads = |batch: &[Vec<u8>]| look(&desk, &batch.concat()) == Runs::Reads(batch.concat().len());
    assert!(reads(&[run("SELECT 1")]));
    assert!(reads(&[b("r"), e(), s()]));
    assert!(reads(&[p("n", "SELECT 2"), b("n"), e(), b("r"), e(), s()]));
    assert!(reads(&[written(|out| close::write(out, frontend::Kind::Statement, b"r")), s()]));
    assert!(reads(&[run("SELECT 1"), b("r"), e(), s(), q("SELECT 2")]), "together");
    for (why, batch) in [
        ("writes", vec![b("w"), e(), s()]),
        ("one of two", vec![b("r"), e(), b("w"), e(), s()]),
        ("not known", vec![b("gone"), e(), s()]),
        ("no unnamed one", vec![b(""), e(), s()]),
        ("another by now", vec![p("r", "DELETE FROM t"), b("r"), e(), s()]),
        ("no Sync", vec![p("", "SELECT 1"), b(""), e()]),
        ("a backslash, and the settings are not those of then", vec![b("x"), e(), s()]),
        ("both protocols", vec![p("", "SELECT 1"), q("SELECT 1")]),
    ] {
        assert!(matches!(look(&desk, &batch.concat()), Runs::Primary(_)), "{why}");
    }
}

#[test]
fn what_writes_ends_what_is_taken_together() {
    let desk = Desk::default();
    let first = [run("SELECT 1"), q("SELECT 2")].concat();
    for next in
        [q("UPDATE t SET a = 1"), run("UPDATE t SET a = 1"), b("gone"), q("BEGIN READ ONLY"), vec![b'Q']]
    {
        assert_eq!(look(&desk, &[first.clone(), next].concat()), Runs::Reads(first.len()));
    }
}

#[test]
fn transactions_that_only_read_are_opened_anywhere() {
    let desk = Desk::default();
    for batch in [
        q("BEGIN READ ONLY"),
        q("START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"),
        run("BEGIN READ ONLY"),
        [p("", "BEGIN READ ONLY"), b(""), e(), p("", "SELECT 1"), b(""), e(), s()].concat(),
    ] {
        assert_eq!(look(&desk, &batch), Runs::Opens(batch.len()));
    }
    for batch in [
        q("BEGIN"),
        q("BEGIN READ ONLY; SELECT 1"),
        q("BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY"),
        [p("", "SELECT 1"), b(""), e(), p("", "BEGIN READ ONLY"), b(""), e(), s()].concat(),
        [p("", "BEGIN READ ONLY"), b(""), e(), p("", "UPDATE t SET a = 1"), b(""), e(), s()].concat(),
    ] {
        assert!(matches!(look(&desk, &batch), Runs::Primary(_)), "{}", String::from_utf8_lossy(&batch));
    }
}

#[test]
fn sessions_without_a_replica_of_their_isolation_go_to_the_primary() {
    let mut desk = Desk::default();
    desk.params.put("default_transaction_isolation", "serializable");
    assert_eq!(look(&desk, &q("SELECT 1")), Runs::Primary(Reason::Session));
}

#[test]
fn what_was_refused_goes_to_the_primary_by_text_and_by_name() {
    let desk = Desk::with(&[("r", "SELECT a FROM v")]);
    let memo = Memo::new(1000);
    let bound = [b("r"), e(), s()].concat();
    assert_eq!(desk.look(&memo, &bound), Runs::Reads(bound.len()));
    desk.judge(&memo).was_refused(&bound);
    for batch in [bound, run("SELECT a FROM v"), q("SELECT a FROM v")] {
        assert_eq!(desk.look(&memo, &batch), Runs::Primary(Reason::Against(Against::Refused)));
    }
}

#[test]
fn what_is_waited_for_ends_with_what_asks_for_an_answer() {
    for here in [p("", "SELECT 1"), [p("", "SELECT 1"), b(""), e()].concat(), q("SELECT 1")[..7].to_vec()] {
        assert!(is_to_come(&here), "{here:?}");
    }
    let flush = b"H\0\0\0\x04".to_vec();
    for here in [q("SELECT 1"), run("SELECT 1"), [p("", "SELECT 1"), flush].concat()] {
        assert!(!is_to_come(&here), "{here:?}");
    }
}

#[test]
fn judgements_are_kept_as_numbers() {
    for why in Against::ALL {
        let judgement = Err(Reason::Against(why));
        assert_eq!(from_number(number_of(judgement)), judgement);
    }
    assert_eq!(from_number(number_of(Ok(()))), Ok(()));
    assert_eq!(from_number(number_of(Err(Reason::Hint))), Err(Reason::Hint));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever stands in an inbox, a write is in no part that is said to read, and any bytes are survived.
    #[test]
    fn no_write_is_in_what_reads(parts in prop::collection::vec(0usize..8, 0..12), cut in 0usize..200) {
        let desk = Desk::with(&[("r", "SELECT 1"), ("w", "DELETE FROM t")]);
        let pieces = [
            q("SELECT 1"), q("DELETE FROM t"), run("SELECT 1"), run("DELETE FROM t"),
            [b("r"), e(), s()].concat(), [b("w"), e(), s()].concat(), p("", "SELECT 1"), s(),
        ];
        let mut inbox = Vec::new();
        let mut writes = usize::MAX;
        for part in parts {
            if matches!(part, 1 | 3 | 5) {
                writes = writes.min(inbox.len() + pieces[part].len());
            }
            inbox.extend_from_slice(&pieces[part]);
        }
        inbox.truncate(inbox.len().saturating_sub(cut));
        match look(&desk, &inbox) {
            Runs::Reads(length) | Runs::Guessed(length) => prop_assert!(length <= inbox.len() && length < writes),
            Runs::Nothing(_) | Runs::Opens(_) | Runs::Primary(_) | Runs::Refused(_) => {}
        }
    }

    #[test]
    fn any_bytes_are_survived(inbox in prop::collection::vec(any::<u8>(), 0..300)) {
        let desk = Desk::default();
        let _ = look(&desk, &inbox);
        let _ = is_to_come(&inbox);
    }
}
