//! SCRAM-SHA-256, with channel binding or without, the server's side (RFC 5802, RFC 7677): how a client logs in to us.
//!
//! | state | takes | gives | next |
//! |---|---|---|---|
//! | [`AwaitFirst`] | the mechanism, client-first | server-first | [`AwaitFinal`] |
//! | [`AwaitFinal`] | client-final | server-final | [`Done`] |
//!
//! Any error ends the exchange. The user's name inside is ignored, as PostgreSQL does: that of start-up counts.

use std::fmt;

use super::attrs::{Attrs, decode_key, encode, nonce};
use super::crypto::{equal, hmac};
use super::{
    Binding, EndPoint, Keys, Nonce, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramError, ScramSecret, binding,
};

/// Waits for the client's first message.
#[derive(Debug)]
pub struct AwaitFirst {
    secret: ScramSecret,
    nonce: String,
    /// What the client may bind to.
    end_point: Option<EndPoint>,
}

/// Waits for the client's proof.
pub struct AwaitFinal {
    secret: ScramSecret,
    /// The client's nonce and ours behind it.
    nonce: Vec<u8>,
    /// What the client has to send as `c=`: the header of its first message and what it binds to, in base64.
    expected: String,
    /// Whether it binds.
    bound: bool,
    /// The first two messages as they enter the proof, each with a comma behind it.
    messages: Vec<u8>,
}

/// The client has proved that it knows the password.
#[derive(Debug)]
pub struct Done {
    /// What the proof shows: enough to log in as this user wherever the same secret is stored.
    pub keys: Keys,
}

impl AwaitFirst {
    /// Starts an exchange. For a user that does not exist, give [`ScramSecret::mock`].
    ///
    /// The nonce has to be new for each exchange and not to be guessed.
    pub fn new(secret: ScramSecret, nonce: Nonce) -> Self {
        Self { secret, nonce: encode(&nonce), end_point: None }
    }

    /// Offers to bind to this certificate of ours, if there is one: that of the TLS connection the exchange runs over.
    #[must_use]
    pub fn offering(mut self, end_point: Option<EndPoint>) -> Self {
        self.end_point = end_point;
        self
    }

    /// What the client may choose from, best first.
    pub const fn mechanisms(&self) -> &'static [&'static str] {
        if self.end_point.is_some() { &[SCRAM_SHA_256_PLUS, SCRAM_SHA_256] } else { &[SCRAM_SHA_256] }
    }

    /// Takes the client's choice of mechanism with client-first, and gives server-first.
    pub fn on(self, mechanism: &[u8], client_first: &[u8]) -> Result<(AwaitFinal, Vec<u8>), ScramError> {
        if !self.mechanisms().iter().any(|offered| offered.as_bytes() == mechanism) {
            return Err(ScramError::Mechanism);
        }
        let plus = self.end_point.clone().filter(|_| mechanism == SCRAM_SHA_256_PLUS.as_bytes());
        let mut attrs = Attrs::new(client_first)?;
        let binding = match (attrs.field()?, plus) {
            (b"n" | b"y", Some(_)) => {
                return Err(ScramError::Malformed("no channel binding with SCRAM-SHA-256-PLUS"));
            }
            (b"n", None) => Binding::No,
            // a client that would bind if it were offered: right if it was not, and tampered with if it was
            (b"y", None) if self.end_point.is_some() => return Err(ScramError::Downgrade),
            (b"y", None) => Binding::NotOffered,
            ([b'p', b'=', ..], None) => {
                return Err(ScramError::Malformed("channel binding without SCRAM-SHA-256-PLUS"));
            }
            ([b'p', b'=', name @ ..], Some(end_point)) => {
                if name != binding::TYPE.as_bytes() {
                    let name = name.escape_ascii().take(64).map(char::from).collect();
                    return Err(ScramError::BindingType(name));
                }
                Binding::To(end_point)
            }
            (_, _) => return Err(ScramError::Malformed("channel-binding flag")),
        };
        match attrs.field()? {
            b"" => {}
            [b'a', b'=', ..] => return Err(ScramError::Unsupported("authorization identity")),
            _ => return Err(ScramError::Malformed("authorization identity")),
        }
        let bare = attrs.rest();
        attrs.value(b'n')?;
        let mut both = nonce(attrs.value(b'r')?)?.to_vec();
        attrs.extensions()?;
        both.extend_from_slice(self.nonce.as_bytes());

        let mut server_first = b"r=".to_vec();
        server_first.extend_from_slice(&both);
        let (salt, iterations) = (encode(&self.secret.salt), self.secret.iterations);
        server_first.extend_from_slice(format!(",s={salt},i={iterations}").as_bytes());

        let messages = [bare, b",", &server_first, b","].concat();
        let (expected, bound) = (encode(&binding.proved()), matches!(binding, Binding::To(_)));
        let next = AwaitFinal { secret: self.secret, nonce: both, expected, bound, messages };
        Ok((next, server_first))
    }
}

impl AwaitFinal {
    /// Takes client-final and gives server-final, which goes to the client before AuthenticationOk.
    pub fn on(mut self, client_final: &[u8]) -> Result<(Done, Vec<u8>), ScramError> {
        let mut attrs = Attrs::new(client_final)?;
        let binding = attrs.value(b'c')?;
        let got_nonce = attrs.value(b'r')?;
        let (without_proof, proof) = loop {
            let before = attrs.rest().len();
            match attrs.any()? {
                (b'p', proof) => {
                    // the comma before "p=" is not part of what is proved
                    let end = client_final.len().saturating_sub(before).saturating_sub(1);
                    break (client_final.get(..end).unwrap_or_default(), proof);
                }
                (b'm', _) => return Err(ScramError::Unsupported("mandatory extension")),
                _ => {}
            }
        };
        if !attrs.is_done() {
            return Err(ScramError::Malformed("attribute after the proof"));
        }
        if !equal(binding, self.expected.as_bytes()) {
            let malformed = ScramError::Malformed("channel binding does not match");
            return Err(if self.bound { ScramError::OtherEndPoint } else { malformed });
        }
        if !equal(got_nonce, &self.nonce) {
            return Err(ScramError::NonceMismatch);
        }
        let proof = decode_key(proof)?;
        self.messages.extend_from_slice(without_proof);

        let client_key = self.secret.client_key(&self.messages, proof)?;
        let signature = hmac(&self.secret.server_key, &[&self.messages]);
        let server_final = format!("v={}", encode(&signature)).into_bytes();
        Ok((Done { keys: Keys::learnt(client_key, self.secret) }, server_final))
    }
}

impl fmt::Debug for AwaitFinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitFinal").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
