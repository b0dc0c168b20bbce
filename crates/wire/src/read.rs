//! `Reader`: fields cut one after another from the body of one message.
//!
//! Every step checks what is left before it takes anything; nothing is copied and nothing is allocated.

use crate::Error;

/// A cursor over bytes that nobody has checked yet.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `body`.
    pub const fn new(body: &'a [u8]) -> Self {
        Self { left: body }
    }

    /// How many bytes are left.
    pub const fn len(&self) -> usize {
        self.left.len()
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A 16-bit signed number.
    pub fn i16(&mut self) -> Result<i16, Error> {
        self.array().map(i16::from_be_bytes)
    }

    /// A 16-bit unsigned number; PostgreSQL's own reading of most counts.
    pub fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }

    /// A 32-bit signed number.
    pub fn i32(&mut self) -> Result<i32, Error> {
        self.array().map(i32::from_be_bytes)
    }

    /// A 32-bit unsigned number.
    pub fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    /// A string up to its terminating zero byte, which is taken but not returned.
    pub fn cstr(&mut self) -> Result<&'a [u8], Error> {
        let end = memchr::memchr(0, self.left).ok_or(Error::Unterminated)?;
        let string = self.bytes(end)?;
        self.u8()?;
        Ok(string)
    }

    /// The next `n` bytes.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (taken, left) = self.left.split_at_checked(n).ok_or(Error::TooShort)?;
        self.left = left;
        Ok(taken)
    }

    /// Everything that is left, which may be nothing.
    pub const fn rest(self) -> &'a [u8] {
        self.left
    }

    /// Ends the reading; bytes left over are an error.
    pub const fn finish(self) -> Result<(), Error> {
        match self.left.len() {
            0 => Ok(()),
            left => Err(Error::Trailing { left }),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, left) = self.left.split_first_chunk::<N>().ok_or(Error::TooShort)?;
        self.left = left;
        Ok(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_in_order() {
        let mut reader = Reader::new(b"\x07\xff\xfe\x00\x01\x80\x00\x00\x00\xff\xff\xff\xffname\0abcd");
        assert_eq!(reader.u8(), Ok(7));
        assert_eq!(reader.i16(), Ok(-2));
        assert_eq!(reader.u16(), Ok(1));
        assert_eq!(reader.i32(), Ok(i32::MIN));
        assert_eq!(reader.u32(), Ok(u32::MAX));
        assert_eq!(reader.cstr(), Ok(&b"name"[..]));
        assert_eq!(reader.bytes(2), Ok(&b"ab"[..]));
        assert_eq!(reader.len(), 2);
        assert_eq!(reader.finish(), Err(Error::Trailing { left: 2 }));
        assert_eq!(reader.rest(), b"cd");
    }

    #[test]
    fn a_failed_step_takes_nothing() {
        let mut reader = Reader::new(b"abc");
        assert_eq!(reader.u32(), Err(Error::TooShort));
        assert_eq!(reader.bytes(usize::MAX), Err(Error::TooShort));
        assert_eq!(reader.cstr(), Err(Error::Unterminated));
        assert_eq!(reader.rest(), b"abc");
    }

    #[test]
    fn an_empty_body_finishes() {
        let mut reader = Reader::new(b"");
        assert!(reader.is_empty());
        assert_eq!(reader.u8(), Err(Error::TooShort));
        assert_eq!(reader.finish(), Ok(()));
    }
}
