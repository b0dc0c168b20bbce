//! One client, accept to close; the only crate that knows all stages.
//!
//! Map, in the order of a client's life:
//! - [`session`]: from accept to close
//! - `announced`, `handshake`, `doorman`, `auth`, `welcome`: who is it, may it come in, and its first words; [`announce`]: ours of ourselves
//! - `pipeline`, `steps`: THE path of one request, one call for each step
//! - `split`, `batch`, `portion`, `refusal`, `reasons`, `own_settings`: which of several servers gets what, and what of it comes back;
//!   [`writers`]: sessions that see each other's writes
//! - `begun`, `single`: transactions that are begun without a server, and the requests that begin them
//! - [`lookups`]: the secrets of users that the configuration does not know
//! - `relay`, `outbound`, `inbound`: bytes to the server and back; `instead`: what goes in their place;
//!   `rules`, `limits`: what holds for it, and how long it may take
//! - `again`: a request that is run again, where a server has refused an outdated statement
//! - `names`, `prepared`, `sql_names`, `rename`: the client's own names for statements
//! - `traces`: what a text leaves behind in a session; `defines`: whether it gives names another meaning;
//!   [`meanings`]: what they mean
//! - `listening`: the channels a client listens to
//! - `refuse`: a request that gets no server; `replication`: a client with a server of its own
//! - `cancel`: stop what another connection runs
//! - [`card`]: what others know of a client; [`hub`]: what clients share; `reign`: which server is the primary, and
//!   what becomes of clients when it is another one
//! - [`error`]: the one place where a failure becomes SQLSTATE and words

mod again;
pub mod announce;
mod announced;
mod auth;
mod batch;
mod begun;
mod cancel;
pub mod card;
mod client;
mod defines;
mod doorman;
pub mod error;
mod handshake;
pub mod hub;
mod inbound;
mod instead;
mod limits;
mod listening;
pub mod lookups;
pub mod meanings;
mod names;
mod outbound;
mod own_settings;
mod pipeline;
mod portion;
mod prepared;
mod reasons;
mod refusal;
mod refuse;
mod reign;
mod relay;
mod rename;
mod replication;
mod rules;
pub mod session;
mod single;
mod split;
mod sql_names;
mod steps;
mod traces;
mod welcome;
pub mod writers;

pub use card::{ClientCard, Registry};
pub use hub::{Console, Hub, Visitor};
pub use session::{Moving, run};
