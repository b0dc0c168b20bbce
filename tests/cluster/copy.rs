//! COPY: bulk both ways, errors in the middle of it, and nothing kept in memory.

use std::thread;

use testkit::client::tags;
use testkit::{Client, Postgres, messages as m};

use crate::scene::{before, is_whole};

const MB: usize = 1024 * 1024;

/// The client does not look for the error until it has sent everything, as most drivers do.
#[test]
fn two_hundred_megabytes_behind_a_unique_violation_harm_nobody() {
    let postgres = Postgres::start();
    postgres.psql("create table t (id int8 primary key, v text)");
    let proxy = before(&postgres).pool_size(2).start();
    thread::scope(|scope| {
        for how in [bulk_simple, bulk_extended] {
            let proxy = &proxy;
            scope.spawn(move || how(&mut proxy.connect().open()));
        }
        let mut beside = proxy.connect().open();
        for i in 0..50 {
            assert_eq!(beside.rows(&format!("select {i}")), i.to_string());
        }
    });
    assert!(proxy.rss_kb() < 64 * 1024, "{} kB", proxy.rss_kb());
    assert_eq!(postgres.psql("select count(*) from t"), "0");
    is_whole(&proxy, &postgres, 2, "two failed COPY");
}

fn bulk_simple(client: &mut Client) {
    client.send(&m::query("copy t from stdin"));
    client.expect(b'G');
    bulk(client);
    client.send(&m::copy_done());
    let answer = client.read_until_ready();
    assert_eq!(tags(&answer), "EZ");
    assert_eq!(answer[0].error().unwrap().code(), "23505");
    assert_eq!(client.rows("select 'usable'"), "usable");
}

fn bulk_extended(client: &mut Client) {
    let batch = [m::parse("", "copy t from stdin", &[]), m::bind("", "", &[]), m::execute("", 0), m::flush()];
    client.send(&batch.concat());
    assert_eq!(tags(&client.try_read_until(b'G').unwrap()), "12G");
    bulk(client);
    client.send(&[m::copy_done(), m::sync()].concat());
    let answer = client.read_until_ready();
    assert_eq!(tags(&answer), "EZ");
    assert_eq!(answer[0].error().unwrap().code(), "23505");
    assert_eq!(client.rows("select 'usable'"), "usable");
}

/// 200 MB; the tenth row is the first one again.
fn bulk(client: &mut Client) {
    let filler = "x".repeat(1000);
    let rows: String = (1..10).chain([1]).map(|id| format!("{id}\t{filler}\n")).collect();
    client.send(&m::copy_data(rows.as_bytes()));
    let rest: String = (100..1100).map(|id| format!("{id}\t{filler}\n")).collect();
    let piece = m::copy_data(rest.as_bytes());
    for _ in 0..200 * MB / piece.len() {
        client.send(&piece);
    }
}

#[test]
fn rows_come_out_as_they_went_in() {
    let postgres = Postgres::start();
    postgres.psql("create table t (id int8, v text)");
    let proxy = before(&postgres).pool_size(1).start();
    let mut client = proxy.connect().open();
    let mut sent = String::new();
    client.send(&m::query("copy t from stdin"));
    client.expect(b'G');
    for id in 0..20_000 {
        let row = format!("{id}\tvalue {id}\n");
        // cut anywhere: rows and CopyData need not agree
        let (head, tail) = row.split_at(row.len() / 3);
        client.send(&[m::copy_data(head.as_bytes()), m::flush(), m::copy_data(tail.as_bytes())].concat());
        sent.push_str(&row);
    }
    client.send(&m::copy_done());
    assert_eq!(tags(&client.read_until_ready()), "CZ");
    let answer = client.query("copy t to stdout");
    let data = answer.iter().filter(|message| message.tag == b'd');
    let got: Vec<u8> = data.flat_map(|message| message.body.clone()).collect();
    assert!(got == sent.as_bytes(), "{} bytes of {}", got.len(), sent.len());
}

/// The COPY fails while a long CopyData is on its way, behind a Sync that may or may not have been part of it.
#[test]
fn a_failed_copy_with_a_sync_inside_is_settled_behind_the_message_under_way() {
    let postgres = Postgres::start();
    postgres.psql("create table t (id int8)");
    let proxy = before(&postgres).pool_size(1).start();
    let mut client = proxy.connect().open();
    let long = m::copy_data(&b"x".repeat(50_000));
    let (head, tail) = long.split_at(20_000);
    for _ in 0..20 {
        client.send(&m::query("copy t from stdin"));
        client.expect(b'G');
        client.send(&[m::sync(), m::copy_data(b"not a number\n"), head.to_vec()].concat());
        assert_eq!(client.expect(b'E').error().unwrap().code(), "22P02");
        client.send(&[tail, &m::copy_done(), &m::sync(), &m::query("select 'usable'")].concat());
        assert_eq!(tags(&client.read_until_ready()), "Z");
        assert_eq!(tags(&client.read_until_ready()), "Z");
        assert_eq!(tags(&client.read_until_ready()), "TDCZ");
    }
}

#[test]
fn thousands_of_syncs_inside_a_copy_do_not_keep_its_end_back() {
    let postgres = Postgres::start();
    postgres.psql("create table many (x int4)");
    let proxy = before(&postgres).pool_size(1).start();
    let mut client = proxy.connect().open();
    client.send(&m::query("copy many from stdin"));
    client.expect(b'G');
    client.send(&m::sync().repeat(3000));
    client.send(&[m::copy_data(b"1\n"), m::copy_done()].concat());
    assert_eq!(tags(&client.read_until_ready()), "CZ");
    assert_eq!(client.rows("select count(*) from many"), "1");
}

/// Syncs and ends inside a COPY are never answered, so nothing but the proxy's memory would bound them.
#[test]
fn a_million_syncs_or_ends_inside_a_copy_cost_no_memory() {
    const MANY: usize = 1_000_000;
    let postgres = Postgres::start();
    postgres.psql("create table many (x int4)");
    let proxy = before(&postgres).pool_size(1).start();
    let mut answers = Vec::new();
    for connect in [postgres.door(), proxy.connect()] {
        let mut client = connect.open();
        let mut said = Vec::new();
        let mut run = |inside: &[u8], end: &[u8]| {
            client.send(&m::query("copy many from stdin"));
            client.expect(b'G');
            let idle = proxy.rss_kb();
            client.send(&inside.repeat(MANY));
            client.send(&[&m::copy_data(b"1\n"), end].concat());
            said.push(tags(&client.read_until_ready()));
            let grown = proxy.rss_kb().saturating_sub(idle);
            assert!(grown < 8 * 1024, "grew by {grown} kB");
        };
        run(&m::sync(), &m::copy_done());
        run(&m::sync(), &m::copy_fail("enough"));
        // the first one ends the COPY, and the rest means nothing, like the data behind it
        run(&m::copy_done(), &m::query("select 1"));
        said.push(tags(&client.read_until_ready()));
        said.push(client.rows("select count(*) from many"));
        client.rows("truncate many");
        answers.push(said);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[1], ["CZ", "EZ", "CZ", "TDCZ", "1"]);
}
