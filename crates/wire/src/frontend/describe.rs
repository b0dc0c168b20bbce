//! Describe: what a statement takes and returns.

use bytes::BytesMut;

pub use super::{Kind, Named as Describe};
use crate::Error;

/// The tag of Describe.
pub const TAG: u8 = b'D';

/// Appends a Describe.
pub fn write(out: &mut BytesMut, kind: Kind, name: &[u8]) -> Result<(), Error> {
    super::write_named(out, TAG, kind, name)
}
