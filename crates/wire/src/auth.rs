//! Log-in exchanges as state machines by value: bytes in, bytes out.
//!
//! No randomness and no clock of their own: nonces and salts are the caller's, from the system's source.
//! Secrets are compared in constant time and never shown by `Debug`.

mod attrs;
mod binding;
mod crypto;
mod error;
pub mod md5;
pub mod scram_client;
pub mod scram_server;
pub mod secret;

pub use binding::{Binding, Digest, EndPoint, Want};
pub use error::{Mismatch, ScramError};
pub use scram_client::Keys;
pub use secret::{ScramSecret, Secret};

/// The mechanism that both sides speak.
pub const SCRAM_SHA_256: &str = "SCRAM-SHA-256";
/// The same, bound to the TLS connection that it runs over.
pub const SCRAM_SHA_256_PLUS: &str = "SCRAM-SHA-256-PLUS";

/// Random bytes for one SCRAM exchange; on the wire they become 24 characters, as in PostgreSQL.
pub type Nonce = [u8; 18];
