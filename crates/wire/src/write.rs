//! How every writer of this crate begins a message: the length is known and checked before a byte is written.
//!
//! A length that would not fit its word is an error and never wraps: a wrapped length lets the end of one
//! message be read as the beginning of another.

use bytes::{BufMut, BytesMut};

use crate::Error;

/// The largest value of a length word: PostgreSQL reads it as a signed 32-bit number.
const MAX_LEN: usize = 0x7fff_ffff;

/// Writes tag and length for a body of `body` bytes and makes room for it.
pub(crate) fn head(out: &mut BytesMut, tag: u8, body: usize) -> Result<(), Error> {
    let len = length(tag, body)?;
    out.reserve(body.saturating_add(5));
    out.put_u8(tag);
    out.put_u32(len);
    Ok(())
}

/// The length word of a message with this body; it counts itself.
pub(crate) fn length(tag: u8, body: usize) -> Result<u32, Error> {
    let len = body.checked_add(4).filter(|&len| len <= MAX_LEN);
    len.and_then(|len| u32::try_from(len).ok()).ok_or(Error::TooLong { tag })
}

/// How many bytes `string` takes with its terminator; a zero byte inside would end it early and is refused.
pub(crate) fn cstr_len(string: &[u8]) -> Result<usize, Error> {
    match memchr::memchr(0, string) {
        None => Ok(string.len().saturating_add(1)),
        Some(_) => Err(Error::EmbeddedNul),
    }
}

/// Appends a string that [`cstr_len`] has let pass, and its terminator.
pub(crate) fn put_cstr(out: &mut BytesMut, string: &[u8]) {
    out.put_slice(string);
    out.put_u8(0);
}

/// Sums lengths; saturates, so that [`head`] refuses what cannot be.
pub(crate) fn sum<const N: usize>(lens: [usize; N]) -> usize {
    lens.into_iter().fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_word_never_wraps() {
        let mut out = BytesMut::new();
        assert_eq!(length(b'P', MAX_LEN - 4), Ok(0x7fff_ffff));
        for body in [MAX_LEN - 3, MAX_LEN, 0xffff_fffb, 0xffff_ffff, 0x1_0000_0000, usize::MAX] {
            assert_eq!(head(&mut out, b'P', body), Err(Error::TooLong { tag: b'P' }), "{body}");
        }
        assert!(out.is_empty(), "nothing is written, and nothing is reserved, for what is refused");
        assert_eq!(sum([usize::MAX, 1]), usize::MAX);
    }

    #[test]
    fn a_zero_byte_inside_a_string_is_refused() {
        assert_eq!(cstr_len(b"a\0b"), Err(Error::EmbeddedNul));
        assert_eq!(cstr_len(b"ab"), Ok(3));
        assert_eq!(cstr_len(b""), Ok(1));
    }
}
