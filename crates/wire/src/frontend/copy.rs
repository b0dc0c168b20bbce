//! What a client sends while a COPY takes data from it.

use bytes::BytesMut;

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr};

/// The tag of CopyData, the same in both directions.
pub const DATA: u8 = b'd';
/// The tag of CopyDone, the same in both directions.
pub const DONE: u8 = b'c';
/// The tag of CopyFail.
pub const FAIL: u8 = b'f';

/// A CopyDone message, whole.
pub const DONE_BYTES: &[u8] = &[DONE, 0, 0, 0, 4];

/// A CopyFail message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fail<'a> {
    /// Why the client gives up, in its own words.
    pub reason: &'a [u8],
}

impl<'a> Fail<'a> {
    /// Reads the body of a CopyFail.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let reason = reader.cstr()?;
        reader.finish()?;
        Ok(Self { reason })
    }
}

/// Appends a CopyFail.
pub fn write_fail(out: &mut BytesMut, reason: &[u8]) -> Result<(), Error> {
    head(out, FAIL, cstr_len(reason)?)?;
    put_cstr(out, reason);
    Ok(())
}
