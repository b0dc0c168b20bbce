//! A TCP tap between two ends: it passes bytes on and keeps a copy, and on demand delays, chops, stalls, cuts
//! at any byte, or resets. Everything may be changed while it runs.

mod pump;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::fail::OrFail;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the end that connected to the end behind the tap.
    ToServer,
    /// Back.
    ToClient,
}

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Orderly, as if both ends had closed.
    Close,
    /// With a reset to both ends.
    Reset,
}

/// A listening tap; its connections are cut when it is dropped.
#[derive(Debug)]
pub struct Tap {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: (String, u16),
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    to_server: Rules,
    to_client: Rules,
    connections: Vec<Connection>,
    refusing: bool,
    stopped: bool,
}

/// What is done to the bytes of one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Rules {
    delay: Duration,
    /// No piece passed on is longer; 0 means any length.
    chop: usize,
    stalled: bool,
    cut: Option<(usize, Ending)>,
}

#[derive(Debug, Default)]
struct Connection {
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    ended: Option<Ending>,
    /// Directions in which all has been said.
    finished: u8,
    /// Both ends, to wake whoever reads from them; let go of when the connection is over.
    sockets: Vec<TcpStream>,
}

impl Tap {
    /// Listens on a port of its own and passes everything on to `host:port`.
    #[must_use]
    #[track_caller]
    pub fn start(host: &str, port: u16) -> Self {
        Self::start_at(("127.0.0.1", 0), host, port)
    }

    /// The same, listening at this address and port.
    #[must_use]
    #[track_caller]
    pub fn start_at(at: (&str, u16), host: &str, port: u16) -> Self {
        let listener = TcpListener::bind(at).or_fail("tap");
        let address = listener.local_addr().or_fail("tap");
        let shared = Arc::new(Shared {
            upstream: (host.to_owned(), port),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared }
    }

    /// Where to connect, on the loopback address if it was not told otherwise.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Waits this long before passing on each piece.
    pub fn delay(&self, direction: Direction, delay: Duration) {
        self.shared.rules(direction, |rules| rules.delay = delay);
    }

    /// Passes on pieces of at most so many bytes, each as a segment; 0 stops chopping.
    pub fn chop(&self, direction: Direction, bytes: usize) {
        self.shared.rules(direction, |rules| rules.chop = bytes);
    }

    /// Passes nothing on, but keeps what comes, until [`Tap::resume`].
    pub fn stall(&self, direction: Direction) {
        self.shared.rules(direction, |rules| rules.stalled = true);
    }

    /// Passes on again, first what was kept.
    pub fn resume(&self, direction: Direction) {
        self.shared.rules(direction, |rules| rules.stalled = false);
    }

    /// Ends every connection as soon as it has passed on exactly so many bytes in this direction, counted from
    /// its beginning.
    pub fn cut_after(&self, direction: Direction, bytes: usize, ending: Ending) {
        self.shared.rules(direction, |rules| rules.cut = Some((bytes, ending)));
    }

    /// Cuts no more.
    pub fn heal(&self) {
        for direction in [Direction::ToServer, Direction::ToClient] {
            self.shared.rules(direction, |rules| rules.cut = None);
        }
        self.shared.change(|state| state.refusing = false);
    }

    /// Ends every connection there is, now.
    pub fn cut_now(&self, ending: Ending) {
        self.shared.change(|state| state.connections.iter_mut().for_each(|one| one.end(ending)));
    }

    /// Closes new connections at once, as a server that is down behind a balancer, until [`Tap::heal`].
    pub fn refuse(&self) {
        self.shared.change(|state| state.refusing = true);
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.lock().connections.len()
    }

    /// How many of them are still open.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.lock().connections.iter().filter(|one| one.ended.is_none()).count()
    }

    /// What a connection (counted from 0) has passed on in a direction.
    #[must_use]
    pub fn recorded(&self, connection: usize, direction: Direction) -> Vec<u8> {
        let state = self.shared.lock();
        let bytes = state.connections.get(connection).map(|one| match direction {
            Direction::ToServer => one.to_server.clone(),
            Direction::ToClient => one.to_client.clone(),
        });
        bytes.unwrap_or_default()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.stopped = true;
            state.connections.iter_mut().for_each(|one| one.end(Ending::Close));
        });
        // wakes the accepting thread
        let _ = TcpStream::connect(self.address);
    }
}

impl Connection {
    /// Marks it ended and wakes its pumps; theirs are the last descriptors, so they decide when it is closed.
    fn end(&mut self, ending: Ending) {
        self.ended.get_or_insert(ending);
        for socket in self.sockets.drain(..) {
            pump::wake(&socket, ending);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn rules(&self, direction: Direction, change: impl FnOnce(&mut Rules)) {
        self.change(|state| match direction {
            Direction::ToServer => change(&mut state.to_server),
            Direction::ToClient => change(&mut state.to_client),
        });
    }
}

impl State {
    fn rules_of(&self, direction: Direction) -> Rules {
        match direction {
            Direction::ToServer => self.to_server,
            Direction::ToClient => self.to_client,
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming().flatten() {
        let (stopped, refusing) = {
            let state = shared.lock();
            (state.stopped, state.refusing)
        };
        if stopped {
            return;
        }
        if refusing {
            continue;
        }
        let (host, port) = &shared.upstream;
        // a server that is down shows as a connection closed at once
        if let Ok(server) = TcpStream::connect((host.as_str(), *port)) {
            pump::start(client, server, shared);
        }
    }
}
