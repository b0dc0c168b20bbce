//! RowDescription and DataRow: written for the console's answers, read for our own queries to a server, and to tell
//! whether a statement still returns what a client was told.

use bytes::{BufMut, BytesMut};

use crate::Error;
use crate::read::Reader;
use crate::write::{cstr_len, head, put_cstr, sum};

/// The tag of RowDescription.
pub const DESCRIPTION: u8 = b'T';
/// The tag of DataRow.
pub const DATA: u8 = b'D';

/// One column of a RowDescription that we write: of no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type id.
    pub oid: u32,
    /// Its type's size as in `pg_type.typlen`; negative for a variable one.
    pub len: i16,
    /// Whether its values come in binary format.
    pub binary: bool,
}

/// Appends a RowDescription.
pub fn write_description(out: &mut BytesMut, columns: &[Column<'_>]) -> Result<(), Error> {
    let count = count(DESCRIPTION, columns.len())?;
    let mut len: usize = 2;
    for column in columns {
        len = sum([len, cstr_len(column.name.as_bytes())?, 18]);
    }
    head(out, DESCRIPTION, len)?;
    out.put_u16(count);
    for column in columns {
        put_cstr(out, column.name.as_bytes());
        out.put_u32(0); // of no table
        out.put_u16(0); // and so no column of one
        out.put_u32(column.oid);
        out.put_i16(column.len);
        out.put_i32(-1); // no type modifier
        out.put_u16(u16::from(column.binary));
    }
    Ok(())
}

/// Appends a DataRow; `None` is NULL.
pub fn write_row(out: &mut BytesMut, values: &[Option<&[u8]>]) -> Result<(), Error> {
    let count = count(DATA, values.len())?;
    let len = values.iter().fold(2, |len, value| sum([len, 4, value.map_or(0, <[u8]>::len)]));
    head(out, DATA, len)?;
    out.put_u16(count);
    for value in values {
        match value {
            None => out.put_i32(-1),
            Some(value) => {
                // fits, because the whole message does
                out.put_i32(i32::try_from(value.len()).map_err(|_| Error::TooLong { tag: DATA })?);
                out.put_slice(value);
            }
        }
    }
    Ok(())
}

/// A RowDescription message whose lengths have been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowDescription<'a> {
    raw: &'a [u8],
}

/// One column of somebody else's RowDescription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Described<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// The table and the column there that it comes from, if any.
    pub origin: (u32, u16),
    /// Its type id.
    pub oid: u32,
    /// Its type's size; negative for a variable one.
    pub len: i16,
    /// The type modifier, such as the length of a varchar.
    pub modifier: i32,
    /// The format of its values.
    pub format: u16,
}

impl<'a> RowDescription<'a> {
    /// Reads the body of a RowDescription: as many columns as are announced, and nothing else.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let count = reader.u16()?;
        let raw = reader.rest();
        for _ in 0..count {
            described(&mut reader)?;
        }
        reader.finish()?;
        Ok(Self { raw })
    }

    /// The columns in their order.
    pub fn columns(&self) -> impl Iterator<Item = Described<'a>> + use<'a> {
        let mut reader = Reader::new(self.raw);
        std::iter::from_fn(move || described(&mut reader).ok())
    }
}

fn described<'a>(reader: &mut Reader<'a>) -> Result<Described<'a>, Error> {
    Ok(Described {
        name: reader.cstr()?,
        origin: (reader.u32()?, reader.u16()?),
        oid: reader.u32()?,
        len: reader.i16()?,
        modifier: reader.i32()?,
        format: reader.u16()?,
    })
}

fn count(tag: u8, n: usize) -> Result<u16, Error> {
    u16::try_from(n).map_err(|_| Error::TooLong { tag })
}

/// A DataRow message whose lengths have been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataRow<'a> {
    count: u16,
    raw: &'a [u8],
}

impl<'a> DataRow<'a> {
    /// Reads the body of a DataRow: as many values as are announced, none longer than what is there.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let count = reader.u16()?;
        let raw = reader.rest();
        for _ in 0..count {
            value(&mut reader)?;
        }
        reader.finish()?;
        Ok(Self { count, raw })
    }

    /// How many values there are.
    pub const fn len(&self) -> u16 {
        self.count
    }

    /// Whether there is no value at all.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The values in their order; `None` is NULL.
    pub fn values(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        let mut reader = Reader::new(self.raw);
        std::iter::from_fn(move || value(&mut reader).ok())
    }
}

fn value<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, Error> {
    match reader.i32()? {
        -1 => Ok(None),
        len => {
            let error = Error::BadValue { what: "length of column value", value: len.into() };
            reader.bytes(usize::try_from(len).map_err(|_| error)?).map(Some)
        }
    }
}
