//! Who gets in: every method of log-in with every kind of stored secret before every kind of server, and what
//! those learn who do not.

use testkit::error::ServerError;
use testkit::postgres::Auth;
use testkit::proxy::Server;
use testkit::{Connect, Postgres, Proxy, messages};

use crate::scene::{PGWEIR, before, server_error};

const METHODS: [&str; 4] = ["trust", "plain", "md5", "scram-sha-256"];

/// The secret of a user as PostgreSQL stores it.
fn stored(postgres: &Postgres, user: &str) -> String {
    postgres.psql(&format!("SELECT rolpassword FROM pg_authid WHERE rolname = '{user}'"))
}

/// A server with this method; users `plain`, `md5` and `scram` all have the password `secret`.
fn server(auth: Auth) -> Postgres {
    let builder = Postgres::builder().auth(auth);
    builder.user("plain", "secret").user("md5", "secret").user("scram", "secret").start()
}

/// Whether a client gets in at pgweir, and whether pgweir then gets in at the server.
pub(crate) fn expected(method: &str, secret: &str, server: &Auth) -> Result<(), &'static str> {
    if method == "scram-sha-256" && secret == "md5" {
        return Err("28P01");
    }
    // who shows the password in clear text shows all there is
    if method == "plain" {
        return Ok(());
    }
    // who has a SCRAM secret is asked for SCRAM under `md5` too, and so shows the keys
    let shown = method == "scram-sha-256" || (method == "md5" && secret == "scram");
    let enough = match server {
        Auth::Trust => true,
        Auth::Plain => secret == "plain",
        Auth::Md5 => secret != "scram",
        Auth::Scram | Auth::Cert | Auth::Line(_) => secret == "plain" || (secret == "scram" && shown),
    };
    if enough { Ok(()) } else { Err("57P03") }
}

fn each_method_before(auth: Auth) {
    let postgres = server(auth.clone());
    let md5 = "md5".to_owned() + &postgres.psql("SELECT md5('secret' || 'md5')");
    let scram = match stored(&postgres, "scram") {
        secret if secret.starts_with("SCRAM") => secret,
        _ => stored(&server(Auth::Scram), "scram"),
    };
    for method in METHODS {
        let proxy = before(&postgres)
            .auth(method)
            .user("plain", "secret")
            .user("md5", &md5)
            .user("scram", &scram)
            .set("pool.acquire_timeout", "\"2s\"")
            .start();
        for secret in ["plain", "md5", "scram"] {
            let connect = proxy.connect().user(secret).password("secret");
            let what = format!("{method}, {secret} secret, server {auth:?}");
            let outcome =
                connect.try_open().and_then(|mut client| client.try_rows("SELECT current_user::text"));
            match (expected(method, secret, &auth), outcome) {
                (Ok(()), Ok(user)) => assert_eq!(user, secret, "{what}"),
                (Err(code), Err(testkit::Error::Server(error))) => {
                    assert_eq!(error.code(), code, "{what}: {error}");
                    assert!(code == "28P01" || !error.field(b'H').is_empty(), "{what}: a hint: {error}");
                }
                (wanted, got) => panic!("{what}: wanted {wanted:?}, got {got:?}"),
            }
            if method != "trust" {
                let error = server_error(connect.clone().password("wrong").try_open());
                assert_eq!(error.code(), "28P01", "{what}, warm pool, wrong password: {error}");
            }
        }
        assert!(!proxy.log().contains("panic"), "{}", proxy.log());
    }
}

#[test]
fn every_method_and_secret_before_a_trusting_server() {
    each_method_before(Auth::Trust);
}

#[test]
fn every_method_and_secret_before_a_server_that_wants_clear_text() {
    each_method_before(Auth::Plain);
}

#[test]
fn every_method_and_secret_before_a_server_that_wants_md5() {
    each_method_before(Auth::Md5);
}

#[test]
fn every_method_and_secret_before_a_server_that_wants_scram() {
    each_method_before(Auth::Scram);
}

/// The same password, but stored under another salt than the server's: its keys are of no use there.
#[test]
fn a_scram_secret_with_another_salt_is_refused_with_the_reason() {
    let (postgres, other) = (server(Auth::Scram), server(Auth::Scram));
    let secret = stored(&other, "scram");
    assert_ne!(secret, stored(&postgres, "scram"));
    let proxy = before(&postgres)
        .auth("scram-sha-256")
        .user("scram", &secret)
        .set("pool.acquire_timeout", "\"2s\"")
        .start();
    let error = server_error(proxy.connect().user("scram").password("secret").try_open());
    assert_eq!(error.code(), "57P03", "{error}");
    assert!(error.message().contains("salt"), "{error}");
}

/// All that a stranger sees of a refused log-in, the user's name aside.
fn seen(connect: &Connect, user: &str, password: &str) -> (Vec<u8>, Vec<usize>, ServerError) {
    let mut client = connect.clone().user(user).unlogged();
    client.send_startup().unwrap();
    let first = client.expect(b'R');
    let mut tags = vec![first.body[3]];
    let mut lengths = Vec::new();
    match first.body[3] {
        10 => {
            client.send(&messages::sasl_initial("SCRAM-SHA-256", b"n,,n=,r=abcdefghijklmnop"));
            let challenge = client.expect(b'R');
            let text = String::from_utf8_lossy(&challenge.body[4..]).into_owned();
            lengths.extend(text.split(',').map(str::len));
            let nonce = text.split(',').next().unwrap();
            let proof = "A".repeat(43) + "=";
            client.send(&messages::sasl_response(format!("c=biws,{nonce},p={proof}").as_bytes()));
        }
        _ => client.send(&messages::password(password)),
    }
    let last = client.expect(b'E');
    tags.push(last.tag);
    let error = last.error().unwrap();
    let neutral = error.0.into_iter().map(|(code, text)| {
        let digits = text.replace(user, "USER").replace(|c: char| c.is_ascii_digit(), "");
        (code, if code == b'C' { text } else { digits })
    });
    (tags, lengths, ServerError(neutral.collect()))
}

#[test]
fn an_unknown_user_looks_like_a_wrong_password() {
    let postgres = Postgres::start();
    for method in ["plain", "md5", "scram-sha-256"] {
        let proxy = before(&postgres).auth(method).user("known", "secret").start();
        let known = seen(&proxy.connect(), "known", "wrong");
        assert_eq!(known.2.code(), "28P01", "{method}");
        assert_eq!(known, seen(&proxy.connect(), "nobody", "wrong"), "{method}");
        assert_eq!(known, seen(&proxy.connect(), "nobody", "secret"), "{method}");
    }
}

/// The salt of an unknown user is the same each time, as a known one's is.
#[test]
fn an_unknown_user_keeps_its_salt() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).auth("scram-sha-256").user("known", "secret").start();
    let salt = |user: &str| {
        let mut client = proxy.connect().user(user).unlogged();
        client.send_startup().unwrap();
        client.expect(b'R');
        client.send(&messages::sasl_initial("SCRAM-SHA-256", b"n,,n=,r=abcdefghijklmnop"));
        let text = String::from_utf8_lossy(&client.expect(b'R').body[4..]).into_owned();
        text.split(',').nth(1).unwrap().to_owned()
    };
    assert_eq!(salt("known"), salt("known"));
    assert_eq!(salt("nobody"), salt("nobody"));
    assert_ne!(salt("nobody"), salt("somebody"));
}

#[test]
fn long_passwords_work_and_too_long_ones_are_refused() {
    for size in [1_023, 1_024, 8_192, 60_000] {
        let password = "p".repeat(size);
        for (auth, limit) in [(Auth::Plain, 60_000), (Auth::Scram, 60_000)] {
            if size > limit {
                continue;
            }
            let postgres = Postgres::builder().auth(auth.clone()).start();
            postgres.psql(&format!("CREATE ROLE app LOGIN PASSWORD '{password}'"));
            for method in ["plain", "md5", "scram-sha-256"] {
                let proxy = before(&postgres).auth(method).user("app", &password).start();
                let connect = proxy.connect().user("app").password(&password);
                assert_eq!(connect.open().rows("SELECT 1"), "1", "{size} bytes, {method}, {auth:?}");
                let error = server_error(connect.password(&password[1..]).try_open());
                assert_eq!(error.code(), "28P01");
            }
        }
    }
}

#[test]
fn passwords_beyond_any_limit_cost_nothing() {
    let postgres = Postgres::builder().user("app", "secret").start();
    let proxy = before(&postgres).auth("plain").user("app", "secret").start();
    let idle = proxy.rss_kb();
    for size in [65_536, 1_000_000, 100_000_000] {
        let mut client = proxy.connect().user("app").unlogged();
        client.send_startup().unwrap();
        client.expect(b'R');
        let _ = client.try_send(&messages::password(&"p".repeat(size)));
        let said = crate::scene::last_words(&mut client);
        assert!(said.iter().all(|e| e.code() == "08P01"), "{size}: {said:?}");
    }
    assert!(proxy.rss_kb() < idle + 8 * 1024, "{} kB after {idle} kB", proxy.rss_kb());
    assert_eq!(proxy.connect().user("app").password("secret").open().rows("SELECT 1"), "1");
}

/// A pool that a client has logged in to is no door for another.
#[test]
fn each_user_has_to_prove_itself_on_a_warm_pool() {
    let postgres = Postgres::start();
    let server = Server::from(&postgres).login("postgres", "unused");
    let proxy = Proxy::builder(PGWEIR)
        .database("postgres", server)
        .auth("scram-sha-256")
        .user("one", "secret1")
        .user("two", "secret2")
        .start();
    let one = proxy.connect().user("one").password("secret1");
    assert_eq!(one.open().rows("SELECT 1"), "1");
    for (user, password) in [("two", "secret1"), ("one", "secret2"), ("one", ""), ("two", "wrong")] {
        let error = server_error(proxy.connect().user(user).password(password).try_open());
        assert_eq!(error.code(), "28P01", "{user} with {password:?}");
    }
    assert!(!proxy.log().contains("secret1"), "{}", proxy.log());
}
