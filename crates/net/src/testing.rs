//! What the tests of this crate share: connected pairs, a directory that goes away, certificates.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use config::Host;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, GeneralSubtree, IsCa, Issuer, KeyPair, NameConstraints,
};

use crate::{Listener, Peer, Stream, connect};

/// Long enough that only a bug reaches it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// Two ends of a TCP connection.
pub(crate) async fn tcp_pair() -> (Stream, Stream) {
    let mut listener = Listener::tcp(loopback(), 8).unwrap();
    let Peer::Tcp(address) = listener.local().unwrap() else { panic!("a TCP listener") };
    let near = connect(&Host::Tcp(address.ip().to_string()), address.port(), PATIENCE).await.unwrap();
    (near, listener.accept().await.register().unwrap())
}

/// Two ends of a Unix connection.
pub(crate) async fn unix_pair() -> (Stream, Stream) {
    let dir = Dir::new();
    let mut listener = Listener::unix(dir.path(), 5432, 8).unwrap();
    let near = connect(&Host::Unix(dir.path().to_owned()), 5432, PATIENCE).await.unwrap();
    (near, listener.accept().await.register().unwrap())
}

/// Reads exactly `len` bytes.
pub(crate) async fn read_exactly(stream: &mut Stream, len: usize) -> BytesMut {
    let mut buf = BytesMut::new();
    while buf.len() < len {
        assert_ne!(stream.read_more(&mut buf).await.unwrap(), 0, "ended after {} of {len} bytes", buf.len());
    }
    assert_eq!(buf.len(), len);
    buf
}

/// A directory of a test's own.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("pgweir-net-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Somebody who signs certificates.
pub(crate) struct Authority {
    pub(crate) issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// A certificate and its key.
pub(crate) struct Signed {
    pub(crate) cert: String,
    pub(crate) key: String,
    pub(crate) der: Vec<u8>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// An authority that may only vouch for one domain.
    pub(crate) fn constrained_to(name: &str, domain: &str) -> Self {
        let mut params = authority(name);
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_owned())],
            excluded_subtrees: Vec::new(),
        });
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// An authority that another one vouches for.
    pub(crate) fn under(other: &Self, name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().unwrap());
        let pem = params.signed_by(&key, &other.issuer).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for these names or addresses.
    pub(crate) fn sign(&self, names: &[&str]) -> Signed {
        self.sign_with(names, |_| ())
    }

    /// The same, altered before it is signed.
    pub(crate) fn sign_with(&self, names: &[&str], alter: impl FnOnce(&mut CertificateParams)) -> Signed {
        let (params, key) = params(names, alter);
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Signed { cert: cert.pem(), key: key.serialize_pem(), der: cert.der().to_vec() }
    }
}

/// A certificate signed by itself.
pub(crate) fn self_signed(names: &[&str], alter: impl FnOnce(&mut CertificateParams)) -> Signed {
    let (params, key) = params(names, alter);
    let cert = params.self_signed(&key).unwrap();
    Signed { cert: cert.pem(), key: key.serialize_pem(), der: cert.der().to_vec() }
}

fn params(names: &[&str], alter: impl FnOnce(&mut CertificateParams)) -> (CertificateParams, KeyPair) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    alter(&mut params);
    (params, KeyPair::generate().unwrap())
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}
