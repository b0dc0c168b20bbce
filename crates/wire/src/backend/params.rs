//! ParameterStatus: a setting that the server reports.

use bytes::BytesMut;

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr, sum};

/// The tag of ParameterStatus.
pub const TAG: u8 = b'S';

/// Reads the body of a ParameterStatus: the setting's name, and its value from now on.
pub fn parse(body: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    let mut reader = Reader::new(body);
    let name = reader.cstr()?;
    let value = reader.cstr()?;
    reader.finish()?;
    Ok((name, value))
}

/// Appends a ParameterStatus.
pub fn write(out: &mut BytesMut, name: &[u8], value: &[u8]) -> Result<(), Error> {
    head(out, TAG, sum([cstr_len(name)?, cstr_len(value)?]))?;
    put_cstr(out, name);
    put_cstr(out, value);
    Ok(())
}
