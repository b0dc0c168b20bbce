//! What goes to a peer in the place of what came in.
//!
//! Messages that need no change are written from where they were read. Only when one is changed does the run
//! before it have to be copied, so that it stays in front; that is done with the first byte written here.

use bytes::BytesMut;
use net::buffers;

/// Where something else is written for one message.
pub(crate) struct Instead<'a> {
    out: &'a mut BytesMut,
    run: &'a [u8],
    used: bool,
}

impl<'a> Instead<'a> {
    /// For a message behind `run`, which is to go out unchanged behind what is in `out`.
    pub(crate) fn of(out: &'a mut BytesMut, run: &'a [u8]) -> Self {
        Self { out, run, used: false }
    }

    /// The buffer to write to.
    #[inline]
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        if !self.used {
            self.used = true;
            if self.out.capacity() == 0 {
                *self.out = buffers::take();
            }
            self.out.extend_from_slice(self.run);
        }
        self.out
    }

    /// Whether the run was copied.
    pub(crate) fn is_used(&self) -> bool {
        self.used
    }
}
