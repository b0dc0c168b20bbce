//! Who shares a lookup, what is remembered of it, and what bounds both.

use super::*;
use wire::auth::Secret;

fn secret(text: &str) -> Answer {
    Answer::Secret(Secret::Plain(text.to_owned()), None)
}

#[test]
fn lookups_are_shared_until_they_are_sent() {
    let lookups = Lookups::default();
    let (mut one, first) = lookups.ask("app").unwrap();
    let (mut two, second) = lookups.ask("app").unwrap();
    assert!(first && !second, "one task");
    let mut batch = lookups.take();
    assert_eq!(batch.len(), 1);
    // sent: whoever comes now gets a lookup of its own
    let (mut three, _) = lookups.ask("app").unwrap();
    let (user, senders) = batch.remove(0);
    assert_eq!((user.as_str(), senders.len()), ("app", 2));
    senders.into_iter().for_each(|sender| sender.send(Ok(None)).unwrap());
    assert!(one.try_recv().is_ok() && two.try_recv().is_ok());
    assert!(three.try_recv().is_err());
    assert_eq!(lookups.take().len(), 1);
}

#[test]
fn nobody_is_asked_for_whom_nobody_waits_for() {
    let lookups = Lookups::default();
    drop(lookups.ask("gone"));
    let _kept = lookups.ask("here").unwrap();
    let batch: Vec<_> = lookups.take().into_iter().map(|(user, _)| user).collect();
    assert_eq!(batch, ["here"]);
}

#[test]
fn names_that_wait_are_bounded_and_an_end_of_the_task_lets_them_go() {
    let lookups = Lookups::default();
    let mut waiting: Vec<_> = (0..MOST_ASKED).map(|n| lookups.ask(&n.to_string()).unwrap().0).collect();
    assert!(lookups.ask("one more").is_none());
    assert!(lookups.ask("7").is_some(), "a name that waits already takes no place");
    lookups.abandon();
    assert!(waiting.iter_mut().all(|receiver| receiver.try_recv().is_err()));
    assert!(lookups.ask("one more").unwrap().1, "the next one starts a new task");
}

#[test]
fn the_generation_changes_with_the_secret_and_only_then() {
    let lookups = Lookups::default();
    let one = lookups.learn("app", secret("one")).unwrap();
    let again = lookups.learn("app", secret("one")).unwrap();
    let two = lookups.learn("app", secret("two")).unwrap();
    let other = lookups.learn("other", secret("two")).unwrap();
    assert_eq!(one.generation, again.generation);
    assert!(two.generation > one.generation && other.generation > two.generation);
    assert_eq!(two.secret, Secret::Plain("two".into()));
}

#[test]
fn what_is_remembered_ends_with_its_time_its_validity_and_its_user() {
    let (lookups, hour, now) = (Lookups::default(), Duration::from_secs(3600), SystemTime::now());
    lookups.learn("app", secret("one"));
    assert!(matches!(lookups.remembered("app", hour, now), Some(Some(_))));
    assert!(lookups.remembered("app", Duration::ZERO, now).is_none(), "too old");
    assert!(lookups.remembered("other", hour, now).is_none());
    lookups.learn("app", Answer::Secret(Secret::Plain("one".into()), Some(now)));
    assert!(matches!(lookups.remembered("app", hour, now), Some(None)), "expired since");
    lookups.learn("app", Answer::Nobody("dropped"));
    assert!(lookups.remembered("app", hour, now).is_none(), "dropped since");
    lookups.learn("app", secret("one"));
    lookups.forget();
    assert!(lookups.remembered("app", hour, now).is_none(), "another source");
}

#[test]
fn many_users_are_remembered_but_not_any_number() {
    let lookups = Lookups::default();
    for n in 0..=MOST_KNOWN {
        lookups.learn(&n.to_string(), secret("x"));
    }
    assert!(lookups.state().known.len() <= MOST_KNOWN);
}
