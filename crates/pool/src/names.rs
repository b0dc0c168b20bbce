//! Names of servers that have other addresses than they had: connections to the old ones are not kept.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use config::Host;
use net::Peer;

use crate::directory::Directory;
use crate::pool::Pool;

impl Directory {
    /// The names by which pools reach their servers; addresses are none.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        let pools = self.all();
        let names = pools.iter().filter_map(|pool| match &pool.target.host {
            Host::Tcp(name) => name.parse::<IpAddr>().is_err().then(|| name.clone()),
            Host::Unix(_) => None,
        });
        names.collect()
    }

    /// A name has these addresses now: connections by it to any other are closed as soon as they are free. How many
    /// that are.
    pub fn moved(&self, name: &str, addresses: &[IpAddr]) -> usize {
        let mut pools = self.all();
        pools.retain(|pool| matches!(&pool.target.host, Host::Tcp(own) if own == name));
        pools.iter().map(|pool| pool.leave_all_but(addresses)).sum()
    }
}

impl Pool {
    fn leave_all_but(self: &Arc<Self>, addresses: &[IpAddr]) -> usize {
        let stays = |ip: IpAddr| addresses.iter().any(|address| address.to_canonical() == ip.to_canonical());
        let (mut leaving, mut listening) = (0, false);
        for card in self.roster() {
            let gone = matches!(card.ends.0, Peer::Tcp(address) if !stays(address.ip()));
            if gone && !card.leaving.swap(true, Ordering::Relaxed) {
                leaving += 1;
                listening |= card.is_listening();
            }
        }
        if leaving > 0 {
            self.sweep(Instant::now());
        }
        if listening {
            self.shared.exchange.renew(self);
        }
        leaving
    }
}
