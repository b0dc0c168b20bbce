//! `[admin]`: the console's users and the HTTP endpoint.

use std::net::SocketAddr;

/// Who may use the console, and where figures are served.
#[derive(Clone, Debug, PartialEq)]
pub struct Admin {
    /// Where `/metrics`, `/health` and the rest are served over HTTP.
    pub http: Option<SocketAddr>,
    /// Users who may use every console command.
    pub users: Vec<String>,
    /// Users who may only `SHOW`.
    pub stats_users: Vec<String>,
    /// The PgBouncer version that the console announces.
    pub version: String,
}
