//! The SQLSTATE codes that pgweir sends or looks for, under the names PostgreSQL gives them.

use std::fmt;

/// A five-character SQLSTATE code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState(&'static str);

impl SqlState {
    /// The five characters.
    pub const fn code(self) -> &'static str {
        self.0
    }

    /// Whether the bytes of a server's code field are this code.
    pub fn is(self, code: &[u8]) -> bool {
        self.0.as_bytes() == code
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])+ $name:ident = $code:literal;)+) => {
        impl SqlState {
            $($(#[$doc])+ pub const $name: Self = Self($code);)+

            /// Every code named here.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

codes! {
    /// `successful_completion`, the code of a NOTICE.
    SUCCESSFUL_COMPLETION = "00000";
    /// `warning`.
    WARNING = "01000";
    /// `connection_exception`.
    CONNECTION_EXCEPTION = "08000";
    /// `sqlclient_unable_to_establish_sqlconnection`.
    CANNOT_CONNECT = "08001";
    /// `connection_does_not_exist`.
    CONNECTION_DOES_NOT_EXIST = "08003";
    /// `sqlserver_rejected_establishment_of_sqlconnection`.
    CONNECTION_REJECTED = "08004";
    /// `connection_failure`: the connection broke while it was in use.
    CONNECTION_FAILURE = "08006";
    /// `transaction_resolution_unknown`.
    TRANSACTION_RESOLUTION_UNKNOWN = "08007";
    /// `protocol_violation`: only for a breach of protocol by the peer.
    PROTOCOL_VIOLATION = "08P01";
    /// `feature_not_supported`.
    FEATURE_NOT_SUPPORTED = "0A000";
    /// `invalid_parameter_value`.
    INVALID_PARAMETER_VALUE = "22023";
    /// `active_sql_transaction`: not allowed inside a transaction block.
    ACTIVE_SQL_TRANSACTION = "25001";
    /// `read_only_sql_transaction`.
    READ_ONLY_SQL_TRANSACTION = "25006";
    /// `no_active_sql_transaction`.
    NO_ACTIVE_SQL_TRANSACTION = "25P01";
    /// `in_failed_sql_transaction`.
    IN_FAILED_SQL_TRANSACTION = "25P02";
    /// `idle_in_transaction_session_timeout`.
    IDLE_IN_TRANSACTION_TIMEOUT = "25P03";
    /// `transaction_timeout`, since PostgreSQL 17.
    TRANSACTION_TIMEOUT = "25P04";
    /// `invalid_sql_statement_name`: no such prepared statement.
    INVALID_SQL_STATEMENT_NAME = "26000";
    /// `invalid_authorization_specification`.
    INVALID_AUTHORIZATION = "28000";
    /// `invalid_password`.
    INVALID_PASSWORD = "28P01";
    /// `invalid_cursor_name`: no such portal.
    INVALID_CURSOR_NAME = "34000";
    /// `invalid_catalog_name`: no such database.
    INVALID_CATALOG_NAME = "3D000";
    /// `insufficient_privilege`.
    INSUFFICIENT_PRIVILEGE = "42501";
    /// `syntax_error`.
    SYNTAX_ERROR = "42601";
    /// `undefined_column`.
    UNDEFINED_COLUMN = "42703";
    /// `undefined_object`: among others an unknown setting.
    UNDEFINED_OBJECT = "42704";
    /// `duplicate_cursor`.
    DUPLICATE_CURSOR = "42P03";
    /// `duplicate_prepared_statement`.
    DUPLICATE_PREPARED_STATEMENT = "42P05";
    /// `too_many_connections`.
    TOO_MANY_CONNECTIONS = "53300";
    /// `configuration_limit_exceeded`.
    CONFIGURATION_LIMIT_EXCEEDED = "53400";
    /// `program_limit_exceeded`.
    PROGRAM_LIMIT_EXCEEDED = "54000";
    /// `object_not_in_prerequisite_state`.
    OBJECT_NOT_IN_PREREQUISITE_STATE = "55000";
    /// `query_canceled`.
    QUERY_CANCELED = "57014";
    /// `admin_shutdown`.
    ADMIN_SHUTDOWN = "57P01";
    /// `crash_shutdown`.
    CRASH_SHUTDOWN = "57P02";
    /// `cannot_connect_now`.
    CANNOT_CONNECT_NOW = "57P03";
    /// `database_dropped`.
    DATABASE_DROPPED = "57P04";
    /// `idle_session_timeout`.
    IDLE_SESSION_TIMEOUT = "57P05";
    /// `io_error`.
    IO_ERROR = "58030";
    /// `config_file_error`.
    CONFIG_FILE_ERROR = "F0000";
    /// `internal_error`: only for our own bugs.
    INTERNAL_ERROR = "XX000";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_well_formed_and_named_once() {
        let mut seen = HashSet::new();
        for state in SqlState::ALL {
            let code = state.code();
            assert_eq!(code.len(), 5, "{code}");
            assert!(code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()), "{code}");
            assert!(seen.insert(code), "{code} twice");
            assert!(state.is(code.as_bytes()));
            assert!(!state.is(b"57P0"));
        }
    }
}
