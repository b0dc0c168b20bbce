//! What is read of a database's catalogue, and that it is never older than what a client has defined.

mod names;
mod scene;

use testkit::wait;

use scene::Scene;

#[test]
fn the_catalogue_is_read_as_anybody_and_shown() {
    let scene =
        Scene::start("CREATE ROLE nobody LOGIN; REVOKE ALL ON SCHEMA public FROM PUBLIC", |builder| builder);
    let _client = scene.proxy.connect().user("nobody").open();
    scene.until("known");
    assert!(scene.names() > 0);
    assert_eq!(scene.looks("failed"), 0);
}

#[test]
fn nothing_is_asked_where_the_interval_is_zero() {
    let scene = Scene::start("", |builder| builder.set("route.catalog_interval", "\"0s\""));
    let mut client = scene.client();
    client.rows("SELECT 1");
    scene.until("off");
    client.rows("CREATE FUNCTION two() RETURNS int STABLE LANGUAGE sql AS 'SELECT 2'");
    assert_eq!(client.rows("SELECT 3"), "3");
    assert_eq!((scene.looks("read"), scene.looks("same"), scene.looks("failed")), (0, 0, 0));
}

#[test]
fn what_is_defined_around_pgweir_is_read_at_the_next_look() {
    let scene = Scene::start("", |builder| builder.set("route.catalog_interval", "\"50ms\""));
    let _client = scene.client();
    scene.until("known");
    let (names, read) = (scene.names(), scene.looks("read"));
    wait::until(wait::PATIENCE, "it is looked at again", || scene.looks("same") > 3);
    assert_eq!(scene.looks("read"), read, "nothing has changed");
    scene.cluster.primary.psql("CREATE FUNCTION more() RETURNS int STABLE LANGUAGE sql AS 'SELECT 2'");
    wait::until(wait::PATIENCE, "the function is known", || scene.names() == names + 1);
}

#[test]
fn what_is_defined_through_pgweir_is_read_when_its_transaction_is_over() {
    let scene = Scene::start("", |builder| builder.set("route.catalog_interval", "\"1h\""));
    let mut client = scene.client();
    scene.until("known");
    let (names, same) = (scene.names(), scene.looks("same"));
    client.rows("CREATE VIEW one AS SELECT 1");
    wait::until(wait::PATIENCE, "the view is known", || scene.names() == names + 3);
    // that of the view, of its row, and of arrays of it
    client.rows("BEGIN; CREATE DOMAIN even AS int CHECK (VALUE % 2 = 0)");
    client.rows("ROLLBACK");
    wait::until(wait::PATIENCE, "it was looked at", || scene.looks("same") > same);
    assert_eq!(scene.names(), names + 3);
}
