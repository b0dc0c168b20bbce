//! What the crate promises, through its public face.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a helper of a test may fail as the test itself may"
)]

mod any_bytes;
mod fuzz_corpus;
mod log_in;
mod others;
mod round_trip;
