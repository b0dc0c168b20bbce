//! What ties a SCRAM log-in to the TLS connection under it: `tls-server-end-point` (RFC 5929, section 4).
//!
//! Both sides hash the certificate that the server has shown and the proof covers the hash: who stands in between with
//! another certificate cannot pass the proof on.

use std::sync::Arc;

use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

/// The one type of binding that PostgreSQL has, and so have we.
pub(super) const TYPE: &str = "tls-server-end-point";

/// The hash function of a certificate's signature, which is that of its binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-224.
    Sha224,
    /// SHA-256; it also stands in for MD5 and SHA-1.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// The hash of the certificate that a server has shown on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndPoint(Arc<[u8]>);

impl EndPoint {
    /// Of this certificate, in DER, whose signature has this hash function.
    pub fn of(certificate: &[u8], digest: Digest) -> Self {
        Self(match digest {
            Digest::Sha224 => Sha224::digest(certificate).as_slice().into(),
            Digest::Sha256 => Sha256::digest(certificate).as_slice().into(),
            Digest::Sha384 => Sha384::digest(certificate).as_slice().into(),
            Digest::Sha512 => Sha512::digest(certificate).as_slice().into(),
        })
    }

    /// The hash.
    pub fn hash(&self) -> &[u8] {
        &self.0
    }
}

/// What a client says of channel binding at the beginning of its first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// It does not bind.
    No,
    /// It would, but the server has not offered it. A server that had, then knows that its offer was tampered with.
    NotOffered,
    /// It binds to this.
    To(EndPoint),
}

impl Binding {
    /// The header of client-first (RFC 5802, section 7), without another identity.
    pub(super) fn header(&self) -> &'static str {
        match self {
            Self::No => "n,,",
            Self::NotOffered => "y,,",
            Self::To(_) => "p=tls-server-end-point,,",
        }
    }

    /// What client-final proves: the header, and behind it what it binds to.
    pub(super) fn proved(&self) -> Vec<u8> {
        let hash = match self {
            Self::No | Self::NotOffered => &[],
            Self::To(end_point) => end_point.hash(),
        };
        [self.header().as_bytes(), hash].concat()
    }
}

/// Whether a client is to bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Never.
    Never,
    /// Where both sides can.
    Prefer,
    /// Or not log in.
    Require,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hash_function_is_the_one_it_says() {
        // FIPS 180-4, the hashes of "abc"
        let hashes = [
            (Digest::Sha224, 28, [0x23, 0x09, 0x7d, 0x22]),
            (Digest::Sha256, 32, [0xba, 0x78, 0x16, 0xbf]),
            (Digest::Sha384, 48, [0xcb, 0x00, 0x75, 0x3f]),
            (Digest::Sha512, 64, [0xdd, 0xaf, 0x35, 0xa1]),
        ];
        for (digest, length, begins) in hashes {
            let end_point = EndPoint::of(b"abc", digest);
            assert_eq!(end_point.hash().len(), length, "{digest:?}");
            assert_eq!(end_point.hash()[..4], begins, "{digest:?}");
        }
    }

    #[test]
    fn the_header_names_the_type() {
        let bound = Binding::To(EndPoint::of(b"abc", Digest::Sha256));
        assert_eq!(bound.header(), format!("p={TYPE},,"));
        assert_eq!(bound.proved().len(), bound.header().len() + 32);
        assert_eq!(Binding::NotOffered.proved(), b"y,,");
    }
}
