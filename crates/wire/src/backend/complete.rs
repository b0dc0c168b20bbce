//! CommandComplete: one statement is done.

use bytes::BytesMut;

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr};

/// The tag of CommandComplete.
pub const TAG: u8 = b'C';

/// A CommandComplete message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandComplete<'a> {
    /// What was done: the command's words, and for some of them a count.
    pub tag: &'a [u8],
}

impl<'a> CommandComplete<'a> {
    /// Reads the body of a CommandComplete.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let tag = reader.cstr()?;
        reader.finish()?;
        Ok(Self { tag })
    }
}

/// Appends a CommandComplete.
pub fn write(out: &mut BytesMut, tag: &[u8]) -> Result<(), Error> {
    head(out, TAG, cstr_len(tag)?)?;
    put_cstr(out, tag);
    Ok(())
}
