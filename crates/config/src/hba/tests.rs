//! Rules and maps as PostgreSQL's documentation has them, what is wrong with others, and any text at all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::error::Error;

/// Files that are only here.
struct Shelf(BTreeMap<PathBuf, String>);

impl Files for Shelf {
    fn text(&self, path: &Path) -> Result<String, Error> {
        let missing = || Error::Unreadable { path: path.into(), reason: "not here".into() };
        self.0.get(path).cloned().ok_or_else(missing)
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn list(&self, folder: &Path) -> Result<Vec<PathBuf>, Error> {
        Ok(self.0.keys().rev().filter(|path| path.parent() == Some(folder)).cloned().collect())
    }
}

fn read(files: &[(&str, &str)]) -> (Access, Vec<String>) {
    let shelf = files.iter().map(|(name, text)| (PathBuf::from(name), (*text).to_owned())).collect();
    let ident = files.iter().any(|(name, _)| *name == "ident").then_some(Path::new("ident"));
    let (access, mistakes) = Access::read(Path::new("hba"), ident, &Shelf(shelf));
    (access, mistakes.iter().map(ToString::to_string).collect())
}

#[track_caller]
fn rules(text: &str) -> Access {
    let (access, mistakes) = read(&[("hba", text)]);
    assert_eq!(mistakes, Vec::<String>::new());
    access
}

fn mistakes(text: &str) -> Vec<String> {
    read(&[("hba", text)]).1
}

/// `user@database` from an address, `local` or an IP, `+` behind it for TLS.
#[track_caller]
fn method(access: &Access, who: &str, from: &str) -> Option<HbaMethod> {
    let (user, database) = who.split_once('@').unwrap();
    let address = from.trim_end_matches('+');
    let caller = Caller {
        address: (address != "local").then(|| address.parse().unwrap()),
        encrypted: from.ends_with('+'),
        database,
        user,
        replication: database.is_empty(),
        own: &[],
    };
    access.verdict(&caller).map(|demand| demand.method)
}

use HbaMethod::{Cert, Md5, Password, Peer, Reject, ScramSha256, Trust};

#[test]
fn the_first_line_that_matches_decides() {
    let access = rules(
        "local all all peer\n\
         host all bad 0.0.0.0/0 reject # not him\n\
         hostssl app all 10.0.0.0/8 cert\n\
         hostnossl app all 10.0.0.0/8 md5\n\
         host sameuser all 192.168.0.0 255.255.0.0 password\n\
         host all all ::1/128 trust\n\
         hostgssenc all all all trust\n\
         hostnogssenc replication rep all scram-sha-256\n",
    );
    assert_eq!(method(&access, "any@thing", "local"), Some(Peer));
    assert_eq!(method(&access, "bad@app", "10.0.0.1+"), Some(Reject));
    assert_eq!(method(&access, "good@app", "10.0.0.1+"), Some(Cert));
    assert_eq!(method(&access, "good@app", "10.0.0.1"), Some(Md5));
    assert_eq!(method(&access, "good@other", "10.0.0.1"), None);
    assert_eq!(method(&access, "a@a", "192.168.9.1"), Some(Password));
    assert_eq!(method(&access, "a@b", "192.168.9.1"), None);
    assert_eq!(method(&access, "a@b", "::1"), Some(Trust));
    assert_eq!(method(&access, "bad@b", "::1"), Some(Trust), "another family of addresses");
    assert_eq!(method(&access, "rep@", "1.2.3.4"), Some(ScramSha256));
    assert_eq!(method(&access, "rep@replication", "1.2.3.4"), None, "a word, not a name");
    assert_eq!(method(&access, "a@", "::1"), None, "`all` is no replication");
}

#[test]
fn quotes_take_the_meaning_from_words() {
    let access = rules(
        "host \"all\" \"all\" all trust\nhost \"sameuser\",\"my db\",\"a,b\",\"q\"\"q\" \"+x\",\"#y\" all md5\n",
    );
    assert_eq!(method(&access, "all@all", "1.1.1.1"), Some(Trust));
    assert_eq!(method(&access, "x@y", "1.1.1.1"), None);
    for database in ["sameuser", "my db", "a,b", "q\"q"] {
        assert_eq!(method(&access, &format!("+x@{database}"), "1.1.1.1"), Some(Md5), "{database}");
        assert_eq!(method(&access, &format!("#y@{database}"), "1.1.1.1"), Some(Md5), "{database}");
    }
}

#[test]
fn expressions_are_searched_for_and_may_be_quoted() {
    let access = rules("host /^db\\d{2}$,\"/^a,b\" /_ro$ all trust");
    assert_eq!(method(&access, "x_ro@db12", "1.1.1.1"), Some(Trust));
    assert_eq!(method(&access, "x_ro@a,bcd", "1.1.1.1"), Some(Trust));
    assert_eq!(method(&access, "x_rw@db12", "1.1.1.1"), None);
    assert_eq!(method(&access, "x_ro@db1", "1.1.1.1"), None);
}

#[test]
fn lists_have_blanks_and_lines_go_on_behind_a_backslash() {
    let access =
        rules("host a, b,\\\n c  \\\r\n x,y all \\\n trust\r\n# the end \\\nhost all all all trust\n");
    assert_eq!(method(&access, "y@c", "1.1.1.1"), Some(Trust));
    assert_eq!(method(&access, "z@c", "1.1.1.1"), None, "the last line belongs to the comment");
    // a blank before the comma ends the field, so there is one too many
    assert!(mistakes("host a ,\\\n b x all trust")[0].starts_with("hba:2:4: "));
}

#[test]
fn this_machine_is_known_by_its_networks() {
    let access = rules("host all all samehost trust\nhost all all samenet md5");
    assert!(access.needs_networks());
    let own = [("10.0.0.5".parse().unwrap(), Network::parse("10.0.0.0/24").unwrap())];
    let caller = |address: &str| Caller {
        address: Some(address.parse().unwrap()),
        encrypted: false,
        database: "d",
        user: "u",
        replication: false,
        own: &own,
    };
    let method = |address| access.verdict(&caller(address)).map(|demand| demand.method);
    assert_eq!(method("10.0.0.5"), Some(Trust));
    assert_eq!(method("10.0.0.6"), Some(Md5));
    assert_eq!(method("10.0.1.5"), None);
}

#[test]
fn options_of_certificates_and_maps() {
    let (access, wrong) = read(&[
        (
            "hba",
            "hostssl a all all cert map=m clientname=DN\nhostssl b all all md5 clientcert=verify-ca\n\
             hostssl c all all trust clientcert=verify-full\nlocal d all ident \"map=m\"",
        ),
        ("ident", "m x y"),
    ]);
    assert_eq!(wrong, Vec::<String>::new());
    let demands: Vec<_> = access.rules.iter().map(|rule| rule.demand.clone()).collect();
    let demand = |method, certificate, name, map: Option<&str>| Demand {
        method,
        certificate,
        name,
        map: map.map(str::to_owned),
    };
    use CertificateName::{Common, Distinguished};
    assert_eq!(
        demands,
        [
            demand(Cert, CertificateCheck::Named, Distinguished, Some("m")),
            demand(Md5, CertificateCheck::Signed, Common, None),
            demand(Trust, CertificateCheck::Named, Common, None),
            demand(Peer, CertificateCheck::None, Common, Some("m")),
        ]
    );
    assert_eq!(access.wants_certificates(), Some("hba:1"));
}

#[test]
fn maps_know_somebody_by_another_name() {
    let (access, wrong) = read(&[
        ("hba", "local all all peer map=m"),
        (
            "ident",
            "# system to user\nm root postgres\nm /^(.*)@x\\.org$ \\1\nm /^(.*)@y\\.org$ app_\\1\n\
             m dba all\nm boss /^team_\nm /^old_ \"all\"\nother root admin\n",
        ),
    ]);
    assert_eq!(wrong, Vec::<String>::new());
    let may = |known, user| access.is_known_as(Some("m"), known, user);
    assert!(may("root", "postgres") && !may("root", "admin") && !may("postgres", "postgres"));
    assert!(may("bob@x.org", "bob") && !may("bob@x.org", "alice") && !may("bob@xxorg", "bob"));
    assert!(may("bob@y.org", "app_bob") && !may("bob@y.org", "bob"));
    assert!(may("dba", "whoever") && may("boss", "team_a") && !may("boss", "a"));
    assert!(may("old_x", "all") && !may("old_x", "bob"), "a quoted word is a name");
    assert!(may("all@x.org", "all") && !may("all@x.org", "bob"), "what is captured is a name only");
    assert!(!may("/x@x.org", "x") && may("/x@x.org", "/x"));
    assert!(access.is_known_as(None, "a", "a") && !access.is_known_as(None, "a", "b"));
    assert!(!access.is_known_as(Some("nothing"), "a", "a"));
}

#[test]
fn files_include_others() {
    let (access, wrong) = read(&[
        ("hba", "include one\ninclude_if_exists nowhere\ninclude_dir dir\nhost @names all all reject"),
        ("one", "host one all all trust"),
        ("dir/b.conf", "host same all all password"),
        ("dir/a.conf", "host same all all md5"),
        ("dir/.c.conf", "rubbish"),
        ("dir/readme", "rubbish"),
        ("names", "x, y # two\n@more"),
        ("more", "\"z z\""),
    ]);
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(method(&access, "u@one", "1.1.1.1"), Some(Trust));
    assert_eq!(method(&access, "u@same", "1.1.1.1"), Some(Md5), "in the order of their names");
    for database in ["x", "y", "z z"] {
        assert_eq!(method(&access, &format!("u@{database}"), "1.1.1.1"), Some(Reject));
    }
}

#[test]
fn files_that_include_themselves_come_to_an_end() {
    let many = "include hba\n".repeat(50);
    let (_, wrong) = read(&[("hba", &many)]);
    assert!((1..1100).contains(&wrong.len()), "{}", wrong.len());
    let (_, wrong) = read(&[("hba", "host @n all all trust"), ("n", "@n @n")]);
    assert!((1..3000).contains(&wrong.len()), "{}", wrong.len());
}

#[test]
fn every_mistake_is_named_at_its_place() {
    let wrong = mistakes(
        "hosts all all all trust\n\
         host all\n\
         host samerole,a +g,b all trust\n\
         host all all db.example trust\n\
         host all all 10.0.0.1 trust\n\
         host all all 10.0.0.0/33 trust\n\
         host all all all ldap ldapserver=x\n\
         host all all all peer\n\
         host all all all ident\n\
         host all all all cert\n\
         local all all md5 map=x\n\
         hostssl all all all cert clientcert=verify-ca\n\
         host all all all md5 clientcert=verify-full\n\
         local all all peer map=nothing\n\
         host \"all all all trust\n\
         host /( all all trust\n\
         host all all all trust mapp=x\n\
         include a b\n\
         host all all all\n\
         host all all all md5,trust\n",
    );
    let places: Vec<&str> = wrong.iter().map(|text| text.split(": ").next().unwrap()).collect();
    let expected = [
        "1:1", "2:6", "3:6", "3:17", "4:14", "5:23", "6:14", "7:18", "8:18", "9:18", "10:18", "11:19",
        "12:26", "13:22", "14:20", "15:6", "16:6", "17:24", "18:1", "19:14", "20:22",
    ];
    assert_eq!(places, expected.map(|at| format!("hba:{at}")), "{wrong:#?}");
    assert!(wrong.iter().all(|text| text.contains(": auth.hba: ") && !text.contains('\n')), "{wrong:#?}");
    assert!(wrong[7].contains("\"ldap\" is not supported"), "{}", wrong[7]);
    assert_eq!(mistakes("# nothing\n"), ["hba:1:1: auth.hba: has no rule, and so would let nobody in"]);
    let (_, wrong) = read(&[
        ("hba", "local all all peer map=m"),
        ("ident", "m a\nm a b c\nm /( b\nm /x \\1\nm a +b\nm a,b c\nm a b"),
    ]);
    let places: Vec<&str> = wrong.iter().map(|text| text.split(": auth.ident").next().unwrap()).collect();
    assert_eq!(places, ["ident:1:1", "ident:2:1", "ident:3:3", "ident:4:6", "ident:5:5", "ident:6:5"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_gives_rules_or_mistakes(
        text in "(host|local|hostssl| |,|all|\"|#|\\\\\n|\n|@hba|include|/x|\\(|1.1.1.1|/8|cert|md5|trust|map=|é|\\x00){0,40}"
    ) {
        let (_, found) = Access::read(
            Path::new("hba"),
            None,
            &Shelf(BTreeMap::from([(PathBuf::from("hba"), text.clone())])),
        );
        for mistake in found {
            let line = text.lines().nth(mistake.line - 1).unwrap_or_default();
            prop_assert!(mistake.col <= line.chars().count() + 1, "{} in {:?}", mistake, text);
            prop_assert!(!mistake.message.contains('\n'));
        }
    }

    #[test]
    fn a_quoted_name_is_that_name(name in "[^\\x00\r\n/@]{1,12}", other in "[a-z]{1,5}") {
        let text = format!("host \"{}\" all all trust", name.replace('"', "\"\""));
        let (access, wrong) = read(&[("hba", &text)]);
        // a backslash at the end of a line is not at the end here
        prop_assert_eq!(wrong, Vec::<String>::new());
        let at = |database: &str| {
            let caller = Caller {
                address: Some([1, 1, 1, 1].into()), encrypted: false, database, user: "u",
                replication: false, own: &[],
            };
            access.verdict(&caller).is_some()
        };
        prop_assert!(at(&name));
        prop_assert!(other == name || !at(&other));
    }
}
