//! The verdicts beside what the servers say.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::checkout;
use crate::error::Error;

/// A replica refuses with one of these because it is one; with the last two only if it says so.
const REFUSED: [&str; 4] = ["25006", "0A000", "55000", "XX000"];

/// Prints it; how many statements are for a replica that refused them.
pub(super) fn print(binary: &Path, kept: &Path) -> Result<usize, Error> {
    let truth = checkout::read(kept)?;
    let told = classify(binary, &truth)?;
    let (mut wrong, mut others, mut reads, mut here) = (Vec::new(), Vec::new(), 0_u32, BTreeMap::new());
    let mut texts = std::collections::HashSet::new();
    for (line, verdict) in truth.lines().zip(told.lines()) {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let (truth, verdict) = (parse(line), parse(verdict));
        let word =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let replica = word(&verdict, "target") == "replica";
        let (standby, primary, sql) = (word(&truth, "standby"), word(&truth, "primary"), word(&truth, "sql"));
        let show =
            || format!("{} {}: {}", word(&truth, "id"), word(&truth, "message"), sql.replace('\n', " "));
        let new = texts.insert(sql.clone());
        if replica && refused(&standby, &word(&truth, "message")) {
            wrong.push(show());
        } else if replica
            && primary == "ok"
            && standby == "ok"
            && is(&truth, "same", false)
            && !is(&truth, "in_block", true)
        {
            others.push(show());
        }
        if new && primary == "ok" && standby == "ok" && word(&verdict, "kind") != "session" {
            reads += 1;
            if !replica {
                here.entry(word(&verdict, "reason")).or_insert_with(Vec::new).push(show());
            }
        }
    }
    println!("{} statements, {} texts", truth.lines().count(), texts.len());
    section("for a replica, and refused by it", &wrong);
    section("for a replica, with other rows there", &others);
    for (reason, list) in &here {
        section(&format!("on the primary for {reason}, though the replica ran it"), list);
    }
    let kept_here: usize = here.values().map(Vec::len).sum();
    println!("of {reads} texts that both ran, {kept_here} are for the primary");
    Ok(wrong.len())
}

fn is(value: &Value, key: &str, expected: bool) -> bool {
    value.get(key) == Some(&Value::Bool(expected))
}

fn section(title: &str, list: &[String]) {
    println!("== {title}: {}", list.len());
    for line in list {
        println!("{}", line.chars().take(300).collect::<String>());
    }
}

fn refused(code: &str, message: &str) -> bool {
    let of_recovery = || ["recovery", "standby", "unlogged"].iter().any(|word| message.contains(word));
    REFUSED.contains(&code) && (code == "25006" || of_recovery())
}

/// What `pgweir classify` says, line by line.
fn classify(binary: &Path, truth: &str) -> Result<String, Error> {
    let failed =
        |error: std::io::Error| Error::Program { program: "pgweir".to_owned(), why: error.to_string() };
    let mut child = Command::new(binary)
        .arg("classify")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let stdin = child.stdin.take();
    let text = truth.to_owned();
    let writer =
        std::thread::spawn(move || stdin.map_or(Ok(()), |mut stdin| stdin.write_all(text.as_bytes())));
    let output = child.wait_with_output().map_err(failed)?;
    if let Ok(written) = writer.join() {
        written.map_err(failed)?;
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
