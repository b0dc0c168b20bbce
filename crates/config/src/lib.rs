//! What may be set: types, defaults, checks, reload, generated reference.
//!
//! A TOML file becomes a [`Config`] whose values cannot be wrong, or a list of every [`Mistake`] in it.
//! `file` reads the text, each section has a file of its own that defines its keys, `check` looks for
//! contradictions between them. Nothing here opens a socket or keeps a global.

mod admin;
mod auth;
mod config;
mod error;
mod listen;
mod log;
mod pool;
mod reload;
mod secret;
mod servers;
mod tls;
mod users;

pub use admin::Admin;
pub use auth::{Auth, AuthMethod};
pub use config::Config;
pub use error::Mistake;
pub use listen::Listen;
pub use log::{Log, LogFormat, LogLevel};
pub use pool::{PoolMode, PoolOverrides, PoolSettings, TimeoutOverrides, Timeouts};
pub use reload::{Changes, Entry};
pub use secret::Secret;
pub use servers::{Database, Host, Role, Server};
pub use tls::{ListenTls, ListenTlsMode, ServerTls, ServerTlsMode};
pub use users::{User, Users};
