//! What a new configuration changes: for RELOAD and for SHOW CONFIG.

/// What differs between two configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Keys that differ but take effect only after a restart.
    pub restart_needed: Vec<&'static str>,
    /// Other keys that differ outside of databases and users.
    pub settings: Vec<&'static str>,
    /// Databases only the new configuration has.
    pub databases_added: Vec<String>,
    /// Databases only the old configuration has.
    pub databases_removed: Vec<String>,
    /// Databases that both have, with a difference.
    pub databases_changed: Vec<String>,
    /// Users only the new configuration has.
    pub users_added: Vec<String>,
    /// Users only the old configuration has.
    pub users_removed: Vec<String>,
    /// Users that both have, with a difference.
    pub users_changed: Vec<String>,
}

/// One row of SHOW CONFIG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key with its section, such as `pool.size`.
    pub key: &'static str,
    /// Its value as it would stand in the file; empty when not set.
    pub value: String,
    /// Its default as it would stand in the file; empty when there is none.
    pub default: String,
    /// Whether a reload changes it.
    pub changeable: bool,
}
