//! The parts that a sequence is made of, and how they become bytes. Any list of steps is legal, whatever is
//! left out of it: what may only come together (a COPY and its data) is one step.

use testkit::messages as m;

/// How many Close mark the end of an answer; no step makes so many in a row.
pub(super) const MARKS: usize = 5;

/// One message that may stand anywhere outside COPY.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Query(String),
    Call(u32, Vec<&'static str>),
    Parse { name: &'static str, sql: String, types: Vec<u32> },
    Bind { portal: &'static str, statement: &'static str, values: Vec<Option<String>>, odd: Odd },
    DescribeStatement(&'static str),
    DescribePortal(&'static str),
    Execute(&'static str, i32),
    CloseStatement(&'static str),
    ClosePortal(&'static str),
    Sync,
    Flush,
}

/// What is unusual about a Bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odd {
    No,
    /// All results in binary.
    Binary,
    /// More formats than parameters.
    Formats,
}

/// COPY ... FROM STDIN with its data.
#[derive(Clone, Debug)]
pub(super) struct CopyIn {
    pub(super) sql: String,
    pub(super) how: How,
    /// Waits for CopyInResponse before it sends data, as drivers do.
    pub(super) wait: bool,
    pub(super) inside: Vec<Inside>,
    pub(super) end: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Simple,
    /// With the unnamed statement and portal.
    Unnamed,
    Named,
}

/// What may be sent while a COPY runs.
#[derive(Clone, Debug)]
pub(super) enum Inside {
    Data(String),
    Sync,
    Flush,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Done,
    Fail,
    /// A string of two COPY: the second one has no data.
    Twice,
}

/// A part of a sequence.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Message(Message),
    Copy(CopyIn),
    /// Messages that may not be torn apart.
    Together(Vec<Message>),
    /// Rounds of messages of the extended protocol, each ended by Flush and answered before the next.
    Flushed(Vec<Vec<Message>>),
    /// Everything is answered before it goes on; blind: what shows that is sent along at once.
    Settle {
        blind: bool,
    },
}

/// Bytes that are sent at once, and what is waited for then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) bytes: Vec<u8>,
    pub(super) wait: Wait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Every reply; see [`Step::Settle`].
    Settle { blind: bool },
    /// CopyInResponse, or what says that there will be none.
    CopyStarts { extended: bool },
    /// The marks behind a Flush, or an error; `Answered` again after an error waits for nothing.
    Answered,
}

/// What shows that everything before it has been answered, whatever the state of the transaction: a run of
/// Close, each with a reply that nothing else looks like.
pub(super) fn marks() -> Vec<u8> {
    m::close_statement("no such statement").repeat(MARKS)
}

/// The same, in a batch of its own.
pub(super) fn sentinel() -> Vec<u8> {
    [marks(), m::sync()].concat()
}

/// A sequence as it is sent, tidied up at its end so that the next one finds nothing of it.
pub(super) fn segments(steps: &[Step]) -> Vec<Segment> {
    let mut out = Sending::default();
    for step in steps {
        out.step(step);
    }
    out.settle(true);
    out.bytes.extend(m::query("ROLLBACK"));
    for name in super::generate::STATEMENTS {
        out.bytes.extend(m::close_statement(name));
    }
    out.settle(true);
    out.segments
}

#[derive(Default)]
struct Sending {
    bytes: Vec<u8>,
    segments: Vec<Segment>,
}

impl Sending {
    fn end(&mut self, wait: Wait) {
        self.segments.push(Segment { bytes: std::mem::take(&mut self.bytes), wait });
    }

    fn settle(&mut self, blind: bool) {
        // ends whatever batch is open
        self.bytes.extend(m::sync());
        self.end(Wait::Settle { blind });
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Message(message) => self.bytes.extend(message.bytes()),
            Step::Together(messages) => {
                messages.iter().for_each(|message| self.bytes.extend(message.bytes()));
            }
            Step::Settle { blind } => self.settle(*blind),
            Step::Flushed(rounds) => {
                self.settle(true);
                for round in rounds {
                    round.iter().for_each(|message| self.bytes.extend(message.bytes()));
                    self.bytes.extend(marks());
                    self.bytes.extend(m::flush());
                    self.end(Wait::Answered);
                }
            }
            Step::Copy(copy) => self.copy(copy),
        }
    }

    fn copy(&mut self, copy: &CopyIn) {
        if copy.wait {
            self.settle(true);
        }
        let (name, extended) = match copy.how {
            How::Simple => ("", false),
            How::Unnamed => ("", true),
            How::Named => ("copying", true),
        };
        if extended {
            if !name.is_empty() {
                self.bytes.extend([m::close_statement(name), m::close_portal(name)].concat());
            }
            let batch = [m::parse(name, &copy.sql, &[]), m::bind(name, name, &[]), m::execute(name, 0)];
            self.bytes.extend(batch.concat());
            if copy.wait {
                self.bytes.extend(m::flush());
            }
        } else {
            self.bytes.extend(m::query(&copy.sql));
        }
        if copy.wait {
            self.end(Wait::CopyStarts { extended });
        }
        let mut synced = false;
        for inside in &copy.inside {
            synced |= matches!(inside, Inside::Sync);
            self.bytes.extend(match inside {
                Inside::Data(text) => m::copy_data(text.as_bytes()),
                Inside::Sync => m::sync(),
                Inside::Flush => m::flush(),
            });
        }
        self.bytes.extend(match copy.end {
            Ending::Done => m::copy_done(),
            Ending::Fail => m::copy_fail("no more"),
            Ending::Twice => m::copy_done().repeat(2),
        });
        if synced || how_leaves_statement(copy.how) {
            self.settle(!synced);
        }
        if how_leaves_statement(copy.how) {
            // a later Bind must not find the COPY, whose data would be missing
            self.bytes.extend(m::parse("", "select 'behind a copy'", &[]));
            self.settle(true);
        }
    }
}

fn how_leaves_statement(how: How) -> bool {
    how == How::Unnamed
}

impl Message {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Query(sql) => m::query(sql),
            Self::Call(oid, values) => {
                let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
                m::function_call(*oid, &values)
            }
            Self::Parse { name, sql, types } => m::parse(name, sql, types),
            Self::Bind { portal, statement, values, odd } => {
                let values: Vec<_> = values.iter().map(|v| v.as_ref().map(String::as_bytes)).collect();
                let (formats, results): (&[i16], &[i16]) = match odd {
                    Odd::No => (&[], &[]),
                    Odd::Binary => (&[], &[1]),
                    Odd::Formats => (&[0, 0, 0, 0], &[]),
                };
                m::bind_formats(portal, statement, formats, &values, results)
            }
            Self::DescribeStatement(name) => m::describe_statement(name),
            Self::DescribePortal(name) => m::describe_portal(name),
            Self::Execute(portal, rows) => m::execute(portal, *rows),
            Self::CloseStatement(name) => m::close_statement(name),
            Self::ClosePortal(name) => m::close_portal(name),
            Self::Sync => m::sync(),
            Self::Flush => m::flush(),
        }
    }
}
