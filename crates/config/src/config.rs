//! The whole configuration, and the questions asked of it as a whole.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::check::{Named, Raw, across};
use crate::error::Mistake;
use crate::file::{Reading, Table, read_text};
use crate::key::{Outcome, Section, Shown};
use crate::{
    Access, Admin, Auth, Breaker, CONSOLE_NAMES, CapLimits, Database, Failover, Listen, Log, PoolSettings,
    Route,
};
use crate::{Relisted, Secret, Stamp, Users};

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
    /// The rules of `auth.hba`; none of them with another method.
    pub access: Access,
    /// The settings of a pool whose database and user set nothing.
    pub pool: PoolSettings,
    /// Which of a database's servers answers a statement, and what happens when one fails.
    pub servers: Servers,
    /// How the program logs.
    pub log: Log,
    /// The file this came from.
    pub path: PathBuf,
    by_name: HashMap<String, Arc<Database>>,
    changing: Vec<Secret>,
}

/// What holds for the servers of all databases.
#[derive(Clone, Debug, PartialEq)]
pub struct Servers {
    /// Which of them answers.
    pub route: Route,
    /// What happens when the primary is gone.
    pub failover: Failover,
    /// When one that fails is left alone.
    pub breaker: Breaker,
}

/// The most bytes of a configuration file.
const MOST: u64 = 16 << 20;

impl Config {
    /// Reads a file with everything it names: secrets, lists of users, the environment. Commands that give
    /// secrets are waited for, so this may take some seconds and belongs on a thread that may block.
    ///
    /// # Errors
    /// Every mistake there is, in the order of the file.
    pub fn load(path: &Path) -> Result<Self, Vec<Mistake>> {
        let text = read_text(path, MOST).map_err(|error| {
            let message = error.to_string();
            vec![Mistake { file: path.into(), line: 1, col: 1, key: "file".into(), message }]
        })?;
        Self::parse(&text, path, &|name| std::env::var(name).ok())
    }

    /// The configuration that `text` is, as if it stood in the file `path`. `env` answers for `${NAME}`.
    ///
    /// # Errors
    /// Every mistake there is, in the order of the file.
    pub fn parse(
        text: &str,
        path: &Path,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Mistake>> {
        let (reading, document) = Reading::start(text, path, env);
        let root = Table::root(&reading, &document);
        let raw = Raw::read(&root);
        root.finish();
        let named = raw.as_ref().map(|raw| across(raw, &root));
        let (right, in_files) = match raw.zip(named) {
            Some((raw, Named { users, access, mistakes })) => (assemble(raw, users, access, path), mistakes),
            None => (None, Vec::new()),
        };
        let mut mistakes = reading.into_mistakes();
        mistakes.extend(in_files);
        match right {
            Some(config) if mistakes.is_empty() => Ok(config),
            _ => Err(mistakes),
        }
    }

    /// The entry for the database a client asks for: its own, else `*`; none for the names of the console.
    pub fn database(&self, name: &str) -> Option<&Arc<Database>> {
        if CONSOLE_NAMES.contains(&name) {
            return None;
        }
        self.by_name.get(name).or_else(|| self.by_name.get("*"))
    }

    /// Reads the file named by `auth.file` again if it has changed; not if it is as it was when it was last found
    /// to be wrong. Blocks.
    pub fn relist(&self, wrong: Option<Stamp>) -> Relisted {
        self.auth.file.as_ref().map_or(Relisted::Same, |file| self.users.relist(file, wrong))
    }

    /// The same with other users.
    pub fn with_users(&self, users: Users) -> Self {
        Self { users, ..self.clone() }
    }

    /// The secrets that come from files and commands, and so may change.
    pub fn changing(&self) -> &[Secret] {
        &self.changing
    }

    /// The settings of the pool of `database` and `user`: the user's beat the database's beat `[pool]`.
    pub fn pool_settings(&self, database: &Database, user: &str) -> PoolSettings {
        let settings = self.pool.with(&database.pool);
        match self.users.get(user) {
            // the cap that a user sets is one of its own, see cap_limits
            Some(user) => {
                PoolSettings { caps: settings.caps.of_user(&user.pool), ..settings.with(&user.pool) }
            }
            None => settings,
        }
    }

    /// The limits of the caps that the pool of `database` and `user` is under.
    pub fn cap_limits(&self, database: &Database, user: &str) -> CapLimits {
        let caps = self.pool_settings(database, user).caps;
        let own = |user: &str| self.users.get(user).and_then(|user| user.pool.caps.database).unwrap_or(0);
        let server_user = database.user.as_deref().unwrap_or(user);
        CapLimits { user: own(user), server_user: own(server_user), database: caps.database, host: caps.host }
    }

    /// The keys outside of databases and users with their values.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let mut out = Vec::new();
        self.listen.show(&mut out);
        self.admin.show(&mut out);
        self.auth.show(&mut out);
        self.pool.show(&mut out);
        self.servers.route.show(&mut out);
        self.servers.failover.show(&mut out);
        self.servers.breaker.show(&mut out);
        self.log.show(&mut out);
        out
    }
}

/// Puts the sections together; none if one of them is missing, for which a mistake was noted.
fn assemble(raw: Raw, users: Users, access: Access, path: &Path) -> Option<Config> {
    let mut listen = raw.listen.value?;
    if listen.workers == 0 {
        listen.workers = std::thread::available_parallelism().map_or(1, usize::from);
    }
    let value = |outcome: Outcome<Database>| outcome.value.map(Arc::new);
    let databases: Vec<Arc<Database>> = raw.databases.into_iter().map(value).collect::<Option<_>>()?;
    let by_name = databases.iter().map(|database| (database.name.clone(), Arc::clone(database))).collect();
    let auth = raw.auth.value?;
    let of_query = auth.query.iter().filter_map(|query| query.password.as_ref());
    let secrets = users.iter().filter_map(|user| user.password.as_ref()).chain(of_query);
    let secrets = secrets.chain(databases.iter().filter_map(|database| database.password.as_ref()));
    let changing = secrets.filter(|secret| secret.is_changing()).cloned().collect();
    Some(Config {
        listen,
        admin: raw.admin.value?,
        auth,
        databases,
        users,
        access,
        pool: raw.pool.value?,
        servers: Servers {
            route: raw.route.value?,
            failover: raw.failover.value?,
            breaker: raw.breaker.value?,
        },
        log: raw.log.value?,
        path: path.into(),
        by_name,
        changing,
    })
}

/// Everything `pgweir check` says about a file: nothing, or one line for each mistake.
///
/// # Errors
/// The lines, if there is a mistake.
pub fn check(path: &Path) -> Result<(), String> {
    match Config::load(path) {
        Ok(_) => Ok(()),
        Err(mistakes) => Err(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}
