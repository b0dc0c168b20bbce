//! The PostgreSQL protocol as values: no I/O, no clock, no runtime.
//!
//! - [`frame`], [`startup`]: cutting messages by their header, and the packets that come before any tag
//! - [`proxy`]: the header of the PROXY protocol, which may come before those
//! - [`frontend`]: what the client sends, one family per file
//! - [`backend`]: what the server sends, one family per file
//! - [`replies`]: the queue of replies still owed
//! - [`auth`]: log-in exchanges as state machines, and stored passwords
//! - [`tx`], [`sqlstate`], [`lsn`]: the transaction status, the error codes, positions in the log
//! - [`read`]: a bounds-checked cursor over one message's body
//! - [`fuzz`], [`error`]: what the fuzz targets assert; what can be wrong

pub mod auth;
pub mod backend;
pub mod error;
pub mod frame;
pub mod frontend;
pub mod fuzz;
pub mod lsn;
pub mod proxy;
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
