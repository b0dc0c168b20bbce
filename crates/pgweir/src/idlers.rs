//! Clients that do nothing for longer than `pool.idle_client_timeout`, found by looking at all of them now and then:
//! an idle client has no timer, and a request leaves nothing behind for this.
//!
//! One that is found idle twice without a request in between has been idle at least since the first time. So a
//! client is never ended too early, and at most one round too late.

use std::collections::HashMap;
use std::time::Instant;

use session::card::{Doing, Order};
use session::{ClientCard, Hub};

/// Clients that were idle when they were looked at last.
#[derive(Debug, Default)]
pub(crate) struct Idlers {
    seen: HashMap<u64, Idle>,
}

/// An idle client.
#[derive(Clone, Copy, Debug)]
struct Idle {
    /// Its last request.
    requested: Option<Instant>,
    /// When it was first seen idle behind that.
    since: Instant,
}

impl Idlers {
    /// Looks at all clients, if any pool has such a limit, and tells those to go that have passed it.
    pub(crate) fn look(&mut self, hub: &Hub, now: Instant) {
        let limited = |pool: &std::sync::Arc<pool::Pool>| !pool.settings().idle_client_timeout().is_zero();
        if !hub.directory.all().iter().any(limited) {
            self.seen.clear();
            return;
        }
        let before = std::mem::take(&mut self.seen);
        for card in hub.registry.all() {
            let Some(limit) = card.pool().map(|pool| pool.settings().idle_client_timeout()) else { continue };
            if limit.is_zero() || card.doing().0 != Doing::Idle {
                continue;
            }
            let idle = idle(&card, before.get(&card.id), now);
            if now.saturating_duration_since(idle.since) >= limit {
                card.order(Order::Idle);
            }
            self.seen.insert(card.id, idle);
        }
    }
}

/// How long this client has been idle, given how it was found before.
fn idle(card: &ClientCard, before: Option<&Idle>, now: Instant) -> Idle {
    let requested = card.requested();
    match before {
        Some(before) if before.requested == requested => *before,
        Some(_) | None => Idle { requested, since: now },
    }
}
