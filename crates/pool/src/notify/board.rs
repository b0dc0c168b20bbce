//! Who listens to what, and what the server has still to be told of it; no sockets, no clock.
//!
//! | a channel is | when | then |
//! |---|---|---|
//! | wanted | somebody subscribes, or the connection was lost | asked, with the next batch |
//! | asked | the batch is on its way | live, refused, or wanted again |
//! | live | the server has confirmed its LISTEN | asked to UNLISTEN when nobody is left |
//! | refused | the server has answered with an error | wanted, on the next connection |

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::Name;
use super::mailbox::Mailbox;
use crate::map::Map;

/// So many statements go to the server at once.
const BATCH: usize = 500;

/// How far a channel has come on the connection that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The server is to be asked.
    Wanted,
    /// It has been asked.
    Asked,
    /// It has confirmed.
    Live,
    /// It has answered with an error.
    Refused,
}

/// Channels and who subscribes to them. Names are chosen by clients, and the map is shared by them.
#[derive(Debug, Default)]
pub(super) struct Board {
    channels: HashMap<Name, Channel>,
    /// Channels whose state is to be looked at for the next batch.
    due: Vec<Name>,
    /// Those of the batch under way.
    asked: Vec<Name>,
    /// The server has refused a batch: one by one, to know which it was.
    one_by_one: usize,
    /// The number of the last loss of the connection, among those of all boards.
    loss: u64,
    last: u64,
    /// The task that listens is there.
    running: bool,
}

#[derive(Debug)]
struct Channel {
    seats: Map<u64, Seat>,
    standing: Standing,
}

#[derive(Debug)]
struct Seat {
    mailbox: Arc<Mailbox>,
    /// The client was told that it listens, so it has to be told when that was not so for a while.
    promised: bool,
}

impl Board {
    /// Whether a task has to be started; it counts as running then.
    pub(super) fn start(&mut self) -> bool {
        !std::mem::replace(&mut self.running, true)
    }

    /// A board on which a loss of this number counts as the last.
    pub(super) fn new(loss: u64) -> Self {
        Self { loss, ..Self::default() }
    }

    /// One more subscriber; the number it goes by. `promised`: it has been listening somewhere else until now.
    pub(super) fn subscribe(&mut self, name: &Name, mailbox: &Arc<Mailbox>, promised: bool) -> u64 {
        self.last += 1;
        let channel = self.channels.entry(Arc::clone(name)).or_insert_with(|| {
            self.due.push(Arc::clone(name));
            Channel { seats: Map::default(), standing: Standing::Wanted }
        });
        let live = channel.standing == Standing::Live;
        if live && promised {
            mailbox.restored(self.loss);
        }
        let promised = live || promised;
        channel.seats.insert(self.last, Seat { mailbox: Arc::clone(mailbox), promised });
        self.last
    }

    /// One subscriber less; true if the server is to be told.
    pub(super) fn unsubscribe(&mut self, name: &Name, number: u64) -> bool {
        let Some(channel) = self.channels.get_mut(name) else { return false };
        channel.seats.remove(&number);
        if channel.seats.is_empty() {
            self.due.push(Arc::clone(name));
        }
        channel.seats.is_empty()
    }

    /// How far a channel has come.
    pub(super) fn standing(&self, name: &Name) -> Option<Standing> {
        self.channels.get(name).map(|channel| channel.standing)
    }

    /// Whether nobody subscribes to anything.
    pub(super) fn is_unused(&self) -> bool {
        self.channels.values().all(|channel| channel.seats.is_empty())
    }

    /// Whether the task may end: nobody subscribes to anything. The next who does has to start another.
    pub(super) fn rest(&mut self) -> bool {
        self.running = !self.is_unused();
        !self.running
    }

    /// What the server is to be told next, if anything. LISTEN may fail, and everything with it that is in the
    /// same batch, so UNLISTEN never is.
    pub(super) fn next_batch(&mut self) -> Option<Vec<u8>> {
        let most = if self.one_by_one > 0 { 1 } else { BATCH };
        self.one_by_one = self.one_by_one.saturating_sub(1);
        let mut sql = Vec::new();
        let (mut listens, mut unlistens) = (0, 0);
        while listens + unlistens < most {
            let Some(name) = self.due.pop() else { break };
            let Some(channel) = self.channels.get_mut(&name) else { continue };
            match (channel.standing, channel.seats.is_empty()) {
                (Standing::Wanted, false) if unlistens == 0 => {
                    channel.standing = Standing::Asked;
                    write(&mut sql, b"LISTEN ", &name);
                    self.asked.push(name);
                    listens += 1;
                }
                (Standing::Live, true) if listens == 0 => {
                    self.channels.remove(&name);
                    write(&mut sql, b"UNLISTEN ", &name);
                    unlistens += 1;
                }
                (Standing::Wanted, false) | (Standing::Live, true) => {
                    self.due.push(name);
                    break;
                }
                (Standing::Wanted | Standing::Refused, true) => drop(self.channels.remove(&name)),
                // looked at again when the answer is there
                (Standing::Asked, _) | (Standing::Live | Standing::Refused, false) => {}
            }
        }
        (listens + unlistens > 0).then_some(sql)
    }

    /// The server has done what it was told.
    pub(super) fn confirmed(&mut self) {
        for name in std::mem::take(&mut self.asked) {
            let Some(channel) = self.channels.get_mut(&name) else { continue };
            channel.standing = Standing::Live;
            for seat in channel.seats.values_mut() {
                if std::mem::replace(&mut seat.promised, true) {
                    seat.mailbox.restored(self.loss);
                } else {
                    seat.mailbox.wake();
                }
            }
            if channel.seats.is_empty() {
                self.due.push(name);
            }
        }
    }

    /// The server has answered with an error, and nothing of the batch was done.
    pub(super) fn refused(&mut self) {
        let asked = std::mem::take(&mut self.asked);
        let alone = asked.len() == 1;
        for name in asked {
            let Some(channel) = self.channels.get_mut(&name) else { continue };
            channel.standing = if alone { Standing::Refused } else { Standing::Wanted };
            if alone {
                channel.seats.values().for_each(|seat| seat.mailbox.wake());
            }
            if !alone || channel.seats.is_empty() {
                self.one_by_one += usize::from(!alone);
                self.due.push(name);
            }
        }
    }

    /// The connection is lost: everything is to be asked for again.
    pub(super) fn lost(&mut self, loss: u64) {
        self.loss = loss;
        self.asked.clear();
        self.one_by_one = 0;
        self.channels.retain(|_, channel| !channel.seats.is_empty());
        self.due.clear();
        for (name, channel) in &mut self.channels {
            channel.standing = Standing::Wanted;
            self.due.push(Arc::clone(name));
        }
    }

    /// A notification, to everybody who subscribes to its channel; how many others had to go for it.
    pub(super) fn deliver(&self, name: &[u8], message: &Bytes) -> u64 {
        let Some((name, channel)) = self.channels.get_key_value(name) else { return 0 };
        channel.seats.values().map(|seat| seat.mailbox.put(name, message)).sum()
    }

    /// Sends everybody on to another pool.
    pub(super) fn uproot(&self) {
        for seat in self.channels.values().flat_map(|channel| channel.seats.values()) {
            seat.mailbox.uproot();
        }
    }
}

/// One statement, with the name as an identifier in quotes.
fn write(sql: &mut Vec<u8>, verb: &[u8], name: &[u8]) {
    sql.extend_from_slice(verb);
    sql.push(b'"');
    for &byte in name {
        if byte == b'"' {
            sql.push(b'"');
        }
        sql.push(byte);
    }
    sql.extend_from_slice(b"\";");
}

#[cfg(test)]
mod tests;
