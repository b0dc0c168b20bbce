//! BackendKeyData: what a client needs to ask for a cancel later.

use std::fmt;

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::read::Reader;
use crate::startup::secret;
use crate::write::{head, sum};

/// The tag of BackendKeyData.
pub const TAG: u8 = b'K';

/// A BackendKeyData message. `Debug` does not show the secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BackendKeyData<'a> {
    /// The process id.
    pub pid: u32,
    /// The secret: 4 bytes in protocol 3.0, up to 256 in 3.2.
    pub secret: &'a [u8],
}

impl<'a> BackendKeyData<'a> {
    /// Reads the body of a BackendKeyData; a secret of fewer than 4 or more than 256 bytes is refused.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let pid = reader.u32()?;
        secret(reader).map(|secret| Self { pid, secret })
    }
}

impl fmt::Debug for BackendKeyData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendKeyData").field("pid", &self.pid).finish_non_exhaustive()
    }
}

/// Appends a BackendKeyData; a secret of fewer than 4 or more than 256 bytes is refused.
pub fn write(out: &mut BytesMut, pid: u32, key: &[u8]) -> Result<(), Error> {
    let key = secret(Reader::new(key))?;
    head(out, TAG, sum([4, key.len()]))?;
    out.put_u32(pid);
    out.put_slice(key);
    Ok(())
}
