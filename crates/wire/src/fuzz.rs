//! What the fuzz targets do with their bytes: call what reads bytes of a peer, and assert what must hold.
//!
//! Callable from stable Rust too, so that an ordinary test runs the same over the corpus. A broken invariant
//! panics, here and nowhere else in this crate.

mod announced;
mod messages;
mod owed;
mod scram;

pub use announced::proxy;
pub use messages::{backend, frame, frontend, startup};
pub use owed::replies;
pub use scram::{scram_client, scram_server};
