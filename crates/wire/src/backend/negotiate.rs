//! NegotiateProtocolVersion: the server speaks an older minor version, or not all options asked for.

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr, sum};

/// The tag of NegotiateProtocolVersion.
pub const TAG: u8 = b'v';

/// PostgreSQL's documentation speaks of a minor version; what it sends is both, the major one above.
const MAJOR: u16 = 3;

/// A NegotiateProtocolVersion message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NegotiateProtocolVersion<'a> {
    /// The newest minor version of protocol 3 that the server speaks, at most the one asked for.
    pub minor: u16,
    /// How many options it does not know.
    count: u32,
    /// Their names, each with its terminator.
    raw: &'a [u8],
}

impl<'a> NegotiateProtocolVersion<'a> {
    /// Reads the body of a NegotiateProtocolVersion.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let version = reader.u32()?;
        let [major_high, major_low, minor @ ..] = version.to_be_bytes();
        // 0: servers that are not PostgreSQL take its documentation at its word
        if !matches!(u16::from_be_bytes([major_high, major_low]), 0 | MAJOR) {
            return Err(Error::BadValue { what: "protocol version", value: version.into() });
        }
        let count = reader.u32()?;
        let raw = reader.rest();
        // ends with the bytes at the latest, however large the count is
        for _ in 0..count {
            reader.cstr()?;
        }
        reader.finish()?;
        Ok(Self { minor: u16::from_be_bytes(minor), count, raw })
    }

    /// How many options the server does not know.
    pub const fn len(&self) -> u32 {
        self.count
    }

    /// Whether the server knows every option, and only the version is in question.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The names of the options that the server does not know.
    pub fn options(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.raw);
        std::iter::from_fn(move || reader.cstr().ok())
    }
}

/// Appends a NegotiateProtocolVersion: the newest minor version, and every option that is not known.
pub fn write<S: AsRef<str>>(out: &mut BytesMut, minor: u16, options: &[S]) -> Result<(), Error> {
    let mut len: usize = 8;
    for name in options {
        len = sum([len, cstr_len(name.as_ref().as_bytes())?]);
    }
    let count = u32::try_from(options.len()).map_err(|_| Error::TooLong { tag: TAG })?;
    head(out, TAG, len)?;
    out.put_u16(MAJOR);
    out.put_u16(minor);
    out.put_u32(count);
    for name in options {
        put_cstr(out, name.as_ref().as_bytes());
    }
    Ok(())
}
