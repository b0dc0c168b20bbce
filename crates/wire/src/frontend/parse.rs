//! Parse: a statement to be prepared.

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr, sum};

/// The tag of Parse.
pub const TAG: u8 = b'P';

/// The raw type block of a statement that names no types.
pub const NO_TYPES: &[u8] = &[0, 0];

/// A Parse message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parse<'a> {
    /// The statement's name; empty for the unnamed statement.
    pub name: &'a [u8],
    /// The text, in the client's encoding.
    pub sql: &'a [u8],
    /// The types as they came: a 16-bit count, then that many 32-bit type ids.
    pub types: &'a [u8],
}

impl<'a> Parse<'a> {
    #[expect(
        clippy::self_named_constructors,
        reason = "every view has this verb; here it is the message's name too"
    )]
    /// Reads the body of a Parse. Of the types only their count is held against the bytes that are there.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let name = reader.cstr()?;
        let sql = reader.cstr()?;
        let types = reader.rest();
        check_types(types)?;
        Ok(Self { name, sql, types })
    }
}

fn check_types(types: &[u8]) -> Result<(), Error> {
    let mut reader = Reader::new(types);
    // unsigned, as PostgreSQL reads it: 65,535 parameters are allowed
    let count = usize::from(reader.u16()?);
    reader.bytes(count.saturating_mul(4))?;
    reader.finish()
}

/// Appends a Parse; `types` is a raw type block as in [`Parse::types`].
pub fn write(out: &mut BytesMut, name: &[u8], sql: &[u8], types: &[u8]) -> Result<(), Error> {
    check_types(types)?;
    head(out, TAG, sum([cstr_len(name)?, cstr_len(sql)?, types.len()]))?;
    put_cstr(out, name);
    put_cstr(out, sql);
    out.put_slice(types);
    Ok(())
}
