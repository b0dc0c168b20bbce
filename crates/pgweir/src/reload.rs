//! Reading the configuration again: everything is checked before anything changes, and what is in force stays
//! in force if a single key is wrong.

use std::sync::Arc;

use config::{Config, Relisted, Stamp};
use telemetry::Event;

use crate::control::Control;

/// Reads the configuration again and takes it, or says what is wrong with it.
///
/// # Errors
/// Every mistake, a line each; nothing has changed then.
pub(crate) async fn reload(control: &Control) -> Result<(), Vec<String>> {
    let _one_at_a_time = control.reloading.lock().await;
    let hub = &control.hub;
    let old = hub.directory.config();
    let path = old.path.clone();
    // commands that give secrets may take their time
    let loaded = tokio::task::spawn_blocking(move || Config::load(&path)).await;
    let taken = match loaded {
        Ok(Ok(new)) => take(control, &old, new),
        Ok(Err(mistakes)) => Err(mistakes.iter().map(ToString::to_string).collect()),
        Err(_) => Err(vec!["the configuration could not be read".to_owned()]),
    };
    match &taken {
        Ok(()) => {
            hub.events.count(Event::ReloadOk);
            tracing::info!("configuration reloaded");
        }
        Err(mistakes) => {
            hub.events.count(Event::ReloadFailed);
            for mistake in mistakes {
                tracing::error!("reload refused: {mistake}");
            }
        }
    }
    taken
}

/// Takes the users of the file named by `auth.file` if it has changed. `wrong` is its state when it was last found
/// to be wrong, which is said once.
pub(crate) async fn relist(control: &Control, wrong: &mut Option<Stamp>) {
    // a reload reads it as well
    let Ok(_one_at_a_time) = control.reloading.try_lock() else { return };
    let directory = &control.hub.directory;
    let (config, known) = (directory.config(), *wrong);
    if config.auth.file.is_none() {
        return;
    }
    let looked = Arc::clone(&config);
    match tokio::task::spawn_blocking(move || looked.relist(known)).await {
        Ok(Relisted::Same) | Err(_) => {}
        Ok(Relisted::Changed(users)) => {
            let number = users.len();
            directory.reload(Arc::new(config.with_users(users)));
            control.hub.events.count(Event::ReloadOk);
            tracing::info!(users = number, "auth.file has changed and was read again");
        }
        Ok(Relisted::Wrong(stamp, mistakes)) => {
            *wrong = Some(stamp);
            control.hub.events.count(Event::ReloadFailed);
            for mistake in mistakes {
                tracing::error!("auth.file has changed, the users of before stay: {mistake}");
            }
        }
    }
}

fn take(control: &Control, old: &Config, new: Config) -> Result<(), Vec<String>> {
    let changes = config::diff(old, &new);
    // the last thing that can fail comes first
    control.hub.acceptor.replace(&new.listen.tls).map_err(|error| vec![error.to_string()])?;
    if let Err(error) = control.log.set_level(new.log.level.as_str()) {
        tracing::warn!("log level not changed: {error}");
    }
    for key in &changes.restart_needed {
        tracing::warn!("{key} has changed and takes effect with the next start");
    }
    control.take(new);
    Ok(())
}
