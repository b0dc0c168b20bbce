//! ErrorResponse and NoticeResponse: writers for our own, and a view that makes sense of any server's.
//!
//! The view never fails: a body without fields, without a code, without terminators or with fields twice
//! gives what is there. The writers never fail either: a value that cannot stand in a message is cut or cleaned.

use bytes::{BufMut, BytesMut};

use crate::read::Reader;
use crate::sqlstate::SqlState;

/// The tag of ErrorResponse.
pub const TAG: u8 = b'E';
/// The tag of NoticeResponse.
pub const NOTICE: u8 = b'N';

/// The longest value we write into a field; long enough for anything a person reads.
const MAX_VALUE: usize = 16 * 1024;

/// How bad it is. These words are never translated (`V`), and we do not translate the others (`S`) either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The statement failed.
    Error,
    /// The session ends.
    Fatal,
    /// All sessions of the server end.
    Panic,
    /// A warning.
    Warning,
    /// A notice.
    Notice,
}

impl Severity {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Panic => "PANIC",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
        }
    }
}

/// What we say when it is we who report something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorFields<'a> {
    /// How bad it is.
    pub severity: Severity,
    /// The code.
    pub sqlstate: SqlState,
    /// One line, lower case, no full stop.
    pub message: &'a str,
    /// More about it, in sentences.
    pub detail: Option<&'a str>,
    /// What to do about it, in sentences.
    pub hint: Option<&'a str>,
}

/// Appends an ErrorResponse.
pub fn write(out: &mut BytesMut, fields: &ErrorFields<'_>) {
    put(out, TAG, fields, None);
}

/// Appends an ErrorResponse in the name of this routine of PostgreSQL's, for drivers that go by it.
pub fn write_as(out: &mut BytesMut, fields: &ErrorFields<'_>, routine: &str) {
    put(out, TAG, fields, Some(routine));
}

/// Appends a NoticeResponse.
pub fn write_notice(out: &mut BytesMut, fields: &ErrorFields<'_>) {
    put(out, NOTICE, fields, None);
}

fn put(out: &mut BytesMut, tag: u8, fields: &ErrorFields<'_>, routine: Option<&str>) {
    let severity = fields.severity.as_str();
    let all = [
        (b'S', Some(severity)),
        (b'V', Some(severity)),
        (b'C', Some(fields.sqlstate.code())),
        (b'M', Some(fields.message)),
        (b'D', fields.detail),
        (b'H', fields.hint),
        (b'R', routine),
    ];
    let mut body = BytesMut::new();
    for (code, value) in all {
        let Some(value) = value else { continue };
        body.put_u8(code);
        // a zero byte would end the value, and what follows would be read as fields
        body.extend(shorten(value).bytes().filter(|&byte| byte != 0));
        body.put_u8(0);
    }
    body.put_u8(0);
    out.put_u8(tag);
    // seven values of at most MAX_VALUE bytes
    out.put_u32(u32::try_from(body.len()).unwrap_or(0).saturating_add(4));
    out.put_slice(&body);
}

fn shorten(value: &str) -> &str {
    let cut = (0..=MAX_VALUE.min(value.len())).rev().find(|&at| value.is_char_boundary(at));
    value.get(..cut.unwrap_or_default()).unwrap_or_default()
}

/// The fields of an ErrorResponse or NoticeResponse of somebody else.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    body: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Takes any body.
    pub const fn new(body: &'a [u8]) -> Self {
        Self { body }
    }

    /// Codes and values in their order; a last value without terminator ends with the body.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut reader = Reader::new(self.body);
        std::iter::from_fn(move || {
            let code = reader.u8().ok().filter(|&code| code != 0)?;
            let value = reader.cstr().unwrap_or_else(|_| {
                let rest = reader.rest();
                reader = Reader::new(&[]);
                rest
            });
            Some((code, value))
        })
    }

    /// The first value with this code.
    pub fn get(&self, code: u8) -> Option<&'a [u8]> {
        self.iter().find(|(got, _)| *got == code).map(|(_, value)| value)
    }

    /// The code, if there is one and it is five capitals or digits.
    pub fn sqlstate(&self) -> Option<[u8; 5]> {
        let code: [u8; 5] = self.get(b'C')?.try_into().ok()?;
        code.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()).then_some(code)
    }

    /// The severity in its untranslated form; servers before 9.6 send only the other one.
    pub fn severity(&self) -> Option<&'a [u8]> {
        self.get(b'V').or_else(|| self.get(b'S'))
    }

    /// Whether the server closes the connection after this.
    pub fn is_fatal(&self) -> bool {
        matches!(self.severity(), Some(b"FATAL" | b"PANIC"))
    }

    /// A field as text for a log: at most `max` bytes, without control characters, empty if it is not there.
    pub fn text(&self, code: u8, max: usize) -> String {
        let value = self.get(code).unwrap_or_default();
        // cut first, so that a large value is not copied whole
        let value = value.get(..max).unwrap_or(value);
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        String::from_utf8_lossy(value).chars().map(clean).collect()
    }
}
