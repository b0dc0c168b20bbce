//! Sessions that write and read what they have written, and sessions that only read; what they were told.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use testkit::{Client, Connect, Message, Proxy, messages as m, wait};

const WRITERS: usize = 5;
const READERS: usize = 3;
/// Connections to a server.
pub(super) const POOL: usize = 6;

/// What a client may be told that has something under way when its server fails: the connection to it is lost, it says
/// that it goes, that it cannot write (as a full disk is told of here), or it has not answered in time.
const UNDER_WAY: [&str; 5] = ["08006", "57P01", "57P02", "XX000", "57014"];

/// Sessions at work.
pub(super) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What came of it, for each session.
pub(super) struct Outcome(Vec<Met>);

/// What one session has met.
#[derive(Debug, Default)]
struct Met {
    writes: bool,
    acknowledged: Vec<String>,
    /// What it had asked for, and what it was told.
    errors: Vec<(String, String)>,
    /// What it had written, and did not find.
    missed: Vec<String>,
}

struct Shared {
    stop: AtomicBool,
    done: Vec<AtomicUsize>,
    outcome: Mutex<Vec<Met>>,
}

impl Load {
    pub(super) fn start(proxy: &Proxy) -> Self {
        let done = (0..WRITERS + READERS).map(|_| AtomicUsize::new(0)).collect();
        let shared = Arc::new(Shared { stop: AtomicBool::new(false), done, outcome: Mutex::default() });
        let session = |number: usize| {
            let (shared, connect) = (Arc::clone(&shared), proxy.connect());
            thread::spawn(move || {
                let met = work(&shared, &connect, number);
                shared.outcome.lock().unwrap().push(met);
            })
        };
        let threads = (0..WRITERS + READERS).map(session).collect();
        Self { shared, threads }
    }

    /// Waits until every session has been answered so many times more.
    #[track_caller]
    pub(super) fn wait_for_more(&self, n: usize) {
        let done = || self.shared.done.iter().map(|at| at.load(Ordering::Relaxed));
        let before: Vec<usize> = done().collect();
        let mut last = Vec::new();
        let holds = wait::holds(wait::PATIENCE, || {
            last = done().collect();
            last.iter().zip(&before).all(|(now, before)| *now >= before + n)
        });
        assert!(holds, "not every session is answered: {before:?}, and now {last:?}");
    }

    /// Ends it.
    pub(super) fn stop(mut self) -> Outcome {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        Outcome(std::mem::take(&mut *self.shared.outcome.lock().unwrap()))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

impl Outcome {
    pub(super) fn acknowledged(&self) -> impl Iterator<Item = &String> {
        self.0.iter().flat_map(|met| &met.acknowledged)
    }

    /// Everything that was acknowledged is there, every session has found what it had written, and no more were told of
    /// something than there are connections to a server: each of these ends once.
    #[track_caller]
    pub(super) fn is_fine(&self, there: &[String]) {
        let there: std::collections::HashSet<&String> = there.iter().collect();
        let lost: Vec<&String> = self.acknowledged().filter(|id| !there.contains(id)).collect();
        assert_eq!(lost, Vec::<&String>::new(), "acknowledged and lost");
        let missed: Vec<&String> = self.0.iter().flat_map(|met| &met.missed).collect();
        assert_eq!(missed, Vec::<&String>::new(), "written and not found");
        let told: Vec<_> = self.0.iter().flat_map(|met| &met.errors).collect();
        let known = told.iter().all(|(_, code)| UNDER_WAY.contains(&code.as_str()));
        assert!(told.len() <= POOL && known, "{told:?}");
    }

    /// The replica that failed had only reads, and these clients were told nothing but that.
    #[track_caller]
    pub(super) fn told_only(&self, codes: &[&str]) {
        let told = self.0.iter().flat_map(|met| &met.errors);
        let other: Vec<_> = told
            .filter(|(asked, code)| !asked.starts_with("SELECT") || !codes.contains(&code.as_str()))
            .collect();
        assert!(other.is_empty(), "{other:?}");
    }
}

fn work(shared: &Shared, connect: &Connect, number: usize) -> Met {
    let mut met = Met { writes: number < WRITERS, ..Met::default() };
    let mut client = connect.open();
    let mut turn = 0;
    while !shared.stop.load(Ordering::Relaxed) {
        turn += 1;
        let id = format!("{}-{number}-{turn}", client_number(&client));
        match once(&mut client, &mut met, &id, turn) {
            Ok(()) => drop(shared.done[number].fetch_add(1, Ordering::Relaxed)),
            Err(told) => {
                met.errors.push(told);
                client = connect.open();
            }
        }
    }
    met
}

/// Tells the sessions of one test from each other.
fn client_number(client: &Client) -> u32 {
    client.key().map_or(0, |(pid, _)| pid)
}

/// One write in one of several ways, and the read behind it; or a read alone.
fn once(client: &mut Client, met: &mut Met, id: &str, turn: usize) -> Result<(), (String, String)> {
    let insert = format!("INSERT INTO ledger VALUES ('{id}')");
    let count = format!("SELECT count(*) FROM ledger WHERE id = '{id}'");
    if !met.writes {
        return ask(client, "SELECT count(*) FROM ledger", turn.is_multiple_of(2)).map(drop);
    }
    match turn % 3 {
        0 => {
            for sql in ["BEGIN", &insert, "COMMIT"] {
                ask(client, sql, false)?;
            }
        }
        way => drop(ask(client, &insert, way == 1)?),
    }
    met.acknowledged.push(id.to_owned());
    if ask(client, &count, turn.is_multiple_of(2))? != "1" {
        met.missed.push(id.to_owned());
    }
    Ok(())
}

/// Asks, in either protocol; the first row of the answer, or what was asked and what the client was told instead.
fn ask(client: &mut Client, sql: &str, extended: bool) -> Result<String, (String, String)> {
    let run = [m::parse("", sql, &[]), m::bind("", "", &[]), m::execute("", 0), m::sync()];
    let request = if extended { run.concat() } else { m::query(sql) };
    let mut answer: Vec<Message> = Vec::new();
    let mut ended = client.try_send(&request).err();
    while ended.is_none() && answer.last().is_none_or(|message| message.tag != b'Z') {
        match client.try_read_message() {
            Ok(message) => answer.push(message),
            Err(error) => ended = Some(error),
        }
    }
    let told = answer.iter().filter(|message| message.tag == b'E').filter_map(Message::error).next();
    match (told, ended) {
        (Some(error), _) => Err((sql.to_owned(), error.code().to_owned())),
        (None, Some(error)) => Err((sql.to_owned(), error.to_string())),
        (None, None) => {
            let row = answer.iter().find(|message| message.tag == b'D');
            Ok(row.map(|row| row.texts().concat()).unwrap_or_default())
        }
    }
}
