//! What SHOW gives: columns with PostgreSQL's types, rows, and how they go over the wire in either format.

use bytes::BytesMut;
use wire::backend::row;

/// The types of the console's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Int4,
    Int8,
    Numeric,
}

/// A column.
pub(crate) type Column = (&'static str, Kind);

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Text(String),
    Number(u64),
}

/// One row, as long as there are columns.
pub(crate) type Row = Vec<Cell>;

/// Which columns a client wants in binary format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Formats {
    #[default]
    Text,
    Binary,
    Each(Vec<bool>),
}

impl Kind {
    /// The type's number and size in `pg_type`.
    fn oid(self) -> (u32, i16) {
        match self {
            Self::Text => (25, -1),
            Self::Int4 => (23, 4),
            Self::Int8 => (20, 8),
            Self::Numeric => (1700, -1),
        }
    }
}

impl Formats {
    /// The formats a Bind asks for, by its rules; `None` if their number does not fit.
    pub(crate) fn new(codes: &[bool], columns: usize) -> Option<Self> {
        match codes {
            [] | [false] => Some(Self::Text),
            [true] => Some(Self::Binary),
            each if each.len() == columns => Some(Self::Each(each.to_vec())),
            _ => None,
        }
    }

    fn is_binary(&self, column: usize) -> bool {
        match self {
            Self::Text => false,
            Self::Binary => true,
            Self::Each(each) => each.get(column).copied().unwrap_or_default(),
        }
    }
}

impl Cell {
    /// Text that may be missing.
    pub(crate) fn maybe(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.into()))
    }

    fn encode(&self, kind: Kind, binary: bool) -> Option<Vec<u8>> {
        Some(match self {
            Self::Null => return None,
            // a zero byte can stand in no text value
            Self::Text(text) => text.replace('\0', "").into_bytes(),
            Self::Number(n) => match (kind, binary) {
                (Kind::Text | Kind::Numeric, false) | (Kind::Text, true) => n.to_string().into_bytes(),
                (Kind::Int4, false) => clamped_i32(*n).to_string().into_bytes(),
                (Kind::Int4, true) => clamped_i32(*n).to_be_bytes().to_vec(),
                (Kind::Int8, false) => clamped_i64(*n).to_string().into_bytes(),
                (Kind::Int8, true) => clamped_i64(*n).to_be_bytes().to_vec(),
                (Kind::Numeric, true) => numeric(*n),
            },
        })
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(n: u64) -> Self {
        Self::Number(n)
    }
}

impl From<u32> for Cell {
    fn from(n: u32) -> Self {
        Self::Number(n.into())
    }
}

impl From<u16> for Cell {
    fn from(n: u16) -> Self {
        Self::Number(n.into())
    }
}

impl From<bool> for Cell {
    fn from(yes: bool) -> Self {
        Self::Number(yes.into())
    }
}

/// Appends the description of rows.
pub(crate) fn describe(out: &mut BytesMut, columns: &[Column], formats: &Formats) -> Result<(), wire::Error> {
    let column = |(at, (name, kind)): (usize, &Column)| {
        let (oid, len) = kind.oid();
        row::Column { name, oid, len, binary: formats.is_binary(at) }
    };
    row::write_description(out, &columns.iter().enumerate().map(column).collect::<Vec<_>>())
}

/// Appends one row.
pub(crate) fn write(
    out: &mut BytesMut,
    columns: &[Column],
    row: &[Cell],
    formats: &Formats,
) -> Result<(), wire::Error> {
    let encoded = columns.iter().zip(row).enumerate();
    let encoded: Vec<_> =
        encoded.map(|(at, ((_, kind), cell))| cell.encode(*kind, formats.is_binary(at))).collect();
    row::write_row(out, &encoded.iter().map(Option::as_deref).collect::<Vec<_>>())
}

fn clamped_i32(n: u64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn clamped_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// `numeric` in binary: how many digits of base 10 000, the weight of the first, sign, scale, the digits.
fn numeric(n: u64) -> Vec<u8> {
    let mut digits = Vec::<u16>::new();
    let mut left = n;
    while left > 0 {
        digits.insert(0, u16::try_from(left % 10_000).unwrap_or_default());
        left /= 10_000;
    }
    let count = u16::try_from(digits.len()).unwrap_or_default();
    let mut out = Vec::new();
    for word in [count, count.saturating_sub(1), 0, 0].into_iter().chain(digits) {
        out.extend(word.to_be_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_postgresql_reads_them() {
        let binary = |n: u64, kind| Cell::Number(n).encode(kind, true).unwrap();
        assert_eq!(binary(0, Kind::Numeric), [0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(binary(123_456, Kind::Numeric), [0, 2, 0, 1, 0, 0, 0, 0, 0, 12, 0x0d, 0x80]);
        assert_eq!(binary(20_000, Kind::Numeric), [0, 2, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0]);
        assert_eq!(binary(7, Kind::Int8), [0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(binary(u64::MAX, Kind::Int4), [0x7f, 0xff, 0xff, 0xff]);
        assert_eq!(Cell::Number(u64::MAX).encode(Kind::Int4, false).unwrap(), b"2147483647");
    }

    #[test]
    fn formats_follow_the_rules_of_bind() {
        assert_eq!(Formats::new(&[], 3), Some(Formats::Text));
        assert_eq!(Formats::new(&[true], 3), Some(Formats::Binary));
        assert!(Formats::new(&[true, false], 2).is_some_and(|f| f.is_binary(0) && !f.is_binary(1)));
        assert_eq!(Formats::new(&[true, false], 3), None);
    }
}
