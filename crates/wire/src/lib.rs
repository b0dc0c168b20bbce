//! The PostgreSQL protocol as values: no I/O, no clock, no runtime.
//!
//! Map:
//! - [`read`]: a bounds-checked cursor over one message's body
//! - [`tx`]: the transaction status of ReadyForQuery
//! - [`auth`]: log-in exchanges as state machines
//! - [`error`]: what can be wrong

pub mod auth;
pub mod error;
pub mod read;
pub mod tx;

pub use error::Error;
pub use read::Reader;
pub use tx::TxStatus;
