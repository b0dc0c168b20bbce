//! The result cache.
//!
//! - [`lookup`]: have we the answer?
//! - [`remote`]: a connection to a Redis
//!
//! For now the answer is always no, and nothing is kept.

pub mod lookup;
pub mod remote;

pub use lookup::{Lookup, lookup};
