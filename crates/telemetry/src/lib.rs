//! How the proxy is seen: logs, metrics, histograms. Layer 0: it knows nothing of the other crates.
//!
//! * [`counters`]: what every pool counts, one slot for each worker, no locks
//! * [`events`]: what happens rarely, counted for the whole process

pub mod counters;
pub mod events;

pub use counters::{PoolStats, Slot, Totals};
pub use events::{Event, Events};
