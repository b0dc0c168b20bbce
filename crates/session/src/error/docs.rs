//! `docs/errors.md`: every error that a session makes itself, written from the errors. A new kind of error does
//! not compile here until it has a line of its own.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::*;
use pool::error::{Crowd, Usage};
use wire::auth::ScramError;
use wire::backend::error::Fields;

const HEAD: &str = "\
# Errors

<!-- Generated from crates/session by `cargo xtask generate`. Do not edit. -->

What pgweir itself says to a client, by SQLSTATE. An error of a server reaches the client unchanged and is not
listed here, but for the client's own name of a prepared statement in the place of the one it has on the server.
The console answers with errors of its own.

- **ERROR**: the request is refused, everything up to its end is dropped, and the session goes on, outside of a
  transaction as before. While a client logs in, the same failure is FATAL.
- **FATAL**: the connection is closed behind it.

DETAIL begins with the client's number, which is in every line of the log about it. Names and figures below are
examples.
";

/// Every kind of error: its pattern, when a client meets it, and one of that kind.
macro_rules! kinds {
    ($($pattern:pat, $when:literal, $one:expr;)+) => {
        fn when(error: &Error) -> &'static str {
            match error {
                $($pattern => $when,)+
            }
        }

        fn one_of_each() -> Vec<Error> {
            vec![$($one),+]
        }
    };
}

kinds! {
    Error::ClientLost(_), "the client has gone: nobody is told", Error::ClientLost(None);
    Error::Protocol(wire::Error::BadLength { .. }), "a message of the client is longer than `listen.max_message`",
        Error::Protocol(wire::Error::BadLength { tag: b'Q', len: 2_000_000, limit: 1_048_576 });
    Error::Protocol(_), "the client broke the protocol",
        Error::Protocol(wire::Error::Unexpected { expected: "a password message", got: b'Q' });
    Error::UnexpectedMessage(_), "a message that has no place here, or no meaning", Error::UnexpectedMessage(b'v');
    Error::Pool(PoolError::QueueTimeout { last: None, .. }), "no server became free within `pool.acquire_timeout`",
        Error::Pool(queue_timeout(None));
    Error::Pool(PoolError::QueueTimeout { last: Some(_), .. }), "the same, and the last attempt to connect has failed",
        Error::Pool(queue_timeout(Some(Box::new(PoolError::Connect { server: server(), why: "timed out".into() }))));
    Error::Pool(PoolError::Connect { .. }), "the server cannot be reached",
        Error::Pool(PoolError::Connect { server: server(), why: "Connection refused (os error 111)".into() });
    Error::Pool(PoolError::Refused { .. }), "the server refused the log-in: its own error",
        Error::Pool(PoolError::Refused { server: server(), sqlstate: "3D000".into(), body: Bytes::new() });
    Error::Pool(PoolError::Credentials { .. }), "pgweir has nothing to log in to the server with",
        Error::Pool(PoolError::Credentials {
            server: server(), why: "the server asks for a password, and there is none".into(),
        });
    Error::Pool(PoolError::Unbound { .. }), "`server_tls.channel_binding` is `require`, and the server has no part in it",
        Error::Pool(PoolError::Unbound {
            server: server(), why: ScramError::NoBinding("the server does not offer it").to_string(),
        });
    Error::Pool(PoolError::Protocol { .. }), "the server broke the protocol before the request was sent",
        Error::Pool(PoolError::Protocol { server: server(), what: broken() });
    Error::Pool(PoolError::Lost { .. }), "the server was lost before the request was sent",
        Error::Pool(PoolError::Lost { server: server(), why: None });
    Error::Pool(PoolError::AtCap(_)), "a replication connection, and as many are open as a cap allows",
        Error::Pool(PoolError::AtCap(of_database(100)));
    Error::Pool(PoolError::Retired), "a reload has removed the pool",
        Error::Pool(PoolError::Retired);
    Error::Pool(PoolError::ShuttingDown), "pgweir is going down while the client waits",
        Error::Pool(PoolError::ShuttingDown);
    Error::ServerLost { told: false, .. }, "the server was lost with the request under way",
        Error::ServerLost { error: PoolError::Lost { server: server(), why: None }, told: false };
    Error::ServerLost { told: true, .. }, "the same, and the server has said why: its own FATAL",
        Error::ServerLost { error: PoolError::Lost { server: server(), why: None }, told: true };
    Error::Demoted { .. }, "the client had a connection to the primary, in session mode, in a transaction, or with a \
        request under way, and another server has become the primary", Error::Demoted { server: server() };
    Error::NoPrimary(_), "a database with several servers, and none of them has taken writes for as long as \
        `pool.acquire_timeout`", Error::NoPrimary(NoPrimary {
            database: "app".into(), vacant: Duration::from_millis(7_200),
            servers: "db1.example:5432: primary, down; db2.example:5432: replica, up".into(),
        });
    Error::NothingSent(_), "two servers one after the other did not take a byte of the request",
        Error::NothingSent(PoolError::Lost { server: server(), why: Some("Broken pipe (os error 32)".into()) });
    Error::Timeout(Limit::Query, _), "a query ran for longer than `pool.query_timeout` and was cancelled; \
        FATAL only if the server does not end it",
        Error::Timeout(Limit::Query, Duration::from_secs(30));
    Error::Timeout(Limit::IdleInTransaction, _), "the client was silent in a transaction for longer than \
        `pool.idle_in_transaction_timeout`", Error::Timeout(Limit::IdleInTransaction, Duration::from_secs(60));
    Error::Timeout(Limit::Transaction, _), "a transaction lasted longer than `pool.transaction_timeout`",
        Error::Timeout(Limit::Transaction, Duration::from_secs(60));
    Error::Timeout(Limit::IdleClient, _), "the client did nothing for longer than `pool.idle_client_timeout`",
        Error::Timeout(Limit::IdleClient, Duration::from_secs(600));
    Error::Timeout(Limit::Pinned, _), "the client has kept a server connection between transactions, without a \
        query, for longer than `pool.pinned_timeout`", Error::Timeout(Limit::Pinned, Duration::from_secs(3600));
    Error::Settings(_), "the server has refused the client's settings: its own error",
        Error::Settings(PoolError::Refused { server: server(), sqlstate: "22023".into(), body: Bytes::new() });
    Error::Keeps { pins: Pins::CHANNEL, .. }, "a LISTEN where `pool.listen` is `reject`",
        Error::Keeps { pins: Pins::CHANNEL, fatal: false };
    Error::Keeps { fatal: false, .. }, "`pool.state` is `reject`, and the statement makes a temporary table, takes a \
        session-level advisory lock, or the like", Error::Keeps { pins: Pins::LOCK, fatal: false };
    Error::Keeps { fatal: true, .. }, "the same, noticed only when it was there: a function has done it",
        Error::Keeps { pins: Pins::LOCK, fatal: true };
    Error::TooManyPinned { .. }, "`pool.max_pinned` server connections are kept by their clients already",
        Error::TooManyPinned { limit: 5, pins: Pins::TEMPORARY };
    Error::Killed, "an administrator closed the session", Error::Killed;
    Error::ShuttingDown, "SIGTERM or SHUTDOWN: the transaction has ended", Error::ShuttingDown;
    Error::Cancelled, "cancelled by the client while it waited for a server", Error::Cancelled;
    Error::TransactionBlock { open: false }, "BEGIN in statement mode", Error::TransactionBlock { open: false };
    Error::TransactionBlock { open: true }, "a transaction block in statement mode, noticed when it was open",
        Error::TransactionBlock { open: true };
    Error::Changed, "a prepared statement is not what the client was told when it was described: a table was changed \
        since, and no server has it as it was", Error::Changed;
    Error::Unheard(..), "a LISTEN, and the connection that listens could not be made to within `pool.acquire_timeout`",
        Error::Unheard(Duration::from_secs(5), Some(PoolError::Lost { server: server(), why: None }));
    Error::NoReplica(_), "the database, the session or a rule wants a replica, and none may answer",
        Error::NoReplica("10.0.0.2:5432: down".to_owned());
    Error::OwnSetting(..), "SET of a setting of pgweir's own to what it cannot be",
        Error::OwnSetting("pgweir.target", "master".to_owned(), "Available values: split, primary, replica.");
    Error::OwnMisplaced(_), "such a setting in a text of several statements, or in `set_config`",
        Error::OwnMisplaced("pgweir.target");
    Error::NoToken(_), "SHOW pgweir.token while the primary does not answer", Error::NoToken(Duration::from_secs(5));
    Error::Aborted, "a request in a transaction that has failed before it had a server", Error::Aborted;
    Error::Unbegun(_), "the BEGIN that goes to the server with the first statement behind it was cancelled there by \
        somebody else", Error::Unbegun("canceling statement due to user request".to_owned());
    Error::Login(Refusal::NoUser), "a start-up message without a user", Error::Login(Refusal::NoUser);
    Error::Login(Refusal::Password { .. }), "wrong password, unknown user, or nothing to check against",
        Error::Login(Refusal::Password { user: "app".into(), why: "" });
    Error::Login(Refusal::Binding { downgrade: true }), "a SCRAM log-in whose client did not see our offer of channel \
        binding", Error::Login(Refusal::Binding { downgrade: true });
    Error::Login(Refusal::Binding { downgrade: false }), "a SCRAM log-in bound to another certificate than ours",
        Error::Login(Refusal::Binding { downgrade: false });
    Error::Login(Refusal::Lookup { .. }), "`auth.query` cannot be asked, and there is no earlier answer that serves",
        Error::Login(Refusal::Lookup { user: "app".into(), waited: Duration::from_secs(5) });
    Error::Login(Refusal::NoEntry(_)), "no line of `auth.hba` is for this client", Error::Login(Refusal::NoEntry(visit()));
    Error::Login(Refusal::Rejected(_)), "the line of `auth.hba` for this client says `reject`",
        Error::Login(Refusal::Rejected(visit()));
    Error::Login(Refusal::NoCertificate), "no client certificate where one is needed, or one whose time is over",
        Error::Login(Refusal::NoCertificate);
    Error::Login(Refusal::Certificate { .. }), "the client's certificate is not for this user",
        Error::Login(Refusal::Certificate { user: "app".into(), known: None });
    Error::Login(Refusal::Peer { .. }), "the user of the operating system may not log in as this user",
        Error::Login(Refusal::Peer { user: "app".into(), known: None });
    Error::Login(Refusal::Header(_)), "no header where `listen.proxy_protocol` asks for one",
        Error::Login(Refusal::Header(wire::proxy::Malformed::Missing));
    Error::Login(Refusal::HeaderSender(_)), "a connection from an address that is not in `listen.proxy_from`",
        Error::Login(Refusal::HeaderSender([10, 0, 0, 1].into()));
    Error::Login(Refusal::UnprovenAdmin(_)), "the console by `trust`, from another machine",
        Error::Login(Refusal::UnprovenAdmin("admin".into()));
    Error::Login(Refusal::Database(_)), "no `[[database]]` of that name", Error::Login(Refusal::Database("app".into()));
    Error::Login(Refusal::NoConsole(_)), "the console, by a user in neither `admin.users` nor `admin.stats_users`",
        Error::Login(Refusal::NoConsole("app".into()));
    Error::Login(Refusal::TlsRequired), "no TLS where `listen.tls.mode` asks for it", Error::Login(Refusal::TlsRequired);
    Error::Login(Refusal::UnencryptedData), "bytes in clear behind a request for encryption",
        Error::Login(Refusal::UnencryptedData);
    Error::Login(Refusal::Tls(_)), "TLS at once where there is none", Error::Login(Refusal::Tls("TLS is not enabled".into()));
    Error::Login(Refusal::Version(..)), "a protocol before 3.0 or after 3", Error::Login(Refusal::Version(2, 0));
    Error::Login(Refusal::Replication), "a replication connection to the console", Error::Login(Refusal::Replication);
    Error::Login(Refusal::Late), "the log-in was not over within `listen.login_timeout`", Error::Login(Refusal::Late);
    Error::Login(Refusal::TooManyClients { of: Whole::Proxy, .. }), "`pool.max_clients` are there",
        Error::Login(Refusal::TooManyClients { of: Whole::Proxy, limit: 10_000, present: 10_000 });
    Error::Login(Refusal::TooManyClients { of: Whole::Database(_), .. }), "`max_clients` of the database are there",
        Error::Login(Refusal::TooManyClients { of: Whole::Database("app".into()), limit: 50, present: 50 });
    Error::Login(Refusal::TooManyClients { of: Whole::User(_), .. }), "`max_clients` of the user are there",
        Error::Login(Refusal::TooManyClients { of: Whole::User("app".into()), limit: 20, present: 20 });
}

fn visit() -> Visit {
    let (host, user, database) = ("10.0.0.1".into(), "app".into(), Some("app".into()));
    Visit { host, user, database, encrypted: false }
}

fn server() -> String {
    "db.example:5432".to_owned()
}

fn of_database(used: u32) -> Usage {
    Usage { used, limit: 100, of: "connections to this database on the server" }
}

fn broken() -> wire::Error {
    wire::Error::Unexpected { expected: "the reply to Parse (1 E)", got: b'D' }
}

fn queue_timeout(last: Option<Box<PoolError>>) -> PoolError {
    let crowd = Crowd { size: 25, active: 25, idle: 0, opening: 0, waiting: 3, cap: of_database(25) };
    PoolError::QueueTimeout { waited: Duration::from_secs(5), crowd, last }
}

fn errors_md() -> String {
    let mut rows: Vec<(String, String)> = one_of_each().iter().filter_map(row).collect();
    rows.sort();
    let mut text = format!("{HEAD}\n| SQLSTATE | severity | message | when |\n|---|---|---|---|\n");
    for (row, _) in &rows {
        text.push_str(row);
    }
    text.push_str("\n## Details and hints\n\n| message | detail | hint |\n|---|---|---|\n");
    for (_, more) in rows.iter().filter(|(_, more)| !more.is_empty()) {
        text.push_str(more);
    }
    text
}

/// How it is told where it is met first.
fn severity(error: &Error) -> &'static str {
    let survives = error.is_survivable() || matches!(error, Error::Timeout(Limit::Query, _));
    if survives { "ERROR" } else { "FATAL" }
}

/// The line of one error in both tables; none if nobody is told, or in the words of the server.
fn row(error: &Error) -> Option<(String, String)> {
    let own_words =
        !matches!(error, Error::Pool(PoolError::Refused { .. }) | Error::Settings(PoolError::Refused { .. }));
    let report = error.report().filter(|_| own_words)?;
    let severity = severity(error);
    let (mut row, mut more) = (String::new(), String::new());
    let Report { sqlstate, message, detail, hint, .. } = &report;
    writeln!(row, "| `{sqlstate}` | {severity} | {message} | {} |", when(error)).ok()?;
    if !detail.is_empty() || !hint.is_empty() {
        writeln!(more, "| {message} | {detail} | {hint} |").ok()?;
    }
    Some((row, more))
}

#[test]
fn the_document_in_the_tree_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let want = errors_md();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &want).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == want, "docs/errors.md is stale, write it again with cargo xtask generate");
}

/// What the table says is what the client gets.
#[test]
fn an_error_is_told_with_the_severity_of_the_table() {
    for error in one_of_each() {
        let Some((row, _)) = row(&error) else { continue };
        let mut out = BytesMut::new();
        if severity(&error) == "ERROR" {
            error.respond(&mut out, 7);
        } else {
            error.respond_fatal(&mut out, 7);
        }
        let fields = Fields::new(&out[5..]);
        let code = String::from_utf8_lossy(&fields.sqlstate().unwrap()).into_owned();
        let severity = severity(&error);
        assert!(row.starts_with(&format!("| `{code}` | {severity} |")), "{row}");
        assert!(out.windows(7).any(|at| at == b"Client "), "{error:?}");
    }
}

/// As PostgreSQL speaks: lower case, one line, no full stop; hints are sentences.
#[test]
fn messages_are_in_the_style_of_postgresql() {
    for report in one_of_each().iter().filter_map(Error::report) {
        let Report { message, hint, .. } = report;
        assert!(!message.ends_with('.') && !message.contains('\n'), "{message}");
        let abbreviated = ["TLS", "SCRAM", "Peer"].iter().any(|name| message.starts_with(name));
        let first = message.chars().next();
        assert!(first.is_some_and(|c| !c.is_uppercase()) || abbreviated, "{message}");
        assert!(hint.is_empty() || hint.ends_with('.'), "{hint}");
    }
}
