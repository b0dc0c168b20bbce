//! Classify: what is this SQL?

use ::classify::Class;
use ::wire::frame::{self, HEADER};
use ::wire::frontend;
use config::PoolMode;

use crate::error::Error;
use crate::session::Session;

/// The verdict on the first statement of the request at hand.
///
/// # Errors
/// A statement that the pool's mode does not allow.
pub(crate) fn classify(session: &Session) -> Result<Class, Error> {
    let class = ::classify::classify(first_sql(&session.client.channel.inbox));
    if class.opens_block && session.mode() == PoolMode::Statement {
        return Err(Error::TransactionBlock { open: false });
    }
    Ok(class)
}

/// The text of the Query or Parse that begins the inbox, as far as it is there.
pub(crate) fn first_sql(inbox: &[u8]) -> &[u8] {
    let Ok(Some(head)) = frame::head(inbox, frame::LARGEST) else {
        return &[];
    };
    let body = inbox.get(HEADER..head.total().min(inbox.len())).unwrap_or_default();
    match head.tag {
        b'Q' => body,
        b'P' => frontend::parse::Parse::parse(body).map_or(&[], |parse| parse.sql),
        _ => &[],
    }
}
