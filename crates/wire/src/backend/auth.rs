//! Authentication: the server's side of a log-in, from the first request to AuthenticationOk.

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr, sum};

/// The tag of all Authentication messages; a code inside tells them apart.
pub const TAG: u8 = b'R';

const OK: u32 = 0;
const KERBEROS_V5: u32 = 2;
const CLEARTEXT: u32 = 3;
const MD5: u32 = 5;
const GSS: u32 = 7;
const GSS_CONTINUE: u32 = 8;
const SSPI: u32 = 9;
const SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;

/// An Authentication message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// The log-in is done.
    Ok,
    /// A clear-text password is asked for.
    CleartextPassword,
    /// A password hashed with this salt is asked for.
    Md5Password {
        /// The salt of this one log-in.
        salt: [u8; 4],
    },
    /// A SASL exchange is asked for.
    Sasl(Mechanisms<'a>),
    /// The next message of a SASL exchange.
    SaslContinue(&'a [u8]),
    /// The last message of a SASL exchange.
    SaslFinal(&'a [u8]),
    /// A way to log in that we do not speak.
    Unsupported(Method),
}

/// The ways to log in that PostgreSQL knows and we do not speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Kerberos version 5.
    KerberosV5,
    /// GSSAPI, its first message or a later one.
    Gss,
    /// SSPI.
    Sspi,
}

/// The mechanisms a server offers, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mechanisms<'a> {
    /// Names, each with its terminator, without the empty one at the end.
    raw: &'a [u8],
}

impl<'a> Mechanisms<'a> {
    /// The names in their order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.raw);
        std::iter::from_fn(move || reader.cstr().ok())
    }

    fn parse(list: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(list);
        let mut len: usize = 0;
        loop {
            let name = reader.cstr()?;
            if name.is_empty() {
                break;
            }
            len = sum([len, name.len(), 1]);
        }
        reader.finish()?;
        Reader::new(list).bytes(len).map(|raw| Self { raw })
    }
}

impl<'a> Authentication<'a> {
    /// Reads the body of an Authentication message.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let code = reader.u32()?;
        match code {
            SASL => return Mechanisms::parse(reader.rest()).map(Self::Sasl),
            SASL_CONTINUE => return Ok(Self::SaslContinue(reader.rest())),
            SASL_FINAL => return Ok(Self::SaslFinal(reader.rest())),
            GSS_CONTINUE => return Ok(Self::Unsupported(Method::Gss)),
            _ => {}
        }
        let message = match code {
            OK => Self::Ok,
            CLEARTEXT => Self::CleartextPassword,
            MD5 => Self::Md5Password { salt: reader.u32()?.to_be_bytes() },
            KERBEROS_V5 => Self::Unsupported(Method::KerberosV5),
            GSS => Self::Unsupported(Method::Gss),
            SSPI => Self::Unsupported(Method::Sspi),
            got => return Err(Error::BadValue { what: "authentication request", value: got.into() }),
        };
        reader.finish().map(|()| message)
    }
}

/// Appends AuthenticationOk.
pub fn write_ok(out: &mut BytesMut) {
    out.put_slice(&[TAG, 0, 0, 0, 8]);
    out.put_u32(OK);
}

/// Appends AuthenticationCleartextPassword.
pub fn write_cleartext_password(out: &mut BytesMut) {
    out.put_slice(&[TAG, 0, 0, 0, 8]);
    out.put_u32(CLEARTEXT);
}

/// Appends AuthenticationMD5Password.
pub fn write_md5_password(out: &mut BytesMut, salt: [u8; 4]) {
    out.put_slice(&[TAG, 0, 0, 0, 12]);
    out.put_u32(MD5);
    out.put_slice(&salt);
}

/// Appends AuthenticationSASL with these mechanisms, best first.
pub fn write_sasl(out: &mut BytesMut, mechanisms: &[&str]) -> Result<(), Error> {
    let mut len: usize = 5;
    for name in mechanisms {
        if name.is_empty() {
            return Err(Error::BadValue { what: "length of SASL mechanism name", value: 0 });
        }
        len = sum([len, cstr_len(name.as_bytes())?]);
    }
    head(out, TAG, len)?;
    out.put_u32(SASL);
    for name in mechanisms {
        put_cstr(out, name.as_bytes());
    }
    out.put_u8(0);
    Ok(())
}

/// Appends AuthenticationSASLContinue.
pub fn write_sasl_continue(out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
    write_with(out, SASL_CONTINUE, data)
}

/// Appends AuthenticationSASLFinal.
pub fn write_sasl_final(out: &mut BytesMut, data: &[u8]) -> Result<(), Error> {
    write_with(out, SASL_FINAL, data)
}

fn write_with(out: &mut BytesMut, code: u32, data: &[u8]) -> Result<(), Error> {
    head(out, TAG, sum([4, data.len()]))?;
    out.put_u32(code);
    out.put_slice(data);
    Ok(())
}
