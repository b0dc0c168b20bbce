//! The console: PgBouncer's views and commands, to the column, for everybody's driver.

mod commands;
mod drivers;
pub(crate) mod figures;
mod pause;
mod protocol;
mod rights;
mod shutdown;
pub(crate) mod views;

use testkit::client::Message;
use testkit::error::ServerError;
use testkit::proxy::Builder;
use testkit::{Client, Error, Postgres, Proxy};

const PGWEIR: &str = env!("CARGO_BIN_EXE_pgweir");

/// A pgweir with an administrator and a monitor, that lets everybody in.
fn before(postgres: &Postgres) -> Builder {
    Proxy::builder(PGWEIR)
        .set("admin.users", r#"["admin"]"#)
        .set("admin.stats_users", r#"["monitor"]"#)
        .database("postgres", postgres)
}

/// The administrator at the console.
#[track_caller]
pub(crate) fn admin(proxy: &Proxy) -> Client {
    visitor(proxy, "admin")
}

#[track_caller]
pub(crate) fn visitor(proxy: &Proxy, user: &str) -> Client {
    proxy.connect().user(user).database("pgweir").open()
}

/// An answer with rows.
pub(crate) struct Table {
    columns: Vec<(String, u32)>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    #[track_caller]
    pub(crate) fn of(messages: &[Message]) -> Self {
        let description = messages.iter().find(|message| message.tag == b'T');
        let description = description.unwrap_or_else(|| panic!("no rows in {messages:?}"));
        let rows = messages.iter().filter(|message| message.tag == b'D').map(Message::texts).collect();
        Self { columns: columns(&description.body), rows }
    }

    /// The value of a column in the one row for which the others are as given.
    #[track_caller]
    pub(crate) fn get(&self, column: &str, row: &[(&str, &str)]) -> &str {
        let at = |name: &str| {
            let at = self.columns.iter().position(|(known, _)| known == name);
            at.unwrap_or_else(|| panic!("no column {name} in {:?}", self.columns))
        };
        let found: Vec<_> = self
            .rows
            .iter()
            .filter(|cells| row.iter().all(|(name, value)| cells[at(name)] == *value))
            .collect();
        assert_eq!(found.len(), 1, "rows with {row:?} in {:?}", self.rows);
        &found[0][at(column)]
    }

    /// A column, from top to bottom.
    pub(crate) fn column(&self, column: &str) -> Vec<String> {
        let at = self.columns.iter().position(|(known, _)| known == column).expect("the column");
        self.rows.iter().map(|cells| cells[at].clone()).collect()
    }

    #[track_caller]
    pub(crate) fn number(&self, column: &str, row: &[(&str, &str)]) -> u64 {
        self.get(column, row).parse().unwrap()
    }
}

/// Name and type of each column of a RowDescription.
fn columns(mut body: &[u8]) -> Vec<(String, u32)> {
    let mut columns = Vec::new();
    body = &body[2..];
    while !body.is_empty() {
        let end = body.iter().position(|b| *b == 0).unwrap();
        let name = String::from_utf8(body[..end].to_vec()).unwrap();
        let rest = &body[end + 1..];
        columns.push((name, u32::from_be_bytes(rest[6..10].try_into().unwrap())));
        body = &rest[18..];
    }
    columns
}

#[track_caller]
pub(crate) fn show(console: &mut Client, sql: &str) -> Table {
    Table::of(&console.query(sql))
}

/// Runs a command that has to succeed; its tag.
#[track_caller]
pub(crate) fn done(console: &mut Client, sql: &str) -> String {
    let messages = console.query(sql);
    let complete = messages.iter().find(|message| message.tag == b'C');
    complete.unwrap_or_else(|| panic!("{sql}: {messages:?}")).text()
}

/// Runs a command that has to fail; the connection has to go on.
#[track_caller]
pub(crate) fn refused(console: &mut Client, sql: &str) -> ServerError {
    let messages = console.query(sql);
    let error = messages.iter().find(|message| message.tag == b'E').and_then(Message::error);
    error.unwrap_or_else(|| panic!("{sql}: {messages:?}"))
}

/// How a connection ends: the errors that come before its end.
#[track_caller]
fn last_words(client: &mut Client) -> Vec<ServerError> {
    let mut errors = Vec::new();
    loop {
        match client.try_read_message() {
            Ok(message) => errors.extend((message.tag == b'E').then(|| message.error()).flatten()),
            Err(Error::Closed | Error::Io(_)) => return errors,
            Err(error) => panic!("the connection stays open: {error} (before: {errors:?})"),
        }
    }
}
