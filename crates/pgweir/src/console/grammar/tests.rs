//! What may be typed, and what comes of it.

use proptest::prelude::*;
use wire::SqlState;

use super::*;

fn one(text: &str) -> Command {
    let mut all = parse(text).unwrap_or_else(|fail| panic!("{text}: {fail:?}"));
    assert_eq!(all.len(), 1, "{text}");
    all.remove(0)
}

fn fails_with(text: &str, state: SqlState) -> bool {
    parse(text).is_err_and(|fail| fail.sqlstate == state)
}

fn name(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[test]
fn every_view_is_found_by_show_and_by_select_in_any_case() {
    for view in View::ALL {
        for verb in ["SHOW", "select"] {
            assert_eq!(one(&format!("{verb} {};", view.word().to_lowercase())), Command::Show(*view));
            assert_eq!(one(&format!("{verb} \"{}\"", view.word())), Command::Show(*view));
        }
    }
    assert_eq!(
        one("SHOW transaction  isolation level"),
        Command::ShowSetting(SETTINGS[9].0, "read committed")
    );
}

#[test]
fn pause_takes_a_database_and_a_time() {
    let ms = |ms| Some(Duration::from_millis(ms));
    assert_eq!(one("PAUSE"), Command::Pause(None, None));
    assert_eq!(one("pause App"), Command::Pause(name("App"), None));
    assert_eq!(one("PAUSE TIMEOUT 5"), Command::Pause(None, ms(5000)));
    assert_eq!(one("PAUSE app TIMEOUT 500ms"), Command::Pause(name("app"), ms(500)));
    assert_eq!(one("PAUSE \"timeout\" timeout 2min"), Command::Pause(name("timeout"), ms(120_000)));
    for wrong in ["PAUSE a b", "PAUSE a TIMEOUT x", "PAUSE TIMEOUT 99999999999999999999", "PAUSE ="] {
        assert!(fails_with(wrong, SqlState::SYNTAX_ERROR), "{wrong}");
    }
}

#[test]
fn what_drivers_send_around_their_work_is_known() {
    assert_eq!(one("BEGIN ISOLATION LEVEL READ COMMITTED"), Command::Nothing(Idle::Begin("BEGIN")));
    assert_eq!(one("start transaction read only"), Command::Nothing(Idle::Begin("START TRANSACTION")));
    assert_eq!(one("COMMIT AND CHAIN"), Command::Nothing(Idle::End("COMMIT")));
    assert_eq!(one("ABORT"), Command::Nothing(Idle::End("ROLLBACK")));
    assert_eq!(one("DISCARD ALL"), Command::Nothing(Idle::Discard));
    assert_eq!(one("DEALLOCATE PREPARE \"s1\""), Command::Deallocate(name("s1")));
    for text in ["SET extra_float_digits = 3", "SET SESSION extra_float_digits TO 3"] {
        assert_eq!(one(text), Command::Set("extra_float_digits".to_owned()));
    }
    assert_eq!(one("SHUTDOWN wait_for_clients"), Command::Shutdown(Stop::ClientsGone));
}

#[test]
fn what_does_not_exist_is_told_from_what_is_wrong() {
    assert!(fails_with("SHOW CACHE", SqlState::FEATURE_NOT_SUPPORTED));
    assert_eq!(one("BAN host"), Command::Ban("host".to_owned(), true));
    assert_eq!(one("unban 10.0.0.1:5432"), Command::Ban("10.0.0.1:5432".to_owned(), false));
    assert_eq!(one("BAN '[::1]:5432'"), Command::Ban("[::1]:5432".to_owned(), true));
    for wrong in
        ["SELECT 1", "SELECT * FROM pools", "SHOW", "SHOW nonsense", "pools", "\"SHOW\" pools", "KILL a b"]
    {
        assert!(fails_with(wrong, SqlState::SYNTAX_ERROR), "{wrong}");
    }
    assert_eq!(parse(" ;; ").unwrap(), []);
    assert!(fails_with(&"BEGIN;".repeat(65), SqlState::PROGRAM_LIMIT_EXCEEDED));
}

proptest! {
    /// No text, however strange, does more than fail.
    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _any = parse(&text);
    }

    #[test]
    fn no_text_that_begins_like_a_command_panics(
        verb in "(SHOW|PAUSE|RESUME|KILL|KILL_CLIENT|SET|SHUTDOWN|DEALLOCATE|DISCARD|START|SELECT)",
        rest in "[ a-zA-Z0-9='\"*/;,()-]{0,40}",
    ) {
        let _any = parse(&format!("{verb} {rest}"));
    }
}
