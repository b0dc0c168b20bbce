//! What a right file becomes.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use pgweir_config::{
    AuthMethod, Config, Host, ListenTlsMode, LogFormat, LogLevel, PoolMode, Role, Secret, ServerTlsMode,
    check,
};

use crate::{MINIMAL, folder, right, with};

/// What contract.md shows, as far as it is supported.
const FULL: &str = r#"
[listen]
address = ["127.0.0.1:6432", "[::1]:${PORT}"]
unix_socket_dir = "/run/pgweir"
workers = 3
tls = { mode = "verify-full", cert = "server.crt", key = "server.key", client_ca = "ca.crt" }
max_message = "64MiB"
[admin]
http = "127.0.0.1:9127"
users = ["admin"]
stats_users = "monitor"
[auth]
method = "md5"
file = "userlist.txt"
[pool]
mode = "session"
size = 30
acquire_timeout = "250ms"
idle_timeout = "10min"
[[user]]
name = "app"
password = { command = ["printf", "a\nb\n"] }
mode = "statement"
size = 7
query_timeout = "2h"
[[user]]
name = "listed"
size = 8
[[database]]
name = "app"
dbname = "main"
user = "owner"
password = { file = "owner.secret" }
server_tls = { mode = "verify-ca", ca = "ca.crt" }
pool = { size = 50, mode = "transaction" }
[[database.server]]
host = "/var/run/postgresql"
port = 5433
role = "primary"
[[database]]
name = "*"
[[database.server]]
host = "[::1]"
[log]
format = "json"
level = "debug"
"#;

fn full() -> Config {
    let folder = folder("full");
    for file in ["server.crt", "server.key", "ca.crt"] {
        fs::write(folder.join(file), "").unwrap();
    }
    fs::write(folder.join("owner.secret"), "p w\r\n").unwrap();
    fs::write(folder.join("userlist.txt"), "\"listed\" \"md5abc\"\n\"only\" \"SCRAM-SHA-256$4096:x\"\n")
        .unwrap();
    let env = |name: &str| (name == "PORT").then(|| "7000".to_owned());
    Config::parse(FULL, &folder.join("pgweir.toml"), &env).unwrap()
}

#[test]
fn every_section_arrives() {
    let config = full();
    let folder = config.path.parent().unwrap().to_owned();
    let listen = &config.listen;
    assert_eq!(listen.addresses, ["127.0.0.1:6432".parse().unwrap(), "[::1]:7000".parse().unwrap()]);
    assert_eq!(listen.unix_socket_dir, Some(PathBuf::from("/run/pgweir")));
    assert_eq!((listen.workers, listen.max_message), (3, 64 << 20));
    assert_eq!(listen.tls.mode, ListenTlsMode::VerifyFull);
    assert_eq!(listen.tls.client_ca, Some(folder.join("ca.crt")));
    assert_eq!(config.admin.http, Some("127.0.0.1:9127".parse().unwrap()));
    assert_eq!(
        (&*config.admin.users, &*config.admin.stats_users),
        (&["admin".into()][..], &["monitor".into()][..])
    );
    assert_eq!((config.auth.method, config.auth.file), (AuthMethod::Md5, Some(folder.join("userlist.txt"))));
    assert_eq!((config.log.format, config.log.level), (LogFormat::Json, LogLevel::Debug));
    assert_eq!((config.pool.mode, config.pool.size), (PoolMode::Session, 30));
    assert_eq!(config.pool.acquire_timeout(), Duration::from_millis(250));
}

#[test]
fn databases_arrive_with_their_servers() {
    let config = full();
    let app = config.database("app").unwrap();
    assert_eq!(app.dbname.as_deref(), Some("main"));
    let password = app.password.as_ref().map(Secret::expose);
    assert_eq!((app.user.as_deref(), password.as_deref()), (Some("owner"), Some("p w")));
    assert_eq!(app.server_tls.mode, ServerTlsMode::VerifyCa);
    let server = &app.servers[0];
    assert_eq!((&server.host, server.port), (&Host::Unix("/var/run/postgresql".into()), 5433));
    assert_eq!(server.role, Role::Primary);
    let any = config.database("anything").unwrap();
    assert_eq!((&*any.name, &any.servers[0].host), ("*", &Host::Tcp("::1".into())));
    assert_eq!((any.servers[0].port, any.servers[0].role), (5432, Role::Auto));
}

#[test]
fn the_names_of_the_console_are_never_those_of_a_database() {
    let config = full();
    assert_eq!((config.database("pgweir"), config.database("pgbouncer")), (None, None));
    assert_eq!(right(MINIMAL).database("other"), None);
}

#[test]
fn users_come_from_both_sources() {
    let config = full();
    let names: Vec<&str> = config.users.iter().map(|user| &*user.name).collect();
    assert_eq!(names, ["app", "listed", "only"]);
    let app = config.users.get("app").unwrap().password.as_ref().map(Secret::expose);
    assert_eq!(app.as_deref(), Some("a\nb"));
    let listed = config.users.get("listed").unwrap();
    assert_eq!((listed.password.clone(), listed.pool.size), (Some(Secret::new("md5abc")), Some(8)));
    assert_eq!(config.users.get("nobody"), None);
}

#[test]
fn the_user_beats_the_database_and_the_database_beats_the_pool() {
    let config = full();
    let (app, any) = (config.database("app").unwrap(), config.database("x").unwrap());
    let settings = |database, user| {
        let settings = config.pool_settings(database, user);
        (settings.mode, settings.size, settings.query_timeout(), settings.idle_timeout())
    };
    let (none, minutes) = (Duration::ZERO, Duration::from_secs(600));
    assert_eq!(settings(app, "app"), (PoolMode::Statement, 7, Duration::from_secs(7200), minutes));
    assert_eq!(settings(app, "listed"), (PoolMode::Transaction, 8, none, minutes));
    assert_eq!(settings(app, "stranger"), (PoolMode::Transaction, 50, none, minutes));
    assert_eq!(settings(any, "stranger"), (PoolMode::Session, 30, none, minutes));
}

#[test]
fn the_cap_of_a_user_is_none_on_its_databases() {
    let more = "[[user]]\nname = \"other\"\nmax_host_connections = 3\n\
                [[database]]\nname = \"*\"\nuser = \"app\"\npool = { max_server_connections = 20 }\n\
                [[database.server]]\nhost = \"db\"\n[auth]\nmethod = \"trust\"\n";
    let text = MINIMAL.replace("password = \"secret\"", "max_server_connections = 7") + more;
    let config = right(&text);
    let limits = |database, user| {
        let limits = config.cap_limits(config.database(database).unwrap(), user);
        [limits.user, limits.server_user, limits.database, limits.host]
    };
    assert_eq!(limits("app", "app"), [7, 7, 100, 0]);
    assert_eq!(limits("app", "other"), [0, 0, 100, 3]);
    assert_eq!(limits("any", "other"), [0, 7, 20, 3]);
    assert_eq!(limits("any", "stranger"), [0, 7, 20, 0]);
    let settings = config.pool_settings(config.database("app").unwrap(), "app");
    assert_eq!(settings.max_server_connections(), 100);
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = right(MINIMAL);
    let pool = config.pool;
    assert_eq!((pool.mode, pool.size, pool.min_size, pool.reserve_size), (PoolMode::Transaction, 25, 0, 0));
    assert_eq!(
        (pool.max_clients, pool.max_server_connections(), pool.prepared_statements),
        (10_000, 100, 200)
    );
    let seconds = [
        pool.reserve_after,
        pool.acquire_timeout(),
        pool.idle_timeout(),
        pool.max_lifetime(),
        pool.connect_timeout(),
        pool.query_timeout(),
        pool.idle_in_transaction_timeout(),
    ];
    assert_eq!(seconds.map(|time| time.as_secs()), [5, 5, 300, 3600, 5, 0, 0]);
    assert_eq!((config.auth.method, &*config.admin.version), (AuthMethod::ScramSha256, "1.25.2"));
    assert_eq!((config.listen.tls.mode, config.listen.max_message), (ListenTlsMode::Disable, 0x3fff_ffff));
    assert_eq!(config.databases[0].server_tls.mode, ServerTlsMode::Prefer);
    assert!(config.listen.workers >= 1, "0 stands for the number of cores");
}

#[test]
fn nobody_needs_a_password_where_nobody_is_asked() {
    let text = MINIMAL.replace("password = \"secret\"\n", "") + "[auth]\nmethod = \"trust\"\n";
    assert_eq!(right(&text).users.get("app").unwrap().password, None);
    let text = MINIMAL.replace("[[user]]\nname = \"app\"\npassword = \"secret\"\n", "");
    assert!(right(&(text + "[auth]\nmethod = \"trust\"\n")).users.is_empty());
}

#[test]
fn units_of_time_and_size() {
    let times =
        [("5us", 5), ("250ms", 250_000), ("2s", 2_000_000), ("3min", 180_000_000), ("1h", 3_600_000_000)];
    for (text, micros) in times {
        let config = right(&format!("{MINIMAL}[pool]\nquery_timeout = \"{text}\"\n"));
        assert_eq!(config.pool.query_timeout(), Duration::from_micros(micros), "{text}");
    }
    for (text, bytes) in
        [("65536B", 65_536), ("64kB", 65_536), ("64 KiB", 65_536), ("1MB", 1 << 20), ("1MiB", 1 << 20)]
    {
        let config = right(&with("[listen]", &format!("max_message = \"{text}\"")));
        assert_eq!(config.listen.max_message, bytes, "{text}");
    }
}

#[test]
fn variables_are_replaced_in_any_text() {
    let text = with("name = \"app\"\npassword = \"secret\"", "mode = \"session\"");
    let text = text.replace("secret", "${PASSWORD}-$${x}-$y${EMPTY}").replace("\"db\"", "\"h${PORT}.x\"");
    let config = right(&text);
    assert_eq!(config.users.get("app").unwrap().password, Some(Secret::new("from-env-${x}-$y")));
    assert_eq!(config.databases[0].servers[0].host, Host::Tcp("h7000.x".into()));
}

#[test]
fn files_are_read_from_their_folder() {
    let folder = folder("check");
    let file = folder.join("pgweir.toml");
    fs::write(&file, MINIMAL).unwrap();
    assert_eq!(check(&file), Ok(()));
    assert_eq!(Config::load(&file).unwrap().path, file);
    fs::write(&file, MINIMAL.replace("address", "adress") + "[auth]\nfile = \"users\"\n").unwrap();
    fs::write(folder.join("users"), "app\n").unwrap();
    let at = |place: &str| format!("{}:{place}", file.display());
    let expected = [
        at("1:1: listen.address: is missing, must be an IP address and a port such as \"127.0.0.1:6432\", \
            \"0.0.0.0:6432\" or \"[::]:6432\", or a list of such"),
        at("2:1: listen.adress: unknown key, did you mean \"address\"?"),
        format!(
            "{}:1:1: auth.file: is text without double quotes, must be \"name\" \"secret\", both in double \
             quotes, a quote inside doubled",
            folder.join("users").display()
        ),
    ];
    assert_eq!(check(&file).unwrap_err(), expected.join("\n"));
}
