//! A range of addresses, as `10.0.0.0/8` or as an address and a mask.

use std::fmt;
use std::net::IpAddr;

/// Addresses that agree in the bits of a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Of IPv4.
    V4 {
        /// An address of it.
        base: u32,
        /// The bits that count.
        mask: u32,
    },
    /// Of IPv6.
    V6 {
        /// An address of it.
        base: u128,
        /// The bits that count.
        mask: u128,
    },
}

impl Network {
    /// `address/length`, or an address alone, which is a network of one.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address.parse().ok()?, length.parse().ok()?)
            }
            Some(_) => return None,
            None => {
                let address: IpAddr = text.parse().ok()?;
                (address, if address.is_ipv4() { 32 } else { 128 })
            }
        };
        match address {
            IpAddr::V4(address) if length <= 32 => Some(Self::V4 {
                base: address.to_bits(),
                mask: u32::MAX.checked_shl(32 - length).unwrap_or(0),
            }),
            IpAddr::V6(address) if length <= 128 => Some(Self::V6 {
                base: address.to_bits(),
                mask: u128::MAX.checked_shl(128 - length).unwrap_or(0),
            }),
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        }
    }

    /// All addresses that agree with `address` where `mask` has ones; none if they are of different kinds.
    pub fn masked(address: IpAddr, mask: IpAddr) -> Option<Self> {
        match (address, mask) {
            (IpAddr::V4(base), IpAddr::V4(mask)) => {
                Some(Self::V4 { base: base.to_bits(), mask: mask.to_bits() })
            }
            (IpAddr::V6(base), IpAddr::V6(mask)) => {
                Some(Self::V6 { base: base.to_bits(), mask: mask.to_bits() })
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }
    }

    /// Whether an address is in it. An IPv4 address written as IPv6 counts as the IPv4 address it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (*self, address.to_canonical()) {
            (Self::V4 { base, mask }, IpAddr::V4(address)) => (base ^ address.to_bits()) & mask == 0,
            (Self::V6 { base, mask }, IpAddr::V6(address)) => (base ^ address.to_bits()) & mask == 0,
            (Self::V4 { .. }, IpAddr::V6(_)) | (Self::V6 { .. }, IpAddr::V4(_)) => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4 { base, mask } => {
                write!(f, "{}/{}", std::net::Ipv4Addr::from_bits(base), mask.leading_ones())
            }
            Self::V6 { base, mask } => {
                write!(f, "{}/{}", std::net::Ipv6Addr::from_bits(base), mask.leading_ones())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(network: &str, address: &str) -> bool {
        Network::parse(network).unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn the_bits_of_the_mask_decide() {
        assert!(has("10.0.0.0/8", "10.255.0.1") && !has("10.0.0.0/8", "11.0.0.1"));
        assert!(has("10.1.2.3/8", "10.9.9.9"), "an address of it will do");
        assert!(has("0.0.0.0/0", "255.1.2.3") && !has("0.0.0.0/0", "::1"));
        assert!(has("::/0", "::1") && !has("::/0", "1.2.3.4"));
        assert!(has("127.0.0.1", "127.0.0.1") && !has("127.0.0.1/32", "127.0.0.2"));
        assert!(has("fe80::/10", "fe80::1") && !has("fe80::/128", "fe80::1"));
        assert!(has("10.0.0.0/8", "::ffff:10.0.0.1"), "an IPv4 address in IPv6 clothes");
        let mask = Network::masked("10.0.0.5".parse().unwrap(), "255.0.0.255".parse().unwrap()).unwrap();
        assert!(mask.contains("10.7.7.5".parse().unwrap()) && !mask.contains("10.7.7.6".parse().unwrap()));
        assert_eq!(Network::masked("10.0.0.5".parse().unwrap(), "ff::".parse().unwrap()), None);
    }

    #[test]
    fn what_is_no_network() {
        for text in
            ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/+8", "host", "10.0.0.0/8/8"]
        {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
