//! The PostgreSQL protocol as values: no I/O, no clock, no runtime.
//!
//! Map:
//! - [`read`]: a bounds-checked cursor over one message's body
//! - [`tx`]: the transaction status of ReadyForQuery
//! - [`auth`]: log-in exchanges as state machines
//! - [`frame`]: cutting messages by their header
//! - [`replies`]: the queue of replies still owed
//! - [`error`]: what can be wrong

pub mod auth;
pub mod backend;
pub mod error;
pub mod frame;
pub mod frontend;
pub mod read;
pub mod replies;
pub mod sqlstate;
pub mod startup;
pub mod tx;
mod write;

pub use error::Error;
pub use frame::{Head, head};
pub use read::Reader;
pub use sqlstate::SqlState;
pub use tx::TxStatus;
