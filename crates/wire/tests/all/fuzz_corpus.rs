//! Every fuzz target over its corpus, and over a fixed number of changed inputs: the bounded run of the
//! fuzzers that needs no nightly toolchain. The seed is fixed, so that what fails once fails again.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

const CHANGED: u32 = 20_000;
const LONGEST: usize = 4096;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let dir: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../fuzz/corpus", target].iter().collect();
    let mut files: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Xorshift: enough to stir bytes, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % sides.max(1)
    }

    fn byte(&mut self) -> u8 {
        const TELLING: &[u8] = &[0, 1, 3, 4, 5, 8, 0x7f, 0x80, 0xff, b',', b'=', b'\n', b'S', b'Z', b'E'];
        match self.roll(3) {
            0 => TELLING[self.roll(TELLING.len())],
            _ => u8::try_from(self.roll(256)).unwrap(),
        }
    }

    /// One to four changes: a byte put in place of another, in between, or out; pieces copied or cut off.
    fn change(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut data = seeds[self.roll(seeds.len())].clone();
        for _ in 0..=self.roll(4) {
            let at = self.roll(data.len() + 1);
            match self.roll(6) {
                0 | 1 if at < data.len() => data[at] = self.byte(),
                2 if at < data.len() => drop(data.remove(at)),
                3 => data.truncate(at),
                4 => {
                    let other = &seeds[self.roll(seeds.len())];
                    let piece = &other[self.roll(other.len() + 1)..];
                    data.splice(at..at, piece.iter().copied());
                }
                _ => data.insert(at, self.byte()),
            }
        }
        data.truncate(LONGEST);
        data
    }
}

fn run(name: &str, target: fn(&[u8])) {
    let seeds = corpus(name);
    assert!(seeds.len() > 10, "{name} has a corpus");
    let check = |data: &[u8]| {
        if catch_unwind(AssertUnwindSafe(|| target(data))).is_err() {
            panic!("{name}: \"{}\"", data.escape_ascii());
        }
    };
    for seed in &seeds {
        check(seed);
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..CHANGED {
        check(&dice.change(&seeds));
    }
}

#[test]
fn frame() {
    run("frame", pgweir_wire::fuzz::frame);
}

#[test]
fn startup() {
    run("startup", pgweir_wire::fuzz::startup);
}

#[test]
fn proxy() {
    run("proxy", pgweir_wire::fuzz::proxy);
}

#[test]
fn frontend() {
    run("frontend", pgweir_wire::fuzz::frontend);
}

#[test]
fn backend() {
    run("backend", pgweir_wire::fuzz::backend);
}

#[test]
fn replies() {
    run("replies", pgweir_wire::fuzz::replies);
}

#[test]
fn scram_server() {
    run("scram_server", pgweir_wire::fuzz::scram_server);
}

#[test]
fn scram_client() {
    run("scram_client", pgweir_wire::fuzz::scram_client);
}
