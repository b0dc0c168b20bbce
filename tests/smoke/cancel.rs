//! When a cancel request ends. Clients take that for the sign that it is done, and send their next query.

use testkit::{Scripted, answers, messages};

use crate::stage::before;

#[test]
fn a_cancel_request_ends_when_the_server_has_it_and_not_before() {
    let server = Scripted::log_in_then(|peer| {
        peer.expect(b'Q')?;
        peer.send(&answers::row_description(&["slow"]))?;
        peer.stall();
        peer.send(&answers::complete("SELECT 0"))?;
        peer.send(&answers::ready(b'I'))
    });
    let proxy = before(&server).start();
    let mut client = proxy.connect().open();
    client.send(&messages::query("select slow"));
    client.expect(b'T');
    for count in 1..=5 {
        // returns when pgweir has closed the connection of the request
        client.cancel();
        assert_eq!(server.cancels().len(), count);
    }
    server.release();
    client.read_until_ready();
}
