//! One connection of a scripted server, seen from the server's side.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;

use super::{Shared, Step};
use crate::client::Message;
use crate::error::Error;
use crate::{answers, wait};

/// What a client may begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// StartupMessage: the minor version and the parameters.
    Startup(u16, Vec<(String, String)>),
    /// CancelRequest: process id and secret.
    Cancel(u32, Vec<u8>),
    /// SSLRequest.
    Ssl,
    /// GSSENCRequest.
    Gss,
}

/// One connection.
#[derive(Debug)]
pub struct Peer {
    socket: TcpStream,
    number: usize,
    shared: Arc<Shared>,
    ended: bool,
}

impl Peer {
    /// Which connection this is, from 0: a script may treat the first one differently.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Takes the next packet without a tag.
    pub fn read_packet(&mut self) -> Result<Packet, Error> {
        let body = self.read_body()?;
        let (code, rest) =
            body.split_first_chunk().ok_or(Error::Protocol("a start-up packet of no length"))?;
        Ok(match u32::from_be_bytes(*code) {
            80_877_103 => Packet::Ssl,
            80_877_104 => Packet::Gss,
            80_877_102 => {
                let (pid, secret) =
                    rest.split_first_chunk().ok_or(Error::Protocol("a short cancel request"))?;
                Packet::Cancel(u32::from_be_bytes(*pid), secret.to_vec())
            }
            version if version >> 16 == 3 => {
                let minor = u16::try_from(version & 0xffff).unwrap_or(0);
                Packet::Startup(minor, pairs(rest))
            }
            _ => return Err(Error::Protocol("an unknown kind of start-up packet")),
        })
    }

    /// Takes the start-up message, refusing encryption before it. A cancel request is noted and ends the
    /// connection.
    pub fn read_startup(&mut self) -> Result<(u16, Vec<(String, String)>), Error> {
        loop {
            match self.read_packet()? {
                Packet::Startup(minor, params) => return Ok((minor, params)),
                Packet::Cancel(pid, secret) => {
                    self.shared.change(|state| state.cancels.push((pid, secret)));
                    return Err(Error::Closed);
                }
                Packet::Ssl | Packet::Gss => self.send(b"N")?,
            }
        }
    }

    /// Logs anybody in, as an idle PostgreSQL 15.
    pub fn log_in(&mut self) -> Result<(), Error> {
        self.read_startup()?;
        self.welcome()
    }

    /// What a server says after it has accepted a client.
    pub fn welcome(&mut self) -> Result<(), Error> {
        let mut bytes = answers::auth_ok();
        for (name, value) in [
            ("server_version", "15.0"),
            ("server_encoding", "UTF8"),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"),
            ("TimeZone", "UTC"),
            ("integer_datetimes", "on"),
            ("standard_conforming_strings", "on"),
        ] {
            bytes.extend(answers::parameter_status(name, value));
        }
        let pid = u32::try_from(self.number).unwrap_or(0) + 1000;
        bytes.extend(answers::backend_key_data(pid, &[1, 2, 3, 4]));
        bytes.extend(answers::ready(b'I'));
        self.send(&bytes)
    }

    /// Takes the next message.
    pub fn read_message(&mut self) -> Result<Message, Error> {
        let mut tag = [0; 1];
        self.socket.read_exact(&mut tag)?;
        let [tag] = tag;
        Ok(Message { tag, body: self.read_body()? })
    }

    /// Takes the next message, which must have this tag.
    pub fn expect(&mut self, tag: u8) -> Result<Message, Error> {
        let message = self.read_message()?;
        if message.tag == tag { Ok(message) } else { Err(Error::Protocol("not the message of the script")) }
    }

    /// Whether something more has come already; does not wait for it.
    #[must_use]
    pub fn has_more(&self) -> bool {
        let _ = self.socket.set_nonblocking(true);
        let there = self.socket.peek(&mut [0]).is_ok_and(|n| n > 0);
        let _ = self.socket.set_nonblocking(false);
        there
    }

    /// Takes messages up to and with one of this tag.
    pub fn read_until(&mut self, tag: u8) -> Result<Vec<Message>, Error> {
        let mut messages = Vec::new();
        loop {
            let message = self.read_message()?;
            let done = message.tag == tag;
            messages.push(message);
            if done {
                return Ok(messages);
            }
        }
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.socket.write_all(bytes)?)
    }

    /// Sends bytes one by one, each as a segment of its own.
    pub fn dribble(&mut self, bytes: &[u8]) -> Result<(), Error> {
        bytes.iter().try_for_each(|byte| self.send(&[*byte]))
    }

    /// Answers every simple query with one row that holds its text, until the client leaves. What pgweir itself asks
    /// about the state of a session it answers without a row: there is nothing.
    pub fn serve(&mut self) -> Result<(), Error> {
        loop {
            let message = self.read_message()?;
            match message.tag {
                b'Q' if message.text().contains("pg_catalog.") => {
                    self.send(&[answers::complete("SELECT 0"), answers::ready(b'I')].concat())?;
                }
                b'Q' => self.send(&answers::one_row(&message.text()))?,
                b'X' => return Ok(()),
                _ => return Err(Error::Protocol("this script only knows simple queries")),
            }
        }
    }

    /// Does nothing until the test says [`super::Scripted::release`].
    pub fn stall(&mut self) {
        self.shared.wait_released();
    }

    /// Closes the connection.
    pub fn close(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Marks the connection to be reset; it happens when the script ends, so end it.
    pub fn reset(&mut self) {
        let socket = SockRef::from(&self.socket);
        let _ = socket.set_linger(Some(Duration::ZERO));
        // what makes the kernel reset is the last close: ours, when the thread ends, not the kept clone's
        let number = self.number;
        self.shared.change(|state| {
            if let Some(kept) = state.sockets.get_mut(number) {
                *kept = None;
            }
        });
        self.ended = true;
    }

    /// The end of the script: an orderly close, unless it was reset already.
    pub(super) fn finish(&mut self) {
        if !self.ended {
            self.close();
        }
    }

    pub(super) fn new(socket: TcpStream, number: usize, shared: Arc<Shared>) -> Self {
        let _ = socket.set_nodelay(true);
        let _ = socket.set_read_timeout(Some(wait::PATIENCE * 10));
        Self { socket, number, shared, ended: false }
    }

    pub(super) fn play(&mut self, step: &Step) -> Result<(), Error> {
        match step {
            Step::LogIn => self.log_in(),
            Step::Expect(tag) => self.expect(*tag).map(drop),
            Step::ReadUntil(tag) => self.read_until(*tag).map(drop),
            Step::Send(bytes) => self.send(bytes),
            Step::Serve => self.serve(),
            Step::Stall => {
                self.stall();
                Ok(())
            }
            Step::Close => {
                self.close();
                Err(Error::Closed)
            }
            Step::Reset => {
                self.reset();
                Err(Error::Closed)
            }
        }
    }

    /// A length and what it counts.
    fn read_body(&mut self) -> Result<Vec<u8>, Error> {
        let mut length = [0; 4];
        self.socket.read_exact(&mut length)?;
        let size = u32::from_be_bytes(length).checked_sub(4).ok_or(Error::Protocol("a length below 4"))?;
        let mut body = Vec::new();
        // never more than arrives, whatever the length says
        (&mut self.socket).take(u64::from(size)).read_to_end(&mut body)?;
        if u32::try_from(body.len()) == Ok(size) { Ok(body) } else { Err(Error::Closed) }
    }
}

fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let mut texts = bytes.split(|&b| b == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        if name.is_empty() {
            break;
        }
        pairs.push((name, value));
    }
    pairs
}
