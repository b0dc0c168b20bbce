//! The side towards servers: whom each mode believes.

use rcgen::{CertificateParams, DnType};

use super::*;
use crate::testing::self_signed;

const MODES: [ServerTlsMode; 5] = [
    ServerTlsMode::Allow,
    ServerTlsMode::Prefer,
    ServerTlsMode::Require,
    ServerTlsMode::VerifyCa,
    ServerTlsMode::VerifyFull,
];

/// In which modes a server with this certificate is believed when it is called `host`.
async fn believed(world: &World, signed: &Signed, host: &str) -> Vec<ServerTlsMode> {
    let acceptor = Acceptor::new(&world.listen(ListenTlsMode::Require, signed)).unwrap();
    let mut modes = Vec::new();
    for mode in MODES {
        let (near, far) = shake(&acceptor, &world.connector(mode), host).await;
        if near.is_ok() {
            assert!(far.is_ok());
            modes.push(mode);
        }
    }
    modes
}

fn dated(start: i32, end: i32) -> impl FnOnce(&mut CertificateParams) {
    move |params| {
        params.not_before = rcgen::date_time_ymd(start, 1, 1);
        params.not_after = rcgen::date_time_ymd(end, 1, 1);
    }
}

fn called(name: &str) -> impl FnOnce(&mut CertificateParams) {
    move |params| params.distinguished_name.push(DnType::CommonName, name)
}

#[tokio::test]
async fn a_server_is_believed_as_far_as_the_mode_asks() {
    let world = World::new();
    let ours = &world.authority;
    let unverified = &MODES[..3];
    let by_chain = &MODES[..4];
    for (what, signed, host, modes) in [
        ("right", ours.sign(&["localhost"]), "localhost", &MODES[..]),
        ("wrong name", ours.sign(&["elsewhere"]), "localhost", by_chain),
        ("right address", ours.sign(&["127.0.0.1"]), "127.0.0.1", &MODES[..]),
        ("name for an address", ours.sign(&["localhost"]), "127.0.0.1", by_chain),
        ("wildcard", ours.sign(&["*.example.com"]), "db.example.com", &MODES[..]),
        ("expired", ours.sign_with(&["localhost"], dated(2019, 2020)), "localhost", unverified),
        ("from the future", ours.sign_with(&["localhost"], dated(2090, 2099)), "localhost", unverified),
        ("stranger of the same name", Authority::new("ours").sign(&["localhost"]), "localhost", unverified),
        ("self-signed", self_signed(&["localhost"], |_| ()), "localhost", unverified),
        ("common name", ours.sign_with(&[], called("localhost")), "localhost", &MODES[..]),
        ("wrong common name", ours.sign_with(&[], called("elsewhere")), "localhost", by_chain),
        (
            "common name beside names",
            ours.sign_with(&["elsewhere"], called("localhost")),
            "localhost",
            by_chain,
        ),
    ] {
        assert_eq!(believed(&world, &signed, host).await, modes, "{what}");
    }
}

/// PostgreSQL's documentation has people copy the server's self-signed certificate to the client.
#[tokio::test]
async fn a_server_whose_own_certificate_is_the_trusted_one_is_believed_within_its_dates() {
    for (what, names, dates, modes) in [
        ("right", &["localhost"][..], dated(2020, 2090), &MODES[..]),
        ("wrong name", &["elsewhere"], dated(2020, 2090), &MODES[..4]),
        ("expired", &["localhost"], dated(2019, 2020), &MODES[..3]),
        ("from the future", &["localhost"], dated(2090, 2099), &MODES[..3]),
    ] {
        let signed = self_signed(names, |params| {
            // As `openssl req -x509` makes them.
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            dates(params);
        });
        let world = World::new();
        world.dir.write("ca.crt", &signed.cert);
        assert_eq!(believed(&world, &signed, "localhost").await, modes, "{what}");
    }
}

#[tokio::test]
async fn a_chain_with_an_intermediate_is_followed() {
    let world = World::new();
    let between = Authority::under(&world.authority, "between");
    let mut signed = between.sign(&["localhost"]);
    assert_eq!(believed(&world, &signed, "localhost").await, &MODES[..3]);
    signed.cert += &between.pem;
    assert_eq!(believed(&world, &signed, "localhost").await, MODES);
}

#[tokio::test]
async fn a_host_that_no_certificate_can_name_is_only_an_error_where_names_count() {
    let world = World::new();
    let signed = world.authority.sign(&["localhost"]);
    assert_eq!(believed(&world, &signed, "not a name").await, &MODES[..4]);
}

#[tokio::test]
async fn disabled_needs_no_files_and_makes_no_handshakes() {
    let nothing = ServerTls {
        mode: ServerTlsMode::Disable,
        channel_binding: ChannelBinding::Prefer,
        ca: None,
        cert: None,
        key: None,
    };
    let connector = Connector::new(&nothing).unwrap();
    assert_eq!(connector.mode(), ServerTlsMode::Disable);
    let (near, _far) = tcp_pair().await;
    assert_eq!(connector.connect(near, "localhost").await.unwrap_err().kind(), io::ErrorKind::Unsupported);
}

#[tokio::test]
async fn tls_is_not_put_over_tls() {
    let world = World::new();
    let connector = world.connector(ServerTlsMode::Require);
    let (near, _far) = shake(&world.acceptor(), &connector, "localhost").await;
    let error = connector.connect(near.unwrap(), "localhost").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
}
