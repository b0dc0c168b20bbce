//! What people are told of servers: lines in the log, counts, and to the pools which server is the primary.

use config::Database;
use pool::probe::Kind;
use route::cluster::News;
use route::health::State;
use session::Hub;
use telemetry::{Event, Events};

/// Monitors run on the first worker.
const WORKER: usize = 0;

/// What a server is called.
pub(super) fn name(entry: &Database, server: usize) -> String {
    entry.servers.get(server).map(config::Server::shown_name).unwrap_or_default()
}

/// Tells sessions and pools which server takes writes, or that none does. Often nothing has changed.
pub(super) fn reign(hub: &Hub, entry: &Database, primary: Option<usize>) {
    match primary {
        Some(at) if hub.crown(entry, at, WORKER) => {
            tracing::info!(database = entry.name, server = name(entry, at), "writes go to the server");
        }
        None if hub.directory.vacate(entry) => {
            tracing::error!(database = entry.name, "the database has no primary: who writes has to wait");
        }
        Some(_) | None => {}
    }
}

/// Counts an answer, or why there is none.
pub(super) fn count(events: &Events, failed: Option<Kind>) {
    events.count(match failed {
        None => Event::ProbeOk,
        Some(Kind::Connect) => Event::ProbeNoConnection,
        Some(Kind::Login) => Event::ProbeNoLogin,
        Some(Kind::Late) => Event::ProbeLate,
        Some(Kind::NotReady) => Event::ProbeNotReady,
    });
}

/// Tells it; `why` there was no answer.
pub(super) fn tell(hub: &Hub, entry: &Database, news: News, why: Option<&str>) {
    let database = entry.name.as_str();
    match news {
        News::NewPrimary(at, timeline) => {
            let server = name(entry, at);
            tracing::info!(database, server, timeline, "the server is the primary");
        }
        News::Fenced(at) => {
            hub.events.count(Event::ServerFenced);
            let server = name(entry, at);
            tracing::error!(
                database,
                server,
                "the server takes writes and is not the primary: it gets nothing until it follows"
            );
        }
        News::Foreign(at) => {
            let server = name(entry, at);
            tracing::error!(database, server, "the server belongs to another cluster: it gets nothing");
        }
        News::Became(at, part) => {
            tracing::info!(database, server = name(entry, at), "the server is a {}", part.as_str());
        }
        News::Health(at, state @ (State::Up | State::Probing)) => {
            tracing::info!(database, server = name(entry, at), "the server answers: {}", state.as_str());
        }
        News::Health(at, State::Suspect) => {
            let why = why.unwrap_or_default();
            tracing::info!(database, server = name(entry, at), "the server has not answered once: {why}");
        }
        News::Health(at, State::Down) => {
            let why = why.unwrap_or_default();
            tracing::warn!(database, server = name(entry, at), "the server is down: {why}");
        }
    }
}
