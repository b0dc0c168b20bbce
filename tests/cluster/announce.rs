//! A client can tell that pgweir serves it, unless the operator does not want that.

use testkit::{Postgres, messages as m, wait};

use crate::scene::before;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn clients_are_told_the_version_and_the_mode_of_their_pool() {
    let postgres = Postgres::start();
    let server = testkit::proxy::Server::from(&postgres).key("dbname", "\"postgres\"");
    let own = server.key("pool", "{ mode = \"session\" }");
    let proxy = before(&postgres).database("own", own).set("admin.users", "[\"postgres\"]").start();
    for (database, mode) in [("postgres", "transaction"), ("own", "session"), ("pgweir", "statement")] {
        let mut client = proxy.connect().database(database).open();
        assert_eq!(client.parameter("pgweir_version"), Some(VERSION), "{database}");
        assert_eq!(client.parameter("pgweir_pool_mode"), Some(mode));
        let told =
            client.login_messages().iter().filter(|m| m.tag == b'S' && m.text().starts_with("pgweir_"));
        assert_eq!(told.count(), 2, "once each");
        client.query("SHOW version");
    }
    // what the server says of itself is left as it is
    let direct = postgres.door().open();
    let client = proxy.connect().open();
    assert_eq!(client.parameter("server_version"), direct.parameter("server_version"));
    // they are no settings: the server knows nothing of them, and none of them is carried there
    let mut client = proxy.connect().param("application_name", "a").open();
    assert_eq!(client.rows("SELECT count(*) FROM pg_settings WHERE name LIKE 'pgweir%'"), "0");
    client.send(&m::query("SET application_name = 'b'"));
    let told = client.read_until_ready();
    let told: Vec<_> = told.iter().filter(|m| m.tag == b'S').map(testkit::Message::text).collect();
    assert_eq!(told, ["application_name"]);
}

#[test]
fn nothing_is_told_where_the_operator_says_so() {
    let postgres = Postgres::start();
    let builder = before(&postgres).set("listen.announce", "false").set("admin.users", "[\"postgres\"]");
    let proxy = builder.start();
    for database in ["postgres", "pgweir"] {
        let client = proxy.connect().database(database).open();
        let ours = client.login_messages().iter().any(|m| m.text().contains("pgweir_"));
        assert!(!ours, "{database}");
    }
    proxy.edit_config("announce = false", "announce = true");
    proxy.reload();
    wait::until(wait::PATIENCE, "a reload changes it for new clients", || {
        proxy.connect().open().parameter("pgweir_version") == Some(VERSION)
    });
}
