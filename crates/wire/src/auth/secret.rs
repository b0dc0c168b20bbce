//! Stored passwords in PostgreSQL's formats (`pg_authid.rolpassword`).

use std::fmt;

use super::attrs::{decode, decode_key, encode};
use super::crypto::{self, Key, equal, hmac};
use super::md5::{self, Md5Secret};
use super::{SCRAM_SHA_256, ScramError};
use crate::Error;

/// PostgreSQL's default for `scram_iterations`.
pub const DEFAULT_ITERATIONS: u32 = 4096;
/// The most iterations that a stored secret may have, and that we compute for a server.
pub const MAX_ITERATIONS: u32 = 1_000_000;
/// The length of a salt that we make ourselves, which is also PostgreSQL's.
const SALT: usize = 16;
/// The longest salt that is taken.
pub const MAX_SALT: usize = 1024;

/// What is known of a user's password.
#[derive(Clone)]
pub enum Secret {
    /// The password itself.
    Plain(String),
    /// Its MD5 hash.
    Md5(Md5Secret),
    /// Its SCRAM-SHA-256 secret.
    Scram(ScramSecret),
}

impl Secret {
    /// Reads a stored password: a SCRAM secret, an MD5 hash, or else the password itself.
    ///
    /// PostgreSQL would take a mutilated SCRAM secret for a password; that helps nobody, so it is refused.
    pub fn parse(stored: &str) -> Result<Self, Error> {
        if stored.starts_with(SCRAM_SHA_256)
            && stored.get(SCRAM_SHA_256.len()..).is_some_and(|r| r.starts_with('$'))
        {
            return ScramSecret::parse(stored).map(Self::Scram);
        }
        if stored.contains('\0') {
            return Err(Error::BadSecret { why: "zero byte inside" });
        }
        Ok(Md5Secret::parse(stored).map_or_else(|| Self::Plain(stored.to_owned()), Self::Md5))
    }

    /// Whether this is the user's password, given in clear text.
    ///
    /// Against a SCRAM secret this costs as many hashes as the secret has iterations.
    pub fn verify(&self, user: &str, password: &[u8]) -> bool {
        match self {
            Self::Plain(plain) => equal(plain.as_bytes(), password),
            Self::Md5(stored) => md5::hash(user, password) == *stored,
            Self::Scram(secret) => secret.verify(password),
        }
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(one), Self::Plain(other)) => equal(one.as_bytes(), other.as_bytes()),
            (Self::Md5(one), Self::Md5(other)) => one == other,
            (Self::Scram(one), Self::Scram(other)) => one == other,
            (Self::Plain(_) | Self::Md5(_) | Self::Scram(_), _) => false,
        }
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain(…)",
            Self::Md5(_) => "Md5(…)",
            Self::Scram(_) => "Scram(…)",
        })
    }
}

/// A SCRAM-SHA-256 secret: enough to check a log-in, not enough to log in.
#[derive(Clone)]
pub struct ScramSecret {
    /// How often the password was hashed.
    pub iterations: u32,
    /// What was hashed with it.
    pub salt: Vec<u8>,
    pub(super) stored_key: Key,
    pub(super) server_key: Key,
}

impl ScramSecret {
    /// The secret of a password. This costs `iterations` hashes.
    pub fn from_password(password: &[u8], salt: &[u8], iterations: u32) -> Self {
        super::Keys::derive(password, salt, iterations).secret()
    }

    /// The secret of a user whose password is known in clear text. This costs [`DEFAULT_ITERATIONS`] hashes:
    /// make it once and keep it.
    pub fn from_plain(user: &str, password: &str, process_seed: &[u8; 32]) -> Self {
        let salt = Self::process_salt(user, process_seed);
        Self::from_password(password.as_bytes(), &salt, DEFAULT_ITERATIONS)
    }

    /// A secret that no password fits, for a user that does not exist.
    ///
    /// The same name gives the same salt as long as the process runs, here and in [`Self::from_plain`]: nobody
    /// learns by asking, once or twice, which users there are.
    pub fn mock(user: &str, process_seed: &[u8; 32]) -> Self {
        let part = |what: &[u8]| hmac(process_seed, &[what, user.as_bytes()]);
        let (stored_key, server_key) = (part(b"stored:"), part(b"server:"));
        let salt = Self::process_salt(user, process_seed);
        Self { iterations: DEFAULT_ITERATIONS, salt, stored_key, server_key }
    }

    fn process_salt(user: &str, process_seed: &[u8; 32]) -> Vec<u8> {
        hmac(process_seed, &[b"salt:", user.as_bytes()]).into_iter().take(SALT).collect()
    }

    /// Reads the stored form, `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`.
    pub fn parse(stored: &str) -> Result<Self, Error> {
        let bad = |why| Error::BadSecret { why };
        let mut parts = stored.split('$');
        let (scheme, first, keys) = (parts.next(), parts.next(), parts.next());
        let (Some(SCRAM_SHA_256), Some(first), Some(keys), None) = (scheme, first, keys, parts.next()) else {
            return Err(bad("not of the form SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey"));
        };
        let (iterations, salt) = first.split_once(':').ok_or_else(|| bad("no salt"))?;
        let (stored_key, server_key) = keys.split_once(':').ok_or_else(|| bad("no ServerKey"))?;
        let iterations = number(iterations.as_bytes())
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| (1..=MAX_ITERATIONS).contains(n))
            .ok_or_else(|| bad("iterations not between 1 and 1000000"))?;
        let salt = decode(salt.as_bytes()).map_err(|_| bad("salt is not base64"))?;
        if salt.is_empty() || salt.len() > MAX_SALT {
            return Err(bad("salt not between 1 and 1024 bytes"));
        }
        let key = |text: &str| decode_key(text.as_bytes()).map_err(|_| bad("key is not base64 of 32 bytes"));
        Ok(Self { iterations, salt, stored_key: key(stored_key)?, server_key: key(server_key)? })
    }

    /// The stored form.
    pub fn stored(&self) -> String {
        let (salt, iterations) = (encode(&self.salt), self.iterations);
        let (stored_key, server_key) = (encode(&self.stored_key), encode(&self.server_key));
        format!("{SCRAM_SHA_256}${iterations}:{salt}${stored_key}:{server_key}")
    }

    /// Whether this is the password. This costs as many hashes as the secret has iterations.
    pub fn verify(&self, password: &[u8]) -> bool {
        // HMAC pads its key with zeros, so that a password and zeros behind it would be the same
        !password.contains(&0) && Self::from_password(password, &self.salt, self.iterations) == *self
    }

    /// The ClientKey that a client's proof shows, if the proof fits.
    pub(super) fn client_key(&self, auth_message: &[u8], proof: Key) -> Result<Key, ScramError> {
        let signature = hmac(&self.stored_key, &[auth_message]);
        let client_key = crypto::xor(proof, signature);
        if equal(&crypto::hash(&client_key), &self.stored_key) {
            return Ok(client_key);
        }
        Err(ScramError::Rejected)
    }
}

impl PartialEq for ScramSecret {
    fn eq(&self, other: &Self) -> bool {
        self.iterations == other.iterations
            && self.salt == other.salt
            && equal(&self.stored_key, &other.stored_key)
            && equal(&self.server_key, &other.server_key)
    }
}

impl Eq for ScramSecret {}

impl fmt::Debug for ScramSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramSecret").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// A number of decimal digits and nothing else; none too large to be told.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |n: u64, d: &u8| n.saturating_mul(10).saturating_add(u64::from(d - b'0'));
    Some(digits.iter().fold(0, digit))
}

#[cfg(test)]
mod tests;
