//! The kit's Redis: it answers, and forgets when it crashes.

use testkit::Redis;

#[test]
fn a_restarted_server_is_empty() {
    let mut redis = Redis::start();
    assert_eq!(redis.command(&["SET", "a", "1"]).unwrap(), "+OK\r\n");
    assert_eq!(redis.command(&["GET", "a"]).unwrap(), "$1\r\n1\r\n");
    redis.restart();
    assert_eq!(redis.command(&["GET", "a"]).unwrap(), "$-1\r\n");
    redis.kill9();
    assert!(redis.command(&["PING"]).is_err());
}
