//! Patroni looks after the servers: whom it names takes the writes, and it can give nobody a right that the server does
//! not claim itself.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use testkit::proxy::Builder;
use testkit::{Client, Cluster, Error, Postgres, Proxy, patroni, wait};

use crate::console::{admin, show};
use crate::scene::{PGWEIR, metrics};

/// A pgweir before servers at these ports, each with its Patroni.
fn before(servers: &[(u16, String)]) -> Builder {
    let mut database = "[[database]]\nname = \"postgres\"\nuser = \"postgres\"\n".to_owned();
    for (port, url) in servers {
        database.push_str(&format!(
            "[[database.server]]\nhost = \"127.0.0.1\"\nport = {port}\npatroni = \"{url}\"\n"
        ));
    }
    Proxy::builder(PGWEIR)
        .set("admin.users", r#"["admin"]"#)
        .set("route.probe_interval", "\"200ms\"")
        .set("pool.acquire_timeout", "\"30s\"")
        .toml(&database)
}

/// What SHOW REPLICAS has in these columns for the server at a port.
fn told(console: &mut Client, port: u16, columns: &[&str]) -> Vec<String> {
    let table = show(console, "SHOW REPLICAS");
    let port = port.to_string();
    columns.iter().map(|column| table.get(column, &[("port", &port)]).to_owned()).collect()
}

#[track_caller]
fn until(console: &mut Client, port: u16, columns: &[&str], values: &[&str]) {
    let mut last = Vec::new();
    if !wait::holds(wait::PATIENCE, || {
        last = told(console, port, columns);
        last == values
    }) {
        panic!("{columns:?} of {port} is {last:?}, not {values:?}");
    }
}

const PORT: &str = "SELECT current_setting('port') /* pgweir: primary */";

#[test]
fn a_switchover_by_patroni_is_followed() {
    let Some(cluster) = patroni::Patroni::start("a_switchover_by_patroni_is_followed", "noloadbalance: true")
    else {
        return;
    };
    let members = &cluster.members;
    let servers: Vec<_> = members.iter().map(|member| (member.port(), member.url())).collect();
    let proxy = before(&servers).start();
    let mut console = admin(&proxy);
    let columns = ["part", "patroni"];
    let mut client = proxy.connect().open();
    // both directions, so that the one with the tag follows once and leads once
    for _ in 0..2 {
        let leader = wait::until_some(wait::PATIENCE, "one leads", || cluster.leader());
        let (leads, follows) = (&members[leader], &members[1 - leader]);
        until(&mut console, leads.port(), &columns, &["primary", "leader"]);
        until(&mut console, follows.port(), &columns, &["replica", "replica"]);
        // no reads for the one whose tags say so
        let fit = if follows.name == "two" { "weight 0" } else { "fit" };
        until(&mut console, follows.port(), &["fit"], &[fit]);
        assert_eq!(client.rows(PORT), leads.port().to_string());
        client.rows("CREATE TABLE IF NOT EXISTS t (n int)");
        client.rows("INSERT INTO t VALUES (1)");
        cluster.switch_over();
    }
    let leader = wait::until_some(wait::PATIENCE, "one leads", || cluster.leader());
    until(&mut console, members[leader].port(), &columns, &["primary", "leader"]);
    assert_eq!(client.rows("SELECT count(*) FROM t /* pgweir: primary */"), "2");
    assert!(metrics(&proxy).contains("pgweir_failovers_total 2\n"));
}

/// Something in Patroni's place: two members that answer what the test wants.
struct Stand {
    cluster: Arc<Mutex<String>>,
    urls: Vec<String>,
}

impl Stand {
    fn new(names: &[&str]) -> Self {
        let cluster = Arc::new(Mutex::new(String::new()));
        let urls = names.iter().map(|name| answer_as((*name).to_owned(), Arc::clone(&cluster))).collect();
        Self { cluster, urls }
    }

    /// Every member says this of the cluster from now on.
    fn says(&self, document: &str) {
        document.clone_into(&mut self.cluster.lock().unwrap());
    }

    fn leads(&self, leader: &str) {
        let member = |name: &str| {
            let (role, state) = if name == leader { ("leader", "running") } else { ("replica", "streaming") };
            format!(
                "{{\"name\": \"{name}\", \"role\": \"{role}\", \"state\": \"{state}\", \"host\": \"127.0.0.1\", \
                 \"port\": 1, \"timeline\": 1}}"
            )
        };
        self.says(&format!("{{\"members\": [{}, {}], \"scope\": \"c\"}}", member("a"), member("b")));
    }
}

/// The documents are as version 4.1 gives them.
fn answer_as(name: String, cluster: Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap_or(0);
            let body = if request[..read].starts_with(b"GET /cluster ") {
                cluster.lock().unwrap().clone()
            } else {
                format!(
                    "{{\"state\": \"running\", \"role\": \"replica\", \"dcs_last_seen\": 1795292868, \
                     \"patroni\": {{\"version\": \"4.1.5\", \"scope\": \"c\", \"name\": \"{name}\"}}}}"
                )
            };
            let _ = write!(stream, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}");
        }
    });
    url
}

fn counted(proxy: &Proxy, result: &str) -> u64 {
    let name = format!("pgweir_patroni_answers_total{{result=\"{result}\"}} ");
    metrics(proxy).lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
}

fn scene(cluster: &Cluster) -> (Stand, Proxy) {
    let stand = Stand::new(&["a", "b"]);
    stand.leads("a");
    let ports = [cluster.primary.port(), cluster.replicas[0].port()];
    let servers: Vec<_> = ports.into_iter().zip(stand.urls.clone()).collect();
    let proxy = before(&servers).set("pool.acquire_timeout", "\"500ms\"").start();
    (stand, proxy)
}

#[test]
fn patroni_takes_the_right_to_write_away_and_gives_none() {
    let cluster = Cluster::start(1);
    let (a, b): (&Postgres, &Postgres) = (&cluster.primary, &cluster.replicas[0]);
    let (stand, proxy) = scene(&cluster);
    let mut console = admin(&proxy);
    until(&mut console, a.port(), &["part", "patroni"], &["primary", "leader"]);
    until(&mut console, b.port(), &["part", "fit"], &["replica", "fit"]);
    let mut client = proxy.connect().open();
    assert_eq!(client.rows(PORT), a.port().to_string());
    // the other one is to be the leader, and says itself that it follows
    stand.leads("b");
    until(&mut console, a.port(), &["part", "patroni"], &["fenced", "replica"]);
    until(&mut console, b.port(), &["part", "patroni"], &["replica", "leader"]);
    let Err(Error::Server(error)) = client.try_rows("CREATE TABLE t ()") else { panic!("somebody took it") };
    assert_eq!(error.code(), "57P03");
    stand.leads("a");
    until(&mut console, a.port(), &["part", "patroni"], &["primary", "leader"]);
    assert_eq!(client.rows(PORT), a.port().to_string());
    // behind Patroni's back
    b.promote();
    until(&mut console, b.port(), &["part", "timeline"], &["fenced", "2"]);
    assert_eq!(client.rows(PORT), a.port().to_string());
}

#[test]
fn what_patroni_does_not_say_takes_nothing_away() {
    let cluster = Cluster::start(1);
    let (stand, proxy) = scene(&cluster);
    let mut console = admin(&proxy);
    let (a, b) = (cluster.primary.port(), cluster.replicas[0].port());
    until(&mut console, a, &["part", "patroni"], &["primary", "leader"]);
    stand.leads("b");
    until(&mut console, a, &["part"], &["fenced"]);
    for nothing in ["", "{}", "[1, 2", "{\"members\": [{\"name\": 7}]}", "\u{0}\u{1}"] {
        let before = counted(&proxy, "failed");
        stand.says(nothing);
        until(&mut console, a, &["part", "patroni"], &["primary", ""]);
        wait::until(wait::PATIENCE, "it is counted", || counted(&proxy, "failed") > before);
        until(&mut console, b, &["part"], &["replica"]);
    }
    // it knows nobody
    stand.leads("nobody");
    until(&mut console, a, &["part", "patroni"], &["primary", "replica"]);
    assert!(counted(&proxy, "ok") > 0);
}
