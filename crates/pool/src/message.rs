//! Whole messages of a server, one by one, where few come and none of them is passed on. The caller bounds the time.

use bytes::{Bytes, BytesMut};
use net::Stream;
use wire::frame;

use crate::error::Error;

/// The next message, its type and its body; `longest` is the longest that this server has reason to send.
pub(crate) async fn next(
    stream: &mut Stream,
    inbox: &mut BytesMut,
    longest: u32,
    server: &str,
) -> Result<(u8, Bytes), Error> {
    loop {
        let head = frame::head(inbox, longest)
            .map_err(|what| Error::Protocol { server: server.to_owned(), what })?;
        if let Some(head) = head.filter(|head| inbox.len() >= head.total()) {
            let mut message = inbox.split_to(head.total());
            return Ok((head.tag, message.split_off(frame::HEADER).freeze()));
        }
        match stream.read_more(inbox).await {
            Ok(0) => return Err(Error::Lost { server: server.to_owned(), why: None }),
            Ok(_) => {}
            Err(error) => return Err(Error::lost(server, &error)),
        }
    }
}
