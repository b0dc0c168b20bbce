//! The address of another service.

use super::{Form, expanded, in_toml, without_login};
use crate::error::{Error, quoted};
use crate::file::Item;

/// Where a Redis is: `redis://host:port/number`.
pub(crate) struct RedisUrl;

impl Form for RedisUrl {
    type Value = String;

    fn read(&self, item: &Item<'_>) -> Option<String> {
        let text = expanded(item, self.words())?;
        if text.starts_with("rediss://") {
            let remedy = "choose redis:// and a network that nobody listens to".to_owned();
            item.mistake(Error::Later { what: "Redis over TLS".into(), remedy });
            return None;
        }
        let rest = text.strip_prefix("redis://").unwrap_or_default();
        let (place, number) = rest.split_once('/').unwrap_or((rest, ""));
        let is_right = is_place(place) && (number.is_empty() || number.parse::<u16>().is_ok());
        told(item, text, is_right, self.words())
    }

    fn show(&self, value: &String) -> String {
        in_toml(value)
    }

    fn words(&self) -> String {
        "a URL such as \"redis://10.0.0.9:6379\" or \"redis://redis:6379/1\", without a password".into()
    }
}

/// Where something is asked by HTTP without TLS: `http://host:port/path`.
pub(crate) struct HttpUrl;

impl Form for HttpUrl {
    type Value = String;

    fn read(&self, item: &Item<'_>) -> Option<String> {
        let text = expanded(item, self.words())?;
        let rest = text.strip_prefix("http://").unwrap_or_default();
        let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_right = is_place(place) && !path.chars().any(|c| c.is_control() || c == ' ');
        told(item, text, is_right, self.words())
    }

    fn show(&self, value: &String) -> String {
        in_toml(value)
    }

    fn words(&self) -> String {
        "a URL such as \"http://10.0.0.1:9100/metrics\", without TLS and without a password".into()
    }
}

/// Whether this is a host, perhaps with a port.
fn is_place(place: &str) -> bool {
    let (host, port) = match place.rsplit_once(':') {
        // a colon inside of brackets belongs to the address
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (place, None),
    };
    let fits = |character: char| character.is_alphanumeric() || "-_.:[]".contains(character);
    !host.is_empty()
        && host.chars().all(fits)
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

/// The text, if it is right; a log-in that stands in it is not repeated.
fn told(item: &Item<'_>, text: String, is_right: bool, want: String) -> Option<String> {
    if !is_right {
        item.mistake(Error::Value { got: quoted(&without_login(&text)), want });
    }
    is_right.then_some(text)
}
