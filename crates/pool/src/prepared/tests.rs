//! Names, what servers hold, and when that is out of date.

use super::*;

#[test]
fn the_same_text_and_types_share_a_name_and_others_do_not() {
    let catalog = Catalog::default();
    let a = catalog.intern(b"select $1", b"\0\0", About::default);
    assert!(Arc::ptr_eq(&a, &catalog.intern(b"select $1", b"\0\0", About::default)));
    assert_ne!(a.name, catalog.intern(b"select $1", b"\0\x01\0\0\0\x17", About::default).name);
    assert_ne!(a.name, catalog.intern(b"select $2", b"\0\0", About::default).name);
}

#[test]
fn a_name_is_never_given_twice_even_when_its_statement_is_gone() {
    let catalog = Catalog::default();
    let first = catalog.intern(b"a", b"", About::default).name.clone();
    assert_ne!(first, catalog.intern(b"a", b"", About::default).name);
}

#[test]
fn statements_nobody_holds_are_forgotten() {
    let catalog = Catalog::default();
    for i in 0..10_000 {
        catalog.intern(format!("select {i}").as_bytes(), b"", About::default);
    }
    assert!(catalog.len() < 200, "{} texts kept", catalog.len());
}

#[test]
fn the_one_not_used_for_longest_goes_first() {
    let (catalog, mut held) = (Catalog::default(), Held::default());
    let all: Vec<_> = (0..3).map(|i| catalog.intern(&[b'a' + i], b"", About::default)).collect();
    for statement in &all {
        held.apply(&Effect::Shared(Arc::clone(statement)));
    }
    assert!(held.touch(&all[0]).is_some());
    assert!(held.oldest_over(4).is_none());
    assert_eq!(held.oldest_over(3).map(|s| s.id), Some(all[1].id));
    held.apply(&Effect::Evicted(Arc::clone(&all[1])));
    assert!(held.touch(&all[1]).is_none());
}

#[test]
fn what_a_server_has_refused_is_out_of_date_on_every_server() {
    let catalog = Catalog::default();
    let all: Vec<_> = (0..2).map(|i| catalog.intern(&[b'a' + i], b"", About::default)).collect();
    let (mut one, mut other) = (Held::default(), Held::default());
    for held in [&mut one, &mut other] {
        all.iter().for_each(|statement| held.apply(&Effect::Shared(Arc::clone(statement))));
        held.lend();
        assert!(held.touch(&all[0]).is_some());
    }
    one.outdate_used();
    assert!(one.is_outdated(&all[0]) && one.touch(&all[0]).is_none());
    assert!(other.is_outdated(&all[0]), "on the other one too");
    assert!(other.touch(&all[1]).is_some(), "the other statement was not used");
    // the same news from a second server is no news
    one.apply(&Effect::Evicted(Arc::clone(&all[0])));
    one.apply(&Effect::Shared(Arc::clone(&all[0])));
    other.outdate_used();
    assert!(one.touch(&all[0]).is_some());
    one.outdate_here(all[0].id);
    assert!(one.is_outdated(&all[0]));
    other.apply(&Effect::Shared(Arc::clone(&all[0])));
    assert!(other.touch(&all[0]).is_some(), "here alone");
}
