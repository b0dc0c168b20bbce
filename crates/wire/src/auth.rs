//! Log-in exchanges as state machines by value: bytes in, bytes out, no randomness and no clock of their own.

mod error;

pub use error::{Mismatch, ScramError};
