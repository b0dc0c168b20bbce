//! The queue of replies, driven by any sequence of requests and server messages.

use crate::replies::{Action, Deliver, Replies, Request, Verdict};

const REQUESTS: [Request; 8] = [
    Request::Query,
    Request::FunctionCall,
    Request::Parse,
    Request::Bind,
    Request::Describe,
    Request::Execute,
    Request::Close,
    Request::Sync,
];

/// Every effect comes back at most once and in order, and nothing is owed once all is settled. A twin that takes
/// the short way wherever it may is always in the same state.
pub fn replies(data: &[u8]) {
    let (mut replies, mut twin) = (Replies::default(), Replies::default());
    let (mut sent, mut last) = (0u32, None);
    for &byte in data {
        // the upper half of all bytes are requests, the lower one is what a server might say
        let done = if byte >= 0xc0 {
            if !replies.is_settling() && replies.takes_copy_data() {
                assert!(!replies.is_empty() && !replies.is_skipping());
                assert!(replies.push_copy_end() && twin.push_copy_end());
            }
            None
        } else if byte >= 0x80 {
            request(&mut replies, byte, sent);
            request(&mut twin, byte, sent);
            sent = sent.saturating_add(1);
            None
        } else {
            let before = replies.is_settling();
            let verdict = replies.on(byte);
            if twin.pass(byte) {
                assert_eq!(verdict, Ok(Verdict { deliver: Deliver::Forward, done: None }));
            } else {
                assert_eq!(verdict, twin.on(byte));
            }
            let Ok(verdict) = verdict else { return };
            assert_eq!(verdict.deliver == Deliver::Settle, !before && replies.is_settling());
            verdict.done
        };
        in_order(&mut last, done);
        while !replies.is_settling()
            && let Some((request, effect)) = replies.invented()
        {
            assert_eq!(request, Request::Parse, "nothing else was made up");
            assert_eq!(twin.invented(), Some((request, effect)));
            in_order(&mut last, effect);
        }
        assert_eq!(state(&replies), state(&twin));
        assert!(!replies.is_settled() || replies.is_empty() && !replies.is_skipping());
        assert!(replies.pending().count() <= data.len());
        assert!(replies.pending().all(|(_, effect)| last.is_none_or(|last| *effect > last)));
    }
}

fn state(replies: &Replies<u32>) -> (usize, [bool; 5]) {
    let flags = [
        replies.is_settled(),
        replies.is_skipping(),
        replies.is_settling(),
        replies.has_pending(),
        replies.in_open_copy(),
    ];
    (replies.len(), flags)
}

fn request(replies: &mut Replies<u32>, byte: u8, effect: u32) {
    if replies.is_settling() {
        return;
    }
    let request = REQUESTS.into_iter().nth(usize::from(byte & 7)).unwrap_or(Request::Sync);
    let action = match byte >> 3 & 3 {
        0 | 1 => Action::Forward,
        2 => Action::Discard,
        _ if request == Request::Parse => Action::Invent,
        _ => Action::Forward,
    };
    let effect = (byte & 0x20 != 0).then_some(effect);
    let skipping = replies.is_skipping();
    let taken = replies.push(request, action, effect);
    assert_eq!(taken, !skipping || request == Request::Sync, "only a Sync ends the skipping");
    assert!(!taken || !replies.is_skipping());
}

fn in_order(last: &mut Option<u32>, effect: Option<u32>) {
    if let Some(effect) = effect {
        assert!(last.is_none_or(|last| effect > last), "each effect once, in the order of the requests");
        *last = Some(effect);
    }
}
