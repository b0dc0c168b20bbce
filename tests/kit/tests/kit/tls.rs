//! The kit's TLS client and certificates, tried on PostgreSQL itself.

use testkit::client::tls::Tls;
use testkit::postgres::Auth;
use testkit::{Authority, Error, Postgres};

const IN_TLS: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

#[test]
fn a_server_of_the_authority_is_trusted_and_others_are_not() {
    let authority = Authority::new();
    let pair = authority.server();
    let server = Postgres::builder().tls(&pair.cert, &pair.key, None).start();
    assert_eq!(server.connect().open().rows(IN_TLS), "f");
    assert_eq!(server.connect().tls(Tls::unchecked()).open().rows(IN_TLS), "t");
    assert_eq!(server.connect().tls(Tls::verified(&authority.ca())).open().rows(IN_TLS), "t");
    let stranger = Authority::new();
    assert!(server.connect().tls(Tls::verified(&stranger.ca())).try_open().is_err());
    assert!(server.connect().tls(Tls::verified(&authority.ca()).name("other.test")).try_open().is_err());
}

#[test]
fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let pair = authority.expired_server();
    let server = Postgres::builder().tls(&pair.cert, &pair.key, None).start();
    assert!(server.connect().tls(Tls::verified(&authority.ca())).try_open().is_err());
}

#[test]
fn a_client_certificate_logs_its_own_user_in_and_no_other() {
    let authority = Authority::new();
    let (pair, app) = (authority.server(), authority.client("app"));
    let server = Postgres::builder()
        .tls(&pair.cert, &pair.key, Some(&authority.ca()))
        .auth(Auth::Cert)
        .user("app", "")
        .user("other", "")
        .start();
    let tls = Tls::with_client_cert(&authority.ca(), &app.cert, &app.key);
    let login = server.connect().tls(tls);
    assert_eq!(login.clone().user("app").open().rows("SELECT current_user"), "app");
    let refused = login.user("other").try_open();
    assert!(matches!(&refused, Err(Error::Server(error)) if error.code() == "28000"), "{refused:?}");
}
