//! The whole configuration, and the questions asked of it as a whole.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::{Admin, Auth, Database, Listen, Log, PoolSettings, Users};

/// A configuration without mistakes.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where clients come in.
    pub listen: Listen,
    /// Console users and the HTTP endpoint.
    pub admin: Admin,
    /// How clients log in.
    pub auth: Auth,
    /// What clients may ask for, in the order of the file.
    pub databases: Vec<Arc<Database>>,
    /// Who may log in.
    pub users: Users,
    /// The settings of a pool whose database and user set nothing.
    pub pool: PoolSettings,
    /// How the program logs.
    pub log: Log,
    /// The file this came from.
    pub path: PathBuf,
    by_name: HashMap<String, Arc<Database>>,
}

impl Config {
    /// The entry for the database a client asks for: its own, else `*`.
    pub fn database(&self, name: &str) -> Option<&Arc<Database>> {
        self.by_name.get(name).or_else(|| self.by_name.get("*"))
    }

    /// The settings of the pool of `database` and `user`: the user's beat the database's beat `[pool]`.
    pub fn pool_settings(&self, database: &Database, user: &str) -> PoolSettings {
        let settings = self.pool.with(&database.pool);
        match self.users.get(user) {
            Some(user) => settings.with(&user.pool),
            None => settings,
        }
    }
}
