//! One record of `pg_hba.conf` to a rule, or to everything that is wrong with it.

use std::net::IpAddr;

use super::lines::{Place, Record, Token};
use super::name::Name;
use super::network::Network;
use super::{CertificateCheck, CertificateName, Demand, HbaMethod, Kind, Origin, Rule};
use crate::error::{Error, Mistake, quoted};
use crate::position::near;

const KEY: &str = "auth.hba";
const KINDS: [&str; 6] = ["local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"];
const METHODS: [&str; 8] = ["trust", "reject", "password", "md5", "scram-sha-256", "peer", "ident", "cert"];
const OPTIONS: [&str; 3] = ["map", "clientcert", "clientname"];

/// The rule, and the name of the map that it asks for.
pub(super) fn rule(record: &Record) -> Result<(Rule, Option<Token>), Vec<Mistake>> {
    Columns { fields: &record.fields, next: 0, last: record.at.clone(), mistakes: Vec::new() }.rule()
}

/// The columns of a record, taken one after the other.
struct Columns<'a> {
    fields: &'a [Vec<Token>],
    next: usize,
    last: Place,
    mistakes: Vec<Mistake>,
}

impl<'a> Columns<'a> {
    fn rule(mut self) -> Result<(Rule, Option<Token>), Vec<Mistake>> {
        let rule = self.columns();
        match rule {
            Some(rule) if self.mistakes.is_empty() => Ok(rule),
            Some(_) | None => Err(self.mistakes),
        }
    }

    fn columns(&mut self) -> Option<(Rule, Option<Token>)> {
        let kind = self.kind()?;
        let databases = self.names("a list of databases", Name::database)?;
        let users = self.names("a list of users", Name::user)?;
        let from = if kind == Kind::Local { Some(Origin::All) } else { self.origin()? };
        let method = self.method(kind);
        let (demand, map) = self.options(kind, method?);
        let place = format!("{}:{}", self.fields.first()?.first()?.at.file.display(), self.last.line);
        Some((Rule { kind, databases, users, from: from?, demand, place }, map))
    }

    fn wrong(&mut self, at: &Place, message: &str) {
        self.mistakes.push(at.mistake(KEY, message));
    }

    fn must_be(&mut self, token: &Token, want: &str) {
        let error = Error::Value { got: quoted(&token.text), want: want.to_owned() };
        self.wrong(&token.at.clone(), &error.to_string());
    }

    /// The next column, if there is one.
    fn field(&mut self) -> Option<&'a [Token]> {
        let field = self.fields.get(self.next)?;
        self.next += 1;
        if let Some(last) = field.last() {
            self.last = last.at.clone();
        }
        Some(field)
    }

    /// The next column, which must be there.
    fn needed(&mut self, what: &str) -> Option<&'a [Token]> {
        let field = self.field();
        if field.is_none() {
            let at = self.last.clone();
            self.wrong(&at, &format!("the line ends here, {what} must follow"));
        }
        field
    }

    /// The next column, which must be one word.
    fn one(&mut self, what: &str) -> Option<&'a Token> {
        match self.needed(what)? {
            [token] => Some(token),
            [_, second, ..] => {
                self.wrong(&second.at, &format!("is a list, must be one word: {what}"));
                None
            }
            [] => None,
        }
    }

    fn kind(&mut self) -> Option<Kind> {
        let token = self.one("the kind of connection")?;
        Some(match token.text.as_str() {
            "local" => Kind::Local,
            "host" => Kind::Host,
            "hostssl" => Kind::HostSsl,
            "hostnossl" => Kind::HostNoSsl,
            "hostgssenc" => Kind::HostGssEnc,
            "hostnogssenc" => Kind::HostNoGssEnc,
            _ => {
                self.must_be(token, &format!("one of {}", KINDS.join(" | ")));
                return None;
            }
        })
    }

    fn names(&mut self, what: &str, read: fn(&Token) -> Result<Name, String>) -> Option<Vec<Name>> {
        let field = self.needed(what)?;
        let mut names = Vec::new();
        for token in field {
            match read(token) {
                Ok(name) => names.push(name),
                Err(message) => self.wrong(&token.at, &message),
            }
        }
        Some(names)
    }

    /// Where the client comes from. None if the rest of the line cannot be made out, none inside if this
    /// column alone is wrong.
    fn origin(&mut self) -> Option<Option<Origin>> {
        let token = self.one("an address")?;
        match token.word() {
            Some("all") => return Some(Some(Origin::All)),
            Some("samehost") => return Some(Some(Origin::SameHost)),
            Some("samenet") => return Some(Some(Origin::SameNet)),
            Some(_) | None => {}
        }
        if token.text.contains('/') {
            let network = Network::parse(&token.text);
            if network.is_none() {
                self.must_be(token, "an address with a length such as 10.0.0.0/8 or fd00::/8");
            }
            return Some(network.map(Origin::Network));
        }
        let Ok(address) = token.text.parse::<IpAddr>() else {
            let message = format!(
                "{} is no address; host names are not supported: a log-in would wait for the name server, \
                 write the addresses",
                quoted(&token.text)
            );
            self.wrong(&token.at, &message);
            return Some(None);
        };
        let want = "a mask of the same kind as the address before it, unless that has a length such as /32";
        let mask = self.one(want)?;
        let network = mask.text.parse().ok().and_then(|mask| Network::masked(address, mask));
        if network.is_none() {
            self.must_be(mask, want);
        }
        // without a mask the columns behind it are not where they seem
        network.map(|network| Some(Origin::Network(network)))
    }

    fn method(&mut self, kind: Kind) -> Option<HbaMethod> {
        let token = self.one("a method")?;
        let local = kind == Kind::Local;
        let method = match token.text.as_str() {
            "trust" => HbaMethod::Trust,
            "reject" => HbaMethod::Reject,
            "password" => HbaMethod::Password,
            "md5" => HbaMethod::Md5,
            "scram-sha-256" => HbaMethod::ScramSha256,
            "peer" | "ident" if local => HbaMethod::Peer,
            "peer" => {
                self.wrong(&token.at, "peer authentication is only supported on local sockets");
                return None;
            }
            "ident" => {
                let message = "ident is supported on local sockets only, where it is peer: an ident server \
                               on the client's machine proves nothing, choose another method";
                self.wrong(&token.at, message);
                return None;
            }
            "cert" if kind == Kind::HostSsl => HbaMethod::Cert,
            "cert" => {
                self.wrong(&token.at, "cert authentication is only supported on hostssl connections");
                return None;
            }
            other @ ("gss" | "sspi" | "ldap" | "radius" | "pam" | "bsd" | "oauth") => {
                let message = format!(
                    "method {} is not supported, choose one of {}",
                    quoted(other),
                    METHODS.join(" | ")
                );
                self.wrong(&token.at, &message);
                return None;
            }
            _ => {
                self.must_be(token, &format!("one of {}", METHODS.join(" | ")));
                return None;
            }
        };
        Some(method)
    }

    fn options(&mut self, kind: Kind, method: HbaMethod) -> (Demand, Option<Token>) {
        let mut demand = Demand::of(method);
        let mut map = None;
        while let Some(field) = self.field() {
            for token in field {
                match token.text.split_once('=') {
                    Some(("map", name)) => self.map(token, name, &mut demand, &mut map),
                    Some(("clientcert", value)) => self.client_cert(token, value, kind, &mut demand),
                    Some(("clientname", value)) => self.client_name(token, value, kind, &mut demand),
                    Some((name, _)) => {
                        let hint = near(name, &OPTIONS).map(|near| format!(", did you mean \"{near}\"?"));
                        let hint = hint.unwrap_or_else(|| format!(", allowed: {}", OPTIONS.join(", ")));
                        let message = format!("option {} is not known{hint}", quoted(name));
                        self.wrong(&token.at, &message);
                    }
                    None => self.must_be(token, "an option such as map=name"),
                }
            }
        }
        (demand, map)
    }

    fn map(&mut self, token: &Token, name: &str, demand: &mut Demand, map: &mut Option<Token>) {
        match demand.method {
            HbaMethod::Peer | HbaMethod::Cert => {
                demand.map = Some(name.to_owned());
                *map = Some(Token { text: name.to_owned(), ..token.clone() });
            }
            HbaMethod::Trust
            | HbaMethod::Reject
            | HbaMethod::Password
            | HbaMethod::Md5
            | HbaMethod::ScramSha256 => {
                self.wrong(&token.at, "option \"map\" is for the methods peer, ident and cert");
            }
        }
    }

    fn client_cert(&mut self, token: &Token, value: &str, kind: Kind, demand: &mut Demand) {
        let check = match value {
            "verify-ca" => CertificateCheck::Signed,
            "verify-full" => CertificateCheck::Named,
            _ => return self.must_be(token, "clientcert=verify-ca or clientcert=verify-full"),
        };
        if kind != Kind::HostSsl {
            self.wrong(&token.at, "option \"clientcert\" is for hostssl lines");
        } else if demand.method == HbaMethod::Cert && check != CertificateCheck::Named {
            self.wrong(&token.at, "method cert is verify-full always, leave clientcert out");
        } else {
            demand.certificate = check;
        }
    }

    fn client_name(&mut self, token: &Token, value: &str, kind: Kind, demand: &mut Demand) {
        demand.name = match value {
            "CN" => CertificateName::Common,
            "DN" => CertificateName::Distinguished,
            _ => return self.must_be(token, "clientname=CN or clientname=DN"),
        };
        if kind != Kind::HostSsl {
            self.wrong(&token.at, "option \"clientname\" is for hostssl lines");
        }
    }
}
