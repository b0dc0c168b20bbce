//! Every mistake is found, at its place, in one run.

use std::fs;
use std::path::Path;

use pgweir_config::Config;

use crate::{MINIMAL, folder, with, wrong};

/// The one mistake that `text` must have, without the name of the file.
fn only(text: &str) -> String {
    let found = wrong(text);
    assert_eq!(found.len(), 1, "{text}\n{found:#?}");
    found[0].strip_prefix("pgweir.toml:").unwrap().to_owned()
}

/// Puts `lines` after the line `after` of the minimal file: the one mistake must begin with `expected`.
fn says(after: &str, lines: &str, expected: &str) {
    let found = only(&with(after, lines));
    assert!(found.starts_with(expected), "{lines}\n{found}\n{expected}");
}

#[test]
fn a_file_with_many_mistakes_names_them_all_in_order() {
    let text = "\
[listen]
address = [\"127.0.0.1:6432\", \"localhost:1\"]
worker = 3
login_timeout = 30
tls = { mode = \"require\" }
[auth]
method = \"pam\"
query = { user = \"asks\", database = \"no\", sql = \"SELECT 1\" }
[pool]
size = 0
mode = true
[[user]]
name = \"app\"
password = 5
[[user]]
name = \"app\"
password = \"${NOPE}\"
[[database]]
name = \"pgbouncer\"
password = \"x\"
[[database.server]]
host = \"10.0.0.1:5432\"
role = \"standby\"
weight = -1
[[database.server]]
port = 0
[cache]
[colour]
";
    let expected = "\
2:30: listen.address: is \"localhost:1\", must be an IP address and a port
3:1: listen.worker: unknown key, did you mean \"workers\"?
4:17: listen.login_timeout: is 30 without a unit, must be text with a unit such as \"30s\"
5:16: listen.tls.mode: mode \"require\" needs \"cert\", set it or choose mode \"disable\"
5:16: listen.tls.mode: mode \"require\" needs \"key\", set it or choose mode \"disable\"
7:10: auth.method: is \"pam\", must be one of trust | plain
8:37: auth.query.database: is \"no\", must be the name of a [[database]]
8:49: auth.query.sql: is \"SELECT 1\", must be an SQL statement with the parameter $1
10:8: pool.size: is 0, must be an integer from 1 to 100000
11:8: pool.mode: is a boolean, must be one of transaction | session | statement
14:12: user.password: is an integer, must be text that is not empty
16:8: user.name: user \"app\" is already defined at pgweir.toml:13, keep one of them
17:12: user.password: environment variable \"NOPE\" is not set, set it
19:8: database.name: \"pgbouncer\" is the name of the console, choose another one
20:12: database.password: needs \"user\" beside it, set both or none
22:8: database.server.host: is \"10.0.0.1:5432\", must be only the host, with the port in \"port\"
23:8: database.server.role: is \"standby\", must be one of auto | primary | replica
24:10: database.server.weight: is -1, must be an integer from 0 to 1000
25:1: database.server.host: is missing, must be one name or address
26:8: database.server.port: is 0, must be an integer from 1 to 65535
27:2: cache: this key is not supported yet by this version, remove the section
28:2: colour: unknown key, allowed here: listen, admin, auth, pool, user, database, route, failover, breaker, log";
    let found = wrong(text);
    for (found, expected) in found.iter().zip(expected.lines()) {
        let expected = format!("pgweir.toml:{expected}");
        assert!(found.starts_with(&expected), "\n{found}\n{expected}");
    }
    assert_eq!(found.len(), expected.lines().count(), "{found:#?}");
}

#[test]
fn an_empty_file_lacks_the_three_things_that_are_needed() {
    let found = wrong("");
    let keys: Vec<&str> = found.iter().map(|line| line.split(": ").nth(1).unwrap()).collect();
    assert_eq!(keys, ["listen.address", "database", "user"]);
    assert!(found.iter().all(|line| line.starts_with("pgweir.toml:1:1: ")));
}

#[test]
fn what_is_not_supported_yet_says_so_and_what_to_do() {
    for section in ["cache", "limit", "insight", "state"] {
        says(
            "host = \"db\"",
            &format!("[{section}]\nx = 1"),
            &format!("10:2: {section}: this key is not supported yet"),
        );
    }
    says(
        "host = \"db\"",
        "[failover]\nlock = { url = \"rediss://r:6379\" }",
        "11:16: failover.lock.url: Redis over TLS is not supported yet by this version, choose redis://",
    );
}

#[test]
fn promoting_needs_to_be_told_with_whom() {
    let missing = |keys: &str, expected: &str| {
        let found = only(&with("host = \"db\"", &format!("[failover]\n{keys}")));
        assert!(found.contains(expected), "{keys}\n{found}\n{expected}");
    };
    let (lock, instances) = ("lock = { url = \"redis://r:6379/1\" }", "instances = 3");
    for word in ["pg_promote", "command"] {
        let promote = format!("promote = \"{word}\"\ncommand = [\"x\"]");
        missing(&format!("{promote}\n{instances}"), "failover.lock: ");
        missing(&format!("{promote}\n{lock}"), "failover.instances: ");
    }
    missing(&format!("promote = \"command\"\n{lock}\n{instances}"), "failover.command: ");
    missing("password = \"x\"", "failover.password: needs \"user\" beside it");
    for url in ["http://r", "redis://", "redis://r:x", "redis://r/one", "redis://u:canary@r:1"] {
        let found = only(&with("host = \"db\"", &format!("[failover]\nlock = {{ url = \"{url}\" }}")));
        assert!(found.contains("failover.lock.url: ") && !found.contains("canary"), "{url}: {found}");
    }
    let right = format!("promote = \"command\"\n{lock}\n{instances}\ncommand = [\"x\", \"-y\", \"-y\"]");
    let text = with("host = \"db\"", &format!("[failover]\n{right}"));
    let config = Config::parse(&text, Path::new("pgweir.toml"), &|_| None).unwrap();
    assert_eq!(config.servers.failover.command.unwrap().arguments, ["-y", "-y"]);
}

#[test]
fn a_mistake_is_one_line_whatever_its_file_is_called() {
    let found = wrong(&with("host = \"db\"", "[auth]\nmethod = \"hba\"\nhba = \"a\\nb\""));
    assert!(!found.is_empty() && found.iter().all(|said| !said.contains('\n')), "{found:#?}");
    assert!(found.iter().any(|said| said.contains("a\\nb")), "{found:#?}");
}

#[test]
fn what_is_asked_by_http_has_to_be_a_url() {
    for url in ["ftp://a", "https://a", "http://", "http://a:0", "http://a:b/c", "http://a b", "a:8008"] {
        for key in ["patroni", "node_exporter"] {
            says(
                "host = \"db\"",
                &format!("{key} = \"{url}\""),
                &format!("10:{}: database.server.{key}: is ", key.len() + 4),
            );
        }
    }
    let secret = only(&with("host = \"db\"", "patroni = \"http://u:hidden@a\""));
    assert!(!secret.contains("hidden"), "{secret}");
    let right = "patroni = \"http://[::1]:8008\"\nnode_exporter = \"http://db/metrics?a=b\"";
    assert!(wrong(&with("host = \"db\"", right)).is_empty());
}

#[test]
fn a_command_that_is_to_run_has_to_be_there() {
    let wrong = |keys: &str, expected: &str| says("host = \"db\"", &format!("[failover]\n{keys}"), expected);
    wrong(
        "resync = \"command\"",
        "11:10: failover.resync: needs \"resync_command\" beside it, the program to run",
    );
    let want = "a list of the program and its arguments, such as [\"resync\"]";
    for (value, got) in [("[]", "an empty list"), ("[\"\", \"x\"]", "a list without a program")] {
        let expected = format!("11:18: failover.resync_command: is {got}, must be {want}");
        wrong(&format!("resync_command = {value}"), &expected);
    }
}

#[test]
fn methods_need_what_they_look_at() {
    says("host = \"db\"", "[auth]\nmethod = \"hba\"", "11:10: auth.method: method \"hba\" needs \"hba\"");
    says("host = \"db\"", "[auth]\nhba = \"x\"", "11:7: auth.hba: does nothing unless method is \"hba\"");
    says("host = \"db\"", "[auth]\nident = \"x\"", "11:9: auth.ident: does nothing unless method is \"hba\"");
    says(
        "host = \"db\"",
        "[auth]\nmethod = \"cert\"",
        "11:10: auth.method: method \"cert\" needs listen.tls with \"client_ca\"",
    );
    let missing = "[auth]\nmethod = \"hba\"\nhba = \"nowhere/pg_hba.conf\"";
    let found = wrong(&with("host = \"db\"", missing));
    assert!(found[0].starts_with("nowhere/pg_hba.conf:1:1: auth.hba: cannot read"), "{found:?}");
    let folder = folder("hba");
    let file = folder.join("pg_hba.conf");
    fs::write(&file, "local all all trust\n\nhostssl all all all cert\n").unwrap();
    let cert = format!("[auth]\nmethod = \"hba\"\nhba = {:?}", file.display().to_string());
    let found = wrong(&with("host = \"db\"", &cert));
    let expected = format!("pgweir.toml:11:10: auth.method: the line {}:3 needs listen.tls", file.display());
    assert!(found.len() == 1 && found[0].starts_with(&expected), "{found:?}");
}

#[test]
fn values_out_of_their_limits() {
    says("[listen]", "proxy_from = [\"10.0.0.0/8\"]", "2:14: listen.proxy_from: does nothing without");
    says(
        "[listen]",
        "proxy_protocol = \"v2\"\nproxy_from = [\"10.0.0.0/8\", \"10.0.0.0/33\"]",
        "3:29: listen.proxy_from: is \"10.0.0.0/33\", must be an IP address",
    );
    says("[listen]", "workers = 1025", "2:11: listen.workers: is 1025, must be an integer from 0 to 1024");
    says("[listen]", "workers = -1", "2:11: listen.workers: is -1, must");
    says("[listen]", "workers = 1.0", "2:11: listen.workers: is a number with a fraction, must");
    says("[listen]", "backlog = 0xFFFF_FFFF_FFFF", "2:11: listen.backlog: is 0xFFFFFFFFFFFF, must");
    says(
        "[listen]",
        "max_message = \"1GiB\"",
        "2:15: listen.max_message: is \"1GiB\", must be a size from \"64KiB\"",
    );
    says(
        "[listen]",
        "max_message = 1",
        "2:15: listen.max_message: is 1 without a unit, must be text with a unit such as \"1MiB\"",
    );
    for text in ["", "s", "5", "5 seconds", "-5s", "1.5s", "5S", "2d", "99999999999999999999s", "٣s"] {
        let expected =
            format!("2:17: listen.login_timeout: is \"{text}\", must be a duration from \"1ms\" to \"1d\"");
        says("[listen]", &format!("login_timeout = \"{text}\""), &expected);
    }
    says("[listen]", "unix_socket_dir = \"\"", "2:19: listen.unix_socket_dir: is \"\", must be a path");
    let address = MINIMAL.replace("\"127.0.0.1:6432\"", "\"127.0.0.1:0\"");
    assert!(only(&address).starts_with("2:11: listen.address: is \"127.0.0.1:0\", must be an IP address"));
    let address = MINIMAL.replace("\"127.0.0.1:6432\"", "[]");
    assert!(only(&address).starts_with("2:11: listen.address: is an empty list, must be"));
    for host in ["", "a b", "a,b", "@x", "10.0.0.1:5432", "db/x"] {
        assert!(
            only(&MINIMAL.replace("\"db\"", &format!("\"{host}\"")))
                .starts_with("9:8: database.server.host: is ")
        );
    }
}

#[test]
fn tables_and_lists_in_the_wrong_place() {
    let text = MINIMAL.replace("[[user]]", "[user]");
    assert_eq!(only(&text), "3:1: user: is a table, must be a list of tables, each under [[user]]");
    let text = MINIMAL.replace("[[database.server]]", "[database.server]");
    assert!(only(&text).contains("database.server: is a table, must be a list of tables"));
    says("host = \"db\"", "[[pool]]", "10:1: pool: is a list, must be a table");
    says("[[database]]", "pool = \"big\"", "7:8: database.pool: is text, must be a table");
    says(
        "[[database]]",
        "pool = { sise = 3 }",
        "7:10: database.pool.sise: unknown key, did you mean \"size\"?",
    );
    let trust =
        MINIMAL.replace("[[user]]\nname = \"app\"\npassword = \"secret\"\n", "[auth]\nmethod = \"trust\"\n");
    let found = wrong(&format!("pool = []\nuser = 1979-05-27\nlog = 1\n{trust}"));
    assert_eq!(found[0], "pgweir.toml:1:8: pool: is a list, must be a table");
    assert_eq!(found[1], "pgweir.toml:2:8: user: is a date, must be a list of tables, each under [[user]]");
    assert_eq!(found[2], "pgweir.toml:3:7: log: is an integer, must be a table");
    assert_eq!(found.len(), 3);
}

#[test]
fn keys_that_exclude_or_need_each_other() {
    says(
        "host = \"db\"",
        "[pool]\nmin_size = 26",
        "11:12: pool.min_size: min_size is 26 and size is 25, min_size must not",
    );
    says("[[database]]", "pool = { min_size = 26 }", "7:8: database.pool: min_size is 26 and size is 25");
    says(
        "name = \"app\"\npassword = \"secret\"",
        "min_size = 26",
        "6:12: user.min_size: min_size is 26 and size is 25",
    );
    let text = with("[[database]]", "pool = { size = 5 }").replace("\"secret\"", "\"secret\"\nmin_size = 6");
    assert!(only(&text).starts_with("6:12: user.min_size: in database \"app\", min_size is 6 and size is 5"));
    says(
        "host = \"db\"",
        "[admin]\nhttp = \"127.0.0.1:6432\"",
        "11:8: admin.http: 127.0.0.1:6432 is an address of listen",
    );
    says(
        "[listen]",
        "tls = { mode = \"prefer\", key = \"Cargo.toml\" }",
        "2:16: listen.tls.mode: mode \"prefer\" needs \"cert\"",
    );
    says(
        "[[database]]",
        "server_tls = { mode = \"verify-full\" }",
        "7:23: database.server_tls.mode: mode \"verify-full\" needs \"ca\"",
    );
    says(
        "[[database]]",
        "server_tls = { mode = \"allow\", channel_binding = \"require\" }",
        "7:50: database.server_tls.channel_binding: \"require\" needs TLS",
    );
    says("[[database]]", "password = \"x\"", "7:12: database.password: needs \"user\" beside it");
    let text = MINIMAL.replace("password = \"secret\"\n", "");
    // the secret may be in the list that could not be read
    let found = only(&format!("{text}[auth]\nfile = \"none\"\n"));
    assert!(found.starts_with("10:8: auth.file: cannot read \"none\""), "{found}");
    assert!(only(&text).starts_with("3:1: user.password: is missing, must be set here or in the file"));
    let text = MINIMAL.replace("[[user]]\nname = \"app\"\npassword = \"secret\"\n", "");
    assert!(only(&text).starts_with("1:1: user: is missing, must be at least one [[user]]"));
}

#[test]
fn files_that_are_not_there_or_not_files() {
    let folder = folder("files");
    let cert = Path::new("Cargo.toml");
    fs::write(folder.join(cert), "").unwrap();
    let tls = "tls = { mode = \"prefer\", cert = \"Cargo.toml\", key = \"none.key\", client_ca = \".\" }";
    let text = with("[listen]", tls) + "[auth]\nfile = \"none.txt\"\n";
    let found = Config::parse(&text, &folder.join("pgweir.toml"), &|_| None).unwrap_err();
    let found: Vec<String> = found.iter().map(|m| format!("{}: {}", m.key, m.message)).collect();
    let none = |name: &str| format!("cannot read \"{}\": No such file", folder.join(name).display());
    assert!(found[0].starts_with(&format!("listen.tls.key: {}", none("none.key").get(..40).unwrap())));
    assert!(
        found[1].starts_with("listen.tls.client_ca: cannot read") && found[1].contains("it is not a file")
    );
    assert!(found[2].starts_with("auth.file: cannot read"));
    assert_eq!(found.len(), 3);
    let missing = Config::load(&folder.join("none.toml")).unwrap_err();
    assert_eq!((missing.len(), &*missing[0].key, missing[0].line), (1, "file", 1));
    fs::write(folder.join("binary.toml"), b"# \xff").unwrap();
    assert!(
        Config::load(&folder.join("binary.toml")).unwrap_err()[0].message.contains("line 1 is not UTF-8")
    );
}

#[test]
fn text_that_is_not_toml_does_not_hide_the_rest() {
    let text = "[listen]\naddress = 127.0.0.1:6432\nworker = 1\n[pool\nsize = 1\n";
    let found = wrong(text);
    assert!(found[0].starts_with("pgweir.toml:2:16: listen.address: not valid TOML: "), "{found:#?}");
    assert!(found[0].ends_with("(text needs double quotes)"), "{found:#?}");
    assert!(found[1].starts_with("pgweir.toml:3:1: listen.worker: unknown key"), "{found:#?}");
    assert!(found[2].starts_with("pgweir.toml:4:6: pool: not valid TOML: "), "{found:#?}");
    // that there is no user and no database may be because of the broken line
    assert_eq!(found.len(), 3, "{found:#?}");
    says("[listen]", "workers = 1\nworkers = 2", "3:1: listen.workers: is set twice, keep one of them");
    says("host = \"db\"", "[listen]", "10:2: listen: is set twice, keep one of them");
}

#[test]
fn the_list_of_users_is_part_of_the_check() {
    let folder = folder("userlist");
    fs::write(folder.join("users.txt"), "\"app\" \"x\"\n\"b\"\n\"c\" \"1\"\n\"c\" \"2\"\n").unwrap();
    let text = format!("{MINIMAL}[auth]\nfile = \"users.txt\"\n");
    let found = Config::parse(&text, &folder.join("pgweir.toml"), &|_| None).unwrap_err();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    let at = |place: &str| folder.join(place).display().to_string();
    let conflict = format!(
        "{}: user.password: user \"app\" has a secret at {} too",
        at("pgweir.toml:5:12"),
        at("users.txt:1")
    );
    assert!(found[0].starts_with(&conflict), "{found:#?}");
    assert!(found[1].starts_with(&format!("{}: auth.file: is a name without a secret", at("users.txt:2:4"))));
    let twice =
        format!("{}: auth.file: user \"c\" is already defined at {}", at("users.txt:4:1"), at("users.txt:3"));
    assert!(found[2].starts_with(&twice), "{found:#?}");
    assert_eq!(found.len(), 3);
}
