//! What the system knows of this machine: its networks, and the names of its users.

use std::io;
use std::net::IpAddr;

use config::Network;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;
use nix::unistd::{Uid, User};

/// The addresses of this machine, each with the network it is in.
///
/// # Errors
/// The kernel does not tell.
pub fn networks() -> io::Result<Vec<(IpAddr, Network)>> {
    let mut found = Vec::new();
    for interface in getifaddrs()? {
        let address = interface.address.as_ref().and_then(ip);
        let mask = interface.netmask.as_ref().and_then(ip);
        if let Some((address, mask)) = address.zip(mask)
            && let Some(network) = Network::masked(address, mask)
        {
            found.push((address, network));
        }
    }
    Ok(found)
}

/// The name of a user of the operating system; none if there is no such user. Asks the name service, which
/// may ask the network: not for a thread that serves clients.
///
/// # Errors
/// The name service fails.
pub fn user_name(uid: u32) -> io::Result<Option<String>> {
    Ok(User::from_uid(Uid::from_raw(uid))?.map(|user| user.name))
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_a_network_of_ours() {
        let local = IpAddr::from([127, 0, 0, 1]);
        let found = networks().unwrap();
        assert!(
            found.iter().any(|(address, network)| *address == local && network.contains(local)),
            "{found:?}"
        );
    }

    #[test]
    fn users_have_names_and_strangers_none() {
        assert_eq!(user_name(0).unwrap().as_deref(), Some("root"));
        assert_eq!(user_name(3_999_999_999).unwrap(), None);
    }
}
