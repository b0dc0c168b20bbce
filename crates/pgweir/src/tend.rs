//! What has to be looked after now and then: pools, clients that do nothing, figures per period, the list of users,
//! and the files of certificates.

use std::sync::Arc;
use std::time::{Duration, Instant};

use net::Phase;
use session::Hub;

use crate::census::Census;
use crate::control::Control;
use crate::idlers::Idlers;
use crate::reload;

/// How often pools are looked after.
const POOLS: Duration = Duration::from_millis(250);
/// Certificates are looked at every so many rounds: five seconds.
const FILES: u32 = 20;
/// Clients that do nothing, and a changed list of users, are looked for every so many rounds: one second.
const SECOND: u32 = 4;

/// Runs until the program stops.
pub(crate) async fn tend(hub: Arc<Hub>, control: Arc<Control>) {
    let (mut round, mut wrong_list) = (0u32, None);
    let mut idlers = Idlers::default();
    let mut every = tokio::time::interval(POOLS);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while hub.shutdown.phase() != Phase::Fast {
        every.tick().await;
        hub.directory.tend(0);
        control.desk.balance(Instant::now());
        if control.ledger.is_due() {
            control.ledger.roll(&Census::take(&hub).totals());
        }
        round = round.wrapping_add(1);
        if round.is_multiple_of(SECOND) {
            idlers.look(&hub, Instant::now());
            reload::relist(&control, &mut wrong_list).await;
        }
        if round.is_multiple_of(FILES) {
            let hub = Arc::clone(&hub);
            // reads files: not on a worker
            let _done = tokio::task::spawn_blocking(move || refresh(&hub)).await;
        }
    }
}

fn refresh(hub: &Hub) {
    if hub.acceptor.changed() {
        match hub.acceptor.reload() {
            Ok(()) => tracing::info!("certificate reloaded"),
            Err(error) => tracing::error!("certificate has changed, the old one stays: {error}"),
        }
    }
    for error in hub.directory.refresh_tls() {
        tracing::error!("certificate towards servers has changed, the old one stays: {error}");
    }
}
