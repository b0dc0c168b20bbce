//! The first words to a client that has logged in: parameters as a server would report them to it, the cancel
//! key, and that it may begin.
//!
//! What a server reports is known from the first one that was opened. What it makes of this client's start-up
//! settings – their spelling, and whether it takes them at all – is asked once for each set of settings.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use pool::directory::NoPool;
use pool::in_force;
use pool::learnt::{Asked, Greeting};
use pool::own::Own;
use pool::target::Found;
use pool::{Params, Pool};
use telemetry::Event;
use tokio::time::timeout_at;
use wire::TxStatus;
use wire::auth::{Keys, Secret};
use wire::backend::{key, ready};
use wire::startup::{Startup, options};

use crate::again::Underway;
use crate::announce;
use crate::auth::Shown;
use crate::client::Client;
use crate::error::{Error, Refusal, Whole};
use crate::handshake::{Failed, Guest, Recipient};
use crate::hub::Hub;
use crate::names::Names;
use crate::own_settings::Name;
use crate::replication;
use crate::rules::Rules;
use crate::session::Session;
use crate::split::Split;
use crate::steps;
use crate::steps::wire::Began;

/// Start-up parameters that are no settings.
const NOT_SETTINGS: [&str; 4] = ["user", "database", "options", "replication"];

/// Makes a session of a guest, with a server connection of its own if it asks for replication.
pub(crate) async fn welcome(
    hub: &Arc<Hub>,
    guest: Guest,
    worker: usize,
    deadline: tokio::time::Instant,
) -> Result<(Box<Session>, Option<Box<Own>>), Failed> {
    let Guest { channel, startup, database, user, shown, card, secret } = guest;
    let Shown { found, keys, plain } = shown;
    let pool = match admit(hub, &database, &user, found) {
        Ok(pool) => pool,
        Err(error) => {
            hub.registry.remove(&card);
            return Err(Failed { to: Some(Recipient::Channel(Box::new(channel))), error });
        }
    };
    learn(&pool, keys, plain);
    let longest = hub.directory.config().listen.max_message;
    let client = Client {
        channel,
        names: Names::default(),
        params: Arc::default(),
        startup: Arc::default(),
        amended: false,
        longest,
        underway: Underway::default(),
        torn: false,
        overdue: None,
        refusing: None,
        listening: None,
        card,
    };
    client.card.belongs_to(&pool);
    let rules = (0, Rules::of(&pool.settings()));
    let split = Split::of(hub, &pool);
    let hub = Arc::clone(hub);
    let mut session = Box::new(Session { hub, client, pool, worker, rules, pinned: None, split });
    session.client.underway.follow(session.split.is_some());
    let greeted = timeout_at(deadline, async {
        if replication::is_asked_for(&startup) {
            return replication::open(&mut session, &startup, &secret).await.map(Some);
        }
        greet(&mut session, &startup, &secret).await.map(|()| None)
    });
    match greeted.await.unwrap_or(Err(Error::Login(Refusal::Late))) {
        Ok(own) => {
            session.pool.stats.slot(worker).add_client_login_count(1);
            Ok((session, own))
        }
        Err(error) => Err(Failed { to: Some(Recipient::Session(session)), error }),
    }
}

/// What the log-in has shown of the password serves to log in to servers, where these store the same secret.
fn learn(pool: &Pool, keys: Option<Keys>, plain: Option<(String, Secret)>) {
    let credentials = &pool.target.credentials;
    if let (Some(keys), Some(Secret::Scram(stored))) = (keys, credentials.secret())
        && keys.secret() == stored
    {
        credentials.learn(keys);
    }
    if let (Some((plain, checked)), Some(stored @ (Secret::Scram(_) | Secret::Md5(_)))) =
        (plain, credentials.secret())
        && checked == stored
    {
        credentials.learn_plain(&plain);
    }
}

/// Finds the pool, and checks that there is room for one more client.
fn admit(hub: &Arc<Hub>, database: &str, user: &str, found: Option<Found>) -> Result<Arc<Pool>, Error> {
    let pool = hub.directory.open_with(database, user, found).map_err(|why| match why {
        NoPool::NoSuchDatabase => Error::Login(Refusal::Database(database.to_owned())),
        NoPool::Tls(why) | NoPool::Secret(why) => {
            Error::Pool(pool::Error::Credentials { server: database.to_owned(), why })
        }
    })?;
    // counted first, so that of many who come at once not too many get in
    pool.clients().fetch_add(1, Ordering::Relaxed);
    match crowded(hub, &pool) {
        None => Ok(pool),
        Some(refusal) => {
            pool.clients().fetch_sub(1, Ordering::Relaxed);
            hub.events.count(Event::ClientsRefused);
            Err(Error::Login(refusal))
        }
    }
}

/// The first limit on clients that the one who has just been counted is beyond.
fn crowded(hub: &Hub, pool: &Pool) -> Option<Refusal> {
    let (config, key) = (hub.directory.config(), &pool.key);
    let beyond = |of, limit: u32, there: u64| {
        (there > u64::from(limit)).then(|| Refusal::TooManyClients { of, limit, present: there - 1 })
    };
    let all = config.pool.max_clients;
    let of_database = config.database(&key.database).and_then(|entry| entry.pool.max_clients);
    let of_user = config.users.get(&key.user).and_then(|user| user.pool.max_clients);
    beyond(Whole::Proxy, all, hub.registry.len())
        .or_else(|| {
            let there = |limit| (limit, hub.directory.clients(|other| other.database == key.database));
            let (limit, there) = of_database.map(there)?;
            beyond(Whole::Database(key.database.clone()), limit, there)
        })
        .or_else(|| {
            let there = |limit| (limit, hub.directory.clients(|other| other.user == key.user));
            let (limit, there) = of_user.map(there)?;
            beyond(Whole::User(key.user.clone()), limit, there)
        })
}

async fn greet(session: &mut Session, startup: &Startup, secret: &[u8]) -> Result<(), Error> {
    let asked = own(session, asked(startup)?)?;
    let greeting = match session.pool.learnt.greeting(&asked) {
        Some(greeting) => greeting,
        None => ask(session, asked).await?,
    };
    session.client.params = Arc::clone(&greeting.params);
    let announce = session.hub.directory.config().listen.announce;
    let mode = session.mode();
    session.client.startup = Arc::clone(&greeting.params);
    let client = &mut session.client;
    let out = client.channel.queue();
    out.extend_from_slice(&greeting.report);
    if announce {
        announce::write(out, mode).map_err(Error::protocol)?;
    }
    key::write(out, client.card.pid, secret).map_err(Error::protocol)?;
    ready::write(out, TxStatus::Idle);
    Ok(())
}

/// Settings of the start-up message: `options` first, so that what is given by name wins, as in PostgreSQL.
fn asked(startup: &Startup) -> Result<Asked, Error> {
    let mut asked = match startup.get("options") {
        Some(text) => options::parse(text).map_err(Error::protocol)?,
        None => Vec::new(),
    };
    let named = startup.params.iter().filter(|(name, _)| !NOT_SETTINGS.contains(&name.as_str()));
    asked.extend(named.cloned());
    Ok(asked)
}

/// Takes out what is pgweir's own, where there are several servers.
fn own(session: &mut Session, mut asked: Asked) -> Result<Asked, Error> {
    let Some(split) = &mut session.split else { return Ok(asked) };
    for (name, value) in asked.extract_if(.., |(name, _)| Name::of(name).is_some()) {
        if let Some(name) = Name::of(&name) {
            steps::own::set(split, name, Some(&value))?;
        }
    }
    split.startup = split.wishes;
    Ok(asked)
}

/// Has a server take the settings, and reads what it made of them.
async fn ask(session: &mut Session, asked: Asked) -> Result<Arc<Greeting>, Error> {
    let began = Began(Instant::now());
    let mut checkout = steps::pool::borrow(session, began).await?;
    let Some(welcome) = session.pool.learnt.welcome() else {
        return Err(Error::Pool(pool::Error::Retired));
    };
    let mut want = Params::clone(&welcome.base);
    for (name, value) in &asked {
        want.put(name, value);
    }
    let (patience, want) = (session.pool.settings().acquire_timeout(), Arc::new(want));
    if let Some(sql) = in_force::change(&mut checkout, session.client.card.id, &want) {
        in_force::put(&mut checkout, &sql, &want, patience).await?;
    }
    let settings = Arc::clone(&checkout.server().params);
    Ok(session.pool.learnt.learn(asked, &welcome, settings))
}
