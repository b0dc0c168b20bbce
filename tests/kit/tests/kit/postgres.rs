//! The kit's PostgreSQL: it starts, answers, stops, crashes and comes back.

use testkit::install::{Install, Version};
use testkit::postgres::{Auth, Stop};
use testkit::{Error, Postgres};

#[test]
fn a_server_answers_and_is_gone_afterwards() {
    let server = Postgres::builder().user("app", "secret").database("shop").start();
    assert_eq!(server.psql("SELECT 1, NULL, 'two' UNION ALL SELECT 2, 'x', 'y'"), "1||two\n2|x|y");
    let mut client = server.connect().user("app").database("shop").open();
    assert_eq!(client.rows("SELECT current_user, current_database()"), "app|shop");
    let (data, port) = (server.data_dir(), server.port());
    drop(server);
    assert!(!data.exists());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn what_was_committed_survives_a_crash() {
    let mut server = Postgres::start();
    server.psql("CREATE TABLE t AS SELECT 42 AS x");
    server.kill9();
    server.restart();
    assert_eq!(server.psql("SELECT x FROM t"), "42");
    server.stop(Stop::Fast);
    assert!(server.connect().try_open().is_err());
}

#[test]
fn a_password_is_asked_for_and_checked() {
    for auth in [Auth::Plain, Auth::Md5, Auth::Scram] {
        let server = Postgres::builder().auth(auth.clone()).user("app", "secret").start();
        let login = server.connect().user("app");
        assert_eq!(login.clone().password("secret").open().rows("SELECT 1"), "1", "{auth:?}");
        let refused = login.password("wrong").try_open();
        assert!(matches!(&refused, Err(Error::Server(error)) if error.code() == "28P01"), "{refused:?}");
    }
}

#[test]
fn version_18_speaks_protocol_3_2_and_reports_search_path() {
    if Install::v18_or_skip("version_18_speaks_protocol_3_2_and_reports_search_path").is_none() {
        return;
    }
    let server = Postgres::builder().version(Version::V18).start();
    let client = server.connect().minor(2).open();
    assert!(client.key().is_some_and(|(_, secret)| secret.len() > 4), "a long key: {:?}", client.key());
    assert_eq!(client.parameter("search_path"), Some("\"$user\", public"));
    assert_eq!(server.connect().open().key().map(|(_, secret)| secret.len()), Some(4));
}
