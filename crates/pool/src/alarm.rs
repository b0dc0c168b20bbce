//! Who is told when something speaks against a server: a connection that cannot be had or is lost, a primary that
//! says it is none. It is a reason to ask the server at once, and nothing more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use config::{Host, Server};
use tokio::sync::Notify;

/// Rings when something speaks against one of the servers it was made for.
#[derive(Debug, Default)]
pub struct Alarm {
    rung: Notify,
}

impl Alarm {
    /// Waits until it rings; at once if it has since the last time. However often it has rung meanwhile, it is once.
    ///
    /// # Cancel safety
    /// A ring that was not waited for to its end stays.
    pub async fn rung(&self) {
        self.rung.notified().await;
    }
}

/// Those of each server, by where it is.
type Known = HashMap<(Host, u16), Vec<Weak<Alarm>>>;

/// All alarms, by the servers that they are for. It keeps none alive.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    known: Mutex<Known>,
}

impl Alarms {
    /// One more, for these servers.
    pub(crate) fn add(&self, servers: &[Server]) -> Arc<Alarm> {
        let alarm = Arc::new(Alarm::default());
        let mut known = self.known();
        known.retain(|_, alarms| {
            alarms.retain(|alarm| alarm.strong_count() > 0);
            !alarms.is_empty()
        });
        for server in servers {
            known.entry((server.host.clone(), server.port)).or_default().push(Arc::downgrade(&alarm));
        }
        alarm
    }

    /// Something speaks against this server. Costs next to nothing where nobody watches any.
    pub(crate) fn ring(&self, host: &Host, port: u16) {
        let known = self.known();
        if known.is_empty() {
            return;
        }
        let alarms = known.get(&(host.clone(), port)).into_iter().flatten();
        alarms.filter_map(Weak::upgrade).for_each(|alarm| alarm.rung.notify_one());
    }

    /// What it guards is whole between any two statements.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use config::Role;

    use super::*;

    fn server(host: &str) -> Server {
        let host = Host::Tcp(host.to_owned());
        Server {
            host,
            port: 5432,
            role: Role::Auto,
            name: None,
            weight: 1,
            zone: None,
            node_exporter: None,
            patroni: None,
        }
    }

    fn has_rung(alarm: &Alarm) -> bool {
        pin!(alarm.rung()).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn an_alarm_rings_for_its_own_servers_and_once_for_many() {
        let alarms = Alarms::default();
        let (ab, bc) = (alarms.add(&[server("a"), server("b")]), alarms.add(&[server("b"), server("c")]));
        let ring = |host: &str, port| alarms.ring(&Host::Tcp(host.to_owned()), port);
        ring("a", 5433);
        ring("d", 5432);
        assert!(!has_rung(&ab) && !has_rung(&bc));
        ring("a", 5432);
        ring("a", 5432);
        assert!(has_rung(&ab) && !has_rung(&ab) && !has_rung(&bc));
        ring("b", 5432);
        assert!(has_rung(&ab) && has_rung(&bc));
        drop(ab);
        let _other = alarms.add(&[]);
        assert_eq!(alarms.known().len(), 2, "what nobody waits for is forgotten");
    }
}
