//! One message, seen from outside: a tag byte, a length, a body.
//!
//! Every message after log-in starts with five bytes: the tag, then the length of everything behind the tag,
//! itself included (PostgreSQL documentation, "Message Flow"). Relaying needs nothing else, so this is all
//! that is looked at on the hot path; nothing is decoded and nothing is copied here.
//! A length is checked against a limit before anybody allocates for it.

use crate::Error;

/// Bytes of a tag and a length.
pub const HEADER: usize = 5;

/// The largest length PostgreSQL itself would take from a client (`PQ_LARGE_MESSAGE_LIMIT`: 1 GiB less one).
pub const LARGEST: u32 = 0x3fff_ffff;

/// The first five bytes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The message type.
    pub tag: u8,
    /// The length field as sent: the bytes behind the tag, the field's own four included.
    pub len: u32,
}

impl Head {
    /// Bytes of the whole message, tag included.
    #[must_use]
    pub fn total(self) -> usize {
        // a u32 fits a usize wherever tokio runs
        self.len as usize + 1
    }
}

/// Reads the head of the message that starts `buf`; `None` while fewer than five bytes are there.
///
/// # Errors
/// [`Error::BadLength`] for a length below its own four bytes or above `limit`.
pub fn head(buf: &[u8], limit: u32) -> Result<Option<Head>, Error> {
    let &[tag, a, b, c, d, ..] = buf else {
        return Ok(None);
    };
    let len = u32::from_be_bytes([a, b, c, d]);
    if len < 4 || len > limit {
        return Err(Error::BadLength { tag, len, limit });
    }
    Ok(Some(Head { tag, len }))
}

/// The body of the message `head` describes, once `buf` holds all of it.
#[must_use]
pub fn body(buf: &[u8], head: Head) -> Option<&[u8]> {
    buf.get(HEADER..head.total())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_below_four_and_above_the_limit_are_refused() {
        for (len, ok) in [(0u32, false), (3, false), (4, true), (100, true), (101, false), (u32::MAX, false)]
        {
            let mut bytes = vec![b'Q'];
            bytes.extend(len.to_be_bytes());
            assert_eq!(head(&bytes, 100).is_ok(), ok, "length {len}");
        }
    }

    proptest! {
        /// However a stream is cut, the same frames come out.
        #[test]
        fn any_cut_gives_the_same_frames(
            bodies in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..20),
            step in 1usize..30,
        ) {
            let mut stream = Vec::new();
            for (tag, body) in &bodies {
                stream.push(*tag);
                stream.extend((u32::try_from(body.len()).unwrap() + 4).to_be_bytes());
                stream.extend(body);
            }
            let (mut seen, mut got) = (Vec::new(), Vec::new());
            for piece in stream.chunks(step) {
                got.extend_from_slice(piece);
                while let Some(h) = head(&got, LARGEST).unwrap() {
                    let Some(b) = body(&got, h) else { break };
                    seen.push((h.tag, b.to_vec()));
                    got.drain(..h.total());
                }
            }
            prop_assert_eq!(seen, bodies);
            prop_assert!(got.is_empty());
        }
    }
}
