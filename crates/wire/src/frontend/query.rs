//! Query: one or more statements of the simple protocol.

use bytes::BytesMut;

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr};

/// The tag of Query.
pub const TAG: u8 = b'Q';

/// A Query message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    /// The text, in the client's encoding.
    pub sql: &'a [u8],
}

impl<'a> Query<'a> {
    /// Reads the body of a Query.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let sql = reader.cstr()?;
        reader.finish()?;
        Ok(Self { sql })
    }
}

/// Whether a text holds this byte anywhere: looked for in every statement, so by the widest registers there are.
#[inline]
#[must_use]
pub fn holds(sql: &[u8], byte: u8) -> bool {
    memchr::memchr(byte, sql).is_some()
}

/// Appends a Query.
pub fn write(out: &mut BytesMut, sql: &[u8]) -> Result<(), Error> {
    head(out, TAG, cstr_len(sql)?)?;
    put_cstr(out, sql);
    Ok(())
}
