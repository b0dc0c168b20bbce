//! What the instances of pgweir have in common, kept in a Redis.
//!
//! | key, after `pgweir:{system identifier}:` | what is in it |
//! |---|---|
//! | `reign` | the highest timeline of a primary, that primary's address and how far it had come, and since when this is kept |
//! | `seen:ENTRY` | who has spoken when |
//! | `lost:ENTRY:TIMELINE` | who misses the primary of that timeline, and when that was said |
//! | `lock` | who is at it |
//! | `claim:TIMELINE` | the server that follows that timeline, who has written that down, and how many there were of these |
//!
//! Only Redis' own clock counts. `reign` and `claim` are kept for good: they are what makes that nothing happens twice.
//! An instance that remembers a claim writes it down again where all is gone.

use std::time::Duration;

use cache::remote::{Error, Place, Redis};
use config::{Database, FailoverLock};
use route::promotion::{Claim, Common, Lock, Sight};
use wire::lsn::Lsn;

/// A vote counts for so long; less than the shortest `failover.timeout`, so that an instance that begins anew has none
/// left over.
const AGE: Duration = Duration::from_secs(3);
/// The lock is kept for so long after its holder was heard of last.
const TTL: Duration = Duration::from_secs(5);

/// Says what this instance sees, and asks for what all have said.
const SPEAK: &str = include_str!("speak.lua");
/// Takes the lock if nobody has it.
const TAKE: &str = "redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) return {}";
/// Writes a claim down.
const CLAIM: &str = include_str!("claim.lua");
/// Takes one's own claim back, if nobody else has gone on with it.
const WITHDRAW: &str = "local c = redis.call('HMGET', KEYS[3], 'holder', 'tries') \
    if c[1] == ARGV[1] and c[2] == '1' then redis.call('DEL', KEYS[3]) end return {}";

/// This instance's end of what all have in common.
pub(super) struct Shared {
    redis: Redis,
    entry: String,
    servers: Vec<String>,
    /// What the instance is called, and which of those with its name it is.
    name: String,
    token: String,
    /// Since when it is kept, and what was claimed for which timeline.
    known: Option<(String, Option<Written>)>,
}

/// A claim, as it stands in Redis.
#[derive(Clone, Debug)]
struct Written {
    timeline: u32,
    server: String,
    holder: String,
    tries: String,
}

/// What was learnt.
pub(super) struct Heard {
    pub(super) common: Common,
    /// The primary of the highest timeline, if it is one of these servers.
    pub(super) primary: Option<usize>,
}

impl Shared {
    pub(super) fn new(lock: &FailoverLock, entry: &Database, name: String, token: String) -> Self {
        let redis = Redis::new(Place::from(lock));
        let servers = entry.servers.iter().map(|server| format!("{}:{}", server.host, server.port)).collect();
        Self { redis, entry: entry.name.clone(), servers, name, token, known: None }
    }

    /// Whether this is where the configuration has it.
    pub(super) fn is_at(&self, lock: &FailoverLock, name: &str) -> bool {
        *self.redis.place() == Place::from(lock) && self.name == name
    }

    /// Says what this instance sees. None if it does not know which cluster it watches.
    pub(super) async fn speak(
        &mut self,
        sight: &Sight,
        votes: bool,
        keeps: bool,
        now: Duration,
    ) -> Result<Option<Heard>, Error> {
        let Some(keys) = self.keys(sight) else { return Ok(None) };
        let primary = sight.primary.and_then(|at| self.servers.get(at)).cloned().unwrap_or_default();
        let (born, claim) = self.known.clone().unwrap_or_default();
        let claim = claim.filter(|claim| claim.timeline == sight.timeline);
        let [server, holder, tries] =
            claim.map_or_else(Default::default, |claim| [claim.server, claim.holder, claim.tries]);
        let arguments = [
            self.name.clone(),
            self.token.clone(),
            sight.timeline.to_string(),
            u8::from(votes).to_string(),
            u8::from(keeps).to_string(),
            primary,
            sight.position.map(|at| format!("{:016x}", at.0)).unwrap_or_default(),
            AGE.as_millis().to_string(),
            TTL.as_millis().to_string(),
            born,
            server,
            holder,
            tries,
        ];
        let answer = self.redis.eval(SPEAK, &keys, &arguments).await?;
        self.heard(sight, &answer, now)
            .ok_or_else(|| Error::Refused("its answer makes no sense".to_owned()))
            .map(Some)
    }

    pub(super) async fn take(&mut self, sight: &Sight) -> Result<(), Error> {
        let ttl = TTL.as_millis().to_string();
        self.run(sight, TAKE, &[self.token.clone(), ttl]).await.map(drop)
    }

    /// Writes down that this server follows the timeline.
    pub(super) async fn claim(&mut self, sight: &Sight, server: usize, instances: u32) -> Result<(), Error> {
        let server = self.servers.get(server).cloned().unwrap_or_default();
        let arguments = [
            self.token.clone(),
            sight.timeline.to_string(),
            server,
            instances.to_string(),
            AGE.as_millis().to_string(),
        ];
        let answer = self.run(sight, CLAIM, &arguments).await?;
        match answer.first().map(String::as_str) {
            Some("claimed") => Ok(()),
            other => Err(Error::Refused(other.unwrap_or("no answer").to_owned())),
        }
    }

    pub(super) async fn withdraw(&mut self, sight: &Sight) -> Result<(), Error> {
        // nothing is to be written down again
        if let Some((_, claim)) = &mut self.known {
            *claim = None;
        }
        let token = [self.token.clone()];
        self.run(sight, WITHDRAW, &token).await.map(drop)
    }

    async fn run(&mut self, sight: &Sight, script: &str, arguments: &[String]) -> Result<Vec<String>, Error> {
        let Some(keys) = self.keys(sight) else { return Ok(Vec::new()) };
        self.redis.eval(script, &keys, arguments).await
    }

    fn keys(&self, sight: &Sight) -> Option<[String; 5]> {
        let (system, timeline, entry) = (sight.system?, sight.timeline, &self.entry);
        let key = |rest: String| format!("pgweir:{{{system}}}:{rest}");
        Some([
            key("reign".to_owned()),
            key("lock".to_owned()),
            key(format!("claim:{timeline}")),
            key(format!("seen:{entry}")),
            key(format!("lost:{entry}:{timeline}")),
        ])
    }

    fn heard(&mut self, sight: &Sight, answer: &[String], now: Duration) -> Option<Heard> {
        let [born, age, timeline, primary, position, seen, lost, lock, server, holder, tries] = answer else {
            return None;
        };
        let at = |address: &String| self.servers.iter().position(|server| server == address);
        let timeline: u32 = timeline.parse().ok()?;
        let position = u64::from_str_radix(position, 16).ok().map(Lsn);
        let common = Common {
            asked: now,
            timeline,
            position: position.filter(|_| timeline == sight.timeline),
            seen: seen.parse().ok()?,
            lost: lost.parse().ok()?,
            age: Duration::from_millis(age.parse().ok()?),
            lock: match lock.as_str() {
                "" => Lock::Free,
                lock if lock == self.token => Lock::Ours,
                _ => Lock::Theirs,
            },
            claim: (!server.is_empty()).then(|| Claim { server: at(server), ours: *holder == self.token }),
        };
        let primary = at(primary);
        let written = |server: &String| Written {
            timeline: sight.timeline,
            server: server.clone(),
            holder: holder.clone(),
            tries: tries.clone(),
        };
        self.known = Some((born.clone(), Some(server).filter(|server| !server.is_empty()).map(written)));
        Some(Heard { common, primary })
    }
}
