//! Servers, instances, and what the instances have in common, kept as the real one is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use config::Config;

use super::super::*;
use crate::Cluster;
use crate::probe::Failure;

/// So long a vote counts.
pub(super) const AGE: Duration = Duration::from_secs(3);
/// So long the lock is kept by one that does not renew it.
const TTL: Duration = Duration::from_secs(5);

pub(super) struct Server {
    pub(super) alive: bool,
    pub(super) primary: bool,
    pub(super) timeline: u32,
    pub(super) position: u64,
}

/// An order on its way.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) server: usize,
    pub(super) timeline: u32,
}

pub(super) struct Instance {
    cluster: Cluster,
    promotion: Promotion,
    /// Which one of those with its name it is.
    token: u32,
    /// When what is kept in common began, and what was claimed then.
    known: Option<(Duration, Option<(u32, Written)>)>,
    pub(super) cut: BTreeSet<usize>,
    pub(super) alone: bool,
    pub(super) order: Option<Order>,
    /// When it had an answer of which server; what each replica has told last.
    contacts: Vec<(Duration, usize)>,
    told: BTreeMap<usize, (u32, u64)>,
}

/// A claim: the server, who has claimed it, and how many there were of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    server: usize,
    holder: (usize, u32),
    tries: u32,
}

/// What all instances have in common.
#[derive(Default)]
pub(super) struct Kept {
    born: Option<Duration>,
    timeline: u32,
    primary: Option<usize>,
    position: u64,
    seen: BTreeMap<usize, Duration>,
    lost: BTreeMap<(u32, usize), Duration>,
    lock: Option<((usize, u32), Duration)>,
    claims: BTreeMap<u32, Written>,
}

pub(super) struct World {
    pub(super) now: Duration,
    pub(super) terms: Terms,
    pub(super) servers: Vec<Server>,
    pub(super) instances: Vec<Instance>,
    pub(super) kept: Kept,
    /// Which servers were promoted, from which timeline.
    pub(super) promoted: Vec<(u32, usize)>,
    tokens: u32,
}

fn cluster(servers: usize) -> Cluster {
    let mut file =
        "[listen]\naddress = \"127.0.0.1:1\"\n[auth]\nmethod = \"trust\"\n[[database]]\nname = \"app\"\n"
            .to_owned();
    for at in 0..servers {
        file.push_str(&format!("[[database.server]]\nhost = \"s{at}\"\n"));
    }
    let config = Config::parse(&file, Path::new("a.toml"), &|_| None).unwrap();
    let mut cluster = Cluster::new(&config.databases[0], &config.servers);
    cluster.await_memory();
    cluster
}

impl World {
    pub(super) fn new(instances: usize, servers: usize, terms: Terms) -> Self {
        let server = |at| Server { alive: true, primary: at == 0, timeline: 1, position: 1_000 };
        let mut world = Self {
            now: Duration::from_secs(1_000),
            terms,
            servers: (0..servers).map(server).collect(),
            instances: Vec::new(),
            kept: Kept::default(),
            promoted: Vec::new(),
            tokens: 0,
        };
        for _ in 0..instances {
            let new = world.instance();
            world.instances.push(new);
        }
        world
    }

    fn instance(&mut self) -> Instance {
        self.tokens += 1;
        Instance {
            cluster: cluster(self.servers.len()),
            promotion: Promotion::default(),
            token: self.tokens,
            known: None,
            cut: BTreeSet::new(),
            alone: false,
            order: None,
            contacts: Vec::new(),
            told: BTreeMap::new(),
        }
    }

    /// It begins anew; what it had sent may still arrive.
    pub(super) fn restart(&mut self, at: usize) {
        let new = self.instance();
        let old = &mut self.instances[at];
        let (cut, contacts) = (std::mem::take(&mut old.cut), std::mem::take(&mut old.contacts));
        *old = Instance { cut, contacts, alone: old.alone, order: old.order, ..new };
    }

    /// Asks all servers.
    pub(super) fn probe(&mut self, at: usize) {
        let Instance { cluster, cut, contacts, told, .. } = &mut self.instances[at];
        for (server, it) in self.servers.iter().enumerate() {
            if !it.alive || cut.contains(&server) {
                told.remove(&server);
                cluster.report(server, self.now, Err(Failure::Connect));
                continue;
            }
            contacts.push((self.now, server));
            told.insert(server, (it.timeline, it.position));
            if it.primary {
                told.remove(&server);
            }
            let position = Some(Lsn(it.position));
            let report = Report {
                in_recovery: !it.primary,
                system: Some(1),
                timeline: Some(it.timeline),
                position,
                received: position.filter(|_| !it.primary),
                starved: false,
                receiving: !it.primary,
                took: Duration::ZERO,
            };
            cluster.report(server, self.now, Ok(report));
        }
    }

    /// One round of an instance: speak, decide, act.
    pub(super) fn round(&mut self, at: usize) -> Option<Act> {
        let common = self.speak(at);
        let now = self.now;
        let Instance { cluster, promotion, alone, order, .. } = &mut self.instances[at];
        let sight = cluster.sight();
        if order.is_some() {
            return None;
        }
        let act = promotion.decide(&self.terms, &sight, common, now);
        let alone = *alone;
        match act {
            Act::Rest(_) => {}
            Act::Lock if !alone => self.lock(at),
            Act::Claim(server) if !alone => self.claim(at, sight.timeline, server),
            Act::Order(server) => {
                self.instances[at].order = Some(Order { server, timeline: sight.timeline });
                self.instances[at].promotion.ordered(&self.terms, sight.timeline, false);
            }
            Act::Ask => self.probe(at),
            Act::Lock | Act::Claim(_) => {}
        }
        Some(act)
    }

    /// An order arrives. A server that is no replica any more does nothing, and neither does one that cannot be reached.
    pub(super) fn land(&mut self, at: usize, refused: bool) {
        let Some(order) = self.instances[at].order.take() else { return };
        if refused {
            self.withdraw(at, order.timeline);
            return;
        }
        let cut = self.instances[at].cut.contains(&order.server);
        let server = &mut self.servers[order.server];
        if server.alive && !server.primary && !cut {
            self.promoted.push((server.timeline, order.server));
            server.primary = true;
            server.timeline += 1;
        }
    }

    fn speak(&mut self, at: usize) -> Option<Common> {
        let now = self.now;
        let Instance { cluster, promotion, token, known, alone, .. } = &mut self.instances[at];
        let sight = cluster.sight();
        if *alone {
            return None;
        }
        let (kept, me) = (&mut self.kept, (at, *token));
        let born = *kept.born.get_or_insert(now);
        let timeline = sight.timeline;
        // what was claimed before all was lost is written down again
        if let Some((then, Some((of, written)))) = *known
            && then != born
        {
            kept.claims.entry(of).or_insert(written);
        }
        let (position, claimant) = (sight.position.map_or(0, |at| at.0), sight.primary);
        if timeline > kept.timeline {
            (kept.timeline, kept.position, kept.primary) = (timeline, position, claimant);
        } else if timeline == kept.timeline {
            kept.position = kept.position.max(position);
        }
        kept.seen.insert(at, now);
        kept.lost.remove(&(timeline, at));
        if Promotion::votes(&self.terms, &sight, now) {
            kept.lost.insert((timeline, at), now);
        }
        kept.seen.retain(|_, spoke| *spoke + AGE > now);
        kept.lost.retain(|_, spoke| *spoke + AGE > now);
        kept.lock = kept.lock.filter(|(_, until)| *until > now);
        if let Some((holder, until)) = &mut kept.lock
            && *holder == me
            && promotion.keeps_lock()
        {
            *until = now + TTL;
        }
        let claim = kept.claims.get(&timeline).copied();
        *known = Some((born, claim.map(|claim| (timeline, claim))));
        if kept.timeline >= timeline {
            cluster.remember(kept.timeline, kept.primary);
        }
        let lost = kept.lost.keys().filter(|(of, _)| *of == timeline).count();
        Some(Common {
            asked: now,
            timeline: kept.timeline,
            position: Some(Lsn(kept.position)).filter(|_| kept.position > 0 && kept.timeline == timeline),
            seen: u32::try_from(kept.seen.len()).unwrap(),
            lost: u32::try_from(lost).unwrap(),
            age: now - born,
            lock: match kept.lock {
                None => Lock::Free,
                Some((holder, _)) if holder == me => Lock::Ours,
                Some(_) => Lock::Theirs,
            },
            claim: claim.map(|claim| Claim { server: Some(claim.server), ours: claim.holder == me }),
        })
    }

    fn lock(&mut self, at: usize) {
        let me = (at, self.instances[at].token);
        let until = self.now + TTL;
        self.kept.lock = self.kept.lock.filter(|(_, until)| *until > self.now).or(Some((me, until)));
    }

    fn claim(&mut self, at: usize, timeline: u32, server: usize) {
        let me = (at, self.instances[at].token);
        let kept = &mut self.kept;
        let ours = kept.lock.is_some_and(|(holder, until)| holder == me && until > self.now);
        let lost =
            kept.lost.iter().filter(|((of, _), spoke)| *of == timeline && **spoke + AGE > self.now).count();
        let of = kept.seen.len().max(usize::try_from(self.terms.instances).unwrap());
        if !ours || kept.timeline != timeline || lost * 2 <= of {
            return;
        }
        match kept.claims.get_mut(&timeline) {
            None => {
                let written = Written { server, holder: me, tries: 1 };
                kept.claims.insert(timeline, written);
                self.check_claim(at, timeline, server);
            }
            Some(written) if written.server == server && written.holder != me => {
                written.holder = me;
                written.tries += 1;
            }
            Some(_) => {}
        }
    }

    /// Nothing has happened, for certain.
    fn withdraw(&mut self, at: usize, timeline: u32) {
        let me = (at, self.instances[at].token);
        if self.instances[at].alone {
            return;
        }
        if self.kept.claims.get(&timeline).is_some_and(|claim| claim.holder == me && claim.tries == 1) {
            self.kept.claims.remove(&timeline);
        }
    }

    /// The promise: most instances have had nothing from the primary for the time-out, and no replica that has answered
    /// this instance last has more.
    fn check_claim(&self, at: usize, timeline: u32, server: usize) {
        let primary = self.kept.primary.expect("it is remembered");
        let misses = |instance: &Instance| {
            let last = instance.contacts.iter().filter(|(when, of)| *of == primary && *when + AGE < self.now);
            last.map(|(when, _)| *when).max().is_none_or(|last| last + self.terms.timeout <= self.now)
        };
        let missing = self.instances.iter().filter(|instance| misses(instance)).count();
        assert!(missing * 2 > self.instances.len(), "{missing} of {} miss the primary", self.instances.len());
        let told = &self.instances[at].told;
        let (_, has) = told[&server];
        let most = told.values().filter(|(of, _)| *of == timeline).map(|(_, has)| *has).max();
        assert_eq!(Some(has), most, "another one has more");
    }
}
