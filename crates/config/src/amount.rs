//! Amounts with a unit: durations such as "5s" and sizes such as "64MiB".

use std::time::Duration;

use toml::de::DeValue;

use crate::error::{Error, quoted};
use crate::file::Item;
use crate::form::{Form, expanded};

/// The units of time, each with its length in microseconds; the longest first.
const TIMES: &[(&str, u64)] = &[
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// The units of size; powers of 1024 with and without the "i", as PostgreSQL has them. The longest first.
const SIZES: &[(&str, u64)] = &[
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1 << 30),
    ("MB", 1 << 20),
    ("kB", 1 << 10),
    ("B", 1),
];

/// A limit for everything that takes some time at least.
pub(crate) const ONE_MS: Duration = Duration::from_millis(1);
/// A limit for everything that should end within the day.
pub(crate) const ONE_DAY: Duration = Duration::from_secs(86_400);
/// A limit that only keeps sums of times in range.
pub(crate) const TEN_YEARS: Duration = Duration::from_secs(3_650 * 86_400);

/// A duration from the first to the second.
pub(crate) struct Time(pub(crate) Duration, pub(crate) Duration);

impl Form for Time {
    type Value = Duration;

    fn read(&self, item: &Item<'_>) -> Option<Duration> {
        let amount = amount(item, TIMES, "s", self.words())?;
        let value = amount.map(Duration::from_micros).filter(|value| (self.0..=self.1).contains(value));
        noted(item, value, self.words())
    }

    fn show(&self, value: &Duration) -> String {
        format!("\"{}\"", time(*value))
    }

    fn words(&self) -> String {
        format!("a duration from \"{}\" to \"{}\", units us, ms, s, min, h, d", time(self.0), time(self.1))
    }
}

/// A size in bytes from the first to the second.
pub(crate) struct Size(pub(crate) u32, pub(crate) u32);

impl Form for Size {
    type Value = u32;

    fn read(&self, item: &Item<'_>) -> Option<u32> {
        let amount = amount(item, SIZES, "MiB", self.words())?;
        let value = amount.and_then(|value| u32::try_from(value).ok());
        noted(item, value.filter(|value| (self.0..=self.1).contains(value)), self.words())
    }

    fn show(&self, value: &u32) -> String {
        format!("\"{}\"", size(*value))
    }

    fn words(&self) -> String {
        let (least, most) = (size(self.0), size(self.1));
        format!("a size from \"{least}\" to \"{most}\", units B, kB or KiB, MB or MiB, GB or GiB (each 1024)")
    }
}

/// The amount in the smallest unit: `None` if it is no amount at all, which is noted here; `Some(None)` if it
/// is one that no number holds.
fn amount(item: &Item<'_>, units: &[(&str, u64)], usual: &str, want: String) -> Option<Option<u64>> {
    if let DeValue::Integer(integer) = item.value {
        // what everyone who comes from PgBouncer writes
        let bare: String = integer.to_string().chars().take(20).collect();
        let got = format!("{bare} without a unit");
        item.mistake(Error::Value {
            got,
            want: format!("text with a unit such as \"{bare}{usual}\": {want}"),
        });
        return None;
    }
    let text = expanded(item, want.clone())?;
    let digits = text.len() - text.trim_start_matches(|character: char| character.is_ascii_digit()).len();
    let (number, unit) = text.split_at_checked(digits).unwrap_or_default();
    let unit = units.iter().find(|(name, _)| *name == unit.trim_start());
    let (Some((_, factor)), false) = (unit, number.is_empty()) else {
        item.mistake(Error::Value { got: quoted(&text), want });
        return None;
    };
    Some(number.parse::<u64>().ok().and_then(|number| number.checked_mul(*factor)))
}

fn noted<T>(item: &Item<'_>, value: Option<T>, want: String) -> Option<T> {
    if let (None, DeValue::String(text)) = (&value, item.value) {
        item.mistake(Error::Value { got: quoted(text), want });
    }
    value
}

/// A duration in the largest unit that holds it without a fraction.
pub(crate) fn time(value: Duration) -> String {
    let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
    match TIMES.iter().find(|(_, factor)| micros.is_multiple_of(*factor)) {
        Some((unit, factor)) if micros > 0 => format!("{}{unit}", micros / factor),
        _ => "0s".into(),
    }
}

fn size(value: u32) -> String {
    let value = u64::from(value);
    match SIZES.iter().find(|(_, factor)| value.is_multiple_of(*factor)) {
        Some((unit, factor)) if value > 0 => format!("{}{unit}", value / factor),
        _ => "0B".into(),
    }
}
