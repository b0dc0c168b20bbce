//! FunctionCall: the old way to call a function, still used by libpq for large objects.
//!
//! It is relayed as it came; the server answers with FunctionCallResponse and ReadyForQuery.

/// The tag of FunctionCall.
pub const TAG: u8 = b'F';
