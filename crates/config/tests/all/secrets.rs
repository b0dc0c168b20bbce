//! Secrets come from where they are, and are seen nowhere.

use std::fs;

use pgweir_config::{Config, Secret};

use crate::{MINIMAL, folder, with, wrong};

const CANARY: &str = "canary-8d1f";

/// The password of the minimal file's user with `toml` in its place, all in a folder of its own.
fn password(test: &str, toml: &str) -> Result<Secret, Vec<String>> {
    let folder = folder(test);
    fs::write(folder.join("token"), format!("{CANARY}\n")).unwrap();
    fs::write(folder.join("empty"), "\n").unwrap();
    fs::write(folder.join("long"), "x".repeat(1 << 20)).unwrap();
    fs::write(folder.join("too-long"), "x".repeat((1 << 20) + 1)).unwrap();
    let text = MINIMAL.replace("\"secret\"", toml);
    Config::parse(&text, &folder.join("pgweir.toml"), &|_| Some(CANARY.into()))
        .map(|config| config.users.get("app").unwrap().password.clone().unwrap())
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

#[test]
fn every_source_gives_the_same_secret() {
    let sources = [
        "\"canary-8d1f\"",
        "\"${ANY}\"",
        "{ file = \"token\" }",
        "{ command = [\"echo\", \"canary-8d1f\"] }",
    ];
    for source in sources {
        assert_eq!(password("sources", source), Ok(Secret::new(CANARY)), "{source}");
    }
    // cloud tokens are long, and nothing of ours says how long
    assert_eq!(password("sources", "{ file = \"long\" }").unwrap().expose().len(), 1 << 20);
}

#[test]
fn a_file_is_read_again_at_the_next_load() {
    let folder = folder("rotation");
    let file = folder.join("pgweir.toml");
    fs::write(&file, MINIMAL.replace("\"secret\"", "{ file = \"token\" }")).unwrap();
    for secret in ["first", "second"] {
        fs::write(folder.join("token"), secret).unwrap();
        let config = Config::load(&file).unwrap();
        assert_eq!(config.users.get("app").unwrap().password, Some(Secret::new(secret)));
    }
}

#[test]
fn a_source_that_gives_nothing_is_a_mistake() {
    let wrong = [
        ("\"\"", "user.password: is empty, must be"),
        ("\"a\\u0000b\"", "user.password: is text with a zero byte"),
        ("{}", "user.password.file: is missing, must be set, or \"command\" instead"),
        ("{ file = \"none\" }", "user.password.file: cannot read"),
        ("{ file = \"empty\" }", "user.password: is empty"),
        ("{ file = \"too-long\" }", "it is longer than 1048576 bytes"),
        ("{ file = \".\" }", "user.password.file: cannot read"),
        ("{ command = [] }", "user.password.command: is an empty list"),
        ("{ command = [\"false\"] }", "user.password.command: command \"false\" failed with exit status: 1"),
        ("{ command = [\"./none\"] }", "cannot be started"),
        ("{ file = \"token\", command = [\"false\"] }", "stands beside \"file\", keep one of them"),
        ("{ fille = \"token\" }", "user.password.fille: unknown key, did you mean \"file\"?"),
    ];
    for (source, expected) in wrong {
        let found = password("wrong", source).unwrap_err();
        assert!(found.iter().any(|line| line.contains(expected)), "{source} {found:#?}");
    }
}

#[test]
fn a_program_beside_the_configuration_file_is_found() {
    use std::os::unix::fs::PermissionsExt;

    let folder = folder("program");
    let program = folder.join("secret.sh");
    fs::write(&program, format!("#!/bin/sh\necho {CANARY} $1\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let text = MINIMAL.replace("\"secret\"", "{ command = [\"./secret.sh\", \"twice\"] }");
    let config = Config::parse(&text, &folder.join("pgweir.toml"), &|_| None).unwrap();
    assert_eq!(config.users.get("app").unwrap().password, Some(Secret::new(format!("{CANARY} twice"))));
}

#[test]
fn nothing_that_is_shown_has_a_secret_in_it() {
    let database = format!("user = \"owner\"\npassword = \"{CANARY}\"");
    let text = with("[[database]]", &database).replace("\"secret\"", &format!("\"{CANARY}\""));
    let config = crate::right(&text);
    assert!(!format!("{config:?} {config:#?}").contains(CANARY));
    assert!(!format!("{:?}", config.entries()).contains(CANARY));
    let mut changed = config.clone();
    changed.users = config.users.iter().take(0).cloned().collect();
    assert!(!format!("{:?}", pgweir_config::diff(&config, &changed)).contains(CANARY));
}

#[test]
fn no_mistake_repeats_a_secret() {
    let broken = [
        with("[listen]", "x = 1").replace("\"secret\"", &format!("\"{CANARY}\"")),
        MINIMAL.replace("\"secret\"", &format!("[\"{CANARY}\"]")),
        MINIMAL.replace("\"secret\"", &format!("\"{CANARY}")),
        MINIMAL.replace("\"secret\"", CANARY),
        MINIMAL.replace("\"secret\"", &format!("\"{CANARY}\\q\"")),
        MINIMAL.replace("\"secret\"", &format!("\"{CANARY}\\u0000\"")),
        MINIMAL.replace("\"secret\"", &format!("\"{CANARY}\"\npassword = \"{CANARY}\"")),
        MINIMAL.replace("\"secret\"", &format!("\"{CANARY} ${{NOPE}}\"")),
    ];
    for text in broken {
        let found = wrong(&text);
        assert!(!found.is_empty() && !found.concat().contains(CANARY), "{found:#?}");
    }
}
