//! What a client is told of a transaction without a server, held against what PostgreSQL would tell it.

use classify::transaction;
use proptest::prelude::*;

use super::*;

fn text(sql: &str) -> Text {
    transaction::read(sql.as_bytes()).unwrap_or_else(|| panic!("{sql}"))
}

/// What is told, and how it stands then.
fn told(state: State, sql: &str) -> (State, Vec<&'static str>) {
    match state.on(&text(sql)) {
        Answer::Told(state, tags) => (state, tags),
        other @ (Answer::Refused | Answer::Server) => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn one_that_only_reads_may_go_to_a_replica() {
    let reads = |sql: &str| told(State::None, sql).0.wanted().unwrap().may_go_to_replica();
    for sql in [
        "BEGIN READ ONLY",
        "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        "BEGIN; SET TRANSACTION READ ONLY",
        "BEGIN READ WRITE; SET TRANSACTION READ ONLY",
        "BEGIN ISOLATION LEVEL SERIALIZABLE; SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY",
        "/* pgweir: replica */ BEGIN",
    ] {
        assert!(reads(sql), "{sql}");
    }
    for sql in [
        "BEGIN",
        "BEGIN READ ONLY; SET TRANSACTION READ WRITE",
        "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE",
        "/* pgweir: primary */ BEGIN READ ONLY",
        "/* pgweir: replica */ BEGIN READ WRITE",
    ] {
        assert!(!reads(sql), "{sql}");
    }
}

#[test]
fn what_a_server_has_to_say_something_to() {
    let open = told(State::None, "BEGIN").0;
    for (state, sql) in [
        (State::None, "COMMIT"),
        (State::None, "SET TRANSACTION READ ONLY"),
        (State::None, "/* pgweir: pin */ BEGIN"),
        (State::None, "BEGIN; BEGIN"),
        (open, "BEGIN"),
        (open, "COMMIT; COMMIT"),
        (open.sent(), "COMMIT"),
    ] {
        assert_eq!(state.on(&text(sql)), Answer::Server, "{sql}");
    }
}

#[test]
fn a_failure_lasts_until_the_end() {
    let failed = told(State::None, "BEGIN").0.refused();
    assert_eq!((failed, failed.status()), (State::Failed, TxStatus::Failed));
    assert_eq!(failed.on(&text("BEGIN")), Answer::Refused);
    assert_eq!(told(failed, "COMMIT"), (State::None, vec!["ROLLBACK"]));
    assert_eq!(told(failed, "ROLLBACK; BEGIN; COMMIT").1, ["ROLLBACK", "BEGIN", "COMMIT"]);
    assert_eq!(State::None.refused(), State::None);
}

fn modes() -> impl Strategy<Value = Modes> {
    let level = prop_oneof![
        Just(Isolation::ReadUncommitted),
        Just(Isolation::ReadCommitted),
        Just(Isolation::RepeatableRead),
        Just(Isolation::Serializable)
    ];
    let parts = (prop::option::of(level), prop::option::of(any::<bool>()), prop::option::of(any::<bool>()));
    parts.prop_map(|(isolation, only_reads, deferrable)| Modes { isolation, only_reads, deferrable })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        modes().prop_map(Step::Begin),
        modes().prop_map(Step::Start),
        modes().prop_map(Step::Set),
        Just(Step::Commit),
        Just(Step::Rollback)
    ]
}

/// A transaction as PostgreSQL has it: its modes as said so far, and whether it has failed.
type Block = Option<(Modes, bool)>;

/// What PostgreSQL answers: a tag without a warning, or anything else.
fn postgresql(block: Block, step: Step) -> (Block, Option<&'static str>) {
    match (block, step) {
        (None, Step::Begin(modes)) => (Some((modes, false)), Some("BEGIN")),
        (None, Step::Start(modes)) => (Some((modes, false)), Some("START TRANSACTION")),
        (Some((old, false)), Step::Set(modes)) => (Some((old.with(modes), false)), Some("SET")),
        (Some((_, false)), Step::Commit) => (None, Some("COMMIT")),
        (Some(_), Step::Commit | Step::Rollback) => (None, Some("ROLLBACK")),
        (block, _) => (block, None),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn it_tells_what_postgresql_would(
        texts in prop::collection::vec((prop::collection::vec(step(), 1..4), 0..5u8), 1..12),
    ) {
        let (mut state, mut block): (State, Block) = (State::None, None);
        for (steps, event) in texts {
            let mut ahead = (block, Vec::new());
            for step in &steps {
                let (next, tag) = postgresql(ahead.0, *step);
                ahead.0 = next;
                ahead.1.push(tag);
            }
            let plain: Option<Vec<_>> = ahead.1.into_iter().collect();
            let failed = state == State::Failed;
            match state.on(&Text { steps, hints: Hints::default() }) {
                Answer::Told(next, tags) => {
                    prop_assert_eq!(Some(tags), plain);
                    (state, block) = (next, ahead.0);
                }
                Answer::Refused => prop_assert!(failed && plain.is_none()),
                Answer::Server => prop_assert!(plain.is_none()),
            }
            if event == 0 {
                state = state.refused();
                block = block.map(|(modes, _)| (modes, true));
            }
            prop_assert_eq!(state.status(), match block {
                None => TxStatus::Idle,
                Some((_, false)) => TxStatus::InTransaction,
                Some((_, true)) => TxStatus::Failed,
            });
            if let (Some(wanted), Some((modes, _))) = (state.wanted(), block) {
                prop_assert_eq!(wanted.modes, modes);
            }
        }
    }

    #[test]
    fn the_begin_for_a_server_says_the_same(modes in modes()) {
        let begin = Wanted { modes, hints: Hints::default() }.begin();
        prop_assert_eq!(text(&begin).steps, vec![Step::Begin(modes)]);
    }
}
