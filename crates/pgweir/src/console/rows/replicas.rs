//! SHOW REPLICAS, BREAKERS, CATALOGUES, SERVERS_STATE and FAILOVER: what is known of servers, from the monitors' own view.

use std::sync::Arc;
use std::time::{Duration, Instant};

use config::{Database, Server};
use route::{Cluster, Member, View, breaker};
use session::meanings::{Meanings, Names};

use super::{Scene, count};
use crate::census::Census;
use crate::console::table::{Cell, Row};
use crate::figures;
use crate::monitor::{Status, Watched};

/// The servers of databases that have several.
pub(super) fn replicas(scene: &Scene<'_>) -> Vec<Row> {
    each(scene, |watched, cluster, at, (server, member)| {
        let told = cluster.told(at)?;
        let (lag, advice) = (member.lag, cluster.advice(at));
        let age = told.asked.map(|asked| watched.now().saturating_sub(asked));
        let said = told.report;
        let probe = match (told.asked, told.failed) {
            (None, _) => "",
            (Some(_), None) => "ok",
            (Some(_), Some(failed)) => failed.as_str(),
        };
        Some(vec![
            watched.entry.name.as_str().into(),
            server.shown_name().into(),
            server.host.to_string().into(),
            server.port.into(),
            member.part.as_str().into(),
            member.health.as_str().into(),
            member.fit.as_str().into(),
            lag.map_or(Cell::Null, |lag| lag.bytes.into()),
            lag.map_or(Cell::Null, |lag| millis(lag.time).into()),
            Cell::maybe(member.replayed.map(|at| at.to_string())),
            said.and_then(|said| said.timeline).map_or(Cell::Null, Cell::from),
            said.map_or(Cell::Null, |said| (said.in_recovery && !said.starved).into()),
            member.weight.into(),
            Cell::maybe(server.zone.as_deref()),
            member.near.into(),
            watched.board.loads.busy(at).into(),
            watched.board.loads.latency(at).into(),
            probe.into(),
            age.map_or(Cell::Null, |age| millis(age).into()),
            said.map_or(Cell::Null, |said| micros(said.took).into()),
            Cell::maybe(cluster.mate(at).map(|mate| mate.role.as_str())),
            Cell::maybe(advice.map(|advice| advice.trouble.as_str())),
            Cell::maybe(advice.map(|advice| advice.why.as_str())),
            Cell::maybe(advice.map(|advice| advice.command.as_str())),
        ])
    })
}

/// What is known of the names in their databases.
pub(super) fn catalogues(scene: &Scene<'_>) -> Vec<Row> {
    let off = scene.config.servers.route.names.catalog_interval.is_zero();
    let row = |meanings: Arc<Meanings>| {
        let told = meanings.told().clone();
        let state = match told.read {
            Some(_) if meanings.definitions.is_in_doubt() => "doubtful",
            Some(_) => "known",
            None if off => "off",
            None => "unknown",
        };
        let age = |at: Option<Instant>| at.map_or(Cell::Null, |at| millis(at.elapsed()).into());
        let Names { all, harmful, functions, relations, operators, types } = told.names;
        vec![
            meanings.entry.as_str().into(),
            meanings.dbname.as_str().into(),
            state.into(),
            Cell::maybe(told.why),
            count(all).into(),
            count(all.saturating_sub(harmful)).into(),
            count(functions).into(),
            count(relations).into(),
            count(operators).into(),
            count(types).into(),
            age(told.read),
            age(told.looked),
        ]
    };
    scene.hub.meanings.all().into_iter().map(row).collect()
}

/// Their breakers.
pub(super) fn breakers(scene: &Scene<'_>) -> Vec<Row> {
    let rows = each(scene, |watched, cluster, at, (server, member)| {
        let told = cluster.told(at)?;
        let sides = ["read", "write"].into_iter().zip(member.breakers).zip(told.outcomes);
        let row = |((side, state), (good, bad)): ((&str, _), (u32, u32))| -> Row {
            let database = watched.entry.name.as_str();
            let state = breaker::State::as_str(state);
            vec![
                database.into(),
                server.shown_name().into(),
                side.into(),
                state.into(),
                good.into(),
                bad.into(),
            ]
        };
        Some(sides.map(row).collect::<Vec<_>>())
    });
    rows.into_iter().flatten().collect()
}

/// All servers, those of databases with only one included, and the connections to them.
pub(super) fn servers_state(scene: &Scene<'_>, census: &Census) -> Vec<Row> {
    let mut rows = Vec::new();
    for entry in &scene.config.databases {
        let view = scene.hub.boards.get(&entry.name).map(|board| board.view());
        for (at, server) in entry.servers.iter().enumerate() {
            rows.push(state_row(
                scene,
                census,
                (entry, server),
                view.as_ref().and_then(|view| view.members.get(at)),
            ));
        }
    }
    rows
}

fn state_row(
    scene: &Scene<'_>,
    census: &Census,
    (entry, server): (&Database, &Server),
    member: Option<&Member>,
) -> Row {
    let crews = census
        .pools
        .iter()
        .filter(|((database, _), _)| scene.config.database(database).is_some_and(|of| of.name == entry.name));
    let (mut active, mut idle) = (0_usize, 0_usize);
    for open in crews.flat_map(|(_, crew)| &crew.servers) {
        let target = &open.pool.target;
        if (&target.host, target.port) == (&server.host, server.port) {
            *(if open.state == "idle" { &mut idle } else { &mut active }) += 1;
        }
    }
    let alone = || figures::servers(scene.hub, &entry.name).word();
    vec![
        entry.name.as_str().into(),
        server.shown_name().into(),
        server.host.to_string().into(),
        server.port.into(),
        server.role.as_str().into(),
        member.map_or(Cell::Null, |member| member.part.as_str().into()),
        member.map_or_else(alone, |member| member.health.as_str()).into(),
        count(active).into(),
        count(idle).into(),
    ]
}

/// How it stands with promoting a replica, for each database that has several servers.
pub(super) fn failover(scene: &Scene<'_>) -> Vec<Row> {
    let settings = &scene.config.servers.failover;
    let row = |watched: &Watched| {
        let Status { state, common, server, error } = watched.promotion().clone();
        let timeline = watched.cluster().sight().timeline;
        let server = server.and_then(|at| watched.entry.servers.get(at)).map(Server::shown_name);
        vec![
            watched.entry.name.as_str().into(),
            settings.promote.as_str().into(),
            state.unwrap_or("off").into(),
            timeline.into(),
            settings.instances.map_or(Cell::Null, Cell::from),
            common.map_or(Cell::Null, |common| common.seen.into()),
            common.map_or(Cell::Null, |common| common.lost.into()),
            Cell::maybe(server),
            Cell::maybe(error),
        ]
    };
    scene.control.monitors.look().iter().map(|watched| row(watched)).collect()
}

/// A row for each server that is watched.
fn each<T>(
    scene: &Scene<'_>,
    row: impl Fn(&Watched, &Cluster, usize, (&Server, &Member)) -> Option<T>,
) -> Vec<T> {
    let mut rows = Vec::new();
    for watched in scene.control.monitors.look() {
        let cluster = watched.cluster();
        let View { members, .. } = cluster.view(watched.now());
        for (at, pair) in watched.entry.servers.iter().zip(&members).enumerate() {
            rows.extend(row(&watched, &cluster, at, pair));
        }
    }
    rows
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
