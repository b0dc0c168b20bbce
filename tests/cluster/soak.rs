//! pgbench through pgweir while its clients and the server's backends are killed at random: no wrong result, and
//! afterwards everything is as before.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use testkit::process::{self, Signal};
use testkit::{Postgres, Proxy, wait};

use crate::scene::{Dice, before, is_whole};

const POOL: usize = 8;

/// A bench of many short connections and transactions; every transfer leaves a line in its history.
fn bench(postgres: &Postgres, proxy: &Proxy, number: u64) -> Child {
    let mode = ["simple", "extended", "prepared"][usize::try_from(number % 3).unwrap()];
    Command::new(postgres.install().program("pgbench"))
        .args(["-h", "127.0.0.1", "-p", &proxy.port().to_string(), "-U", "postgres", "-n", "-c", "6"])
        .args(["-T", "600", "-M", mode, "postgres"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("pgbench")
}

/// What pgbench's transactions keep true, whatever is killed: balances agree with the history.
fn check(postgres: &Postgres) {
    let sums = "SELECT (SELECT coalesce(sum(abalance), 0) FROM pgbench_accounts) \
                = (SELECT coalesce(sum(delta), 0) FROM pgbench_history) \
                AND (SELECT coalesce(sum(tbalance), 0) FROM pgbench_tellers) \
                = (SELECT coalesce(sum(bbalance), 0) FROM pgbench_branches) \
                AND (SELECT coalesce(sum(bbalance), 0) FROM pgbench_branches) \
                = (SELECT coalesce(sum(delta), 0) FROM pgbench_history)";
    assert_eq!(postgres.psql(sums), "t", "a transaction ran by halves or twice");
}

fn kill_a_backend(postgres: &Postgres, dice: &mut Dice, crash: bool) {
    let pids =
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    let Ok(mut door) = postgres.door().try_open() else { return };
    let Ok(pids) = door.try_rows(pids) else { return };
    let pids: Vec<u32> = pids.lines().filter_map(|pid| pid.parse().ok()).collect();
    if pids.is_empty() {
        return;
    }
    let victim = pids[usize::try_from(dice.below(pids.len() as u64)).unwrap()];
    if crash {
        postgres.kill_backend(victim);
    } else {
        let _ = door.try_rows(&format!("SELECT pg_terminate_backend({victim})"));
    }
}

fn soak(length: Duration) {
    let postgres = Postgres::start();
    let init =
        ["-h", "127.0.0.1", "-p", &postgres.port().to_string(), "-U", "postgres", "-i", "-q", "postgres"]
            .map(str::to_owned);
    let made = Command::new(postgres.install().program("pgbench")).args(init).output().expect("pgbench");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let pool = u32::try_from(POOL).unwrap();
    let mut proxy = before(&postgres).pool_size(pool).set("pool.acquire_timeout", "\"30s\"").start();
    let mut dice = Dice(u64::from(proxy.pid()) << 20 | 1);
    let (mut clients, mut servers, mut crashes, mut number) = (0_u32, 0_u32, 0_u32, 0_u64);
    let mut benches: Vec<Child> = Vec::new();
    let start = Instant::now();
    while start.elapsed() < length {
        benches.retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
        while benches.len() < 4 {
            benches.push(bench(&postgres, &proxy, number));
            number += 1;
        }
        match dice.below(20) {
            0..10 => {
                let at = usize::try_from(dice.below(benches.len() as u64)).unwrap();
                process::send(benches[at].id(), Signal::KILL);
                clients += 1;
            }
            10..19 => {
                kill_a_backend(&postgres, &mut dice, false);
                servers += 1;
            }
            // PostgreSQL restarts all its backends then, which takes its time
            _ if crashes < u32::try_from(start.elapsed().as_secs() / 10).unwrap_or(0) => {
                kill_a_backend(&postgres, &mut dice, true);
                crashes += 1;
            }
            _ => {}
        }
        // a pause between two blows, filled with a look that pgweir is alive
        let pause = Duration::from_millis(20 + dice.below(150));
        wait::holds(pause, || proxy.exited().is_some());
        assert!(proxy.exited().is_none(), "pgweir has ended:\n{}", proxy.log());
    }
    for child in &mut benches {
        process::send(child.id(), Signal::KILL);
        let _ = child.wait();
    }
    println!("{clients} pgbench of 6 clients killed, {servers} backends terminated, {crashes} killed");
    let end = Instant::now();
    wait::until(wait::PATIENCE, "the server accepts connections", || {
        postgres.door().try_open().is_ok_and(|mut door| door.try_rows("SELECT 1").is_ok())
    });
    is_whole(&proxy, &postgres, POOL, "the soak is over");
    println!("whole after {:?}", end.elapsed());
    check(&postgres);
    let done = postgres.psql("SELECT count(*) FROM pgbench_history");
    println!("{done} transfers");
    assert!(done.parse::<u64>().unwrap() > 0, "nothing was done");
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
}

#[test]
fn clients_and_servers_killed_at_random_for_20_seconds_harm_nobody_else() {
    soak(Duration::from_secs(20));
}

#[test]
#[ignore = "five minutes: run it by name"]
fn clients_and_servers_killed_at_random_for_five_minutes_harm_nobody_else() {
    soak(Duration::from_secs(300));
}
