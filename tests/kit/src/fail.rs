//! Turning a failed result into a failed test that names what was being done, at the caller's line.

use std::fmt::Display;

/// Results and options whose failure fails the test.
pub trait OrFail<T> {
    /// The value, or a panic that says `doing` and the cause.
    fn or_fail(self, doing: impl Display) -> T;
}

impl<T, E: Display> OrFail<T> for Result<T, E> {
    #[track_caller]
    fn or_fail(self, doing: impl Display) -> T {
        match self {
            Ok(value) => value,
            Err(error) => panic!("{doing}: {error}"),
        }
    }
}

impl<T> OrFail<T> for Option<T> {
    #[track_caller]
    fn or_fail(self, doing: impl Display) -> T {
        match self {
            Some(value) => value,
            None => panic!("{doing}: nothing there"),
        }
    }
}
