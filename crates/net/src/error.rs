//! `net::Error`: what can be wrong with the certificates and keys that the configuration names.
//!
//! Sockets answer with `io::Error`, as the kernel does. Texts are PostgreSQL-like: lower case, no full stop.

use std::fmt;
use std::io;
use std::path::PathBuf;

use rustls::pki_types::pem;

/// TLS cannot be set up; always a mistake of the configuration or its files.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file that the mode needs is not named.
    NotNamed {
        /// Its key in the configuration.
        key: &'static str,
    },
    /// A file cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not the PEM that it should be.
    NotPem {
        /// Which.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// What is wrong.
        source: pem::Error,
    },
    /// A certificate or a key is of a kind that cannot be used, or they do not belong together.
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The TLS library refuses the settings as a whole.
    Library {
        /// What it says.
        source: rustls::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNamed { key } => write!(f, "TLS needs the file \"{key}\", which is not set"),
            Self::Unreadable { path, source } => {
                write!(f, "could not read file \"{}\": {source}", path.display())
            }
            Self::NotPem { path, expected, source: pem::Error::NoItemsFound } => {
                write!(f, "file \"{}\" has no {expected} in PEM format", path.display())
            }
            Self::NotPem { path, expected, source } => {
                write!(f, "could not read {expected} from file \"{}\": {source}", path.display())
            }
            Self::Unusable {
                path,
                source: rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch),
            } => write!(f, "private key file \"{}\" does not match the certificate", path.display()),
            Self::Unusable { path, source } => {
                write!(f, "could not use file \"{}\": {source}", path.display())
            }
            Self::Library { source } => write!(f, "could not set up TLS: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotNamed { .. } => None,
            Self::Unreadable { source, .. } => Some(source),
            Self::NotPem { source, .. } => Some(source),
            Self::Unusable { source, .. } | Self::Library { source } => Some(source),
        }
    }
}
