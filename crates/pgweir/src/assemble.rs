//! Builds the parts, hands each what it needs, and runs them.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use config::{Config, LogFormat};
use net::{Acceptor, Listener, Shutdown};
use pool::{Directory, Shared};
use session::{Hub, Registry};
use telemetry::{Event, Events, log};
use tokio::runtime::Handle;

use crate::console::{Office, Reception};
use crate::control::Control;
use crate::workers::Workers;
use crate::{http, lifecycle, names, tend};

/// The port that names the file of the Unix socket, if no TCP address gives one.
const DEFAULT_PORT: u16 = 6432;

/// Runs the proxy until it is told to stop.
pub(crate) fn run(config: Config) -> ExitCode {
    let format = match config.log.format {
        LogFormat::Text => log::Format::Text,
        LogFormat::Json => log::Format::Json,
    };
    let log = match log::init(format, config.log.level.as_str()) {
        Ok(log) => log,
        Err(_) => return ExitCode::FAILURE,
    };
    match start(Arc::new(config), log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn start(config: Arc<Config>, log: log::Log) -> Result<(), Failure> {
    let events = Arc::new(Events::new());
    count_panics(&events);
    // the console works on what only exists once the sessions' parts do
    let reception = Arc::new(Reception::new());
    let hub = Arc::new(Hub {
        directory: Directory::new(
            Arc::clone(&config),
            Shared::new(config.listen.workers, Arc::clone(&events)),
        ),
        registry: Registry::default(),
        acceptor: Acceptor::new(&config.listen.tls).map_err(|error| Failure(error.to_string()))?,
        events,
        shutdown: Shutdown::new(),
        console: Box::new(Office::new(Arc::clone(&reception))),
        seed: net::random().map_err(|error| Failure(error.to_string()))?,
        secrets: session::hub::Secrets::default(),
        lookups: session::lookups::Lookups::default(),
        boards: route::Boards::default(),
        writers: session::writers::Writers::default(),
        meanings: session::meanings::Dictionary::default(),
    });
    let workers = Workers::start(config.listen.workers, &hub).map_err(|error| Failure(error.to_string()))?;
    let desk = workers.desk();
    let control = Arc::new(Control::new(Arc::clone(&hub), log, SystemTime::now(), desk.clone()));
    let _first = reception.set(Arc::downgrade(&control));
    workers.run(control_tasks(config, hub, control, desk))
}

/// What runs beside the sessions, on the first worker.
async fn control_tasks(
    config: Arc<Config>,
    hub: Arc<Hub>,
    control: Arc<Control>,
    desk: crate::workers::Desk,
) -> Result<(), Failure> {
    // before anybody can come
    let home = control.home.get_or_init(Handle::current);
    control.monitors.start(&hub, home);
    let mut listeners = Vec::new();
    // first: whoever finds a port open finds the socket too
    if let Some(dir) = &config.listen.unix_socket_dir {
        let port = config.listen.addresses.first().map_or(DEFAULT_PORT, std::net::SocketAddr::port);
        let listener = Listener::unix(dir, port, config.listen.backlog);
        listeners.push(
            listener.map_err(|error| Failure(format!("could not listen in {}: {error}", dir.display())))?,
        );
    }
    for address in &config.listen.addresses {
        let listener = Listener::tcp(*address, config.listen.backlog);
        listeners.push(listener.map_err(|error| Failure(format!("could not listen on {address}: {error}")))?);
    }
    if let Some(address) = config.admin.http {
        let listener = tokio::net::TcpListener::bind(address).await;
        let listener =
            listener.map_err(|error| Failure(format!("could not listen on {address}: {error}")))?;
        let mut phase = hub.shutdown.subscribe();
        let stop = async move { while phase.changed().await != net::Phase::Fast {} };
        tokio::spawn(http::serve(listener, Arc::clone(&control) as Arc<dyn http::Source>, stop));
    }
    tokio::spawn(names::follow(Arc::clone(&hub)));
    tokio::spawn(tend::tend(Arc::clone(&hub), Arc::clone(&control)));
    tracing::info!(workers = config.listen.workers, "pgweir {} is up", env!("CARGO_PKG_VERSION"));
    lifecycle::live(control, listeners, desk).await;
    Ok(())
}

/// Why the program could not start.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A panic costs the connection whose task it ended; it is a bug, so it is counted and told in full.
fn count_panics(events: &Arc<Events>) {
    let events = Arc::clone(events);
    std::panic::set_hook(Box::new(move |info| {
        events.count(Event::PanicCaught);
        tracing::error!("panic: {info}");
    }));
}
