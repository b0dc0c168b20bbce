//! Why the console does not do what it was asked: the one place where that becomes an SQLSTATE and words.
//! The words are PgBouncer's where it has some, for the sake of scripts. The connection always goes on.

use bytes::BytesMut;
use wire::SqlState;
use wire::backend::error::{ErrorFields, Severity, write};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fail {
    pub(crate) sqlstate: SqlState,
    pub(crate) message: String,
    detail: String,
    hint: &'static str,
}

impl Fail {
    /// Appends the ErrorResponse.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        let Self { sqlstate, message, detail, hint } = self;
        let detail = (!detail.is_empty()).then_some(detail.as_str());
        let hint = (!hint.is_empty()).then_some(*hint);
        write(out, &ErrorFields { severity: Severity::Error, sqlstate: *sqlstate, message, detail, hint });
    }

    fn new(sqlstate: SqlState, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), detail: String::new(), hint: "" }
    }

    fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }
}

/// What is wrong with the text, or with who typed it.
impl Fail {
    pub(crate) fn unknown(text: &str) -> Self {
        Self::new(SqlState::SYNTAX_ERROR, format!("invalid command '{text}', use SHOW HELP;"))
            .hint("This is the console of the pooler; queries belong to the other databases.")
    }

    pub(crate) fn syntax(what: &str) -> Self {
        Self::new(SqlState::SYNTAX_ERROR, what)
    }

    pub(crate) fn later(what: &str) -> Self {
        Self::new(SqlState::FEATURE_NOT_SUPPORTED, format!("{what} is not supported yet"))
    }

    pub(crate) fn too_many(what: &str, limit: usize) -> Self {
        Self::new(SqlState::PROGRAM_LIMIT_EXCEEDED, format!("too many {what}"))
            .detail(format!("The limit is {limit}."))
    }

    pub(crate) fn not_admin() -> Self {
        Self::new(SqlState::INSUFFICIENT_PRIVILEGE, "admin access needed")
            .hint("Users of admin.stats_users may only SHOW; those of admin.users may do everything.")
    }

    /// Neither in `admin.users` nor in `admin.stats_users` any more.
    pub(crate) fn nobody_here() -> Self {
        Self::new(SqlState::INSUFFICIENT_PRIVILEGE, "console access needed")
            .hint("Add the user to admin.users or admin.stats_users.")
    }
}

/// What is wrong with a command.
impl Fail {
    pub(crate) fn no_database(name: &str) -> Self {
        Self::new(SqlState::INVALID_CATALOG_NAME, format!("no such database: {name}"))
    }

    /// The console itself cannot be paused, killed or reconnected.
    pub(crate) fn own_database(verb: &str, name: &str) -> Self {
        Self::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, format!("cannot {verb} admin db: {name}"))
    }

    pub(crate) fn not_paused(database: Option<&str>) -> Self {
        let message = match database {
            None => "pooler is not paused/suspended".to_owned(),
            Some(name) => format!("database {name} is not paused"),
        };
        Self::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
    }

    pub(crate) fn shutting_down() -> Self {
        Self::new(SqlState::ADMIN_SHUTDOWN, "pooler is shutting down")
    }

    pub(crate) fn pause_timeout(resumed: bool) -> Self {
        Self::new(SqlState::QUERY_CANCELED, "PAUSE timed out, server connections were still in use")
            .detail(aftermath(resumed))
            .hint("SHOW SERVERS tells who uses them; try again with a longer TIMEOUT.")
    }

    pub(crate) fn pause_ended() -> Self {
        Self::new(SqlState::QUERY_CANCELED, "PAUSE was ended by RESUME")
    }

    pub(crate) fn cancelled(resumed: bool) -> Self {
        Self::new(SqlState::QUERY_CANCELED, "canceling statement due to user request")
            .detail(aftermath(resumed))
    }

    pub(crate) fn bad_id() -> Self {
        Self::new(SqlState::INVALID_PARAMETER_VALUE, "invalid client pointer supplied")
            .hint("Take the number from the column id of SHOW CLIENTS.")
    }

    pub(crate) fn no_client() -> Self {
        Self::new(SqlState::UNDEFINED_OBJECT, "client not found")
    }

    pub(crate) fn no_server(what: &str) -> Self {
        Self::new(SqlState::UNDEFINED_OBJECT, format!("no such server: {what}")).hint(
            "Servers of databases with several are banned by name, host, or host:port; see SHOW REPLICAS.",
        )
    }

    pub(crate) fn reload(mistakes: &[String]) -> Self {
        Self::new(SqlState::CONFIG_FILE_ERROR, "RELOAD failed, the old configuration stays in force")
            .detail(mistakes.join("\n"))
    }

    pub(crate) fn in_file(key: &str) -> Self {
        Self::new(SqlState::FEATURE_NOT_SUPPORTED, format!("{key} cannot be changed by SET"))
            .hint("Change it in the configuration file, then RELOAD.")
    }
}

/// What is wrong with a message of the extended protocol.
impl Fail {
    pub(crate) fn no_statement(name: &str) -> Self {
        let message = format!("prepared statement \"{name}\" does not exist");
        Self::new(SqlState::INVALID_SQL_STATEMENT_NAME, message)
    }

    pub(crate) fn no_portal(name: &str) -> Self {
        Self::new(SqlState::INVALID_CURSOR_NAME, format!("portal \"{name}\" does not exist"))
    }

    pub(crate) fn statement_taken(name: &str) -> Self {
        let message = format!("prepared statement \"{name}\" already exists");
        Self::new(SqlState::DUPLICATE_PREPARED_STATEMENT, message)
    }

    pub(crate) fn portal_taken(name: &str) -> Self {
        Self::new(SqlState::DUPLICATE_CURSOR, format!("portal \"{name}\" already exists"))
    }

    pub(crate) fn many_commands() -> Self {
        Self::new(SqlState::SYNTAX_ERROR, "cannot insert multiple commands into a prepared statement")
    }

    pub(crate) fn parameters(given: u16) -> Self {
        let message =
            format!("bind message supplies {given} parameters, but the prepared statement requires 0");
        Self::new(SqlState::PROTOCOL_VIOLATION, message)
    }

    pub(crate) fn formats(given: usize, columns: usize) -> Self {
        let message = format!("bind message has {given} result formats but query has {columns} columns");
        Self::new(SqlState::PROTOCOL_VIOLATION, message)
    }

    pub(crate) fn message(what: &wire::Error) -> Self {
        Self::new(SqlState::PROTOCOL_VIOLATION, what.to_string())
    }

    pub(crate) fn function_call() -> Self {
        Self::new(SqlState::FEATURE_NOT_SUPPORTED, "the console has no functions to call")
    }

    pub(crate) fn encoding() -> Self {
        Self::new(SqlState::INVALID_PARAMETER_VALUE, "invalid byte sequence for encoding \"UTF8\"")
    }
}

fn aftermath(resumed: bool) -> &'static str {
    if resumed { "What was paused has been resumed." } else { "It was paused before, and still is." }
}
