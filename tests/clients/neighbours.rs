//! Clients who disturb: what one of them throws away is its own, and nobody else misses it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use testkit::{drivers, messages};

use crate::python;
use crate::stage::{NAME, PASSWORD, Place, Stage};
use crate::transcript::{output, outputs, same_for_many};

/// Throws its statements away, in every way there is, until told to stop; how often.
fn throw_away(place: Place, stop: &AtomicBool) -> u32 {
    let connect =
        testkit::Connect::tcp("127.0.0.1", place.port()).user(NAME).database(NAME).password(PASSWORD);
    let mut client = connect.open();
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        for sql in ["DEALLOCATE ALL", "DISCARD ALL", "deallocate all", "discard plans"] {
            client.send(&messages::query(sql));
            let answer = client.read_until_ready();
            assert!(answer.iter().all(|message| message.tag != b'E'), "{sql}: {answer:?}");
            let extended = [
                messages::parse("", sql, &[]),
                messages::bind("", "", &[]),
                messages::execute("", 0),
                messages::sync(),
            ];
            client.send(&extended.concat());
            let answer = client.read_until_ready();
            assert!(answer.iter().all(|message| message.tag != b'E'), "{sql}: {answer:?}");
        }
        rounds += 1;
    }
    rounds
}

/// Runs `work` beside a client who throws away.
pub(crate) fn beside_one_who_throws_away(stage: &Stage, work: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    let place = stage.pooled();
    thread::scope(|scope| {
        let other = scope.spawn(|| throw_away(place, &stop));
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        stop.store(true, Ordering::Relaxed);
        let rounds = other.join();
        if let Err(failure) = done {
            std::panic::resume_unwind(failure);
        }
        assert!(rounds.unwrap() > 0);
    });
}

#[test]
fn pgbench_beside_deallocate_all_and_discard_all() {
    let stage = Stage::new();
    let mut init = stage.program("pgbench");
    init.args(["--initialize", "--quiet", "--scale=1"]);
    output(init, stage.direct());
    beside_one_who_throws_away(&stage, || {
        let mut run = stage.program("pgbench");
        run.args(["--no-vacuum", "--client=16", "--jobs=16", "--transactions=60", "--protocol=prepared"]);
        let printed = output(run, stage.pooled());
        assert!(printed.contains("number of failed transactions: 0 "), "{printed}");
        assert!(printed.contains("actually processed: 960/960"), "{printed}");
    });
    stage.check();
}

#[test]
fn psycopg_beside_deallocate_all_and_discard_all() {
    let Some(script) = python::script("psycopg/queries.py", &["at-once"]) else { return };
    let stage = Stage::new();
    beside_one_who_throws_away(&stage, || same_for_many(&stage, script));
}

/// Sixteen clients of different drivers at once, sharing servers and statements.
#[test]
fn all_drivers_together() {
    let stage = Stage::new();
    let mut commands = Vec::new();
    for (name, arg) in [
        ("psycopg/queries.py", "at-once"),
        ("psycopg/pipeline.py", ""),
        ("psycopg/copies.py", ""),
        ("psycopg2/queries.py", ""),
        ("asyncpg/queries.py", "cache"),
        ("asyncpg/queries.py", "none"),
        ("pg8000/queries.py", ""),
    ] {
        if let Some(script) = python::script(name, &[arg]) {
            commands.push(script());
        }
    }
    for (name, arg) in [("node_postgres/queries.js", ""), ("postgres_js/queries.js", "prepared")] {
        if let Some(script) = crate::node::script(name, &[arg]) {
            commands.push(script());
        }
    }
    let run = |offset: usize, place| {
        let fresh = commands.iter().map(|old| {
            let mut command = std::process::Command::new(old.get_program());
            command.args(old.get_args());
            for (name, value) in old.get_envs() {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            command
        });
        let numbered = fresh.enumerate().map(|(number, mut command)| {
            command.env("COPY", (offset + number).to_string());
            command
        });
        outputs(numbered.collect(), place)
    };
    let wanted = run(100, stage.direct());
    beside_one_who_throws_away(&stage, || {
        for (wanted, got) in wanted.iter().zip(run(200, stage.pooled())) {
            crate::transcript::equal(wanted, &got, "pgweir");
        }
    });
    stage.check();
}

/// However many statements clients prepare, a server holds no more than it may.
#[test]
fn servers_hold_no_more_statements_than_they_may() {
    let Some(mut python) = drivers::python("servers_hold_no_more_statements_than_they_may") else { return };
    let stage = Stage::with(1, 20);
    let script = "import psycopg\n\
                  with psycopg.connect('', autocommit=True, prepare_threshold=0) as conn:\n\
                  \tmost = 0\n\
                  \tfor k in range(300):\n\
                  \t\tassert conn.execute(f'select %s::int + {k % 70}', (k,)).fetchone()[0] == k + k % 70\n\
                  \t\tmost = max(most, conn.execute('select count(*) from pg_prepared_statements', prepare=False).fetchone()[0])\n\
                  \tprint(most)\n";
    python.args(["-c", script]);
    assert_eq!(output(python, stage.pooled()).trim(), "20");
    stage.check();
}
