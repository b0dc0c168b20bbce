//! When a secret is read again, and what stays if it cannot be.

use std::path::PathBuf;

use super::*;

fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("pgweir-changing-{}-{test}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn file(test: &str, ttl: Option<Duration>) -> (PathBuf, Changing) {
    let path = folder(test).join("secret");
    fs::write(&path, "first\n").unwrap();
    let changing = Changing::read(Origin::File(path.clone()), ttl).unwrap();
    (path, changing)
}

#[test]
fn a_file_is_looked_at_each_second_and_read_when_it_has_changed() {
    let (path, secret) = file("file", None);
    let now = Instant::now();
    assert_eq!((secret.due(now), &*secret.text()), (Due::No, "first"));
    assert_eq!(secret.due(now + LOOK), Due::Now);
    assert!(secret.begin() && !secret.begin(), "one reads");
    assert_eq!(secret.renew(), Renewed::Same);
    fs::write(&path, "second").unwrap();
    assert!(secret.begin(), "the right was given back");
    assert_eq!((secret.renew(), &*secret.text()), (Renewed::Changed, "second"));
    // as an orchestrator does it
    fs::write(path.with_extension("new"), "third!").unwrap();
    fs::rename(path.with_extension("new"), &path).unwrap();
    assert_eq!((secret.renew(), &*secret.text()), (Renewed::Changed, "third!"));
}

#[test]
fn a_file_that_is_gone_or_empty_leaves_the_old_secret_in_force() {
    let (path, secret) = file("gone", None);
    fs::write(&path, "").unwrap();
    assert!(matches!(secret.renew(), Renewed::Failed(why) if why.contains("empty")));
    assert_eq!(secret.due(Instant::now() + LOOK / 2), Due::No, "not again at once");
    fs::remove_file(&path).unwrap();
    assert!(matches!(secret.renew(), Renewed::Failed(_)));
    assert_eq!(&*secret.text(), "first");
    fs::write(&path, "second").unwrap();
    assert_eq!(secret.due(Instant::now() + 2 * LOOK), Due::Now);
    assert_eq!(secret.renew(), Renewed::Changed);
}

#[test]
fn a_command_is_due_by_its_time_and_soon_before_it() {
    let path = folder("command").join("secret");
    fs::write(&path, "first").unwrap();
    let words = vec!["cat".to_owned(), path.display().to_string()];
    let origin = Origin::Command { words, folder: PathBuf::new() };
    let ttl = Duration::from_secs(40);
    let secret = Changing::read(origin.clone(), Some(ttl)).unwrap();
    let read = Instant::now();
    assert_eq!(secret.due(read), Due::No);
    assert_eq!(secret.due(read + Duration::from_secs(31)), Due::Soon);
    assert_eq!(secret.due(read + ttl), Due::Now);
    let never = Changing::read(origin, None).unwrap();
    assert_eq!(never.due(read + Duration::from_secs(1_000_000)), Due::No);

    fs::write(&path, "second").unwrap();
    never.suspect(Instant::now(), LOOK);
    assert_eq!(never.due(Instant::now()), Due::No, "it was just read");
    never.suspect(Instant::now(), Duration::ZERO);
    assert_eq!(never.due(Instant::now()), Due::Now);
    assert_eq!((never.renew(), &*never.text()), (Renewed::Changed, "second"));
    assert_eq!(never.due(Instant::now()), Due::No);
    fs::remove_file(&path).unwrap();
    assert!(matches!(never.renew(), Renewed::Failed(why) if !why.contains("second")));
    assert_eq!(&*never.text(), "second");
}
