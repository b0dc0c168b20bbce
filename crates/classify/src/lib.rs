//! SQL text to a verdict: what a statement reads, writes, needs and leaves behind.
//!
//! - [`catalogue`]: what a server's catalogue says about names
//! - [`circumstances`]: what settings of a session mean for its texts
//! - [`class`]: the verdict
//! - [`effects`](mod@effects): what running a text may leave behind in the session
//! - [`fuzz`]: what the fuzz target asserts
//! - [`verdict`](mod@verdict): where a text may run, and why it may not run on a replica
//! - [`memo`]: verdicts by the shape of a text
//! - [`digest`](fn@digest): a name for texts of one shape
//! - [`tables`](mod@tables): which tables a text reads and writes
//! - [`transaction`]: what a text does that only begins, tunes and ends transactions
//! - [`words`]: a cheap first look at the beginning of a text
//!
//! The verdict on whatever is not understood is the safe one: it is for the primary.

pub mod catalogue;
pub mod circumstances;
pub mod class;
pub mod effects;
pub mod fuzz;
mod grammar;
mod lexer;
pub mod memo;
mod shape;
pub mod tables;
pub mod transaction;
pub mod verdict;
pub mod words;

pub use catalogue::{Catalogue, Rows};
pub use circumstances::{has_ascii_inside, hides_catalog};
pub use class::{Class, classify};
pub use effects::{Channel, Effects, Lexis, Marks, NameUse, Naming, Setting, SettingName, effects};
pub use memo::Memo;
pub use shape::digest;
pub use tables::{Tables, tables};
pub use verdict::{Against, Block, Doubt, Hints, Kind, Verdict, verdict};
