//! The form of SCRAM messages: `x=value` after `x=value`, with commas between.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::ScramError;

/// The longest message that is taken; an honest one has a few hundred bytes.
pub(super) const MAX_MESSAGE: usize = 64 * 1024;

/// Takes the attributes of one message from left to right.
#[derive(Clone, Copy)]
pub(super) struct Attrs<'a> {
    /// What is left; `None` once the last attribute is taken.
    left: Option<&'a [u8]>,
}

impl<'a> Attrs<'a> {
    /// Starts with a whole message, whose length and characters are checked here once.
    pub(super) fn new(message: &'a [u8]) -> Result<Self, ScramError> {
        if message.len() > MAX_MESSAGE {
            return Err(ScramError::TooLong { len: message.len(), limit: MAX_MESSAGE });
        }
        if message.is_empty() {
            return Err(ScramError::Malformed("empty"));
        }
        if message.iter().any(u8::is_ascii_control) {
            return Err(ScramError::Malformed("control character"));
        }
        Ok(Self { left: Some(message) })
    }

    /// Everything up to the next comma, which is taken too.
    pub(super) fn field(&mut self) -> Result<&'a [u8], ScramError> {
        let left = self.left.ok_or(ScramError::Malformed("attribute missing"))?;
        match memchr::memchr(b',', left).and_then(|comma| left.split_at_checked(comma)) {
            None => {
                self.left = None;
                Ok(left)
            }
            Some((field, rest)) => {
                self.left = rest.get(1..);
                Ok(field)
            }
        }
    }

    /// The value of the next attribute, which has to have this name.
    pub(super) fn value(&mut self, name: u8) -> Result<&'a [u8], ScramError> {
        let (got, value) = self.any()?;
        match got {
            got if got == name => Ok(value),
            b'm' => Err(ScramError::Unsupported("mandatory extension")),
            _ => Err(ScramError::Malformed("attribute missing or out of order")),
        }
    }

    /// Name and value of the next attribute.
    pub(super) fn any(&mut self) -> Result<(u8, &'a [u8]), ScramError> {
        match self.field()? {
            [name, b'=', value @ ..] if name.is_ascii_alphabetic() => Ok((*name, value)),
            _ => Err(ScramError::Malformed("attribute expected")),
        }
    }

    /// Passes over the optional extensions that are left; a mandatory one is refused.
    pub(super) fn extensions(&mut self) -> Result<(), ScramError> {
        while self.left.is_some() {
            if self.any()?.0 == b'm' {
                return Err(ScramError::Unsupported("mandatory extension"));
            }
        }
        Ok(())
    }

    /// What has not been taken yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.left.unwrap_or_default()
    }

    /// Whether everything has been taken.
    pub(super) const fn is_done(&self) -> bool {
        self.left.is_none()
    }
}

/// A nonce's characters: printable, as RFC 5802 wants them, and at least one.
pub(super) fn nonce(value: &[u8]) -> Result<&[u8], ScramError> {
    if !value.is_empty() && value.iter().all(u8::is_ascii_graphic) {
        return Ok(value);
    }
    Err(ScramError::Malformed("nonce"))
}

/// Base64 as text.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Base64 in its one canonical form.
pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, ScramError> {
    STANDARD.decode(text).map_err(|_| ScramError::Malformed("base64"))
}

/// Base64 of exactly 32 bytes.
pub(super) fn decode_key(text: &[u8]) -> Result<[u8; 32], ScramError> {
    decode(text)?.try_into().map_err(|_| ScramError::Malformed("length of proof or key"))
}
