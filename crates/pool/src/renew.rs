//! Reading secrets again that come from files and commands: before they are used, if they are due, and commands
//! early, so that hardly anybody waits for them.
//!
//! Files and commands block, so they are read on the runtime's threads for that and never on a worker. One reads,
//! whoever else needs the secret waits for it; after [`PATIENCE`] the old one is used.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::{Due, Renewed, Secret};
use telemetry::Event;

use crate::connect;
use crate::error::Error;
use crate::login::LoggedIn;
use crate::shared::Shared;
use crate::target::Target;

/// How long anybody waits for a secret to be read again.
const PATIENCE: Duration = Duration::from_secs(2);

/// Has the secret read again if that is due.
pub(crate) async fn renew(secret: &Secret, shared: &Arc<Shared>) {
    match secret.due(Instant::now()) {
        Due::No => return,
        Due::Soon => return start(secret, shared),
        Due::Now => {}
    }
    // before it is started, so that its end is not missed
    let mut renewed = pin!(shared.renewed.notified());
    renewed.as_mut().enable();
    let read = async {
        while secret.due(Instant::now()) == Due::Now {
            start(secret, shared);
            // some secret was: perhaps another one
            renewed.as_mut().await;
            renewed.set(shared.renewed.notified());
            renewed.as_mut().enable();
        }
    };
    if tokio::time::timeout(PATIENCE, read).await.is_err() {
        tracing::warn!("a secret is still being read, the old one is used");
    }
}

/// Has those commands run whose secrets will be due before long.
pub(crate) fn renew_early(secrets: &[Secret], shared: &Arc<Shared>, now: Instant) {
    for secret in secrets.iter().filter(|secret| secret.is_of_command() && secret.due(now) != Due::No) {
        start(secret, shared);
    }
}

/// Reads it again on a thread that may block, unless somebody does already.
fn start(secret: &Secret, shared: &Arc<Shared>) {
    if !secret.begin() {
        return;
    }
    let (secret, shared) = (secret.clone(), Arc::clone(shared));
    tokio::task::spawn_blocking(move || {
        match secret.renew() {
            Renewed::Same => shared.events.count(Event::SecretSame),
            Renewed::Changed => {
                shared.events.count(Event::SecretChanged);
                tracing::debug!("a secret has changed");
            }
            Renewed::Failed(why) => {
                shared.events.count(Event::SecretNotRenewed);
                tracing::error!("a secret could not be read again, the old one stays: {why}");
            }
        }
        shared.renewed.notify_waiters();
    });
}

/// Logs in on a connection of its own with the secret as it is now. If the server refuses it, it is read again,
/// and if it turns out to be another one now, tried once more.
pub(crate) async fn log_in(
    target: &Target,
    shared: &Arc<Shared>,
    patience: Duration,
    asked: &[(&str, &str)],
) -> Result<(net::Stream, LoggedIn), Error> {
    let Some(secret) = target.credentials.changing() else {
        return connect::attempt(target, patience, asked).await;
    };
    renew(&secret, shared).await;
    let tried = secret.expose();
    let refused = match connect::attempt(target, patience, asked).await {
        Err(Error::Refused { server, sqlstate, body }) if sqlstate.starts_with("28") => {
            Error::Refused { server, sqlstate, body }
        }
        other => return other,
    };
    target.credentials.forget_made_keys();
    if secret.expose() == tried {
        secret.suspect(Instant::now(), Duration::ZERO);
        renew(&secret, shared).await;
    }
    if secret.expose() == tried {
        return Err(refused);
    }
    connect::attempt(target, patience, asked).await
}
