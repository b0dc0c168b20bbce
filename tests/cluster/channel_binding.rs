//! SCRAM log-ins that are bound to the certificate under them: with psql and by hand, towards clients and towards
//! servers, and what comes of somebody in between who ends TLS with a certificate of its own.

use std::fs;
use std::process::{Command, Output};

use testkit::client::Bind;
use testkit::client::tls::Tls;
use testkit::postgres::Auth;
use testkit::proxy::Server;
use testkit::{Authority, Connect, Middle, Postgres, Proxy, answers, messages, wait};

use crate::scene::{PGWEIR, server_error};

/// Both ends of a chain with TLS on each side: a server that wants SCRAM, pgweir before it.
struct Chain {
    authority: Authority,
    postgres: Postgres,
}

impl Chain {
    fn new() -> Self {
        let authority = Authority::new();
        let pair = authority.server_named("server", &["localhost"]);
        let postgres = Postgres::builder()
            .auth(Auth::Scram)
            .tls(&pair.cert, &pair.key, None)
            .user("app", "secret")
            .start();
        Self { authority, postgres }
    }

    /// pgweir that reaches the server at this port, and has this secret of the user's.
    fn proxy(&self, port: u16, server_tls: &str, secret: &str) -> Proxy {
        let pair = self.authority.server_named("pgweir", &["localhost"]);
        let server = Server::at("localhost", port).key("server_tls", server_tls);
        Proxy::builder(PGWEIR)
            .database("postgres", server)
            .auth("scram-sha-256")
            .user("app", secret)
            .tls("prefer", &pair.cert.display().to_string(), &pair.key.display().to_string(), None)
            .set("pool.acquire_timeout", "\"2s\"")
            .start()
    }

    fn psql(&self, port: u16, more: &str) -> Output {
        let conninfo = format!("host=localhost port={port} user=app dbname=postgres sslmode=require {more}");
        let mut psql = Command::new(self.postgres.install().program("psql"));
        psql.args(["-X", "-At", "-c", "SELECT current_user", &conninfo]).env("PGPASSWORD", "secret");
        psql.env("LC_ALL", "C").output().unwrap()
    }
}

fn app(proxy: &Proxy) -> Connect {
    proxy.connect().user("app").password("secret")
}

const REQUIRE: &str = r#"{ mode = "require", channel_binding = "require" }"#;
const PREFER: &str = r#"{ mode = "require" }"#;
const DISABLE: &str = r#"{ mode = "require", channel_binding = "disable" }"#;

fn as_it_is(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

/// Takes SCRAM-SHA-256-PLUS out of the offer of mechanisms.
fn without_the_offer(bytes: Vec<u8>) -> Vec<u8> {
    let offer = answers::auth_sasl(&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]);
    let found = bytes.windows(offer.len()).position(|part| part == offer);
    let Some(at) = found else { return bytes };
    [&bytes[..at], &answers::auth_sasl(&["SCRAM-SHA-256"]), &bytes[at + offer.len()..]].concat()
}

#[test]
fn psql_and_pgweir_bind_with_a_password_and_with_keys_that_a_log_in_has_shown() {
    let chain = Chain::new();
    let stored = chain.postgres.psql("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'");
    for secret in ["secret", &stored] {
        let proxy = chain.proxy(chain.postgres.port(), REQUIRE, secret);
        let said = chain.psql(proxy.port(), "channel_binding=require");
        assert_eq!(String::from_utf8_lossy(&said.stdout), "app\n", "{said:?}");
        for tls in [Tls::unchecked(), Tls::unchecked().direct()] {
            for bind in [Bind::Seen, Bind::Never] {
                let mut client = app(&proxy).tls(tls.clone()).bind(bind).open();
                assert_eq!(client.rows("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"), "t");
            }
            let error = server_error(app(&proxy).tls(tls).bind(Bind::NotOffered).try_open());
            assert_eq!((error.code(), error.message()), ("28000", "SCRAM channel binding negotiation error"));
            assert!(!error.field(b'H').is_empty(), "a hint: {error}");
        }
        assert_eq!(app(&proxy).open().rows("SELECT 1"), "1", "without TLS");
        let error = server_error(app(&proxy).password("x").tls(Tls::unchecked()).bind(Bind::Seen).try_open());
        assert_eq!(error.code(), "28P01", "a wrong password: {error}");
    }
}

/// What a client is offered.
fn offered(connect: &Connect) -> String {
    let mut client = connect.unlogged();
    client.send_startup().unwrap();
    let request = client.expect(b'R').body;
    assert_eq!(request[..4], [0, 0, 0, 10]);
    String::from_utf8_lossy(&request[4..]).replace('\0', " ").trim_end().to_owned()
}

#[test]
fn binding_is_offered_over_tls_alone_and_only_what_was_offered_is_taken() {
    let chain = Chain::new();
    let proxy = chain.proxy(chain.postgres.port(), PREFER, "secret");
    let (plain, tls) = (app(&proxy), app(&proxy).tls(Tls::unchecked()));
    assert_eq!(offered(&plain), "SCRAM-SHA-256");
    assert_eq!(offered(&tls), "SCRAM-SHA-256-PLUS SCRAM-SHA-256");
    assert_eq!(offered(&tls.clone().user("nobody")), "SCRAM-SHA-256-PLUS SCRAM-SHA-256");
    let bound = "p=tls-server-end-point,,n=,r=abc";
    let cases = [
        (&plain, "SCRAM-SHA-256-PLUS", bound, "08P01"),
        (&plain, "SCRAM-SHA-256", bound, "08P01"),
        (&plain, "SCRAM-SHA-256", "y,,n=,r=abc", ""),
        (&tls, "SCRAM-SHA-256-PLUS", bound, ""),
        (&tls, "SCRAM-SHA-256-PLUS", "p=tls-unique,,n=,r=abc", "08P01"),
        (&tls, "SCRAM-SHA-256-PLUS", "p=,,n=,r=abc", "08P01"),
        (&tls, "SCRAM-SHA-256-PLUS", "n,,n=,r=abc", "08P01"),
        (&tls, "SCRAM-SHA-256-PLUS", "y,,n=,r=abc", "08P01"),
        (&tls, "SCRAM-SHA-256-PLUS", "", "08P01"),
        (&tls, "SCRAM-SHA-256", bound, "08P01"),
        (&tls, "SCRAM-SHA-256", "n,,n=,r=abc", ""),
        (&tls, "SCRAM-SHA-256", "y,,n=,r=abc", "28000"),
        (&tls, "SCRAM-SHA-1", "n,,n=,r=abc", "08P01"),
        (&tls, "", "n,,n=,r=abc", "08P01"),
    ];
    for (connect, mechanism, first, code) in cases {
        let mut client = connect.unlogged();
        client.send_startup().unwrap();
        client.expect(b'R');
        client.send(&messages::sasl_initial(mechanism, first.as_bytes()));
        let answer = client.read_message();
        let got = answer.error().map(|error| error.code().to_owned()).unwrap_or_default();
        assert_eq!(got, code, "{mechanism}, {first}: {answer:?}");
    }
    assert!(!proxy.log().contains("panic"), "{}", proxy.log());
}

#[test]
fn a_client_notices_who_stands_between_it_and_pgweir() {
    let chain = Chain::new();
    let proxy = chain.proxy(chain.postgres.port(), PREFER, "secret");
    let other = chain.authority.server_named("middle", &["localhost"]);
    let through = |middle: &Middle, bind| {
        let connect = Connect::tcp("127.0.0.1", middle.port()).user("app").password("secret");
        connect.tls(Tls::unchecked()).bind(bind).try_open()
    };
    let middle = Middle::start(proxy.port(), &other, as_it_is);
    assert!(through(&middle, Bind::Never).is_ok(), "who does not bind does not notice");
    let error = server_error(through(&middle, Bind::Seen));
    assert_eq!((error.code(), error.message()), ("28000", "SCRAM channel binding check failed"));
    let said = chain.psql(middle.port(), "channel_binding=prefer");
    let words = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success() && words.contains("channel binding check failed"), "{words}");

    let middle = Middle::start(proxy.port(), &other, without_the_offer);
    let error = server_error(through(&middle, Bind::NotOffered));
    assert_eq!((error.code(), error.message()), ("28000", "SCRAM channel binding negotiation error"));
    let said = chain.psql(middle.port(), "channel_binding=prefer");
    let words = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success() && words.contains("negotiation error"), "{words}");
}

#[test]
fn pgweir_notices_who_stands_between_it_and_the_server() {
    let chain = Chain::new();
    let other = chain.authority.server_named("middle", &["localhost"]);
    let passing = Middle::start(chain.postgres.port(), &other, as_it_is);
    let stripping = Middle::start(chain.postgres.port(), &other, without_the_offer);
    let cases = [
        (&passing, PREFER, "28000", "channel binding check failed"),
        (&passing, REQUIRE, "28000", "channel binding check failed"),
        (&stripping, PREFER, "28000", "channel binding negotiation error"),
        (&stripping, REQUIRE, "57P03", "the server does not offer it"),
    ];
    for (middle, server_tls, code, words) in cases {
        let proxy = chain.proxy(middle.port(), server_tls, "secret");
        let error = server_error(app(&proxy).try_open());
        assert_eq!(error.code(), code, "{server_tls}: {error}");
        assert!(error.message().contains(words), "{server_tls}: {error}");
    }
    let proxy = chain.proxy(passing.port(), DISABLE, "secret");
    assert_eq!(app(&proxy).open().rows("SELECT 1"), "1", "who does not bind does not notice");
}

#[test]
fn where_binding_is_required_no_other_log_in_will_do() {
    let chain = Chain::new();
    let pair = chain.authority.server_named("server", &["localhost"]);
    for (auth, with_tls) in
        [(Auth::Trust, true), (Auth::Plain, true), (Auth::Md5, true), (Auth::Scram, false)]
    {
        let builder = Postgres::builder().auth(auth.clone()).user("app", "secret");
        let builder = if with_tls { builder.tls(&pair.cert, &pair.key, None) } else { builder };
        let postgres = builder.start();
        let required = r#"{ mode = "prefer", channel_binding = "require" }"#;
        for (server_tls, binds) in [(required, true), (r#"{ mode = "prefer" }"#, false)] {
            let proxy = chain.proxy(postgres.port(), server_tls, "secret");
            match app(&proxy).try_open() {
                Ok(mut client) => assert!(!binds && client.rows("SELECT 1") == "1", "{auth:?}"),
                outcome => {
                    let error = server_error(outcome);
                    let words = "channel binding is required";
                    assert!(binds && error.message().contains(words), "{auth:?}: {error}");
                    assert_eq!(error.code(), "57P03", "{auth:?}: {error}");
                }
            }
        }
    }
}

/// A log-in that began with the old certificate ends with it, whatever was loaded meanwhile.
#[test]
fn a_log_in_is_bound_to_the_certificate_its_connection_was_shown() {
    let chain = Chain::new();
    let proxy = chain.proxy(chain.postgres.port(), PREFER, "secret");
    let connect = app(&proxy).tls(Tls::unchecked()).bind(Bind::Seen);
    let mut early = connect.unlogged();
    let (live, new) = (chain.authority.server_named("pgweir", &["localhost"]), Authority::new());
    let next = new.server_named("next", &["localhost"]);
    fs::copy(&next.cert, &live.cert).unwrap();
    fs::copy(&next.key, &live.key).unwrap();
    proxy.reload();
    wait::until(wait::PATIENCE, "the new certificate is shown", || {
        app(&proxy).tls(Tls::verified(&new.ca())).try_open().is_ok()
    });
    early.send_startup().unwrap();
    early.finish_login().unwrap();
    assert_eq!(early.rows("SELECT 1"), "1");
    assert_eq!(connect.open().rows("SELECT 1"), "1");
}
