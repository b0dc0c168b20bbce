//! The client's side of a log-in: password, SASLInitialResponse and SASLResponse share one tag.
//!
//! Which of them a message is follows from what was asked for, so each has a view of its own.
//! No view shows its content by `Debug`.

use std::fmt;

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr, sum};

/// The tag of all messages of a log-in.
pub const TAG: u8 = b'p';

/// The longest message of a log-in that PostgreSQL takes (`PG_MAX_AUTH_TOKEN_LENGTH`), and so do we.
pub const MAX_TOKEN: u32 = 65_535;

/// A PasswordMessage: clear text, or the answer to an MD5 salt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Password<'a> {
    /// The password as the client sent it.
    pub password: &'a [u8],
}

impl<'a> Password<'a> {
    /// Reads the body of a PasswordMessage.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let password = reader.cstr()?;
        reader.finish()?;
        Ok(Self { password })
    }
}

impl fmt::Debug for Password<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Password").finish_non_exhaustive()
    }
}

/// A SASLInitialResponse: the client's choice of mechanism and, with it, its first message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SaslInitialResponse<'a> {
    /// The mechanism's name.
    pub mechanism: &'a [u8],
    /// The first message of the exchange, if the client sends one at once.
    pub data: Option<&'a [u8]>,
}

impl<'a> SaslInitialResponse<'a> {
    /// Reads the body of a SASLInitialResponse; the length inside must be that of the rest.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let mechanism = reader.cstr()?;
        let data = match reader.i32()? {
            -1 => None,
            len => {
                let n = usize::try_from(len)
                    .map_err(|_| Error::BadValue { what: "length of SASL response", value: len.into() })?;
                Some(reader.bytes(n)?)
            }
        };
        reader.finish()?;
        Ok(Self { mechanism, data })
    }
}

impl fmt::Debug for SaslInitialResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mechanism = self.mechanism.escape_ascii().to_string();
        f.debug_struct("SaslInitialResponse").field("mechanism", &mechanism).finish_non_exhaustive()
    }
}

/// A SASLResponse: its whole body is the mechanism's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SaslResponse<'a>(
    /// The message of the exchange.
    pub &'a [u8],
);

impl<'a> SaslResponse<'a> {
    /// Takes the body of a SASLResponse; any bytes are one.
    pub const fn parse(body: &'a [u8]) -> Self {
        Self(body)
    }
}

impl fmt::Debug for SaslResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SaslResponse").finish_non_exhaustive()
    }
}

/// Appends a PasswordMessage.
pub fn write(out: &mut BytesMut, password: &[u8]) -> Result<(), Error> {
    head(out, TAG, cstr_len(password)?)?;
    put_cstr(out, password);
    Ok(())
}

/// Appends a SASLInitialResponse.
pub fn write_sasl_initial(out: &mut BytesMut, mechanism: &[u8], data: Option<&[u8]>) -> Result<(), Error> {
    let len = match data {
        None => -1,
        Some(data) => i32::try_from(data.len()).map_err(|_| Error::TooLong { tag: TAG })?,
    };
    let data = data.unwrap_or_default();
    head(out, TAG, sum([cstr_len(mechanism)?, 4, data.len()]))?;
    put_cstr(out, mechanism);
    out.put_i32(len);
    out.put_slice(data);
    Ok(())
}

/// Appends a SASLResponse.
pub fn write_sasl_response(out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
    head(out, TAG, data.len())?;
    out.put_slice(data);
    Ok(())
}
