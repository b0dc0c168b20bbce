//! Logging in by hand: the server asks, we answer, until it is ready or refuses.

use super::Client;
use crate::error::{Error, ServerError};
use crate::messages;

/// Answers the server's authentication requests and collects all it says up to ReadyForQuery.
pub(super) fn run(client: &mut Client, password: &str) -> Result<(), Error> {
    let mut said = Vec::new();
    loop {
        let message = client.try_read_message()?;
        match message.tag {
            b'E' => return Err(Error::Server(ServerError::parse(&message.body))),
            b'R' => answer(client, &message.body, password)?,
            _ => {}
        }
        let ready = message.tag == b'Z';
        said.push(message);
        if ready {
            client.login = said;
            return Ok(());
        }
    }
}

fn answer(client: &mut Client, body: &[u8], password: &str) -> Result<(), Error> {
    let (kind, _rest) = body.split_first_chunk().ok_or(Error::Protocol("a short authentication request"))?;
    match u32::from_be_bytes(*kind) {
        0 => Ok(()),
        3 => client.try_send(&messages::password(password)),
        _ => Err(Error::Protocol("an authentication method the kit does not know")),
    }
}
