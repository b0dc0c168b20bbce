//! Who may come in, from where and how: the files named by `auth.hba` and `auth.ident`, in PostgreSQL's formats
//! of `pg_hba.conf` and `pg_ident.conf`.
//!
//! `lines` cuts text into records and follows includes, `record` makes a rule of one, `ident` the maps, and
//! [`Access::verdict`] finds the first rule that matches. All of it is values in, values out: who the client is,
//! and which networks are this machine's own, the caller says.

mod disk;
mod ident;
mod lines;
mod name;
mod network;
mod record;

use std::net::IpAddr;
use std::path::Path;

pub(crate) use disk::Disk;
pub use network::Network;

use crate::error::Mistake;
use ident::Maps;
use lines::{Files, Reader};
use name::Name;

/// The rules of `auth.hba` in their order, and the maps of `auth.ident`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Access {
    rules: Vec<Rule>,
    maps: Maps,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    kind: Kind,
    databases: Vec<Name>,
    users: Vec<Name>,
    from: Origin,
    demand: Demand,
    place: String,
}

/// The first word of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Local,
    Host,
    HostSsl,
    HostNoSsl,
    /// Never matches: encryption by GSSAPI is not offered.
    HostGssEnc,
    /// As `Host`, for the same reason.
    HostNoGssEnc,
}

/// Where a client comes from.
#[derive(Clone, Debug, PartialEq)]
enum Origin {
    All,
    SameHost,
    SameNet,
    Network(Network),
}

/// What a line asks of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// The method.
    pub method: HbaMethod,
    /// What of its certificate, besides.
    pub certificate: CertificateCheck,
    /// What of the certificate is the name of its user.
    pub name: CertificateName,
    /// The map of `auth.ident` between that name, or the one of the operating system, and the user.
    pub map: Option<String>,
}

impl Demand {
    /// This method and nothing besides.
    pub fn of(method: HbaMethod) -> Self {
        let certificate = match method {
            HbaMethod::Cert => CertificateCheck::Named,
            HbaMethod::Trust
            | HbaMethod::Reject
            | HbaMethod::Password
            | HbaMethod::Md5
            | HbaMethod::ScramSha256
            | HbaMethod::Peer => CertificateCheck::None,
        };
        Self { method, certificate, name: CertificateName::Common, map: None }
    }
}

/// A method of `pg_hba.conf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HbaMethod {
    /// Nothing is asked.
    Trust,
    /// Nobody gets in.
    Reject,
    /// The password in clear text.
    Password,
    /// MD5, or SCRAM-SHA-256 where the stored secret is of that kind.
    Md5,
    /// SCRAM-SHA-256.
    ScramSha256,
    /// The user of the operating system at the other end of a Unix socket.
    Peer,
    /// The client's certificate.
    Cert,
}

/// How far a client's certificate is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateCheck {
    /// Not at all.
    None,
    /// It must be there; that it is signed by `client_ca` TLS has seen to.
    Signed,
    /// It must also name the user.
    Named,
}

/// What of a certificate is the name of its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// The common name.
    Common,
    /// The whole subject, as RFC 2253 writes it.
    Distinguished,
}

/// A client at the door.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Its address; none on a Unix socket.
    pub address: Option<IpAddr>,
    /// Whether TLS carries its bytes.
    pub encrypted: bool,
    /// The database it asks for.
    pub database: &'a str,
    /// The user it claims to be.
    pub user: &'a str,
    /// Whether it wants physical replication, which is no database.
    pub replication: bool,
    /// The addresses of this machine with the networks they are in; needed if [`Access::needs_networks`].
    pub own: &'a [(IpAddr, Network)],
}

impl Access {
    /// Reads both files with everything they include. Gives what is right, and every mistake.
    pub(crate) fn read(hba: &Path, ident: Option<&Path>, files: &dyn Files) -> (Self, Vec<Mistake>) {
        let mut mistakes = Vec::new();
        let maps = ident.map_or_else(Maps::default, |path| {
            let mut reader = Reader::new(files, "auth.ident");
            let records = reader.records(path);
            let maps = ident::maps(&records, &mut reader.mistakes);
            mistakes.append(&mut reader.mistakes);
            maps
        });
        let mut reader = Reader::new(files, "auth.hba");
        let records = reader.records(hba);
        let mut rules = Vec::new();
        for record in &records {
            match record::rule(record) {
                Ok((rule, map)) => {
                    if let Some(map) = map.filter(|map| !maps.has(&map.text)) {
                        let what =
                            format!("there is no map {} in auth.ident", crate::error::quoted(&map.text));
                        reader.mistakes.push(map.at.mistake("auth.hba", &what));
                    }
                    rules.push(rule);
                }
                Err(wrong) => reader.mistakes.extend(wrong),
            }
        }
        if rules.is_empty() && reader.mistakes.is_empty() {
            let message = "has no rule, and so would let nobody in".to_owned();
            let (key, file) = ("auth.hba".into(), hba.into());
            reader.mistakes.push(Mistake { file, line: 1, col: 1, key, message });
        }
        mistakes.append(&mut reader.mistakes);
        let place =
            |mistake: &Mistake| (mistake.key.clone(), mistake.file.clone(), mistake.line, mistake.col);
        mistakes.sort_by_cached_key(place);
        (Self { rules, maps }, mistakes)
    }

    /// What the first line that matches asks of this client; none if no line does.
    pub fn verdict(&self, caller: &Caller<'_>) -> Option<&Demand> {
        self.rules.iter().find(|rule| rule.is_for(caller)).map(|rule| &rule.demand)
    }

    /// Whether a line speaks of this machine's own networks.
    pub fn needs_networks(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.from, Origin::SameHost | Origin::SameNet))
    }

    /// Whether `known`, as a certificate or the operating system names somebody, may log in as `user`.
    /// Without a map they must be the same.
    pub fn is_known_as(&self, map: Option<&str>, known: &str, user: &str) -> bool {
        match map {
            None => known == user,
            Some(map) => self.maps.permits(map, known, user),
        }
    }

    /// Where the first line stands that needs certificates of clients.
    pub(crate) fn wants_certificates(&self) -> Option<&str> {
        let wants = |rule: &&Rule| rule.demand.certificate != CertificateCheck::None;
        self.rules.iter().find(wants).map(|rule| rule.place.as_str())
    }
}

impl Rule {
    fn is_for(&self, caller: &Caller<'_>) -> bool {
        let fits = match (self.kind, caller.address) {
            (Kind::Local, None) | (Kind::Host | Kind::HostNoGssEnc, Some(_)) => true,
            (Kind::HostSsl, Some(_)) => caller.encrypted,
            (Kind::HostNoSsl, Some(_)) => !caller.encrypted,
            (Kind::Local | Kind::HostGssEnc, Some(_))
            | (Kind::Host | Kind::HostSsl | Kind::HostNoSsl | Kind::HostGssEnc | Kind::HostNoGssEnc, None) => {
                false
            }
        };
        fits && caller.address.is_none_or(|address| self.from.has(address, caller.own))
            && self.databases.iter().any(|name| name.is_database(caller))
            && self.users.iter().any(|name| name.is_user(caller.user))
    }
}

impl Origin {
    fn has(&self, address: IpAddr, own: &[(IpAddr, Network)]) -> bool {
        match self {
            Self::All => true,
            Self::SameHost => own.iter().any(|(own, _)| *own == address),
            Self::SameNet => own.iter().any(|(_, network)| network.contains(address)),
            Self::Network(network) => network.contains(address),
        }
    }
}

#[cfg(test)]
mod tests;
