//! Looks names of servers up again now and then: where one has moved, its old connections are not kept.

use std::sync::Arc;
use std::time::Duration;

use net::Phase;
use session::Hub;
use tokio::time::{Instant, sleep};

/// How long a lookup may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether the interval is another one now.
const LOOK: Duration = Duration::from_secs(1);

/// Runs until the program stops.
pub(crate) async fn follow(hub: Arc<Hub>) {
    let mut last = Instant::now();
    while hub.shutdown.phase() != Phase::Fast {
        let interval = hub.directory.config().servers.failover.resolve_interval;
        sleep(if interval.is_zero() { LOOK } else { interval.min(LOOK) }).await;
        if !interval.is_zero() && last.elapsed() >= interval {
            last = Instant::now();
            look(&hub).await;
        }
    }
}

async fn look(hub: &Hub) {
    for name in hub.directory.names() {
        match net::resolve(&name, PATIENCE).await {
            // a name without an address is a resolver in trouble more often than a server that is gone
            Ok(addresses) if addresses.is_empty() => {}
            Ok(addresses) => {
                let leaving = hub.directory.moved(&name, &addresses);
                if leaving > 0 {
                    tracing::info!(
                        leaving,
                        "{name} has other addresses now: connections to the old ones are closed"
                    );
                }
            }
            Err(error) => tracing::debug!("{name} could not be looked up, what is open stays: {error}"),
        }
    }
}
