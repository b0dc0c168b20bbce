//! The few fields of a certificate that rustls does not show, and those of certificates of version 1, which
//! it does not read (RFC 5280, 4.1).
//!
//! Reads any bytes without panicking; a certificate that is not understood has no such fields. It proves
//! nothing about signatures.

use std::borrow::Cow;

use rustls::pki_types::ServerName;
use wire::auth::Digest;

/// The contents of one or more DER elements.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0C;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;
const BMP_STRING: u8 = 0x1E;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// The version of a certificate, absent in the first version.
const VERSION: u8 = 0xA0;
/// The extensions of a certificate.
const EXTENSIONS: u8 = 0xA3;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1D, 0x11];

/// The arcs above the signatures with RSA (RFC 8017, appendix C).
const PKCS_1: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01];
/// The arcs above the signatures with ECDSA and SHA-2 (RFC 5758, 3.2).
const ECDSA_WITH_SHA2: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03];
/// ECDSA with SHA-1.
const ECDSA_WITH_SHA1: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01];
/// The arcs above the hash functions of NIST (RFC 5754, 2).
const NIST_HASHES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
const SHA_1: &[u8] = &[0x2B, 0x0E, 0x03, 0x02, 0x1A];
/// The explicit tag of the hash function of RSASSA-PSS.
const PSS_HASH: u8 = 0xA0;

/// Whom a certificate is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subject<'a> {
    /// The last common name, which is the most specific one.
    pub(super) common_name: Option<&'a str>,
    pub(super) has_alternative_names: bool,
}

impl Subject<'_> {
    /// Whether the common name is `host`; `*.` in it stands for one label of a name.
    pub(super) fn is_called(&self, host: &ServerName<'_>) -> bool {
        let Some(name) = self.common_name else { return false };
        let is_name = matches!(host, ServerName::DnsName(_));
        let (host, domain) = (host.to_str(), name.strip_prefix("*."));
        match (domain, host.split_once('.')) {
            (Some(domain), Some((label, rest))) if is_name && !label.is_empty() => {
                rest.eq_ignore_ascii_case(domain)
            }
            (Some(_), _) => false,
            (None, _) => name.eq_ignore_ascii_case(&host),
        }
    }
}

/// The first and last second at which a certificate is valid, since 1970.
pub(super) fn validity(certificate: &[u8]) -> Option<(u64, u64)> {
    let mut dates = Fields::of(certificate)?.validity;
    let (start, end) = (dates.any()?, dates.any()?);
    Some((time(start)?, time(end)?))
}

/// The hash function that binds a log-in to a certificate: that of its signature, and SHA-256 where that is MD5 or
/// SHA-1 (RFC 5929, 4.1). None where the signature has none of its own, as Ed25519.
pub(super) fn digest(certificate: &[u8]) -> Option<Digest> {
    digest_of(Fields::of(certificate)?.algorithm)
}

fn digest_of(mut algorithm: Der<'_>) -> Option<Digest> {
    let id = algorithm.next(OBJECT_ID)?.0;
    if id == ECDSA_WITH_SHA1 {
        return Some(Digest::Sha256);
    }
    match (id.strip_prefix(PKCS_1), id.strip_prefix(ECDSA_WITH_SHA2)) {
        (Some([4 | 5 | 11]), _) | (_, Some([2])) => Some(Digest::Sha256),
        (Some([12]), _) | (_, Some([3])) => Some(Digest::Sha384),
        (Some([13]), _) | (_, Some([4])) => Some(Digest::Sha512),
        (Some([14]), _) | (_, Some([1])) => Some(Digest::Sha224),
        (Some([10]), _) => digest_of_pss(algorithm.next(SEQUENCE)?),
        (_, _) => None,
    }
}

/// Named in the parameters of the algorithm; SHA-1 where it is not (RFC 4055, 3.1).
fn digest_of_pss(mut parameters: Der<'_>) -> Option<Digest> {
    let Some(mut hash) = parameters.next(PSS_HASH) else { return Some(Digest::Sha256) };
    let id = hash.next(SEQUENCE)?.next(OBJECT_ID)?.0;
    if id == SHA_1 {
        return Some(Digest::Sha256);
    }
    match id.strip_prefix(NIST_HASHES)? {
        [1] => Some(Digest::Sha256),
        [2] => Some(Digest::Sha384),
        [3] => Some(Digest::Sha512),
        [4] => Some(Digest::Sha224),
        _ => None,
    }
}

/// Whom a certificate is for.
pub(super) fn subject(certificate: &[u8]) -> Option<Subject<'_>> {
    let fields = Fields::of(certificate)?;
    let mut common_name = None;
    let mut relative_names = fields.subject;
    while let Some(mut set) = relative_names.next(SET) {
        while let Some(mut attribute) = set.next(SEQUENCE) {
            if attribute.next(OBJECT_ID)?.0 == COMMON_NAME {
                common_name = Some(std::str::from_utf8(attribute.any()?.1).ok()?);
            }
        }
    }
    let mut extensions = fields.extensions;
    let mut has_alternative_names = false;
    while let Some(mut extension) = extensions.next(SEQUENCE) {
        has_alternative_names |= extension.next(OBJECT_ID)?.0 == ALTERNATIVE_NAMES;
    }
    Some(Subject { common_name, has_alternative_names })
}

/// One attribute of a subject.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// The bytes of the number that says what it is.
    pub(super) kind: &'a [u8],
    /// The relative name that it is part of, counted from 0.
    pub(super) set: usize,
    tag: u8,
    value: &'a [u8],
}

impl<'a> Part<'a> {
    pub(super) fn is_common_name(&self) -> bool {
        self.kind == COMMON_NAME
    }

    /// The value, if it is text of a kind that can only be read in one way.
    pub(super) fn text(&self) -> Option<Cow<'a, str>> {
        match self.tag {
            UTF8_STRING => std::str::from_utf8(self.value).ok().map(Cow::Borrowed),
            PRINTABLE_STRING | IA5_STRING => {
                let text = self.value.is_ascii().then(|| std::str::from_utf8(self.value).ok());
                text.flatten().map(Cow::Borrowed)
            }
            // big-endian code units without pairs
            BMP_STRING => {
                let units = self.value.chunks(2).map(|unit| match unit {
                    [high, low] => Some(u16::from_be_bytes([*high, *low])),
                    _ => None,
                });
                let units: Vec<u16> = units.collect::<Option<_>>()?;
                String::from_utf16(&units).ok().map(Cow::Owned)
            }
            _ => None,
        }
    }
}

/// The attributes of the subject in their order.
pub(super) fn subject_parts(certificate: &[u8]) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut relative_names = Fields::of(certificate)?.subject;
    let mut number = 0;
    while let Some(mut set) = relative_names.next(SET) {
        while let Some(mut attribute) = set.next(SEQUENCE) {
            let kind = attribute.next(OBJECT_ID)?.0;
            let (tag, value) = attribute.any()?;
            parts.push(Part { kind, set: number, tag, value });
        }
        if !set.0.is_empty() {
            return None;
        }
        number += 1;
    }
    relative_names.0.is_empty().then_some(parts)
}

/// A certificate of version 1: no extensions, so it is no authority and names its subject once.
#[derive(Debug)]
pub(super) struct Version1<'a> {
    /// The signed part.
    pub(super) signed: &'a [u8],
    /// By what kind of signature, as the inside of an `AlgorithmIdentifier`.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
    /// The inside of the name of who signed it.
    pub(super) issuer: &'a [u8],
    /// The `SubjectPublicKeyInfo`.
    pub(super) key: &'a [u8],
}

/// The certificate if it is of version 1.
pub(super) fn version_1(certificate: &[u8]) -> Option<Version1<'_>> {
    let fields = Fields::of(certificate)?;
    let mut outer = Der(certificate).next(SEQUENCE)?;
    let signed = outer.element()?;
    let algorithm = outer.next(SEQUENCE)?.0;
    let signature = outer.bits()?;
    // The algorithm is named twice, once under the signature (RFC 5280, 4.1.1.2).
    if !fields.is_first_version || algorithm != fields.algorithm.0 || !outer.0.is_empty() {
        return None;
    }
    Some(Version1 { signed, algorithm, signature, issuer: fields.issuer.0, key: fields.key })
}

/// The algorithm (the inside of its `AlgorithmIdentifier`) and the bits of a `SubjectPublicKeyInfo`, given
/// its inside.
pub(super) fn public_key(inside: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = Der(inside);
    Some((fields.next(SEQUENCE)?.0, fields.bits()?))
}

/// The inside of an element.
pub(super) fn inside(element: &[u8]) -> Option<&[u8]> {
    Some(Der(element).any()?.1)
}

struct Fields<'a> {
    is_first_version: bool,
    algorithm: Der<'a>,
    issuer: Der<'a>,
    validity: Der<'a>,
    subject: Der<'a>,
    key: &'a [u8],
    extensions: Der<'a>,
}

impl<'a> Fields<'a> {
    fn of(certificate: &'a [u8]) -> Option<Self> {
        let mut signed = Der(certificate).next(SEQUENCE)?.next(SEQUENCE)?;
        let has_version = signed.next(VERSION).is_some();
        let _serial = signed.next(INTEGER)?;
        let algorithm = signed.next(SEQUENCE)?;
        let issuer = signed.next(SEQUENCE)?;
        let validity = signed.next(SEQUENCE)?;
        let subject = signed.next(SEQUENCE)?;
        let key = signed.element()?;
        // Whoever has an extension says which version it is.
        let is_first_version = !has_version && signed.0.is_empty();
        let mut extensions = Der(&[]);
        while let Some((tag, content)) = signed.any() {
            if tag == EXTENSIONS {
                extensions = Der(content).next(SEQUENCE)?;
            }
        }
        Some(Self { is_first_version, algorithm, issuer, validity, subject, key, extensions })
    }
}

impl<'a> Der<'a> {
    /// The next element if it is of this kind; otherwise stays where it is.
    fn next(&mut self, tag: u8) -> Option<Self> {
        let mut after = *self;
        let (found, content) = after.any()?;
        if found != tag {
            return None;
        }
        *self = after;
        Some(Self(content))
    }

    /// The next element with its head.
    fn element(&mut self) -> Option<&'a [u8]> {
        let before = self.0;
        self.any()?;
        before.get(..before.len() - self.0.len())
    }

    /// The next element as a string of whole bytes of bits.
    fn bits(&mut self) -> Option<&'a [u8]> {
        match self.next(BIT_STRING)?.0 {
            [0, bits @ ..] => Some(bits),
            _ => None,
        }
    }

    /// The next element, whatever it is.
    fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            // Four bytes of length are more than any certificate has.
            let (bytes, rest) =
                rest.split_at_checked(usize::from(first & 0x7F)).filter(|(b, _)| b.len() <= 4)?;
            (bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((tag, content))
    }
}

/// Seconds since 1970; RFC 5280 (4.1.2.5) wants seconds and `Z` in both forms. Times before 1970 are 0.
fn time((tag, text): (u8, &[u8])) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match tag {
        UTC_TIME if text.len() == 12 => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME if text.len() == 14 => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let field = |at: usize| rest.get(at..at + 2).and_then(|two| two.parse::<i64>().ok());
    let (month, day) = (field(0)?, field(2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + field(4)?) * 60 + field(6)?) * 60 + field(8)?;
    Some(u64::try_from(seconds).unwrap_or(0))
}

/// Days from 1970-01-01 to a day of the Gregorian calendar. Years are counted from March, so that the leap
/// day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // The months from March have 31, 30, 31, 30, 31 days, and again, which this straight line runs through.
    let before_month = (153 * month + 2) / 5;
    // 719 468 days lie between 0000-03-01 and 1970-01-01.
    year * 365 + leap_days + before_month + day - 1 - 719_468
}

#[cfg(test)]
mod tests;
