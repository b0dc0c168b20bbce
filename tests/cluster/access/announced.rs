//! Behind a load balancer that says who the client is: the PROXY protocol.

use std::net::SocketAddr;

use testkit::client::tls::Tls;
use testkit::{Authority, Postgres, messages};

use super::{Rules, door_to, outcome};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A header that speaks for a client at this address.
fn from(client: &str) -> Vec<u8> {
    let (family, mut body) = match client.parse().unwrap() {
        SocketAddr::V4(client) => (0x11, [client.ip().octets(), [192, 0, 2, 1]].concat()),
        SocketAddr::V6(client) => (0x21, [client.ip().octets(), [0; 16]].concat()),
    };
    let port: SocketAddr = client.parse().unwrap();
    body.extend(port.port().to_be_bytes());
    // the port that was asked for, and something nobody has to know
    body.extend([0x19, 0x20, 0xEA, 0, 2, b'v', b'p']);
    header(0x21, family, &body)
}

fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, body].concat()
}

#[test]
fn rules_and_console_see_the_client_and_not_the_load_balancer() {
    let postgres = Postgres::start();
    let rules = Rules::new(
        "host app all 203.0.113.0/24 trust\nhost app all 2001:db8::/32 trust\nhost postgres all 127.0.0.1/32 trust\n\
         host pgweir monitor all trust\n",
        "",
    );
    let proxy = rules
        .before(&postgres)
        .set("listen.proxy_protocol", "\"v2\"")
        .set("listen.proxy_from", "[\"10.9.9.9\", \"127.0.0.0/8\"]")
        .set("admin.stats_users", "[\"monitor\"]")
        .start();
    let at =
        |client: &str, database: &str| proxy.connect().before(&from(client)).user("one").database(database);
    let mut inside = at("203.0.113.7:4711", "app").open();
    assert_eq!(inside.rows("SELECT 1"), "1");
    let mut v6 = at("[2001:db8::5]:99", "app").open();
    assert_eq!(v6.rows("SELECT 1"), "1");
    for (client, host) in [("203.0.114.7:1", "203.0.114.7"), ("127.0.0.1:1", "127.0.0.1"), ("[::1]:1", "::1")]
    {
        assert_eq!(
            outcome(at(client, "app").try_open()),
            format!(
                "28000 no pg_hba.conf entry for host \"{host}\", user \"one\", database \"app\", no encryption"
            )
        );
    }
    assert!(outcome(at("203.0.113.7:1", "postgres").try_open()).starts_with("28000 no pg_hba"));

    let monitor = proxy.connect().before(&from("198.51.100.1:1")).user("monitor").database("pgweir");
    let shown: Vec<Vec<String>> = monitor
        .open()
        .query("SHOW CLIENTS")
        .iter()
        .filter(|message| message.tag == b'D')
        .map(testkit::Message::texts)
        .collect();
    for (address, port) in [("203.0.113.7", "4711"), ("2001:db8::5", "99"), ("198.51.100.1", "1")] {
        let is =
            |row: &Vec<String>| row.iter().any(|text| text == address) && row.iter().any(|text| text == port);
        assert!(shown.iter().any(is), "{address}: {shown:?}");
    }
    // who speaks for itself, or for somebody without an address, has its own
    for own in [header(0x20, 0, &[]), header(0x21, 0, &[]), header(0x21, 0x31, &[b'x'; 216])] {
        let near = proxy.connect().before(&own).user("one").database("postgres");
        assert_eq!(near.open().rows("SELECT 1"), "1");
    }
}

#[test]
fn without_a_header_nobody_gets_in_and_with_one_nobody_else_does() {
    let postgres = Postgres::start();
    let proxy = door_to(&postgres).auth("trust").set("listen.proxy_protocol", "\"v2\"").start();
    let missing = "08P01 invalid PROXY protocol header: there is none";
    assert_eq!(outcome(proxy.connect().try_open()), missing);
    let said = |bytes: &[u8]| {
        let mut client = proxy.connect().before(bytes).unlogged();
        let _ = client.send_startup();
        let said = crate::scene::last_words(&mut client);
        said.first().map_or_else(String::new, |error| error.message().to_owned())
    };
    let starts = "invalid PROXY protocol header: ";
    assert_eq!(said(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), format!("{starts}it is of version 1"));
    assert_eq!(
        said(&header(0x21, 0x12, &[0; 12])),
        format!("{starts}address family and transport 0x12 are not taken")
    );
    assert_eq!(said(&header(0x22, 0x11, &[0; 12])), format!("{starts}unknown command 2"));
    assert_eq!(said(&header(0x21, 0x11, &[0; 521])), format!("{starts}its length 521 is out of limits"));
    // a second one is the client's own invention
    let twice = [from("203.0.113.7:1"), from("127.0.0.1:1")].concat();
    assert!(!outcome(proxy.connect().before(&twice).try_open()).is_empty());
    assert_eq!(proxy.connect_unix().open().rows("SELECT 1"), "1", "the Unix socket has no header");

    let mut slow = proxy.connect().unlogged();
    let bytes = [from("203.0.113.7:1"), proxy.connect().startup_message()].concat();
    slow.send_split(&bytes, &(1..bytes.len()).collect::<Vec<_>>());
    slow.finish_login().unwrap();
    assert_eq!(slow.rows("SELECT 1"), "1");
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());

    let off = door_to(&postgres).auth("trust").start();
    assert!(!outcome(off.connect().before(&from("127.0.0.1:1")).try_open()).is_empty(), "not asked for");
    assert_eq!(off.connect().open().rows("SELECT 1"), "1");
}

#[test]
fn who_is_not_on_the_list_cannot_say_who_it_is() {
    let postgres = Postgres::start();
    let proxy = door_to(&postgres)
        .auth("trust")
        .set("listen.proxy_protocol", "\"v2\"")
        .set("listen.proxy_from", "[\"10.0.0.0/8\", \"::1\"]")
        .start();
    let refused = "28000 host \"127.0.0.1\" may not connect directly";
    assert_eq!(outcome(proxy.connect().before(&from("10.0.0.1:1")).try_open()), refused);
    assert_eq!(outcome(proxy.connect().try_open()), refused);
    proxy.edit_config("10.0.0.0/8", "127.0.0.1");
    proxy.reload();
    testkit::wait::until(testkit::wait::PATIENCE, "the new list holds", || {
        proxy.connect().before(&from("10.0.0.1:1")).try_open().is_ok()
    });
}

#[test]
fn tls_and_cancels_come_behind_the_header() {
    let (authority, postgres) = (Authority::new(), Postgres::start());
    let pair = authority.server();
    let text = |path: &std::path::Path| path.display().to_string();
    let proxy = door_to(&postgres)
        .auth("trust")
        .tls("require", &text(&pair.cert), &text(&pair.key), None)
        .set("listen.proxy_protocol", "\"v2\"")
        .start();
    let verified = Tls::verified(&authority.ca());
    let connect = proxy.connect().before(&from("203.0.113.7:1"));
    for tls in [verified.clone(), verified.clone().direct()] {
        assert_eq!(connect.clone().tls(tls.clone()).open().rows("SELECT 1"), "1");
        assert_eq!(outcome(proxy.connect().tls(tls).try_open()), "closed", "TLS without a header");
    }
    // a header inside of TLS was not sent by what stands in front
    let mut inside = connect.clone().tls(verified.clone()).unlogged();
    let _ = inside.try_send(&from("127.0.0.1:1"));
    let said = crate::scene::last_words(&mut inside);
    assert_eq!(said.iter().map(|error| error.code()).collect::<Vec<_>>(), ["08P01"]);

    let mut client = connect.tls(verified).open();
    client.send(&messages::query("SELECT pg_sleep(600)"));
    let mut door = postgres.door().open();
    let asleep =
        "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active'";
    testkit::wait::until(testkit::wait::PATIENCE, "it sleeps", || door.rows(asleep) == "1");
    client.cancel();
    let said: Vec<_> = client.read_until_ready().iter().filter_map(|message| message.error()).collect();
    assert_eq!(said.iter().map(|error| error.code()).collect::<Vec<_>>(), ["57014"]);
}

/// An administrator whom nothing is asked is at home on this machine only.
#[test]
fn trust_does_not_make_administrators_of_strangers() {
    let postgres = Postgres::start();
    let rules = Rules::new("host all all all trust\nlocal all all trust\n", "");
    for builder in [door_to(&postgres).auth("trust"), rules.before(&postgres)] {
        let proxy = builder
            .set("listen.proxy_protocol", "\"v2\"")
            .set("admin.users", "[\"admin\"]")
            .set("admin.stats_users", "[\"monitor\"]")
            .start();
        let at = |client: &str, user: &str, database: &str| {
            outcome(proxy.connect().before(&from(client)).user(user).database(database).try_open())
        };
        for database in ["pgweir", "pgbouncer"] {
            for client in ["203.0.113.7:1", "[2001:db8::1]:1", "[::ffff:203.0.113.7]:1"] {
                assert_eq!(
                    at(client, "admin", database),
                    "28000 administrator \"admin\" may not use the console from afar without authentication"
                );
                assert_eq!(at(client, "monitor", database), "", "who only looks");
                assert_eq!(at(client, "admin", "postgres"), "", "an ordinary database");
            }
            for client in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
                assert_eq!(at(client, "admin", database), "", "{client}");
            }
            assert_eq!(outcome(proxy.connect_unix().user("admin").database(database).try_open()), "");
        }
    }
}
