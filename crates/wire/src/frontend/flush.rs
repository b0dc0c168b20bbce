//! Flush: asks for the replies so far, without ending anything; it has no reply of its own.

/// The tag of Flush.
pub const TAG: u8 = b'H';

/// The whole message: it has no body.
pub const BYTES: &[u8] = &[TAG, 0, 0, 0, 4];
