//! Bind: a portal made from a prepared statement and its parameters.

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr, sum};

/// The tag of Bind.
pub const TAG: u8 = b'B';

/// A Bind message, read as far as its two names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bind<'a> {
    /// The portal's name; empty for the unnamed portal.
    pub portal: &'a [u8],
    /// The statement's name; empty for the unnamed statement.
    pub statement: &'a [u8],
    /// Formats and parameters, unread: only the server knows the statement and can judge them.
    pub rest: &'a [u8],
}

impl<'a> Bind<'a> {
    /// Reads the body of a Bind.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let portal = reader.cstr()?;
        let statement = reader.cstr()?;
        Ok(Self { portal, statement, rest: reader.rest() })
    }
}

/// The value of a parameter, counted from 1, in what stands behind the names ([`Bind::rest`]); `None` if it is NULL, or
/// not there.
#[must_use]
pub fn parameter(rest: &[u8], number: u16) -> Option<&[u8]> {
    let mut reader = Reader::new(rest);
    for _ in 0..reader.u16().ok()? {
        reader.u16().ok()?;
    }
    let count = reader.u16().ok()?;
    if number == 0 || number > count {
        return None;
    }
    for at in 1..=number {
        let Ok(length) = usize::try_from(reader.i32().ok()?) else {
            if at == number {
                return None;
            }
            continue;
        };
        let value = reader.bytes(length).ok()?;
        if at == number {
            return Some(value);
        }
    }
    None
}

/// Appends a Bind; `rest` is what stands behind the names, as in [`Bind::rest`].
pub fn write(out: &mut BytesMut, portal: &[u8], statement: &[u8], rest: &[u8]) -> Result<(), Error> {
    head(out, TAG, sum([cstr_len(portal)?, cstr_len(statement)?, rest.len()]))?;
    put_cstr(out, portal);
    put_cstr(out, statement);
    out.put_slice(rest);
    Ok(())
}
