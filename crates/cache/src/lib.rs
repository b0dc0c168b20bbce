//! The result cache.
//!
//! - [`lookup`]: have we the answer?
//!
//! For now the answer is always no, and nothing is kept.

pub mod lookup;

pub use lookup::{Lookup, lookup};
