//! FunctionCallResponse: the answer to FunctionCall, relayed as it comes; ReadyForQuery follows it.

/// The tag of FunctionCallResponse.
pub const TAG: u8 = b'V';
