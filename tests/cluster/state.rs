//! Session state: what a client changes is its own, on every server it is lent, and nobody else's.

mod keeps;
mod matrix;
mod names;
mod pins;
mod quoting;

use testkit::{Client, Postgres, Proxy};

use crate::scene::before;

/// Two clients that share one server connection.
pub(crate) struct Pair {
    pub(crate) one: Client,
    pub(crate) other: Client,
    pub(crate) proxy: Proxy,
    // last: pgweir goes first
    pub(crate) postgres: Postgres,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(set: impl FnOnce(testkit::proxy::Builder) -> testkit::proxy::Builder) -> Self {
        let postgres = Postgres::start();
        let proxy = set(before(&postgres).pool_size(1)).start();
        let (one, other) = (proxy.connect().open(), proxy.connect().open());
        Self { one, other, proxy, postgres }
    }

    /// The other client uses the server in between.
    #[track_caller]
    pub(crate) fn in_between(&mut self) {
        assert_eq!(self.other.rows("select 1"), "1");
    }
}
