//! The ways in which a session writes.

use testkit::{Client, Message, messages as m};

/// One who writes rows of its own.
#[derive(Clone, Copy)]
pub(super) struct Hand {
    pub(super) who: u64,
    /// The number of the function `bump`.
    pub(super) bump: u32,
}

/// The first row of an answer.
pub(super) fn row(answer: &[Message]) -> String {
    let row = answer.iter().find(|message| message.tag == b'D');
    row.map(|row| row.texts().concat()).unwrap_or_else(|| format!("{answer:?}"))
}

impl Hand {
    pub(super) const WAYS: u64 = 17;

    /// Statements with names, that it uses later.
    pub(super) fn prepare(self, client: &mut Client) {
        let write = m::parse("write", "INSERT INTO own VALUES ($1::int, $2::int)", &[]);
        let read = m::parse("read", "SELECT max(a) FROM own WHERE who = $1::int", &[]);
        client.send(&[write, read, m::sync()].concat());
        client.read_until_ready();
    }

    /// Writes this number; what was read behind it, if that went out together with it.
    pub(super) fn write(self, client: &mut Client, way: u64, n: u64) -> Option<String> {
        let who = self.who;
        let insert = format!("INSERT INTO own VALUES ({who}, {n})");
        let update = format!("UPDATE own SET a = {n} WHERE (who, a) = ({who}, {})", n - 1);
        let read = format!("SELECT max(a) FROM own WHERE who = {who}");
        let one_by_one = |client: &mut Client, all: &[&str]| {
            for sql in all {
                client.rows(sql);
            }
        };
        match way {
            0 => drop(client.rows(&insert)),
            1 => drop(client.rows(&update)),
            2 => drop(client.rows(&format!("SELECT bump({who}, {n})"))),
            3 => drop(client.rows(&format!("CALL bump_too({who}, {n})"))),
            4 => drop(client.rows(&format!("WITH x AS ({insert} RETURNING a) SELECT a FROM x"))),
            5 => drop(client.rows(&format!("DO $$ BEGIN {insert}; END $$"))),
            6 => drop(client.rows(&format!("SELECT 1; {insert}; SELECT 2"))),
            7 => one_by_one(client, &["BEGIN", &insert, "COMMIT"]),
            8 => one_by_one(client, &["BEGIN", "SAVEPOINT s", &update, "ROLLBACK TO s", &insert, "COMMIT"]),
            9 => drop(client.rows(&format!("BEGIN; {update}; COMMIT; SELECT 1"))),
            10 => self.copy(client, n),
            11 => {
                let (who, n) = (who.to_string(), n.to_string());
                client.send(&m::function_call(self.bump, &[who.as_bytes(), n.as_bytes()]));
                client.read_until_ready();
            }
            12 => self.extended(client, &[&insert], None),
            13 => {
                let (who, n) = (who.to_string(), n.to_string());
                let values = [Some(who.as_bytes()), Some(n.as_bytes())];
                client.send(&[m::bind("", "write", &values), m::execute("", 0), m::sync()].concat());
                client.read_until_ready();
            }
            14 => self.extended(client, &["BEGIN", &insert, "COMMIT"], Some(1)),
            // what is read goes out in the same segment
            15 => {
                client.send(&[m::query(&insert), extended(&read), m::sync()].concat());
                client.read_until_ready();
                return Some(row(&client.read_until_ready()));
            }
            _ => {
                let pipeline =
                    ["BEGIN", &insert, "COMMIT", &read].map(|sql| [extended(sql), m::sync()].concat());
                client.send(&pipeline.concat());
                let mut answers: Vec<_> = (0..4).map(|_| client.read_until_ready()).collect();
                return answers.pop().map(|last| row(&last));
            }
        }
        None
    }

    fn copy(self, client: &mut Client, n: u64) {
        client.send(&m::query("COPY own FROM STDIN"));
        client.expect(b'G');
        client.send(&[m::copy_data(format!("{}\t{n}\n", self.who).as_bytes()), m::copy_done()].concat());
        client.read_until_ready();
    }

    /// In one batch; its answers are asked for behind the statement of this number, before its Sync.
    fn extended(self, client: &mut Client, all: &[&str], flush: Option<usize>) {
        let (first, last) = all.split_at(flush.map_or(0, |behind| behind + 1));
        let batch = |part: &[&str]| part.iter().flat_map(|sql| extended(sql)).collect::<Vec<u8>>();
        if !first.is_empty() {
            client.send(&[batch(first), m::flush()].concat());
            for _ in first {
                while client.read_message().tag != b'C' {}
            }
        }
        client.send(&[batch(last), m::sync()].concat());
        client.read_until_ready();
    }
}

fn extended(sql: &str) -> Vec<u8> {
    [m::parse("", sql, &[]), m::bind("", "", &[]), m::execute("", 0)].concat()
}
