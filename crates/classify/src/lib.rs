//! SQL text to a verdict: what a statement reads, writes, needs and leaves behind.
//!
//! - [`class`]: the verdict
//! - [`effects`](mod@effects): what running a text may leave behind in the session
//! - [`fuzz`]: what the fuzz target asserts
//! - [`verdict`](mod@verdict): where a text may run, and why it may not run on a replica
//! - [`memo`]: verdicts by the shape of a text
//! - [`words`]: a cheap first look at the beginning of a text
//!
//! For now every statement is for the primary and nothing is cacheable: the safe verdict, and the one that
//! stays for whatever is not understood.

pub mod class;
pub mod effects;
pub mod fuzz;
mod grammar;
mod lexer;
pub mod memo;
mod shape;
pub mod verdict;
pub mod words;

pub use class::{Class, classify};
pub use effects::{Channel, Effects, Lexis, Marks, NameUse, Naming, Setting, SettingName, effects};
pub use memo::Memo;
pub use verdict::{Against, Block, Hints, Kind, Verdict, verdict};
