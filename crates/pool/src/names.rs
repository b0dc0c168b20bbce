//! Names of servers that have other addresses than they had: connections to the old ones are not kept.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use config::Host;
use net::Peer;

use crate::directory::Directory;
use crate::pool::Pool;

impl Directory {
    /// The names by which pools reach their servers, and those of servers that are watched; addresses are none.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        let (pools, config) = (self.all(), self.config());
        let watched = config.databases.iter().filter(|entry| entry.servers.len() > 1);
        let watched = watched.flat_map(|entry| entry.servers.iter().map(|server| &server.host));
        let names = pools.iter().map(|pool| &pool.target.host).chain(watched).filter_map(|host| match host {
            Host::Tcp(name) => name.parse::<IpAddr>().is_err().then(|| name.clone()),
            Host::Unix(_) => None,
        });
        names.collect()
    }

    /// A name has these addresses now: connections by it to any other are closed as soon as they are free. How many
    /// that are.
    pub fn moved(&self, name: &str, addresses: &[IpAddr]) -> usize {
        self.shared().addresses.set(name, addresses);
        let mut pools = self.all();
        pools.retain(|pool| matches!(&pool.target.host, Host::Tcp(own) if own == name));
        pools.iter().map(|pool| pool.leave_all_but(addresses)).sum()
    }
}

/// What names were found to stand for when they were last looked up.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    known: Mutex<HashMap<String, Vec<IpAddr>>>,
}

impl Addresses {
    fn set(&self, name: &str, addresses: &[IpAddr]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name.to_owned(), addresses.to_vec());
    }

    /// Whether a server at this address is not to be found by the name any more.
    pub(crate) fn have_left(&self, host: &Host, peer: Peer) -> bool {
        let (Host::Tcp(name), Peer::Tcp(address)) = (host, peer) else { return false };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).is_some_and(|addresses| !is_among(addresses, address.ip()))
    }
}

fn is_among(addresses: &[IpAddr], ip: IpAddr) -> bool {
    addresses.iter().any(|address| address.to_canonical() == ip.to_canonical())
}

impl Pool {
    fn leave_all_but(self: &Arc<Self>, addresses: &[IpAddr]) -> usize {
        let stays = |ip: IpAddr| is_among(addresses, ip);
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
