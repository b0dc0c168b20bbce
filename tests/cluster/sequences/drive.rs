//! Plays a sequence on a connection and keeps what is answered.

use testkit::client::tags;
use testkit::error::ServerError;
use testkit::{Client, Message};

use super::random::Random;
use super::step::{MARKS, Segment, Wait, sentinel};

/// What came, segment by segment.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    pub(super) segments: Vec<Vec<Message>>,
    /// Why it ended early.
    pub(super) broken: Option<String>,
}

/// What is known beforehand.
#[derive(Clone, Copy)]
pub(super) enum Expected<'a> {
    /// Nothing: the end of an answer is told by a sentinel sent at once.
    Unknown,
    /// How many ReadyForQuery these have; so the sentinel can come after them.
    Like(&'a Answers),
}

/// Plays `segments` on fresh contents of the tables, cut at random if there is a source of that.
pub(super) fn run(
    client: &mut Client,
    tables: u64,
    segments: &[Segment],
    expected: Expected<'_>,
    mut cuts: Option<&mut Random>,
) -> Answers {
    let mut answers = Answers::default();
    if let Err(error) = client.try_rows(&fresh(tables)) {
        answers.broken = Some(format!("preparing the tables: {error}"));
        return answers;
    }
    let mut skipping = false;
    for (i, segment) in segments.iter().enumerate() {
        let known = match expected {
            Expected::Unknown => None,
            Expected::Like(answers) => answers.segments.get(i).map(|all| readies(all)),
        };
        let mut play = Play { client, got: Vec::new(), cuts: cuts.as_deref_mut() };
        let played = play.segment(segment, known, &mut skipping);
        answers.segments.push(play.got);
        if let Err(error) = played {
            answers.broken = Some(format!("in segment {i}: {error}"));
            return answers;
        }
    }
    answers
}

struct Play<'a> {
    client: &'a mut Client,
    got: Vec<Message>,
    cuts: Option<&'a mut Random>,
}

impl Play<'_> {
    fn segment(
        &mut self,
        segment: &Segment,
        readies: Option<usize>,
        skipping: &mut bool,
    ) -> Result<(), testkit::Error> {
        match (segment.wait, readies) {
            (Wait::Settle { blind: false }, Some(readies)) => {
                *skipping = false;
                self.send(&segment.bytes)?;
                // the last one is the sentinel's
                for _ in 1..readies {
                    self.read_until(|all| last(all) == b'Z')?;
                }
                self.send(&sentinel())?;
                self.read_until(ends_with_sentinel)
            }
            (Wait::Settle { .. }, _) => {
                *skipping = false;
                self.send(&[segment.bytes.clone(), sentinel()].concat())?;
                self.read_until(ends_with_sentinel)
            }
            (Wait::CopyStarts { extended }, _) => {
                self.send(&segment.bytes)?;
                self.read_until(|all| matches!((last(all), extended), (b'G' | b'Z', _) | (b'E', true)))
            }
            (Wait::Answered, _) => {
                self.send(&segment.bytes)?;
                if *skipping {
                    return Ok(());
                }
                self.read_until(|all| last(all) == b'E' || tags(all).ends_with(&"3".repeat(MARKS)))?;
                *skipping = last(&self.got) == b'E';
                Ok(())
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), testkit::Error> {
        let Some(random) = &mut self.cuts else {
            return self.client.try_send(bytes);
        };
        let mut cuts: Vec<usize> = (0..random.below(4)).map(|_| random.below(bytes.len())).collect();
        cuts.sort_unstable();
        let mut start = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            self.client.try_send(&bytes[start..cut])?;
            start = cut;
        }
        Ok(())
    }

    fn read_until(&mut self, enough: impl Fn(&[Message]) -> bool) -> Result<(), testkit::Error> {
        loop {
            self.got.push(self.client.try_read_message()?);
            if enough(&self.got) {
                return Ok(());
            }
        }
    }
}

/// Where two runs differ first.
pub(super) fn difference(plain: &Answers, pooled: &Answers) -> String {
    for (i, segment) in plain.segments.iter().enumerate() {
        let other = pooled.segments.get(i).map(Vec::as_slice).unwrap_or_default();
        let at = segment.iter().zip(other).take_while(|(a, b)| same(a, b)).count();
        if at < segment.len().max(other.len()) {
            let shown = |side: &str, all: &[Message]| {
                format!("{side} {}\n  there {:.300}\n", tags(all), format!("{:?}", all.get(at)))
            };
            let (direct, through) = (shown("direct", segment), shown("pgweir", other));
            return format!("segment {i}, message {at}:\n{direct}{through}{:?}", pooled.broken);
        }
    }
    format!("direct {:?}, pgweir {:?}", plain.broken, pooled.broken)
}

fn fresh(tables: u64) -> String {
    format!(
        "delete from pw.a{tables}; insert into pw.a{tables} values (1, 'one'), (2, 'two'), (3, 'three'); \
         delete from pw.d{tables}; insert into pw.d{tables} values (1)"
    )
}

fn readies(messages: &[Message]) -> usize {
    messages.iter().filter(|message| message.tag == b'Z').count()
}

fn last(messages: &[Message]) -> u8 {
    messages.last().map_or(0, |message| message.tag)
}

fn ends_with_sentinel(messages: &[Message]) -> bool {
    last(messages) == b'Z' && tags(messages).ends_with(&("3".repeat(MARKS) + "Z"))
}

/// Whether both runs got the same.
pub(super) fn alike(plain: &Answers, pooled: &Answers) -> bool {
    let segment = |(a, b): (&Vec<Message>, &Vec<Message>)| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
    };
    plain.broken.is_none()
        && pooled.broken.is_none()
        && plain.segments.len() == pooled.segments.len()
        && plain.segments.iter().zip(&pooled.segments).all(segment)
}

/// In a failed transaction a statement that this server has not got yet cannot be prepared, so what is refused
/// there is the Parse, not the Bind behind it: at another place in PostgreSQL's source, and before the number
/// of parameters is looked at. In the same way a name that is taken is found to be so only by preparing the
/// statement that has it, so the text of the Parse that repeats it is not looked at any more.
fn same(plain: &Message, pooled: &Message) -> bool {
    if plain == pooled {
        return true;
    }
    let (Some(plain), Some(pooled)) = (plain.error(), pooled.error()) else { return false };
    let unplaced = |error: &ServerError| {
        let placed = error.0.iter().filter(|(code, _)| !b"FLR".contains(code));
        placed.cloned().collect::<Vec<_>>()
    };
    pooled.code() == "25P02"
        && (unplaced(&plain) == unplaced(&pooled)
            || plain.message().starts_with("bind message ")
            || matches!(plain.code(), "42P05" | "42601"))
}
