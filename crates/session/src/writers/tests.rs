//! Nobody of one name is told less than what any of them has written.

use std::task::Waker;

use config::{Balance, ReplicasDown};
use proptest::prelude::*;
use route::View;

use super::*;

fn board() -> Arc<Board> {
    let (balance, replicas_down) = (Balance::Latency, ReplicasDown::Primary);
    Arc::new(Board::new(View { members: Vec::new(), primary: None, balance, replicas_down }))
}

/// The primary is asked for all who wait.
fn answer(board: &Board, at: u64) {
    if let Some(ticket) = board.floors.wanted(Waker::noop()) {
        board.floors.answer(ticket, Lsn(at));
    }
}

#[test]
fn those_of_one_name_see_each_others_writes_and_nobody_elses() {
    let (writers, board) = (Writers::default(), board());
    let (one, other) = (writers.of("db", "a"), writers.of("db", "a"));
    let stranger = writers.of("db", "b");
    assert_eq!(stranger.floor(&board), Floor::Unknown, "what was before this process");
    answer(&board, 5);
    assert_eq!((other.floor(&board), stranger.floor(&board)), (Floor::At(Lsn(5)), Floor::At(Lsn(5))));
    let writing = one.begin(Some(&board));
    assert_eq!(other.floor(&board), Floor::Unknown, "it may have been acknowledged");
    answer(&board, 6);
    drop(writing);
    assert_eq!(other.floor(&board), Floor::Unknown);
    answer(&board, 9);
    assert_eq!((other.floor(&board), stranger.floor(&board)), (Floor::At(Lsn(9)), Floor::At(Lsn(5))));
    drop((one, other));
    assert_eq!(writers.of("db", "a").floor(&board), Floor::At(Lsn(9)), "it is remembered");
}

#[test]
fn who_is_forgotten_is_not_believed_to_have_written_nothing() {
    let (writers, board) = (Writers::default(), board());
    drop(writers.of("db", "a").begin(Some(&board)));
    let stays = writers.of("db", "stays");
    for n in 0..=MOST {
        writers.of("db", &n.to_string());
    }
    assert!(writers.known.lock().unwrap().named.len() <= MOST);
    assert_eq!(writers.of("db", "a").floor(&board), Floor::Unknown);
    answer(&board, 7);
    assert_eq!(writers.of("db", "a").floor(&board), Floor::At(Lsn(7)));
    assert!(Arc::ptr_eq(&stays.writer, &writers.of("db", "stays").writer));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Writes of two names, answers, and other boards in any order.
    #[test]
    fn nobody_is_told_less_than_was_written(steps in prop::collection::vec((0u8..6, 0usize..2), 1..150)) {
        let (writers, mut board) = (Writers::default(), board());
        let names = ["a", "b"];
        let (mut log, mut wrote, mut under_way) = (0, [0; 2], Vec::new());
        for (step, who) in steps {
            match step {
                0 | 1 => under_way.push((who, writers.of("db", names[who]).begin(Some(&board)))),
                2 => {
                    if let Some((who, writing)) = under_way.pop() {
                        log += 1;
                        wrote[who] = log;
                        drop(writing);
                    }
                }
                3 => answer(&board, log),
                4 => log += 1,
                _ => board = self::board(),
            }
            match writers.of("db", names[who]).floor(&board) {
                Floor::Unknown => {}
                Floor::At(Lsn(floor)) => {
                    prop_assert!(floor >= wrote[who]);
                    prop_assert!(under_way.iter().all(|(other, _)| *other != who));
                }
                Floor::None => prop_assert!(false, "something may have been written before"),
            }
        }
    }
}
