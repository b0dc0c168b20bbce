//! What promoting goes by: which servers are there, how much each has received, and what other instances remember.

use std::time::Duration;

use config::Role;

use super::{Cluster, News};
use crate::probe::Report;
use crate::promotion::{Sight, Standing};

/// What other instances remember of the primary.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// It is waited for: until then nobody is the primary.
    awaited: bool,
    /// The primary of a timeline, if it is one of these servers.
    primary: Option<(u32, usize)>,
}

impl Memory {
    pub(super) fn is_awaited(self) -> bool {
        self.awaited
    }

    /// The same for servers in another order.
    pub(super) fn moved(self, place: impl Fn(usize) -> Option<usize>) -> Self {
        let primary = self.primary.and_then(|(timeline, old)| Some((timeline, place(old)?)));
        Self { primary, ..self }
    }
}

impl Cluster {
    /// Nobody is said to be the primary before [`Cluster::remember`] or [`Cluster::forgo`] was called.
    pub fn await_memory(&mut self) {
        self.memory.awaited = true;
    }

    /// Whether that is waited for.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.memory.awaited
    }

    /// Other instances remember a primary of this timeline, which was the server of this number, if it is one of these.
    pub fn remember(&mut self, timeline: u32, primary: Option<usize>) -> Vec<News> {
        self.memory = Memory { awaited: false, primary: primary.map(|at| (timeline, at)) };
        let mut news = Vec::new();
        if self.reign.remember(timeline) {
            // positions of different timelines are not to be compared
            self.track.clear();
            self.servers.iter_mut().for_each(|server| server.replayed = None);
            if self.looked {
                self.look(&mut news);
            }
        }
        news
    }

    /// Nobody can be asked for what others remember.
    pub fn forgo(&mut self) {
        self.memory.awaited = false;
    }

    /// What promoting goes by.
    #[must_use]
    pub fn sight(&self) -> Sight {
        let timeline = self.reign.timeline();
        let silent = |at: &usize| self.servers.get(*at).is_some_and(|server| server.report.is_none());
        let remembered = self.memory.primary.filter(|(of, at)| *of == timeline && silent(at));
        let primary = self.reign.primary().or(remembered.map(|(_, at)| at));
        let lost = primary.and_then(|at| self.servers.get(at)?.aside.lost);
        let servers: Vec<Standing> = self.servers.iter().map(standing).collect();
        let told = servers.iter().find_map(|server| server.said?.system);
        Sight {
            system: self.reign.system().or(told),
            timeline,
            primary,
            lost,
            position: self.track.latest(),
            servers,
        }
    }
}

fn standing(server: &super::Server) -> Standing {
    let said: Option<Report> = server.report.filter(|_| server.failed.is_none());
    let told = said.and_then(|said| said.timeline);
    Standing {
        asked: server.asked.unwrap_or(Duration::ZERO),
        said,
        timeline: told.max(server.aside.followed.filter(|_| told.is_some())),
        barred: server.banned || server.role == Role::Replica,
    }
}
