//! Logging in by hand: the server asks, we answer, until it is ready or refuses.

use std::hash::{BuildHasher, Hasher, RandomState};

use wire::auth::scram_client::{AwaitFinal, AwaitFirst, choose};
use wire::auth::{Binding, Digest, EndPoint, Nonce, SCRAM_SHA_256, ScramError, Want, md5};
use wire::backend::auth::Authentication;

use super::Client;
use super::connect::Bind;
use crate::error::{Error, ServerError};
use crate::messages;

/// Where a SASL exchange is.
enum Sasl {
    None,
    First(AwaitFirst),
    Final(AwaitFinal),
}

/// Answers the server's authentication requests and collects all it says up to ReadyForQuery.
pub(super) fn run(client: &mut Client, user: &str, password: &str) -> Result<(), Error> {
    let mut said = Vec::new();
    let mut sasl = Sasl::None;
    loop {
        let message = client.try_read_message()?;
        match message.tag {
            b'E' => return Err(Error::Server(ServerError::parse(&message.body))),
            b'R' => sasl = answer(client, &message.body, (user, password), sasl)?,
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

/// Answers one request; gives what the next one has to go on.
fn answer(
    client: &mut Client,
    body: &[u8],
    (user, password): (&str, &str),
    sasl: Sasl,
) -> Result<Sasl, Error> {
    let request =
        Authentication::parse(body).map_err(|_| Error::Protocol("a malformed authentication request"))?;
    match (request, sasl) {
        (Authentication::Ok, Sasl::None) => {}
        (Authentication::CleartextPassword, Sasl::None) => client.try_send(&messages::password(password))?,
        (Authentication::Md5Password { salt }, Sasl::None) => {
            let secret = md5::hash(user, password.as_bytes());
            client.try_send(&messages::password(&md5::response(&secret, salt)))?;
        }
        (Authentication::Sasl(offered), Sasl::None) => {
            let (mechanism, binding) = match client.connect.binding() {
                Bind::Never => choose(offered, Want::Never, None).map_err(broken)?,
                Bind::NotOffered => (SCRAM_SHA_256, Binding::NotOffered),
                Bind::Seen => {
                    let seen =
                        client.stream.certificate().ok_or(Error::Protocol("no certificate to bind to"))?;
                    choose(offered, Want::Require, Some(EndPoint::of(seen, Digest::Sha256)))
                        .map_err(broken)?
                }
            };
            let (first, data) = AwaitFirst::new(nonce(), binding);
            client.try_send(&messages::sasl_initial(mechanism, &data))?;
            return Ok(Sasl::First(first));
        }
        (Authentication::SaslContinue(data), Sasl::First(first)) => {
            let challenge = first.on(data).map_err(broken)?;
            let keys = challenge.derive(password.as_bytes());
            let (last, data) = challenge.answer(&keys).map_err(broken)?;
            client.try_send(&messages::sasl_response(&data))?;
            return Ok(Sasl::Final(last));
        }
        (Authentication::SaslFinal(data), Sasl::Final(last)) => {
            last.on(data).map_err(broken)?;
        }
        (Authentication::Ok, Sasl::First(_) | Sasl::Final(_)) => {
            return Err(Error::Protocol("a log-in without the server's proof"));
        }
        _ => return Err(Error::Protocol("an authentication request that the kit does not expect")),
    }
    Ok(Sasl::None)
}

fn broken(error: ScramError) -> Error {
    Error::Io(std::io::Error::other(error))
}

/// New for each exchange; a test has nobody to hide it from.
fn nonce() -> Nonce {
    let mut nonce = Nonce::default();
    for chunk in nonce.chunks_mut(8) {
        let random = RandomState::new().build_hasher().finish().to_be_bytes();
        chunk.iter_mut().zip(random).for_each(|(byte, value)| *byte = value);
    }
    nonce
}
