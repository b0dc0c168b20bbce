//! The console's door is the same door: every method, and no way around it.

use testkit::client::tls::Tls;
use testkit::proxy::Builder;
use testkit::{Authority, Postgres, Proxy};

use super::{Rules, door_to, me, outcome};

fn with_admin(builder: Builder) -> Builder {
    builder.set("admin.users", "[\"admin\"]").set("admin.stats_users", "[\"monitor\"]")
}

fn may_look(proxy: &Proxy, user: &str, password: &str) -> String {
    let connect = proxy.connect().user(user).password(password).database("pgweir");
    let attempt = connect.try_open().and_then(|mut visitor| {
        visitor.try_query("SHOW POOLS")?;
        Ok(visitor)
    });
    outcome(attempt)
}

#[test]
fn no_method_lets_an_administrator_in_without_its_proof() {
    let postgres = Postgres::start();
    let rules = Rules::new("host pgweir,pgbouncer admin all scram-sha-256\nhost all all all trust\n", "");
    let ways = ["plain", "md5", "scram-sha-256"].map(|method| (method, door_to(&postgres).auth(method)));
    for (method, builder) in ways.into_iter().chain([("hba", rules.before(&postgres))]) {
        let proxy = with_admin(builder).user("admin", "secret").user("other", "secret").start();
        assert_eq!(may_look(&proxy, "admin", "secret"), "", "{method}");
        for wrong in ["", "wrong", "secret ", "Secret"] {
            assert!(may_look(&proxy, "admin", wrong).starts_with("28P01 "), "{method}, {wrong:?}");
        }
        // a client of another database, logged in before, opens nothing
        assert_eq!(proxy.connect().user("other").password("secret").open().rows("SELECT 1"), "1");
        assert!(may_look(&proxy, "other", "secret").starts_with("42501 "), "{method}");
        // a user without any secret
        let monitor = may_look(&proxy, "monitor", "");
        assert!(monitor.is_empty() == (method == "hba"), "{method}: {monitor}");
    }
}

#[test]
fn administrators_come_by_certificate_and_by_socket_too() {
    let (authority, postgres) = (Authority::new(), Postgres::start());
    let pair = authority.server();
    let text = |path: &std::path::Path| path.display().to_string();
    let rules = Rules::new(
        "local pgweir admin peer map=m\nhostssl pgweir all all cert\nhost app all all trust\n",
        &format!("m {} admin\n", me()),
    );
    let proxy = with_admin(rules.before(&postgres))
        .tls("prefer", &text(&pair.cert), &text(&pair.key), Some(&text(&authority.ca())))
        .start();
    let near = |user: &str| outcome(proxy.connect_unix().user(user).database("pgweir").try_open());
    assert_eq!(near("admin"), "");
    assert!(near("monitor").starts_with("28000 no pg_hba.conf entry"));
    let shown = |name: &str, user: &str| {
        let pair = authority.client(name);
        let tls = Tls::with_client_cert(&authority.ca(), &pair.cert, &pair.key);
        outcome(proxy.connect().tls(tls).user(user).database("pgweir").try_open())
    };
    assert_eq!((shown("admin", "admin"), shown("monitor", "monitor")), (String::new(), String::new()));
    assert_eq!(shown("monitor", "admin"), "28000 certificate authentication failed for user \"admin\"");
    assert_eq!(shown("alice", "alice"), "42501 user \"alice\" may not use the console");
    assert!(may_look(&proxy, "admin", "").starts_with("28000 no pg_hba.conf entry"));
}

/// The certificate is all that is asked for, and a password is no way around it.
#[test]
fn where_certificates_are_the_method_an_administrator_needs_its_own() {
    let (authority, others, postgres) = (Authority::new(), Authority::new(), Postgres::start());
    let pair = authority.server();
    let text = |path: &std::path::Path| path.display().to_string();
    let proxy = with_admin(door_to(&postgres).auth("cert"))
        .user("admin", "secret")
        .tls("prefer", &text(&pair.cert), &text(&pair.key), Some(&text(&authority.ca())))
        .start();
    let with = |by: &Authority, name: &str| {
        let pair = by.client(name);
        let tls = Tls::with_client_cert(&authority.ca(), &pair.cert, &pair.key);
        outcome(proxy.connect().tls(tls).user("admin").password("secret").database("pgweir").try_open())
    };
    assert_eq!(with(&authority, "admin"), "");
    assert_eq!(with(&authority, "alice"), "28000 certificate authentication failed for user \"admin\"");
    assert_eq!(with(&others, "admin"), "closed", "another authority's");
    let bare = proxy.connect().user("admin").database("pgweir");
    for password in ["secret", "wrong", ""] {
        for connect in [bare.clone(), bare.clone().tls(Tls::unchecked())] {
            let said = outcome(connect.password(password).try_open());
            assert_eq!(said, "28000 connection requires a valid client certificate", "{password:?}");
        }
    }
}
