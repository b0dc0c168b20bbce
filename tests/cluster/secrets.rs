//! Every kind of secret that pgweir is told, in a run in which everything goes wrong that can: none of them is ever
//! in a log, on the console, in figures, in an error, or in what `pgweir check` says.

use std::fs;
use std::path::Path;
use std::process::Command;

use testkit::client::tls::Tls;
use testkit::postgres::Auth;
use testkit::proxy::Server;
use testkit::{Authority, Connect, Error, Postgres, Proxy, messages, wait};

use crate::console::views;
use crate::scene::{PGWEIR, page};

/// A part of every secret.
const CANARY: &str = "canary-7b1e";

/// What was seen of a pgweir from outside.
#[derive(Default)]
struct Seen(String);

impl Seen {
    /// Notes how an attempt ended.
    fn note<T: std::fmt::Debug>(&mut self, what: T) {
        self.0 += &format!("{what:?}\n");
    }

    fn log_in(&mut self, connect: &Connect) {
        match connect.try_open() {
            Ok(mut client) => self.note(client.try_query("SELECT current_user")),
            Err(error) => self.note(error),
        }
    }

    #[track_caller]
    fn tells_nothing(&self, what: &str, others: &[String]) {
        let words = others.iter().map(String::as_str).chain([CANARY]);
        for word in words {
            let line = self.0.lines().find(|line| line.contains(word));
            assert_eq!(line, None, "{what}: {word}");
        }
    }
}

/// The files that hold secrets.
fn files(dir: &Path) {
    fs::write(
        dir.join("users"),
        format!("\"listed\" \"{CANARY}-listed\"\n\"broken\" \"SCRAM-SHA-256${CANARY}\"\n"),
    )
    .unwrap();
    fs::write(dir.join("token"), format!("{CANARY}-token\n")).unwrap();
    fs::write(dir.join("command"), format!("{CANARY}-command\n")).unwrap();
}

fn start(postgres: &Postgres, pair: &testkit::certs::Pair, method: &str, format: &str, dir: &Path) -> Proxy {
    let path = |name: &str| format!("\"{}\"", dir.join(name).display());
    let own = |user: &str, password: &str| {
        Server::from(postgres).login(user, password).key("dbname", "\"postgres\"").key("pool", "{ size = 2 }")
    };
    Proxy::builder(PGWEIR)
        .auth(method)
        .tls("prefer", &pair.cert.display().to_string(), &pair.key.display().to_string(), None)
        .set("log.level", "\"trace\"")
        .set("log.format", &format!("\"{format}\""))
        .set("admin.users", "[\"admin\"]")
        .set("auth.file", &path("users"))
        .set(
            "auth.query",
            &format!("{{ user = \"asks\", password = \"{CANARY}-asks\", database = \"postgres\", timeout = \"2s\" }}"),
        )
        .set("pool.acquire_timeout", "\"1s\"")
        .user("admin", &format!("{CANARY}-admin"))
        .user("app", &format!("{CANARY}-app"))
        .database("postgres", postgres)
        .database("own", own("owner", &format!("{CANARY}-owner")))
        .database("wrong", own("owner", &format!("{CANARY}-not-the-owner-s")))
        .toml(&format!("[[user]]\nname = \"from_file\"\npassword = {{ file = {} }}", path("token")))
        .toml(&format!(
            "[[user]]\nname = \"from_command\"\npassword = {{ command = [\"cat\", {}], ttl = \"100ms\" }}",
            path("command")
        ))
        .start()
}

/// Everybody logs in, rightly and wrongly.
fn everybody(proxy: &Proxy, seen: &mut Seen) {
    for tls in [false, true] {
        let door = || if tls { proxy.connect().tls(Tls::unchecked()) } else { proxy.connect() };
        let users = ["admin", "app", "listed", "token", "command", "looked_up", "hashed", "broken", "nobody"];
        for user in users {
            let name = match user {
                "token" => "from_file",
                "command" => "from_command",
                user => user,
            };
            for database in ["postgres", "own", "wrong", "nowhere", "pgweir"] {
                let connect = door().user(name).database(database);
                seen.log_in(&connect.clone().password(&format!("{CANARY}-{user}")));
                seen.log_in(&connect.clone().password(&format!("{CANARY}-guess-{}", "x".repeat(600))));
            }
        }
        // a password in the place of something else
        let mut client = door().user("app").unlogged();
        seen.note(client.send_startup());
        client.expect(b'R');
        let garbage =
            [messages::query(&format!("{CANARY}-query")), messages::sasl_initial("X", CANARY.as_bytes())];
        for bytes in garbage {
            let _gone = client.try_send(&bytes);
        }
        seen.note(crate::scene::last_words(&mut client));
    }
}

/// Work whose words are secrets, and that fails.
fn work(proxy: &Proxy, seen: &mut Seen) {
    let mut client = proxy.connect().user("app").password(&format!("{CANARY}-app")).database("own").open();
    let texts = [
        format!("ALTER ROLE owner PASSWORD '{CANARY}-owner'"),
        format!("CREATE ROLE x PASSWORD '{CANARY}' nonsense"),
        format!("SELECT set_config('app.secret', '{CANARY}', false)"),
        format!("PREPARE p AS SELECT '{CANARY}'"),
        format!("/* {CANARY} */ SELECT 1/0"),
    ];
    for text in texts {
        // what the server itself says of it is the client's to read
        let _said = client.try_query(&text);
    }
    client.send(
        &[messages::parse("s", "SELECT $1::int", &[]), messages::bind("", "s", &[Some(CANARY.as_bytes())])]
            .concat(),
    );
    client.send(&messages::sync());
    let _said = client.read_until_ready();
    client.send(&messages::frame(b'!', CANARY.as_bytes()));
    seen.note(crate::scene::last_words(&mut client));
    let own = client.key().map(|(pid, _)| pid).unwrap_or_default();
    proxy.connect().unlogged().send(&messages::cancel_request(own, CANARY.as_bytes()));
}

/// A configuration with mistakes at its secrets: refused by `check` and by a reload.
fn mistakes(proxy: &Proxy, seen: &mut Seen) {
    let good = fs::read_to_string(proxy.config_path()).unwrap();
    let password = format!("password = \"{CANARY}-owner\"");
    let slips = [
        format!("password = {CANARY}"),
        format!("password = \"{CANARY}"),
        format!("pasword = \"{CANARY}\""),
        format!("password \"{CANARY}\""),
        format!("password = [\"{CANARY}\"]"),
        format!("password = {{ command = \"pgweir-nothing {CANARY}\" }}"),
        format!("{password}\n{password}"),
        format!("password = \"{CANARY}\\q\""),
        format!("password = \"{CANARY} ${{NOT_SET}}\""),
    ];
    for slip in slips {
        fs::write(proxy.config_path(), good.replacen(&password, &slip, 1)).unwrap();
        let check = Command::new(PGWEIR).args(["check", "-c"]).arg(proxy.config_path()).output().unwrap();
        assert!(!check.status.success(), "{slip}");
        seen.note(String::from_utf8_lossy(&check.stderr));
        seen.note(String::from_utf8_lossy(&check.stdout));
        let before = proxy.log().matches("reload refused").count();
        proxy.reload();
        wait::until(wait::PATIENCE, "refused", || proxy.log().matches("reload refused").count() > before);
        let admin = proxy.connect().user("admin").password(&format!("{CANARY}-admin")).database("pgweir");
        seen.note(admin.open().query("RELOAD"));
    }
    fs::write(proxy.config_path(), good).unwrap();
    proxy.reload();
    proxy.wait_log("configuration reloaded");
}

#[test]
fn no_secret_is_seen_from_outside_whatever_goes_wrong() {
    let authority = Authority::new();
    let pair = authority.server();
    let postgres = Postgres::builder().auth(Auth::Scram).start();
    for user in ["app", "owner", "listed", "looked_up", "hashed", "asks SUPERUSER"] {
        let name = user.split(' ').next().unwrap();
        postgres.psql(&format!("CREATE ROLE {user} LOGIN PASSWORD '{CANARY}-{name}'"));
    }
    postgres.psql("ALTER ROLE owner SUPERUSER");
    postgres.psql(&format!("SET password_encryption = 'md5'; ALTER ROLE hashed PASSWORD '{CANARY}-hashed'"));
    let hashes = postgres.psql("SELECT rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL");
    // of a stored secret its last part, and the hash without its prefix
    let parts = |secret: &str| {
        secret.rsplit(['$', ':']).next().unwrap_or_default().trim_start_matches("md5").to_owned()
    };
    let hidden: Vec<String> = hashes.lines().map(parts).collect();
    assert!(hidden.len() >= 6 && hidden.iter().all(|part| part.len() > 20), "{hidden:?}");
    for (method, format) in [("plain", "text"), ("scram-sha-256", "json"), ("md5", "json")] {
        let dir = testkit::dir::Dir::new("secrets");
        files(dir.path());
        let proxy = start(&postgres, &pair, method, format, dir.path());
        let mut seen = Seen::default();
        everybody(&proxy, &mut seen);
        work(&proxy, &mut seen);
        mistakes(&proxy, &mut seen);
        // sources that fail, and a list that is wrong
        fs::write(dir.path().join("users"), format!("\"listed\" {CANARY}\n{CANARY}\n")).unwrap();
        proxy.wait_log("the users of before stay");
        fs::remove_file(dir.path().join("command")).unwrap();
        let command = proxy.connect().user("from_command").password(&format!("{CANARY}-command"));
        wait::until(wait::PATIENCE, "the command has failed", || {
            seen.log_in(&command);
            proxy.log().contains("the old one stays")
        });
        let mut console =
            proxy.connect().user("admin").password(&format!("{CANARY}-admin")).database("pgweir").open();
        for view in views::names() {
            seen.note(console.query(&format!("SHOW {view}")));
        }
        for path in ["/metrics", "/metrics/json", "/health", &format!("/{CANARY}")] {
            seen.0 += &page(&proxy, path).unwrap().1;
        }
        let rows = "current_user";
        assert!(seen.0.contains(rows), "somebody got in: {}", seen.0);
        seen.0 += &proxy.log();
        assert!(seen.0.contains("DEBUG") && seen.0.contains("log-in failed"), "the log is a full one");
        seen.tells_nothing(&format!("{method}, {format}"), &hidden);
    }
    assert!(
        matches!(postgres.connect().user("app").try_open(), Err(Error::Server(_))),
        "the server asks for passwords"
    );
}
