//! Every way in which a server can fail, on every server, under a mixed load: nothing is lost that was acknowledged and
//! that the servers kept, nobody writes where it would be lost, only who has something under way is told of it, and the
//! load goes on by itself.

mod load;

use testkit::postgres::Stop;
use testkit::proxy::Server;
use testkit::tap::Direction;
use testkit::{Client, Cluster, Postgres, Proxy, Tap, wait};

use crate::console::{admin, show};
use crate::scene::PGWEIR;
use load::Load;

/// What happens to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It crashes.
    Killed,
    /// It stands still.
    Frozen,
    /// Nothing passes between pgweir and it.
    CutOff,
    /// It can write no more.
    Full,
}

/// A primary with two replicas, and pgweir before them.
struct Scene {
    proxy: Proxy,
    taps: Vec<Tap>,
    /// The first is the primary when it begins.
    servers: Vec<Postgres>,
}

const PRIMARY: usize = 0;
const FIRST: usize = 1;
const SECOND: usize = 2;

impl Scene {
    /// Commits wait for the first replica, or for none.
    #[track_caller]
    fn start(waits: bool, fault: Option<Fault>) -> Self {
        let Cluster { replicas, primary } = Cluster::start(2);
        primary.psql("CREATE TABLE ledger (id text PRIMARY KEY)");
        if waits {
            crate::failover::wait_for_first_replica(&primary);
        }
        let servers: Vec<Postgres> = std::iter::once(primary).chain(replicas).collect();
        let taps: Vec<Tap> = match fault {
            Some(Fault::CutOff) => servers.iter().map(|one| Tap::start(one.host(), one.port())).collect(),
            Some(Fault::Killed | Fault::Frozen | Fault::Full) | None => Vec::new(),
        };
        let behind = taps.iter().map(|tap| Server::at("127.0.0.1", tap.port()));
        let addresses: Vec<Server> =
            if taps.is_empty() { servers.iter().map(Server::from).collect() } else { behind.collect() };
        let proxy = Proxy::builder(PGWEIR)
            .database_on("postgres", &addresses)
            .pool_size(u32::try_from(load::POOL).unwrap())
            .set("route.probe_interval", "\"200ms\"")
            .set("route.probe_timeout", "\"1s\"")
            .set("pool.acquire_timeout", "\"30s\"")
            .set("pool.query_timeout", "\"5s\"")
            .set("admin.users", r#"["admin"]"#)
            .start();
        let scene = Self { proxy, taps, servers };
        // servers are asked as whoever has come
        drop(scene.proxy.connect().open());
        scene.wait_until(PRIMARY, "part", "primary");
        scene.wait_until(FIRST, "fit", "fit");
        scene.wait_until(SECOND, "fit", "fit");
        scene
    }

    /// Waits until SHOW REPLICAS says this of a server.
    #[track_caller]
    fn wait_until(&self, server: usize, column: &str, value: &str) {
        let port = self.taps.get(server).map_or(self.servers[server].port(), Tap::port).to_string();
        let (mut console, mut last) = (admin(&self.proxy), String::new());
        let holds = wait::holds(wait::PATIENCE, || {
            show(&mut console, "SHOW REPLICAS").get(column, &[("port", &port)]).clone_into(&mut last);
            last == value
        });
        assert!(holds, "{column} of server {server} is {last}, not {value}:\n{}", self.proxy.log());
    }

    /// It happens.
    fn strike(&mut self, server: usize, fault: Fault) {
        match fault {
            Fault::Killed => self.servers[server].kill9(),
            Fault::Frozen => self.servers[server].freeze(),
            Fault::CutOff => self.both_ways(server, Tap::stall),
            Fault::Full => self.servers[server].fill_disk(),
        }
    }

    /// Waits until there is no doubt of it.
    #[track_caller]
    fn wait_until_struck(&self, server: usize, fault: Fault) {
        match fault {
            Fault::Killed | Fault::Frozen | Fault::CutOff => self.wait_until(server, "state", "down"),
            // a replica starts again, and finds the disk full again
            Fault::Full => wait::until(wait::PATIENCE, "the server finds its disk full", || {
                self.servers[server].log().contains("PANIC:  could not write to")
            }),
        }
    }

    /// It is over.
    fn mend(&mut self, server: usize, fault: Fault) {
        match fault {
            Fault::Killed => self.servers[server].restart(),
            Fault::Frozen => self.servers[server].thaw(),
            Fault::CutOff => self.both_ways(server, Tap::resume),
            Fault::Full => {
                self.servers[server].free_disk();
                if server == PRIMARY {
                    // it ends by itself; one that is asked to while it recovers may wait for something for ever
                    self.servers[server].stop(Stop::Immediate);
                    self.servers[server].restart();
                }
            }
        }
    }

    fn both_ways(&self, server: usize, act: fn(&Tap, Direction)) {
        for direction in [Direction::ToServer, Direction::ToClient] {
            act(&self.taps[server], direction);
        }
    }

    fn ledger(&self, server: usize) -> Vec<String> {
        self.servers[server].psql("SELECT id FROM ledger").lines().map(str::to_owned).collect()
    }
}

/// Clients that do nothing while it happens.
struct Idlers(Vec<Client>);

impl Idlers {
    fn of(proxy: &Proxy) -> Self {
        let mut clients: Vec<Client> = (0..3).map(|_| proxy.connect().open()).collect();
        for client in &mut clients {
            client.rows("SELECT count(*) FROM ledger");
        }
        Self(clients)
    }

    /// None of them has noticed anything.
    #[track_caller]
    fn go_on(&mut self) {
        for client in &mut self.0 {
            client.rows("INSERT INTO ledger VALUES ('idle ' || gen_random_uuid())");
            client.rows("SELECT count(*) FROM ledger");
        }
    }
}

/// The primary fails and comes back; then it fails again, the first replica is promoted, and it comes back as the primary
/// that it was.
fn the_primary(fault: Fault) {
    let mut scene = Scene::start(true, Some(fault));
    let mut idlers = Idlers::of(&scene.proxy);
    let load = Load::start(&scene.proxy);
    load.wait_for_more(10);
    scene.strike(PRIMARY, fault);
    scene.wait_until_struck(PRIMARY, fault);
    scene.mend(PRIMARY, fault);
    load.wait_for_more(10);
    idlers.go_on();
    let back = load.stop();
    back.is_fine(&scene.ledger(PRIMARY));

    scene.wait_until(FIRST, "fit", "fit");
    crate::failover::wait_for_first_replica(&scene.servers[PRIMARY]);
    let load = Load::start(&scene.proxy);
    load.wait_for_more(10);
    scene.strike(PRIMARY, fault);
    scene.servers[FIRST].promote();
    load.wait_for_more(10);
    idlers.go_on();
    scene.mend(PRIMARY, fault);
    scene.wait_until(PRIMARY, "part", "fenced");
    load.wait_for_more(10);
    // what the old primary alone has now nobody was told to be written
    let replaced = load.stop();
    replaced.is_fine(&scene.ledger(FIRST));
    assert!(back.acknowledged().all(|id| scene.ledger(FIRST).contains(id)), "of before");
}

/// One replica fails and comes back, then the other one does.
fn a_replica(fault: Fault) {
    let mut scene = Scene::start(false, Some(fault));
    let mut idlers = Idlers::of(&scene.proxy);
    for replica in [FIRST, SECOND] {
        let load = Load::start(&scene.proxy);
        load.wait_for_more(10);
        scene.strike(replica, fault);
        scene.wait_until_struck(replica, fault);
        load.wait_for_more(10);
        idlers.go_on();
        scene.mend(replica, fault);
        scene.wait_until(replica, "fit", "fit");
        load.wait_for_more(10);
        let outcome = load.stop();
        outcome.is_fine(&scene.ledger(PRIMARY));
        // a read that is lost with its replica runs again, one that is never answered is given up
        outcome.told_only(if matches!(fault, Fault::Killed | Fault::Full) { &[] } else { &["57014"] });
    }
}

#[test]
fn a_primary_that_is_killed() {
    the_primary(Fault::Killed);
}

#[test]
fn a_primary_that_stands_still() {
    the_primary(Fault::Frozen);
}

#[test]
fn a_primary_that_is_cut_off() {
    the_primary(Fault::CutOff);
}

#[test]
fn a_primary_whose_disk_is_full() {
    the_primary(Fault::Full);
}

#[test]
fn a_replica_that_is_killed() {
    a_replica(Fault::Killed);
}

#[test]
fn a_replica_that_stands_still() {
    a_replica(Fault::Frozen);
}

#[test]
fn a_replica_that_is_cut_off() {
    a_replica(Fault::CutOff);
}

#[test]
fn a_replica_whose_disk_is_full() {
    a_replica(Fault::Full);
}

/// One replica after the other is promoted, and nobody has stopped the primary of before.
#[test]
fn replicas_that_are_promoted_while_the_primary_runs() {
    let mut scene = Scene::start(true, None);
    let mut idlers = Idlers::of(&scene.proxy);
    let mut old = PRIMARY;
    for new in [FIRST, SECOND] {
        let load = Load::start(&scene.proxy);
        load.wait_for_more(10);
        scene.servers[new].promote();
        scene.wait_until(new, "part", "primary");
        scene.wait_until(old, "part", "fenced");
        load.wait_for_more(10);
        idlers.go_on();
        let outcome = load.stop();
        outcome.is_fine(&scene.ledger(new));
        if new == FIRST {
            // it may have more of the old primary than the new one has; commits wait for it from now on
            let (others, second) = scene.servers.split_at_mut(SECOND);
            second[0].rejoin(&others[FIRST]);
            scene.servers[FIRST].psql("ALTER SYSTEM SET synchronous_standby_names = 'rejoined'");
            scene.servers[FIRST].psql("SELECT pg_reload_conf()");
            scene.wait_until(SECOND, "fit", "fit");
            wait::until(wait::PATIENCE, "commits wait for it", || {
                scene.servers[FIRST].psql("SELECT sync_state FROM pg_stat_replication") == "sync"
            });
        }
        old = new;
    }
}
