//! `[[user]]` and `auth.file`: everyone who may log in, by name.

use std::collections::BTreeMap;

use crate::form::Text;
use crate::key::{Check, optional, required, section};
use crate::pool::Again;
use crate::secret::SecretText;
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

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

impl FromIterator<User> for Users {
    /// Of two users with the same name the later one stays.
    fn from_iter<I: IntoIterator<Item = User>>(users: I) -> Self {
        Self { by_name: users.into_iter().map(|user| (user.name.clone(), user)).collect() }
    }
}

section! {
    /// One user.
    pub struct User {
        /// The name clients log in with.
        pub name: String = required("user.name", Text, r#""app""#),
        /// Plain text, `md5…`, or a SCRAM secret. May stand in the file named by `auth.file` instead.
        pub password: Option<Secret> = optional("user.password", SecretText, r#""secret""#).suggested(),
        /// What this user sets differently from `[pool]` and from the database: any key of `[pool]`.
        pub pool: PoolOverrides = Again::Beside("user.mode", r#""session""#),
    }
}

impl Check for User {}
