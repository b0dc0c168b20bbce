//! How pools share a cap on server connections: shares by weight, nobody starves, idle connections make room, and the
//! server never has more connections than the cap says. Transactions and connections are counted, time is not.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use testkit::proxy::{Builder, Server};
use testkit::{Client, Postgres, Proxy, wait};

use crate::scene::{PGWEIR, before, metrics};

pub(crate) const USERS: [&str; 3] = ["one", "two", "three"];

pub(crate) fn server() -> Postgres {
    USERS.iter().fold(Postgres::builder(), |builder, user| builder.user(user, "x")).database("other").start()
}

/// A pgweir with these users and a cap; who waits gives up late.
fn capped(builder: Builder, cap: u32) -> Builder {
    let builder = USERS.iter().fold(builder, |builder, user| builder.user(user, "x"));
    builder
        .set("pool.max_server_connections", &cap.to_string())
        .set("pool.acquire_timeout", "\"30s\"")
        .set("pool.idle_timeout", "\"0s\"")
}

/// Watches the server while `work` runs: the most connections that pgweir has had at one time.
pub(crate) fn most_connections(postgres: &Postgres, work: impl FnOnce()) -> usize {
    let sql = "select count(*) from pg_stat_activity where usename in ('one', 'two', 'three')";
    let (done, most) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut door = postgres.door().open();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut last = false;
            while !last {
                // once more when all is over
                last = done.load(Ordering::Relaxed);
                most.fetch_max(door.rows(sql).parse().unwrap(), Ordering::Relaxed);
            }
        });
        let stop = Stop(&done);
        work();
        drop(stop);
    });
    most.load(Ordering::Relaxed)
}

/// Lets the others end when this one fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Ten clients of each user, each with one transaction after another, until so many were served after everybody has
/// been served once: how many of each user's.
fn served(proxy: &Proxy, enough: usize) -> [usize; 3] {
    let counts: [AtomicUsize; 3] = Default::default();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for (user, count) in USERS.iter().zip(&counts) {
            for _ in 0..10 {
                scope.spawn(|| {
                    let _stop = Stop(&done);
                    let mut client = proxy.connect().user(user).open();
                    while !done.load(Ordering::Relaxed) {
                        // long enough that connections are what is scarce, and not processors
                        client.rows("select pg_sleep(0.02)");
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        }
        let sum = || counts.iter().map(|count| count.load(Ordering::Relaxed)).sum::<usize>();
        let all_served = || counts.iter().all(|count| count.load(Ordering::Relaxed) > 0);
        wait::until(wait::PATIENCE, "everybody is served", all_served);
        let before = counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        let begin = sum();
        wait::until(wait::PATIENCE * 4, "enough is served", || {
            sum() >= begin + enough || done.load(Ordering::Relaxed)
        });
        done.store(true, Ordering::Relaxed);
        let after = counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        [0, 1, 2].map(|i: usize| after[i] - before[i])
    })
}

/// Each share within a fifth of what the weight says.
#[track_caller]
fn shared_by(weights: [usize; 3], served: [usize; 3]) {
    let (all, parts): (usize, usize) = (served.iter().sum(), weights.iter().sum());
    for (count, weight) in served.into_iter().zip(weights) {
        let right = all * weight / parts;
        assert!(count * 5 > right * 4 && count * 5 < right * 6, "weights {weights:?}: served {served:?}");
    }
}

#[test]
fn three_users_at_ten_times_their_load_get_a_third_each() {
    let postgres = server();
    let proxy = capped(before(&postgres), 6).start();
    let mut counts = [0; 3];
    let most = most_connections(&postgres, || counts = served(&proxy, 1_200));
    shared_by([1, 1, 1], counts);
    assert!(most <= 6, "{most} connections");
}

#[test]
fn shares_are_as_the_weights_say() {
    let postgres = server();
    let mut builder = before(&postgres)
        .set("pool.max_server_connections", "6")
        .set("pool.acquire_timeout", "\"30s\"")
        .set("pool.idle_timeout", "\"0s\"");
    for (user, weight) in USERS.iter().zip([1, 2, 3]) {
        builder =
            builder.toml(&format!("[[user]]\nname = \"{user}\"\npassword = \"x\"\nweight = {weight}\n"));
    }
    let proxy = builder.start();
    let mut counts = [0; 3];
    let most = most_connections(&postgres, || counts = served(&proxy, 1_200));
    shared_by([1, 2, 3], counts);
    assert!(most <= 6, "{most} connections");
}

#[test]
fn one_connection_for_three_users_goes_round() {
    let postgres = server();
    let proxy = capped(before(&postgres), 1).start();
    let mut counts = [0; 3];
    let most = most_connections(&postgres, || counts = served(&proxy, 250));
    assert!(counts.iter().all(|count| *count >= 25), "{counts:?}");
    assert!(most <= 1, "{most} connections");
}

/// What the metrics say of connections given up for another pool.
fn ceded(proxy: &Proxy, reason: &str) -> u64 {
    let text = metrics(proxy);
    let name = format!("pgweir_server_ceded_total{{reason=\"{reason}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |value| value.parse().unwrap())
}

#[test]
fn an_idle_connection_makes_room_for_who_has_none() {
    let postgres = server();
    let proxy = capped(before(&postgres), 3).start();
    let most = most_connections(&postgres, || {
        let open = |user: &str| proxy.connect().user(user).open();
        let mut ones: Vec<Client> = (0..3).map(|_| open("one")).collect();
        ones.iter_mut().for_each(|client| drop(client.query("begin")));
        ones.iter_mut().for_each(|client| drop(client.query("commit")));
        // three idle ones fill the cap: with no time-out on them, nothing but eviction makes room
        let mut two = open("two");
        assert_eq!(two.rows("select current_user::text"), "two");
        two.query("begin");
        assert_eq!(open("three").rows("select current_user::text"), "three");
    });
    assert_eq!(most, 3);
    assert!(ceded(&proxy, "idle") >= 2, "{}", ceded(&proxy, "idle"));
}

#[test]
fn those_kept_warm_stay_unless_another_has_none_at_all() {
    let postgres = server();
    let mut builder = before(&postgres)
        .set("pool.max_server_connections", "3")
        .set("pool.acquire_timeout", "\"1s\"")
        .set("pool.idle_timeout", "\"0s\"");
    builder = builder.toml("[[user]]\nname = \"one\"\npassword = \"x\"\nmin_size = 3\n");
    let proxy = builder.user("two", "x").start();
    let of_one = "select count(*) from pg_stat_activity where usename = 'one'";
    assert_eq!(proxy.connect().user("one").open().rows("select 1"), "1");
    wait::until(wait::PATIENCE, "three are warm", || postgres.psql(of_one) == "3");
    let mut twos = [(); 2].map(|()| proxy.connect().user("two").open());
    assert!(twos[0].try_rows("begin").is_ok(), "who has none gets one");
    let error = crate::scene::server_error(twos[1].try_rows("begin"));
    assert_eq!(error.code(), "53300", "a second would cost a warm one: {error}");
    assert_eq!(postgres.psql(of_one), "2");
}

#[test]
fn a_cap_holds_through_reloads_reconnects_and_the_reserve() {
    let postgres = server();
    let builder = capped(before(&postgres), 4).pool_size(2).set("admin.users", "[\"postgres\"]");
    let proxy = builder.set("pool.reserve_size", "3").set("pool.reserve_after", "\"50ms\"").start();
    let most = most_connections(&postgres, || {
        let mut console = proxy.connect().database("pgweir").open();
        for _ in 0..4 {
            served(&proxy, 100);
            console.query("RECONNECT");
            served(&proxy, 100);
            proxy.reload();
        }
    });
    assert!((3..=4).contains(&most), "{most} connections");
    // a lower one is reached by giving up what is above it
    proxy.edit_config("max_server_connections = 4", "max_server_connections = 2");
    proxy.reload();
    let sql = "select count(*) from pg_stat_activity where usename in ('one', 'two', 'three')";
    wait::until(wait::PATIENCE, "two are left", || postgres.psql(sql) == "2");
    let most = most_connections(&postgres, || {
        served(&proxy, 100);
    });
    assert!(most <= 2, "{most} connections");
}

#[test]
fn a_cap_on_a_server_holds_for_all_its_databases() {
    let postgres = server();
    let builder = Proxy::builder(PGWEIR)
        .database("postgres", &postgres)
        .database("other", Server::from(&postgres))
        .set("pool.max_host_connections", "3");
    let proxy = capped(builder, 3).start();
    let most = most_connections(&postgres, || {
        thread::scope(|scope| {
            for (user, database) in
                [("one", "postgres"), ("two", "other"), ("three", "postgres"), ("one", "other")]
            {
                for _ in 0..5 {
                    let proxy = &proxy;
                    scope.spawn(move || {
                        let mut client = proxy.connect().user(user).database(database).open();
                        for _ in 0..20 {
                            assert_eq!(client.rows("select current_database()::text"), database);
                            client.rows("select pg_sleep(0.005)");
                        }
                    });
                }
            }
        });
    });
    assert_eq!(most, 3);
}
