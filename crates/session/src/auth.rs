//! How a client proves who it is by a password: clear text, MD5, SCRAM-SHA-256. Which of them, and whether
//! any, `doorman` has said.
//!
//! An unknown user goes through the same exchange as a known one and fails at its end, so that names cannot
//! be tried out. A wrong password and a missing one look the same to the client; the log tells them apart.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use net::channel::Channel;
use pool::target::Found;
use wire::auth::{Keys, ScramError, ScramSecret, Secret, md5, scram_server};
use wire::backend::auth as say;
use wire::frame;
use wire::frontend::password::{self, MAX_TOKEN};

use crate::doorman::Ask;
use crate::error::{Error, Refusal};
use crate::hub::Hub;
use crate::lookups;

/// A secret that a client did not know is read again, but not more often than this.
const SUSPECT: Duration = Duration::from_secs(1);

/// What a log-in has shown that serves to log in to servers.
#[derive(Default)]
pub(crate) struct Shown {
    /// The secret, where it was looked up.
    pub(crate) found: Option<Found>,
    /// The keys of a SCRAM log-in.
    pub(crate) keys: Option<Keys>,
    /// The password of a log-in in clear text, and the secret that it fits.
    pub(crate) plain: Option<(String, Secret)>,
}

/// The exchange with one client.
struct Exchange<'a> {
    hub: &'a Hub,
    channel: &'a mut Channel,
    user: &'a str,
    secret: Option<Secret>,
}

/// Asks for the proof that is left to give; what the log-in has shown comes back for use with servers.
/// AuthenticationOk is queued at the end.
pub(crate) async fn authenticate(
    hub: &Arc<Hub>,
    channel: &mut Channel,
    user: &str,
    ask: Ask,
) -> Result<Shown, Error> {
    if ask == Ask::Nothing {
        say::write_ok(channel.queue());
        return Ok(Shown::default());
    }
    let config = hub.directory.config();
    let stored = config.users.get(user).and_then(|user| user.password.as_ref());
    if let Some(stored) = stored {
        hub.directory.renew(stored).await;
    }
    let secret = stored.map(|stored| Secret::parse(&stored.expose())).transpose();
    let Ok(secret) = secret else {
        return Err(wrong(user, "the stored password cannot be read"));
    };
    let found = if secret.is_none() { lookups::find(hub, user).await? } else { None };
    let secret = secret.or_else(|| found.as_ref().map(|found| found.secret.clone()));
    let is_console = |name: &String| name == user;
    if config.admin.users.iter().any(is_console) && secret.is_none() {
        tracing::warn!(user, "this administrator has no password and cannot log in");
    }
    let mut exchange = Exchange { hub, channel, user, secret };
    let shown = match (ask, &exchange.secret) {
        (Ask::Nothing, _) => Ok(Shown::default()),
        (Ask::Plain, _) => exchange.plain().await,
        // a SCRAM secret cannot be checked by MD5; the client is asked for SCRAM then
        (Ask::Scram, _) | (Ask::Md5, Some(Secret::Scram(_))) => exchange.scram().await,
        (Ask::Md5, _) => exchange.md5().await,
    };
    if let (Err(Error::Login(Refusal::Password { .. })), Some(stored)) = (&shown, stored) {
        // perhaps the client knows already what we do not
        stored.suspect(Instant::now(), SUSPECT);
    }
    let shown = shown?;
    say::write_ok(exchange.channel.queue());
    Ok(Shown { found, ..shown })
}

impl Exchange<'_> {
    async fn plain(&mut self) -> Result<Shown, Error> {
        say::write_cleartext_password(self.channel.queue());
        let body = self.answer().await?;
        let given = password::Password::parse(&body).map_err(Error::protocol)?;
        let Some(secret) = &self.secret else {
            return Err(wrong(self.user, "no such user"));
        };
        if given.password.is_empty() || !secret.verify(self.user, given.password) {
            return Err(wrong(self.user, "wrong password"));
        }
        let plain = std::str::from_utf8(given.password).ok().map(|plain| (plain.to_owned(), secret.clone()));
        Ok(Shown { plain, ..Shown::default() })
    }

    async fn md5(&mut self) -> Result<Shown, Error> {
        let salt = net::random().map_err(|_| wrong(self.user, "no random numbers"))?;
        say::write_md5_password(self.channel.queue(), salt);
        let body = self.answer().await?;
        let given = password::Password::parse(&body).map_err(Error::protocol)?;
        let stored = match &self.secret {
            Some(Secret::Plain(plain)) => md5::hash(self.user, plain.as_bytes()),
            Some(Secret::Md5(stored)) => *stored,
            Some(Secret::Scram(_)) | None => return Err(wrong(self.user, "no such user")),
        };
        if !md5::verify(&stored, salt, given.password) {
            return Err(wrong(self.user, "wrong password"));
        }
        Ok(Shown::default())
    }

    async fn scram(&mut self) -> Result<Shown, Error> {
        let secret = match &self.secret {
            Some(Secret::Scram(secret)) => Some(secret.clone()),
            Some(Secret::Plain(plain)) => Some(self.hub.secrets.of(self.user, plain, &self.hub.seed)),
            Some(Secret::Md5(_)) | None => None,
        };
        let why = match (&self.secret, &secret) {
            (Some(Secret::Md5(_)), _) => "only an MD5 hash is stored, which SCRAM cannot use",
            (_, None) => "no such user",
            (_, Some(_)) => "wrong password",
        };
        let known = secret.is_some();
        let secret = secret.unwrap_or_else(|| ScramSecret::mock(self.user, &self.hub.seed));
        let nonce = net::random().map_err(|_| wrong(self.user, "no random numbers"))?;
        let failed = |error: ScramError, user| {
            let downgrade = error == ScramError::Downgrade;
            if error == ScramError::Rejected {
                wrong(user, why)
            } else if downgrade || error == ScramError::OtherEndPoint {
                Error::Login(Refusal::Binding { downgrade })
            } else {
                Error::protocol(error.into())
            }
        };

        let end_point = self.channel.stream.end_point();
        let waiting = scram_server::AwaitFirst::new(secret, nonce).offering(end_point);
        say::write_sasl(self.channel.queue(), waiting.mechanisms()).map_err(Error::protocol)?;
        let body = self.answer().await?;
        let first = password::SaslInitialResponse::parse(&body).map_err(Error::protocol)?;
        let (waiting, reply) =
            waiting.on(first.mechanism, first.data.unwrap_or_default()).map_err(|e| failed(e, self.user))?;
        say::write_sasl_continue(self.channel.queue(), &reply).map_err(Error::protocol)?;
        let body = self.answer().await?;
        let (done, reply) = waiting.on(&body).map_err(|e| failed(e, self.user))?;
        if !known {
            return Err(wrong(self.user, why));
        }
        say::write_sasl_final(self.channel.queue(), &reply).map_err(Error::protocol)?;
        Ok(Shown { keys: Some(done.keys), ..Shown::default() })
    }

    /// Sends what is queued and reads the client's answer.
    async fn answer(&mut self) -> Result<Bytes, Error> {
        poll_fn(|cx| self.channel.poll_drain(cx)).await.map_err(Error::client_lost)?;
        loop {
            let inbox = &mut self.channel.inbox;
            if let Some(head) = frame::head(inbox, MAX_TOKEN).map_err(Error::protocol)? {
                if head.tag != password::TAG {
                    return Err(Error::unexpected_message(head.tag));
                }
                if let Some(body) = frame::body(inbox, head) {
                    let body = Bytes::copy_from_slice(body);
                    self.channel.consume(head.total());
                    return Ok(body);
                }
            }
            match poll_fn(|cx| self.channel.poll_fill(cx)).await {
                Ok(0) => return Err(Error::ClientLost(None)),
                Ok(_) => {}
                Err(error) => return Err(Error::client_lost(error)),
            }
        }
    }
}

fn wrong(user: &str, why: &'static str) -> Error {
    Error::Login(Refusal::Password { user: user.to_owned(), why })
}
