//! `pgweir doctor`: connects to every server of the configuration and says what is missing for each feature, with the
//! fix. It changes nothing, needs no pgweir to run, and shows no secrets.
//!
//! - `sheet`: findings and how they are written
//! - `patient`: one `[[database]]`: its servers, asked one after the other, and held against each other
//! - `server`: what is to be said of one server
//! - `capacity`: connections that servers allow, and those that pools may make
//! - `logins`: users of servers, and `auth.query`
//! - `beside`: what else is asked besides servers

mod beside;
mod capacity;
mod logins;
mod patient;
mod server;
mod sheet;

use std::process::ExitCode;
use std::sync::Arc;

use config::Config;
use pool::{Directory, Shared};
use telemetry::Events;

use sheet::{Finding, Sheet};

/// Examines all there is; fails if something that is configured does not work.
pub(crate) fn examine(config: Config) -> ExitCode {
    let mut sheet = Sheet::new(std::io::stdout().lock());
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            runtime.block_on(all(Arc::new(config), &mut sheet));
            // a name that is still being looked up is nobody's concern any more
            runtime.shutdown_background();
        }
        Err(error) => sheet.note("pgweir", &Finding::fail(format!("cannot start: {error}"), "")),
    }
    if sheet.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn all(config: Arc<Config>, sheet: &mut Sheet<impl std::io::Write>) {
    let shared = Shared::new(1, Arc::new(Events::new()));
    let directory = Directory::new(Arc::clone(&config), shared);
    let mut capacity = capacity::Capacity::default();
    for entry in &config.databases {
        let patient = patient::Patient::new(&config, &directory, entry);
        let known = patient.examine(sheet, &mut capacity).await;
        logins::examine((&config, &directory), entry, known, sheet).await;
        beside::examine(entry, sheet).await;
    }
    beside::lock(&config, sheet).await;
    capacity.tell(&config, sheet);
    logins::lookups(&directory, sheet).await;
}
