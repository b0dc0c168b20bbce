//! Logging in to a server: start-up, password or SCRAM, and what the server says before it is ready.
//!
//! | state | the server may send | then |
//! |---|---|---|
//! | started | Authentication…, NegotiateProtocolVersion, notices, an error | an answer, or logged in |
//! | logged in | ParameterStatus, BackendKeyData, notices, ReadyForQuery, an error | ready |
//!
//! The server is not trusted: messages are bounded in length and number, a SCRAM exchange cannot be cut short,
//! a password is never sent in clear text where the server was asked for SCRAM before, and where channel binding is
//! required nothing but a SCRAM log-in that is bound to the server's certificate is one.

use bytes::{Bytes, BytesMut};
use config::ChannelBinding;
use net::Stream;
use wire::auth::scram_client::{self, AwaitFinal, AwaitFirst, Challenge};
use wire::auth::{Keys, ScramError, Secret, Want, md5};
use wire::backend::auth::Authentication;
use wire::backend::{key, params, ready};
use wire::frontend::password;
use wire::{TxStatus, startup};

use crate::error::Error;
use crate::message;
use crate::target::Target;

/// The longest message of a log-in.
const LONGEST: u32 = 64 * 1024;
/// More messages than this no server has to say before it is ready.
const MOST: usize = 500;

/// What a server says of a session at its start.
#[derive(Debug)]
pub struct LoggedIn {
    /// Its process id.
    pub pid: u32,
    /// The cancel key; empty if it gave none.
    pub secret: Bytes,
    /// Its parameters.
    pub reported: Vec<(String, String)>,
}

/// A log-in under way.
struct Login<'a> {
    stream: Stream,
    target: &'a Target,
    inbox: BytesMut,
    outbox: BytesMut,
    exchange: Exchange,
}

/// How far the proof of identity has come.
enum Exchange {
    NotAsked,
    Sent,
    First(AwaitFirst),
    Final(AwaitFinal),
    Verified,
    Ok,
}

/// Logs in on a fresh connection. The caller bounds the time.
pub(crate) async fn log_in(
    stream: Stream,
    target: &Target,
    minor: u16,
    asked: &[(&str, &str)],
) -> Result<(Stream, LoggedIn), Error> {
    let (inbox, outbox) = (BytesMut::new(), BytesMut::new());
    let mut login = Login { stream, target, inbox, outbox, exchange: Exchange::NotAsked };
    let mut params = vec![("user", target.user.as_str()), ("database", target.dbname.as_str())];
    params.extend(target.settings.iter().map(|(name, value)| (*name, value.as_str())));
    params.extend(asked);
    startup::write(&mut login.outbox, minor, &params).map_err(|what| login.protocol(what))?;
    let logged_in = login.run().await?;
    Ok((login.stream, logged_in))
}

impl Login<'_> {
    async fn run(&mut self) -> Result<LoggedIn, Error> {
        let mut said = LoggedIn { pid: 0, secret: Bytes::new(), reported: Vec::new() };
        for _ in 0..MOST {
            let (tag, body) = self.message().await?;
            match tag {
                b'R' => self.authenticate(&body)?,
                b'E' => return Err(Error::refused(self.target.address(), body)),
                b'N' | b'v' => {}
                b'S' => {
                    let (name, value) = params::parse(&body).map_err(|what| self.protocol(what))?;
                    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                    said.reported.push((text(name), text(value)));
                }
                b'K' if matches!(self.exchange, Exchange::Ok) => {
                    let key = key::BackendKeyData::parse(&body).map_err(|what| self.protocol(what))?;
                    said.pid = key.pid;
                    said.secret = Bytes::copy_from_slice(key.secret);
                }
                b'Z' if matches!(self.exchange, Exchange::Ok) => {
                    let status = ready::parse(&body).map_err(|what| self.protocol(what))?;
                    if status == TxStatus::Idle && self.inbox.is_empty() {
                        return Ok(said);
                    }
                    return Err(self.unexpected("an idle session at its start", tag));
                }
                got => return Err(self.unexpected("a message of log-in (R E N v S K Z)", got)),
            }
        }
        Err(self.unexpected("fewer messages before the session is ready", b'S'))
    }

    /// The next message, after what we have to say was sent.
    async fn message(&mut self) -> Result<(u8, Bytes), Error> {
        if !self.outbox.is_empty() {
            self.stream.write_all(&self.outbox).await.map_err(|error| self.lost(&error))?;
            self.outbox.clear();
        }
        let address = self.target.address();
        message::next(&mut self.stream, &mut self.inbox, LONGEST, &address).await
    }

    fn authenticate(&mut self, body: &[u8]) -> Result<(), Error> {
        let asked = Authentication::parse(body).map_err(|what| self.protocol(what))?;
        let now = std::mem::replace(&mut self.exchange, Exchange::NotAsked);
        let Login { target, stream, .. } = self;
        if target.channel_binding == ChannelBinding::Require && !is_scram(&asked, &now) {
            return Err(self.unbound("channel binding is required, but the server asks for no SCRAM"));
        }
        self.exchange = match (asked, now) {
            (Authentication::Ok, Exchange::NotAsked | Exchange::Sent | Exchange::Verified) => Exchange::Ok,
            (Authentication::CleartextPassword, Exchange::NotAsked) => {
                let Some(plain) = self.target.credentials.plain() else {
                    return Err(
                        self.credentials("the server asks for a password, and only a plain one can be sent")
                    );
                };
                self.send_password(plain.as_bytes())?
            }
            (Authentication::Md5Password { salt }, Exchange::NotAsked) => {
                let credentials = &self.target.credentials;
                let stored = match (credentials.secret(), credentials.plain()) {
                    (_, Some(plain)) => md5::hash(&self.target.user, plain.as_bytes()),
                    (Some(Secret::Md5(stored)), None) => stored,
                    (Some(Secret::Plain(_) | Secret::Scram(_)) | None, None) => {
                        return Err(
                            self.credentials("the server asks for an MD5 password, and there is none")
                        );
                    }
                };
                self.send_password(md5::response(&stored, salt).as_bytes())?
            }
            (Authentication::Sasl(mechanisms), Exchange::NotAsked) => {
                let chosen = scram_client::choose(mechanisms, want(target), stream.end_point());
                let (mechanism, binding) = chosen.map_err(|e| self.not_chosen(e))?;
                let (first, data) = AwaitFirst::new(self.nonce()?, binding);
                password::write_sasl_initial(&mut self.outbox, mechanism.as_bytes(), Some(&data))
                    .map_err(|what| self.protocol(what))?;
                Exchange::First(first)
            }
            (Authentication::SaslContinue(data), Exchange::First(first)) => {
                let challenge = first.on(data).map_err(|e| self.protocol(e.into()))?;
                let keys = self.keys(&challenge)?;
                let (last, data) = challenge.answer(&keys).map_err(|e| self.credentials(&e.to_string()))?;
                password::write_sasl_response(&mut self.outbox, &data).map_err(|what| self.protocol(what))?;
                Exchange::Final(last)
            }
            (Authentication::SaslFinal(data), Exchange::Final(last)) => {
                last.on(data).map_err(|e| self.protocol(e.into()))?;
                Exchange::Verified
            }
            (Authentication::Unsupported(method), _) => {
                return Err(
                    self.credentials(&format!("the server asks for {method:?}, which pgweir does not speak"))
                );
            }
            _ => return Err(self.unexpected("the next step of the authentication", b'R')),
        };
        Ok(())
    }

    fn send_password(&mut self, text: &[u8]) -> Result<Exchange, Error> {
        password::write(&mut self.outbox, text).map_err(|what| self.protocol(what))?;
        Ok(Exchange::Sent)
    }

    /// A plain password serves any salt; a stored secret only with the keys that a client's own log-in has
    /// shown, and only for the server that stores the same.
    fn keys(&self, challenge: &Challenge) -> Result<Keys, Error> {
        let credentials = &self.target.credentials;
        if let Some(known) = credentials.keys().filter(|keys| challenge.fits(keys)) {
            return Ok(known);
        }
        if let Some(plain) = credentials.plain() {
            let keys = challenge.derive(plain.as_bytes());
            // thousands of hashes: once for all connections, as long as the server keeps its salt; unless the password
            // has become another one meanwhile
            if credentials.plain().as_deref() == Some(&*plain) {
                credentials.learn(keys.clone());
            }
            return Ok(keys);
        }
        match (credentials.secret(), credentials.keys()) {
            (Some(Secret::Scram(_)), Some(other)) => Ok(other),
            (Some(Secret::Scram(_)), None) => {
                Err(self
                    .credentials("a SCRAM secret serves only after a client has logged in with SCRAM itself"))
            }
            (Some(Secret::Md5(_)), _) => {
                Err(self.credentials("the server asks for SCRAM, and only an MD5 hash is stored"))
            }
            (Some(Secret::Plain(_)) | None, _) => {
                Err(self.credentials("the server asks for a password, and there is none"))
            }
        }
    }

    fn nonce(&self) -> Result<wire::auth::Nonce, Error> {
        net::random().map_err(|error| self.credentials(&error.to_string()))
    }

    fn not_chosen(&self, error: ScramError) -> Error {
        if matches!(error, ScramError::NoBinding(_)) {
            return self.unbound(&error.to_string());
        }
        self.protocol(error.into())
    }

    fn unbound(&self, why: &str) -> Error {
        Error::Unbound { server: self.target.address(), why: why.to_owned() }
    }

    fn credentials(&self, why: &str) -> Error {
        Error::Credentials { server: self.target.address(), why: why.to_owned() }
    }

    fn protocol(&self, what: wire::Error) -> Error {
        Error::Protocol { server: self.target.address(), what }
    }

    fn unexpected(&self, expected: &'static str, got: u8) -> Error {
        self.protocol(wire::Error::Unexpected { expected, got })
    }

    fn lost(&self, error: &std::io::Error) -> Error {
        Error::lost(&self.target.address(), error)
    }
}

fn want(target: &Target) -> Want {
    match target.channel_binding {
        ChannelBinding::Disable => Want::Never,
        ChannelBinding::Prefer => Want::Prefer,
        ChannelBinding::Require => Want::Require,
    }
}

/// Whether this is a step of a SCRAM exchange: the only log-in that proves what connection it came over.
fn is_scram(asked: &Authentication<'_>, now: &Exchange) -> bool {
    match asked {
        Authentication::Ok => matches!(now, Exchange::Verified),
        Authentication::Sasl(_) | Authentication::SaslContinue(_) | Authentication::SaslFinal(_) => true,
        Authentication::CleartextPassword
        | Authentication::Md5Password { .. }
        | Authentication::Unsupported(_) => false,
    }
}
