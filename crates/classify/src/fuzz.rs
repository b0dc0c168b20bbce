//! What the fuzz target does with its bytes: call what reads the text of a client, and assert what must hold.
//!
//! Callable from stable Rust too, so that an ordinary test runs the same over the corpus. A broken invariant
//! panics, here and nowhere else in this crate.

use std::sync::Arc;

use crate::{Against, Catalogue, Effects, Lexis, Marks, Naming, Rows, SettingName};

/// A setting that no input names.
const PROBE: &str = "pgweir_fuzz.probe";
/// Bytes of an identifier that PostgreSQL keeps.
const NAME: usize = 63;

/// A text, read both ways.
pub fn effects(sql: &[u8]) {
    for backslashes in [false, true] {
        let lexis = Lexis { backslashes };
        let found = crate::effects(sql, true, lexis);
        if let Some(found) = &found {
            sound(sql, found);
        }
        cut_off(sql, lexis, found.as_deref());
        behind_others(sql, lexis, found.as_deref());
        before_others(sql, lexis, found.as_deref());
    }
}

/// A text's verdict: the same from the memo and without it, never better than those of a longer text, and the primary's
/// where the text may leave something behind.
pub fn verdict(sql: &[u8]) {
    for backslashes in [false, true] {
        let lexis = Lexis { backslashes };
        let verdict = crate::memo::thorough(sql, true, lexis);
        let memo = crate::Memo::new(8);
        assert_eq!(memo.verdict(sql, true, lexis), verdict);
        assert_eq!(memo.verdict(sql, true, lexis), verdict, "kept as it was found");
        if crate::effects(sql, true, lexis).is_some() {
            assert!(verdict.against.is_some(), "what may leave something behind");
        }
        if !sql.contains(&0) {
            assert!(!crate::memo::thorough(sql, false, lexis).reads(), "the rest may do anything");
        }
        if let Some(why) = verdict.against {
            against_with_others(sql, lexis, why);
        }
        by_an_empty_catalogue(sql, lexis, verdict);
        let found = crate::tables(sql, lexis);
        assert!(found.reads.len() <= crate::Tables::MOST && found.writes.len() <= crate::Tables::MOST);
        let _digest = crate::digest(sql, lexis);
    }
}

/// Who knows that nothing but what PostgreSQL has is there knows what is a sequence, and lets nothing else to a replica
/// that goes there from nobody who knows less.
fn by_an_empty_catalogue(sql: &[u8], lexis: Lexis, verdict: crate::Verdict) {
    let memo = crate::Memo::new(8);
    memo.adopt(Arc::new(Catalogue::of(&Rows::default(), &[])));
    let known = memo.verdict(sql, true, lexis);
    let told = verdict.reads() || verdict.against == Some(Against::Sequence);
    assert!(told || !known.reads(), "{verdict:?}, {known:?}");
    assert!(!known.reads() || known.doubt.is_none(), "{known:?}");
}

/// What speaks against a text does so behind another statement, too.
fn against_with_others(sql: &[u8], lexis: Lexis, why: Against) {
    if why == Against::Empty {
        return;
    }
    let together = crate::memo::thorough(&[b"SELECT a FROM b; ".as_slice(), sql].concat(), true, lexis);
    assert!(!together.reads(), "alone it is {}", why.as_str());
}

/// Everything points into the text, and is bounded.
fn sound(sql: &[u8], found: &Effects) {
    let lists = [found.settings.len(), found.names.len(), found.channels.len()];
    assert!(!found.marks.is_empty() || lists.iter().any(|length| *length > 0), "nothing found is none");
    assert!(lists.iter().all(|length| *length <= Effects::MOST));
    for name in &found.names {
        assert!(sql.get(name.range.clone()).is_some_and(|text| !text.is_empty()));
        assert!(name.name.len() <= NAME);
        assert!(name.body.is_none() || name.what == Naming::Prepare);
        assert!(name.body.clone().is_none_or(|body| sql.get(body).is_some()));
    }
}

/// A text of which only the beginning is here reports the same, and that anything may follow.
fn cut_off(sql: &[u8], lexis: Lexis, whole: Option<&Effects>) {
    let part = crate::effects(sql, false, lexis);
    if sql.contains(&0) {
        assert_eq!(part.as_deref(), whole, "a zero byte ends a text");
        return;
    }
    let mut expected = whole.cloned().unwrap_or_default();
    expected.marks.insert(Marks::UNKNOWN);
    assert_eq!(part.as_deref(), Some(&expected));
}

/// Statements before it do not change what it reports.
fn behind_others(sql: &[u8], lexis: Lexis, alone: Option<&Effects>) {
    let together = crate::effects(&[b"SELECT ';', a FROM b; ".as_slice(), sql].concat(), true, lexis);
    let marks = |found: Option<&Effects>| found.map_or(Marks::empty(), |found| found.marks);
    assert_eq!(marks(together.as_deref()), marks(alone));
    assert_eq!(together.map(|found| found.settings), alone.map(|found| found.settings.clone()));
}

/// What stands behind it is seen, unless it is not closed: then it may do anything, or is no SQL.
fn before_others(sql: &[u8], lexis: Lexis, alone: Option<&Effects>) {
    let may_do_anything = alone.is_some_and(|found| found.marks.contains(Marks::UNKNOWN));
    if may_do_anything || sql.contains(&0) || sql.contains(&b'(') {
        return;
    }
    let probe = format!("\n; SET {PROBE} = 1");
    let together = crate::effects(&[sql, probe.as_bytes()].concat(), true, lexis).unwrap_or_default();
    let seen = together.settings.iter().any(|setting| setting.name == SettingName::Known(PROBE.into()));
    assert!(seen || together.settings.len() == Effects::MOST, "what follows is not seen");
}
