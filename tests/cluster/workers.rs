//! Clients live together on one worker while it has time, and move to others when it has not; they notice
//! nothing of that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use testkit::client::{Client, tags, tls::Tls};
use testkit::{Authority, Postgres, Proxy, answers, messages, wait};

use crate::scene::{before, is_whole, metrics};

/// Messages in one burst that only pgweir has to answer.
const BURST: usize = 20_000;
const CLIENTS: u32 = 6;
const POOL: u32 = 3;

/// How many clients live on each of the two workers.
fn clients(proxy: &Proxy) -> [u32; 2] {
    let text = metrics(proxy);
    [0, 1].map(|worker| {
        let name = format!("pgweir_worker_clients{{worker=\"{worker}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
    })
}

/// Makes pgweir work hard and its server hardly, and looks whether everything is still this client's.
fn round(client: &mut Client, me: u32) {
    client.send(&messages::sync().repeat(BURST));
    assert_eq!(client.read_bytes(6 * BURST), answers::ready(b'I').repeat(BURST));
    client.send(&[messages::bind("", "mine", &[]), messages::execute("", 0), messages::sync()].concat());
    let answer = client.read_until_ready();
    assert_eq!(answer[1].texts(), [me.to_string(), format!("client {me}")], "{answer:?}");
}

#[test]
fn clients_of_a_busy_worker_move_to_another_and_notice_nothing() {
    let (authority, postgres) = (Authority::new(), Postgres::start());
    let pair = authority.server();
    let (cert, key) = (pair.cert.display().to_string(), pair.key.display().to_string());
    let proxy = before(&postgres).pool_size(POOL).set("listen.workers", "2").tls("prefer", &cert, &key, None);
    let proxy = proxy.start();
    let mut all: Vec<Client> = (0..CLIENTS)
        .map(|me| {
            let connect = proxy.connect().param("application_name", &format!("client {me}"));
            if me % 2 == 0 { connect.tls(Tls::unchecked()).open() } else { connect.open() }
        })
        .collect();
    let sql = "SELECT $1::text, current_setting('application_name')";
    for (me, client) in (0..).zip(&mut all) {
        let sql = sql.replace("$1", &me.to_string());
        client.send(&[messages::parse("mine", &sql, &[]), messages::sync()].concat());
        assert_eq!(tags(&client.read_until_ready()), "1Z");
    }
    assert_eq!(clients(&proxy), [CLIENTS, 0], "nothing is to be gained from a second worker");

    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for (me, client) in (0..).zip(&mut all) {
            let done = &done;
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    round(client, me);
                }
            });
        }
        let moved = wait::holds(wait::PATIENCE, || clients(&proxy).iter().all(|n| *n > 0));
        done.store(true, Ordering::Relaxed);
        assert!(moved, "all clients stay on one worker: {:?}", clients(&proxy));
    });
    assert_eq!(clients(&proxy).iter().sum::<u32>(), CLIENTS);
    for (me, client) in (0..).zip(&mut all) {
        round(client, me);
    }
    drop(all);
    is_whole(&proxy, &postgres, POOL as usize, "clients have moved");
}
