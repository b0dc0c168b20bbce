//! A connection that is being closed counts until the server has closed its end.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use testkit::Scripted;

use crate::stage::before;

/// How long the server takes to close; within it nobody else may come.
const SLOW: Duration = Duration::from_millis(300);

#[test]
fn a_place_is_not_taken_before_the_server_has_let_go_of_it() {
    // connections that have come, and those that came while another was being closed
    let seen = Arc::new((Mutex::new((0, 0)), Condvar::new()));
    let server = Scripted::log_in_then({
        let seen = Arc::clone(&seen);
        move |peer| {
            let (counts, came) = &*seen;
            counts.lock().unwrap().0 += 1;
            came.notify_all();
            peer.serve()?;
            let guard = counts.lock().unwrap();
            let before = guard.0;
            let (mut guard, _) = came.wait_timeout_while(guard, SLOW, |(came, _)| *came == before).unwrap();
            guard.1 += usize::from(guard.0 > before);
            Ok(())
        }
    });
    let proxy = before(&server).set("pool.max_server_connections", "1").start();
    let mut clients = ["one", "two", "one"].map(|user| {
        let mut client = proxy.connect().user(user).open();
        assert_eq!(client.rows(user), user);
        client
    });
    assert_eq!(clients[1].rows("again"), "again");
    let (came, too_early) = *seen.0.lock().unwrap();
    assert_eq!((came, too_early), (4, 0), "each of the four in the place of the one before");
}
