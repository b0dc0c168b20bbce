//! Who may come in, and what is left to prove: the method for one client.
//!
//! `auth.method`, or the first line of `auth.hba` that matches, says what a client must show. What shows itself
//! is settled here: a certificate, the user of the operating system behind a Unix socket, nothing at all. What
//! needs an exchange is for `auth`.

use std::net::IpAddr;

use config::{
    Access, AuthMethod, CONSOLE_NAMES, Caller, CertificateCheck, CertificateName, Config, Demand, HbaMethod,
};
use net::{Peer, Stream};

use crate::error::{Error, Refusal, Visit};

/// Who a client says it is and what it wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) user: &'a str,
    pub(crate) database: &'a str,
    /// Physical replication, of no database.
    pub(crate) replication: bool,
}

/// The exchange that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Nothing,
    Plain,
    Md5,
    Scram,
}

/// What this client has to go through, or why it does not get in. May wait for the name service.
pub(crate) async fn ask(config: &Config, stream: &Stream, claim: &Claim<'_>) -> Result<Ask, Error> {
    let demand = demand(config, stream, claim)?;
    certificate(&config.access, stream, &demand, claim.user)?;
    let ask = match demand.method {
        HbaMethod::Trust => {
            known_by_its_place(config, stream, claim)?;
            Ask::Nothing
        }
        HbaMethod::Cert => Ask::Nothing,
        HbaMethod::Peer => {
            peer(&config.access, stream, &demand, claim.user).await?;
            Ask::Nothing
        }
        HbaMethod::Password => Ask::Plain,
        HbaMethod::Md5 => Ask::Md5,
        HbaMethod::ScramSha256 => Ask::Scram,
        HbaMethod::Reject => return Err(Error::Login(Refusal::Rejected(visit(stream, claim)))),
    };
    Ok(ask)
}

fn demand(config: &Config, stream: &Stream, claim: &Claim<'_>) -> Result<Demand, Error> {
    let method = match config.auth.method {
        AuthMethod::Trust => HbaMethod::Trust,
        AuthMethod::Plain => HbaMethod::Password,
        AuthMethod::Md5 => HbaMethod::Md5,
        AuthMethod::ScramSha256 => HbaMethod::ScramSha256,
        AuthMethod::Cert => HbaMethod::Cert,
        AuthMethod::Hba => {
            let turned_away = || Error::Login(Refusal::NoEntry(visit(stream, claim)));
            let own = if config.access.needs_networks() { net::networks() } else { Ok(Vec::new()) };
            let own = own.map_err(|error| {
                // to go on would pass over a line that may say `reject`
                tracing::error!(
                    "the networks of this machine cannot be read for samehost and samenet: {error}"
                );
                turned_away()
            })?;
            let caller = Caller {
                address: address(stream),
                encrypted: stream.is_tls(),
                database: claim.database,
                user: claim.user,
                replication: claim.replication,
                own: &own,
            };
            return config.access.verdict(&caller).cloned().ok_or_else(turned_away);
        }
    };
    Ok(Demand::of(method))
}

/// The certificate, as far as it is asked for. That it is signed by `client_ca`, TLS has seen to.
fn certificate(access: &Access, stream: &Stream, demand: &Demand, user: &str) -> Result<(), Error> {
    if demand.certificate == CertificateCheck::None {
        return Ok(());
    }
    let Some(shown) = stream.certificate() else {
        return Err(Error::Login(Refusal::NoCertificate));
    };
    let name = match demand.name {
        CertificateName::Common => shown.common_name,
        CertificateName::Distinguished => shown.distinguished_name,
    };
    match (demand.certificate, name) {
        (CertificateCheck::None | CertificateCheck::Signed, _) => Ok(()),
        (CertificateCheck::Named, Some(name)) if access.is_known_as(demand.map.as_deref(), &name, user) => {
            Ok(())
        }
        (CertificateCheck::Named, name) => {
            Err(Error::Login(Refusal::Certificate { user: user.to_owned(), known: name }))
        }
    }
}

/// The user of the operating system at the other end.
async fn peer(access: &Access, stream: &Stream, demand: &Demand, user: &str) -> Result<(), Error> {
    let uid = stream.peer_process().ok().flatten().map(|process| process.uid);
    let known = match uid {
        // the name service may take its time, and other clients are not to wait for it
        Some(uid) => tokio::task::spawn_blocking(move || net::user_name(uid)).await,
        None => Ok(Ok(None)),
    };
    match known.ok().and_then(Result::ok).flatten() {
        Some(name) if access.is_known_as(demand.map.as_deref(), &name, user) => Ok(()),
        known => Err(Error::Login(Refusal::Peer { user: user.to_owned(), known })),
    }
}

/// An administrator who has proved nothing is let in from this machine only.
fn known_by_its_place(config: &Config, stream: &Stream, claim: &Claim<'_>) -> Result<(), Error> {
    let is_console = CONSOLE_NAMES.contains(&claim.database);
    let is_admin = config.admin.users.iter().any(|name| name == claim.user);
    let is_near = address(stream).is_none_or(|address| address.to_canonical().is_loopback());
    if is_console && is_admin && !is_near {
        return Err(Error::Login(Refusal::UnprovenAdmin(claim.user.to_owned())));
    }
    Ok(())
}

fn address(stream: &Stream) -> Option<IpAddr> {
    match stream.peer() {
        Peer::Tcp(address) => Some(address.ip()),
        Peer::Unix => None,
    }
}

fn visit(stream: &Stream, claim: &Claim<'_>) -> Visit {
    Visit {
        host: address(stream).map_or_else(|| "[local]".to_owned(), |address| address.to_string()),
        user: claim.user.to_owned(),
        database: (!claim.replication).then(|| claim.database.to_owned()),
        encrypted: stream.is_tls(),
    }
}
