//! `[[user]]` and `auth.file`: everyone who may log in, by name.

use std::collections::BTreeMap;

use crate::{PoolOverrides, Secret};

/// All users, those of the file and those of `auth.file` together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Users {
    by_name: BTreeMap<String, User>,
}

impl Users {
    /// The user called `name`.
    pub fn get(&self, name: &str) -> Option<&User> {
        self.by_name.get(name)
    }

    /// Every user, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.by_name.values()
    }
}

/// One user.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The name clients log in with.
    pub name: String,
    /// Plain text, `md5…`, or a SCRAM secret.
    pub password: Option<Secret>,
    /// What this user sets differently from `[pool]` and from the database.
    pub pool: PoolOverrides,
}
