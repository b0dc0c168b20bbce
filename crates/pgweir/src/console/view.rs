//! What can be shown: the names of the views and their columns, exactly those of PgBouncer 1.25.2.

use super::table::Column;
use super::table::Kind::{Int4, Int8, Numeric, Text};

/// Declares every view once: its name and its columns.
macro_rules! views {
    ($($(#[doc = $about:literal])* $view:ident $word:literal [$($kind:ident: $($column:literal)+;)*])+) => {
        /// A view of SHOW.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum View { $($(#[doc = $about])* $view,)+ }

        impl View {
            /// All of them.
            pub(crate) const ALL: &[View] = &[$(View::$view,)+];

            /// Its name.
            pub(crate) fn word(self) -> &'static str {
                match self { $(Self::$view => $word,)+ }
            }

            /// Its columns.
            pub(crate) fn columns(self) -> &'static [Column] {
                match self { $(Self::$view => &[$($(($column, $kind),)+)*],)+ }
            }
        }
    };
}

views! {
    /// What opens and closes the way to servers that fail; ours alone.
    Breakers "BREAKERS" [Text: "database" "server" "side" "state"; Int4: "good" "bad";]
    /// What is known of the names in databases that have several servers; ours alone.
    Catalogues "CATALOGUES" [
        Text: "database" "dbname" "state" "why";
        Int4: "names" "harmless" "functions" "relations" "operators" "types"; Int8: "read_age_ms" "look_age_ms";
    ]
    /// Who is connected.
    Clients "CLIENTS" [
        Text: "type" "user" "database" "replication" "state" "addr";
        Int4: "port"; Text: "local_addr"; Int4: "local_port"; Text: "connect_time" "request_time";
        Int4: "wait" "wait_us" "close_needed"; Text: "ptr" "link"; Int4: "remote_pid";
        Text: "tls" "application_name"; Int4: "prepared_statements" "id";
    ]
    /// The configuration.
    Config "CONFIG" [Text: "key" "value" "default" "changeable";]
    /// The databases.
    Databases "DATABASES" [
        Text: "name" "host"; Int4: "port"; Text: "database" "force_user";
        Int4: "pool_size" "min_pool_size" "reserve_pool_size" "server_lifetime";
        Text: "pool_mode" "load_balance_hosts";
        Int4: "max_connections" "current_connections" "max_client_connections"
            "current_client_connections" "paused" "disabled";
    ]
    /// Names the resolver remembers; ours are the system's.
    DnsHosts "DNS_HOSTS" [Text: "hostname"; Int8: "ttl"; Text: "addrs";]
    /// Zones likewise.
    DnsZones "DNS_ZONES" [Text: "zonename"; Int8: "serial"; Int4: "count";]
    /// How it stands with promoting replicas; ours alone.
    Failover "FAILOVER" [
        Text: "database" "promote" "state"; Int4: "timeline" "instances" "seen" "missing"; Text: "server" "error";
    ]
    /// How many there are of what.
    Lists "LISTS" [Text: "list"; Int4: "items";]
    /// Memory by kind.
    Mem "MEM" [Text: "name"; Int4: "size" "used" "free" "memtotal";]
    /// Other instances that cancel requests are passed to; there are none.
    Peers "PEERS" [Int4: "peer_id"; Text: "host"; Int4: "port" "pool_size";]
    /// Connections to them.
    PeerPools "PEER_POOLS" [
        Int4: "peer_id" "cl_active_cancel_req" "cl_waiting_cancel_req" "sv_active_cancel" "sv_login";
    ]
    /// Clients that keep a server connection between transactions; ours alone.
    Pins "PINS" [
        Int4: "client_id"; Text: "user" "database" "application_name" "reasons" "since";
        Int4: "server_id" "remote_pid";
    ]
    /// The pools.
    Pools "POOLS" [
        Text: "database" "user";
        Int4: "cl_active" "cl_waiting" "cl_active_cancel_req" "cl_waiting_cancel_req" "sv_active"
            "sv_active_cancel" "sv_being_canceled" "sv_idle" "sv_used" "sv_tested" "sv_login" "maxwait"
            "maxwait_us";
        Text: "pool_mode" "load_balance_hosts";
    ]
    /// The servers of databases that have several, and how far they are; ours alone.
    Replicas "REPLICAS" [
        Text: "database" "server" "host"; Int4: "port"; Text: "part" "state" "fit";
        Int8: "lag_bytes" "lag_ms"; Text: "replayed_lsn"; Int4: "timeline" "receiving" "weight";
        Text: "zone"; Int4: "near" "busy"; Int8: "latency_us"; Text: "probe";
        Int8: "probe_age_ms" "probe_us"; Text: "patroni" "trouble" "hint" "command";
    ]
    /// The server connections.
    Servers "SERVERS" [
        Text: "type" "user" "database" "replication" "state" "addr";
        Int4: "port"; Text: "local_addr"; Int4: "local_port"; Text: "connect_time" "request_time";
        Int4: "wait" "wait_us" "close_needed"; Text: "ptr" "link"; Int4: "remote_pid";
        Text: "tls" "application_name"; Int4: "prepared_statements" "id";
    ]
    /// All servers, and the connections to each; ours alone.
    ServersState "SERVERS_STATE" [
        Text: "database" "server" "host"; Int4: "port"; Text: "role" "part" "state"; Int4: "active" "idle";
    ]
    /// Whether everything is paused.
    State "STATE" [Text: "key" "value";]
    /// What was counted, and lately.
    Stats "STATS" [
        Text: "database";
        Numeric: "total_server_assignment_count" "total_xact_count" "total_query_count" "total_received"
            "total_sent" "total_xact_time" "total_query_time" "total_wait_time" "total_client_parse_count"
            "total_server_parse_count" "total_bind_count" "avg_server_assignment_count" "avg_xact_count"
            "avg_query_count" "avg_recv" "avg_sent" "avg_xact_time" "avg_query_time" "avg_wait_time"
            "avg_client_parse_count" "avg_server_parse_count" "avg_bind_count";
    ]
    /// What was counted lately. PgBouncer itself mixes the prefixes.
    StatsAverages "STATS_AVERAGES" [
        Text: "database";
        Numeric: "server_assignment_count" "xact_count" "query_count" "bytes_received" "bytes_sent"
            "xact_time" "query_time" "wait_time" "avg_client_parse_count" "avg_server_parse_count"
            "avg_bind_count";
    ]
    /// What was counted.
    StatsTotals "STATS_TOTALS" [
        Text: "database";
        Numeric: "server_assignment_count" "xact_count" "query_count" "bytes_received" "bytes_sent"
            "xact_time" "query_time" "wait_time" "client_parse_count" "server_parse_count" "bind_count";
    ]
    /// What was counted over all databases.
    Totals "TOTALS" [Text: "name"; Numeric: "value";]
    /// Who may log in.
    Users "USERS" [
        Text: "name" "pool_size" "reserve_pool_size" "pool_mode";
        Int4: "max_user_connections" "current_connections" "max_user_client_connections"
            "current_client_connections";
    ]
    /// The PgBouncer version that tools go by.
    Version "VERSION" [Text: "version";]
}

/// Views that other consoles have, or ours will have: asked for, they say that they are not there.
pub(crate) const MISSING: [&str; 7] =
    ["ACTIVE_SOCKETS", "CACHE", "CACHE_WHY", "DIGESTS", "FDS", "LIMITS", "SOCKETS"];

/// Settings that drivers ask for at their start; the names may be several words.
pub(crate) const SETTINGS: [(&str, &str); 11] = [
    ("client_encoding", "UTF8"),
    ("datestyle", "ISO"),
    ("default_transaction_isolation", "read committed"),
    ("integer_datetimes", "on"),
    ("search_path", "public"),
    ("server_encoding", "UTF8"),
    ("standard_conforming_strings", "on"),
    ("timezone", "GMT"),
    ("transaction_isolation", "read committed"),
    ("transaction isolation level", "read committed"),
    ("transaction_read_only", "off"),
];
