//! A PostgreSQL server that does as its script says, however wrong: each connection runs the same function, on
//! a thread of its own, and may answer, lie, stall, close or reset at any byte.

mod peer;

pub use peer::{Packet, Peer};

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::error::Error;
use crate::fail::OrFail;

/// One thing a script does; a script is a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Takes the start-up message and logs anybody in.
    LogIn,
    /// Takes the next message, which must have this tag.
    Expect(u8),
    /// Takes messages up to and with one of this tag.
    ReadUntil(u8),
    /// Sends bytes.
    Send(Vec<u8>),
    /// Answers every simple query with one row, until the client leaves.
    Serve,
    /// Does nothing until [`Scripted::release`].
    Stall,
    /// Closes the connection; so does the end of the script.
    Close,
    /// Closes it with a reset.
    Reset,
}

/// A listening scripted server; its connections end when it is dropped.
#[derive(Debug)]
pub struct Scripted {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    released: bool,
    stopped: bool,
    /// One per connection, to end it from outside; none once it was reset
    sockets: Vec<Option<TcpStream>>,
    failures: Vec<String>,
    cancels: Vec<(u32, Vec<u8>)>,
}

impl Scripted {
    /// Every connection plays these steps.
    #[must_use]
    #[track_caller]
    pub fn play(steps: Vec<Step>) -> Self {
        Self::serve(move |peer| steps.iter().try_for_each(|step| peer.play(step)))
    }

    /// Every connection logs in and then does as `then` says.
    #[must_use]
    #[track_caller]
    pub fn log_in_then(then: impl Fn(&mut Peer) -> Result<(), Error> + Send + Sync + 'static) -> Self {
        Self::serve(move |peer| {
            peer.log_in()?;
            then(peer)
        })
    }

    /// Every connection does as `script` says from its first byte.
    #[must_use]
    #[track_caller]
    pub fn serve(script: impl Fn(&mut Peer) -> Result<(), Error> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).or_fail("scripted server");
        let address = listener.local_addr().or_fail("scripted server");
        let shared = Arc::new(Shared::default());
        let (script, state) = (Arc::new(script), Arc::clone(&shared));
        thread::spawn(move || accept(&listener, &state, &script));
        Self { address, shared }
    }

    /// Where it listens, on the loopback address.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Lets every stalled connection go on, now and from now on.
    pub fn release(&self) {
        self.shared.change(|state| state.released = true);
    }

    /// How many connections there have been.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.look(|state| state.sockets.len())
    }

    /// The cancel requests received: process id and secret.
    #[must_use]
    pub fn cancels(&self) -> Vec<(u32, Vec<u8>)> {
        self.shared.look(|state| state.cancels.clone())
    }

    /// What did not go as scripted: a message that was not the expected one, a peer that sent nonsense. That
    /// the peer left is no failure.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        self.shared.look(|state| state.failures.clone())
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.stopped = true;
            state.released = true;
            for socket in state.sockets.iter().flatten() {
                let _ = socket.shutdown(std::net::Shutdown::Both);
            }
        });
        // wakes the accepting thread
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn wait_released(&self) {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while !state.released {
            state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

fn accept<S>(listener: &TcpListener, shared: &Arc<Shared>, script: &Arc<S>)
where
    S: Fn(&mut Peer) -> Result<(), Error> + Send + Sync + 'static,
{
    for (number, socket) in listener.incoming().flatten().enumerate() {
        if shared.look(|state| state.stopped) {
            return;
        }
        let Ok(kept) = socket.try_clone() else { continue };
        shared.change(|state| state.sockets.push(Some(kept)));
        let (shared, script) = (Arc::clone(shared), Arc::clone(script));
        thread::spawn(move || {
            let mut peer = Peer::new(socket, number, Arc::clone(&shared));
            if let Err(Error::Protocol(what)) = script(&mut peer) {
                shared.change(|state| state.failures.push(format!("connection {number}: {what}")));
            }
            peer.finish();
        });
    }
}
