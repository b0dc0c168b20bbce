//! The tags of COPY as the server sends them. Their bodies are relayed unread.

/// The tag of CopyInResponse: the server waits for data.
pub const IN: u8 = b'G';
/// The tag of CopyOutResponse: data follows.
pub const OUT: u8 = b'H';
/// The tag of CopyBothResponse: replication.
pub const BOTH: u8 = b'W';
/// The tag of CopyData, the same in both directions.
pub const DATA: u8 = b'd';
/// The tag of CopyDone, the same in both directions.
pub const DONE: u8 = b'c';
