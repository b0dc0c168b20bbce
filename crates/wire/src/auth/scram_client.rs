//! SCRAM-SHA-256, with channel binding or without, the client's side (RFC 5802, RFC 7677): how we log in to a server.
//!
//! | state | takes | gives | next |
//! |---|---|---|---|
//! | [`AwaitFirst`] | server-first | – | [`Challenge`] |
//! | [`Challenge`] | keys | client-final | [`AwaitFinal`] |
//! | [`AwaitFinal`] | server-final | – | [`Verified`] |
//!
//! The costly step, [`Keys::derive`], stands apart so that it can run elsewhere and its result be kept.
//! AuthenticationOk is worth nothing without a [`Verified`]: a server that skips its proof is an impostor.

use std::fmt;

use super::attrs::{Attrs, decode, decode_key, encode, nonce};
use super::crypto::{self, Key, equal, hmac};
use super::secret::{MAX_ITERATIONS, MAX_SALT, number};
use super::{
    Binding, EndPoint, Mismatch, Nonce, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramError, ScramSecret, Want,
};
use crate::backend::auth::Mechanisms;

/// The longest nonce taken from a server, ours included; PostgreSQL's has 48 characters.
pub const MAX_NONCE: usize = 1024;

/// The keys of a password for one salt and iteration count: enough to log in wherever that secret is stored.
#[derive(Clone)]
pub struct Keys {
    client_key: Key,
    server_key: Key,
    salt: Vec<u8>,
    iterations: u32,
}

impl Keys {
    /// The keys of a password. This costs `iterations` hashes.
    pub fn derive(password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let salted = crypto::hi(&crypto::normalize(password), salt, iterations);
        Self {
            client_key: hmac(&salted, &[b"Client Key"]),
            server_key: hmac(&salted, &[b"Server Key"]),
            salt: salt.to_vec(),
            iterations,
        }
    }

    /// The proof that we hold these keys, good for one exchange.
    pub(super) fn proof(&self, messages: &[u8]) -> Key {
        let signature = hmac(&crypto::hash(&self.client_key), &[messages]);
        crypto::xor(self.client_key, signature)
    }

    /// What a client's log-in has shown, beside what was stored.
    pub(super) fn learnt(client_key: Key, secret: ScramSecret) -> Self {
        let ScramSecret { server_key, salt, iterations, .. } = secret;
        Self { client_key, server_key, salt, iterations }
    }

    /// Their salt.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// Their iteration count.
    pub const fn iterations(&self) -> u32 {
        self.iterations
    }

    /// What a server stores of them.
    pub fn secret(&self) -> ScramSecret {
        ScramSecret {
            iterations: self.iterations,
            salt: self.salt.clone(),
            stored_key: crypto::hash(&self.client_key),
            server_key: self.server_key,
        }
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.salt == other.salt
            && self.iterations == other.iterations
            && equal(&self.client_key, &other.client_key)
            && equal(&self.server_key, &other.server_key)
    }
}

impl Eq for Keys {}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// The mechanism to use of those a server offers, and what to say of channel binding.
///
/// `end_point` is what the connection can be bound to: nothing without TLS, nor where the server's certificate has no
/// hash function.
pub fn choose(
    offered: Mechanisms<'_>,
    want: Want,
    end_point: Option<EndPoint>,
) -> Result<(&'static str, Binding), ScramError> {
    let offers = |known: &str| offered.iter().any(|name| name == known.as_bytes());
    let end_point = end_point.filter(|_| want != Want::Never);
    match (end_point, offers(SCRAM_SHA_256_PLUS)) {
        (Some(end_point), true) => return Ok((SCRAM_SHA_256_PLUS, Binding::To(end_point))),
        (Some(_), false) if want == Want::Require => {
            return Err(ScramError::NoBinding("the server does not offer it"));
        }
        (None, _) if want == Want::Require => {
            return Err(ScramError::NoBinding(
                "there is no TLS, or no hash function for the server's certificate",
            ));
        }
        (Some(_), false) if offers(SCRAM_SHA_256) => return Ok((SCRAM_SHA_256, Binding::NotOffered)),
        (Some(_), false) | (None, _) => {}
    }
    offers(SCRAM_SHA_256).then_some((SCRAM_SHA_256, Binding::No)).ok_or(ScramError::NoMechanism)
}

/// Waits for the server's first message.
#[derive(Debug)]
pub struct AwaitFirst {
    nonce: String,
    binding: Binding,
}

/// The server has said how the password is to be hashed.
#[derive(Debug)]
pub struct Challenge {
    salt: Vec<u8>,
    iterations: u32,
    /// The messages as they enter the proof, up to the proof itself.
    messages: Vec<u8>,
    /// Where in them client-final begins.
    client_final: usize,
}

/// Waits for the server's own proof.
pub struct AwaitFinal {
    signature: Key,
}

/// The server has proved that it knows the password.
#[derive(Debug)]
pub struct Verified(());

impl AwaitFirst {
    /// Starts an exchange and gives client-first, the data of SASLInitialResponse.
    ///
    /// The nonce has to be new for each exchange and not to be guessed; the binding comes from [`choose`].
    pub fn new(nonce: Nonce, binding: Binding) -> (Self, Vec<u8>) {
        let start = Self { nonce: encode(&nonce), binding };
        // PostgreSQL ignores the name here, and its own clients leave it empty
        let client_first = format!("{}{}", start.binding.header(), start.bare());
        (start, client_first.into_bytes())
    }

    /// Takes server-first.
    pub fn on(self, server_first: &[u8]) -> Result<Challenge, ScramError> {
        let mut attrs = Attrs::new(server_first)?;
        let both = nonce(attrs.value(b'r')?)?;
        if both.len() > MAX_NONCE {
            return Err(ScramError::TooLong { len: both.len(), limit: MAX_NONCE });
        }
        // it has to be ours and something of the server's behind it
        if both.strip_prefix(self.nonce.as_bytes()).is_none_or(<[u8]>::is_empty) {
            return Err(ScramError::NonceMismatch);
        }
        let salt = decode(attrs.value(b's')?)?;
        if salt.is_empty() || salt.len() > MAX_SALT {
            return Err(ScramError::Malformed("length of salt"));
        }
        let iterations = iterations(attrs.value(b'i')?)?;
        attrs.extensions()?;

        let mut messages = [self.bare().as_bytes(), b",", server_first, b","].concat();
        let client_final = messages.len();
        let binding = encode(&self.binding.proved());
        messages.extend_from_slice(&[b"c=", binding.as_bytes(), b",r=", both].concat());
        Ok(Challenge { salt, iterations, messages, client_final })
    }

    fn bare(&self) -> String {
        format!("n=,r={}", self.nonce)
    }
}

/// The count is the server's, the work is ours: bounded before any of it is done.
fn iterations(digits: &[u8]) -> Result<u32, ScramError> {
    let got = number(digits).ok_or(ScramError::Malformed("iteration count"))?;
    let count = u32::try_from(got).ok().filter(|count| (1..=MAX_ITERATIONS).contains(count));
    count.ok_or(ScramError::Iterations { got, limit: MAX_ITERATIONS })
}

impl Challenge {
    /// How often the server wants the password hashed: what [`Self::derive`] will cost.
    pub const fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Whether these keys are for the server's salt and iteration count.
    pub fn fits(&self, keys: &Keys) -> bool {
        self.salt == keys.salt && self.iterations == keys.iterations
    }

    /// The keys of a password for this server. This costs as many hashes as the server wants, at most
    /// [`MAX_ITERATIONS`].
    pub fn derive(&self, password: &[u8]) -> Keys {
        Keys::derive(password, &self.salt, self.iterations)
    }

    /// Takes the keys and gives client-final, the data of SASLResponse.
    pub fn answer(self, keys: &Keys) -> Result<(AwaitFinal, Vec<u8>), ScramError> {
        if !self.fits(keys) {
            return Err(ScramError::OtherSecret(Box::new(Mismatch {
                our_salt: encode(&keys.salt),
                our_iterations: keys.iterations,
                server_salt: encode(&self.salt),
                server_iterations: self.iterations,
            })));
        }
        let proof = encode(&keys.proof(&self.messages));
        let without_proof = self.messages.get(self.client_final..).unwrap_or_default();
        let client_final = [without_proof, b",p=", proof.as_bytes()].concat();
        Ok((AwaitFinal { signature: hmac(&keys.server_key, &[&self.messages]) }, client_final))
    }
}

impl AwaitFinal {
    /// Takes server-final. An `e=` in it is for the log; the server's ErrorResponse follows it.
    pub fn on(self, server_final: &[u8]) -> Result<Verified, ScramError> {
        let mut attrs = Attrs::new(server_final)?;
        match attrs.any()? {
            (b'v', signature) => {
                let signature = decode_key(signature)?;
                attrs.extensions()?;
                let right = equal(&signature, &self.signature);
                right.then_some(Verified(())).ok_or(ScramError::ServerSignature)
            }
            (b'e', value) => {
                Err(ScramError::ServerError(value.escape_ascii().take(64).map(char::from).collect()))
            }
            _ => Err(ScramError::Malformed("neither signature nor error")),
        }
    }
}

impl fmt::Debug for AwaitFinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitFinal").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
