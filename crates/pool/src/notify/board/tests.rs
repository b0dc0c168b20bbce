//! The board against a server that is a set of names.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::mailbox::Mail;
use super::*;

fn name(text: &str) -> Name {
    Arc::from(text.as_bytes())
}

fn text(batch: Option<Vec<u8>>) -> Option<String> {
    batch.map(|sql| String::from_utf8(sql).unwrap())
}

#[test]
fn a_name_is_an_identifier_whatever_is_in_it() {
    let mut board = Board::default();
    board.subscribe(&name(r#"a"; DROP TABLE x; --"#), &Mailbox::new(), false);
    assert_eq!(text(board.next_batch()).unwrap(), r#"LISTEN "a""; DROP TABLE x; --";"#);
}

#[test]
fn the_first_makes_the_server_listen_and_the_last_ends_it() {
    let (mut board, a) = (Board::default(), name("a"));
    let (one, two) = (Mailbox::new(), Mailbox::new());
    let first = board.subscribe(&a, &one, false);
    assert_eq!(board.standing(&a), Some(Standing::Wanted));
    assert_eq!(text(board.next_batch()).unwrap(), r#"LISTEN "a";"#);
    assert_eq!(board.standing(&a), Some(Standing::Asked));
    let second = board.subscribe(&a, &two, false);
    board.confirmed();
    assert_eq!(board.standing(&a), Some(Standing::Live));
    assert_eq!(board.next_batch(), None);
    assert!(!board.unsubscribe(&a, first));
    assert_eq!(board.next_batch(), None);
    assert!(board.unsubscribe(&a, second) && board.is_unused());
    assert_eq!(text(board.next_batch()).unwrap(), r#"UNLISTEN "a";"#);
    board.confirmed();
    assert_eq!((board.standing(&a), board.next_batch()), (None, None));
}

#[test]
fn one_name_that_the_server_refuses_takes_no_other_with_it() {
    let mut board = Board::default();
    for channel in ["good", "bad", "fine"] {
        board.subscribe(&name(channel), &Mailbox::new(), false);
    }
    let mut refused = 0;
    while let Some(sql) = text(board.next_batch()) {
        if sql.contains("bad") {
            refused += 1;
            board.refused();
        } else {
            board.confirmed();
        }
    }
    assert_eq!(refused, 2, "together with the others, and alone");
    let standings = ["good", "bad", "fine"].map(|channel| board.standing(&name(channel)).unwrap());
    assert_eq!(standings, [Standing::Live, Standing::Refused, Standing::Live]);
    board.lost(1);
    assert!(text(board.next_batch()).unwrap().contains("bad"), "another connection may take it");
}

#[test]
fn who_was_promised_something_is_told_that_it_was_not_kept() {
    let mut board = Board::default();
    let (old, new) = (Mailbox::new(), Mailbox::new());
    for channel in ["a", "b"] {
        board.subscribe(&name(channel), &old, false);
    }
    board.next_batch();
    board.confirmed();
    board.lost(1);
    board.subscribe(&name("a"), &new, false);
    board.next_batch();
    // whoever comes while nobody listens has been promised nothing
    board.confirmed();
    assert_eq!((old.take(), old.take()), (Some(Mail::Restored), None));
    assert_eq!(new.take(), None);
}

#[derive(Clone, Debug)]
enum Step {
    Subscribe(u8),
    Unsubscribe(usize),
    Ask,
    Answer,
    Lose,
    Notify(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0u8..4).prop_map(Step::Subscribe),
        any::<usize>().prop_map(Step::Unsubscribe),
        Just(Step::Ask),
        Just(Step::Answer),
        Just(Step::Lose),
        (0u8..4).prop_map(Step::Notify),
    ]
}

/// A server that refuses channel 3, all of a batch or nothing.
#[derive(Default)]
struct Server {
    listens: BTreeSet<String>,
    under_way: Option<String>,
}

impl Server {
    fn ask(&mut self, board: &mut Board) {
        if self.under_way.is_none() {
            self.under_way = text(board.next_batch());
        }
    }

    fn answer(&mut self, board: &mut Board) {
        let Some(sql) = self.under_way.take() else { return };
        if sql.contains("LISTEN \"3\"") && !sql.contains("UNLISTEN \"3\"") {
            return board.refused();
        }
        for statement in sql.split_terminator(';') {
            let (verb, channel) = statement.split_once(' ').unwrap();
            match verb {
                "LISTEN" => self.listens.insert(channel.to_owned()),
                _ => self.listens.remove(channel),
            };
        }
        board.confirmed();
    }
}

proptest! {
    /// When everything is said, the server listens to exactly what somebody subscribes to, and everybody has got
    /// what came while it did.
    #[test]
    fn the_server_listens_to_what_is_wanted(steps in prop::collection::vec(step(), 0..80)) {
        let (mut board, mut server) = (Board::default(), Server::default());
        let mut seats: Vec<(Name, u64, Arc<Mailbox>, u64)> = Vec::new();
        for step in steps {
            match step {
                Step::Subscribe(channel) => {
                    let (channel, mailbox) = (name(&channel.to_string()), Mailbox::new());
                    let number = board.subscribe(&channel, &mailbox, false);
                    seats.push((channel, number, mailbox, 0));
                }
                Step::Unsubscribe(at) if !seats.is_empty() => {
                    let (channel, number, ..) = seats.swap_remove(at % seats.len());
                    board.unsubscribe(&channel, number);
                }
                Step::Unsubscribe(_) => {}
                Step::Ask => server.ask(&mut board),
                Step::Answer => server.answer(&mut board),
                Step::Lose => {
                    server = Server::default();
                    board.lost(1);
                }
                Step::Notify(channel) => {
                    let channel = channel.to_string();
                    if server.listens.contains(&format!("\"{channel}\"")) {
                        board.deliver(channel.as_bytes(), &Bytes::from_static(b"A"));
                        for seat in seats.iter_mut().filter(|seat| *seat.0 == *channel.as_bytes()) {
                            seat.3 += 1;
                        }
                    }
                }
            }
            prop_assert_eq!(board.is_unused(), seats.is_empty());
        }
        for _ in 0..20 {
            server.ask(&mut board);
            server.answer(&mut board);
        }
        prop_assert!(server.under_way.is_none() && board.next_batch().is_none(), "it comes to rest");
        let wanted: BTreeSet<String> = seats.iter().map(|seat| String::from_utf8_lossy(&seat.0).into_owned())
            .filter(|channel| channel != "3").map(|channel| format!("\"{channel}\"")).collect();
        prop_assert_eq!(&server.listens, &wanted);
        for (channel, _, mailbox, sent) in &seats {
            let refused = **channel == *b"3";
            let standing = if refused { Standing::Refused } else { Standing::Live };
            prop_assert_eq!(board.standing(channel), Some(standing));
            let mail: Vec<_> = std::iter::from_fn(|| mailbox.take()).collect();
            let got = mail.iter().filter(|mail| matches!(mail, Mail::Notification { .. })).count();
            prop_assert_eq!(u64::try_from(got).unwrap(), *sent);
        }
        prop_assert_eq!(board.channels.len(), seats.iter().map(|seat| &seat.0).collect::<BTreeSet<_>>().len());
    }
}
