//! The two threads of a tapped connection, each carrying bytes one way.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::{Connection, Direction, Ending, Shared};

const CHUNK: usize = 64 * 1024;

/// One way of one connection.
struct Pump {
    from: TcpStream,
    to: TcpStream,
    number: usize,
    direction: Direction,
    shared: Arc<Shared>,
}

/// Starts both ways between two sockets.
pub(super) fn start(client: TcpStream, server: TcpStream, shared: &Arc<Shared>) {
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let clones = [client.try_clone(), server.try_clone(), client.try_clone(), server.try_clone()];
    let [Ok(client2), Ok(server2), Ok(client3), Ok(server3)] = clones else { return };
    let number = {
        let mut state = shared.lock();
        state.connections.push(Connection { sockets: vec![client3, server3], ..Connection::default() });
        state.connections.len() - 1
    };
    let pump = |from, to, direction| Pump { from, to, number, direction, shared: Arc::clone(shared) };
    let there = pump(client, server, Direction::ToServer);
    let back = pump(server2, client2, Direction::ToClient);
    thread::spawn(move || there.run());
    thread::spawn(move || back.run());
}

/// Ends a socket for everyone who holds a descriptor of it. For a reset only reading ends here: the reset is
/// sent by the last close, and a FIN must not precede it.
pub(super) fn wake(socket: &TcpStream, ending: Ending) {
    match ending {
        Ending::Close => {
            let _ = socket.shutdown(Shutdown::Both);
        }
        Ending::Reset => {
            let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
            let _ = socket.shutdown(Shutdown::Read);
        }
    }
}

impl Pump {
    fn run(mut self) {
        let mut chunk = vec![0; CHUNK];
        loop {
            match self.from.read(&mut chunk) {
                Ok(0) => return self.half_closed(),
                Ok(n) => {
                    if !self.pass_on(chunk.get(..n).unwrap_or_default()) {
                        return;
                    }
                }
                Err(_) => {
                    // the peer was reset: so is the other end
                    return self.shared.change(|state| {
                        if let Some(one) = state.connections.get_mut(self.number) {
                            one.end(Ending::Reset);
                        }
                    });
                }
            }
        }
    }

    /// Passes bytes on by the rules; false when the connection has ended.
    fn pass_on(&mut self, mut bytes: &[u8]) -> bool {
        loop {
            let Some(passed) = self.permitted(bytes.len()) else { return false };
            let (piece, rest) = bytes.split_at_checked(passed).unwrap_or((bytes, &[]));
            // recorded first: whoever has received a byte finds it in the record
            self.record(piece);
            if self.to.write_all(piece).is_err() {
                return false;
            }
            if self.cut() {
                return false;
            }
            bytes = rest;
            if bytes.is_empty() {
                return true;
            }
        }
    }

    /// Waits until bytes may go, and says how many at once; `None` when the connection has ended.
    fn permitted(&self, wanted: usize) -> Option<usize> {
        let mut state = self.shared.lock();
        loop {
            let ended = state.connections.get(self.number).is_none_or(|one| one.ended.is_some());
            if ended {
                return None;
            }
            if !state.rules_of(self.direction).stalled {
                break;
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let rules = state.rules_of(self.direction);
        let done = self.passed(&state.connections);
        drop(state);
        // a slow line, not a wait for something
        thread::sleep(rules.delay);
        let chopped = if rules.chop == 0 { wanted } else { wanted.min(rules.chop) };
        Some(rules.cut.map_or(chopped, |(limit, _)| chopped.min(limit.saturating_sub(done))))
    }

    /// Ends the connection if it has passed on all it may.
    fn cut(&self) -> bool {
        let mut cut = false;
        self.shared.change(|state| {
            let done = self.passed(&state.connections);
            if let Some((limit, ending)) = state.rules_of(self.direction).cut
                && done >= limit
                && let Some(one) = state.connections.get_mut(self.number)
            {
                one.end(ending);
                cut = true;
            }
        });
        cut
    }

    fn passed(&self, connections: &[Connection]) -> usize {
        connections.get(self.number).map_or(0, |one| match self.direction {
            Direction::ToServer => one.to_server.len(),
            Direction::ToClient => one.to_client.len(),
        })
    }

    fn record(&self, bytes: &[u8]) {
        self.shared.change(|state| {
            if let Some(one) = state.connections.get_mut(self.number) {
                match self.direction {
                    Direction::ToServer => one.to_server.extend_from_slice(bytes),
                    Direction::ToClient => one.to_client.extend_from_slice(bytes),
                }
            }
        });
    }

    /// One end has said all it had to say: the other learns that, and may still speak.
    fn half_closed(&self) {
        let mut both = false;
        self.shared.change(|state| {
            if let Some(one) = state.connections.get_mut(self.number) {
                if one.ended.is_some() {
                    // cut from outside: nothing is to be passed on, least of all an orderly end
                    both = true;
                    return;
                }
                one.finished += 1;
                both = one.finished == 2;
                if both {
                    one.end(Ending::Close);
                }
            }
        });
        if !both {
            let _ = self.to.shutdown(Shutdown::Write);
        }
    }
}
