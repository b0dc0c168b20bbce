//! The same rules before a PostgreSQL and before pgweir: whoever comes hears the same.

use std::fs;

use testkit::client::tls::Tls;
use testkit::install::Version;
use testkit::postgres::Auth;
use testkit::{Authority, Connect, Postgres};

use super::{Rules, me, outcome};

const HBA: &str = "\
# kind  database        user            address         method
local   \"postgres\"    all             peer            map=people
local   app             one             trust
local   app             two             scram-sha-256
host    sameuser        all             127.0.0.1/32    trust
hostssl postgres,app    /^cert_         127.0.0.0/8     cert
hostssl postgres        dn              all             cert            clientname=DN map=names
hostssl app             both            all             scram-sha-256   clientcert=verify-full
hostssl app             /^t[wh]         samehost        reject
hostnossl app           two, \"t,1\",  \\
        three           127.0.0.1       255.255.255.255 md5
hostnossl replication,app one           all             password
host    \"all\"         \"all\"         all             trust
host    app             one             10.0.0.0/8      trust
host    \"/^a p\"       all             samenet         reject
";

/// A common name that needs every kind of escape, and the whole subject in a line of pg_ident.conf.
const ODD: &str = "#mü, +\"<x>;\\ y ";
const ODD_IN_MAP: &str = "\"CN=\\#m\\C3\\BC\\, \\+\\\"\"\\<x\\>\\;\\\\ y\\ \"";

/// Everybody with everything: the outcome at one door.
fn outcomes(tcp: &Connect, unix: &Connect, tls: &[(&str, Tls)]) -> Vec<(String, String)> {
    let users = ["postgres", "one", "two", "three", "t,1", "both", "cert_a", "dn", "all", &me()];
    let mut ways = vec![("unix", unix.clone()), ("clear", tcp.clone())];
    ways.extend(tls.iter().map(|(name, tls)| (*name, tcp.clone().tls(tls.clone()))));
    let mut found = Vec::new();
    for (way, connect) in &ways {
        for user in users {
            for database in ["postgres", "app", "all", "a p"] {
                for password in ["secret", "wrong"] {
                    let what = format!("{way}, {user}@{database} with {password}");
                    let attempt = connect.clone().user(user).database(database).password(password).try_open();
                    found.push((what, outcome(attempt)));
                }
            }
        }
    }
    found
}

#[test]
fn whoever_comes_hears_what_postgresql_says() {
    let authority = Authority::new();
    let (pair, ca) = (authority.server(), authority.ca());
    let ident = format!("people {} one\npeople /^(ro)ot$ \"x\\1\"\npeople /.* /^tw\n", me());
    let ident = format!("{ident}names {ODD_IN_MAP} dn\n");
    // the door of the kit comes first there
    let rules = Rules::new(&format!("local all postgres trust\n{HBA}"), &ident);
    let names = ["one", "two", "three", "t,1", "both", "cert_a", "dn", "all", &me()];
    let builder = Postgres::builder().version(Version::V18).auth(Auth::Line(HBA.to_owned())).tls(
        &pair.cert,
        &pair.key,
        Some(&ca),
    );
    let builder = ["app", "all", "a p"].iter().fold(builder, |builder, name| builder.database(name));
    let postgres = names.iter().fold(builder, |builder, name| builder.user(name, "secret")).start();
    fs::write(postgres.data_dir().join("pg_ident.conf"), &ident).unwrap();
    postgres.reload();
    testkit::wait::until(testkit::wait::PATIENCE, "the maps are read", || {
        postgres.psql("SELECT count(*) FROM pg_ident_file_mappings WHERE error IS NULL") == "4"
    });
    let behind = Postgres::start();
    let text = |path: &std::path::Path| path.display().to_string();
    let server =
        || testkit::proxy::Server::from(&behind).login("postgres", "x").key("dbname", "\"postgres\"");
    let proxy =
        ["all", "a p"].iter().fold(rules.before(&behind), |builder, name| builder.database(name, server()));
    let proxy = names.iter().fold(proxy, |builder, name| builder.user(name, "secret"));
    let proxy = proxy.tls("prefer", &text(&pair.cert), &text(&pair.key), Some(&text(&ca))).start();
    let with = |name: &str| {
        let pair = authority.client(name);
        Tls::with_client_cert(&ca, &pair.cert, &pair.key)
    };
    let shown = [("as cert_a", "cert_a"), ("as both", "both"), ("as somebody odd", ODD)];
    let mut tls = vec![("TLS", Tls::verified(&ca))];
    tls.extend(shown.map(|(way, name)| (way, with(name))));
    let unix = Connect::unix(&postgres.socket_dir(), postgres.port());
    let theirs = outcomes(&postgres.connect(), &unix, &tls);
    let ours = outcomes(&proxy.connect(), &proxy.connect_unix(), &tls);
    let kinds: std::collections::BTreeSet<&str> =
        theirs.iter().map(|(_, said)| said.get(..20).unwrap_or(said)).collect();
    assert!(kinds.len() >= 6, "many ends: {kinds:?}");
    let odd = "as somebody odd, dn@postgres with secret";
    assert!(
        theirs.iter().any(|(what, said)| what == odd && said.is_empty()),
        "PostgreSQL knows the odd name"
    );
    for ((what, theirs), ours) in theirs.iter().zip(&ours) {
        // the one difference: a wrong certificate beside a password is told before the password is asked for
        let theirs = if what.contains("both@app") && ours.1.contains("certificate authentication") {
            theirs.replace("28P01 password", "28000 certificate")
        } else {
            theirs.clone()
        };
        assert_eq!((what, &theirs), (&ours.0, &ours.1));
    }
}
