//! The packets that come before any tag: SSLRequest, GSSENCRequest, CancelRequest and StartupMessage.
//!
//! [`cut`] looks at the length word alone, so that nothing is kept or allocated for a packet that is too
//! long; [`parse`] checks one whole packet. An empty or missing user is the caller's to refuse.

pub mod options;

use std::collections::HashMap;
use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use subtle::ConstantTimeEq;

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, put_cstr, sum};

/// The shortest packet: its length word and a code.
pub const MIN_PACKET: u32 = 8;
/// The longest packet that is taken, its length word included.
pub const MAX_PACKET: u32 = 10_000;
/// The lengths that a cancel key's secret may have (4 in protocol 3.0, up to 256 in 3.2).
pub const SECRET_LEN: std::ops::RangeInclusive<usize> = 4..=256;

const MAJOR: u16 = 3;
/// No protocol has this major number; its minor numbers are requests.
const REQUEST: u16 = 1234;
const CANCEL: u16 = 5678;
const SSL: u16 = 5679;
const GSS_ENC: u16 = 5680;
/// Names with this prefix ask for a feature of the protocol, not for a setting.
const PROTOCOL_OPTION: &str = "_pq_.";

/// One packet of start-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// The client asks for TLS.
    Ssl,
    /// The client asks for GSSAPI encryption.
    GssEnc,
    /// The client asks to cancel what another connection is doing.
    Cancel(CancelKey),
    /// The client asks for a session.
    Startup(Startup),
    /// The client speaks a protocol that is not version 3.
    UnsupportedMajor {
        /// The major number it asks for.
        major: u16,
        /// The minor number it asks for.
        minor: u16,
    },
}

/// Names a connection to those who may cancel what it is doing.
///
/// Two keys are compared in constant time, and the secret is not shown by `Debug`.
#[derive(Clone)]
pub struct CancelKey {
    /// The process id, which is no secret.
    pub pid: u32,
    /// The secret; its length is within [`SECRET_LEN`] where it came from [`parse`].
    pub secret: Bytes,
}

impl PartialEq for CancelKey {
    fn eq(&self, other: &Self) -> bool {
        self.pid == other.pid && bool::from(self.secret.ct_eq(&other.secret))
    }
}

impl Eq for CancelKey {}

impl fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelKey").field("pid", &self.pid).finish_non_exhaustive()
    }
}

/// A StartupMessage of protocol 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Startup {
    /// The minor version the client asks for.
    pub minor: u16,
    /// The parameters by name, in the client's order; of a name given twice the last value counts.
    pub params: Vec<(String, String)>,
    /// The names of the protocol options asked for (`_pq_.…`), none of which we know.
    pub unknown_options: Vec<String>,
}

impl Startup {
    /// The value of a parameter; names are compared exactly, as PostgreSQL does with `user` and `database`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The length of the first packet in `buf` once all of it is there; `None` while it is not.
///
/// The length word is judged as soon as its four bytes are there, before anything is waited for.
pub fn cut(buf: &[u8]) -> Result<Option<usize>, Error> {
    let Ok(len) = Reader::new(buf).u32() else { return Ok(None) };
    if !(MIN_PACKET..=MAX_PACKET).contains(&len) {
        return Err(Error::BadLength { tag: 0, len, limit: MAX_PACKET });
    }
    let len = usize::try_from(len).map_err(|_| Error::TooLong { tag: 0 })?;
    Ok((buf.len() >= len).then_some(len))
}

/// Whether a packet is a CancelRequest, be the rest of it right or wrong.
pub fn is_cancel(packet: &[u8]) -> bool {
    let mut reader = Reader::new(packet.get(4..).unwrap_or_default());
    matches!((reader.u16(), reader.u16()), (Ok(REQUEST), Ok(CANCEL)))
}

/// Reads one whole packet, its length word included.
pub fn parse(packet: &[u8]) -> Result<Packet, Error> {
    match cut(packet)? {
        None => return Err(Error::TooShort),
        Some(len) if len < packet.len() => {
            return Err(Error::Trailing { left: packet.len().saturating_sub(len) });
        }
        Some(_) => {}
    }
    let mut reader = Reader::new(packet);
    reader.u32()?;
    let (major, minor) = (reader.u16()?, reader.u16()?);
    match (major, minor) {
        (REQUEST, SSL) => reader.finish().map(|()| Packet::Ssl),
        (REQUEST, GSS_ENC) => reader.finish().map(|()| Packet::GssEnc),
        (REQUEST, CANCEL) => {
            let pid = reader.u32()?;
            Ok(Packet::Cancel(CancelKey { pid, secret: Bytes::copy_from_slice(secret(reader)?) }))
        }
        (MAJOR, minor) => parse_params(reader, minor).map(Packet::Startup),
        (major, minor) => Ok(Packet::UnsupportedMajor { major, minor }),
    }
}

/// The rest of a message as the secret of a cancel key.
pub(crate) fn secret(reader: Reader<'_>) -> Result<&[u8], Error> {
    let secret = reader.rest();
    if SECRET_LEN.contains(&secret.len()) {
        return Ok(secret);
    }
    let value = i64::try_from(secret.len()).unwrap_or(i64::MAX);
    Err(Error::BadValue { what: "length of cancel key", value })
}

fn parse_params(mut reader: Reader<'_>, minor: u16) -> Result<Startup, Error> {
    let mut startup = Startup { minor, params: Vec::new(), unknown_options: Vec::new() };
    // by name, so that thousands of short parameters do not cost the square of their number
    let mut places: HashMap<&str, usize> = HashMap::new();
    loop {
        let name = text(reader.cstr()?)?;
        if name.is_empty() {
            break;
        }
        let value = text(reader.cstr()?)?;
        if name.starts_with(PROTOCOL_OPTION) {
            startup.unknown_options.push(name.to_owned());
            continue;
        }
        let place = *places.entry(name).or_insert(startup.params.len());
        match startup.params.get_mut(place) {
            Some((_, earlier)) => value.clone_into(earlier),
            None => startup.params.push((name.to_owned(), value.to_owned())),
        }
    }
    reader.finish()?;
    Ok(startup)
}

fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::NotUtf8 { what: "startup packet" })
}

/// Appends a StartupMessage of protocol 3 with this minor version.
///
/// Refused: a name that is empty (it would end the list), a zero byte inside, more than [`MAX_PACKET`] bytes.
pub fn write(out: &mut BytesMut, minor: u16, params: &[(&str, &str)]) -> Result<(), Error> {
    let mut len: usize = 9;
    for (name, value) in params {
        if name.is_empty() {
            return Err(Error::BadValue { what: "length of startup parameter name", value: 0 });
        }
        len = sum([len, cstr_len(name.as_bytes())?, cstr_len(value.as_bytes())?]);
    }
    let word = u32::try_from(len).ok().filter(|&len| len <= MAX_PACKET);
    let word = word.ok_or(Error::TooLong { tag: 0 })?;
    out.reserve(len);
    out.put_u32(word);
    out.put_u16(MAJOR);
    out.put_u16(minor);
    for (name, value) in params {
        put_cstr(out, name.as_bytes());
        put_cstr(out, value.as_bytes());
    }
    out.put_u8(0);
    Ok(())
}

/// Appends an SSLRequest.
pub fn write_ssl_request(out: &mut BytesMut) {
    out.put_u32(8);
    out.put_u16(REQUEST);
    out.put_u16(SSL);
}

/// Appends a CancelRequest; a secret whose length is not within [`SECRET_LEN`] is refused.
pub fn write_cancel(out: &mut BytesMut, pid: u32, key: &[u8]) -> Result<(), Error> {
    let key = secret(Reader::new(key))?;
    let len = sum([12, key.len()]);
    out.put_u32(u32::try_from(len).map_err(|_| Error::TooLong { tag: 0 })?);
    out.put_u16(REQUEST);
    out.put_u16(CANCEL);
    out.put_u32(pid);
    out.put_slice(key);
    Ok(())
}

#[cfg(test)]
mod tests;
