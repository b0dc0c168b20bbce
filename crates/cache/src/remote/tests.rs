//! Servers that do not answer, that are not there, and that answer something else.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;

fn place(port: u16) -> Place {
    let url = format!("redis://127.0.0.1:{port}");
    Place { url, user: None, password: None, timeout: Duration::from_millis(300) }
}

/// Takes one connection and gives this answer to each command that comes in one piece.
fn server(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut bytes = [0; 4096];
        while socket.read(&mut bytes).is_ok_and(|n| n > 0) {
            if socket.write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
    });
    port
}

fn runs(redis: &mut Redis) -> Result<Vec<String>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(redis.eval("return {}", &["k".to_owned()], &["a".to_owned()]))
}

#[test]
fn a_list_of_texts_is_read() {
    let mut redis = Redis::new(place(server("*2\r\n$3\r\none\r\n$0\r\n\r\n")));
    assert_eq!(runs(&mut redis), Ok(vec!["one".to_owned(), String::new()]));
}

#[test]
fn one_that_does_not_answer_is_not_waited_for() {
    let mut redis = Redis::new(place(server("")));
    let late = Err(Error::Late(Duration::from_millis(300)));
    let first = runs(&mut redis);
    // the client library may be the first to give up
    assert!(first == late || matches!(first, Err(Error::Connect(_))), "{first:?}");
    assert!(redis.line.is_none(), "what comes later would be taken for another answer");
}

#[test]
fn one_that_is_not_there_is_left_alone_for_a_while() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut redis = Redis::new(Place { timeout: Duration::from_secs(20), ..place(port) });
    let first = runs(&mut redis);
    assert!(matches!(first, Err(Error::Connect(_))), "{first:?}");
    let (until, pause, _) = redis.failed.clone().unwrap();
    assert_eq!(pause, PAUSES.0);
    // had it tried again, the pause would have grown
    redis.failed = Some((until + PAUSES.1 * 100, pause, Error::Late(Duration::ZERO)));
    assert_eq!(runs(&mut redis), Err(Error::Late(Duration::ZERO)));
    redis.failed = redis.failed.take().map(|(_, pause, why)| (Instant::now(), pause, why));
    assert!(matches!(runs(&mut redis), Err(Error::Connect(_))));
    assert_eq!(redis.failed.clone().unwrap().1, PAUSES.0 * 2);
}

#[test]
fn what_it_refuses_and_what_makes_no_sense_are_errors() {
    for answer in ["-ERR no such thing\r\n", "+OK\r\n", ":1\r\n"] {
        let mut redis = Redis::new(place(server(answer)));
        let told = runs(&mut redis);
        assert!(matches!(told, Err(Error::Refused(_) | Error::Connect(_))), "{answer:?}: {told:?}");
    }
}

#[test]
fn nothing_shows_the_password() {
    let password = Some(Secret::new("canary"));
    let redis = Redis::new(Place { password, ..place(1) });
    assert!(!format!("{redis:?}").contains("canary"));
}
