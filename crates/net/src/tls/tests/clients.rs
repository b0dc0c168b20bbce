//! The side towards clients.

use rustls::version::{TLS12, TLS13};
use tokio::io::AsyncWriteExt;

use super::*;
use crate::testing::{read_exactly, self_signed};

#[tokio::test]
async fn each_mode_offers_and_requires_what_it_says() {
    let world = World::new();
    let signed = world.authority.sign(&["localhost"]);
    let found = LISTEN_MODES.map(|mode| {
        let acceptor = Acceptor::new(&world.listen(mode, &signed)).unwrap();
        (acceptor.offers(), acceptor.requires())
    });
    let yes = (true, true);
    assert_eq!(found, [(false, false), (true, false), (true, false), yes, yes, yes]);
}

#[tokio::test]
async fn disabled_needs_no_files_and_refuses_handshakes() {
    let nothing = ListenTls { mode: ListenTlsMode::Disable, cert: None, key: None, client_ca: None };
    let acceptor = Acceptor::new(&nothing).unwrap();
    assert!(!acceptor.changed() && acceptor.not_after().is_none());
    let (_near, far) = tcp_pair().await;
    assert_eq!(acceptor.accept(far, b"").await.unwrap_err().kind(), io::ErrorKind::Unsupported);
}

#[tokio::test]
async fn without_an_authority_no_certificate_is_asked_for() {
    let world = World::new();
    let signed = world.authority.sign(&["localhost"]);
    for mode in [ListenTlsMode::Allow, ListenTlsMode::Prefer, ListenTlsMode::Require] {
        let settings = ListenTls { client_ca: None, ..world.listen(mode, &signed) };
        let acceptor = Acceptor::new(&settings).unwrap();
        let mut settings = world.server(ServerTlsMode::Require);
        (settings.cert, settings.key) = world.put("client", &world.authority.sign(&[]));
        let (_, far) = shake(&acceptor, &Connector::new(&settings).unwrap(), "localhost").await;
        let far = far.unwrap();
        assert_eq!((far.peer_certificate(), far.certificate()), (None, None));
    }
}

#[tokio::test]
async fn with_an_authority_a_certificate_may_be_missing_but_not_wrong() {
    let world = World::new();
    let good = world.authority.sign_with(&[], |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "alice");
    });
    let stranger = Authority::new("ours").sign(&["alice"]);
    for mode in [ListenTlsMode::Allow, ListenTlsMode::Prefer, ListenTlsMode::Require] {
        let acceptor = Acceptor::new(&world.listen(mode, &world.authority.sign(&["localhost"]))).unwrap();
        let (_, far) = shake(&acceptor, &world.connector(ServerTlsMode::VerifyFull), "localhost").await;
        assert_eq!(far.unwrap().certificate(), None);
        let mut settings = world.server(ServerTlsMode::VerifyFull);
        (settings.cert, settings.key) = world.put("client", &good);
        let (_, far) = shake(&acceptor, &Connector::new(&settings).unwrap(), "localhost").await;
        let shown = far.unwrap().certificate().unwrap();
        assert_eq!(shown.common_name.as_deref(), Some("alice"));
        (settings.cert, settings.key) = world.put("client", &stranger);
        let (_, far) = shake(&acceptor, &Connector::new(&settings).unwrap(), "localhost").await;
        assert!(far.is_err(), "another authority's");
    }
}

#[tokio::test]
async fn with_verification_only_a_client_with_a_certificate_of_the_authority_is_let_in() {
    let world = World::new();
    let expired = |params: &mut rcgen::CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let good = world.authority.sign(&["alice"]);
    let strangers = [
        Authority::new("ours").sign(&["alice"]),
        world.authority.sign_with(&["alice"], expired),
        self_signed(&["alice"], |_| ()),
    ];
    for mode in [ListenTlsMode::VerifyCa, ListenTlsMode::VerifyFull] {
        let acceptor = Acceptor::new(&world.listen(mode, &world.authority.sign(&["localhost"]))).unwrap();
        let (_, far) = shake(&acceptor, &world.connector(ServerTlsMode::VerifyFull), "localhost").await;
        assert!(far.is_err(), "no certificate");
        let mut settings = world.server(ServerTlsMode::VerifyFull);
        for stranger in &strangers {
            (settings.cert, settings.key) = world.put("client", stranger);
            let (_, far) = shake(&acceptor, &Connector::new(&settings).unwrap(), "localhost").await;
            assert!(far.is_err());
        }
        (settings.cert, settings.key) = world.put("client", &good);
        let (near, far) = shake(&acceptor, &Connector::new(&settings).unwrap(), "localhost").await;
        assert_eq!(far.unwrap().peer_certificate(), Some(&good.der[..]));
        assert!(near.is_ok());
    }
}

#[tokio::test]
async fn bytes_in_plain_text_before_the_handshake_are_refused() {
    let (_near, far) = tcp_pair().await;
    let error = World::new().acceptor().accept(far, b"Q").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn after_a_request_for_tls_a_client_may_name_postgresql_or_nothing_but_no_other_protocol() {
    let world = World::new();
    let acceptor = world.acceptor();
    for (alpn, welcome) in [(&[][..], true), (&[ALPN], true), (&[b"h2", ALPN], true), (&[b"h2"], false)] {
        let (near, far) = tcp_pair().await;
        let client = world.client(&[&TLS13], alpn);
        let near = client.connect(localhost(), near.into_socket().unwrap());
        let (near, far) = tokio::join!(near, acceptor.accept(far, b""));
        assert_eq!((near.is_ok(), far.is_ok()), (welcome, welcome), "{alpn:?}");
    }
}

#[tokio::test]
async fn direct_tls_is_known_by_its_first_byte_and_must_name_postgresql() {
    let world = World::new();
    let acceptor = world.acceptor();
    for (alpn, welcome) in [(&[ALPN][..], true), (&[], false), (&[b"h2"], false)] {
        let (near, mut far) = tcp_pair().await;
        let client = world.client(&[&TLS13], alpn);
        let near = client.connect(localhost(), near.into_socket().unwrap());
        let far = async {
            let mut seen = BytesMut::new();
            far.read_more(&mut seen).await.unwrap();
            assert!(is_client_hello(seen[0]));
            acceptor.accept_direct(far, seen).await
        };
        let (_, far) = tokio::join!(near, far);
        assert_eq!(far.is_ok(), welcome, "{alpn:?}");
    }
    // The first byte of every start-up packet shorter than 16 MB.
    assert!(!is_client_hello(0));
}

/// However much of the first record was read before TLS was recognised.
#[tokio::test]
async fn what_was_read_of_direct_tls_is_not_lost() {
    let world = World::new();
    let acceptor = world.acceptor();
    for already in [1, 5, 6, 100] {
        let (near, mut far) = tcp_pair().await;
        let client = world.client(&[&TLS13], &[ALPN]);
        let near = async {
            let mut near = client.connect(localhost(), near.into_socket().unwrap()).await.unwrap();
            near.write_all(b"hello").await.unwrap();
            near
        };
        let far = async {
            let mut seen = BytesMut::new();
            while seen.len() < already {
                let left = already - seen.len();
                std::future::poll_fn(|cx| far.poll_read(cx, &mut seen, left)).await.unwrap();
            }
            let mut far = acceptor.accept_direct(far, seen).await.unwrap();
            read_exactly(&mut far, 5).await
        };
        assert_eq!(&tokio::join!(near, far).1[..], b"hello");
    }
}

#[tokio::test]
async fn a_peer_that_speaks_no_tls_is_an_error() {
    let (mut near, far) = tcp_pair().await;
    near.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(World::new().acceptor().accept(far, b"").await.is_err());
    let (near, far) = tcp_pair().await;
    drop(near);
    let error = World::new().acceptor().accept(far, b"").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn both_versions_are_spoken_and_named_as_postgresql_names_them() {
    let world = World::new();
    let acceptor = world.acceptor();
    for (version, name) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        let (near, far) = tcp_pair().await;
        let client = world.client(&[version], &[]);
        let near = client.connect(localhost(), near.into_socket().unwrap());
        let (_near, far) = tokio::join!(near, acceptor.accept(far, b""));
        let info = far.unwrap().tls().unwrap();
        assert_eq!(info.version, name);
        let ciphers = ["TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"];
        assert!(ciphers.contains(&info.cipher), "{}", info.cipher);
    }
}

/// A session that resumes saves a client the larger part of a handshake; after the files have changed it must
/// not, since what it was let in by may no longer hold.
#[tokio::test]
async fn sessions_resume_until_the_files_change() {
    let world = World::new();
    let acceptor = world.acceptor();
    for version in [&TLS12, &TLS13] {
        let client = world.client(&[version], &[ALPN]);
        let mut kinds = Vec::new();
        for round in 0..3 {
            if round == 2 {
                acceptor.reload().unwrap();
            }
            let (near, far) = tcp_pair().await;
            let near = client.connect(localhost(), near.into_socket().unwrap());
            let (near, far) = tokio::join!(near, acceptor.accept(far, b""));
            let (mut near, mut far) = (near.unwrap(), far.unwrap());
            // The ticket comes with the first bytes that the client reads.
            far.write_all(b"x").await.unwrap();
            tokio::io::AsyncReadExt::read_u8(&mut near).await.unwrap();
            kinds.push(near.get_ref().1.handshake_kind().unwrap());
        }
        assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Full]);
    }
}
