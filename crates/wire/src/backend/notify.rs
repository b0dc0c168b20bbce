//! NotificationResponse: somebody called NOTIFY on a channel this server connection listens to.

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr, sum};

/// The tag of NotificationResponse.
pub const TAG: u8 = b'A';

/// A NotificationResponse message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification<'a> {
    /// The process id of the one who called NOTIFY.
    pub pid: u32,
    /// The channel.
    pub channel: &'a [u8],
    /// The payload, often empty.
    pub payload: &'a [u8],
}

impl<'a> Notification<'a> {
    /// Reads the body of a NotificationResponse.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let pid = reader.u32()?;
        let channel = reader.cstr()?;
        let payload = reader.cstr()?;
        reader.finish()?;
        Ok(Self { pid, channel, payload })
    }
}

/// Appends a NotificationResponse.
pub fn write(out: &mut BytesMut, pid: u32, channel: &[u8], payload: &[u8]) -> Result<(), Error> {
    head(out, TAG, sum([4, cstr_len(channel)?, cstr_len(payload)?]))?;
    out.put_u32(pid);
    put_cstr(out, channel);
    put_cstr(out, payload);
    Ok(())
}
