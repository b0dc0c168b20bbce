//! ReadyForQuery: the server waits for the next request.

use bytes::{BufMut, BytesMut};

use crate::read::Reader;
use crate::{Error, TxStatus};

/// The tag of ReadyForQuery.
pub const TAG: u8 = b'Z';

/// Reads the body of a ReadyForQuery, which is the transaction status.
pub fn parse(body: &[u8]) -> Result<TxStatus, Error> {
    let mut reader = Reader::new(body);
    let status = reader.u8()?;
    reader.finish()?;
    TxStatus::try_from(status)
}

/// Appends a ReadyForQuery.
pub fn write(out: &mut BytesMut, status: TxStatus) {
    out.put_slice(&[TAG, 0, 0, 0, 5, status.byte()]);
}
