//! Close: a statement or portal is given up.

use bytes::BytesMut;

pub use super::{Kind, Named as Close};
use crate::Error;

/// The tag of Close.
pub const TAG: u8 = b'C';

/// Appends a Close.
pub fn write(out: &mut BytesMut, kind: Kind, name: &[u8]) -> Result<(), Error> {
    super::write_named(out, TAG, kind, name)
}
