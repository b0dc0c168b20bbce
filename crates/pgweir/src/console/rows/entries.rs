//! SHOW DATABASES and USERS: the configuration's entries, and how much of their limits is used.

use std::collections::BTreeSet;

use super::{OWN, Scene, count};
use crate::census::{Census, Client};
use crate::console::table::{Cell, Row};

/// The databases by name: those of the configuration, those that `*` has stood for, and the console.
pub(super) fn names(scene: &Scene<'_>, census: &Census) -> BTreeSet<String> {
    let configured = scene.config.databases.iter().map(|database| database.name.clone());
    let used = census.pools.keys().map(|(database, _)| database.clone());
    let used = used.filter(|name| scene.config.database(name).is_some());
    configured.filter(|name| name != "*").chain(used).chain([OWN.to_owned()]).collect()
}

/// SHOW DATABASES.
pub(super) fn databases(scene: &Scene<'_>, census: &Census) -> Vec<Row> {
    let holds = scene.hub.directory.holds();
    let names = names(scene, census);
    names
        .iter()
        .filter_map(|name| match name.as_str() {
            OWN => Some(own_row(scene, census)),
            name => database_row(scene, census, name, holds.holds(name)),
        })
        .collect()
}

fn database_row(scene: &Scene<'_>, census: &Census, name: &str, paused: bool) -> Option<Row> {
    let entry = scene.config.database(name)?;
    let settings = scene.config.pool.with(&entry.pool);
    let server = entry.servers.get(scene.hub.directory.primary(entry));
    let clients = clients(&census.clients, |client| client.card.login.0 == name);
    Some(vec![
        name.into(),
        Cell::maybe(server.map(|server| server.host.to_string())),
        server.map_or(Cell::Null, |server| server.port.into()),
        entry.dbname.as_deref().unwrap_or(name).into(),
        Cell::maybe(entry.user.as_deref()),
        settings.size.into(),
        settings.min_size.into(),
        settings.reserve_size.into(),
        settings.max_lifetime().as_secs().into(),
        Cell::maybe(entry.pool.mode.map(config::PoolMode::as_str)),
        Cell::Null,
        settings.max_server_connections().into(),
        census.servers(|database, _| database == name).into(),
        entry.pool.max_clients.unwrap_or(0).into(),
        clients.into(),
        paused.into(),
        false.into(),
    ])
}

/// The console, as PgBouncer shows its own.
fn own_row(scene: &Scene<'_>, census: &Census) -> Row {
    let port = scene.config.listen.addresses.first().map_or(0, std::net::SocketAddr::port);
    let zero = Cell::Number(0);
    vec![
        OWN.into(),
        Cell::Null,
        port.into(),
        OWN.into(),
        OWN.into(),
        2_u64.into(),
        zero.clone(),
        zero.clone(),
        scene.config.pool.max_lifetime().as_secs().into(),
        "statement".into(),
        Cell::Null,
        zero.clone(),
        zero.clone(),
        zero.clone(),
        count(census.visitors.len()).into(),
        zero.clone(),
        zero,
    ]
}

/// SHOW USERS.
pub(super) fn users(scene: &Scene<'_>, census: &Census) -> Vec<Row> {
    // text, padded: so it is in PgBouncer
    let padded = |n: Option<u32>| Cell::Text(n.map_or_else(String::new, |n| format!("{n:9}")));
    let row = |user: &config::User| {
        let own = |client: &Client| client.card.login.1 == user.name;
        vec![
            user.name.as_str().into(),
            padded(user.pool.size),
            padded(user.pool.reserve_size),
            Cell::maybe(user.pool.mode.map(config::PoolMode::as_str)),
            user.pool.caps.database.unwrap_or(0).into(),
            census.servers(|_, name| name == user.name).into(),
            user.pool.max_clients.unwrap_or(0).into(),
            (clients(&census.clients, own) + clients(&census.visitors, own)).into(),
        ]
    };
    scene.config.users.iter().map(row).collect()
}

fn clients(all: &[Client], wanted: impl Fn(&Client) -> bool) -> u64 {
    count(all.iter().filter(|client| wanted(client)).count())
}
