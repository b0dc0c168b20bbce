//! Replies matched by hand, and against a small model of how a PostgreSQL server reads messages.

use super::*;

type Queue = Replies<u32>;

/// Feeds tags and collects what the client gets.
fn feed(queue: &mut Queue, tags: &[u8]) -> String {
    let mut out = String::new();
    for &tag in tags {
        let verdict = queue.on(tag).unwrap_or_else(|e| panic!("{}: {e}", char::from(tag)));
        match verdict.deliver {
            Deliver::Forward | Deliver::Settle => out.push(char::from(tag)),
            Deliver::Discard => {}
            Deliver::Ready(n) => (0..n).for_each(|_| out.push('Z')),
        }
        while let Some((request, _)) = queue.invented() {
            assert_eq!(request, Close);
            out.push('3');
        }
    }
    out
}

fn push(queue: &mut Queue, requests: &[Request]) -> usize {
    requests.iter().filter(|r| queue.push(**r, Action::Forward, None)).count()
}

use Request::{Bind, Close, Describe, Execute, FunctionCall, Parse, Query, Sync};

#[test]
fn a_query_is_over_at_its_ready_for_query_and_not_before() {
    let mut q = Queue::default();
    push(&mut q, &[Query]);
    for tag in *b"TDDCTDC" {
        q.on(tag).unwrap();
        assert!(!q.is_settled());
    }
    q.on(b'Z').unwrap();
    assert!(q.is_settled());
}

#[test]
fn every_sync_and_every_query_owes_its_own_ready_for_query() {
    let mut q = Queue::default();
    push(&mut q, &[Parse, Bind, Describe, Execute, Sync, Sync, Query, Parse, Sync]);
    assert_eq!(feed(&mut q, b"12TDCZZCZ1"), "12TDCZZCZ1");
    assert!(!q.is_settled(), "one Sync is still owed");
    feed(&mut q, b"Z");
    assert!(q.is_settled());
}

#[test]
fn a_batch_ended_by_flush_is_answered_but_not_settled() {
    let mut q = Queue::default();
    push(&mut q, &[Parse, Describe]);
    feed(&mut q, b"1tT");
    assert!(q.is_empty() && !q.is_settled());
}

#[test]
fn after_an_error_everything_up_to_sync_is_skipped_even_a_query() {
    let mut q = Queue::default();
    push(&mut q, &[Bind, Execute, Query, Sync, Parse, Sync]);
    assert_eq!(feed(&mut q, b"2EZ1Z"), "2EZ1Z");
    assert!(q.is_settled());
}

#[test]
fn what_is_sent_after_the_error_is_not_owed_until_sync() {
    let mut q = Queue::default();
    push(&mut q, &[Parse]);
    feed(&mut q, b"E");
    assert!(q.is_skipping() && !q.is_settled());
    assert_eq!(push(&mut q, &[Bind, Query, Execute]), 0);
    assert_eq!(push(&mut q, &[Sync]), 1);
    feed(&mut q, b"Z");
    assert!(q.is_settled());
}

#[test]
fn an_error_in_a_query_or_a_sync_skips_nothing() {
    let mut q = Queue::default();
    push(&mut q, &[Query, FunctionCall, Sync]);
    assert_eq!(feed(&mut q, b"EZEZEZ"), "EZEZEZ");
    assert!(q.is_settled());
}

#[test]
fn invented_replies_wait_for_their_turn_and_vanish_with_an_error() {
    let mut q = Queue::default();
    q.push(Parse, Action::Discard, None);
    q.push(Bind, Action::Forward, None);
    q.push(Close, Action::Invent, None);
    q.push(Sync, Action::Forward, None);
    assert_eq!(q.invented(), None);
    assert_eq!(feed(&mut q, b"12Z"), "23Z");

    q.push(Parse, Action::Discard, None);
    q.push(Close, Action::Invent, None);
    q.push(Sync, Action::Forward, None);
    assert_eq!(feed(&mut q, b"EZ"), "EZ", "the error of our own request reaches the client");
}

#[test]
fn effects_come_back_only_for_what_went_well() {
    let mut q = Queue::default();
    q.push(Parse, Action::Forward, Some(1));
    q.push(Parse, Action::Forward, Some(2));
    q.push(Parse, Action::Forward, Some(3));
    q.push(Sync, Action::Forward, Some(4));
    let done: Vec<_> = b"1EZ".iter().map(|t| q.on(*t).unwrap().done).collect();
    assert_eq!(done, [Some(1), None, Some(4)]);
}

#[test]
fn pending_effects_know_how_many_syncs_are_behind_them() {
    let mut q = Queue::default();
    q.push(Parse, Action::Forward, Some(1));
    q.push(Sync, Action::Forward, None);
    q.push(Parse, Action::Forward, Some(2));
    let seen: Vec<_> = q.pending().map(|(s, e)| (s, *e)).collect();
    assert_eq!(seen, [(0, 2), (1, 1)]);
}

#[test]
fn sync_and_flush_inside_a_copy_are_not_answered() {
    // simple protocol
    let mut q = Queue::default();
    push(&mut q, &[Query]);
    feed(&mut q, b"G");
    push(&mut q, &[Sync]);
    assert!(q.push_copy_end());
    assert_eq!(feed(&mut q, b"CZ"), "CZ");
    assert!(q.is_settled());

    // extended protocol, the Sync sent before anybody knew of the COPY
    push(&mut q, &[Parse, Bind, Execute, Sync]);
    feed(&mut q, b"12G");
    q.push_copy_end();
    push(&mut q, &[Sync]);
    assert_eq!(feed(&mut q, b"C"), "C");
    assert!(!q.is_settled());
    feed(&mut q, b"Z");
    assert!(q.is_settled());
}

#[test]
fn late_copy_data_after_a_failed_copy_is_dropped() {
    let mut q = Queue::default();
    push(&mut q, &[Query]);
    assert_eq!(feed(&mut q, b"GEZ"), "GEZ");
    assert!(!q.takes_copy_data() && !q.push_copy_end());
    assert!(q.is_settled());

    push(&mut q, &[Execute]);
    feed(&mut q, b"GE");
    assert!(!q.takes_copy_data() && !q.push_copy_end());
    push(&mut q, &[Sync]);
    feed(&mut q, b"Z");
    assert!(q.is_settled());
}

#[test]
fn copy_end_under_way_when_the_copy_fails_is_forgotten() {
    let mut q = Queue::default();
    push(&mut q, &[Query]);
    feed(&mut q, b"G");
    q.push_copy_end();
    push(&mut q, &[Query]);
    assert_eq!(feed(&mut q, b"EZDCZ"), "EZDCZ");
    assert!(q.is_settled());
}

/// One premature Sync, then an error: read before the error or after it, the marker tells.
#[test]
fn a_sync_that_crosses_a_failing_copy_is_settled_by_a_marker() {
    for (replies, client, skips) in [
        // read as part of the COPY: only our own Sync is answered before the marker
        (&b"EZ3Z"[..], "E", true),
        // read after the error: it has its ReadyForQuery, then ours
        (b"EZZ3Z", "EZ", false),
    ] {
        let mut q = Queue::default();
        push(&mut q, &[Execute, Sync]);
        feed(&mut q, b"G");
        assert_eq!(feed(&mut q, replies), client);
        assert_eq!(q.is_skipping(), skips);
        if skips {
            assert_eq!(push(&mut q, &[Parse, Sync]), 1);
            feed(&mut q, b"Z");
        }
        assert!(q.is_settled() || !skips && q.is_empty());
    }
}

#[test]
fn the_marker_is_three_well_formed_messages() {
    let mut rest = SETTLE;
    let mut tags = Vec::new();
    while let Some(head) = crate::frame::head(rest, 100).unwrap() {
        tags.push(head.tag);
        rest = &rest[head.total()..];
    }
    assert_eq!((tags.as_slice(), rest.len()), (&b"SCS"[..], 0));
}

#[test]
fn a_server_may_not_speak_out_of_turn() {
    for (asked, tags) in [
        (&[][..], &b"TDCZ123nIsGHWVdcRKvX"[..]),
        (&[Query], b"123tnsVdcRKvX"),
        (&[Parse], b"23TDCZnIsGHWdV"),
        (&[Sync], b"123TDCnIsGHWdV"),
        (&[Execute], b"123TZndcV"),
    ] {
        for &tag in tags {
            let mut q = Queue::default();
            push(&mut q, asked);
            assert!(q.on(tag).is_err(), "{} after {asked:?}", char::from(tag));
        }
    }
}

#[test]
fn a_request_waits_until_it_is_known_whether_a_sync_was_part_of_a_copy() {
    let mut replies = Replies::<u8>::default();
    assert!(replies.push(Query, Action::Forward, None));
    assert!(replies.push(Sync, Action::Forward, None));
    assert!(!replies.is_doubtful(), "nobody speaks of a COPY yet");
    assert!(replies.push_copy_end());
    assert!(replies.is_doubtful());
    for tag in [b'G', b'C'] {
        assert!(replies.is_doubtful(), "before {}", char::from(tag));
        replies.on(tag).unwrap();
    }
    assert!(!replies.is_doubtful(), "it was");
    replies.on(b'Z').unwrap();
    assert!(replies.is_settled());
}

#[test]
fn what_a_failed_request_would_have_changed_is_handed_back_once() {
    let mut replies = Replies::<u8>::default();
    assert!(replies.push(Parse, Action::Forward, Some(1)));
    assert!(replies.push(Parse, Action::Forward, Some(2)));
    assert!(replies.push(Sync, Action::Forward, None));
    replies.on(b'E').unwrap();
    assert_eq!(replies.failed(), Some(1), "the one behind it was skipped");
    assert_eq!(replies.failed(), None);
    replies.on(b'Z').unwrap();
    assert!(replies.is_settled());
}

#[test]
fn our_own_turn_is_known_without_a_word_of_the_server() {
    let mut replies = Replies::<u8>::default();
    assert!(replies.push(Close, Action::Invent, None));
    assert!(replies.owes_invented());
    assert_eq!(replies.invented(), Some((Close, None)));
    assert!(!replies.owes_invented());
}

#[test]
fn what_is_sent_again_and_again_inside_a_copy_is_kept_once() {
    let mut replies = Replies::<u32>::default();
    assert!(replies.push(Query, Action::Forward, None));
    for _ in 0..500 {
        assert!(replies.push(Sync, Action::Forward, None));
    }
    assert_eq!(replies.len(), 501, "before it is known that this is a COPY each may have a reply");
    replies.on(b'G').unwrap();
    for _ in 0..100_000 {
        assert!(replies.push(Sync, Action::Forward, None));
    }
    assert_eq!(replies.len(), 2);
    for _ in 0..100_000 {
        assert!(replies.push_copy_end());
    }
    assert_eq!(replies.len(), 3);
    // two COPY in one Query: each takes one of the ends, however close together they came
    replies.on(b'C').unwrap();
    assert!(!replies.in_open_copy());
    replies.on(b'G').unwrap();
    assert!(!replies.in_open_copy(), "the second one has ended too");
    replies.on(b'C').unwrap();
    replies.on(b'Z').unwrap();
    assert!(replies.is_settled());
}
