//! Messages from the server: views over a body whose frame has been cut, and writers for what we send.
//!
//! A server is distrusted as a client is: nothing here believes a length or a count, and a reply that no view
//! takes is still relayed as it came.

pub mod auth;
pub mod complete;
pub mod copy;
pub mod describe;
pub mod error;
pub mod function;
pub mod key;
pub mod negotiate;
pub mod notify;
pub mod one;
pub mod params;
pub mod ready;
pub mod row;

#[cfg(test)]
mod tests;
