//! `[admin]`: the console's users and the HTTP endpoint.

use std::net::SocketAddr;

use crate::form::{Address, List, Text};
use crate::key::{Check, key, optional, section};

section! {
    /// Who may use the console, and where figures are served.
    pub struct Admin {
        /// Where `/metrics`, `/health` and the rest are served over HTTP; nowhere if absent.
        pub http: Option<SocketAddr> = optional("admin.http", Address, r#""127.0.0.1:9127""#).restart(),
        /// Users who may use every console command.
        pub users: Vec<String> =
            key("admin.users", List { of: Text, least: 0 }, Vec::new()).live().example(r#"["admin"]"#),
        /// Users who may only `SHOW`.
        pub stats_users: Vec<String> =
            key("admin.stats_users", List { of: Text, least: 0 }, Vec::new()).live().example(r#"["monitor"]"#),
        /// The PgBouncer version that the console announces; tools choose their queries by it.
        pub version: String = key("admin.version", Text, "1.25.2".into()),
    }
}

impl Check for Admin {}
