//! SHOW CONFIG: first the settings that monitoring tools look for, by PgBouncer's names and in its units, then
//! every key of our own as it stands in the file. Secrets are in neither: they belong to databases and users.

use config::{Config, Entry};

use super::table::Row;

/// How a value is turned into PgBouncer's.
#[derive(Clone, Copy)]
enum Turn {
    /// It stands as it is.
    Plain,
    /// A duration becomes a number of seconds.
    Seconds,
}
use Turn::{Plain, Seconds};

/// PgBouncer's name, our key, and how one becomes the other.
const KNOWN: [(&str, &str, Turn); 22] = [
    ("auth_file", "auth.file", Plain),
    ("auth_type", "auth.method", Plain),
    ("client_idle_timeout", "pool.idle_client_timeout", Seconds),
    ("client_login_timeout", "listen.login_timeout", Seconds),
    ("default_pool_size", "pool.size", Plain),
    ("http_addr", "admin.http", Plain),
    ("idle_transaction_timeout", "pool.idle_in_transaction_timeout", Seconds),
    ("listen_backlog", "listen.backlog", Plain),
    ("max_client_conn", "pool.max_clients", Plain),
    ("max_db_connections", "pool.max_server_connections", Plain),
    ("max_prepared_statements", "pool.prepared_statements", Plain),
    ("min_pool_size", "pool.min_size", Plain),
    ("pool_mode", "pool.mode", Plain),
    ("query_timeout", "pool.query_timeout", Seconds),
    ("query_wait_timeout", "pool.acquire_timeout", Seconds),
    ("reserve_pool_size", "pool.reserve_size", Plain),
    ("reserve_pool_timeout", "pool.reserve_after", Seconds),
    ("server_connect_timeout", "pool.connect_timeout", Seconds),
    ("server_idle_timeout", "pool.idle_timeout", Seconds),
    ("server_lifetime", "pool.max_lifetime", Seconds),
    ("transaction_timeout", "pool.transaction_timeout", Seconds),
    ("unix_socket_dir", "listen.unix_socket_dir", Plain),
];

/// Settings of PgBouncer that are fixed here.
const FIXED: [(&str, &str); 3] =
    [("max_user_client_connections", "0"), ("max_user_connections", "0"), ("stats_period", "60")];

/// The rows.
pub(crate) fn rows(config: &Config) -> Vec<Row> {
    let entries = config.entries();
    let mut rows: Vec<Row> = FIXED.iter().map(|(key, value)| row(key, value, value, false)).collect();
    if let Some(address) = config.listen.addresses.first() {
        rows.push(row("listen_addr", &address.ip().to_string(), "", false));
        rows.push(row("listen_port", &address.port().to_string(), "", false));
    }
    for (name, key, turn) in KNOWN {
        let Some(entry) = entries.iter().find(|entry| entry.key == key) else { continue };
        let Entry { value, default, changeable, .. } = entry;
        rows.push(match turn {
            Plain => row(name, value, default, *changeable),
            Seconds => row(name, &seconds(value), &seconds(default), *changeable),
        });
    }
    rows.sort_by(|a, b| name_of(a).cmp(name_of(b)));
    rows.extend(entries.iter().map(|it| row(it.key, &it.value, &it.default, it.changeable)));
    rows
}

/// Whether a SET means a setting of the pooler, not one that drivers set on any server.
pub(crate) fn is_ours(key: &str) -> bool {
    let is = |name: &str| name.eq_ignore_ascii_case(key);
    key.contains('.')
        || KNOWN.iter().any(|(name, ..)| is(name))
        || FIXED.iter().any(|(name, _)| is(name))
        || ["listen_addr", "listen_port"].into_iter().any(is)
}

fn row(key: &str, value: &str, default: &str, changeable: bool) -> Row {
    vec![key.into(), value.into(), default.into(), if changeable { "yes" } else { "no" }.into()]
}

fn name_of(row: &Row) -> &str {
    match row.first() {
        Some(super::table::Cell::Text(name)) => name,
        _ => "",
    }
}

/// `250ms` is 0.25; what is no duration stays as it is.
fn seconds(text: &str) -> String {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end).unwrap_or((text, ""));
    let unit_us = match unit {
        "us" => 1,
        "ms" => 1000,
        "s" => 1_000_000,
        "min" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000_u64,
        _ => return text.to_owned(),
    };
    let us = number.parse::<u64>().unwrap_or_default().saturating_mul(unit_us);
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_become_seconds() {
        for (text, want) in [
            ("5s", "5"),
            ("250ms", "0.25"),
            ("0s", "0"),
            ("1h", "3600"),
            ("100s", "100"),
            ("", ""),
            ("x", "x"),
        ] {
            assert_eq!(seconds(text), want);
        }
    }

    #[test]
    fn every_setting_has_its_key() {
        let text = "[listen]\naddress = \"127.0.0.1:6432\"\n[[database]]\nname = \"a\"\n\
                    [[database.server]]\nhost = \"h\"\n[[user]]\nname = \"u\"\npassword = \"canary\"\n";
        let config = Config::parse(text, std::path::Path::new("x.toml"), &|_| None).unwrap();
        let rows = rows(&config);
        let names: Vec<_> = rows.iter().map(name_of).collect();
        for (name, key, _) in KNOWN {
            assert!(names.contains(&name) && names.contains(&key), "{name} {key}");
        }
        let find = |name: &str| rows.iter().find(|row| name_of(row) == name).unwrap();
        assert_eq!(find("max_client_conn")[1], "10000".into());
        assert_eq!(find("server_lifetime")[1], "3600".into());
        assert!(!format!("{rows:?}").contains("canary"));
    }
}
