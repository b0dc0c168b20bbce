//! What may be set: types, defaults, checks, reload, generated reference.
//!
//! A TOML file becomes a [`Config`] whose values cannot be wrong, or a list of every [`Mistake`] in it.
//! `file` reads the text, each section has a file of its own that defines its keys, `check` looks for
//! contradictions between them, `hba` reads who may come in. Nothing here opens a socket or keeps a global.

mod admin;
mod amount;
mod auth;
mod changing;
mod check;
mod choice;
mod config;
mod docs;
mod error;
mod failover;
mod file;
mod form;
mod hba;
mod key;
mod later;
mod listen;
mod log;
mod matcher;
mod pool;
mod position;
mod reload;
mod resync;
mod route;
mod secret;
mod servers;
mod source;
mod tls;
mod userlist;
mod users;

pub use admin::Admin;
pub use auth::{Auth, AuthMethod, AuthQuery};
pub use changing::{Due, Renewed, Stamp};
pub use config::{Config, Servers, check};
pub use docs::{example_toml, reference_md};
pub use error::Mistake;
pub use failover::{Breaker, Failover, FailoverLock, Promote};
pub use hba::{Access, Caller, CertificateCheck, CertificateName, Demand, HbaMethod, Network};
pub use listen::{Listen, ProxyProtocol};
pub use log::{Log, LogFormat, LogLevel};
pub use matcher::Matcher;
pub use pool::{
    CapLimits, CapOverrides, Caps, ListenPolicy, PoolMode, PoolOverrides, PoolSettings, SessionOverrides,
    SessionSettings, StatePolicy, TimeoutOverrides, Timeouts,
};
pub use reload::{Changes, Entry, diff};
pub use resync::{Command, Resync, Resyncing};
pub use route::{
    Balance, Consistency, Freshness, Names, ProbeUser, ReplicasDown, Route, RouteRule, Target, Undecided,
    WritesSeen,
};
pub use secret::Secret;
pub use servers::{CONSOLE_NAMES, Database, Host, Role, Server};
pub use tls::{ChannelBinding, ListenTls, ListenTlsMode, ServerTls, ServerTlsMode};
pub use users::{Relisted, User, Users};
