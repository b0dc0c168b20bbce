//! A position in the write-ahead log.

use std::fmt;
use std::str::FromStr;

/// A position in the write-ahead log, in bytes; as text two hexadecimal numbers, such as `16/B374D848`
/// (PostgreSQL's documentation, 8.20 `pg_lsn` Type).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl Lsn {
    /// How many bytes it lies behind `other`; zero if it does not.
    #[must_use]
    pub fn behind(self, other: Self) -> u64 {
        other.0.saturating_sub(self.0)
    }
}

/// Text that is no position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoLsn;

impl fmt::Display for NoLsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a position in the write-ahead log")
    }
}

impl std::error::Error for NoLsn {}

impl FromStr for Lsn {
    type Err = NoLsn;

    fn from_str(text: &str) -> Result<Self, NoLsn> {
        let half = |text: &str| {
            let hexadecimal = (1..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
            hexadecimal.then(|| u32::from_str_radix(text, 16).ok()).flatten().map(u64::from)
        };
        let (high, low) = text.split_once('/').ok_or(NoLsn)?;
        Ok(Self(half(high).ok_or(NoLsn)? << 32 | half(low).ok_or(NoLsn)?))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn positions_are_read_as_the_server_writes_them() {
        assert_eq!("16/B374D848".parse(), Ok(Lsn(0x16_b374_d848)));
        assert_eq!("0/0".parse(), Ok(Lsn(0)));
        assert_eq!("ffffffff/ffffffff".parse(), Ok(Lsn(u64::MAX)));
        for wrong in ["", "/", "1", "1/", "/1", "1/2/3", "+1/2", "1/123456789", "g/0", " 1/2"] {
            assert_eq!(wrong.parse::<Lsn>(), Err(NoLsn), "{wrong}");
        }
        assert_eq!(Lsn(5).behind(Lsn(8)), 3);
        assert_eq!(Lsn(8).behind(Lsn(5)), 0);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(n: u64) {
            prop_assert_eq!(Lsn(n).to_string().parse(), Ok(Lsn(n)));
        }
    }
}
