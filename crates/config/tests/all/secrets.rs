//! Secrets come from where they are, and are seen nowhere.

use std::fs;

use pgweir_config::{Config, Relisted, Secret};

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
        assert_eq!(&*password("sources", source).unwrap().expose(), CANARY, "{source}");
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
        let password = config.users.get("app").unwrap().password.clone();
        assert_eq!(password.map(|password| password.expose()).as_deref(), Some(secret));
    }
}

#[test]
fn a_ttl_is_a_time_and_two_sources_are_the_same_if_all_of_them_is() {
    let found = password("ttl", "{ command = [\"echo\", \"x\"], ttl = 5 }").unwrap_err();
    assert!(found.concat().contains("user.password.ttl: is 5 without a unit"), "{found:?}");
    let found = password("ttl", "{ command = [\"echo\", \"x\"], ttl = \"1ms\" }").unwrap_err();
    assert!(found.concat().contains("user.password.ttl: is \"1ms\""), "{found:?}");
    let file = folder("ttl").join("pgweir.toml");
    let read = |toml: &str| {
        let config = Config::parse(&MINIMAL.replace("\"secret\"", toml), &file, &|_| None).unwrap();
        config.users.get("app").unwrap().password.clone().unwrap()
    };
    let one = read("{ command = [\"echo\", \"x\"], ttl = \"10min\" }");
    assert_eq!(one, read("{ command = [\"echo\", \"x\"], ttl = \"10min\" }"));
    for other in ["{ command = [\"echo\", \"x\"], ttl = \"5s\" }", "{ command = [\"echo\", \"x\"] }", "\"x\""]
    {
        assert_ne!(one, read(other), "{other}");
    }
}

/// The users of a list that has changed, or the number of mistakes in it.
fn relisted(config: &Config) -> Result<Option<Config>, usize> {
    match config.relist(None) {
        Relisted::Same => Ok(None),
        Relisted::Changed(users) => Ok(Some(config.with_users(users))),
        Relisted::Wrong(stamp, mistakes) => {
            assert!(matches!(config.relist(Some(stamp)), Relisted::Same), "what is wrong is said once");
            Err(mistakes.len())
        }
    }
}

#[test]
fn a_list_of_users_is_read_again_when_it_has_changed() {
    let folder = folder("relist");
    let (file, list) = (folder.join("pgweir.toml"), folder.join("users"));
    let own = with("[[user]]", "name = \"bare\"\nsize = 7\n[[user]]");
    fs::write(&file, own + "[auth]\nfile = \"users\"\n").unwrap();
    fs::write(&list, "\"bare\" \"one\"\n\"listed\" \"one\"\n").unwrap();
    let config = Config::load(&file).unwrap();
    let secret = |config: &Config, name: &str| {
        config.users.get(name)?.password.as_ref().map(|secret| secret.expose().to_string())
    };
    assert!(relisted(&config).unwrap().is_none());

    fs::write(&list, "\"bare\" \"two!\"\n\"new\" \"two\"\n").unwrap();
    let config = relisted(&config).unwrap().unwrap();
    assert_eq!(secret(&config, "bare").as_deref(), Some("two!"));
    assert_eq!(secret(&config, "new").as_deref(), Some("two"));
    assert_eq!(secret(&config, "app").as_deref(), Some("secret"), "from the configuration itself");
    assert!(config.users.get("listed").is_none());
    assert_eq!(config.users.get("bare").unwrap().pool.size, Some(7));
    assert!(relisted(&config).unwrap().is_none());

    fs::write(&list, "\"bare\" two\nnew\n").unwrap();
    assert_eq!(relisted(&config).err(), Some(2));
    fs::write(&list, "\"app\" \"a second secret\"\n").unwrap();
    assert_eq!(relisted(&config).err(), Some(1));
    fs::remove_file(&list).unwrap();
    assert!(relisted(&config).unwrap().is_none(), "a file that is away for a moment changes nothing");
    fs::write(&list, "").unwrap();
    let config = relisted(&config).unwrap().unwrap();
    assert_eq!((secret(&config, "bare"), config.users.len()), (None, 2));
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
    let password = config.users.get("app").unwrap().password.clone().unwrap();
    assert_eq!(&*password.expose(), format!("{CANARY} twice"));
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
