//! Sync: ends an extended-protocol sequence; the server answers it with ReadyForQuery.

/// The tag of Sync.
pub const TAG: u8 = b'S';

/// The whole message: it has no body.
pub const BYTES: &[u8] = &[TAG, 0, 0, 0, 4];
