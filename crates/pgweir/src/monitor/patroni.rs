//! What Patroni says of a server and its cluster, where `database.server.patroni` names its REST interface.
//!
//! Asked every `route.probe_interval`, and at once when the servers themselves are: first who its member is, then for the
//! whole cluster. What cannot be read is counted and otherwise as if there were no answer; after two in a row nothing is
//! taken from Patroni any more until it answers again.

use std::sync::Arc;
use std::time::Duration;

use route::patroni::{Mate, Opinion};
use serde_json::Value;
use telemetry::Event;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::news;
use super::watched::Watched;
use crate::web::Page;

/// The most bytes of an answer, members in it, and characters of a name.
const MOST: (usize, usize, usize) = (256 << 10, 64, 200);
/// It is asked no sooner after the last time, whatever happens.
const SOONEST: Duration = Duration::from_millis(100);
/// After so many times without an answer it has none.
const LOST: u32 = 2;

/// Asks the member of one server until its task is ended.
pub(super) async fn watch(watched: Arc<Watched>, server: usize, url: String) {
    let name = news::name(&watched.entry, server);
    let Some(page) = Page::parse(&url) else {
        tracing::warn!(server = name, "Patroni is not asked: not a URL of the form http://host:port");
        return;
    };
    let mut course = watched.course.subscribe();
    let mut lost = 0_u32;
    loop {
        let begun = Instant::now();
        let doubts = course.borrow_and_update().doubts;
        let patience = watched.config().servers.route.probe_timeout;
        match ask(&page, patience).await {
            Ok(opinion) => {
                watched.hub().events.count(Event::PatroniOk);
                if lost >= LOST {
                    tracing::info!(server = name, "Patroni answers again");
                }
                lost = 0;
                watched.patroni(server, Some(opinion));
            }
            Err(why) => {
                watched.hub().events.count(Event::PatroniFailed);
                lost = lost.saturating_add(1);
                if lost == LOST {
                    tracing::warn!(server = name, "Patroni does not answer: {why}");
                    watched.patroni(server, None);
                }
            }
        }
        let due = begun + watched.config().servers.route.probe_interval;
        sleep_until(begun + SOONEST).await;
        // until somebody doubts
        while course.borrow_and_update().doubts == doubts {
            if !matches!(timeout_at(due, course.changed()).await, Ok(Ok(()))) {
                break;
            }
        }
    }
}

/// What a member answers, within `patience` for each of two questions.
pub(crate) async fn ask(page: &Page, patience: Duration) -> Result<Opinion, String> {
    // with any status: a member that is not running is one, too
    let own = page.beside("patroni").get(patience, MOST.0).await?;
    let cluster = page.beside("cluster").get(patience, MOST.0).await?.good()?;
    read(&own.body, &cluster).ok_or_else(|| "what it says cannot be read".to_owned())
}

/// Reads both documents; none if they are not what Patroni says.
fn read(own: &str, cluster: &str) -> Option<Opinion> {
    let own: Value = serde_json::from_str(own).ok()?;
    let cluster: Value = serde_json::from_str(cluster).ok()?;
    let members = cluster.get("members")?.as_array()?;
    if members.len() > MOST.1 {
        return None;
    }
    let members: Option<Vec<Mate>> = members.iter().map(mate).collect();
    Some(Opinion { name: name(own.get("patroni")?.get("name")?)?, members: members? })
}

fn mate(member: &Value) -> Option<Mate> {
    let tag = |tag| member.get("tags").and_then(|tags| tags.get(tag)).is_some_and(is_on);
    Some(Mate {
        name: name(member.get("name")?)?,
        role: name(member.get("role")?)?,
        no_load_balance: tag("noloadbalance"),
        no_failover: tag("nofailover"),
    })
}

/// As Patroni reads its tags.
fn is_on(value: &Value) -> bool {
    value
        .as_bool()
        .unwrap_or_else(|| value.as_str().is_some_and(|text| matches!(text, "true" | "on" | "yes")))
}

fn name(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let fits = !text.is_empty() && text.chars().count() <= MOST.2 && !text.contains(char::is_control);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As version 4.1 answers, somewhat shortened.
    const OWN: &str = r#"{"state": "running", "role": "primary", "server_version": 150020, "timeline": 1,
        "dcs_last_seen": 1795292868, "patroni": {"version": "4.1.5", "scope": "c", "name": "m2"}}"#;
    const CLUSTER: &str = r#"{"members": [
        {"name": "m1", "role": "replica", "state": "streaming", "host": "10.0.0.1", "port": 5432, "lag": 0,
         "timeline": 1, "tags": {"noloadbalance": true, "nofailover": "on", "clonefrom": false}},
        {"name": "m2", "role": "leader", "state": "running", "host": "10.0.0.2", "port": 5432, "timeline": 1}],
        "scope": "c"}"#;

    #[test]
    fn what_patroni_says_is_read() {
        let opinion = read(OWN, CLUSTER).unwrap();
        assert_eq!(opinion.name, "m2");
        let told: Vec<_> = opinion
            .members
            .iter()
            .map(|mate| (mate.name.as_str(), mate.role.as_str(), mate.no_load_balance, mate.no_failover))
            .collect();
        assert_eq!(told, [("m1", "replica", true, true), ("m2", "leader", false, false)]);
    }

    #[test]
    fn what_is_something_else_is_not() {
        for (own, cluster) in [
            ("", CLUSTER),
            (OWN, ""),
            ("{}", CLUSTER),
            (OWN, "{}"),
            (OWN, "[]"),
            (OWN, r#"{"members": [1]}"#),
            (OWN, r#"{"members": [{"name": "", "role": "leader"}]}"#),
            (OWN, r#"{"members": [{"name": "a\nb", "role": "leader"}]}"#),
            (r#"{"patroni": {"name": 5}}"#, CLUSTER),
        ] {
            assert_eq!(read(own, cluster), None, "{own} {cluster}");
        }
        let many = vec![r#"{"name": "a", "role": "replica"}"#; 65].join(",");
        assert_eq!(read(OWN, &format!("{{\"members\": [{many}]}}")), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(at in 0_usize..200, with in "\\PC{0,6}") {
            let cut = |text: &str| {
                let at = text.char_indices().map(|(at, _)| at).nth(at % text.len()).unwrap_or(0);
                format!("{}{with}{}", &text[..at], &text[at..])
            };
            let _ = read(&cut(OWN), CLUSTER);
            let _ = read(OWN, &cut(CLUSTER));
        }
    }
}
