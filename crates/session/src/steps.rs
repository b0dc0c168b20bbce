//! The steps of a request, in the order of the path. Each translates between the session and one stage.

pub(crate) mod before;
pub(crate) mod begin;
pub(crate) mod cache;
pub(crate) mod classify;
pub(crate) mod listen;
pub(crate) mod own;
pub(crate) mod pool;
pub(crate) mod queue;
pub(crate) mod relay;
pub(crate) mod replica;
pub(crate) mod route;
pub(crate) mod state;
pub(crate) mod wire;
