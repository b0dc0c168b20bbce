//! The example with everything in it, changed in the ways a hand may slip: each key with each kind of wrong value, each
//! line twice, each name wrong, and any number of random changes. There is a mistake where the slip is, nothing
//! panics, and no secret of the file is ever in what is said.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use pgweir_config::{Config, Mistake, example_toml};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::{folder, lines};

/// Every secret of the file. No word of the configuration has four of these letters in a row.
const CANARY: &str = "qxjzkvwq";

/// No key has any of these for a value.
const NEVER: [&str; 8] = [
    "-1",
    "99999999999999999999999999",
    "nan",
    "1979-05-27T07:32:00Z",
    "[[]]",
    "{ a = 1 }",
    "\"\"",
    "\"a\\u0000b\"",
];
/// Some key may have one of these; with others it is a mistake, there or where something depends on it.
const SOMETIMES: [&str; 9] =
    ["9223372036854775807", "0", "1.5", "inf", "true", "[]", "{}", "\"1\"", "[\"a\", \"a\"]"];

/// A key of the example, with its line, from 0.
struct Setting {
    at: usize,
    name: String,
}

/// The example with every line that is commented out, and its files.
struct Example {
    folder: PathBuf,
    lines: Vec<String>,
    settings: Vec<Setting>,
}

impl Example {
    fn get() -> &'static Self {
        static EXAMPLE: OnceLock<Example> = OnceLock::new();
        EXAMPLE.get_or_init(Self::make)
    }

    fn make() -> Self {
        let folder = folder("slips");
        for file in ["server.crt", "server.key", "ca.crt", "client.crt", "client.key"] {
            fs::write(folder.join(file), "").unwrap();
        }
        fs::write(folder.join("userlist.txt"), format!("\"monitor\" \"{CANARY}\"\n")).unwrap();
        fs::write(folder.join("pg_hba.conf"), "local all all peer map=m\n").unwrap();
        fs::write(folder.join("pg_ident.conf"), "m root admin\n").unwrap();
        let example = example_toml()
            .replace("method = \"scram-sha-256\"", "method = \"hba\"")
            .replace("proxy_protocol = \"off\"", "proxy_protocol = \"v2\"")
            .replace("password = \"secret\"", &format!("password = \"{CANARY}\""));
        let is_setting = |line: &str| line.starts_with(|c: char| c.is_alphabetic()) && line.contains(" = ");
        let uncommented = |line: &str| match line.strip_prefix('#') {
            Some(rest) if is_setting(rest) || rest.starts_with('[') => rest.to_owned(),
            _ => line.to_owned(),
        };
        let lines: Vec<String> = example.lines().map(uncommented).collect();
        let settings = lines.iter().enumerate().filter(|(_, line)| is_setting(line)).map(|(at, line)| {
            let name = line.split(" = ").next().unwrap_or_default().to_owned();
            Setting { at, name }
        });
        let settings = settings.collect();
        Self { folder, lines, settings }
    }

    fn read(&self, text: &str) -> Result<Config, Vec<Mistake>> {
        let env = |name: &str| (name == "DB_PASSWORD").then(|| CANARY.to_owned());
        Config::parse(text, &self.folder.join("pgweir.toml"), &env)
    }

    /// The file with another text in the place of a line.
    fn with(&self, at: usize, line: &str) -> String {
        let mut changed = self.lines.clone();
        line.clone_into(&mut changed[at]);
        changed.join("\n")
    }

    /// What is wrong with a text; each mistake has a place in its file and one line of words, and no secret in it.
    fn wrong(&self, text: &str) -> Vec<Mistake> {
        let mistakes = self.read(text).err().unwrap_or_default();
        for mistake in &mistakes {
            let Mistake { file, line, col, key, message } = mistake;
            let within = match file.ends_with("pgweir.toml") {
                true => text.split('\n').count(),
                false => fs::read_to_string(file).map_or(1, |text| text.split('\n').count()),
            };
            assert!((1..=within).contains(line) && *col >= 1, "{mistake}");
            assert!(!key.is_empty() && !message.is_empty(), "{mistake}");
            let said = mistake.to_string();
            assert!(!said.contains('\n') && said.len() < 1200, "{said}");
            assert!(!tells(&said), "a secret is told: {said}");
        }
        mistakes
    }
}

/// Whether any part of the secret is in a text.
fn tells(text: &str) -> bool {
    (0..=CANARY.len() - 4).any(|at| text.contains(&CANARY[at..at + 4]))
}

fn is_at(mistake: &Mistake, setting: &Setting) -> bool {
    let name = mistake.key.rsplit('.').next().unwrap_or_default();
    // what is wrong inside of a table is told with the key in it
    let inside = mistake.key.contains(&format!("{}.", setting.name));
    mistake.line == setting.at + 1 && (name == setting.name || inside)
}

#[test]
fn the_example_with_everything_is_right() {
    let example = Example::get();
    let read = example.read(&example.lines.join("\n"));
    assert!(read.is_ok(), "{}", lines(&read.unwrap_err()));
    assert!(example.settings.len() > 60, "{}", example.settings.len());
    assert!(!tells(&example_toml()) && !tells(&format!("{:?}", read.unwrap())));
}

#[test]
fn a_wrong_value_is_told_of_where_it_stands() {
    let example = Example::get();
    for setting in &example.settings {
        for value in NEVER {
            let text = example.with(setting.at, &format!("{} = {value}", setting.name));
            let found = example.wrong(&text);
            let here = found.iter().any(|mistake| is_at(mistake, setting));
            assert!(here, "{} = {value}: {}", setting.name, lines(&found));
        }
        for value in SOMETIMES {
            let text = example.with(setting.at, &format!("{} = {value}", setting.name));
            example.wrong(&text);
        }
    }
}

#[test]
fn what_stands_twice_or_under_a_wrong_name_is_told_of_where_it_stands() {
    let example = Example::get();
    for setting in &example.settings {
        let line = &example.lines[setting.at];
        let found = example.wrong(&example.with(setting.at, &format!("{line}\n{line}")));
        let second = found.iter().find(|mistake| mistake.line == setting.at + 2);
        let said = second.map(|mistake| mistake.message.as_str()).unwrap_or_default();
        assert_eq!(said, "is set twice, keep one of them", "{line}: {}", lines(&found));

        let found = example.wrong(&example.with(setting.at, &format!("{line}\nqq_{line}")));
        let said: Vec<_> = found.iter().map(|mistake| (mistake.line, mistake.col)).collect();
        assert_eq!(said, [(setting.at + 2, 1)], "{line}: {}", lines(&found));
        assert!(found[0].message.starts_with("unknown key"), "{line}: {}", lines(&found));
    }
}

#[test]
fn a_section_of_the_wrong_kind_or_with_a_namesake_is_told_of() {
    let example = Example::get();
    let headers = example.lines.iter().enumerate().filter(|(_, line)| line.starts_with('['));
    for (at, header) in headers {
        let other = match header.strip_prefix("[[") {
            Some(name) => format!("[{}", name.replace("]]", "]")),
            None => format!("[{header}]"),
        };
        assert!(!example.wrong(&example.with(at, &other)).is_empty(), "{other}");
        let again = format!("{}\n{header}", example.lines.join("\n"));
        // a second [[database.server]] is one too many, [[user]] and [[database]] have no name then
        assert!(!example.wrong(&again).is_empty(), "{header} again");
    }
    for (list, name) in [("user", "app"), ("database", "app")] {
        let more = match list {
            "user" => format!("\n[[user]]\nname = \"{name}\"\npassword = \"{CANARY}2\"\n"),
            _ => format!("\n[[database]]\nname = \"{name}\"\n[[database.server]]\nhost = \"x\"\n"),
        };
        let found = example.wrong(&(example.lines.join("\n") + &more));
        assert_eq!(found.len(), 1, "{}", lines(&found));
        assert!(found[0].message.contains("is already defined at"), "{}", lines(&found));
        assert_eq!(found[0].key, format!("{list}.name"));
    }
}

/// The place of a secret is where slips are likely, and what is said of them must not have it in it.
#[test]
fn no_slip_at_a_secret_tells_it() {
    let example = Example::get();
    let secrets = example.settings.iter().filter(|setting| example.lines[setting.at].contains(CANARY));
    let secrets: Vec<usize> = secrets.map(|setting| setting.at).collect();
    assert!(secrets.len() >= 2, "{secrets:?}");
    let host =
        example.settings.iter().find(|setting| setting.name == "host").map(|setting| setting.at).unwrap();
    let slips = [
        "password = qxjzkvwq",
        "password = 'qxjzkvwq",
        "password = \"qxjzkvwq",
        "password = qxjzkvwq\"",
        "password \"qxjzkvwq\"",
        "password: \"qxjzkvwq\"",
        "password == \"qxjzkvwq\"",
        "password =\n\"qxjzkvwq\"",
        "password = \"\"\"\nqxjzkvwq",
        "password = \"qxjzkvwq\" \"qxjzkvwq\"",
        "password = \"qxjzkvwq\\\"",
        "password = \"qxjzkvwq\\x\"",
        "password = \"qxjzkvwq ${\"",
        "password = \"qxjzkvwq ${NOPE}\"",
        "password = [\"qxjzkvwq\"]",
        "password = { \"qxjzkvwq\" }",
        "password = { text = \"qxjzkvwq\" }",
        "password = { file = [\"qxjzkvwq\"] }",
        "password = { command = \"pgweir-no-such-program --token qxjzkvwq\" }",
        "password = { command = [\"pgweir-no-such-program\", \"qxjzkvwq\"] }",
        "password = { command = [\"pgweir-no-such-program --token qxjzkvwq\"] }",
        "password = { command = [\"sh\", \"-c\", \"echo qxjzkvwq; exit 1\"] }",
        "password = { command = [\"printf\", \"qxjzkvwq\\\\000\"] }",
        "password = { command = [\"echo\", \"x\"], ttl = \"1s\nqxjzkvwq\" }",
        "pasword = \"qxjzkvwq\"",
        "password.x = \"qxjzkvwq\"",
        "qxjzkvwq",
        "\"qxjzkvwq\"",
        "'qxjzkvwq'",
        "[password = \"qxjzkvwq\"]",
        "password = \"app\" # qxjzkvwq\u{0}",
        "= \"qxjzkvwq\"",
        "password",
    ];
    for slip in slips {
        for at in &secrets {
            assert!(!example.wrong(&example.with(*at, slip)).is_empty(), "{slip}");
        }
    }
    for address in
        ["postgres://app:qxjzkvwq@db.example/app", "app:qxjzkvwq@db", "postgresql://app:qxjzkvwq@[::1]:1/x"]
    {
        let found = example.wrong(&example.with(host, &format!("host = \"{address}\"")));
        assert_eq!(found.len(), 1, "{}", lines(&found));
    }
}

/// One change of a text.
#[derive(Clone, Debug)]
enum Slip {
    Cut(u8),
    Repeat(u8),
    Put(&'static str),
    SwapLines,
    DropLine,
    RepeatLine,
}

const BITS: [&str; 24] = [
    "\"", "'", "=", " = ", "[", "]", "[[", "]]", "{", "}", ",", ".", "\n", "#", "\\", "\\u0000", "${", "}",
    "-", "9", "\"\"\"", "\t", "é", "\u{0}",
];

fn slip() -> impl Strategy<Value = (Index, Slip)> {
    let slip = prop_oneof![
        (1..20u8).prop_map(Slip::Cut),
        (1..20u8).prop_map(Slip::Repeat),
        proptest::sample::select(&BITS[..]).prop_map(Slip::Put),
        Just(Slip::SwapLines),
        Just(Slip::DropLine),
        Just(Slip::RepeatLine),
    ];
    (any::<Index>(), slip)
}

/// The text after a change.
fn slipped(text: &str, place: Index, slip: &Slip) -> String {
    let chars: Vec<char> = text.chars().chain(['\n']).collect();
    let mut rows: Vec<&str> = text.split('\n').collect();
    let (at, row) = (place.index(chars.len()), place.index(rows.len()));
    let end = |n: &u8| (at + usize::from(*n)).min(chars.len());
    let string = |parts: &[&[char]]| parts.concat().into_iter().collect::<String>();
    match slip {
        Slip::Cut(n) => string(&[&chars[..at], &chars[end(n)..]]),
        Slip::Repeat(n) => string(&[&chars[..end(n)], &chars[at..]]),
        Slip::Put(bit) => string(&[&chars[..at], &bit.chars().collect::<Vec<_>>(), &chars[at..]]),
        Slip::SwapLines => {
            let other = (row + 7) % rows.len();
            rows.swap(row, other);
            rows.join("\n")
        }
        Slip::DropLine => {
            rows.remove(row);
            rows.join("\n")
        }
        Slip::RepeatLine => {
            let line = rows[row];
            rows.insert(row, line);
            rows.join("\n")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_slips_give_mistakes_and_never_more(slips in prop::collection::vec(slip(), 1..6)) {
        let example = Example::get();
        let mut text = example.lines.join("\n");
        for (place, slip) in &slips {
            text = slipped(&text, *place, slip);
        }
        example.wrong(&text);
    }

    /// The same where it is likely to hit a secret: a file without prose. Nothing is cut and nothing repeated, either of
    /// which can make a secret the value of another key.
    #[test]
    fn any_slips_around_secrets_tell_none(slips in prop::collection::vec(slip(), 1..4)) {
        let example = Example::get();
        let mut text = format!(
            "[listen]\naddress = \"127.0.0.1:1\"\n[[user]]\nname = \"a\"\npassword = \"{CANARY}\"\n\
             [[database]]\nname = \"a\"\nuser = \"u\"\npassword = \"{CANARY}\"\n[[database.server]]\nhost = \"h\"\n\
             [auth]\nquery = {{ user = \"a\", password = \"{CANARY}\", database = \"a\" }}\n"
        );
        for (place, slip) in slips.iter().filter(|(_, slip)| !matches!(slip, Slip::Cut(_) | Slip::Repeat(_))) {
            text = slipped(&text, *place, slip);
        }
        example.wrong(&text);
    }
}
