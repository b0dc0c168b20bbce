//! What the user asked of `cargo xtask bench`.

use std::path::PathBuf;

use super::row::Row;
use crate::error::Error;

/// The contestants, in the order they are visited.
pub(super) const CONTESTANTS: [&str; 3] = ["direct", "pgbouncer", "pgweir"];

/// One run.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) rows: Vec<Row>,
    pub(super) contestants: Vec<String>,
    pub(super) rounds: u32,
    pub(super) seconds: u32,
    /// Worker threads of pgweir; 0 means one per core.
    pub(super) workers: u32,
    /// A pgweir to measure instead of a fresh build.
    pub(super) binary: Option<PathBuf>,
    /// Another pgweir to measure beside it.
    pub(super) against: Option<PathBuf>,
    write: bool,
}

impl Options {
    /// Reads the arguments.
    pub(super) fn parse(args: &[String]) -> Result<Self, Error> {
        let quick = args.iter().any(|arg| arg == "--quick");
        let mut options = Self {
            rows: if quick { Row::quick() } else { Row::all() },
            contestants: CONTESTANTS.map(str::to_owned).to_vec(),
            rounds: if quick { 2 } else { 3 },
            seconds: if quick { 2 } else { 5 },
            workers: 0,
            binary: None,
            against: None,
            write: !quick,
        };
        let mut write_anyway = false;
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| Error::Usage(format!("{arg} needs a value")));
            match arg.as_str() {
                "--quick" => {}
                "--write" => write_anyway = true,
                "--rows" => {
                    options.rows = rows(value()?)?;
                    options.write = false;
                }
                "--contestants" => {
                    options.contestants = contestants(value()?)?;
                    options.write = false;
                }
                "--rounds" => options.rounds = number(value()?)?.max(1),
                "--seconds" => options.seconds = number(value()?)?.max(1),
                "--binary" => options.binary = Some(PathBuf::from(value()?)),
                "--against" => options.against = Some(PathBuf::from(value()?)),
                "--workers" => options.workers = number(value()?)?,
                other => return Err(Error::Usage(format!("unknown option {other:?}"))),
            }
        }
        options.write |= write_anyway;
        Ok(options)
    }

    /// Whether this contestant takes part.
    pub(super) fn takes(&self, contestant: &str) -> bool {
        self.contestants.iter().any(|name| name == contestant)
    }

    /// Whether the document is brought up to date: by a whole run, or on demand.
    pub(super) fn writes(&self) -> bool {
        self.write
    }
}

/// Rows whose name has one of the words, separated by commas, in it.
fn rows(words: &str) -> Result<Vec<Row>, Error> {
    let wanted = |row: &Row| words.split(',').any(|word| row.to_string().contains(word));
    let rows: Vec<Row> = Row::all().into_iter().filter(wanted).collect();
    if rows.is_empty() {
        let names: Vec<String> = Row::all().iter().map(ToString::to_string).collect();
        return Err(Error::Usage(format!("no row matches {words:?}; there are {}", names.join(", "))));
    }
    Ok(rows)
}

fn contestants(words: &str) -> Result<Vec<String>, Error> {
    words
        .split(',')
        .map(|word| match CONTESTANTS.contains(&word) {
            true => Ok(word.to_owned()),
            false => Err(Error::Usage(format!("no contestant {word:?}; there are {CONTESTANTS:?}"))),
        })
        .collect()
}

fn number(word: &str) -> Result<u32, Error> {
    word.parse().map_err(|_| Error::Usage(format!("{word:?} is not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Error> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn only_a_whole_run_writes_the_document_by_itself() {
        assert!(parse("").unwrap().writes());
        assert!(!parse("--quick").unwrap().writes());
        assert!(!parse("--rows simple").unwrap().writes());
        assert!(parse("--rows simple --write").unwrap().writes());
    }

    #[test]
    fn rows_are_chosen_by_part_of_their_name() {
        let options = parse("--rows tls,connect --rounds 7").unwrap();
        let names: Vec<String> = options.rows.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["connect-8", "tls-simple-16", "tls-prepared-16"]);
        assert_eq!(options.rounds, 7);
        assert!(parse("--rows nothing").is_err());
        assert!(parse("--contestants direct,haproxy").is_err());
    }
}
