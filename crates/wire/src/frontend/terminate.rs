//! Terminate: the client leaves.

/// The tag of Terminate.
pub const TAG: u8 = b'X';

/// The whole message: it has no body.
pub const BYTES: &[u8] = &[TAG, 0, 0, 0, 4];
