//! How far the primary is, for those who have written: asked of a real one, by everything that is between.

use std::path::Path;
use std::pin::Pin;

use config::Config;
use net::{Acceptor, Shutdown};
use pool::{Directory, Shared};
use route::Board;
use route::view::Fitness;
use session::{Console, Registry, Visitor};
use telemetry::Events;
use testkit::{Cluster as Servers, wait};
use wire::lsn::Lsn;

use super::*;

/// Nobody visits.
struct Closed;

impl Console for Closed {
    fn serve<'a>(
        &'a self,
        _hub: &'a Arc<Hub>,
        _visitor: Visitor,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async {})
    }
}

fn hub(servers: &Servers, route: &str) -> Arc<Hub> {
    let mut file =
        "[listen]\naddress = \"127.0.0.1:1\"\n[auth]\nmethod = \"trust\"\n[[database]]\nname = \"app\"\n\
                    dbname = \"postgres\"\nuser = \"postgres\"\n"
            .to_owned();
    for server in servers.replicas.iter().chain([&servers.primary]) {
        let (host, port) = (server.host(), server.port());
        file.push_str(&format!("[[database.server]]\nhost = \"{host}\"\nport = {port}\n"));
    }
    file.push_str(route);
    let config = Arc::new(Config::parse(&file, Path::new("a.toml"), &|_| None).unwrap());
    let events = Arc::new(Events::new());
    Arc::new(Hub {
        directory: Directory::new(Arc::clone(&config), Shared::new(1, Arc::clone(&events))),
        registry: Registry::default(),
        acceptor: Acceptor::new(&config.listen.tls).unwrap(),
        events,
        shutdown: Shutdown::new(),
        console: Box::new(Closed),
        seed: [0; 32],
        secrets: session::hub::Secrets::default(),
        lookups: session::lookups::Lookups::default(),
        boards: route::Boards::default(),
        writers: session::writers::Writers::default(),
        meanings: session::meanings::Dictionary::default(),
    })
}

fn is_readable(board: &Board, at: usize) -> bool {
    board.view().members.get(at).is_some_and(|member| member.fit == Fitness::Fit)
}

#[test]
fn who_has_written_learns_how_far_that_is_and_when_a_replica_has_it() {
    let servers = Servers::start(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (hub, monitors) = (hub(&servers, ""), Monitors::new());
    monitors.start(&hub, runtime.handle());
    let board = hub.boards.get("app").unwrap();
    wait::until(wait::PATIENCE, "the replica is known", || is_readable(&board, 0));
    let mut client = servers.primary.door().open();
    client.rows("CREATE TABLE t (n int)");
    for n in 0..50 {
        client.rows(&format!("INSERT INTO t VALUES ({n})"));
        let written: Lsn = client.rows("SELECT pg_current_wal_lsn()").parse().unwrap();
        let ticket = board.floors.take();
        let floor =
            wait::until_some(wait::PATIENCE, "it is known how far that is", || board.floors.floor(ticket));
        assert!(floor >= written, "{floor} is before {written}");
        wait::until(wait::PATIENCE, "the replica is known to have it", || {
            board.view().members.first().is_some_and(|member| member.replayed >= Some(floor))
        });
        assert_eq!(servers.replicas[0].psql("SELECT max(n) FROM t"), n.to_string());
    }
}

#[test]
fn what_a_session_doubts_is_asked_at_once() {
    let servers = Servers::start(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (hub, monitors) =
        (hub(&servers, "[route]\nmax_lag = \"20h\"\nprobe_interval = \"10h\"\n"), Monitors::new());
    monitors.start(&hub, runtime.handle());
    let board = hub.boards.get("app").unwrap();
    wait::until(wait::PATIENCE, "the replica is known", || is_readable(&board, 0));
    let watched = monitors.look().pop().unwrap();
    let asked = |at: usize| watched.cluster().told(at).unwrap().asked.unwrap();
    for _ in 0..3 {
        let before = (asked(0), asked(1));
        board.doubts.raise();
        // by itself the next time comes after hours
        wait::until(wait::PATIENCE, "both were asked again", || asked(0) > before.0 && asked(1) > before.1);
    }
}
