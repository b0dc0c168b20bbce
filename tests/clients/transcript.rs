//! Runs a program directly and through pgweir, and compares what it printed.
//!
//! Where they differ, or the program fails, both transcripts are kept and the first difference is shown.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use testkit::dir::Dir;
use testkit::wait;

use crate::stage::{Place, Stage};

/// Longer than any program here needs on a busy machine; one that hangs is a failure.
const PATIENCE: Duration = Duration::from_secs(300);

/// A program under way.
struct Run {
    child: Child,
    name: String,
    out: PathBuf,
    err: PathBuf,
}

/// What `program` prints through pgweir is what it prints directly, also when sixteen of it run at once.
pub(crate) fn same_for_many(stage: &Stage, program: impl Fn() -> Command) {
    same_for(stage, 16, program);
}

/// What `program` prints through pgweir is what it prints directly, also when so many of it run at once.
pub(crate) fn same_for(stage: &Stage, copies: u32, program: impl Fn() -> Command) {
    let dir = Dir::new("transcripts");
    let wanted = Run::start(&dir, "direct", program(), stage.direct()).finish();
    let one = Run::start(&dir, "pgweir", program(), stage.pooled()).finish();
    equal(&wanted, &one, "pgweir");
    // each has a table of its own, which it does not print
    let runs: Vec<Run> = (1..=copies)
        .map(|copy| {
            let mut command = program();
            command.env("COPY", copy.to_string());
            Run::start(&dir, &format!("pgweir-{copy}"), command, stage.pooled())
        })
        .collect();
    for run in runs {
        let name = run.name.clone();
        equal(&wanted, &run.finish(), &name);
    }
    stage.check();
}

/// What `program` prints through pgweir is what it prints directly.
pub(crate) fn same(stage: &Stage, program: impl Fn() -> Command) {
    same_with(stage, |_| program());
}

/// The same for a program that is told by its arguments where to connect to.
pub(crate) fn same_with(stage: &Stage, program: impl Fn(Place) -> Command) {
    let dir = Dir::new("transcripts");
    let wanted = Run::start(&dir, "direct", program(stage.direct()), stage.direct()).finish();
    let got = Run::start(&dir, "pgweir", program(stage.pooled()), stage.pooled()).finish();
    equal(&wanted, &got, "pgweir");
    stage.check();
}

/// What a program prints that must succeed.
pub(crate) fn output(command: Command, place: Place) -> String {
    let dir = Dir::new("output");
    Run::start(&dir, "program", command, place).finish()
}

/// What each of several programs prints that run at once and must succeed.
pub(crate) fn outputs(commands: Vec<Command>, place: Place) -> Vec<String> {
    let dir = Dir::new("outputs");
    let start = |(number, command)| Run::start(&dir, &format!("program-{number}"), command, place);
    let runs: Vec<Run> = commands.into_iter().enumerate().map(start).collect();
    runs.into_iter().map(Run::finish).collect()
}

/// Fails with the first line in which two transcripts differ.
pub(crate) fn equal(wanted: &str, got: &str, name: &str) {
    assert!(!wanted.is_empty(), "the direct transcript is empty");
    if wanted == got {
        return;
    }
    let differing = wanted.lines().zip(got.lines()).position(|(a, b)| a != b);
    let at = differing.unwrap_or_else(|| wanted.lines().count().min(got.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
    panic!("{name} differs in line {}:\ndirect: {}\n{name}: {}", at + 1, line(wanted), line(got));
}

impl Run {
    fn start(dir: &Dir, name: &str, mut command: Command, place: Place) -> Self {
        place.tell(&mut command);
        let file = |end: &str| dir.path().join(format!("{name}.{end}"));
        let (out, err) = (file("out"), file("err"));
        let to = |path: &Path| Stdio::from(File::create(path).unwrap());
        let child = command.stdin(Stdio::null()).stdout(to(&out)).stderr(to(&err)).spawn();
        let child = child.unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
        Self { child, name: name.to_owned(), out, err }
    }

    fn finish(mut self) -> String {
        let mut status = None;
        wait::holds(PATIENCE, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let (out, err) = (read(&self.out), read(&self.err));
        match status {
            Some(status) if status.success() => out,
            Some(status) => panic!("{} failed: {status}\n{}\n{err}", self.name, tail(&out)),
            None => panic!("{} hangs\n{}\n{err}", self.name, tail(&out)),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}
