//! From a fresh connection to a client that has proved who it is.
//!
//! | state | the client may send | answer |
//! |---|---|---|
//! | new, where `listen.proxy_protocol` is `v2` | a header of the PROXY protocol | silence |
//! | fresh | SSLRequest, GSSENCRequest (once each), a TLS hello | S or N; N; TLS |
//! | fresh or encrypted | CancelRequest | silence |
//! | fresh or encrypted | StartupMessage | one NegotiateProtocolVersion if it asks for what we lack, then the log-in |
//!
//! Nothing here waits for a server, and nothing larger than a start-up packet is held for a stranger.

use std::future::poll_fn;
use std::sync::Arc;

use net::channel::Channel;
use net::{Peer, Stream, is_client_hello};
use telemetry::Event;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};
use wire::backend::negotiate;
use wire::startup::{self, CancelKey, Packet, Startup};

use crate::announced;
use crate::auth::{self, Shown};
use crate::card::{ClientCard, Identity};
use crate::doorman::{self, Claim};
use crate::error::{Error, Refusal};
use crate::hub::{Hub, Visitor};
use crate::replication;
use crate::session::Session;

/// The newest minor version of protocol 3 that we speak.
const NEWEST_MINOR: u16 = 2;
/// The length of cancel keys: as always, and since protocol 3.2.
const SHORT_KEY: usize = 4;
const LONG_KEY: usize = 32;

/// What a connection turned out to be.
pub(crate) enum Arrival {
    /// It was closed before it asked for anything.
    Gone,
    /// It asks to cancel what another does, and takes the end of the connection for a sign that this is done.
    Cancel(CancelKey, Box<Channel>),
    /// An administrator.
    Console(Visitor),
    /// A client that has logged in.
    Client(Box<Guest>),
}

/// A client that has logged in and was told nothing but that.
pub(crate) struct Guest {
    pub(crate) channel: Channel,
    pub(crate) startup: Startup,
    pub(crate) database: String,
    pub(crate) user: String,
    /// What its log-in has shown.
    pub(crate) shown: Shown,
    pub(crate) card: Arc<ClientCard>,
    pub(crate) secret: Vec<u8>,
}

/// A log-in that came to nothing; with whom to tell, if the connection still stands.
pub(crate) struct Failed {
    pub(crate) to: Option<Recipient>,
    pub(crate) error: Error,
}

/// Where the last words go.
pub(crate) enum Recipient {
    Channel(Box<Channel>),
    Session(Box<Session>),
}

/// What a client begins with.
enum Said {
    Packet(Packet),
    /// The first byte of a TLS handshake.
    Hello,
}

struct Door<'a> {
    hub: &'a Arc<Hub>,
    channel: Channel,
    asked_tls: bool,
    asked_gss: bool,
}

/// Does it all by the deadline. A client that is late with its start-up message is left in silence, as by
/// PostgreSQL: it does not expect anything yet. Later on it is told.
pub(crate) async fn shake(
    hub: &Arc<Hub>,
    stream: Stream,
    number: u64,
    worker: usize,
    deadline: Instant,
) -> Result<Arrival, Failed> {
    let mut door = Door { hub, channel: Channel::new(stream), asked_tls: false, asked_gss: false };
    let config = hub.directory.config();
    match timeout_at(deadline, announced::take(&config.listen, &mut door.channel)).await.map_err(late)? {
        Ok(true) => {}
        Ok(false) => return Ok(Arrival::Gone),
        Err(error) => return Err(door.failed(error)),
    }
    drop(config);
    loop {
        let packet = match timeout_at(deadline, door.packet()).await.map_err(late)? {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(Arrival::Gone),
            Err(error) => return Err(door.failed(error)),
        };
        let packet = match packet {
            Said::Packet(packet) => packet,
            Said::Hello => {
                door = timeout_at(deadline, door.direct_tls()).await.map_err(late)??;
                continue;
            }
        };
        match packet {
            Packet::Ssl => door = timeout_at(deadline, door.tls()).await.map_err(late)??,
            Packet::GssEnc => {
                if let Err(error) = timeout_at(deadline, door.gss()).await.map_err(late)? {
                    return Err(door.failed(error));
                }
            }
            Packet::Cancel(key) => return Ok(Arrival::Cancel(key, Box::new(door.channel))),
            Packet::UnsupportedMajor { major, minor } => {
                return Err(door.failed(Error::Login(Refusal::Version(major, minor))));
            }
            Packet::Startup(startup) => {
                let logged_in = timeout_at(deadline, door.log_in(&startup, number)).await;
                return match logged_in.unwrap_or(Err(Error::Login(Refusal::Late))) {
                    Ok((shown, card, secret)) => door.arrival(startup, shown, card, secret, worker),
                    Err(error) => Err(door.failed(error)),
                };
            }
        }
    }
}

/// Nobody is told.
fn late(_: Elapsed) -> Failed {
    Failed { to: None, error: Error::Login(Refusal::Late) }
}

impl Door<'_> {
    fn failed(self, error: Error) -> Failed {
        Failed { to: Some(Recipient::Channel(Box::new(self.channel))), error }
    }

    /// The next packet of start-up; `None` if the client leaves between two.
    async fn packet(&mut self) -> Result<Option<Said>, Error> {
        loop {
            let fresh = !self.channel.stream.is_tls() && !self.asked_tls;
            if fresh && self.channel.inbox.first().is_some_and(|first| is_client_hello(*first)) {
                return Ok(Some(Said::Hello));
            }
            if let Some(length) = startup::cut(&self.channel.inbox).map_err(Error::protocol)? {
                let packet = self.channel.inbox.get(..length).unwrap_or_default();
                let mute = startup::is_cancel(packet);
                let packet = startup::parse(packet);
                self.channel.consume(length);
                if mute && packet.is_err() {
                    // a cancel request has no answer, one with a key of impossible length no other
                    self.hub.events.count(Event::CancelIgnored);
                    return Ok(None);
                }
                return packet.map(|packet| Some(Said::Packet(packet))).map_err(Error::protocol);
            }
            match poll_fn(|cx| self.channel.poll_fill(cx)).await {
                Ok(0) if self.channel.inbox.is_empty() => return Ok(None),
                Ok(0) => return Err(Error::ClientLost(None)),
                Ok(_) => {}
                Err(error) => return Err(Error::client_lost(error)),
            }
        }
    }

    async fn say(&mut self, byte: u8) -> Result<(), Error> {
        self.channel.stream.write_all(&[byte]).await.map_err(Error::client_lost)
    }

    /// Whatever lies behind the request was sent in clear, perhaps by somebody in between: it must not be
    /// taken for what the client says once it is safe (CVE-2021-23214 and its likes).
    fn nothing_behind(&self) -> Result<(), Error> {
        if self.channel.inbox.is_empty() { Ok(()) } else { Err(Error::Login(Refusal::UnencryptedData)) }
    }

    async fn gss(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.asked_gss, true) || self.channel.stream.is_tls() {
            return Err(Error::unexpected_message(0));
        }
        self.nothing_behind()?;
        self.say(b'N').await
    }

    async fn tls(mut self) -> Result<Self, Failed> {
        let repeated = std::mem::replace(&mut self.asked_tls, true) || self.channel.stream.is_tls();
        if repeated {
            return Err(self.failed(Error::unexpected_message(0)));
        }
        if let Err(error) = self.nothing_behind() {
            return Err(self.failed(error));
        }
        let offered = self.hub.acceptor.offers() && self.channel.stream.peer() != Peer::Unix;
        if let Err(error) = self.say(if offered { b'S' } else { b'N' }).await {
            return Err(self.failed(error));
        }
        if !offered {
            return Ok(self);
        }
        let Door { hub, channel, asked_gss, .. } = self;
        Self::secured(hub, asked_gss, hub.acceptor.accept(channel.stream, &[]).await)
    }

    /// TLS from the first byte on, without asking.
    async fn direct_tls(self) -> Result<Self, Failed> {
        if !self.hub.acceptor.offers() {
            return Err(self.failed(Error::Login(Refusal::Tls("TLS is not enabled".to_owned()))));
        }
        let Door { hub, channel, asked_gss, .. } = self;
        Self::secured(hub, asked_gss, hub.acceptor.accept_direct(channel.stream, channel.inbox).await)
    }

    fn secured(hub: &Arc<Hub>, asked_gss: bool, done: std::io::Result<Stream>) -> Result<Door<'_>, Failed> {
        match done {
            Ok(stream) => Ok(Door { hub, channel: Channel::new(stream), asked_tls: true, asked_gss }),
            Err(error) => {
                hub.events.count(Event::TlsHandshakeFailed);
                Err(Failed { to: None, error: Error::Login(Refusal::Tls(error.to_string())) })
            }
        }
    }

    /// Start-up message to proof of identity.
    async fn log_in(
        &mut self,
        startup: &Startup,
        number: u64,
    ) -> Result<(Shown, Arc<ClientCard>, Vec<u8>), Error> {
        let user =
            startup.get("user").filter(|user| !user.is_empty()).ok_or(Error::Login(Refusal::NoUser))?;
        let on_socket = self.channel.stream.peer() == Peer::Unix;
        if self.hub.acceptor.requires() && !self.channel.stream.is_tls() && !on_socket {
            return Err(Error::Login(Refusal::TlsRequired));
        }
        if startup.minor > NEWEST_MINOR || !startup.unknown_options.is_empty() {
            let minor = startup.minor.min(NEWEST_MINOR);
            negotiate::write(self.channel.queue(), minor, &startup.unknown_options)
                .map_err(Error::protocol)?;
        }
        let claim = Claim {
            user,
            database: database_of(startup, user),
            replication: replication::is_physical(startup),
        };
        let ask = doorman::ask(&self.hub.directory.config(), &self.channel.stream, &claim).await?;
        let shown = auth::authenticate(self.hub, &mut self.channel, user, ask).await?;
        let (card, secret) = self.card(startup, user, number)?;
        Ok((shown, card, secret))
    }

    /// A card under a process id that nobody has.
    fn card(&self, startup: &Startup, user: &str, number: u64) -> Result<(Arc<ClientCard>, Vec<u8>), Error> {
        let random = |_| Error::Pool(pool::Error::ShuttingDown);
        let length = if startup.minor >= NEWEST_MINOR { LONG_KEY } else { SHORT_KEY };
        let stream = &self.channel.stream;
        loop {
            let [a, b, c, d, key @ ..] = net::random::<{ 4 + LONG_KEY }>().map_err(random)?;
            // process ids are positive to whoever prints them as signed
            let pid = u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff;
            let secret = key.get(..length).unwrap_or_default();
            let identity = Identity {
                login: (database_of(startup, user).to_owned(), user.to_owned()),
                application: startup.get("application_name").unwrap_or_default().to_owned(),
                ends: (stream.peer(), stream.local().unwrap_or(Peer::Unix)),
                process: stream.peer_process().ok().flatten().map_or(0, |process| process.id),
                tls: stream.tls().map(|tls| format!("{}/{}", tls.version, tls.cipher)).unwrap_or_default(),
            };
            let card = Arc::new(ClientCard::new(number, pid, secret, identity));
            if pid != 0 && self.hub.registry.add(&card) {
                return Ok((card, secret.to_vec()));
            }
        }
    }

    fn arrival(
        self,
        startup: Startup,
        shown: Shown,
        card: Arc<ClientCard>,
        secret: Vec<u8>,
        worker: usize,
    ) -> Result<Arrival, Failed> {
        let (database, user) = card.login.clone();
        if config::CONSOLE_NAMES.contains(&database.as_str()) {
            let config = self.hub.directory.config();
            let admin = config.admin.users.contains(&user);
            if !admin && !config.admin.stats_users.contains(&user) {
                self.hub.registry.remove(&card);
                return Err(self.failed(Error::Login(Refusal::NoConsole(user))));
            }
            if replication::is_asked_for(&startup) {
                self.hub.registry.remove(&card);
                return Err(self.failed(Error::Login(Refusal::Replication)));
            }
            let visitor = Visitor { channel: self.channel, user, admin, card, secret, worker };
            return Ok(Arrival::Console(visitor));
        }
        let channel = self.channel;
        Ok(Arrival::Client(Box::new(Guest { channel, startup, database, user, shown, card, secret })))
    }
}

fn database_of<'a>(startup: &'a Startup, user: &'a str) -> &'a str {
    startup.get("database").filter(|name| !name.is_empty()).unwrap_or(user)
}
