//! Figures without a unit: the digest of a statement, a share of the whole.

use toml::de::DeValue;

use super::{Form, expanded, in_toml};
use crate::error::{Error, quoted};
use crate::file::Item;

/// The digest of a statement.
pub(crate) struct Digest;

impl Form for Digest {
    type Value = u64;

    fn read(&self, item: &Item<'_>) -> Option<u64> {
        let text = expanded(item, self.words())?;
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = digits.then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        if value.is_none() {
            item.mistake(Error::Value { got: quoted(&text), want: self.words() });
        }
        value
    }

    fn show(&self, value: &u64) -> String {
        in_toml(&format!("{value:016x}"))
    }

    fn words(&self) -> String {
        "16 hexadecimal digits".into()
    }
}

/// A share of the whole, above zero, at most one.
pub(crate) struct Share;

impl Form for Share {
    type Value = f64;

    fn read(&self, item: &Item<'_>) -> Option<f64> {
        let text = if let DeValue::Float(float) = item.value {
            float.as_str().to_owned()
        } else if let DeValue::Integer(integer) = item.value {
            integer.to_string()
        } else {
            item.wrong_type(self.words());
            return None;
        };
        let got: String = text.chars().take(40).collect();
        let value = got.parse::<f64>().ok().filter(|value| *value > 0.0 && *value <= 1.0);
        if value.is_none() {
            item.mistake(Error::Value { got, want: self.words() });
        }
        value
    }

    fn show(&self, value: &f64) -> String {
        value.to_string()
    }

    fn words(&self) -> String {
        "a number above 0 and at most 1".into()
    }
}
