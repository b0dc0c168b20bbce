//! Certificates: an authority made for the test, and what it signs for servers and clients, good and bad.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::dir::Dir;
use crate::fail::OrFail;

/// A certification authority; its files are gone when it is dropped.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    dir: Dir,
}

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The certificate.
    pub cert: PathBuf,
    /// Its key, readable by us alone, as libpq demands.
    pub key: PathBuf,
}

impl Authority {
    /// Makes a new one.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        let dir = Dir::new("certs");
        let key = KeyPair::generate().or_fail("CA key");
        let mut params = params("pgweir test authority", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let cert = params.self_signed(&key).or_fail("CA certificate");
        fs::write(dir.path().join("ca.crt"), cert.pem()).or_fail("ca.crt");
        Self { issuer: Issuer::new(params, key), dir }
    }

    /// The authority's own certificate.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.crt")
    }

    /// For a server reached as `localhost` or 127.0.0.1.
    #[must_use]
    #[track_caller]
    pub fn server(&self) -> Pair {
        self.server_named("localhost", &["localhost", "127.0.0.1", "::1"])
    }

    /// For a server of other names, the first of which stands in the subject.
    #[must_use]
    #[track_caller]
    pub fn server_named(&self, file: &str, names: &[&str]) -> Pair {
        let subject = names.first().copied().unwrap_or(file);
        self.sign(file, params(subject, names), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// For a server reached as `localhost`, out of date since 2021.
    #[must_use]
    #[track_caller]
    pub fn expired_server(&self) -> Pair {
        let mut params = params("localhost", &["localhost", "127.0.0.1"]);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign("expired", params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// For a server reached as `localhost`, signed by nobody but itself.
    #[must_use]
    #[track_caller]
    pub fn self_signed_server(&self) -> Pair {
        let mut params = params("localhost", &["localhost", "127.0.0.1", "::1"]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().or_fail("key");
        let cert = params.self_signed(&key).or_fail("self-signed certificate");
        self.write("self-signed", &cert.pem(), &key)
    }

    /// For a client that logs in as `user`.
    #[must_use]
    #[track_caller]
    pub fn client(&self, user: &str) -> Pair {
        let file = format!("client-{user}");
        self.sign(&file, params(user, &[]), ExtendedKeyUsagePurpose::ClientAuth)
    }

    #[track_caller]
    fn sign(&self, file: &str, mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> Pair {
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().or_fail("key");
        let cert = params.signed_by(&key, &self.issuer).or_fail(file);
        self.write(file, &cert.pem(), &key)
    }

    #[track_caller]
    fn write(&self, file: &str, cert: &str, key: &KeyPair) -> Pair {
        let path = |end: &str| self.dir.path().join(format!("{file}.{end}"));
        let pair = Pair { cert: path("crt"), key: path("key") };
        write(&pair.cert, cert, 0o644);
        write(&pair.key, &key.serialize_pem(), 0o600);
        pair
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

#[track_caller]
fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).or_fail(path.display());
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).or_fail(path.display());
}

#[track_caller]
fn params(subject: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).or_fail("certificate names");
    params.distinguished_name.push(DnType::CommonName, subject);
    params
}
