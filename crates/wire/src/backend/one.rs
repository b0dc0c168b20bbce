//! The replies without a body, whole, for when we answer in the server's place.

/// ParseComplete.
pub const PARSE_COMPLETE: &[u8] = b"1\0\0\0\x04";
/// BindComplete.
pub const BIND_COMPLETE: &[u8] = b"2\0\0\0\x04";
/// CloseComplete.
pub const CLOSE_COMPLETE: &[u8] = b"3\0\0\0\x04";
/// NoData: the statement returns no rows.
pub const NO_DATA: &[u8] = b"n\0\0\0\x04";
/// EmptyQueryResponse: there was no statement in the text.
pub const EMPTY_QUERY: &[u8] = b"I\0\0\0\x04";
/// PortalSuspended: the row limit of Execute was reached.
pub const PORTAL_SUSPENDED: &[u8] = b"s\0\0\0\x04";
