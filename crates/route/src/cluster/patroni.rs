//! What Patroni says, where it looks after the servers.

use super::{Cluster, News};
use crate::patroni::{self, Mate, Opinion, Post, Vote};

impl Cluster {
    /// What a server's own member of Patroni has answered, or that it does not, and what that changes.
    pub fn patroni(&mut self, at: usize, opinion: Option<Opinion>) -> Vec<News> {
        let mut news = Vec::new();
        let Some(server) = self.servers.get_mut(at) else { return news };
        if server.aside.patroni.opinion == opinion {
            return news;
        }
        server.aside.patroni.hear(opinion);
        for at in 0..self.servers.len() {
            let listed = self.mate(at).is_none_or(|mate| !mate.no_load_balance);
            if let Some(server) = self.servers.get_mut(at) {
                server.is_listed(listed);
            }
        }
        // before servers have said what they are, it is worth nothing
        if self.looked {
            self.look(&mut news);
        }
        news
    }

    /// What Patroni says of a server.
    #[must_use]
    pub fn mate(&self, at: usize) -> Option<&Mate> {
        patroni::mate(&self.posts(), at)
    }

    pub(super) fn votes(&self) -> Vec<Vote> {
        patroni::votes(&self.posts())
    }

    fn posts(&self) -> Vec<&Post> {
        self.servers.iter().map(|server| &server.aside.patroni).collect()
    }
}
