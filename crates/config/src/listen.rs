//! `[listen]`: where clients come in, and the limits that hold before they are known.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::amount::{ONE_DAY, ONE_MS, Size, Time};
use crate::choice::{choice, one_of};
use crate::error::Error;
use crate::file::Table;
use crate::form::{Address, Folder, Integer, List, Range, Switch};
use crate::key::{Check, Under, key, optional, required, section};
use crate::{ListenTls, Network};

section! {
    /// Where clients come in.
    pub struct Listen {
        /// The address and port for clients, or a list of such.
        pub addresses: Vec<SocketAddr> =
            required("listen.address", List { of: Address, least: 1 }, r#""127.0.0.1:6432""#).restart(),
        /// The directory of the Unix socket; its name is `.s.PGSQL.` and the port of the first address.
        pub unix_socket_dir: Option<PathBuf> =
            optional("listen.unix_socket_dir", Folder, r#""/run/pgweir""#).restart(),
        /// Worker threads; 0 is one per core.
        pub workers: usize = key("listen.workers", Integer(0, 1024), 0).restart(),
        /// How long a client may take from its connection to the end of its login.
        pub login_timeout: Duration =
            key("listen.login_timeout", Time(ONE_MS, ONE_DAY), Duration::from_secs(60)),
        /// How long SIGTERM waits for transactions to end before the rest is cut off.
        pub drain_timeout: Duration =
            key("listen.drain_timeout", Time(Duration::ZERO, ONE_DAY), Duration::from_secs(30)).live(),
        /// Connections that the kernel holds until they are accepted.
        pub backlog: u32 = key("listen.backlog", Integer(1, 65_535), 1024).restart(),
        /// The largest message accepted from a client; PostgreSQL takes nothing of 1 GiB or more.
        pub max_message: u32 = key("listen.max_message", Size(64 << 10, MOST_MESSAGE), MOST_MESSAGE),
        /// Whether clients are told at log-in that pgweir serves them: the parameters `pgweir_version` and
        /// `pgweir_pool_mode`, which no server has.
        pub announce: bool = key("listen.announce", Switch, true),
        /// Whether connections to `listen.address` begin with a header that says who the client is, as load
        /// balancers send it. Connections to the Unix socket never do.
        pub proxy_protocol: ProxyProtocol =
            key("listen.proxy_protocol", one_of(), ProxyProtocol::Off),
        /// Who may send such headers; everybody else is refused. Empty: whoever connects, and so may claim any
        /// address, which is right only where nobody but the load balancer can connect.
        pub proxy_from: Vec<Network> =
            key("listen.proxy_from", List { of: Range, least: 0 }, Vec::new()).example(r#"["10.0.0.0/8"]"#),
        /// TLS towards clients.
        pub tls: ListenTls = Under("listen.tls"),
    }
}

/// What PostgreSQL itself refuses to allocate for one message.
const MOST_MESSAGE: u32 = (1 << 30) - 1;

impl Check for Listen {
    fn check(section: Option<&Self>, table: &Table<'_>) {
        let off = section.is_some_and(|section| section.proxy_protocol == ProxyProtocol::Off);
        if off && table.has("proxy_from") {
            let message = "does nothing without proxy_protocol = \"v2\", set that or remove this";
            table.mistake("proxy_from", Error::Conflict(message.into()));
        }
    }
}

choice! {
    /// A header in front of a connection.
    pub enum ProxyProtocol {
        /// None; a header is refused.
        Off = "off",
        /// The PROXY protocol's version 2, on every connection; those without are refused.
        V2 = "v2",
    }
}
