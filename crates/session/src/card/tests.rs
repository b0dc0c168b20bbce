//! Orders to a session.

use super::*;

#[test]
fn an_order_to_give_up_waiting_ends_with_the_wait() {
    let who = Identity {
        login: Default::default(),
        application: String::new(),
        process: 0,
        ends: (Peer::Unix, Peer::Unix),
        tls: String::new(),
    };
    let card = ClientCard::new(1, 1, b"secret", who);
    assert!(!card.cancel_waiting(), "it does not wait");
    assert!(!card.ordered(Order::Cancel));
    card.begin_waiting(Instant::now());
    assert!(card.cancel_waiting());
    assert!(card.ordered(Order::Cancel));
    assert!(card.end_waiting());
    card.begin_waiting(Instant::now());
    assert!(!card.ordered(Order::Cancel), "the next wait is another's");
    assert!(!card.end_waiting());
}
