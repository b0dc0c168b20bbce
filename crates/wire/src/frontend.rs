//! Messages from the client, as borrowed views over a body whose frame has been cut.
//!
//! One family per file: `TAG`, a view with `parse(body)`, and `write(out, …)`. A view checks only what a
//! decision needs; the server judges the rest, so a body that no view takes may still be forwarded as it came.

pub mod bind;
pub mod close;
pub mod copy;
pub mod describe;
pub mod execute;
pub mod flush;
pub mod function;
pub mod parse;
pub mod password;
pub mod query;
pub mod sync;
pub mod terminate;

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr, sum};

/// What Describe and Close name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A prepared statement.
    Statement,
    /// A portal.
    Portal,
}

impl Kind {
    /// The byte that stands for this kind on the wire.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Statement => b'S',
            Self::Portal => b'P',
        }
    }
}

impl TryFrom<u8> for Kind {
    type Error = Error;

    fn try_from(byte: u8) -> Result<Self, Error> {
        match byte {
            b'S' => Ok(Self::Statement),
            b'P' => Ok(Self::Portal),
            got => Err(Error::Unexpected { expected: "S (statement) or P (portal)", got }),
        }
    }
}

/// A Describe or a Close: their bodies are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<'a> {
    /// What is named.
    pub kind: Kind,
    /// Its name; empty for the unnamed one.
    pub name: &'a [u8],
}

impl<'a> Named<'a> {
    /// Reads the body.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let kind = Kind::try_from(reader.u8()?)?;
        let name = reader.cstr()?;
        reader.finish()?;
        Ok(Self { kind, name })
    }
}

fn write_named(out: &mut BytesMut, tag: u8, kind: Kind, name: &[u8]) -> Result<(), Error> {
    head(out, tag, sum([1, cstr_len(name)?]))?;
    out.put_u8(kind.byte());
    put_cstr(out, name);
    Ok(())
}

#[cfg(test)]
mod tests;
