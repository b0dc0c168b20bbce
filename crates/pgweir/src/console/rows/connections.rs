//! SHOW CLIENTS, SERVERS and POOLS.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use net::Peer;
use session::card::Doing;
use telemetry::PoolGauges;

use super::{OWN, Scene, count};
use crate::census::{Census, Client, Crew, Server};
use crate::console::date;
use crate::console::table::{Cell, Row};

/// Clients, visitors of the console included.
pub(super) fn clients(scene: &Scene<'_>, census: &Census) -> Vec<Row> {
    let port = scene.config.listen.addresses.first().map_or(0, SocketAddr::port);
    let mut all: Vec<&Client> = census.clients.iter().chain(&census.visitors).collect();
    all.sort_unstable_by_key(|client| client.card.id);
    all.into_iter().map(|client| client_row(client, port)).collect()
}

fn client_row(client: &Client, listen_port: u16) -> Row {
    let card = &client.card;
    let state = match client.doing {
        Doing::Idle => "idle",
        Doing::Waiting => "waiting",
        Doing::Active => "active",
    };
    let (addr, port) = address(card.ends.0, listen_port);
    let (local_addr, local_port) = address(card.ends.1, listen_port);
    let link = client.server.as_ref().map_or(String::new(), |server| server_ptr(server.id));
    vec![
        "C".into(),
        card.login.1.as_str().into(),
        card.login.0.as_str().into(),
        "none".into(),
        state.into(),
        addr,
        port,
        local_addr,
        local_port,
        date::text(card.since).into(),
        date::text(moment(card.requested()).unwrap_or(card.since)).into(),
        client.waited.as_secs().into(),
        client.waited.subsec_micros().into(),
        false.into(),
        client_ptr(card.id).into(),
        link.into(),
        u64::from(card.process).into(),
        card.tls.as_str().into(),
        card.application.as_str().into(),
        card.prepared.load(Ordering::Relaxed).into(),
        card.id.into(),
    ]
}

/// Server connections that are logged in.
pub(super) fn servers(census: &Census) -> Vec<Row> {
    census.pools.values().flat_map(|crew| &crew.servers).map(server_row).collect()
}

fn server_row(server: &Server) -> Row {
    let (card, key) = (&server.card, &server.pool.key);
    let (addr, port) = address(card.ends.0, server.pool.target.port);
    let (local_addr, local_port) = address(card.ends.1, 0);
    let close_needed = server.pool.look(|state| state.paused || state.retired);
    vec![
        "S".into(),
        key.user.as_str().into(),
        key.database.as_str().into(),
        "none".into(),
        server.state.into(),
        addr,
        port,
        local_addr,
        local_port,
        date::text(card.since).into(),
        date::text(moment(server.requested).unwrap_or(card.since)).into(),
        0_u64.into(),
        0_u64.into(),
        close_needed.into(),
        server_ptr(card.id).into(),
        server.client.map(client_ptr).unwrap_or_default().into(),
        card.pid.into(),
        card.tls.as_str().into(),
        if card.is_listening() { "pgweir: LISTEN" } else { "" }.into(),
        card.prepared.load(Ordering::Relaxed).into(),
        card.id.into(),
    ]
}

/// Clients that keep a server connection between transactions.
pub(super) fn pins(census: &Census) -> Vec<Row> {
    census.clients.iter().filter(|client| !client.card.pins().is_empty()).map(pin_row).collect()
}

fn pin_row(client: &Client) -> Row {
    let card = &client.card;
    let (server, pid) = client.server.as_ref().map_or((0, 0), |server| (server.id, server.pid));
    vec![
        card.id.into(),
        card.login.1.as_str().into(),
        card.login.0.as_str().into(),
        card.application.as_str().into(),
        card.pins().to_string().into(),
        date::text(moment(card.pinned_since()).unwrap_or(card.since)).into(),
        server.into(),
        pid.into(),
    ]
}

/// Pools, and the console's own.
pub(super) fn pools(scene: &Scene<'_>, census: &Census) -> Vec<Row> {
    let is_there = |crew: &Crew| !crew.pools.is_empty() || crew.now != PoolGauges::default();
    let mut rows: Vec<Row> = Vec::new();
    for ((database, user), crew) in census.pools.iter().filter(|(_, crew)| is_there(crew)) {
        let mode = crew.pools.first().map_or(scene.config.pool.mode, |pool| pool.settings().mode);
        rows.push(pool_row(database, user, &crew.now, mode.as_str()));
    }
    let own = PoolGauges { cl_active: count(census.visitors.len()), ..PoolGauges::default() };
    rows.push(pool_row(OWN, OWN, &own, "statement"));
    rows
}

fn pool_row(database: &str, user: &str, now: &PoolGauges, mode: &str) -> Row {
    let mut row: Row = vec![database.into(), user.into()];
    let numbers = [
        now.cl_active,
        now.cl_waiting,
        now.cl_active_cancel_req,
        now.cl_waiting_cancel_req,
        now.sv_active,
        now.sv_active_cancel,
        now.sv_being_canceled,
        now.sv_idle,
        now.sv_used,
        now.sv_tested,
        now.sv_login,
        now.maxwait_us / 1_000_000,
        now.maxwait_us % 1_000_000,
    ];
    row.extend(numbers.map(Cell::Number));
    row.extend([mode.into(), Cell::Null]);
    row
}

/// Address and port of one end of a connection; a Unix socket has the port of its name.
fn address(end: Peer, unix_port: u16) -> (Cell, Cell) {
    match end {
        Peer::Tcp(address) => (address.ip().to_string().into(), address.port().into()),
        Peer::Unix => ("unix".into(), unix_port.into()),
    }
}

/// PgBouncer shows addresses in memory here; ours only look like them, and stand for the same thing for as long
/// as it lives.
fn client_ptr(id: u64) -> String {
    format!("0xc{id:011x}")
}

fn server_ptr(id: u64) -> String {
    format!("0x5{id:011x}")
}

fn moment(at: Option<Instant>) -> Option<SystemTime> {
    SystemTime::now().checked_sub(at?.elapsed())
}
