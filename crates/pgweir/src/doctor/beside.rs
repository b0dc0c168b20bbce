//! What is asked besides servers: exporters of machines, Patroni, and the Redis that promotions are agreed on through.

use std::io::Write;
use std::time::Duration;

use cache::remote::{Place, Redis};
use config::{Config, Database, FailoverLock, Promote};

use super::sheet::{Finding, Sheet};
use crate::monitor;
use crate::web::Page;

/// How long Patroni may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn examine(entry: &Database, sheet: &mut Sheet<impl Write>) {
    for server in &entry.servers {
        let place = format!("{}/{}", entry.name, server.shown_name());
        if let Some(url) = &server.node_exporter {
            let finding = match monitor::machine::try_once(url).await {
                Ok(()) => Finding::ok("its node_exporter tells how busy the machine is"),
                Err(why) => Finding::fail(
                    format!("its node_exporter does not tell how busy the machine is: {why}"),
                    "curl the URL in node_exporter from this machine",
                ),
            };
            sheet.note(&place, &finding);
        }
        if let Some(url) = &server.patroni {
            sheet.note(&place, &patroni(url).await);
        }
    }
}

/// What this Redis may do with what it is told, of which nothing may be lost.
const KEEPS: &str = "return {redis.call('INFO', 'memory'), redis.call('INFO', 'persistence')}";

/// Tells of the Redis in `failover.lock`, if anything is agreed on through it.
pub(super) async fn lock(config: &Config, sheet: &mut Sheet<impl Write>) {
    let failover = &config.servers.failover;
    if let Some(lock) = failover.lock.as_ref().filter(|_| failover.promote != Promote::Never) {
        for finding in agreed_in(lock).await {
            sheet.note("failover.lock", &finding);
        }
    }
}

async fn agreed_in(lock: &FailoverLock) -> Vec<Finding> {
    let said = match Redis::new(Place::from(lock)).eval(KEEPS, &[], &[]).await {
        Ok(said) => said.concat(),
        Err(why) => {
            return vec![Finding::fail(
                format!("{why}; nothing is promoted without it"),
                format!(
                    "redis-cli -u {} PING from this machine; the user needs +eval, +info, +time",
                    lock.url
                ),
            )];
        }
    };
    let mut found = vec![Finding::ok("the Redis that promotions are agreed on through answers")];
    let policy = said.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).map(str::trim_end);
    if policy.is_some_and(|policy| policy != "noeviction") {
        found.push(Finding::warn(
            "it may throw away what was agreed on when its memory is full",
            "CONFIG SET maxmemory-policy noeviction",
        ));
    }
    if said.lines().any(|line| line.trim_end() == "aof_enabled:0") {
        found.push(Finding::warn(
            "it forgets what was agreed on last when it crashes",
            "CONFIG SET appendonly yes",
        ));
    }
    found
}

async fn patroni(url: &str) -> Finding {
    let Some(page) = Page::parse(url) else {
        return Finding::fail("Patroni cannot be asked", "patroni = \"http://host:port\"");
    };
    match monitor::patroni::ask(&page, PATIENCE).await {
        Ok(opinion) => {
            let mut leaders = opinion.members.iter().filter(|mate| mate.role == "leader");
            match leaders.next() {
                Some(leader) => Finding::ok(format!(
                    "Patroni answers as \"{}\", the leader is \"{}\"",
                    opinion.name, leader.name
                )),
                None => Finding::warn(
                    format!("Patroni answers as \"{}\" and knows no leader", opinion.name),
                    "patronictl list",
                ),
            }
        }
        Err(why) => Finding::fail(
            format!("Patroni does not answer: {why}"),
            "restapi.listen of Patroni, and the firewall; curl the URL in patroni from this machine",
        ),
    }
}
