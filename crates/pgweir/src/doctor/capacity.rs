//! Connections that a server allows, held against those that all pools for it may make together.

use std::collections::BTreeMap;
use std::io::Write;

use config::{Config, Database, Server};
use pool::probe::Facts;

use super::sheet::{Finding, Sheet};

/// What servers allow, by where they are.
#[derive(Default)]
pub(super) struct Capacity {
    allowed: BTreeMap<(String, u16), u32>,
}

impl Capacity {
    /// What a server has said.
    pub(super) fn learn(&mut self, server: &Server, facts: &Facts) {
        self.allowed.insert((server.host.to_string(), server.port), facts.connections);
    }

    pub(super) fn tell(&self, config: &Config, sheet: &mut Sheet<impl Write>) {
        for ((host, port), allowed) in &self.allowed {
            let is_it = |server: &Server| server.host.to_string() == *host && server.port == *port;
            let of = |entry: &&Database| entry.servers.iter().any(is_it);
            let entries: Vec<&Database> = config.databases.iter().map(AsRef::as_ref).filter(of).collect();
            let wanted = wanted(config, &entries);
            sheet.note(&format!("{host}:{port}"), &judge(wanted, *allowed));
        }
    }
}

/// The most connections to a server of these databases: those of pools, and one of the monitor of each that has one.
fn wanted(config: &Config, entries: &[&Database]) -> u32 {
    let cap = |entry: &&Database| config.pool.with(&entry.pool).max_server_connections();
    let pools = entries.iter().map(cap).fold(0_u32, u32::saturating_add);
    let host = config.pool.max_host_connections();
    let pools = if host == 0 { pools } else { pools.min(host) };
    let monitors = entries.iter().filter(|entry| entry.servers.len() > 1).count();
    pools.saturating_add(u32::try_from(monitors).unwrap_or(u32::MAX))
}

fn judge(wanted: u32, allowed: u32) -> Finding {
    if wanted <= allowed {
        return Finding::ok(format!("it allows {allowed} connections, pgweir makes at most {wanted}"));
    }
    Finding::warn(
        format!(
            "pgweir may want {wanted} connections, and it allows {allowed} (without those that are reserved)"
        ),
        format!(
            "pool.max_host_connections = {}, or a larger max_connections",
            allowed.saturating_sub(2).max(1)
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::sheet::Level;
    use super::*;

    fn config(pool: &str) -> Config {
        let server = "[[database.server]]\nhost = \"a\"\n";
        let text = format!(
            "[listen]\naddress = \"127.0.0.1:1\"\n[auth]\nmethod = \"trust\"\n[pool]\n{pool}\n\
             [[database]]\nname = \"x\"\n{server}[[database.server]]\nhost = \"b\"\n[[database]]\nname = \"y\"\n{server}"
        );
        Config::parse(&text, Path::new("a.toml"), &|_| None).unwrap()
    }

    fn most(pool: &str) -> u32 {
        let config = config(pool);
        let entries: Vec<&Database> = config.databases.iter().map(AsRef::as_ref).collect();
        wanted(&config, &entries)
    }

    #[test]
    fn caps_of_all_databases_on_a_server_count() {
        assert_eq!(most(""), 201);
        assert_eq!(most("max_server_connections = 30"), 61);
        assert_eq!(most("max_host_connections = 50"), 51);
        assert_eq!((judge(97, 97).level, judge(98, 97).level), (Level::Ok, Level::Warn));
        assert!(judge(300, 97).fix.starts_with("pool.max_host_connections = 95,"));
    }
}
