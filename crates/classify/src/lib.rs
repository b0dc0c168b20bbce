//! SQL text to a verdict: what a statement reads, writes, needs and leaves behind.
//!
//! - [`class`]: the verdict
//! - [`effects`](mod@effects): what running a text may leave behind in the session
//! - [`fuzz`]: what the fuzz target asserts
//! - [`words`]: a cheap first look at the beginning of a text
//!
//! For now every statement is for the primary and nothing is cacheable: the safe verdict, and the one that
//! stays for whatever is not understood.

pub mod class;
pub mod effects;
pub mod fuzz;
pub mod words;

pub use class::{Class, classify};
pub use effects::{Channel, Effects, Lexis, Marks, NameUse, Naming, Setting, SettingName, effects};
