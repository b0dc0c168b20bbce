//! Close: a statement or portal is given up.

use bytes::{BufMut, BytesMut};

pub use super::Kind;
use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr, sum};

/// The tag of Close.
pub const TAG: u8 = b'C';

/// A Close message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close<'a> {
    /// What is named.
    pub kind: Kind,
    /// Its name; empty for the unnamed one.
    pub name: &'a [u8],
}

impl<'a> Close<'a> {
    /// Reads the body of a Close.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let kind = Kind::try_from(reader.u8()?)?;
        let name = reader.cstr()?;
        reader.finish()?;
        Ok(Self { kind, name })
    }
}

/// Appends a Close.
pub fn write(out: &mut BytesMut, kind: Kind, name: &[u8]) -> Result<(), Error> {
    head(out, TAG, sum([1, cstr_len(name)?]))?;
    out.put_u8(kind.byte());
    put_cstr(out, name);
    Ok(())
}
