//! Pure choice of a server from a view of the servers.
//!
//! - [`intent`]: what a request asks for, and what it gets
//!
//! For now there is one server to choose from: the primary.

pub mod intent;

pub use intent::{Choice, Intent, choose};
