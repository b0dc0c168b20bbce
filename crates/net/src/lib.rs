//! Sockets: bytes in, bytes out, TLS on both sides.
//!
//! [`Listener`] accepts clients and [`connect`] reaches servers; both end in a [`Stream`], which is plain
//! TCP, a Unix socket, or TLS over either. [`buffers`] lends the blocks that bytes are read into, and
//! [`drain`] tells every task that the program is about to stop. Nothing here knows what the bytes mean.

pub mod buffers;
pub mod channel;
mod connect;
pub mod drain;
mod error;
mod listen;
mod machine;
mod random;
mod socket;
mod stream;
#[cfg(test)]
mod testing;
pub mod tls;

pub use connect::{connect, resolve};
pub use drain::{Phase, Shutdown, Subscriber};
pub use error::Error;
pub use listen::{Incoming, Listener};
pub use machine::{networks, user_name};
pub use random::{NoRandomness, random};
pub use socket::{Look, Peer, Process};
pub use stream::Stream;
pub use tls::{Acceptor, Certificate, Connector, TlsInfo, is_client_hello};
