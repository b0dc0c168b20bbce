//! The few fields of a certificate that rustls does not show: its dates, its common name, and whether it
//! has alternative names (RFC 5280, 4.1).
//!
//! Reads any bytes without panicking; a certificate that is not understood has no such fields. It proves
//! nothing about signatures.

/// The contents of one or more DER elements.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

const INTEGER: u8 = 0x02;
const OBJECT_ID: u8 = 0x06;
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

/// Whom a certificate is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subject<'a> {
    /// The last common name, which is the most specific one.
    pub(super) common_name: Option<&'a str>,
    pub(super) has_alternative_names: bool,
}

impl Subject<'_> {
    /// Whether the common name is `host`; `*.` in it stands for one label.
    pub(super) fn is_called(&self, host: &str) -> bool {
        let Some(name) = self.common_name else { return false };
        match name.strip_prefix("*.") {
            None => name.eq_ignore_ascii_case(host),
            Some(domain) => host
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(domain)),
        }
    }
}

/// The first and last second at which a certificate is valid, since 1970.
pub(super) fn validity(certificate: &[u8]) -> Option<(u64, u64)> {
    let mut dates = Fields::of(certificate)?.validity;
    let (start, end) = (dates.any()?, dates.any()?);
    Some((time(start)?, time(end)?))
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

struct Fields<'a> {
    validity: Der<'a>,
    subject: Der<'a>,
    extensions: Der<'a>,
}

impl<'a> Fields<'a> {
    fn of(certificate: &'a [u8]) -> Option<Self> {
        let mut signed = Der(certificate).next(SEQUENCE)?.next(SEQUENCE)?;
        let _ = signed.next(VERSION);
        let _serial = signed.next(INTEGER)?;
        let _algorithm = signed.next(SEQUENCE)?;
        let _issuer = signed.next(SEQUENCE)?;
        let validity = signed.next(SEQUENCE)?;
        let subject = signed.next(SEQUENCE)?;
        let _key = signed.next(SEQUENCE)?;
        let mut extensions = Der(&[]);
        while let Some((tag, content)) = signed.any() {
            if tag == EXTENSIONS {
                extensions = Der(content).next(SEQUENCE)?;
            }
        }
        Some(Self { validity, subject, extensions })
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
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let utc = |text: &str| time((UTC_TIME, text.as_bytes()));
        let general = |text: &str| time((GENERALIZED_TIME, text.as_bytes()));
        assert_eq!(utc("700101000000Z"), Some(0));
        assert_eq!(utc("240229123456Z"), Some(1_709_210_096));
        assert_eq!(utc("491231235959Z"), Some(2_524_607_999));
        assert_eq!(general("20500101000000Z"), Some(2_524_608_000));
        assert_eq!(general("20000301000000Z"), Some(951_868_800));
        assert_eq!(utc("500101000000Z"), Some(0), "1950");
        for wrong in
            ["", "Z", "240229123456", "2402291234Z", "241329123456Z", "24022912345xZ", "é4022912345Z"]
        {
            assert_eq!(utc(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_common_name_may_have_one_wild_label() {
        let called = |name: &'static str, host| {
            Subject { common_name: Some(name), has_alternative_names: false }.is_called(host)
        };
        assert!(called("db.example.com", "DB.example.com"));
        assert!(called("*.example.com", "db.example.com"));
        assert!(!called("*.example.com", "a.db.example.com"));
        assert!(!called("*.example.com", "example.com"));
        assert!(!called("*.example.com", ".example.com"));
        assert!(!called("example.com", "db.example.com"));
    }

    #[test]
    fn no_cut_and_no_flipped_byte_panics() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["db.example.com".to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "db");
        let certificate = params.self_signed(&key).unwrap();
        let bytes = certificate.der().to_vec();
        assert_eq!(subject(&bytes), Some(Subject { common_name: Some("db"), has_alternative_names: true }));
        for cut in 0..bytes.len() {
            assert_eq!(validity(&bytes[..cut]), None);
            assert_eq!(subject(&bytes[..cut]), None);
        }
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xFF] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                let _ = (validity(&changed), subject(&changed));
            }
        }
    }
}
