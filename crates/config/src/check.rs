//! Raw to Config: what is right in each section by itself but not together with the others.

use std::collections::BTreeMap;

use crate::changing::Stamp;
use crate::error::{Error, Mistake, quoted};
use crate::file::{Step, Table};
use crate::hba::Disk;
use crate::key::{Check, Each, Outcome, Under, section};
use crate::userlist::{self, Listed};
use crate::{
    Access, Admin, Auth, AuthMethod, Breaker, Database, Failover, Listen, ListenTlsMode, Log, Route,
};
use crate::{PoolSettings, User, Users};

section! {
    /// The file as it is, section by section, some of which may be wrong.
    pub(crate) struct Raw {
        /// Where clients come in.
        pub(crate) listen: Outcome<Listen> = Under("listen"),
        /// Who may use the console, and where figures are served.
        pub(crate) admin: Outcome<Admin> = Under("admin"),
        /// How clients log in.
        pub(crate) auth: Outcome<Auth> = Under("auth"),
        /// How server connections are opened, lent and closed. The defaults for every pool: each of these keys
        /// may be set again in a database or a user; what a user sets beats what a database sets.
        pub(crate) pool: Outcome<PoolSettings> = Under("pool"),
        /// Who may log in, besides the users in the file named by `auth.file`. A user may stand in both, with
        /// the password in one of them.
        pub(crate) users: Vec<Outcome<User>> = Each { path: "user", least: 0, most: None },
        /// What clients may ask for.
        pub(crate) databases: Vec<Outcome<Database>> = Each { path: "database", least: 1, most: None },
        /// Which of a database's servers answers a statement.
        pub(crate) route: Outcome<Route> = Under("route"),
        /// What happens when the primary is gone.
        pub(crate) failover: Outcome<Failover> = Under("failover"),
        /// When a server that fails is left alone for a while.
        pub(crate) breaker: Outcome<Breaker> = Under("breaker"),
        /// What the program writes to stderr.
        pub(crate) log: Outcome<Log> = Under("log"),
    }
}

// what concerns several sections gives more than mistakes: see `across`
impl Check for Raw {}

/// What the files are that a configuration names.
pub(crate) struct Named {
    /// The users of all sources.
    pub(crate) users: Users,
    /// The rules of `auth.hba`.
    pub(crate) access: Access,
    /// What is wrong with these files.
    pub(crate) mistakes: Vec<Mistake>,
}

/// Looks at everything that concerns several sections, and reads the files that are named.
pub(crate) fn across(raw: &Raw, root: &Table<'_>) -> Named {
    let before = root.reading().mistakes();
    let file = raw.auth.value.as_ref().and_then(|auth| auth.file.as_ref());
    // taken before the text: if the file changes in between, it is read once more than needed
    let stamp = file.and_then(|file| Stamp::of(file));
    let (listed, mut mistakes) = listed(raw, root);
    let is_whole = mistakes.is_empty() && root.reading().mistakes() == before;
    // who has no secret can be told only if it is known how clients log in, and all of the list is
    let auth = raw.auth.clean().filter(|_| is_whole);
    let needs_secret = auth.is_some_and(|auth| match auth.method {
        AuthMethod::Trust | AuthMethod::Cert | AuthMethod::Hba => false,
        AuthMethod::Plain | AuthMethod::Md5 | AuthMethod::ScramSha256 => auth.query.is_none(),
    });
    addresses(raw, root);
    twice("database", root);
    twice("user", root);
    if needs_secret && root.count("user") == Some(0) && auth.is_some_and(|auth| auth.file.is_none()) {
        let want = "at least one [[user]], or users in the file named by auth.file".into();
        root.mistake("user", Error::Missing { want });
    }
    lookup(raw, root);
    users(raw, &listed, needs_secret, root);
    pools(raw, root);
    let access = access(raw, root, &mut mistakes);
    let own = raw.users.iter().filter_map(|outcome| outcome.value.clone()).collect();
    Named { users: Users::merged(own, &listed, stamp), access, mistakes }
}

/// The rules of `auth.hba`, and whether there can be certificates where they are asked for.
fn access(raw: &Raw, root: &Table<'_>, mistakes: &mut Vec<Mistake>) -> Access {
    let Some(auth) = &raw.auth.value else { return Access::default() };
    let (access, wrong) = match &auth.hba {
        Some(hba) if auth.method == AuthMethod::Hba => Access::read(hba, auth.ident.as_deref(), &Disk),
        Some(_) | None => (Access::default(), Vec::new()),
    };
    mistakes.extend(wrong);
    let wants = match auth.method {
        AuthMethod::Cert => Some("method \"cert\"".to_owned()),
        AuthMethod::Hba => access.wants_certificates().map(|place| format!("the line {place}")),
        AuthMethod::Trust | AuthMethod::Plain | AuthMethod::Md5 | AuthMethod::ScramSha256 => None,
    };
    let tls = raw.listen.clean().map(|listen| &listen.tls);
    let can = tls.is_none_or(|tls| tls.mode != ListenTlsMode::Disable && tls.client_ca.is_some());
    if let Some(wants) = wants.filter(|_| !can) {
        let message = format!("{wants} needs listen.tls with \"client_ca\", set it or choose another method");
        let offset = root.locate(&[Step::Key("auth"), Step::Key("method")]);
        root.reading().mistake(offset, "auth.method", Error::Conflict(message));
    }
    access
}

/// The users of the file named by `auth.file`, and what is wrong with it.
fn listed(raw: &Raw, root: &Table<'_>) -> (BTreeMap<String, Listed>, Vec<Mistake>) {
    let Some(path) = raw.auth.value.as_ref().and_then(|auth| auth.file.as_ref()) else {
        return (BTreeMap::new(), Vec::new());
    };
    match userlist::read(path) {
        Ok(read) => read,
        Err(error) => {
            root.reading().mistake(root.locate(&[Step::Key("auth"), Step::Key("file")]), "auth.file", error);
            (BTreeMap::new(), Vec::new())
        }
    }
}

/// The database whose server is asked for secrets must be there.
fn lookup(raw: &Raw, root: &Table<'_>) {
    let Some(query) = raw.auth.value.as_ref().and_then(|auth| auth.query.as_ref()) else { return };
    let known = root.names("database").iter().any(|(name, _)| *name == query.database || name == "*");
    if !known {
        let steps = [Step::Key("auth"), Step::Key("query"), Step::Key("database")];
        let want = "the name of a [[database]]".into();
        let error = Error::Value { got: quoted(&query.database), want };
        root.reading().mistake(root.locate(&steps), "auth.query.database", error);
    }
}

/// Two listeners cannot have one address.
fn addresses(raw: &Raw, root: &Table<'_>) {
    let (Some(listen), Some(admin)) = (&raw.listen.value, &raw.admin.value) else { return };
    if let Some(http) = admin.http.filter(|http| listen.addresses.contains(http)) {
        let message = format!("{http} is an address of listen.address too, choose another port");
        let offset = root.locate(&[Step::Key("admin"), Step::Key("http")]);
        root.reading().mistake(offset, "admin.http", Error::Conflict(message));
    }
}

/// Notes every name that a list of tables has a second time.
fn twice(section: &'static str, root: &Table<'_>) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (name, offset) in root.names(section) {
        match seen.get(&name) {
            None => drop(seen.insert(name, offset)),
            Some(first) => {
                let what = format!("{section} {}", quoted(&name));
                let first = root.reading().place(*first);
                root.reading().mistake(offset, format!("{section}.name"), Error::Twice { what, first });
            }
        }
    }
}

/// Who has a secret in both sources, or in none.
fn users(raw: &Raw, listed: &BTreeMap<String, Listed>, needs_secret: bool, root: &Table<'_>) {
    for (number, outcome) in raw.users.iter().enumerate() {
        let Some(user) = &outcome.value else { continue };
        let wrong = |error| {
            let steps = [Step::Key("user"), Step::Number(number), Step::Key("password")];
            root.reading().mistake(root.locate(&steps), "user.password", error);
        };
        let other = listed.get(&user.name).filter(|listed| listed.password.is_some());
        match (&user.password, other) {
            (Some(_), Some(Listed { place, .. })) => {
                let message =
                    format!("user {} has a secret at {place} too, keep one of them", quoted(&user.name));
                wrong(Error::Conflict(message));
            }
            (None, None) if needs_secret && outcome.clean => {
                let want =
                    "set here or in the file named by auth.file, unless auth.method is \"trust\"".into();
                wrong(Error::Missing { want });
            }
            (Some(_), None) | (None, Some(_) | None) => {}
        }
    }
}

/// Settings laid over each other must still go together.
fn pools(raw: &Raw, root: &Table<'_>) {
    let Some(pool) = raw.pool.clean() else { return };
    let wrong = |error: Error, steps: [Step; 3], key: &str| {
        root.reading().mistake(root.locate(&steps), key, error);
    };
    let databases =
        || raw.databases.iter().enumerate().filter_map(|(at, outcome)| Some((at, outcome.clean()?)));
    for (at, database) in databases() {
        if let Some(error) = pool.with(&database.pool).contradiction() {
            wrong(error, [Step::Key("database"), Step::Number(at), Step::Key("pool")], "database.pool");
        }
    }
    for (at, user) in raw.users.iter().enumerate().filter_map(|(at, outcome)| Some((at, outcome.clean()?))) {
        let key = if user.pool.min_size.is_some() { "min_size" } else { "size" };
        let steps = [Step::Key("user"), Step::Number(at), Step::Key(key)];
        let key = format!("user.{key}");
        if let Some(error) = pool.with(&user.pool).contradiction() {
            wrong(error, steps, &key);
            continue;
        }
        let both = databases().find_map(|(_, database)| {
            let settings = pool.with(&database.pool);
            let error =
                settings.with(&user.pool).contradiction().filter(|_| settings.contradiction().is_none())?;
            Some((database, error))
        });
        if let Some((database, error)) = both {
            wrong(Error::Conflict(format!("in database {}, {error}", quoted(&database.name))), steps, &key);
        }
    }
}
