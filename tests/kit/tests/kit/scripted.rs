//! The kit's scripted server: what its script says is what the client gets.

use testkit::client::tags;
use testkit::scripted::Step;
use testkit::{Connect, Error, Scripted, answers, wait};

#[test]
fn a_served_client_gets_rows_until_it_leaves() {
    let server = Scripted::play(vec![Step::LogIn, Step::Serve]);
    let mut client = Connect::tcp("127.0.0.1", server.port()).open();
    assert_eq!(client.parameter("server_version"), Some("15.0"));
    assert_eq!(client.rows("anything"), "anything");
    assert_eq!(tags(&client.query("x")), "TDCZ");
    client.terminate();
    assert_eq!((server.connections(), server.failures()), (1, vec![]));
}

#[test]
fn a_broken_answer_arrives_broken_and_the_end_is_as_scripted() {
    let half = answers::one_row("x").split_at(7).0.to_vec();
    for (ending, reset) in [(Step::Close, false), (Step::Reset, true)] {
        let server = Scripted::play(vec![Step::LogIn, Step::Expect(b'Q'), Step::Send(half.clone()), ending]);
        let mut client = Connect::tcp("127.0.0.1", server.port()).open();
        let failed = client.try_query("x");
        assert_eq!(matches!(failed, Err(Error::Io(_))), reset, "{failed:?}");
        assert_eq!(matches!(failed, Err(Error::Closed)), !reset, "{failed:?}");
    }
}

#[test]
fn a_stalled_answer_comes_when_released_and_a_cancel_request_is_noted() {
    let server = Scripted::log_in_then(|peer| {
        peer.expect(b'Q')?;
        peer.stall();
        peer.dribble(&answers::one_row("late"))
    });
    let mut client = Connect::tcp("127.0.0.1", server.port()).open();
    client.send(&testkit::messages::query("slow"));
    client.cancel();
    assert_eq!(server.cancels(), [(1000, vec![1, 2, 3, 4])]);
    assert!(!client.is_closed() && client.buffered() == 0);
    server.release();
    assert_eq!(tags(&client.read_until_ready()), "TDCZ");
    wait::until(wait::PATIENCE, "the end of the script closes", || client.is_closed());
}

#[test]
fn a_message_that_the_script_did_not_expect_is_reported() {
    let server = Scripted::play(vec![Step::LogIn, Step::Expect(b'P')]);
    let mut client = Connect::tcp("127.0.0.1", server.port()).open();
    assert!(client.try_query("x").is_err());
    wait::until(wait::PATIENCE, "the failure is noted", || !server.failures().is_empty());
}
