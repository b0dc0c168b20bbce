//! The names of the fields in log lines and spans, each once. Use them as `info!({ fields::CLIENT } = id, …)`.
//! A text that came from outside is given as it is (`user = name`), never with `%`, so that it is quoted.
//! No password, key, statement or parameter is a field.

macro_rules! fields {
    ($($id:ident = $name:literal $help:literal;)+) => {
        $(#[doc = $help] pub const $id: &str = $name;)+

        /// Every field and what it holds.
        pub const CATALOGUE: &[(&str, &str)] = &[$(($id, $help),)+];
    };
}

fields! {
    CLIENT = "client" "Number of the client connection, never used again in this process; also in the DETAIL of our errors and in SHOW CLIENTS.";
    ADDRESS = "address" "Where the client comes from: address and port, or `unix`.";
    DATABASE = "database" "The database the client asked for.";
    USER = "user" "The user the client logged in as, or wants to.";
    APPLICATION = "application_name" "What the client calls itself.";
    SERVER = "server" "A server: host and port, or socket directory and port.";
    SERVER_PID = "server_pid" "Process number of the server's side of a connection, as in `pg_stat_activity`.";
    LISTENER = "listener" "The address or socket on which connections are accepted.";
    WORKER = "worker" "Number of a worker thread, from 0.";
    STATE = "state" "State of the connection, pool or process.";
    SQLSTATE = "sqlstate" "The code of an error, as PostgreSQL defines it.";
    REASON = "reason" "Why; a fixed word, the same as in the metrics where there is one.";
    ERROR = "error" "The error itself, with its causes.";
    WAIT = "wait_us" "How long something was waited for, in microseconds.";
    DURATION = "duration_us" "How long something took, in microseconds.";
    COUNT = "count" "How many.";
    FILE = "file" "A file of the configuration.";
    KEY = "key" "A key of the configuration.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_words() {
        let mut seen = std::collections::HashSet::new();
        for (name, help) in CATALOGUE {
            assert!(seen.insert(name), "{name} twice");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert!(help.ends_with('.') && !help.contains('|'), "{name}");
        }
    }
}
