//! Running, draining, stopping.
//!
//! | phase | clients | new connections | readiness | ends with |
//! |---|---|---|---|---|
//! | running | served | accepted | yes | SIGTERM, SHUTDOWN WAIT_FOR_…: draining; SIGINT, SHUTDOWN: fast |
//! | draining | closed at the end of their transaction; with WAIT_FOR_CLIENTS left alone | refused | no | the last client gone, the drain timeout, SIGINT, a second SIGTERM |
//! | fast | closed now | refused | no | the last client gone, or a few seconds |
//!
//! SIGQUIT ends the process at once, whatever the phase.

use std::sync::Arc;
use std::time::{Duration, Instant};

use net::{Listener, Phase};
use session::card::Order;
use session::{ClientCard, Hub};

use crate::control::Control;
use crate::reload;
use crate::signals::{Signal, Signals};
use crate::workers::Desk;

/// How often the drain looks whether the last client has gone.
const LOOK: Duration = Duration::from_millis(20);
/// How long clients may take to hear that the end is near.
const FAST: Duration = Duration::from_secs(3);

/// Accepts clients until told to stop, then sees them off.
pub(crate) async fn live(control: Arc<Control>, listeners: Vec<Listener>, desk: Desk) {
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return tracing::error!("no signals: {error}"),
    };
    let accepting: Vec<_> =
        listeners.into_iter().map(|listener| tokio::spawn(accept(listener, desk.clone()))).collect();
    let mut phase = control.hub.shutdown.subscribe();
    loop {
        tokio::select! {
            signal = signals.next() => {
                if let Signal::Reload = signal {
                    let control = Arc::clone(&control);
                    tokio::spawn(async move { reload::reload(&control).await.ok() });
                } else {
                    stop_by(&control.hub, signal);
                }
            }
            phase = phase.changed() => {
                if phase != Phase::Running {
                    break;
                }
            }
        }
    }
    for task in &accepting {
        task.abort();
    }
    let drain = control.hub.directory.config().listen.drain_timeout;
    if control.hub.shutdown.phase() == Phase::Draining {
        tracing::info!(clients = control.hub.registry.len(), "draining");
        if control.is_patient() {
            wait_until_gone(&control.hub, &mut signals).await;
        } else {
            see_off(&control.hub, Order::Drain, drain, &mut signals).await;
        }
    }
    control.hub.shutdown.fast();
    see_off(&control.hub, Order::Kill, FAST, &mut signals).await;
    tracing::info!("pgweir stopped");
}

async fn accept(mut listener: Listener, desk: Desk) {
    loop {
        desk.hand_out(listener.accept().await);
    }
}

/// Gives every client the order, and waits until all have gone, the time is up, or a signal says faster.
async fn see_off(hub: &Hub, order: Order, patience: Duration, signals: &mut Signals) {
    let end = Instant::now() + patience;
    while !hub.registry.is_empty() && Instant::now() < end {
        // again each time: a log-in that was under way may have ended meanwhile
        for card in hub.registry.all() {
            card.order(order);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            signal = signals.next() => {
                stop_by(hub, signal);
                if order == Order::Drain && hub.shutdown.phase() == Phase::Fast {
                    return;
                }
            }
        }
    }
}

/// Waits until every client has left by itself, or a signal says faster. Visitors of the console may stay.
async fn wait_until_gone(hub: &Hub, signals: &mut Signals) {
    let is_client = |card: &Arc<ClientCard>| !config::CONSOLE_NAMES.contains(&card.login.0.as_str());
    while hub.shutdown.phase() != Phase::Fast && hub.registry.all().iter().any(is_client) {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            signal = signals.next() => stop_by(hub, signal),
        }
    }
}

fn stop_by(hub: &Hub, signal: Signal) {
    match signal {
        Signal::Reload => {}
        Signal::Drain if hub.shutdown.phase() == Phase::Running => hub.shutdown.drain(),
        Signal::Drain | Signal::Fast => hub.shutdown.fast(),
        Signal::Now => at_once(),
    }
}

/// Ends the process without a word to anybody.
#[expect(clippy::exit, reason = "SIGQUIT and SHUTDOWN IMMEDIATE ask for exactly this")]
pub(crate) fn at_once() {
    std::process::exit(1);
}
