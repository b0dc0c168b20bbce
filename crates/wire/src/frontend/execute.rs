//! Execute: runs a portal, up to a number of rows.

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr, sum};

/// The tag of Execute.
pub const TAG: u8 = b'E';

/// An Execute message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execute<'a> {
    /// The portal's name; empty for the unnamed portal.
    pub portal: &'a [u8],
    /// The most rows to return; 0 or less is no limit.
    pub max_rows: i32,
}

impl<'a> Execute<'a> {
    /// Reads the body of an Execute.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let portal = reader.cstr()?;
        let max_rows = reader.i32()?;
        reader.finish()?;
        Ok(Self { portal, max_rows })
    }
}

/// Appends an Execute.
pub fn write(out: &mut BytesMut, portal: &[u8], max_rows: i32) -> Result<(), Error> {
    head(out, TAG, sum([cstr_len(portal)?, 4]))?;
    put_cstr(out, portal);
    out.put_i32(max_rows);
    Ok(())
}
