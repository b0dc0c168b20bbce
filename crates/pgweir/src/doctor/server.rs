//! What is to be said of one server, from what it has answered.

use std::time::Duration;

use config::{Database, Host, Role, Server, ServerTlsMode};
use pool::probe::Facts;
use pool::probe::{Failed, Kind, Said};
use route::primary::Part;

use super::sheet::{Finding, identifier};

/// Replay that waits less than this for reads cancels ordinary reports.
const LONG_READ: Duration = Duration::from_secs(10);

/// Why nothing could be asked.
pub(super) fn failed(failed: &Failed, server: &Server, user: &str) -> Finding {
    let why = &failed.why;
    match failed.kind {
        Kind::Connect => Finding::fail(
            format!("it cannot be reached: {why}"),
            format!(
                "pg_isready --host={} --port={} from this machine; listen_addresses and the firewall of the server",
                server.host, server.port
            ),
        ),
        Kind::Late => Finding::fail(
            format!("it does not answer: {why}"),
            "see whether it hangs, or raise route.probe_timeout",
        ),
        Kind::NotReady => Finding::fail(format!("it takes no connections now: {why}"), "see its log"),
        Kind::Login => Finding::fail(
            format!("it does not let \"{user}\" in: {why}"),
            format!("ALTER ROLE {} LOGIN PASSWORD '…'; or a line for it in pg_hba.conf", identifier(user)),
        ),
    }
}

/// The connection itself.
pub(super) fn reached(facts: &Facts, said: &Said, entry: &Database, server: &Server) -> Vec<Finding> {
    let over = if facts.tls { "with TLS" } else { "without TLS" };
    let took = said.took.as_secs_f64() * 1000.0;
    let (version, user) = (&facts.version, &facts.user);
    let mut found =
        vec![Finding::ok(format!("PostgreSQL {version} answers \"{user}\" {over} in {took:.1} ms"))];
    let mode = entry.server_tls.mode;
    let verifies = matches!(mode, ServerTlsMode::VerifyCa | ServerTlsMode::VerifyFull);
    if is_remote(&server.host) && !facts.tls {
        found.push(Finding::warn(
            "what is sent to it can be read on the way",
            "ssl = on on the server, and server_tls = { mode = \"verify-full\", ca = \"…\" } of the database",
        ));
    } else if is_remote(&server.host) && !verifies {
        found.push(Finding::warn(
            format!("its certificate is not checked (server_tls.mode is \"{mode}\")"),
            "server_tls = { mode = \"verify-full\", ca = \"…\" } of the database",
        ));
    }
    if !(13..=18).contains(&facts.major) {
        found.push(Finding::warn("pgweir is made for PostgreSQL 13 to 18", "another version of PostgreSQL"));
    }
    found
}

/// Whether somebody else may be on the way.
fn is_remote(host: &Host) -> bool {
    match host {
        Host::Unix(_) => false,
        Host::Tcp(name) => {
            let address: Option<std::net::IpAddr> = name.parse().ok();
            !address.map_or(name == "localhost", |address| address.is_loopback())
        }
    }
}

/// What the user who asks may not, and what is missing then.
pub(super) fn rights(facts: &Facts, promotes: bool) -> Vec<Finding> {
    let (rights, user) = (facts.rights, identifier(&facts.user));
    let mut found = Vec::new();
    if !rights.control {
        found.push(Finding::warn(
            "the user who asks is not told the system identifier, nor timelines of replicas that do not stream",
            format!(
                "GRANT EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint(), pg_control_recovery() TO {user};"
            ),
        ));
    }
    if !rights.stats {
        found.push(Finding::warn(
            "the user who asks does not see what replicas receive: after a promotion they are not read from for a while",
            format!("GRANT pg_read_all_stats TO {user};"),
        ));
    }
    if !rights.monitor {
        found.push(Finding::warn(
            "the user who asks may not read all settings nor list the log's files: hints about servers that can not \
             follow are not exact",
            format!("GRANT pg_monitor TO {user};"),
        ));
    }
    if promotes && !rights.promote {
        found.push(Finding::fail(
            "the user who asks may not promote it, as failover.promote says",
            format!("GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer) TO {user};"),
        ));
    }
    if found.is_empty() {
        found.push(Finding::ok("the user who asks may see all that pgweir asks for"));
    }
    found
}

/// What it is, as one of several.
pub(super) fn part(part: Part, server: &Server, said: &Said) -> Finding {
    let timeline = said.timeline.map_or_else(String::new, |timeline| format!(" on timeline {timeline}"));
    let declared = server.role;
    match (part, declared) {
        (Part::Fenced, Role::Replica) => Finding::fail(
            "it takes writes, and the configuration says that it is a replica",
            "role = \"auto\" if it may be the primary, else make it a replica",
        ),
        (Part::Replica, Role::Primary) => Finding::warn(
            format!("it is a replica{timeline}, and the configuration says that it is the primary"),
            "role = \"auto\"",
        ),
        (Part::Fenced, Role::Auto | Role::Primary) => {
            Finding::fail(format!("it takes writes{timeline} and is not the primary"), "")
        }
        (Part::Foreign, _) => {
            Finding::fail("it belongs to another cluster: its system identifier is another one", "")
        }
        (Part::Unknown, _) => Finding::warn("what it is cannot be told yet", ""),
        (Part::Primary | Part::Replica, _) => Finding::ok(format!("it is a {}{timeline}", part.as_str())),
    }
}

/// The only one of a database.
pub(super) fn alone(said: &Said) -> Finding {
    if said.in_recovery {
        Finding::warn(
            "it is in recovery, and the database has no other server: writes are refused",
            "another [[database.server]], the primary",
        )
    } else {
        Finding::ok("it takes writes")
    }
}

/// How long reads on a replica may be.
pub(super) fn long_reads(facts: &Facts) -> Finding {
    match facts.replay_waits {
        None => Finding::warn(
            "replay waits for reads for ever: one long read makes it fall behind",
            "ALTER SYSTEM SET max_standby_streaming_delay = '30s';",
        ),
        Some(_) if facts.feedback => Finding::ok("reads on it may be long (hot_standby_feedback is on)"),
        Some(waits) if waits < LONG_READ => Finding::warn(
            format!("reads that are in the way of replay are ended after {:.1} s", waits.as_secs_f64()),
            "ALTER SYSTEM SET hot_standby_feedback = on; or a longer max_standby_streaming_delay",
        ),
        Some(waits) => {
            let secs = waits.as_secs_f64();
            Finding::ok(format!("reads that are in the way of replay are ended after {secs:.0} s"))
        }
    }
}

#[cfg(test)]
mod tests {
    use pool::probe::Rights;

    use super::super::sheet::Level;
    use super::*;

    fn facts() -> Facts {
        let rights = Rights { stats: true, monitor: true, control: true, promote: false };
        let replay_waits = Some(Duration::from_secs(30));
        Facts { user: "a\"b".into(), major: 15, rights, replay_waits, ..Facts::default() }
    }

    #[test]
    fn what_is_missing_is_granted_by_name() {
        assert_eq!(rights(&facts(), false).iter().map(|it| it.level).collect::<Vec<_>>(), [Level::Ok]);
        let found = rights(&facts(), true);
        assert_eq!(found[0].fix, "GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer) TO \"a\"\"b\";");
        let poor = Facts { rights: Rights::default(), ..facts() };
        let fixes: Vec<String> = rights(&poor, false).into_iter().map(|it| it.fix).collect();
        assert_eq!(fixes[1..], ["GRANT pg_read_all_stats TO \"a\"\"b\";", "GRANT pg_monitor TO \"a\"\"b\";"]);
    }

    #[test]
    fn long_reads_are_warned_of() {
        assert_eq!(long_reads(&facts()).level, Level::Ok);
        let level = |replay_waits, feedback| long_reads(&Facts { replay_waits, feedback, ..facts() }).level;
        assert_eq!(level(None, true), Level::Warn);
        assert_eq!(level(Some(Duration::ZERO), false), Level::Warn);
        assert_eq!(level(Some(Duration::ZERO), true), Level::Ok);
    }

    #[test]
    fn what_is_near_needs_no_tls() {
        let remote = |name: &str| is_remote(&Host::Tcp(name.to_owned()));
        assert!(remote("10.0.0.1") && remote("db"));
        assert!(!remote("127.0.0.1") && !remote("::1") && !remote("localhost"));
        assert!(!is_remote(&Host::Unix("/run".into())));
    }
}
