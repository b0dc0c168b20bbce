//! ParameterDescription: the types of a prepared statement's parameters.

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::write::{head, sum};

/// The tag of ParameterDescription.
pub const TAG: u8 = b't';

/// Appends a ParameterDescription of these type ids.
pub fn write(out: &mut BytesMut, types: &[u32]) -> Result<(), Error> {
    let count = u16::try_from(types.len()).map_err(|_| Error::TooLong { tag: TAG })?;
    head(out, TAG, sum([2, types.len().saturating_mul(4)]))?;
    out.put_u16(count);
    for oid in types {
        out.put_u32(*oid);
    }
    Ok(())
}
