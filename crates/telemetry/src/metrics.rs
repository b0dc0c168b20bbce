//! The catalogue: every metric that pgweir shows, each defined once, here.
//! It is closed. A label's value is either one of a fixed set of words or a name from the configuration
//! or of a pool that somebody logged in to; never SQL, never an address, never a text of a client.
//! Names start with `pgweir_` and carry their base unit; what only grows ends in `_total`.

/// What a metric is: its name, its meaning, how it moves and which labels its samples carry.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// The full name, as it is scraped.
    pub name: &'static str,
    /// One sentence for people.
    pub help: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// The labels of each sample, in this order.
    pub labels: &'static [Label],
}

/// How a metric moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of values by size.
    Histogram,
}

impl Kind {
    /// The word for it in the text format.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The labels there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// The database a client asked for.
    Database,
    /// The user a client logged in as.
    User,
    /// What a connection is doing; the words of SHOW POOLS.
    State,
    /// Why something failed.
    Reason,
    /// How something ended.
    Result,
    /// A server of a database that has several.
    Server,
    /// One side of a server.
    Side,
    /// Our own version.
    Version,
    /// A worker thread.
    Worker,
    /// Which server.
    Target,
}

impl Label {
    /// Every label.
    pub const ALL: &[Label] = &[
        Self::Database,
        Self::User,
        Self::State,
        Self::Reason,
        Self::Result,
        Self::Server,
        Self::Side,
        Self::Version,
        Self::Worker,
        Self::Target,
    ];

    /// Its name in a sample.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::User => "user",
            Self::State => "state",
            Self::Reason => "reason",
            Self::Result => "result",
            Self::Server => "server",
            Self::Side => "side",
            Self::Version => "version",
            Self::Worker => "worker",
            Self::Target => "target",
        }
    }

    /// Which values it takes, for people.
    #[must_use]
    pub fn values(self) -> &'static str {
        match self {
            Self::Database => "name of a database of the configuration, or one that `*` let in",
            Self::User => "name of a user who logged in",
            Self::State => "a state of SHOW POOLS, without its `cl_` or `sv_`",
            Self::Reason => "why it came to that; a fixed word",
            Self::Result => "how it ended; a fixed word",
            Self::Server => "name of a server in the configuration, else its host and port",
            Self::Side => "`read`: as a replica; `write`: as the primary",
            Self::Version => "version of pgweir",
            Self::Worker => "number of a worker thread, from 0",
            Self::Target => "`primary`, `replica` or `nobody`",
        }
    }
}

macro_rules! catalogue {
    ($($id:ident = $kind:ident $name:literal [$($label:ident)*] $help:literal;)+) => {
        $(#[doc = $help] pub static $id: Metric = Metric {
            name: $name, help: $help, kind: Kind::$kind, labels: &[$(Label::$label),*],
        };)+

        /// Every metric, in the order in which they are shown.
        pub static CATALOGUE: &[&Metric] = &[$(&$id,)+];
    };
}

catalogue! {
    BUILD_INFO = Gauge "pgweir_build_info" [Version] "Always 1; the label says which version runs.";
    WORKERS = Gauge "pgweir_workers" [] "Worker threads.";
    WORKER_CLIENTS = Gauge "pgweir_worker_clients" [Worker] "Client connections that live on a worker.";
    WORKER_CPU = Counter "pgweir_worker_cpu_seconds_total" [Worker] "CPU time that a worker has used.";

    CLIENTS = Gauge "pgweir_clients" [] "Client connections that are open, logged in or not.";
    CLIENTS_LIMIT = Gauge "pgweir_clients_limit" [] "Client connections that may be open at once.";
    BUFFER_BYTES = Gauge "pgweir_buffer_bytes" [] "Memory held in buffers of clients and servers.";

    POOL_CLIENTS = Gauge "pgweir_pool_clients" [Database User State] "Clients of a pool by state.";
    POOL_SERVERS = Gauge "pgweir_pool_servers" [Database User State] "Server connections of a pool by state.";
    POOL_SIZE = Gauge "pgweir_pool_size" [Database User] "Server connections that a pool may open, without its reserve.";
    POOL_MAXWAIT = Gauge "pgweir_pool_maxwait_seconds" [Database User] "How long the client at the head of the queue has waited.";
    POOL_ASSIGNMENTS = Counter "pgweir_pool_server_assignments_total" [Database User] "Times a server was lent to a client.";
    POOL_XACTS = Counter "pgweir_pool_transactions_total" [Database User] "Transactions ended, single statements included.";
    POOL_QUERIES = Counter "pgweir_pool_queries_total" [Database User] "Requests answered.";
    POOL_RECEIVED = Counter "pgweir_pool_received_bytes_total" [Database User] "Bytes read from clients.";
    POOL_SENT = Counter "pgweir_pool_sent_bytes_total" [Database User] "Bytes written to clients.";
    POOL_XACT_TIME = Counter "pgweir_pool_transaction_seconds_total" [Database User] "Time in which clients held a server.";
    POOL_QUERY_TIME = Counter "pgweir_pool_query_seconds_total" [Database User] "Time in which servers worked on requests.";
    POOL_WAIT_TIME = Counter "pgweir_pool_wait_seconds_total" [Database User] "Time in which clients waited for a server.";
    POOL_CLIENT_PARSES = Counter "pgweir_pool_client_parses_total" [Database User] "Prepared statements that clients made.";
    POOL_SERVER_PARSES = Counter "pgweir_pool_server_parses_total" [Database User] "Prepared statements made on servers for them.";
    POOL_BINDS = Counter "pgweir_pool_binds_total" [Database User] "Prepared statements bound for execution.";
    POOL_LOGINS = Counter "pgweir_pool_client_logins_total" [Database User] "Clients that logged in.";

    DATABASE_SERVERS = Gauge "pgweir_database_servers" [Database] "Server connections of a database, over all its pools.";
    DATABASE_SERVERS_LIMIT = Gauge "pgweir_database_servers_limit" [Database] "Server connections that a database may have, over all its pools; 0: any number.";
    DATABASE_PAUSED = Gauge "pgweir_database_paused" [Database] "1 while the database is paused.";

    SERVER_UP = Gauge "pgweir_server_up" [Database Server] "1 while a server of a database with several answers, or has failed to only once.";
    SERVER_PRIMARY = Gauge "pgweir_server_primary" [Database Server] "1 for the server that takes writes.";
    SERVER_READABLE = Gauge "pgweir_server_readable" [Database Server] "1 while reads may go to a server as a replica.";
    SERVER_FENCED = Gauge "pgweir_server_fenced" [Database Server] "1 while a server takes writes without being the primary.";
    SERVER_CUT_OFF = Gauge "pgweir_server_cut_off" [Database Server] "1 while a server can not follow the primary by itself; SHOW REPLICAS says why.";
    REPLICA_LAG_SECONDS = Gauge "pgweir_replica_lag_seconds" [Database Server] "How long ago the primary was where a replica is, at most; missing where that is not known.";
    REPLICA_LAG_BYTES = Gauge "pgweir_replica_lag_bytes" [Database Server] "What the primary has written and a replica has not replayed; missing where that is not known.";
    SERVER_BREAKER = Gauge "pgweir_server_breaker" [Database Server Side] "The breaker of one side of a server: 0 closed, 1 half-open, 2 open.";
    CATALOGUE_NAMES = Gauge "pgweir_catalogue_names" [Database] "Functions, relations, operators and types that are known from the catalogue of a database with several servers; missing where it is not known.";

    QUERY_DURATION = Histogram "pgweir_query_duration_seconds" [] "From a request sent to a server to the end of its reply.";
    XACT_DURATION = Histogram "pgweir_transaction_duration_seconds" [] "How long a client held a server for one transaction.";
    WAIT_DURATION = Histogram "pgweir_client_wait_duration_seconds" [] "How long a client waited for a server.";

    CLIENT_CONNECTIONS = Counter "pgweir_client_connections_total" [] "Connections accepted from clients.";
    LOGINS_FAILED = Counter "pgweir_client_logins_failed_total" [Reason] "Clients that did not get in.";
    SECRET_LOOKUPS = Counter "pgweir_secret_lookups_total" [Result] "Times the secret of a user was looked up by auth.query.";
    SECRET_RENEWALS = Counter "pgweir_secret_renewals_total" [Result] "Times a secret from a file or a command was read again.";
    REQUESTS_FAILED = Counter "pgweir_requests_failed_total" [] "Requests answered with an error, the server's or our own.";
    ERRORS = Counter "pgweir_errors_total" [Reason] "What went wrong between a client, pgweir and a server.";
    PANICS = Counter "pgweir_panics_total" [] "Panics caught; each is a bug and cost one connection.";
    SERVER_CONNECTIONS = Counter "pgweir_server_connections_total" [] "Connections to servers opened and logged in.";
    SERVER_CONNECT_FAILURES = Counter "pgweir_server_connect_failures_total" [] "Connections to servers that could not be opened or logged in.";
    SERVER_RECYCLED = Counter "pgweir_server_recycled_total" [] "Connections to servers closed on purpose: idle, old or not clean.";
    SERVER_CEDED = Counter "pgweir_server_ceded_total" [Reason] "Connections to servers closed to give their place under a cap to another pool.";
    SERVER_RETRIES = Counter "pgweir_server_retries_total" [] "Requests sent again because their first server connection was found dead.";
    CANCELS = Counter "pgweir_cancel_requests_total" [Result] "Cancel requests of clients.";
    PINS = Counter "pgweir_pins_total" [Reason] "Times a server connection began to stay with its client between transactions, by reason.";
    NOTIFICATIONS = Counter "pgweir_notifications_total" [Result] "Notifications for clients that LISTEN in transaction or statement mode.";
    LISTENERS_LOST = Counter "pgweir_listeners_lost_total" [] "Times a connection that listens for clients was lost.";
    ROUTED = Counter "pgweir_routed_total" [Target Reason] "Requests of databases with several servers, by where they were sent and why.";
    REPLICA_RETRIES = Counter "pgweir_replica_retries_total" [Reason] "Requests that did not go well on a replica, by what was in the way.";
    VIRTUAL_BEGINS = Counter "pgweir_virtual_begins_total" [] "Transactions that were begun without a server.";
    TLS_FAILURES = Counter "pgweir_tls_handshake_failures_total" [] "TLS handshakes that failed, on either side.";
    PROBES = Counter "pgweir_probes_total" [Result] "Times a server of a database with several was asked what it is.";
    CATALOGUE_LOOKS = Counter "pgweir_catalogue_looks_total" [Result] "Looks at the catalogues of databases with several servers.";
    FAILOVERS = Counter "pgweir_failovers_total" [] "Times another server was found to be the primary.";
    SERVERS_FENCED = Counter "pgweir_servers_fenced_total" [] "Times a server was found to take writes without being the primary.";
    PATRONI_ANSWERS = Counter "pgweir_patroni_answers_total" [Result] "Times Patroni was asked who the leader is.";
    RESYNCS = Counter "pgweir_resyncs_total" [Result] "Times failover.resync_command was run for a server that can not follow the primary.";
    PROMOTIONS = Counter "pgweir_promotions_total" [Result] "Times this instance has ordered a replica to be promoted, or has found that none can be.";
    RELOADS = Counter "pgweir_config_reloads_total" [Result] "Times the configuration was read again.";

    RESIDENT_MEMORY = Gauge "pgweir_process_resident_memory_bytes" [] "Resident memory of the process.";
    CPU = Counter "pgweir_process_cpu_seconds_total" [] "User and system time of the process.";
    OPEN_FDS = Gauge "pgweir_process_open_fds" [] "Open file descriptors.";
    MAX_FDS = Gauge "pgweir_process_max_fds" [] "File descriptors that may be open (soft limit).";
    START_TIME = Gauge "pgweir_process_start_time_seconds" [] "When the process started, in seconds since 1970.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules() {
        let mut seen = std::collections::HashSet::new();
        for metric in CATALOGUE {
            let name = metric.name;
            assert!(seen.insert(name), "{name} twice");
            assert!(name.starts_with("pgweir_"), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert!(metric.kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
            for other in ["_ms", "_us", "_kb", "_milliseconds", "_microseconds", "_percent"] {
                assert!(!name.contains(other), "{name} is not in a base unit");
            }
        }
    }

    #[test]
    fn help_is_one_plain_sentence() {
        for metric in CATALOGUE {
            assert!(metric.help.ends_with('.') && !metric.help.contains(['\n', '|']), "{}", metric.name);
        }
    }
}
