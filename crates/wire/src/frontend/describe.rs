//! Describe: what a statement takes and returns.

use bytes::{BufMut, BytesMut};

pub use super::Kind;
use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr, sum};

/// The tag of Describe.
pub const TAG: u8 = b'D';

/// A Describe message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Describe<'a> {
    /// What is named.
    pub kind: Kind,
    /// Its name; empty for the unnamed one.
    pub name: &'a [u8],
}

impl<'a> Describe<'a> {
    /// Reads the body of a Describe.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let kind = Kind::try_from(reader.u8()?)?;
        let name = reader.cstr()?;
        reader.finish()?;
        Ok(Self { kind, name })
    }
}

/// Appends a Describe.
pub fn write(out: &mut BytesMut, kind: Kind, name: &[u8]) -> Result<(), Error> {
    head(out, TAG, sum([1, cstr_len(name)?]))?;
    out.put_u8(kind.byte());
    put_cstr(out, name);
    Ok(())
}
