//! Whom servers are asked as: for the secrets of users, and for what they are.

use std::sync::{Arc, PoisonError};

use config::{Config, Database, ProbeUser, Server};

use super::{Directory, NoPool, usable};
use crate::catalogue_rows;
use crate::lookup::Source;
use crate::pool::{Key, Pool, Seat};
use crate::probe;
use crate::target::{Credentials, Target};

/// Where a user connects of which nobody has said that.
const ANYWHERE: &str = "postgres";

impl Directory {
    /// This server of a `[[database]]`, with what to log in with to ask it what it is: the user that is there for it,
    /// else the one of the database, else one that clients have logged in as. Of the last there may be several: with
    /// `turn` it is another one. None as long as there is nobody.
    ///
    /// # Errors
    /// The configuration of it does not hold.
    pub fn asker(&self, entry: &Database, server: usize, turn: usize) -> Result<Option<Target>, NoPool> {
        let Some(target) = self.whom(entry, None, server, turn)? else { return Ok(None) };
        let settings = vec![("application_name", probe::NAME.to_owned())];
        Ok(Some(Target { settings, ..target }))
    }

    /// This server of a `[[database]]`, with what the configuration has to log in with for this user.
    ///
    /// # Errors
    /// The configuration of it does not hold.
    pub fn visitor(&self, entry: &Database, user: &str, server: usize) -> Result<Target, NoPool> {
        let key = Key { database: own_name(entry), user: user.to_owned(), seat: Seat::Replica(server) };
        let target = self.target(&self.config(), entry, &key, None)?;
        Ok(Target { settings: vec![("application_name", "pgweir doctor".to_owned())], ..target })
    }

    /// The same to read the catalogue of the database that clients ask for by this name.
    ///
    /// # Errors
    /// The configuration of it does not hold.
    pub fn reader(
        &self,
        entry: &Database,
        database: &str,
        server: usize,
        turn: usize,
    ) -> Result<Option<Target>, NoPool> {
        let Some(target) = self.whom(entry, Some(database), server, turn)? else { return Ok(None) };
        Ok(Some(Target { settings: catalogue_rows::settings(), ..target }))
    }

    /// Who asks, where; without a name of a database, in the one that is there for that.
    fn whom(
        &self,
        entry: &Database,
        database: Option<&str>,
        server: usize,
        turn: usize,
    ) -> Result<Option<Target>, NoPool> {
        let config = self.config();
        let seat = Seat::Replica(server);
        let key = |user: &str| {
            let database = database.map_or_else(|| own_name(entry), str::to_owned);
            Key { database, user: user.to_owned(), seat }
        };
        if let Some(probe) = &config.servers.route.probe {
            let target = self.for_probe(&config, entry, probe, &key(&probe.user))?;
            let own = probe.database.as_ref().filter(|_| database.is_none());
            let dbname = own.unwrap_or(&target.dbname).clone();
            return Ok(Some(Target { dbname, ..target }));
        }
        if let Some(user) = &entry.user {
            return self.target(&config, entry, &key(user), None).map(Some);
        }
        let Some(pool) = self.someone(&config, entry, database, turn) else { return Ok(None) };
        let key = Key { seat, ..pool.key.clone() };
        let target = self.target(&config, entry, &key, pool.target.credentials.as_found())?;
        target.credentials.learn_from(&pool.target.credentials);
        Ok(Some(target))
    }

    /// The same, to make a replica the primary: the user of `failover.user`, if there is one.
    ///
    /// # Errors
    /// The configuration of it does not hold.
    pub fn promoter(&self, entry: &Database, server: usize) -> Result<Option<Target>, NoPool> {
        let config = self.config();
        let failover = &config.servers.failover;
        let Some(user) = failover.user.clone() else { return self.asker(entry, server, 0) };
        let promoter = ProbeUser { user, password: failover.password.clone(), database: None };
        let seat = Seat::Replica(server);
        let key = Key { database: own_name(entry), user: promoter.user.clone(), seat };
        let target = self.for_probe(&config, entry, &promoter, &key)?;
        let settings = vec![("application_name", probe::NAME.to_owned())];
        Ok(Some(Target { settings, ..target }))
    }

    /// Where the secrets of users are looked up, if they are.
    ///
    /// # Errors
    /// The configuration of it does not hold.
    pub fn source(&self) -> Result<Option<Source>, NoPool> {
        let config = self.config();
        let Some(query) = &config.auth.query else { return Ok(None) };
        let entry = config.database(&query.database).ok_or(NoPool::NoSuchDatabase)?;
        let (database, user) = (query.database.clone(), query.user.clone());
        let key = Key { database, user, seat: Seat::Primary };
        let target = self.target(&config, entry, &key, None)?;
        let own = config.users.get(&query.user).and_then(|user| user.password.as_ref());
        let secret = usable(query.password.as_ref().or(own), &query.user)?;
        let (credentials, settings) = (Credentials::new(secret), Source::settings(query.timeout));
        let target = Target { user: query.user.clone(), credentials, settings, ..target };
        Ok(Some(Source { target, sql: query.sql.clone(), timeout: query.timeout }))
    }

    /// Which of the servers of a `[[database]]` is the primary, as far as is known.
    #[must_use]
    pub fn primary(&self, entry: &Database) -> usize {
        self.primaries.of(entry)
    }

    /// What connections of pools have come to since the last time: to which server of this `[[database]]`, as what, how
    /// many could be made and how many could not.
    pub fn outcomes(&self, entry: &Database, mut tell: impl FnMut(usize, Seat, (u32, u32))) {
        let config = self.config();
        for pool in self.pools.read().unwrap_or_else(PoisonError::into_inner).values() {
            if config.database(&pool.key.database).is_none_or(|of| of.name != entry.name) {
                continue;
            }
            let (target, counts) = (&pool.target, pool.take_outcomes());
            let is_it = |server: &Server| (&server.host, server.port) == (&target.host, target.port);
            if counts != (0, 0)
                && let Some(server) = entry.servers.iter().position(is_it)
            {
                tell(server, pool.key.seat, counts);
            }
        }
    }

    fn for_probe(
        &self,
        config: &Config,
        entry: &Database,
        probe: &ProbeUser,
        key: &Key,
    ) -> Result<Target, NoPool> {
        let target = self.target(config, entry, key, None)?;
        let own = config.users.get(&probe.user).and_then(|user| user.password.as_ref());
        let secret = usable(probe.password.as_ref().or(own), &probe.user)?;
        Ok(Target { user: probe.user.clone(), credentials: Credentials::new(secret), ..target })
    }

    /// A pool of clients of this entry, or of those who ask for this database; first those that have had a connection to
    /// a server.
    fn someone(
        &self,
        config: &Config,
        entry: &Database,
        database: Option<&str>,
        turn: usize,
    ) -> Option<Arc<Pool>> {
        let ours = |pool: &Arc<Pool>| {
            let name = &pool.key.database;
            let of = config.database(name).filter(|of| of.name == entry.name);
            pool.key.seat == Seat::Primary && of.is_some() && database.is_none_or(|asked| asked == name)
        };
        let mut pools: Vec<_> = self.all().into_iter().filter(ours).collect();
        pools.sort_by_key(|pool| pool.learnt.welcome().is_none());
        let at = turn.checked_rem(pools.len())?;
        pools.into_iter().nth(at)
    }
}

/// What clients ask for; behind `*` that may be anything.
fn own_name(entry: &Database) -> String {
    if entry.name == "*" { ANYWHERE.to_owned() } else { entry.name.clone() }
}
