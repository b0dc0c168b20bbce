//! Unix sockets on both sides, and who is at the other end of one.

use testkit::proxy::Server;
use testkit::{Postgres, wait};

use super::{Rules, door_to, me, outcome};

#[test]
fn the_user_of_the_operating_system_is_the_user() {
    let postgres = Postgres::start();
    let rules = Rules::new("local all all peer\nhost all all all reject\n", "");
    let proxy = rules.before(&postgres).set("admin.stats_users", &format!("[\"{}\"]", me())).start();
    assert_eq!(proxy.connect_unix().user(&me()).open().rows("SELECT 1"), "1");
    let mut monitor = proxy.connect_unix().user(&me()).database("pgweir").open();
    let shown = monitor.query("SHOW CLIENTS");
    let process = std::process::id().to_string();
    assert!(shown.iter().any(|row| row.tag == b'D' && row.texts().contains(&process)), "{shown:?}");
    for user in ["postgres", "somebody", "admin"] {
        let said = outcome(proxy.connect_unix().user(user).try_open());
        assert_eq!(said, format!("28000 Peer authentication failed for user \"{user}\""));
    }
    assert!(proxy.log().contains(&format!("known: Some(\"{}\")", me())), "the log knows: {}", proxy.log());
}

#[test]
fn a_map_says_who_may_be_whom() {
    let postgres = Postgres::start();
    let me = me();
    let rules = Rules::new(
        "local app all ident map=apps\nlocal all all peer map=people\n",
        &format!("people {me} postgres\npeople /^(.*)$ app_\\1\napps {me} /^team_\napps nobody all\n"),
    );
    let proxy = rules.before(&postgres).start();
    let said =
        |user: &str, database: &str| outcome(proxy.connect_unix().user(user).database(database).try_open());
    assert_eq!(said("postgres", "postgres"), "");
    assert_eq!(said(&format!("app_{me}"), "postgres"), "");
    assert_eq!(said("team_a", "app"), "");
    for (user, database) in [(me.as_str(), "postgres"), ("team_a", "postgres"), ("postgres", "app")] {
        assert_eq!(said(user, database), format!("28000 Peer authentication failed for user \"{user}\""));
    }
}

/// Client, pgweir and server on one machine without TCP, and a cancel request on the same way.
#[test]
fn queries_and_cancels_go_through_sockets_on_both_sides() {
    let postgres = Postgres::start();
    let server = Server::at(&postgres.socket_dir().display().to_string(), postgres.port());
    let server = server.login("postgres", "unused").key("dbname", "\"postgres\"");
    let proxy = door_to(&postgres).auth("trust").database("near", server).start();
    let mut client = proxy.connect_unix().database("near").open();
    assert_eq!(client.rows("SELECT inet_client_addr() IS NULL, pg_backend_pid() > 0"), "t|t");
    client.send(&testkit::messages::query("SELECT pg_sleep(600)"));
    let mut door = postgres.door().open();
    let asleep =
        "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active'";
    wait::until(wait::PATIENCE, "it sleeps", || door.rows(asleep) == "1");
    client.cancel();
    let said: Vec<_> = client.read_until_ready().iter().filter_map(|message| message.error()).collect();
    assert_eq!(said.iter().map(|error| error.code()).collect::<Vec<_>>(), ["57014"]);
    assert_eq!(client.rows("SELECT 'on'"), "on");
}
