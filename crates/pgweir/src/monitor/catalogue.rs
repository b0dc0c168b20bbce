//! Reads the catalogue of each database that clients use, so that it is known what the names in their texts mean.
//!
//! | it is | when |
//! |---|---|
//! | looked at, and read again if its print is another one | every `route.catalog_interval` |
//! | the same, at once | something was defined through us, and its transaction is over |
//! | read again, at once | another server is the primary; `route.harmless_functions` is another list |
//! | not read, and nothing is known | `route.catalog_interval` is 0 |
//!
//! Where it could not be looked at after something was defined, or for [`STALE`] intervals, nothing is known any more:
//! functions are strangers, and what a view hides a replica refuses. Each look is a connection of its own, to the primary.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use classify::Catalogue;
use config::Database;
use pool::catalogue_rows::{self, Found, Row};
use pool::definitions::{Definitions, Mark};
use session::meanings::{Meanings, Names};
use telemetry::Event;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::catalogue_words;
use super::watched::{Course, Watched};

/// So many databases of one `[[database]]` are looked at at a time.
const AT_ONCE: usize = 4;
/// While there is nobody to log in as, or no primary, that is looked for this often.
const NOBODY: Duration = Duration::from_millis(100);
/// After a failure: this, then twice that and so on up to the interval.
const AGAIN: Duration = Duration::from_secs(1);
/// However much is defined, it is not looked at again sooner than this, or than the last look took, after that.
const SOONEST: Duration = Duration::from_millis(20);
/// What was read counts for so many intervals without a look at it.
const STALE: u32 = 4;

/// Follows the catalogues of all databases behind this entry until its task is ended.
pub(super) async fn follow(watched: Arc<Watched>) {
    let (hub, entry) = (Arc::clone(watched.hub()), Arc::clone(&watched.entry));
    if entry.name != "*" {
        // clients will come for it
        let dbname = entry.dbname.as_ref().unwrap_or(&entry.name);
        let _kept = hub.meanings.of(&entry.name, dbname, &entry.name);
    }
    let (mut readers, mut followed) = (JoinSet::new(), HashSet::new());
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let mut added = pin!(hub.meanings.added());
        added.as_mut().enable();
        for meanings in hub.meanings.of_entry(&entry.name) {
            if followed.insert(meanings.dbname.clone()) {
                let reader = Reader::new(&watched, &meanings, &turns);
                readers.spawn(reader.run());
            }
        }
        tokio::select! {
            () = added => {}
            Some(Ok(dbname)) = readers.join_next() => drop(followed.remove(&dbname)),
        }
    }
}

/// Follows the catalogue of one database.
struct Reader {
    watched: Arc<Watched>,
    /// Not kept for its sake.
    meanings: Weak<Meanings>,
    definitions: Arc<Definitions>,
    dbname: String,
    turns: Arc<Semaphore>,
    course: watch::Receiver<Course>,
    /// What was read, if anything is known.
    known: Option<Known>,
    /// Whose turn it is to log in.
    turn: usize,
    /// Looks that have failed one after the other.
    failures: u32,
    hasher: RandomState,
}

struct Known {
    print: Bytes,
    /// Of all rows, in whatever order.
    sum: u64,
    server: usize,
    harmless: Vec<String>,
    looked: Instant,
}

/// Until when nothing is to be done.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// For so long, or until something is defined.
    Look(Duration),
    /// For so long.
    Wait(Duration),
    /// Until the configuration changes.
    Rest,
}

impl Reader {
    fn new(watched: &Arc<Watched>, meanings: &Arc<Meanings>, turns: &Arc<Semaphore>) -> Self {
        Self {
            watched: Arc::clone(watched),
            meanings: Arc::downgrade(meanings),
            definitions: Arc::clone(&meanings.definitions),
            dbname: meanings.dbname.clone(),
            turns: Arc::clone(turns),
            course: watched.course.subscribe(),
            known: None,
            turn: 0,
            failures: 0,
            hasher: RandomState::new(),
        }
    }

    /// Until nobody uses the database any more; its name.
    async fn run(mut self) -> String {
        if let Some(meanings) = self.meanings.upgrade() {
            // what was read of other servers
            self.forget(&meanings, None);
        }
        while let Some(meanings) = self.meanings.upgrade() {
            let begun = Instant::now();
            let seen = *self.course.borrow_and_update();
            let next = self.step(&meanings, &seen).await;
            drop(meanings);
            self.pause(next, seen, begun.elapsed()).await;
        }
        self.dbname
    }

    /// One look, if there is to be one.
    async fn step(&mut self, meanings: &Arc<Meanings>, seen: &Course) -> Next {
        let config = self.watched.config();
        let names = &config.servers.route.names;
        if names.catalog_interval.is_zero() {
            self.forget(meanings, None);
            return Next::Rest;
        }
        let Some(server) = seen.primary else { return Next::Wait(NOBODY) };
        let directory = &self.watched.hub().directory;
        // the servers are the same, or this had ended; how to log in may be new
        let ours = |entry: &&Arc<Database>| entry.name == self.watched.entry.name;
        let Some(entry) = config.databases.iter().find(ours) else { return Next::Rest };
        let target = match directory.reader(entry, &meanings.asked, server, self.turn) {
            Ok(Some(target)) if target.dbname == self.dbname => target,
            // nobody will come for this one any more
            Ok(Some(_)) => return Next::Rest,
            Ok(None) => return Next::Wait(NOBODY),
            Err(why) => return self.failed(meanings, why.to_string(), names.catalog_interval),
        };
        let same = |known: &&Known| known.server == server && known.harmless == names.harmless_functions;
        let print = self.known.as_ref().filter(same).map(|known| known.print.clone());
        let Ok(_turn) = Arc::clone(&self.turns).acquire_owned().await else { return Next::Rest };
        // what is defined from here on may be missing
        let mark = self.definitions.mark();
        let found = catalogue_rows::look(&target, directory.shared(), print.as_ref()).await;
        if self.watched.course.borrow().primary != Some(server) {
            return Next::Wait(Duration::ZERO);
        }
        let why = match found {
            Ok(Found::Same) => {
                self.watched.hub().events.count(Event::CatalogueSame);
                self.looked(meanings, mark);
                return Next::Look(names.catalog_interval);
            }
            Ok(Found::Rows(found, print)) => {
                let harmless = names.harmless_functions.clone();
                let looked = Instant::now();
                if self.adopt(meanings, found, Known { print, sum: 0, server, harmless, looked }).await {
                    self.looked(meanings, mark);
                    return Next::Look(names.catalog_interval);
                }
                "what was read of it cannot be taken in".to_owned()
            }
            Ok(Found::TooMuch) => "there is more in it than is read".to_owned(),
            Err(error) => {
                self.turn += usize::from(error.is_final());
                error.to_string()
            }
        };
        self.failed(meanings, why, names.catalog_interval)
    }

    /// It is as it was read.
    fn looked(&mut self, meanings: &Meanings, mark: Mark) {
        let now = Instant::now();
        if let Some(known) = &mut self.known {
            known.looked = now;
        }
        let mut told = meanings.told();
        (told.looked, told.why) = (Some(now), None);
        self.failures = 0;
        self.definitions.seen(mark);
    }

    /// From now on it is what was read; false: that did not go well.
    async fn adopt(&mut self, meanings: &Arc<Meanings>, found: Vec<Row>, new: Known) -> bool {
        self.watched.hub().events.count(Event::CatalogueRead);
        let sum = found.iter().fold(0, |sum: u64, row| sum.wrapping_add(self.hasher.hash_one(row)));
        let is_it = |known: &Known| known.sum == sum && known.harmless == new.harmless;
        // tables were emptied, or made and dropped
        let same = self.known.as_ref().is_some_and(is_it);
        if !same {
            let (of, harmless) = (Arc::clone(meanings), new.harmless.clone());
            let first = meanings.told().read.is_none();
            // what was defined since the mark counts from the moment on at which it is adopted
            self.definitions.follow(true);
            // of many functions that takes a while
            let made = tokio::task::spawn_blocking(move || {
                let rows = catalogue_words::rows(found);
                let catalogue = Catalogue::of(&rows, &harmless);
                let names = catalogue_words::count(&rows, &catalogue);
                of.adopt(catalogue, names);
                names
            });
            let Ok(names) = made.await else { return false };
            tell(meanings, names, first);
        }
        self.known = Some(Known { sum, ..new });
        true
    }

    /// It could not be looked at.
    fn failed(&mut self, meanings: &Meanings, why: String, interval: Duration) -> Next {
        self.watched.hub().events.count(Event::CatalogueFailed);
        if meanings.told().why.is_none() {
            let (database, dbname) = (&meanings.entry, &meanings.dbname);
            tracing::warn!(database, dbname, "the catalogue cannot be looked at: {why}");
        }
        let stale = |known: &Known| known.looked.elapsed() > interval.saturating_mul(STALE);
        if self.definitions.is_in_doubt() || self.known.as_ref().is_none_or(stale) {
            self.forget(meanings, Some(why));
        } else {
            meanings.told().why = Some(why);
        }
        let pause = AGAIN.saturating_mul(1 << self.failures.min(10)).min(interval);
        self.failures = self.failures.saturating_add(1);
        if self.known.is_some() { Next::Look(pause) } else { Next::Wait(pause) }
    }

    /// Nothing is known.
    fn forget(&mut self, meanings: &Meanings, why: Option<String>) {
        let config = self.watched.config();
        meanings.disown(&config.servers.route.names.harmless_functions, why);
        self.known = None;
    }

    async fn pause(&mut self, next: Next, seen: Course, took: Duration) {
        let (time, hears) = match next {
            Next::Look(time) => (Some(time), true),
            Next::Wait(time) => (Some(time), false),
            Next::Rest => (None, false),
        };
        let jitter = u32::from(self.watched.hub().directory.shared().jitter());
        let due = async {
            match time {
                Some(time) => sleep(time * 9 / 10 + time * jitter / 1280).await,
                None => std::future::pending().await,
            }
        };
        let course = &mut self.course;
        let turned = async {
            let other = |now: &Course| now.primary != seen.primary || now.reloads != seen.reloads;
            if course.wait_for(other).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let definitions = &self.definitions;
        let defined = async {
            if !hears {
                return std::future::pending().await;
            }
            // many come together, and it is not to do nothing else
            sleep(took.max(SOONEST)).await;
            definitions.changed().await;
        };
        tokio::select! {
            () = due => {}
            () = turned => {}
            () = defined => {}
        }
    }
}

fn tell(meanings: &Meanings, names: Names, first: bool) {
    let (database, dbname) = (&meanings.entry, &meanings.dbname);
    let Names { all, harmful, .. } = names;
    if first {
        tracing::info!(database, dbname, names = all, harmful, "the catalogue is known");
    } else {
        tracing::debug!(database, dbname, names = all, harmful, "the catalogue has changed");
    }
}
