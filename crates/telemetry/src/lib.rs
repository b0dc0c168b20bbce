//! How the proxy is seen: logs, metrics, histograms. Layer 0: it knows nothing of the other crates.
//!
//! Written while the proxy runs:
//! * [`counters`]: what every pool counts, one slot for each worker, no locks
//! * [`histogram`]: how long queries, transactions and waits take
//! * [`events`]: what happens rarely, counted for the whole process
//! * [`log`] and [`fields`]: lines to stderr, and the names of their fields
//!
//! Read when somebody asks:
//! * [`snapshot`]: one look at everything, as values, filled by the program
//! * [`health`]: whether clients should come, and whether all is well
//! * [`averages`]: figures per second and per transaction, as PgBouncer has them
//! * [`process`]: what the operating system knows of us
//! * [`metrics`]: the catalogue; `families`: a snapshot under its names
//! * [`prometheus`], [`json`]: the formats; [`docs`]: the catalogue for people

pub mod averages;
pub mod counters;
pub mod docs;
pub mod error;
pub mod events;
mod families;
pub mod fields;
pub mod health;
pub mod histogram;
pub mod json;
pub mod log;
pub mod metrics;
pub mod process;
pub mod prometheus;
pub mod snapshot;

pub use averages::{Averages, Recent, Window};
pub use counters::{PoolStats, Slot, Totals};
pub use error::Error;
pub use events::{Event, EventCounts, Events};
pub use health::{DatabaseHealth, Health, Phase, Servers};
pub use histogram::{Distribution, Recorder, Timing, Timings};
pub use log::{Format, Log};
pub use process::Process;
pub use snapshot::{
    CacheFigures, CatalogueFigures, DatabaseFigures, Durations, PoolFigures, PoolGauges, Snapshot,
    WorkerFigures,
};
