//! Whom a client's certificate names: its common name, and its whole subject as RFC 2253 writes it.
//!
//! The text of the subject is the one that PostgreSQL compares under `clientname=DN`, which is OpenSSL's: the
//! last part first, parts apart by `,` and `+`, letters outside of ASCII as `\XX`.

use std::fmt::Write as _;
use std::time::SystemTime;

use super::der;

/// Whom a client's certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The common name, if there is exactly one and it can be read.
    pub common_name: Option<String>,
    /// The whole subject, if it can be read and is not empty.
    pub distinguished_name: Option<String>,
}

impl Certificate {
    /// What a certificate says; none if it cannot be read, or its time is over or has not come: TLS looks at
    /// that too, but not when a session is resumed.
    pub(crate) fn of(certificate: &[u8], now: SystemTime) -> Option<Self> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
        let (start, end) = der::validity(certificate)?;
        if now < start || now > end {
            return None;
        }
        let parts = der::subject_parts(certificate)?;
        let mut common = parts.iter().filter(|part| part.is_common_name());
        // a second one would leave open who is meant
        let common_name = match (common.next(), common.next()) {
            (Some(one), None) => one.text().filter(|name| !name.contains('\0')).map(|name| name.into_owned()),
            (Some(_), Some(_)) | (None, _) => None,
        };
        Some(Self { common_name, distinguished_name: distinguished(&parts) })
    }
}

/// Names of attributes as OpenSSL shortens them, by the bytes of their numbers.
const SHORT: &[(&[u8], &str)] = &[
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 4], "SN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "street"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 12], "title"),
    (&[0x55, 4, 42], "GN"),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 1], "emailAddress"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 1], "UID"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 25], "DC"),
];

fn distinguished(parts: &[der::Part<'_>]) -> Option<String> {
    let mut out = String::new();
    let mut last = None;
    for part in parts.iter().rev() {
        if let Some(last) = last {
            out.push(if last == part.set { '+' } else { ',' });
        }
        last = Some(part.set);
        // of an attribute that we have no name for, or a value of another kind, there is no safe text
        let (_, name) = SHORT.iter().find(|(number, _)| *number == part.kind)?;
        out.push_str(name);
        out.push('=');
        escape(&part.text()?, &mut out);
    }
    (!out.is_empty()).then_some(out)
}

/// RFC 2253, 2.4.
fn escape(text: &str, out: &mut String) {
    let last = text.len().saturating_sub(1);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => out.extend(['\\', char::from(byte)]),
            b'#' if at == 0 => out.push_str("\\#"),
            b' ' if at == 0 || at == last => out.push_str("\\ "),
            0..0x20 | 0x7F.. => {
                let _infallible = write!(out, "\\{byte:02X}");
            }
            _ => out.push(char::from(byte)),
        }
    }
}

#[cfg(test)]
mod tests;
