//! Random sequences: what clients send, and what they might.
//!
//! Left out: what is not legal (other messages inside COPY), and what the server's own state decides (settings
//! of the session, LISTEN, advisory locks, times and process ids, the order of rows in a table).
//! Left out too, as no pooler can do it: Describe of a statement in a transaction that has failed, on a server
//! that has not got it yet. PostgreSQL describes a statement without a result even there, but prepares none.
//! And left out, as PostgreSQL 15.20 may crash on it: the unnamed portal in a transaction in which a simple query
//! has failed. That query's portal is the unnamed one and stays, but what it points to is gone.

use super::random::Random;
use super::step::{CopyIn, Ending, How, Inside, Message, Odd, Step};

/// The names of statements besides the unnamed one.
pub(super) const STATEMENTS: [&str; 3] = ["s0", "s1", "s2"];
const PORTALS: [&str; 4] = ["", "", "p0", "c0"];
const INT4: u32 = 23;
const TEXT: u32 = 25;

/// A sequence for the tables of this number.
pub(super) fn steps(random: &mut Random, tables: u64) -> Vec<Step> {
    let blocks = !random.one_in(3);
    let mut maker = Maker { random, tables, blocks, closes: 0 };
    let length = 1 + maker.random.below(18);
    (0..length).map(|_| maker.step()).collect()
}

/// The same with a Sync before whatever does not belong to the extended protocol.
pub(super) fn unmixed(steps: Vec<Step>) -> Vec<Step> {
    let simple = |step: &Step| {
        matches!(step, Step::Message(Message::Query(_) | Message::Call(..)))
            || matches!(step, Step::Copy(copy) if copy.how == How::Simple)
    };
    steps
        .into_iter()
        .flat_map(|step| simple(&step).then_some(Step::Message(Message::Sync)).into_iter().chain([step]))
        .collect()
}

struct Maker<'a> {
    random: &'a mut Random,
    tables: u64,
    /// With transaction blocks; without them, statements are described at any place.
    blocks: bool,
    /// Close in a row, see [`super::step::MARKS`].
    closes: usize,
}

impl Maker<'_> {
    fn step(&mut self) -> Step {
        match self.random.below(40) {
            0..3 => Step::Settle { blind: self.random.one_in(2) },
            3 => Step::Flushed(self.rounds()),
            4 | 5 => Step::Copy(self.copy()),
            6..12 => Step::Message(self.simple()),
            12..18 => Step::Message(Message::Sync),
            18 => Step::Message(Message::Flush),
            19 => self.described(),
            20 | 21 if self.blocks => self.driven(),
            _ => Step::Message(self.extended()),
        }
    }

    /// Parse and Describe together, perhaps Bind and Execute, as drivers send them.
    fn described(&mut self) -> Step {
        self.closes = 0;
        let name = self.statement();
        let sql = self.sql(&STATEMENT_TEXTS);
        let (portal, odd) = (self.random.pick(&PORTALS), Odd::No);
        let mut together =
            vec![Message::Parse { name, sql, types: Vec::new() }, Message::DescribeStatement(name)];
        if self.random.one_in(2) {
            together.push(Message::Bind { portal, statement: name, values: self.values(), odd });
            together.push(Message::Execute(portal, [0, 2][self.random.below(2)]));
        }
        Step::Together(together)
    }

    /// The beginning or the end of a transaction in a batch of its own, as some drivers send it.
    fn driven(&mut self) -> Step {
        self.closes = 0;
        let sql = self.random.pick(&["begin", "begin", "begin read write", "commit", "rollback"]).to_owned();
        let (name, portal, odd) = ("", "", Odd::No);
        let bind = Message::Bind { portal, statement: name, values: Vec::new(), odd };
        let parse = Message::Parse { name, sql, types: Vec::new() };
        Step::Together(vec![Message::Sync, parse, bind, Message::Execute(portal, 0), Message::Sync])
    }

    fn rounds(&mut self) -> Vec<Vec<Message>> {
        let rounds = 1 + self.random.below(3);
        (0..rounds)
            .map(|_| {
                self.closes = 0;
                let messages = 1 + self.random.below(4);
                (0..messages).map(|_| self.extended()).collect()
            })
            .collect()
    }

    fn simple(&mut self) -> Message {
        self.closes = 0;
        if self.random.one_in(12) {
            // int4pl, int4div, length(text), and one that does not exist
            return match self.random.below(4) {
                0 => Message::Call(177, vec!["2", "40"]),
                1 => Message::Call(154, vec!["2", "0"]),
                2 => Message::Call(1317, vec!["four"]),
                _ => Message::Call(999_999, vec!["1"]),
            };
        }
        Message::Query(self.sql(&QUERIES))
    }

    fn extended(&mut self) -> Message {
        let kind = self.random.below(20);
        self.closes = if kind == 19 && self.closes < 3 { self.closes + 1 } else { 0 };
        match kind {
            0..5 => self.parse(),
            5..10 => self.bind(),
            10..15 => {
                let rows = [0, 0, 0, 1, 2][self.random.below(5)];
                Message::Execute(self.portal(), rows)
            }
            15 | 16 if self.blocks => Message::DescribePortal(self.portal()),
            15 | 16 => Message::DescribeStatement(self.statement()),
            17 | 18 => Message::DescribePortal(self.portal()),
            _ if self.closes == 0 => Message::Flush,
            _ if self.random.one_in(3) => Message::ClosePortal(self.random.pick(&PORTALS)),
            _ => Message::CloseStatement(self.statement()),
        }
    }

    fn parse(&mut self) -> Message {
        let types = match self.random.below(6) {
            0 => vec![INT4],
            1 => vec![INT4, TEXT],
            _ => Vec::new(),
        };
        Message::Parse { name: self.statement(), sql: self.sql(&STATEMENT_TEXTS), types }
    }

    fn bind(&mut self) -> Message {
        let values = self.values();
        let odd = match self.random.below(12) {
            0 => Odd::Binary,
            1 => Odd::Formats,
            _ => Odd::No,
        };
        Message::Bind { portal: self.random.pick(&PORTALS), statement: self.statement(), values, odd }
    }

    /// One that may be used at any place: see the head of this file.
    fn portal(&mut self) -> &'static str {
        let portal = self.random.pick(&PORTALS);
        if self.blocks && portal.is_empty() { "p0" } else { portal }
    }

    fn values(&mut self) -> Vec<Option<String>> {
        (0..[0, 1, 1, 2][self.random.below(4)]).map(|_| self.value()).collect()
    }

    fn value(&mut self) -> Option<String> {
        match self.random.below(30) {
            0 => None,
            1 => Some("not a number".to_owned()),
            // longer than what is read at once
            2 => Some("long ".repeat(4000)),
            3 => Some("0".to_owned()),
            _ => Some((1 + self.random.below(9)).to_string()),
        }
    }

    fn statement(&mut self) -> &'static str {
        if self.random.one_in(3) { "" } else { self.random.pick(&STATEMENTS) }
    }

    fn sql(&mut self, from: &[&str]) -> String {
        let mut sql = self.random.pick(from);
        while !self.blocks && sql.contains("begin") {
            sql = self.random.pick(from);
        }
        sql.replace("{a}", &self.table("a")).replace("{d}", &self.table("d"))
    }

    fn table(&self, kind: &str) -> String {
        format!("pw.{kind}{}", self.tables)
    }

    fn copy(&mut self) -> CopyIn {
        self.closes = 0;
        let how = [How::Simple, How::Simple, How::Unnamed, How::Named][self.random.below(4)];
        let end = match self.random.below(8) {
            0 | 1 => Ending::Fail,
            2 if how == How::Simple => Ending::Twice,
            _ => Ending::Done,
        };
        let texts = if end == Ending::Twice {
            &["copy {a} from stdin; copy {d} from stdin"][..]
        } else if how == How::Simple {
            &["copy {a} from stdin", "copy {d} from stdin", "select 1; copy {a} from stdin; select 2"]
        } else {
            &["copy {a} from stdin", "copy {d} from stdin", "copy pw.nothing from stdin"]
        };
        let sql = self.sql(texts);
        let inside = (0..self.random.below(7)).map(|_| self.inside(sql.starts_with("copy pw.d"))).collect();
        CopyIn { sql, how, wait: self.random.one_in(2), inside, end }
    }

    fn inside(&mut self, one_column: bool) -> Inside {
        let id = self.random.below(40);
        match self.random.below(16) {
            0 | 1 => Inside::Sync,
            2 => Inside::Flush,
            3 => Inside::Data("not a number\tx\n".to_owned()),
            4 => Inside::Data(format!("{id}\t{}\n", "x".repeat(20_000))),
            _ if one_column => Inside::Data(format!("{id}\n")),
            _ => Inside::Data(format!("{id}\tcopied\n")),
        }
    }
}

/// For Parse: with and without parameters, right and wrong.
const STATEMENT_TEXTS: [&str; 40] = [
    "select 1",
    "select $1::int4",
    "select $1::int4",
    "select $1::int4 + 1, 'two'",
    "select $1::text || 'x'",
    "select $1::text || 'x', $2::int4",
    "select $1, $2",
    "values ($1::int4), (7)",
    "select generate_series(1, $1::int4)",
    "select generate_series(1, 5)",
    "select 12 / $1::int4",
    "select 6 / (3 - g) from generate_series(1, 5) g",
    "select repeat('y', 20000) || $1::text",
    "select id, v from {a} order by id",
    "select id, v from {a} where id = $1",
    "insert into {a} values ($1, $2)",
    "insert into {a} values ($1, 'r') returning id, v",
    "insert into {a} values (2, 'taken')",
    "insert into {d} values ($1)",
    "insert into {d} values (1)",
    "update {a} set v = v || '!' where id >= $1",
    "delete from {a} where id > $1",
    "begin",
    "begin",
    "commit",
    "rollback",
    "savepoint a",
    "rollback to a",
    "declare c0 cursor for select generate_series(1, 5)",
    "fetch 2 from c0",
    "copy (select * from {a} order by id) to stdout",
    "copy (select 6 / (3 - g) from generate_series(1, 5) g) to stdout",
    "deallocate all",
    "discard all",
    "do $$ begin raise notice 'noted'; end $$",
    "",
    " ; -- nothing",
    "selec bad",
    "select * from pw.nothing",
    "select 1; select 2",
];

/// For Query.
const QUERIES: [&str; 42] = [
    "select 1",
    "select 1",
    "",
    ";;",
    "select 1; select 2",
    "select 1; select 1/0; select 3",
    "select 'long' || repeat('z', 20000)",
    "select repeat('n', 9000)::int4",
    "selec bad",
    "select * from pw.nothing",
    "select id, v from {a} order by id",
    "insert into {a} values (8, 'eight') on conflict do nothing; select count(*) from {a}",
    "insert into {a} values (1, 'taken')",
    "insert into {d} values (1)",
    "insert into {d} values (5), (6); delete from {d} where id = 6 returning id",
    "update {a} set v = 'u' where id = 1 returning id",
    "begin",
    "begin",
    "begin; select 1",
    "begin; insert into {d} values (1)",
    "begin isolation level repeatable read",
    "begin; set transaction deferrable",
    "start transaction -- as begin",
    "set transaction isolation level repeatable read",
    "set transaction read write",
    "abort; begin; commit",
    "end work",
    "commit",
    "commit",
    "commit; select 1",
    "rollback",
    "rollback; begin; select 2",
    "savepoint a",
    "rollback to a",
    "begin; declare c0 cursor for select generate_series(1, 5)",
    "fetch 2 from c0",
    "copy (select * from {a} order by id) to stdout",
    "copy (select 6 / (3 - g) from generate_series(1, 5) g) to stdout; select 1",
    "deallocate all",
    "discard all",
    "do $$ begin raise notice 'noted'; end $$; select 1",
    "do $$ begin raise exception 'raised' using hint = 'none'; end $$",
];
