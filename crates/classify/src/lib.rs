//! SQL text to a verdict: what a statement reads, writes and needs.
//!
//! - [`class`]: the verdict
//! - [`words`]: a cheap first look at the beginning of a text
//!
//! For now every statement is for the primary and nothing is cacheable: the safe verdict, and the one that
//! stays for whatever is not understood.

pub mod class;
pub mod words;

pub use class::{Class, classify};
