//! Real servers for tests, started by the test that needs them and gone when it ends.
//!
//! * servers: [`postgres`], [`cluster`] (a primary and its replicas), [`patroni`] (which
//!   looks after two), [`redis`], [`proxy`] (pgweir itself)
//! * the other ends, by hand: [`client`] (raw frames, built with [`messages`]), [`scripted`] (a server that does
//!   as told, with [`answers`]), [`tap`] (what may happen on the way), [`middle`] (who ends TLS there)
//! * what they need: [`certs`], [`drivers`] (other people's), [`skip`] (where something is missing)
//! * below them: [`process`] (children that die with us), [`dir`], [`port`], [`install`] (where PostgreSQL
//!   is), [`wait`], [`fail`]
//!
//! Everything blocks and has a deadline. What cannot be done fails the test with a message (a panic at the
//! caller's line); functions named `try_…` return the [`Error`] instead.
#![expect(clippy::panic, reason = "a kit that cannot do its work fails the test, at the test's own line")]
#![expect(clippy::print_stderr, reason = "a failing test is told where the logs are")]

pub mod answers;
pub mod certs;
pub mod client;
pub mod cluster;
pub mod dir;
pub mod drivers;
pub mod error;
pub mod fail;
pub mod install;
pub mod messages;
pub mod middle;
pub mod patroni;
pub mod port;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod scripted;
pub mod skip;
pub mod tap;
pub mod wait;

pub use certs::Authority;
pub use client::{Client, Connect, Message};
pub use cluster::Cluster;
pub use error::Error;
pub use middle::Middle;
pub use postgres::Postgres;
pub use proxy::Proxy;
pub use redis::Redis;
pub use scripted::Scripted;
pub use tap::Tap;
