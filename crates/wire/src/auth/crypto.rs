//! The arithmetic of SCRAM-SHA-256 (RFC 5802, section 3) and constant-time comparison.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A SHA-256 digest, or a key of that length.
pub(super) type Key = [u8; 32];

const BLOCK: usize = 64;

/// SHA-256.
pub(super) fn hash(data: &[u8]) -> Key {
    Sha256::digest(data).into()
}

/// HMAC-SHA-256 over the parts, one after another.
pub(super) fn hmac(key: &[u8], parts: &[&[u8]]) -> Key {
    let mut mac = keyed(key);
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// `Hi` of RFC 5802, which is PBKDF2 of one block.
///
/// The keyed state is cloned for each turn: to make it anew would hash twice as many blocks.
pub(super) fn hi(password: &[u8], salt: &[u8], iterations: u32) -> Key {
    let keyed = keyed(password);
    let mut mac = keyed.clone();
    mac.update(salt);
    mac.update(&[0, 0, 0, 1]);
    let mut previous = mac.finalize().into_bytes();
    let mut result: Key = previous.into();
    for _ in 1..iterations {
        let mut mac = keyed.clone();
        mac.update(&previous);
        previous = mac.finalize().into_bytes();
        result = xor(result, previous.into());
    }
    result
}

/// Both keys, byte by byte.
pub(super) fn xor(mut one: Key, other: Key) -> Key {
    for (a, b) in one.iter_mut().zip(other) {
        *a ^= b;
    }
    one
}

/// Whether both are equal, in a time that depends on their lengths alone.
pub(super) fn equal(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// What PostgreSQL hashes for a password: its SASLprep form, or the very bytes where there is none.
pub(super) fn normalize(password: &[u8]) -> Cow<'_, [u8]> {
    let prepared = std::str::from_utf8(password).ok().and_then(|text| stringprep::saslprep(text).ok());
    match prepared {
        Some(Cow::Owned(text)) if !text.is_empty() => Cow::Owned(text.into_bytes()),
        _ => Cow::Borrowed(password),
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // a key of exactly one block cannot be refused; shorter ones are padded with zeros, longer ones hashed
    let mut block = [0; BLOCK];
    let digest;
    let short = if key.len() > BLOCK {
        digest = hash(key);
        digest.as_slice()
    } else {
        key
    };
    for (to, from) in block.iter_mut().zip(short) {
        *to = *from;
    }
    Hmac::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_any_length_are_taken_as_by_the_checked_constructor() {
        for len in [0, 1, 63, 64, 65, 1000] {
            let key = vec![b'k'; len];
            let mut other = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            other.update(b"data");
            let other: Key = other.finalize().into_bytes().into();
            assert_eq!(hmac(&key, &[b"da", b"ta"]), other, "{len}");
        }
    }

    #[test]
    fn passwords_are_prepared_as_postgresql_does() {
        assert_eq!(&*normalize("I\u{ad}X".as_bytes()), b"IX", "soft hyphen is mapped to nothing");
        assert_eq!(&*normalize("\u{2168}".as_bytes()), b"IX", "compatibility form");
        assert_eq!(&*normalize("\u{a0}".as_bytes()), b" ", "another blank");
        assert_eq!(&*normalize(b"plain"), b"plain");
        assert_eq!(&*normalize(b"\x07"), b"\x07", "prohibited: as it is");
        assert_eq!(&*normalize(b"\xff\xfe"), b"\xff\xfe", "not UTF-8: as it is");
        assert_eq!(&*normalize("\u{ad}".as_bytes()), "\u{ad}".as_bytes(), "nothing left: as it is");
    }

    #[test]
    fn comparison_sees_content_and_length() {
        assert!(equal(b"", b""));
        assert!(equal(b"abc", b"abc"));
        assert!(!equal(b"abc", b"abd"));
        assert!(!equal(b"abc", b"ab"));
    }
}
