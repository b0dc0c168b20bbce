//! The first line that matches decides, and lines are read again.

use testkit::Postgres;
use testkit::wait;

use super::{Rules, outcome};

#[test]
fn each_user_is_asked_for_what_its_line_says() {
    let postgres = Postgres::start();
    let rules = Rules::new(
        "# who may come\n\
         host  all       barred                       0.0.0.0/0            reject\n\
         host  app,\"x\" open                         127.0.0.0 255.0.0.0  trust\n\
         host  all       clear                        samehost             password\n\
         host  all       hashed                       127.0.0.1/32         md5\n\
         host  sameuser  salted                       127.0.0.1/32         reject\n\
         host  all       /^sal                        all                  scram-sha-256\n\
         host  app       barred,open,clear            all                  md5\n",
        "",
    );
    let proxy = rules.before(&postgres).user("clear", "s1").user("hashed", "s2").user("salted", "s3").start();
    let connect = |user: &str, password: &str| proxy.connect().user(user).password(password).database("app");
    for (user, password, asked) in
        [("open", "", 0), ("clear", "s1", 3), ("hashed", "s2", 5), ("salted", "s3", 10)]
    {
        let mut client = connect(user, password).unlogged();
        client.send_startup().unwrap();
        assert_eq!(client.expect(b'R').body[3], asked, "{user}");
        assert_eq!(connect(user, password).open().rows("SELECT 1"), "1", "{user}");
    }
    for user in ["clear", "hashed", "salted"] {
        for wrong in ["", "wrong"] {
            assert!(outcome(connect(user, wrong).try_open()).starts_with("28P01 "), "{user}");
        }
    }
    assert_eq!(
        outcome(connect("barred", "").try_open()),
        "28000 pg_hba.conf rejects connection for host \"127.0.0.1\", user \"barred\", database \"app\", no encryption"
    );
    for (user, database) in [("nobody", "app"), ("open", "postgres")] {
        assert_eq!(
            outcome(connect(user, "").database(database).try_open()),
            format!(
                "28000 no pg_hba.conf entry for host \"127.0.0.1\", user \"{user}\", database \"{database}\", no encryption"
            )
        );
    }
    assert_eq!(
        outcome(proxy.connect_unix().user("open").database("app").try_open()),
        "28000 no pg_hba.conf entry for host \"[local]\", user \"open\", database \"app\", no encryption"
    );
}

#[test]
fn rules_are_read_again_and_a_mistake_keeps_the_old_ones() {
    let postgres = Postgres::start();
    let rules = Rules::new("host all one all trust\n", "");
    let proxy = rules.before(&postgres).start();
    let connect = |user: &str| proxy.connect().user(user);
    let mut inside = connect("one").open();
    assert!(connect("two").try_open().is_err());

    rules.write("host all two all trust\nhost all three all ldap\nhosts x\n");
    proxy.reload();
    proxy.wait_log("reload refused");
    let log = proxy.log();
    assert!(log.contains("pg_hba.conf:2:20: auth.hba: method \"ldap\" is not supported"), "{log}");
    assert!(log.contains("pg_hba.conf:3:1: auth.hba: is \"hosts\""), "{log}");
    assert_eq!(connect("one").open().rows("SELECT 1"), "1");
    assert!(connect("two").try_open().is_err());

    rules.write("host all two all trust\n");
    proxy.reload();
    wait::until(wait::PATIENCE, "the new rules hold", || connect("two").try_open().is_ok());
    assert!(outcome(connect("one").try_open()).starts_with("28000 no pg_hba.conf entry for host"));
    assert_eq!(inside.rows("SELECT 'still'"), "still", "who is in stays");
}

/// Names that would say something else if somebody put them into a line, or an expression, without care.
#[test]
fn names_are_names_whatever_they_look_like() {
    let postgres = Postgres::start();
    let rules = Rules::new(
        "host app \"o'brien, all # \"\"x\"\"\",\"+all\",\"\\1\" all trust\nlocal all all peer\n",
        "",
    );
    let proxy = rules.before(&postgres).start();
    for user in ["o'brien, all # \"x\"", "+all", "\\1"] {
        assert_eq!(proxy.connect().user(user).database("app").open().rows("SELECT 1"), "1", "{user}");
    }
    for (user, database) in
        [("all", "app"), ("o'brien", "app"), ("+all", "all"), ("x\nhost all all all trust", "app")]
    {
        let said = outcome(proxy.connect().user(user).database(database).try_open());
        assert!(said.starts_with("28000 no pg_hba.conf entry"), "{user}: {said}");
    }
    for hostile in ["'; DROP TABLE x; --", "$u$", "a\" b", "a\\"] {
        let mut client =
            proxy.connect().user("+all").database("app").param("application_name", hostile).open();
        assert_eq!(client.rows("SHOW application_name"), hostile);
    }
}

/// Rules say what is asked, and the server has the secrets.
#[test]
fn rules_go_with_secrets_that_only_the_server_has() {
    let postgres = Postgres::builder().user("known", "secret").start();
    let rules = Rules::new("host app known all scram-sha-256\nhost app trusted all trust\n", "");
    let proxy =
        rules.before(&postgres).set("auth.query", "{ user = \"postgres\", database = \"app\" }").start();
    let connect = |user: &str, password: &str| proxy.connect().user(user).password(password).database("app");
    assert_eq!(connect("known", "secret").open().rows("SELECT 1"), "1");
    assert!(outcome(connect("known", "wrong").try_open()).starts_with("28P01 "));
    assert_eq!(connect("trusted", "").open().rows("SELECT 1"), "1", "who is not asked is not looked up");
    assert!(outcome(connect("postgres", "").try_open()).starts_with("28000 no pg_hba.conf entry"));
}
