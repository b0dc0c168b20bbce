//! A PostgreSQL client of raw frames: it sends the bytes it is told to, whole or in pieces, and gives back the
//! messages that come, each with a deadline. It never retries and never hides anything.

mod connect;
mod login;
mod stream;
pub mod tls;

pub use connect::{Bind, Connect};

use std::collections::BTreeMap;
use std::net::Shutdown;

use crate::error::{Error, ServerError};
use crate::fail::OrFail;
use crate::messages;
use stream::Stream;

/// One message of the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its type.
    pub tag: u8,
    /// What follows the length.
    pub body: Vec<u8>,
}

/// A connection; just open, or logged in.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    inbox: Vec<u8>,
    connect: Connect,
    key: Option<(u32, Vec<u8>)>,
    parameters: BTreeMap<String, String>,
    login: Vec<Message>,
}

impl Client {
    /// The process id and secret that cancel its queries, if the server gave them.
    #[must_use]
    pub fn key(&self) -> Option<(u32, &[u8])> {
        self.key.as_ref().map(|(pid, secret)| (*pid, secret.as_slice()))
    }

    /// What the server last reported of this parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Every message received up to the first ReadyForQuery.
    #[must_use]
    pub fn login_messages(&self) -> &[Message] {
        &self.login
    }

    /// Sends bytes.
    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).or_fail("sending");
    }

    /// Sends bytes; the peer may have gone.
    pub fn try_send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.write_all(bytes)
    }

    /// Sends bytes as several segments, cut before each of the positions given, in order.
    #[track_caller]
    pub fn send_split(&mut self, bytes: &[u8], cuts: &[usize]) {
        let mut start = 0;
        for &cut in cuts {
            let cut = cut.clamp(start, bytes.len());
            self.send(bytes.get(start..cut).unwrap_or_default());
            start = cut;
        }
        self.send(bytes.get(start..).unwrap_or_default());
    }

    /// The next message; fails the test if the stream ends or the deadline passes.
    #[track_caller]
    pub fn read_message(&mut self) -> Message {
        self.try_read_message().or_fail("reading a message")
    }

    /// The next message, which must have this tag.
    #[track_caller]
    pub fn expect(&mut self, tag: u8) -> Message {
        let message = self.read_message();
        assert!(message.tag == tag, "expected {:?}, got {message:?}", char::from(tag));
        message
    }

    /// The next message, or why there is none.
    pub fn try_read_message(&mut self) -> Result<Message, Error> {
        let header = self.fill(5)?;
        let length = match header.as_slice() {
            [_, length @ ..] => <[u8; 4]>::try_from(length).map(u32::from_be_bytes).unwrap_or(0),
            [] => 0,
        };
        let body = length.checked_sub(4).ok_or(Error::Protocol("a length below 4"))?;
        let size = usize::try_from(body).map_err(|_| Error::Protocol("a length beyond memory"))?;
        self.fill(5 + size)?;
        let rest = self.inbox.split_off(5 + size);
        let mut whole = std::mem::replace(&mut self.inbox, rest);
        let body = whole.split_off(5);
        let message = Message { tag: whole.first().copied().unwrap_or(0), body };
        self.notice(&message);
        Ok(message)
    }

    /// Everything up to and with the next ReadyForQuery.
    #[track_caller]
    pub fn read_until_ready(&mut self) -> Vec<Message> {
        self.try_read_until_ready().or_fail("reading until ReadyForQuery")
    }

    /// Everything up to and with the next ReadyForQuery, or why it never came.
    pub fn try_read_until_ready(&mut self) -> Result<Vec<Message>, Error> {
        self.try_read_until(b'Z')
    }

    /// Everything up to and with the next message of this tag.
    pub fn try_read_until(&mut self, tag: u8) -> Result<Vec<Message>, Error> {
        let mut messages = Vec::new();
        loop {
            let message = self.try_read_message()?;
            let done = message.tag == tag;
            messages.push(message);
            if done {
                return Ok(messages);
            }
        }
    }

    /// Every message until the peer ends the stream.
    #[track_caller]
    pub fn read_to_end(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            match self.try_read_message() {
                Ok(message) => messages.push(message),
                Err(Error::Closed) => return messages,
                Err(error) => panic!("reading to the end, after {messages:?}: {error}"),
            }
        }
    }

    /// Exactly `n` bytes as they come, outside any message (the answer to SSLRequest).
    #[track_caller]
    pub fn read_bytes(&mut self, n: usize) -> Vec<u8> {
        self.fill(n).or_fail("reading bytes");
        let rest = self.inbox.split_off(n);
        std::mem::replace(&mut self.inbox, rest)
    }

    /// Sends a simple query and gives everything up to ReadyForQuery.
    #[track_caller]
    pub fn query(&mut self, sql: &str) -> Vec<Message> {
        self.try_query(sql).or_fail(sql)
    }

    /// The same, where the connection may break.
    pub fn try_query(&mut self, sql: &str) -> Result<Vec<Message>, Error> {
        self.try_send(&messages::query(sql))?;
        self.try_read_until_ready()
    }

    /// Sends a simple query and gives its rows as `psql -At` prints them; an ErrorResponse is an error.
    pub fn try_rows(&mut self, sql: &str) -> Result<String, Error> {
        let mut lines = Vec::new();
        let mut failure = None;
        for message in self.try_query(sql)? {
            match message.tag {
                b'D' => lines.push(message.texts().join("|")),
                b'E' => failure = failure.or(message.error()),
                _ => {}
            }
        }
        failure.map_or_else(|| Ok(lines.join("\n")), |error| Err(Error::Server(error)))
    }

    /// The same; an ErrorResponse fails the test.
    #[track_caller]
    pub fn rows(&mut self, sql: &str) -> String {
        self.try_rows(sql).or_fail(sql)
    }

    /// Asks, over a new connection of the same kind, to cancel what this one is doing; returns when the
    /// server has closed that connection, which says that it has handled the request.
    #[track_caller]
    pub fn cancel(&self) {
        let (pid, secret) = self.key().or_fail("a cancel key");
        let mut other = self.connect.unlogged();
        other.send(&messages::cancel_request(pid, secret));
        assert!(other.read_to_end().is_empty(), "a cancel request has no answer");
    }

    /// Says goodbye and closes.
    pub fn terminate(mut self) {
        let _ = self.try_send(&messages::terminate());
    }

    /// Ends our direction only.
    pub fn shutdown_write(&mut self) {
        self.stream.shutdown(Shutdown::Write);
    }

    /// Closes with a reset instead of an orderly end.
    pub fn reset(self) {
        self.stream.reset();
    }

    /// Whether the peer has ended the stream, without waiting and without losing what it sent.
    pub fn is_closed(&mut self) -> bool {
        self.stream.is_closed(&mut self.inbox)
    }

    /// Bytes read but not yet asked for.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.inbox.len()
    }

    fn new(stream: Stream, connect: Connect) -> Self {
        Self { stream, inbox: Vec::new(), connect, key: None, parameters: BTreeMap::new(), login: Vec::new() }
    }

    /// Makes the inbox at least `n` long; gives a copy of its first five bytes, the header.
    fn fill(&mut self, n: usize) -> Result<Vec<u8>, Error> {
        while self.inbox.len() < n {
            self.stream.read_into(&mut self.inbox)?;
        }
        Ok(self.inbox.iter().copied().take(5).collect())
    }

    /// Keeps what the server reports about the connection.
    fn notice(&mut self, message: &Message) {
        match message.tag {
            b'S' => {
                let mut parts = message.body.split(|&b| b == 0).map(String::from_utf8_lossy);
                if let (Some(name), Some(value)) = (parts.next(), parts.next()) {
                    self.parameters.insert(name.into_owned(), value.into_owned());
                }
            }
            b'K' => {
                if let Some((pid, secret)) = message.body.split_first_chunk() {
                    self.key = Some((u32::from_be_bytes(*pid), secret.to_vec()));
                }
            }
            _ => {}
        }
    }
}

impl Message {
    /// The message as it was on the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        messages::frame(self.tag, &self.body)
    }

    /// The fields of an ErrorResponse or NoticeResponse.
    #[must_use]
    pub fn error(&self) -> Option<ServerError> {
        matches!(self.tag, b'E' | b'N').then(|| ServerError::parse(&self.body))
    }

    /// The body up to its first zero byte: the tag of a CommandComplete.
    #[must_use]
    pub fn text(&self) -> String {
        let text = self.body.split(|&b| b == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    }

    /// The columns of a DataRow.
    #[must_use]
    pub fn columns(&self) -> Vec<Option<Vec<u8>>> {
        let mut columns = Vec::new();
        let mut rest = self.body.get(2..).unwrap_or_default();
        while let Some((length, tail)) = rest.split_first_chunk() {
            rest = tail;
            match usize::try_from(i32::from_be_bytes(*length)) {
                Ok(size) => {
                    let (value, tail) = rest.split_at_checked(size).unwrap_or((rest, &[]));
                    columns.push(Some(value.to_vec()));
                    rest = tail;
                }
                Err(_) => columns.push(None),
            }
        }
        columns
    }

    /// The columns of a DataRow as text; NULL is empty, as psql has it.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let text =
            |column: Option<Vec<u8>>| String::from_utf8_lossy(&column.unwrap_or_default()).into_owned();
        self.columns().into_iter().map(text).collect()
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tag = char::from(self.tag);
        match self.error() {
            Some(error) => write!(f, "{tag}({error})"),
            None => write!(f, "{tag}(\"{}\")", self.body.escape_ascii()),
        }
    }
}

/// The tags of some messages, in order: the shape of an answer.
#[must_use]
pub fn tags(messages: &[Message]) -> String {
    messages.iter().map(|message| char::from(message.tag)).collect()
}
