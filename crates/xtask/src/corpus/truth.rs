//! What a replica and its primary say to each statement.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::install::Version;
use testkit::{Client, Cluster, Connect, Message, Postgres, messages};

use super::cut::{Statement, cut};
use crate::checkout;
use crate::error::Error;

/// What a statement does there must not last longer.
const LIMITS: &str =
    "set statement_timeout = '10s'; set lock_timeout = '2s'; set idle_in_transaction_session_timeout = 0";

/// Runs the files of these directories, each directory in a database of its own.
pub(super) fn write(version: Version, dirs: &[PathBuf], kept: &Path) -> Result<(), Error> {
    let primary = Postgres::builder()
        .version(version)
        .set("synchronous_standby_names", "*")
        .set("synchronous_commit", "remote_apply")
        .set("max_standby_streaming_delay", "1s")
        .set("max_prepared_transactions", 10)
        .set("wal_level", "logical");
    let cluster = Cluster::start_from(&primary, 1);
    let Some(standby) = cluster.replicas.first() else { return Ok(()) };
    let file = File::create(kept).map_err(|error| Error::File(kept.to_owned(), error))?;
    let mut out = BufWriter::new(file);
    for (number, dir) in dirs.iter().enumerate() {
        let database = format!("corpus{number}");
        cluster.primary.psql(&format!("create database {database} template template0 encoding utf8"));
        for path in files(dir)? {
            eprintln!("{}", path.display());
            let text = checkout::read(&path)?;
            let name = format!("{}/{}", dir.display(), path.file_stem().unwrap_or_default().display());
            let root = dir.parent().unwrap_or(dir).display().to_string();
            let vars =
                [("PG_ABS_SRCDIR", root.clone()), ("abs_srcdir", root), ("PG_DLSUFFIX", ".so".to_owned())];
            let sides = [&cluster.primary, standby].map(|server| server.door().database(&database));
            let mut both = sides.map(Side::new);
            for statement in cut(&text, &vars) {
                let told = told(&mut both, &name, &statement);
                writeln!(out, "{told}").map_err(|error| Error::File(kept.to_owned(), error))?;
            }
        }
    }
    out.flush().map_err(|error| Error::File(kept.to_owned(), error))
}

/// The files, in the order of a schedule beside the directory if there is one.
fn files(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let schedule = dir.parent().unwrap_or(dir).join("parallel_schedule");
    if let Ok(text) = std::fs::read_to_string(&schedule) {
        let tests =
            text.lines().filter_map(|line| line.strip_prefix("test:")).flat_map(str::split_whitespace);
        return Ok(tests.map(|test| dir.join(format!("{test}.sql"))).filter(|path| path.exists()).collect());
    }
    let entries = std::fs::read_dir(dir).map_err(|error| Error::File(dir.to_owned(), error))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "sql"));
    files.sort();
    Ok(files)
}

/// One line: the statement, and how each side took it.
fn told([primary, standby]: &mut [Side; 2], name: &str, statement: &Statement) -> Value {
    let first: String = first_word(&statement.sql);
    let reads =
        ["select", "values", "table", "with", "explain", "show", "copy", ""].contains(&first.as_str());
    let sets = ["set", "reset"].contains(&first.as_str());
    let from_client = first == "copy" && statement.sql.to_lowercase().contains("stdin");
    let in_block = primary.in_block;
    let there = ((reads && !from_client) || sets).then(|| standby.run(&statement.sql, ""));
    let here = primary.run(&statement.sql, &statement.data);
    json!({
        "id": format!("{name}:{}", statement.line),
        "sql": statement.sql,
        "settings": { "standard_conforming_strings": primary.strings() },
        "primary": here.code,
        "standby": there.as_ref().map(|there| there.code.clone()),
        "message": there.as_ref().map(|there| there.message.clone()),
        "same": there.as_ref().map(|there| there.rows == here.rows),
        "in_block": in_block,
    })
}

/// The first word behind blanks, comments and parentheses.
fn first_word(sql: &str) -> String {
    let mut rest = sql.trim_start();
    loop {
        rest = match rest {
            _ if rest.starts_with("--") => rest.split_once('\n').map_or("", |(_, rest)| rest).trim_start(),
            _ if rest.starts_with("/*") => rest.split_once("*/").map_or("", |(_, rest)| rest).trim_start(),
            _ => break,
        };
    }
    rest.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_lowercase()
}

/// A session on one of the two.
struct Side {
    connect: Connect,
    client: Option<Client>,
    in_block: bool,
}

/// How a statement went.
struct Outcome {
    code: String,
    message: String,
    rows: Vec<Vec<u8>>,
}

impl Side {
    fn new(connect: Connect) -> Self {
        Self { connect: connect.deadline(Duration::from_secs(20)), client: None, in_block: false }
    }

    fn strings(&self) -> String {
        let told = self.client.as_ref().and_then(|client| client.parameter("standard_conforming_strings"));
        told.unwrap_or("on").to_owned()
    }

    fn run(&mut self, sql: &str, data: &str) -> Outcome {
        let failed = |message: String| Outcome { code: "lost".to_owned(), message, rows: Vec::new() };
        if self.client.is_none() {
            let opened = self.connect.try_open().and_then(|mut client| {
                client.try_query(LIMITS)?;
                Ok(client)
            });
            match opened {
                Ok(client) => self.client = Some(client),
                Err(error) => return failed(error.to_string()),
            }
        }
        let Some(client) = self.client.as_mut() else { return failed(String::new()) };
        match answer(client, sql, data) {
            Ok(messages) => {
                let status = messages.last().and_then(|ready| ready.body.first().copied());
                self.in_block = status != Some(b'I');
                outcome(messages)
            }
            Err(error) => {
                self.client = None;
                self.in_block = false;
                failed(error.to_string())
            }
        }
    }
}

fn outcome(messages: Vec<Message>) -> Outcome {
    let error = messages.iter().find(|message| message.tag == b'E').and_then(Message::error);
    let (code, message) =
        error.map_or(("ok".to_owned(), String::new()), |error| (error.code().to_owned(), error.to_string()));
    let rows = messages.into_iter().filter(|message| matches!(message.tag, b'D' | b'd')).map(|row| row.body);
    Outcome { code, message, rows: rows.collect() }
}

fn answer(client: &mut Client, sql: &str, data: &str) -> Result<Vec<Message>, testkit::Error> {
    client.try_send(&messages::query(sql))?;
    let mut all = Vec::new();
    loop {
        let message = client.try_read_message()?;
        if message.tag == b'G' {
            client.try_send(&messages::copy_data(data.as_bytes()))?;
            client.try_send(&messages::copy_done())?;
        }
        let done = message.tag == b'Z';
        all.push(message);
        if done {
            return Ok(all);
        }
    }
}
