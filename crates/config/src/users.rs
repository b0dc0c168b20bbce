//! `[[user]]` and `auth.file`: everyone who may log in, by name.

use std::collections::BTreeMap;
use std::path::Path;

use crate::changing::Stamp;
use crate::error::{Error, Mistake, quoted};
use crate::form::Text;
use crate::key::{Check, optional, required, section};
use crate::pool::Again;
use crate::secret::SecretText;
use crate::userlist::{self, Listed};
use crate::{PoolOverrides, Secret};

/// All users, those of the file and those of `auth.file` together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Users {
    by_name: BTreeMap<String, User>,
    /// Those of `[[user]]` as they stand there.
    own: Vec<User>,
    /// The state in which the file of the others was read.
    stamp: Option<Stamp>,
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
        let by_name = users.into_iter().map(|user| (user.name.clone(), user)).collect();
        Self { by_name, ..Self::default() }
    }
}

/// What became of the file named by `auth.file`.
#[derive(Debug)]
pub enum Relisted {
    /// Nothing, or nothing that is not known.
    Same,
    /// The users are others.
    Changed(Users),
    /// It has changed, and is wrong.
    Wrong(Stamp, Vec<Mistake>),
}

impl Users {
    /// Those of both sources: the list has secrets only, which serve users of `[[user]]` without one.
    pub(crate) fn merged(own: Vec<User>, listed: &BTreeMap<String, Listed>, stamp: Option<Stamp>) -> Self {
        let secret = |name: &str| listed.get(name).and_then(|listed| listed.password.clone());
        let others = listed.iter().map(|(name, listed)| User {
            name: name.clone(),
            password: listed.password.clone(),
            pool: PoolOverrides::default(),
        });
        let filled = own.iter().cloned().map(|user| {
            let password = user.password.or_else(|| secret(&user.name));
            User { password, ..user }
        });
        // of two with the same name the later one stays, so a user's own table wins
        let by_name = others.chain(filled).map(|user| (user.name.clone(), user)).collect();
        Self { by_name, own, stamp }
    }

    /// Reads the list again if it has changed; not if it is as it was when it was last found to be wrong.
    pub(crate) fn relist(&self, file: &Path, wrong: Option<Stamp>) -> Relisted {
        // a file that is being replaced may be gone for a moment
        let Some(stamp) = Stamp::of(file).filter(|now| Some(*now) != self.stamp && Some(*now) != wrong)
        else {
            return Relisted::Same;
        };
        let (listed, mut mistakes) = match userlist::read(file) {
            Ok(read) => read,
            Err(error) => (BTreeMap::new(), vec![userlist::mistake(file, 1, &error)]),
        };
        for user in self.own.iter().filter(|user| user.password.is_some()) {
            if listed.get(&user.name).is_some_and(|listed| listed.password.is_some()) {
                let message =
                    format!("user {} has a secret in [[user]] too, keep one of them", quoted(&user.name));
                mistakes.push(userlist::mistake(file, 1, &Error::Conflict(message)));
            }
        }
        if !mistakes.is_empty() {
            return Relisted::Wrong(stamp, mistakes);
        }
        let users = Self::merged(self.own.clone(), &listed, Some(stamp));
        Relisted::Changed(users)
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
