//! `pgweir classify`: how statements would be routed, and why; without a server.
//!
//! With a statement the answer is for a person. Without one, standard input has a JSON object in each line, and each
//! gets one on standard output, in order and at once; a line that can not be understood gets one that says why.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::process::ExitCode;

use ::classify::{Against, Lexis, Memo, Verdict, digest, tables};
use serde_json::{Map, Value, json};

/// Shapes of a whole corpus.
const SHAPES: usize = 1 << 16;
/// Why nothing is kept yet.
const NO_CACHE: &str = "no_cache";

/// Answers for one statement.
pub(crate) fn one(sql: &str) -> ExitCode {
    let answer = Answer::new(&Memo::new(1), sql.as_bytes(), &Circumstances::default());
    told(write!(std::io::stdout().lock(), "{}", answer.for_people()))
}

/// Answers line by line.
pub(crate) fn lines() -> ExitCode {
    told(answer_all(BufReader::with_capacity(1 << 16, std::io::stdin().lock()), std::io::stdout().lock()))
}

/// Whoever reads may have gone: that is no failure of ours, and nobody is left to tell.
fn told(done: std::io::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Every line of `from`, answered on `to`; what has been answered is written whenever no line waits.
fn answer_all(mut from: BufReader<impl Read>, to: impl Write) -> std::io::Result<()> {
    let memo = Memo::new(SHAPES);
    let mut to = BufWriter::new(to);
    let mut line = Vec::new();
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            return to.flush();
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        serde_json::to_writer(&mut to, &answer(&memo, &line))?;
        to.write_all(b"\n")?;
        if !from.buffer().contains(&b'\n') {
            to.flush()?;
        }
    }
}

/// The answer to a line.
fn answer(memo: &Memo, line: &[u8]) -> Value {
    let mut question = match serde_json::from_slice(line) {
        Ok(Value::Object(question)) => question,
        Ok(_) => return json!({ "id": null, "error": "the line is no JSON object" }),
        Err(error) => return json!({ "id": null, "error": format!("the line is no JSON: {error}") }),
    };
    let id = question.remove("id").unwrap_or(Value::Null);
    let settings = match question.remove("settings") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(settings)) => settings,
        Some(_) => return json!({ "id": id, "error": "\"settings\" is no object" }),
    };
    match question.remove("sql") {
        Some(Value::String(sql)) => {
            Answer::new(memo, sql.as_bytes(), &Circumstances::new(&settings)).for_programs(id)
        }
        Some(_) => json!({ "id": id, "error": "\"sql\" is no string" }),
        None => json!({ "id": id, "error": "\"sql\" is missing" }),
    }
}

/// What the settings of a session mean for its statements.
#[derive(Default)]
struct Circumstances {
    backslashes: bool,
    /// Why every statement of the session stays on the primary.
    primary: Option<&'static str>,
}

impl Circumstances {
    fn new(settings: &Map<String, Value>) -> Self {
        let mut circumstances = Self::default();
        for (name, value) in settings {
            let value = value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_lowercase());
            circumstances.set(&name.to_lowercase(), &value);
        }
        circumstances
    }

    fn set(&mut self, name: &str, value: &str) {
        // as PostgreSQL reads a boolean: any beginning of these words that is no beginning of another
        let is_off =
            || matches!(value, "of" | "off" | "0" | "f" | "fa" | "fal" | "fals" | "false" | "n" | "no");
        match name {
            "standard_conforming_strings" => self.backslashes |= is_off(),
            "client_encoding" => self.backslashes |= ::classify::has_ascii_inside(value),
            "search_path" if ::classify::hides_catalog(value) => self.primary = Some("search_path"),
            "default_transaction_isolation" | "transaction_isolation" if value == "serializable" => {
                self.primary = Some("serializable");
            }
            "pgweir.target" if value == "primary" => self.primary = Some("hint"),
            _ => {}
        }
    }
}

/// What is known of a statement.
struct Answer {
    verdict: Verdict,
    reason: &'static str,
    tables: ::classify::Tables,
    digest: u64,
}

impl Answer {
    fn new(memo: &Memo, sql: &[u8], circumstances: &Circumstances) -> Self {
        let lexis = Lexis { backslashes: circumstances.backslashes };
        let mut verdict = memo.verdict(sql, true, lexis);
        if sql.contains(&0) {
            // nothing of it would reach a server
            verdict.against = Some(Against::CutOff);
        }
        let hint = verdict.hints.primary.then_some("hint");
        let reason = match verdict.against {
            Some(why) if !verdict.goes_to_replica() => why.as_str(),
            None | Some(_) => circumstances.primary.or(hint).unwrap_or("read"),
        };
        Self { verdict, reason, tables: tables(sql, lexis), digest: digest(sql, lexis) }
    }

    fn target(&self) -> &'static str {
        if self.reason == "read" { "replica" } else { "primary" }
    }

    /// What the reason means.
    fn why(&self) -> &'static str {
        match self.reason {
            "read" => "nothing speaks against a replica",
            "hint" => "a hint asks for the primary",
            "search_path" => "the session's search_path hides pg_catalog, or has pg_temp",
            "serializable" => "replicas have no serializable transactions",
            _ => self.verdict.against.map_or("", Against::describe),
        }
    }

    fn for_programs(&self, id: Value) -> Value {
        json!({
            "id": id,
            "target": self.target(),
            "kind": self.verdict.kind.as_str(),
            "reason": self.reason,
            "reads": self.tables.reads,
            "writes": self.tables.writes,
            "cacheable": false,
            "cache_reason": NO_CACHE,
            "digest": format!("{:016x}", self.digest),
        })
    }

    fn for_people(&self) -> String {
        let why = self.why();
        let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        format!(
            "Route to {}\n  Kind: {}\n  Rule: {} ({why})\n  Reads: {}\n  Writes: {}\n  Cache: no ({NO_CACHE})\n  \
             Digest: {:016x}\n",
            self.target(),
            self.verdict.kind.as_str(),
            self.reason,
            list(&self.tables.reads),
            list(&self.tables.writes),
            self.digest,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(input: &str) -> Vec<Value> {
        let mut out = Vec::new();
        answer_all(BufReader::new(input.as_bytes()), &mut out).unwrap();
        let lines = out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    #[test]
    fn each_line_gets_one_in_order() {
        let input = "{\"id\":1,\"sql\":\"SELECT a FROM S.t, \\\"U\\\"\"}\n\nnot JSON\n[]\n{\"id\":\"x\"}\n\
                     {\"id\":{\"a\":1},\"sql\":5}\n{\"id\":2,\"sql\":\"select 1\",\"settings\":3}\n\
                     {\"id\":7,\"sql\":\"UPDATE t SET a = nextval('s')\"}";
        let told = answers(input);
        let ids: Vec<String> = told.iter().map(|line| line["id"].to_string()).collect();
        assert_eq!(ids, ["1", "null", "null", "\"x\"", "{\"a\":1}", "2", "7"]);
        assert_eq!(told[0]["reads"], json!(["s.t", "U"]));
        assert_eq!((&told[0]["target"], &told[0]["reason"]), (&json!("replica"), &json!("read")));
        assert!(told[1..6].iter().all(|line| line["error"].is_string() && line["target"].is_null()));
        assert_eq!((&told[6]["target"], &told[6]["writes"]), (&json!("primary"), &json!(["t"])));
    }

    #[test]
    fn settings_count() {
        let target = |sql: &str, name: &str, value: &str| {
            let line = json!({ "id": 1, "sql": sql, "settings": { name: value } }).to_string();
            answers(&line)[0]["reason"].as_str().unwrap().to_owned()
        };
        for (sql, name, value, expected) in [
            (r"SELECT '\'; DELETE FROM t; --'", "standard_conforming_strings", "off", "backslash"),
            (r"SELECT '\'", "Standard_Conforming_Strings", "on", "read"),
            ("SELECT 1", "search_path", "\"$user\", public", "read"),
            ("SELECT 1", "search_path", "public, pg_catalog", "search_path"),
            ("SELECT 1", "search_path", "pg_catalog, public", "read"),
            ("SELECT 1", "search_path", "a, \"pg_temp\"", "search_path"),
            ("SELECT E'\u{8868}\\'; DELETE FROM t; --'", "client_encoding", "SJIS", "backslash"),
            ("SELECT 1", "default_transaction_isolation", "serializable", "serializable"),
            ("SELECT 1", "pgweir.target", "primary", "hint"),
            ("SELECT 1", "work_mem", "1MB", "read"),
        ] {
            assert_eq!(target(sql, name, value), expected, "{sql} with {name} = {value}");
        }
    }

    #[test]
    fn digests_are_the_same_everywhere() {
        let of = |sql: &str| answers(&json!({ "sql": sql }).to_string())[0]["digest"].clone();
        assert_eq!(of("SELECT a FROM t WHERE b = 1"), json!("543ff7f236acc07c"));
        assert_eq!(of("select  a from T where b=$1"), of("SELECT a FROM t WHERE b = 1"));
        assert_ne!(of("SELECT a FROM t WHERE c = 1"), of("SELECT a FROM t WHERE b = 1"));
    }
}
