//! The PEM files of one side: read once, told apart by their contents, turned into certificates and keys.
//!
//! What is parsed is what was fingerprinted, so a file replaced in between is noticed the next time.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::Hasher;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::InconsistentKeys;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use wire::auth::EndPoint;

use super::{PROVIDER, der, end_point, not_after};
use crate::error::Error;

/// Where the files are, and the keys of the configuration that name them.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    pub(super) cert: Named,
    pub(super) key: Named,
    pub(super) ca: Named,
}

/// One file that may be set.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    pub(super) key: &'static str,
    pub(super) path: Option<PathBuf>,
}

/// What the files held at one moment.
pub(super) struct Contents {
    cert: Content,
    key: Content,
    ca: Content,
}

struct Content {
    named: Named,
    bytes: Option<io::Result<Vec<u8>>>,
}

impl Files {
    /// Reads every file that is set.
    pub(super) fn read(&self) -> Contents {
        let read = |named: &Named| Content { named: named.clone(), bytes: named.path.as_ref().map(fs::read) };
        Contents { cert: read(&self.cert), key: read(&self.key), ca: read(&self.ca) }
    }
}

impl Contents {
    /// A number that differs when any of the contents does. A file that cannot be read counts as one more
    /// content, so that its coming back is a change as well.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for content in [&self.cert, &self.key, &self.ca] {
            match &content.bytes {
                None => hasher.write_u8(0),
                Some(Err(_)) => hasher.write_u8(1),
                Some(Ok(bytes)) => {
                    hasher.write_u8(2);
                    hasher.write_usize(bytes.len());
                    hasher.write(bytes);
                }
            }
        }
        hasher.finish()
    }

    /// Whether a certificate of our own is set.
    pub(super) fn has_identity(&self) -> bool {
        self.cert.bytes.is_some()
    }

    /// Our own certificate with its chain and its key, and what is known of it.
    pub(super) fn identity(&self) -> Result<Identity, Error> {
        let (path, chain) = self.cert.certificates()?;
        let end = chain.first().and_then(not_after);
        let end_point = chain.first().and_then(|certificate| end_point(certificate));
        let (path_of_key, bytes) = self.key.bytes()?;
        let key = PrivateKeyDer::from_pem_slice(bytes)
            .map_err(|error| not_pem(path_of_key, "private key", error))?;
        let key =
            PROVIDER.key_provider.load_private_key(key).map_err(|error| unusable(path_of_key, error))?;
        let first = chain
            .first()
            .and_then(|certificate| Some(der::version_1(certificate)?.key == key.public_key()?.as_ref()));
        let pair = CertifiedKey::new(chain, key);
        // rustls compares the two for us, except where it cannot read the certificate.
        let matching = match first {
            Some(true) => Ok(()),
            Some(false) => Err(InconsistentKeys::KeyMismatch.into()),
            None => pair.keys_match(),
        };
        match matching {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {
                Ok(Identity { pair: Arc::new(SingleCertAndKey::from(pair)), end, end_point })
            }
            Err(error @ rustls::Error::InconsistentKeys(_)) => Err(unusable(path_of_key, error)),
            Err(error) => Err(unusable(path, error)),
        }
    }

    /// The certificates of the authorities.
    pub(super) fn authorities(&self) -> Result<(&Path, Vec<CertificateDer<'static>>), Error> {
        self.ca.certificates()
    }
}

/// A certificate that we show.
pub(super) struct Identity {
    /// With its key, ready for use.
    pub(super) pair: Arc<SingleCertAndKey>,
    /// When it ends.
    pub(super) end: Option<SystemTime>,
    /// What it binds log-ins to.
    pub(super) end_point: Option<EndPoint>,
}

impl Content {
    fn bytes(&self) -> Result<(&Path, &[u8]), Error> {
        let (Some(path), Some(read)) = (&self.named.path, &self.bytes) else {
            return Err(Error::NotNamed { key: self.named.key });
        };
        match read {
            Ok(bytes) => Ok((path, bytes)),
            Err(error) => {
                let source =
                    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
                Err(Error::Unreadable { path: path.clone(), source })
            }
        }
    }

    fn certificates(&self) -> Result<(&Path, Vec<CertificateDer<'static>>), Error> {
        let (path, bytes) = self.bytes()?;
        let found = CertificateDer::pem_slice_iter(bytes)
            .collect::<Result<Vec<_>, _>>()
            .and_then(|all| if all.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(all) })
            .map_err(|error| not_pem(path, "certificate", error))?;
        Ok((path, found))
    }
}

fn not_pem(path: &Path, expected: &'static str, source: pem::Error) -> Error {
    Error::NotPem { path: path.to_owned(), expected, source }
}

fn unusable(path: &Path, source: rustls::Error) -> Error {
    Error::Unusable { path: path.to_owned(), source }
}
