//! LISTEN works for clients that have no server of their own: nothing that is sent after it has taken effect is
//! missed without a word, nothing comes twice, in another order, or that was not asked for.

use testkit::postgres::Stop;
use testkit::{Client, Message, Postgres, Proxy, messages, wait};

use crate::scene::{before, last_words, metrics, server_error};

/// The backend that listens for all.
const LISTENER: &str = "FROM pg_stat_activity WHERE application_name = 'pgweir: LISTEN'";

/// The channel and the payload of the next message, which is a notification.
#[track_caller]
fn heard(client: &mut Client) -> String {
    said(&client.expect(b'A'))
}

fn said(notification: &Message) -> String {
    let body = notification.body.get(4..).unwrap_or_default();
    let mut parts = body.split(|&byte| byte == 0).map(String::from_utf8_lossy);
    format!("{}:{}", parts.next().unwrap(), parts.next().unwrap())
}

/// The next message, which is a warning.
#[track_caller]
fn warned(client: &mut Client) -> String {
    let error = client.expect(b'N').error().unwrap();
    assert_eq!((error.code(), error.field(b'S')), ("01000", "WARNING"), "{error}");
    error.message().to_owned()
}

/// What was said on channels before this one was sent; the client listens to `fence`.
#[track_caller]
fn up_to(client: &mut Client, postgres: &Postgres, fence: &str) -> Vec<String> {
    postgres.psql(&format!("NOTIFY fence, '{fence}'"));
    let mut before = Vec::new();
    loop {
        match heard(client) {
            last if last == format!("fence:{fence}") => return before,
            other => before.push(other),
        }
    }
}

fn stage() -> (Postgres, Proxy) {
    let postgres = Postgres::start();
    let proxy = before(&postgres).pool_size(2).start();
    (postgres, proxy)
}

#[test]
fn fifty_clients_listen_through_one_connection_and_hear_everything_in_order() {
    let (postgres, proxy) = stage();
    let mut clients: Vec<Client> = (0..50).map(|_| proxy.connect().open()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        let answer = client.query("LISTEN news");
        assert_eq!(answer.first().unwrap().text(), "LISTEN");
        client.rows(&format!("LISTEN \"to {number}\""));
    }
    assert_eq!(postgres.psql(&format!("SELECT count(*) {LISTENER}")), "1");
    let all = "SELECT count(*) <= 4 FROM pg_stat_activity WHERE backend_type = 'client backend'";
    // who asked before may be about to leave
    let what = "the pool, the listener, and the one that asks are all there is";
    wait::until(wait::PATIENCE, what, || postgres.psql(all) == "t");
    let mut sender = proxy.connect().open();
    for round in 0..20 {
        sender.rows(&format!("NOTIFY news, '{round}'"));
        postgres.psql(&format!("NOTIFY news, 'past {round}'; NOTIFY \"to 7\", '{round}'"));
    }
    for (number, client) in clients.iter_mut().enumerate() {
        for round in 0..20 {
            assert_eq!(heard(client), format!("news:{round}"));
            assert_eq!(heard(client), format!("news:past {round}"));
            if number == 7 {
                assert_eq!(heard(client), format!("to 7:{round}"));
            }
        }
        assert_eq!(client.rows("SELECT 1"), "1");
    }
}

#[test]
fn a_notification_reaches_whoever_sent_it_and_is_not_repeated() {
    let (postgres, proxy) = stage();
    let mut client = proxy.connect().open();
    client.rows("LISTEN fence");
    client.rows("BEGIN; LISTEN c; NOTIFY c, 'with the LISTEN'");
    client.send(&messages::query("COMMIT; NOTIFY c, 'and after'"));
    let answer = client.read_until_ready();
    assert!(answer.iter().all(|message| message.tag != b'A'), "only one connection tells of it: {answer:?}");
    assert_eq!(up_to(&mut client, &postgres, "1"), ["c:with the LISTEN", "c:and after"]);
}

#[test]
fn only_what_was_committed_counts() {
    let (postgres, proxy) = stage();
    let (mut client, mut sender) = (proxy.connect().open(), proxy.connect().open());
    let mut witness = proxy.connect().open();
    witness.rows("LISTEN kept");
    client.rows("LISTEN fence");
    client.rows("BEGIN; LISTEN gone");
    client.rows("ROLLBACK");
    client.rows("BEGIN; LISTEN kept; SAVEPOINT s; LISTEN undone; ROLLBACK TO s");
    postgres.psql("NOTIFY kept, 'too early'");
    assert_eq!(heard(&mut witness), "kept:too early");
    assert_eq!(client.rows("SELECT 1"), "1");
    client.rows("COMMIT");
    assert_eq!(up_to(&mut client, &postgres, "0"), Vec::<String>::new());
    server_error(client.try_rows("LISTEN failed; SELECT 1/0"));
    postgres.psql("NOTIFY gone; NOTIFY undone; NOTIFY failed; NOTIFY kept, 'yes'");
    assert_eq!(up_to(&mut client, &postgres, "1"), ["kept:yes"]);
    sender.rows("BEGIN; NOTIFY kept, 'not yet'");
    assert_eq!(up_to(&mut client, &postgres, "2"), Vec::<String>::new());
    sender.rows("COMMIT");
    assert_eq!(heard(&mut client), "kept:not yet");
    sender.rows("BEGIN; NOTIFY kept, 'never'; ROLLBACK");
    assert_eq!(up_to(&mut client, &postgres, "3"), Vec::<String>::new());
    // not while a transaction is open
    client.rows("BEGIN");
    postgres.psql("NOTIFY kept, 'while it is busy'");
    assert_eq!(client.query("SELECT 1").len(), 4);
    client.rows("COMMIT");
    assert_eq!(heard(&mut client), "kept:while it is busy");
}

#[test]
fn who_does_not_listen_any_more_hears_nothing() {
    let (postgres, proxy) = stage();
    let mut client = proxy.connect().open();
    for end in ["UNLISTEN a", "UNLISTEN *", "DISCARD ALL", "BEGIN; UNLISTEN a; COMMIT"] {
        client.rows("LISTEN a; LISTEN b; LISTEN fence");
        postgres.psql("NOTIFY a, 'heard'");
        assert_eq!(up_to(&mut client, &postgres, end), ["a:heard"]);
        client.rows("BEGIN; UNLISTEN *; ROLLBACK");
        client.rows("BEGIN; UNLISTEN a; LISTEN a; COMMIT");
        server_error(client.try_rows("UNLISTEN *; SELECT 1/0"));
        postgres.psql("NOTIFY a, 'still'");
        assert_eq!(up_to(&mut client, &postgres, end), ["a:still"], "after what had no effect");
        client.rows(end);
        client.rows("LISTEN fence");
        postgres.psql("NOTIFY a, 'not heard'; NOTIFY b, 'perhaps'");
        let left = up_to(&mut client, &postgres, end);
        assert_eq!(left == ["b:perhaps"], end.contains("UNLISTEN a"), "{end}: {left:?}");
    }
    drop(client);
    wait::until(wait::PATIENCE, "nobody listens to anything any more", || {
        postgres.psql(&format!("SELECT query LIKE 'UNLISTEN %' {LISTENER}")) == "t"
    });
}

#[test]
fn a_lost_connection_is_opened_again_and_told_of() {
    let (mut postgres, proxy) = stage();
    let mut clients: Vec<Client> = (0..5).map(|_| proxy.connect().open()).collect();
    for client in &mut clients {
        client.rows("LISTEN a; LISTEN b");
    }
    for round in 0..3 {
        if round == 2 {
            postgres.stop(Stop::Fast);
            postgres.restart();
        } else {
            postgres.psql(&format!("SELECT pg_terminate_backend(pid) {LISTENER}"));
        }
        for client in &mut clients {
            assert_eq!(warned(client), "notifications may have been missed");
        }
        postgres.psql("NOTIFY b, 'again'");
        for client in &mut clients {
            assert_eq!(heard(client), "b:again", "told once, and then it goes on");
        }
    }
    // a LISTEN while nobody listens waits until somebody does
    let mut late = proxy.connect().open();
    let losses = || proxy.log().matches("the connection that listens for clients is lost").count();
    let before = losses();
    postgres.psql(&format!("SELECT pg_terminate_backend(pid) {LISTENER}"));
    wait::until(wait::PATIENCE, "it is noticed", || losses() > before);
    late.rows("LISTEN b");
    postgres.psql("NOTIFY b, 'late'");
    assert_eq!(heard(&mut late), "b:late");
}

#[test]
fn a_client_that_does_not_read_is_told_how_much_it_has_missed() {
    let (postgres, proxy) = stage();
    let (mut client, mut witness) = (proxy.connect().open(), proxy.connect().open());
    client.rows("LISTEN c");
    witness.rows("LISTEN fence");
    client.rows("BEGIN");
    postgres.psql("SELECT count(pg_notify('c', n || repeat('x', 4000))) FROM generate_series(1, 1000) n");
    assert_eq!(up_to(&mut witness, &postgres, "1"), Vec::<String>::new());
    assert_eq!(client.query("COMMIT").len(), 2);
    let lost = warned(&mut client);
    let lost: usize = lost.strip_suffix(" notifications were lost").unwrap().parse().unwrap();
    assert!((500..1000).contains(&lost), "{lost}");
    for number in lost + 1..=1000 {
        assert!(heard(&mut client).starts_with(&format!("c:{number}x")), "{number}");
    }
    let metrics = metrics(&proxy);
    assert!(metrics.contains(&format!("pgweir_notifications_total{{result=\"lost\"}} {lost}")), "{metrics}");
}

#[test]
fn databases_do_not_hear_each_other() {
    let postgres = Postgres::builder().database("other").start();
    let proxy = before(&postgres).database("other", &postgres).pool_size(1).start();
    let (mut here, mut there) = (proxy.connect().open(), proxy.connect().database("other").open());
    here.rows("LISTEN c; LISTEN fence");
    there.rows("LISTEN c; LISTEN fence");
    assert_eq!(postgres.psql(&format!("SELECT count(*) {LISTENER}")), "2");
    postgres.psql_in("other", "NOTIFY c, 'there'");
    assert_eq!(heard(&mut there), "c:there");
    assert_eq!(up_to(&mut here, &postgres, "1"), Vec::<String>::new());
}

#[test]
fn two_names_of_one_database_share_the_connection() {
    let postgres = Postgres::start();
    let alias = testkit::proxy::Server::from(&postgres).key("dbname", "\"postgres\"");
    let proxy = before(&postgres).database("alias", alias).start();
    let (mut one, mut two) = (proxy.connect().open(), proxy.connect().database("alias").open());
    one.rows("LISTEN c");
    two.rows("LISTEN c");
    assert_eq!(postgres.psql(&format!("SELECT count(*) {LISTENER}")), "1");
    two.rows("NOTIFY c, 'both'");
    assert_eq!((heard(&mut one), heard(&mut two)), ("c:both".into(), "c:both".into()));
}

#[test]
fn what_is_sent_comes_in_the_encoding_of_the_client() {
    let (postgres, proxy) = stage();
    let mut utf8 = proxy.connect().param("client_encoding", "UTF8").open();
    let mut latin = proxy.connect().param("client_encoding", "LATIN1").open();
    utf8.rows("LISTEN \"\u{fc}\"");
    latin.send(&messages::frame(b'Q', b"LISTEN \"\xfc\"\0"));
    latin.read_until_ready();
    postgres.psql("NOTIFY \"\u{fc}\", '\u{e4}'");
    assert_eq!(heard(&mut utf8), "\u{fc}:\u{e4}");
    let body = latin.expect(b'A').body;
    assert!(body.ends_with(b"\xfc\0\xe4\0"), "{}", body.escape_ascii());
}

#[test]
fn a_prepared_listen_is_one() {
    let (postgres, proxy) = stage();
    let mut client = proxy.connect().open();
    // as drivers do that prepare everything: first the statement, then, on another server perhaps, its run
    client.send(
        &[messages::parse("s", "LISTEN c", &[]), messages::describe_statement("s"), messages::sync()]
            .concat(),
    );
    client.read_until_ready();
    let run = [messages::bind("", "s", &[]), messages::execute("", 0), messages::sync()].concat();
    postgres.psql("NOTIFY c, 'too early'");
    client.send(&run);
    client.read_until_ready();
    postgres.psql("NOTIFY c, 'yes'");
    assert_eq!(heard(&mut client), "c:yes");
    // and all at once
    let mut client = proxy.connect().open();
    client.send(&[messages::parse("", "LISTEN c", &[]), run.clone()].concat());
    client.send(&run.clone());
    client.read_until_ready();
    client.read_until_ready();
    let mut client = proxy.connect().open();
    client.send(
        &[
            messages::parse("", "LISTEN c", &[]),
            messages::bind("", "", &[]),
            messages::execute("", 0),
            messages::sync(),
        ]
        .concat(),
    );
    client.read_until_ready();
    postgres.psql("NOTIFY c, 'all at once'");
    assert_eq!(heard(&mut client), "c:all at once");
}

#[test]
fn a_reload_that_moves_the_pool_moves_those_who_listen() {
    let (first, second) = (Postgres::start(), Postgres::start());
    let proxy = before(&first).start();
    let mut client = proxy.connect().open();
    client.rows("LISTEN c");
    first.psql("NOTIFY c, 'first'");
    assert_eq!(heard(&mut client), "c:first");
    proxy.edit_config(&format!("port = {}", first.port()), &format!("port = {}", second.port()));
    proxy.reload();
    // it asks for nothing, and moves all the same
    assert_eq!(warned(&mut client), "notifications may have been missed");
    second.psql("NOTIFY c, 'second'");
    assert_eq!(heard(&mut client), "c:second");
    let left = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() \
                AND application_name <> 'pgweir: LISTEN'";
    wait::until(wait::PATIENCE, "the old server is left alone", || first.psql(left) == "0");
}

#[test]
fn a_listen_without_anybody_to_listen_is_refused() {
    let postgres = Postgres::builder().user("app", "secret").start();
    let proxy = before(&postgres).set("pool.acquire_timeout", "\"300ms\"").pool_size(1).start();
    let mut client = proxy.connect().user("app").open();
    assert_eq!(client.rows("SELECT 1"), "1");
    // one connection more than it has is not to be had
    postgres.psql("ALTER ROLE app CONNECTION LIMIT 1");
    let error = server_error(client.try_rows("LISTEN c"));
    assert_eq!((error.code(), error.field(b'S')), ("57P03", "ERROR"), "{error}");
    assert!(error.field(b'D').contains("53300"), "{error}");
    postgres.psql("ALTER ROLE app CONNECTION LIMIT 5");
    assert_eq!(client.rows("SELECT 2"), "2");
    wait::until(wait::PATIENCE, "it can be had again", || client.try_rows("LISTEN c").is_ok());
    postgres.psql("NOTIFY c, 'yes'");
    assert_eq!(heard(&mut client), "c:yes");
}

#[test]
fn the_connection_that_listens_leaves_one_to_the_pools() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).set("pool.max_server_connections", "1").pool_size(2).start();
    let (mut client, mut other) = (proxy.connect().open(), proxy.connect().open());
    client.rows("LISTEN c");
    postgres.psql(
        "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity \
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() \
         AND application_name <> 'pgweir: LISTEN'",
    );
    // the place of that one is free, and the listener has not taken it
    assert_eq!(other.rows("SELECT 1"), "1");
    other.rows("NOTIFY c, 'beside it'");
    assert_eq!(heard(&mut client), "c:beside it");
}

#[test]
fn where_it_is_switched_off_it_fails() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).set("pool.listen", "\"reject\"").start();
    let mut client = proxy.connect().open();
    let error = server_error(client.try_rows("LISTEN c"));
    assert_eq!((error.code(), error.field(b'S')), ("0A000", "ERROR"), "{error}");
    assert!(error.field(b'H').contains("pool.listen"), "{error}");
    client.send(
        &[
            messages::parse("", "LISTEN c", &[]),
            messages::bind("", "", &[]),
            messages::execute("", 0),
            messages::sync(),
        ]
        .concat(),
    );
    assert_eq!(client.expect(b'E').error().unwrap().code(), "0A000");
    client.expect(b'Z');
    client.rows("BEGIN");
    assert_eq!(server_error(client.try_rows("LISTEN c")).code(), "0A000");
    assert_eq!(server_error(client.try_rows("SELECT 1")).code(), "25P02", "as any statement that fails");
    client.rows("ROLLBACK");
    client.rows("DO $$ BEGIN EXECUTE 'LISTEN c'; END $$");
    let said: Vec<_> =
        last_words(&mut client).iter().map(|e| (e.code().to_owned(), e.field(b'S').to_owned())).collect();
    assert_eq!(said, [("0A000".to_owned(), "FATAL".to_owned())], "noticed only afterwards");
}

#[test]
fn a_function_that_listens_is_noticed_and_a_client_that_keeps_its_server_hears_as_well() {
    let (postgres, proxy) = stage();
    let mut client = proxy.connect().open();
    client.rows("CREATE TEMP TABLE mine (i int)");
    client.rows("LISTEN c; LISTEN fence");
    postgres.psql("NOTIFY c, 'kept'");
    assert_eq!(heard(&mut client), "c:kept");
    client.rows("NOTIFY c, 'its own'");
    assert_eq!(up_to(&mut client, &postgres, "1"), ["c:its own"]);
    client.rows("DROP TABLE mine");
    client.rows("DO $$ BEGIN EXECUTE 'LISTEN d'; END $$");
    postgres.psql("NOTIFY c, 'free again'");
    assert_eq!(up_to(&mut client, &postgres, "2"), ["c:free again"]);
    let listens = format!("SELECT query = 'LISTEN \"d\";' {LISTENER}");
    wait::until(wait::PATIENCE, "somebody listens to what the function wanted", || {
        postgres.psql(&listens) == "t"
    });
    postgres.psql("NOTIFY d, 'as well'");
    assert_eq!(heard(&mut client), "d:as well");
}

#[test]
fn who_keeps_its_server_by_policy_hears_from_that() {
    let postgres = Postgres::start();
    let proxy = before(&postgres).set("pool.state", "\"pin\"").start();
    let mut client = proxy.connect().open();
    client.rows("LISTEN c");
    postgres.psql("NOTIFY c, 'yes'");
    assert_eq!(heard(&mut client), "c:yes");
    assert_eq!(postgres.psql(&format!("SELECT count(*) {LISTENER}")), "0");
}
