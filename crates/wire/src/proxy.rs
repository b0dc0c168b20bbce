//! The header of the PROXY protocol, version 2: who the client is, told by what stands in front of us
//! (the specification of HAProxy, 2.2).
//!
//! It comes once, before anything of the client's own. What it adds behind the addresses (type, length, value)
//! is passed over. Nothing of it is believed here: whose headers count, the caller knows.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What every header begins with; no start-up packet and no TLS record does.
pub const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, version and command, family, length.
const FIXED: usize = 16;
/// The longest header that is taken; what a sender may count on (2.2: "receiver must be ready to receive").
pub const MOST: usize = 536;

/// A whole header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// How many bytes it has.
    pub length: usize,
    /// The client's address. None if the sender speaks for itself (a health check), or for a client that has no
    /// address of the Internet: then that of the connection stands.
    pub client: Option<SocketAddr>,
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// There is none.
    Missing,
    /// One of version 1, which is a line of text.
    Version1,
    /// Another version than 2.
    Version(u8),
    /// A command that there is not.
    Command(u8),
    /// A family or a kind of transport that there is not, or no stream.
    Family(u8),
    /// A length that is too small for the addresses, or above the limit.
    Length(u16),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is none"),
            Self::Version1 => f.write_str("it is of version 1"),
            Self::Version(version) => write!(f, "it is of version {version}"),
            Self::Command(command) => write!(f, "unknown command {command}"),
            Self::Family(family) => write!(f, "address family and transport {family:#04x} are not taken"),
            Self::Length(length) => write!(f, "its length {length} is out of limits"),
        }
    }
}

impl std::error::Error for Malformed {}

/// The header at the front of `bytes`; none if more of it has to come.
///
/// # Errors
/// As soon as it can be seen that no more bytes will make a header of it.
pub fn parse(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let begun = bytes.get(..SIGNATURE.len()).unwrap_or(bytes);
    if !SIGNATURE.starts_with(begun) {
        return match bytes {
            [b'P', b'R', b'O', b'X', b'Y', ..] => Err(Malformed::Version1),
            _ if b"PROXY".starts_with(bytes) => Ok(None),
            _ => Err(Malformed::Missing),
        };
    }
    let Some(&[command, family, high, low]) = bytes.get(SIGNATURE.len()..FIXED) else { return Ok(None) };
    if command >> 4 != 2 {
        return Err(Malformed::Version(command >> 4));
    }
    let told = u16::from_be_bytes([high, low]);
    let length = FIXED + usize::from(told);
    if length > MOST {
        return Err(Malformed::Length(told));
    }
    // of the sender's own connections nothing but the length counts
    let needed = match (command & 0xf, family) {
        (0, _) | (1, 0x00) => 0,
        (1, 0x11) => 12,
        (1, 0x21) => 36,
        (1, 0x31) => 216,
        (1, _) => return Err(Malformed::Family(family)),
        (command, _) => return Err(Malformed::Command(command)),
    };
    if usize::from(told) < needed {
        return Err(Malformed::Length(told));
    }
    let Some(body) = bytes.get(FIXED..length) else { return Ok(None) };
    let client = match (needed, body) {
        (12, &[a, b, c, d, _, _, _, _, high, low, ..]) => {
            Some(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([high, low])))
        }
        (36, body) => v6(body),
        _ => None,
    };
    Ok(Some(Header { length, client }))
}

/// The source of two addresses and two ports of IPv6. One that only clothes an IPv4 address is that.
fn v6(body: &[u8]) -> Option<SocketAddr> {
    let address: [u8; 16] = body.first_chunk().copied()?;
    let port = body.get(32..34)?.first_chunk().copied().map(u16::from_be_bytes)?;
    Some(SocketAddr::new(IpAddr::from(Ipv6Addr::from(address)).to_canonical(), port))
}

#[cfg(test)]
mod tests;
