//! Certificates of clients in the place of passwords, or beside them.

use testkit::client::tls::Tls;
use testkit::{Authority, Connect, Postgres, Proxy};

use super::{Rules, door_to, outcome};
use testkit::proxy::Builder;

struct World {
    authority: Authority,
    postgres: Postgres,
}

impl World {
    fn new() -> Self {
        Self { authority: Authority::new(), postgres: Postgres::start() }
    }

    fn start(&self, builder: Builder, mode: &str) -> Proxy {
        let (pair, ca) = (self.authority.server(), self.authority.ca().display().to_string());
        let text = |path: &std::path::Path| path.display().to_string();
        builder.tls(mode, &text(&pair.cert), &text(&pair.key), Some(&ca)).start()
    }

    /// A way in with a certificate of this common name.
    fn shown(&self, proxy: &Proxy, common_name: &str) -> Connect {
        let pair = self.authority.client(common_name);
        proxy.connect().tls(Tls::with_client_cert(&self.authority.ca(), &pair.cert, &pair.key))
    }

    /// A way in with TLS and no certificate.
    fn bare(&self, proxy: &Proxy) -> Connect {
        proxy.connect().tls(Tls::verified(&self.authority.ca()))
    }
}

const NONE: &str = "28000 connection requires a valid client certificate";

fn wrong(user: &str) -> String {
    format!("28000 certificate authentication failed for user \"{user}\"")
}

#[test]
fn the_common_name_is_the_user() {
    let world = World::new();
    for mode in ["prefer", "require", "verify-ca", "verify-full"] {
        let proxy = world.start(door_to(&world.postgres).auth("cert"), mode);
        let alice = world.shown(&proxy, "alice");
        assert_eq!(alice.clone().user("alice").open().rows("SELECT 1"), "1", "{mode}");
        for user in ["bob", "Alice", "alic", "alice "] {
            assert_eq!(outcome(alice.clone().user(user).try_open()), wrong(user), "{mode}");
        }
        let direct = world.authority.client("alice");
        let direct = Tls::with_client_cert(&world.authority.ca(), &direct.cert, &direct.key).direct();
        assert_eq!(outcome(proxy.connect().tls(direct).user("alice").try_open()), "", "{mode}");
        let others = Authority::new();
        let pair = others.client("alice");
        let stranger = Tls::with_client_cert(&world.authority.ca(), &pair.cert, &pair.key);
        assert_eq!(outcome(proxy.connect().tls(stranger).user("alice").try_open()), "closed", "{mode}");
        assert_eq!(outcome(proxy.connect_unix().user("alice").try_open()), NONE, "{mode}");
        let (bare, clear) = (world.bare(&proxy), proxy.connect());
        let said = (outcome(bare.user("alice").try_open()), outcome(clear.user("alice").try_open()));
        match mode {
            "prefer" => assert_eq!(said, (NONE.to_owned(), NONE.to_owned())),
            "require" => assert_eq!(said, (NONE.to_owned(), "28000 TLS is required".to_owned())),
            _ => assert_eq!(said, ("closed".to_owned(), "28000 TLS is required".to_owned())),
        }
    }
}

/// A session that TLS resumes has no certificate of its own on the way, but the one it began with.
#[test]
fn a_resumed_session_is_whom_it_was() {
    let world = World::new();
    let proxy = world.start(door_to(&world.postgres).auth("cert"), "require");
    let (alice, bob) = (world.shown(&proxy, "alice"), world.shown(&proxy, "bob"));
    for _ in 0..3 {
        // each of these remembers its tickets from one connection to the next
        assert_eq!(alice.clone().user("alice").open().rows("SELECT 1"), "1");
        assert_eq!(bob.clone().user("bob").open().rows("SELECT 1"), "1");
        assert_eq!(outcome(bob.clone().user("alice").try_open()), wrong("alice"));
    }
}

#[test]
fn maps_and_whole_names_and_passwords_beside_certificates() {
    let world = World::new();
    let rules = Rules::new(
        "hostssl app      all     all  cert  map=people\n\
         hostssl postgres dn      all  cert  clientname=DN map=names\n\
         hostssl postgres both    all  scram-sha-256  clientcert=verify-full\n\
         hostssl postgres signed  all  scram-sha-256  clientcert=verify-ca\n\
         hostssl postgres plain   all  scram-sha-256\n",
        "people /^(.*)@weir$ \\1\npeople boss all\nnames \"CN=dn\" dn\n",
    );
    let users = ["both", "signed", "plain"];
    let builder =
        users.iter().fold(rules.before(&world.postgres), |builder, user| builder.user(user, "secret"));
    let proxy = world.start(builder, "prefer");
    let app =
        |name: &str, user: &str| outcome(world.shown(&proxy, name).database("app").user(user).try_open());
    assert_eq!((app("alice@weir", "alice"), app("boss", "anybody")), (String::new(), String::new()));
    assert_eq!((app("alice@weir", "bob"), app("alice", "alice")), (wrong("bob"), wrong("alice")));
    assert_eq!(outcome(world.shown(&proxy, "dn").user("dn").try_open()), "");
    assert_eq!(outcome(world.shown(&proxy, "CN=dn").user("dn").try_open()), wrong("dn"));

    let said =
        |way: Connect, user: &str, password: &str| outcome(way.user(user).password(password).try_open());
    for user in users {
        let own = world.shown(&proxy, user);
        let other = world.shown(&proxy, "other");
        assert_eq!(said(own.clone(), user, "secret"), "", "{user}");
        assert!(said(own, user, "wrong").starts_with("28P01"), "{user}: a certificate is no password");
        let others = if user == "both" { wrong(user) } else { String::new() };
        assert_eq!(said(other, user, "secret"), others, "{user}: somebody else's certificate");
        let none = if user == "plain" { "" } else { NONE };
        assert_eq!(said(world.bare(&proxy), user, "secret"), none, "{user}: no certificate");
    }
}
