//! Server connections: open, lend, clean, close.
//!
//! Map, in the order of a connection's life:
//! - [`target`]: where the server is and what to log in with
//! - [`connect`], [`login`]: open a connection, speak the log-in
//! - `renew`: read secrets again that may have changed
//! - [`server`]: the connection, typed and counted; [`params`], [`prepared`]: what is set and held on it
//! - [`left`], [`enquiry`]: what its clients may have left behind, and how the server is asked for it;
//!   [`in_force`]: a client's settings before its request
//! - [`inbound`]: what the server says, held against what it owes
//! - [`state`], [`queue`]: who gets which, without a socket or a clock
//! - [`pool`], [`checkout`]: lend it, wait for it, take it back; [`learnt`]: what servers told of themselves
//! - [`own`]: one for a single client, never lent
//! - [`fair`], `cap`: how pools share the caps on connections to one server
//! - [`recover`]: make it clean again when its client has gone; [`cancel`]: stop its query
//! - [`lookup`]: a connection of its own that asks a server for the secrets of users
//! - [`probe`]: one that asks a server what it is and how far it has come
//! - [`catalogue_rows`]: one that reads what a database's catalogue says of functions, views, operators and types;
//!   [`definitions`]: what of that is defined anew
//! - [`notify`]: one connection that listens for all clients, and who is told what
//! - [`directory`]: all pools, and what a reload or another primary changes in them; `primaries`: which server each
//!   database's primary is; [`alarm`]: something speaks against one; `names`: what becomes of connections when a
//!   server's name has moved; [`shared`]: what pools have in common
//! - [`holds`]: which databases are paused; `past`: pools that were removed
//! - [`error`]: why it did not work
//!
//! It knows nothing of SQL, caches, routes or clients.

pub mod alarm;
pub mod cancel;
mod cap;
pub mod catalogue_rows;
pub mod checkout;
pub mod connect;
pub mod definitions;
pub mod directory;
pub mod enquiry;
pub mod error;
pub mod fair;
pub mod holds;
pub mod in_force;
pub mod inbound;
pub mod learnt;
pub mod left;
pub mod login;
pub mod lookup;
pub mod map;
mod message;
mod names;
pub mod notify;
pub mod own;
pub mod params;
mod past;
pub mod pool;
pub mod prepared;
mod primaries;
pub mod probe;
pub mod queue;
pub mod recover;
mod renew;
pub mod server;
pub mod shared;
pub mod state;
pub mod target;

pub use checkout::{Checkout, Waiting};
pub use directory::Directory;
pub use error::Error;
pub use params::Params;
pub use pool::{Key, Pool, Seat};
pub use server::{Server, ServerCard};
pub use shared::Shared;
