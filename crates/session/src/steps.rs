//! The steps of a request, in the order of the path. Each translates between the session and one stage.

pub(crate) mod cache;
pub(crate) mod classify;
pub(crate) mod listen;
pub(crate) mod pool;
pub(crate) mod relay;
pub(crate) mod route;
pub(crate) mod state;
pub(crate) mod wire;
