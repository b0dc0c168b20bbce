//! The protocol side of the console, from ParameterStatus on: simple and extended queries, prepared statements
//! and portals. What the commands do is the clerk's business.
//!
//! | after an error | dropped |
//! |---|---|
//! | in a simple query | the rest of its statements |
//! | in the extended protocol | everything up to the Sync |
//!
//! BEGIN and COMMIT change nothing but the status that drivers look at.

use std::collections::HashMap;

use bytes::{BufMut, Bytes, BytesMut};
use config::{Config, PoolMode};
use session::announce;
use session::error::Error;
use wire::backend::{complete, describe as parameters, error, key, one, params, ready};
use wire::frame::HEADER;
use wire::frontend::{bind, close, describe, execute, parse, query};
use wire::{Reader, SqlState, TxStatus};

use super::clerk::{Clerk, Done, Refused};
use super::fail::Fail;
use super::grammar::{self, Command, Idle};
use super::line::Line;
use super::table::{self, Formats, Row};

/// The most prepared statements, and the most portals, of one visitor.
const MOST_NAMES: usize = 200;
/// An answer is sent on when it has grown to this.
const CHUNK: usize = 256 * 1024;

/// One visitor's desk.
pub(crate) struct Desk<'a> {
    line: &'a mut Line,
    clerk: &'a Clerk<'a>,
    /// Prepared statements; `None` for one without a command in it.
    statements: HashMap<Bytes, Option<Command>>,
    portals: HashMap<Bytes, Portal>,
    status: TxStatus,
    skipping: bool,
}

/// A statement about to run, or run in part.
struct Portal {
    command: Option<Command>,
    formats: Formats,
    /// The answer, once it has run.
    ran: Option<(Vec<Row>, &'static str)>,
}

/// What a client is told of this "server", as PgBouncer has it, and of us.
pub(crate) fn greet(line: &mut Line, config: &Config, secret: &[u8]) -> Result<(), wire::Error> {
    let pid = line.card.pid;
    let out = line.out();
    let version = format!("{}/bouncer", config.admin.version);
    let reported = [
        ("server_version", version.as_str()),
        ("client_encoding", "UTF8"),
        ("server_encoding", "UTF8"),
        ("DateStyle", "ISO"),
        ("TimeZone", "GMT"),
        ("standard_conforming_strings", "on"),
        ("is_superuser", "on"),
    ];
    for (name, value) in reported {
        params::write(out, name.as_bytes(), value.as_bytes())?;
    }
    if config.listen.announce {
        announce::write(out, PoolMode::Statement)?;
    }
    key::write(out, pid, secret)?;
    ready::write(out, TxStatus::Idle);
    Ok(())
}

impl<'a> Desk<'a> {
    /// For a visitor that was greeted.
    pub(crate) fn new(line: &'a mut Line, clerk: &'a Clerk<'a>) -> Self {
        Self {
            line,
            clerk,
            statements: HashMap::new(),
            portals: HashMap::new(),
            status: TxStatus::Idle,
            skipping: false,
        }
    }

    /// Serves the visitor until it says goodbye.
    ///
    /// # Errors
    /// It left without a word, broke the protocol, or was told to go.
    pub(crate) async fn serve(&mut self) -> Result<(), Error> {
        loop {
            let (tag, body) = self.line.next().await?;
            let read = body.len().saturating_add(HEADER);
            self.clerk
                .count_bytes(u64::try_from(read).unwrap_or(u64::MAX), std::mem::take(&mut self.line.sent));
            let outcome = match tag {
                b'X' => return Ok(()),
                b'S' => {
                    self.sync();
                    Ok(())
                }
                // COPY data outside a COPY has no meaning and no answer
                b'd' | b'c' | b'f' => Ok(()),
                _ if self.skipping => Ok(()),
                b'Q' => self.query(&body).await,
                b'P' => self.parse(&body),
                b'B' => self.bind(&body),
                b'D' => self.describe(&body),
                b'E' => self.execute(&body).await,
                b'C' => self.close(&body),
                b'H' => Ok(()),
                b'F' => {
                    Fail::function_call().write(self.line.out());
                    ready::write(self.line.out(), self.status);
                    Ok(())
                }
                got => return Err(Error::UnexpectedMessage(got)),
            };
            match outcome {
                Ok(()) => {}
                Err(Refused::Fail(fail)) => {
                    fail.write(self.line.out());
                    self.skipping = true;
                }
                Err(Refused::Gone(error)) => return Err(error),
            }
        }
    }

    fn sync(&mut self) {
        self.skipping = false;
        if self.status == TxStatus::Idle {
            self.portals.clear();
        }
        ready::write(self.line.out(), self.status);
    }

    async fn query(&mut self, body: &[u8]) -> Result<(), Refused> {
        self.statements.remove(&b""[..]);
        self.portals.remove(&b""[..]);
        match query::Query::parse(body).map_err(|e| Fail::message(&e)).and_then(|q| commands(q.sql)) {
            Err(fail) => fail.write(self.line.out()),
            Ok(commands) if commands.is_empty() => self.line.out().put_slice(one::EMPTY_QUERY),
            Ok(commands) => {
                for command in commands {
                    match self.answer(&command).await {
                        Ok(()) => {}
                        Err(Refused::Fail(fail)) => {
                            fail.write(self.line.out());
                            break;
                        }
                        gone => return gone,
                    }
                }
            }
        }
        ready::write(self.line.out(), self.status);
        Ok(())
    }

    /// One command of a simple query.
    async fn answer(&mut self, command: &Command) -> Result<(), Refused> {
        let done = self.run(command).await?;
        if let Some(columns) = command.columns() {
            table::describe(self.line.out(), &columns, &Formats::Text)?;
        }
        let rows = done.rows.unwrap_or_default();
        self.rows(command, &rows, &Formats::Text).await?;
        complete::write(self.line.out(), done.tag.as_bytes())?;
        Ok(())
    }

    async fn rows(&mut self, command: &Command, rows: &[Row], formats: &Formats) -> Result<(), Refused> {
        let columns = command.columns().unwrap_or_default();
        for row in rows {
            table::write(self.line.out(), &columns, row, formats)?;
            if self.line.out().len() > CHUNK {
                self.line.flush().await?;
            }
        }
        Ok(())
    }

    async fn run(&mut self, command: &Command) -> Result<Done, Refused> {
        if let Command::Nothing(idle) = command {
            return Ok(self.note(*idle));
        }
        if let Command::Deallocate(name) = command {
            return Ok(self.deallocate(name.as_deref())?);
        }
        let done = self.clerk.run(self.line, command).await?;
        if let Some((message, detail)) = &done.notice {
            notice(self.line.out(), message, detail);
        }
        Ok(done)
    }

    fn note(&mut self, idle: Idle) -> Done {
        Done::tag(match idle {
            Idle::Begin(tag) => {
                self.status = TxStatus::InTransaction;
                tag
            }
            Idle::End(tag) => {
                self.status = TxStatus::Idle;
                tag
            }
            Idle::Reset => "RESET",
            Idle::Discard => {
                self.statements.clear();
                "DISCARD ALL"
            }
        })
    }

    fn deallocate(&mut self, name: Option<&str>) -> Result<Done, Fail> {
        let Some(name) = name else {
            self.statements.clear();
            return Ok(Done::tag("DEALLOCATE ALL"));
        };
        match self.statements.remove(name.as_bytes()) {
            Some(_) => Ok(Done::tag("DEALLOCATE")),
            None => Err(Fail::no_statement(name)),
        }
    }

    fn parse(&mut self, body: &[u8]) -> Result<(), Refused> {
        let message = parse::Parse::parse(body)?;
        if !message.name.is_empty() && self.statements.contains_key(message.name) {
            return Err(Fail::statement_taken(&lossy(message.name)).into());
        }
        if self.statements.len() >= MOST_NAMES && !message.name.is_empty() {
            return Err(Fail::too_many("prepared statements", MOST_NAMES).into());
        }
        let mut all = commands(message.sql)?;
        let command = all.pop();
        if !all.is_empty() {
            return Err(Fail::many_commands().into());
        }
        self.statements.insert(Bytes::copy_from_slice(message.name), command);
        self.line.out().put_slice(one::PARSE_COMPLETE);
        Ok(())
    }

    fn bind(&mut self, body: &[u8]) -> Result<(), Refused> {
        let message = bind::Bind::parse(body)?;
        let command = self.statement(message.statement)?.clone();
        if !message.portal.is_empty() && self.portals.contains_key(message.portal) {
            return Err(Fail::portal_taken(&lossy(message.portal)).into());
        }
        if self.portals.len() >= MOST_NAMES && !message.portal.is_empty() {
            return Err(Fail::too_many("portals", MOST_NAMES).into());
        }
        let codes = result_formats(message.rest)?;
        let columns = command.as_ref().and_then(Command::columns).map_or(0, |columns| columns.len());
        // codes for a statement without columns mean nothing
        let formats = if columns == 0 { Some(Formats::Text) } else { Formats::new(&codes, columns) };
        let formats = formats.ok_or_else(|| Fail::formats(codes.len(), columns))?;
        self.portals.insert(Bytes::copy_from_slice(message.portal), Portal { command, formats, ran: None });
        self.line.out().put_slice(one::BIND_COMPLETE);
        Ok(())
    }

    fn describe(&mut self, body: &[u8]) -> Result<(), Refused> {
        let message = describe::Describe::parse(body)?;
        let (columns, formats) = match message.kind {
            describe::Kind::Statement => {
                let columns = self.statement(message.name)?.as_ref().and_then(Command::columns);
                parameters::write(self.line.out(), &[])?;
                (columns, Formats::Text)
            }
            describe::Kind::Portal => {
                let portal = self.portals.get(message.name);
                let portal = portal.ok_or_else(|| Fail::no_portal(&lossy(message.name)))?;
                (portal.command.as_ref().and_then(Command::columns), portal.formats.clone())
            }
        };
        match columns {
            Some(columns) => table::describe(self.line.out(), &columns, &formats)?,
            None => self.line.out().put_slice(one::NO_DATA),
        }
        Ok(())
    }

    async fn execute(&mut self, body: &[u8]) -> Result<(), Refused> {
        let message = execute::Execute::parse(body)?;
        // taken out while it runs; one that fails is gone, as in PostgreSQL
        let portal = self.portals.remove(message.portal);
        let mut portal = portal.ok_or_else(|| Fail::no_portal(&lossy(message.portal)))?;
        let Some(command) = portal.command.clone() else {
            self.line.out().put_slice(one::EMPTY_QUERY);
            return Ok(());
        };
        let (mut rows, tag) = match portal.ran.take() {
            Some(ran) => ran,
            None => {
                let done = self.run(&command).await?;
                (done.rows.unwrap_or_default(), done.tag)
            }
        };
        let most = usize::try_from(message.max_rows).ok().filter(|most| *most > 0).unwrap_or(usize::MAX);
        let rest = rows.split_off(most.min(rows.len()));
        self.rows(&command, &rows, &portal.formats).await?;
        if rest.is_empty() {
            complete::write(self.line.out(), tag.as_bytes())?;
        } else {
            self.line.out().put_slice(one::PORTAL_SUSPENDED);
        }
        portal.ran = Some((rest, tag));
        self.portals.insert(Bytes::copy_from_slice(message.portal), portal);
        Ok(())
    }

    fn close(&mut self, body: &[u8]) -> Result<(), Refused> {
        let message = close::Close::parse(body)?;
        // closing what is not there is no error
        match message.kind {
            close::Kind::Statement => drop(self.statements.remove(message.name)),
            close::Kind::Portal => drop(self.portals.remove(message.name)),
        }
        self.line.out().put_slice(one::CLOSE_COMPLETE);
        Ok(())
    }

    fn statement(&self, name: &[u8]) -> Result<&Option<Command>, Fail> {
        self.statements.get(name).ok_or_else(|| Fail::no_statement(&lossy(name)))
    }
}

fn commands(sql: &[u8]) -> Result<Vec<Command>, Fail> {
    grammar::parse(std::str::from_utf8(sql).map_err(|_| Fail::encoding())?)
}

/// What stands behind the names of a Bind: formats of parameters, parameters (there can be none), and the
/// formats of the results, true for binary.
fn result_formats(rest: &[u8]) -> Result<Vec<bool>, Refused> {
    let mut reader = Reader::new(rest);
    for _ in 0..reader.u16()? {
        reader.i16()?;
    }
    let given = reader.u16()?;
    if given > 0 {
        return Err(Fail::parameters(given).into());
    }
    let mut codes = Vec::new();
    for _ in 0..reader.u16()? {
        codes.push(reader.i16()? != 0);
    }
    reader.finish()?;
    Ok(codes)
}

fn notice(out: &mut BytesMut, message: &str, detail: &str) {
    let detail = (!detail.is_empty()).then_some(detail);
    let (severity, sqlstate) = (error::Severity::Notice, SqlState::SUCCESSFUL_COMPLETION);
    error::write_notice(out, &error::ErrorFields { severity, sqlstate, message, detail, hint: None });
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().take(64).collect()
}
