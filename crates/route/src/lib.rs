//! Pure choice of a server from a view of the servers: no clock, no socket, no lock on the way of a request.
//!
//! - [`probe`]: what a server says of itself
//! - [`health`]: whether a server answers: up, suspect, down, probing
//! - [`breaker`]: leaving a server alone that keeps failing
//! - [`primary`]: which of the servers is the primary, and which only claims to be
//! - [`lag`]: how far a replica is behind, in bytes and in time
//! - [`resync`]: why a server can not follow the primary by itself, and what helps
//! - [`patroni`]: which server Patroni says is the leader, and what that is worth
//! - [`cluster`]: all of that for the servers of a database, one report after the other
//! - [`promotion`]: whether a replica is to be made the primary, and which
//! - [`rules`]: what the configuration says of who asks for what
//! - [`view`]: what comes of it, for those who choose
//! - [`choose`](mod@choose), [`balance`]: what a request asks for, and the server it gets
//! - [`loads`]: how busy servers are, and how fast they have answered
//! - [`floors`]: how far the primary was when a session had written
//! - [`board`]: where the view hangs for all sessions to see
//!
//! Times are [`Duration`](std::time::Duration)s since one moment that the caller keeps to.

pub mod balance;
pub mod board;
pub mod breaker;
pub mod choose;
pub mod cluster;
pub mod floors;
pub mod health;
pub mod lag;
pub mod loads;
pub mod patroni;
pub mod primary;
pub mod probe;
pub mod promotion;
pub mod resync;
pub mod rules;
pub mod view;

pub use board::{Board, Boards};
pub use choose::{Choice, Intent, Why, choose};
pub use cluster::Cluster;
pub use floors::Floors;
pub use loads::Loads;
pub use probe::{Failure, Report};
pub use view::{Member, View};
