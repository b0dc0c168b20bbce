//! Who the client is that something in front of us speaks for: the header of the PROXY protocol.
//!
//! It is taken before anything else, and only where `listen.proxy_protocol` asks for it and from whom
//! `listen.proxy_from` lets. From then on the address in it is the client's, for rules, logs and the console.

use std::future::poll_fn;

use config::{Listen, ProxyProtocol};
use net::Peer;
use net::channel::Channel;
use wire::proxy;

use crate::error::{Error, Refusal};

/// Takes the header; false if the connection was closed before there was anything. The caller bounds the time.
pub(crate) async fn take(listen: &Listen, channel: &mut Channel) -> Result<bool, Error> {
    let sender = match (listen.proxy_protocol, channel.stream.peer()) {
        (ProxyProtocol::V2, Peer::Tcp(sender)) => sender.ip(),
        // whoever reaches the Unix socket is on this machine and speaks for itself
        (ProxyProtocol::V2, Peer::Unix) | (ProxyProtocol::Off, Peer::Tcp(_) | Peer::Unix) => return Ok(true),
    };
    let from = &listen.proxy_from;
    if !from.is_empty() && !from.iter().any(|network| network.contains(sender)) {
        return Err(Error::Login(Refusal::HeaderSender(sender)));
    }
    loop {
        match proxy::parse(&channel.inbox) {
            Ok(Some(header)) => {
                channel.consume(header.length);
                if let Some(client) = header.client {
                    channel.stream.speaks_for(client);
                }
                return Ok(true);
            }
            Ok(None) => {}
            Err(malformed) => return Err(Error::Login(Refusal::Header(malformed))),
        }
        match poll_fn(|cx| channel.poll_fill(cx)).await {
            Ok(0) if channel.inbox.is_empty() => return Ok(false),
            Ok(0) => return Err(Error::ClientLost(None)),
            Ok(_) => {}
            Err(error) => return Err(Error::client_lost(error)),
        }
    }
}
