//! SCRAM-SHA-256, the server's side (RFC 5802, RFC 7677): how a client logs in to us.
//!
//! | state | takes | gives | next |
//! |---|---|---|---|
//! | [`AwaitFirst`] | client-first | server-first | [`AwaitFinal`] |
//! | [`AwaitFinal`] | client-final | server-final | [`Done`] |
//!
//! Any error ends the exchange. The user's name inside is ignored, as PostgreSQL does: that of start-up counts.
//! Without channel binding so far: with it, the binding data joins the header in `AwaitFinal::binding`.

use std::fmt;

use super::attrs::{Attrs, decode_key, encode, nonce};
use super::crypto::{equal, hmac};
use super::{Keys, Nonce, ScramError, ScramSecret};

/// Waits for the client's first message.
#[derive(Debug)]
pub struct AwaitFirst {
    secret: ScramSecret,
    nonce: String,
}

/// Waits for the client's proof.
pub struct AwaitFinal {
    secret: ScramSecret,
    /// The client's nonce and ours behind it.
    nonce: Vec<u8>,
    /// What the client has to repeat as `c=`: the header of its first message, in base64.
    binding: String,
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
        Self { secret, nonce: encode(&nonce) }
    }

    /// Takes client-first and gives server-first.
    pub fn on(self, client_first: &[u8]) -> Result<(AwaitFinal, Vec<u8>), ScramError> {
        let mut attrs = Attrs::new(client_first)?;
        // "y" is for a client that would bind the channel if we offered it; we do not, so it is right
        match attrs.field()? {
            b"n" | b"y" => {}
            [b'p', b'=', ..] => return Err(ScramError::Unsupported("channel binding")),
            _ => return Err(ScramError::Malformed("channel-binding flag")),
        }
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

        let header = client_first.strip_suffix(bare).unwrap_or_default();
        let mut server_first = b"r=".to_vec();
        server_first.extend_from_slice(&both);
        let (salt, iterations) = (encode(&self.secret.salt), self.secret.iterations);
        server_first.extend_from_slice(format!(",s={salt},i={iterations}").as_bytes());

        let messages = [bare, b",", &server_first, b","].concat();
        let next = AwaitFinal { secret: self.secret, nonce: both, binding: encode(header), messages };
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
        if binding != self.binding.as_bytes() {
            return Err(ScramError::Malformed("channel binding does not match"));
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
