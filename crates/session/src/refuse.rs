//! A request that is refused without a server: says so as a server would, and drops the rest of it.
//!
//! | the request began with | the error is followed by | dropped |
//! |---|---|---|
//! | Query, FunctionCall | ReadyForQuery | that message |
//! | any other | ReadyForQuery at the Sync | everything up to the Sync |

use wire::backend::ready;
use wire::frame::{self, Head};

use crate::client::Client;
use crate::error::Error;

/// What is still to be dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusing {
    /// Bytes of the message at hand.
    left: usize,
    /// ReadyForQuery is due when they are gone.
    last: bool,
    /// The first message decides how the request ends.
    begun: bool,
    /// It is one message without a reply.
    silent: bool,
}

/// Tells the client why its request is refused, and begins to drop it.
pub(crate) fn refuse(client: &mut Client, why: &Error) {
    let id = client.card.id;
    client.underway.refused_all();
    why.respond(client.channel.queue(), id);
    client.refusing = Some(Refusing::default());
}

/// The same for a request of which a part, at least, has been sent to a server that is not listened to any more:
/// `ended`: up to its Query or Sync, of whose message `left` bytes are still to come.
pub(crate) fn refuse_sent(client: &mut Client, why: &Error, ended: bool, left: usize) {
    let id = client.card.id;
    client.underway.refused_all();
    why.respond(client.channel.queue(), id);
    if ended && left == 0 {
        ready::write(client.channel.queue(), client.underway.state().status());
    } else {
        client.refusing = Some(Refusing { left, last: ended, begun: true, silent: false });
    }
}

/// Drops what has come of a refused request; true when it is over.
///
/// # Errors
/// A breach of the protocol by the client.
pub(crate) fn drop_request(client: &mut Client) -> Result<bool, Error> {
    let Some(mut refusing) = client.refusing.take() else {
        return Ok(true);
    };
    loop {
        let gone = refusing.left.min(client.channel.inbox.len());
        client.channel.consume(gone);
        refusing.left -= gone;
        if refusing.left == 0 && refusing.last {
            ready::write(client.channel.queue(), client.underway.state().status());
            return Ok(true);
        }
        if refusing.left == 0 && refusing.silent {
            return Ok(true);
        }
        let head = match refusing.left {
            0 => frame::head(&client.channel.inbox, client.longest).map_err(Error::protocol)?,
            _ => None,
        };
        let Some(Head { tag, len }) = head else {
            client.refusing = Some(refusing);
            return Ok(false);
        };
        if tag == b'X' {
            // left to the ordinary path
            return Ok(true);
        }
        refusing.left = Head { tag, len }.total();
        refusing.last = tag == b'S' || (!refusing.begun && matches!(tag, b'Q' | b'F'));
        refusing.begun = true;
    }
}

/// Drops one message that comes too late to mean anything; it has no reply.
pub(crate) fn skip(client: &mut Client, head: Head) {
    let gone = head.total().min(client.channel.inbox.len());
    client.channel.consume(gone);
    let left = head.total() - gone;
    client.refusing = (left > 0).then_some(Refusing { left, last: false, begun: true, silent: true });
}
