//! The HTTP side over real connections, with a source that only remembers who asked for what.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use telemetry::{DatabaseHealth, Phase, PoolFigures, Servers, Totals};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

#[derive(Default)]
struct Fake {
    health: Mutex<Health>,
    asked: Mutex<Vec<&'static str>>,
    dies: bool,
    panics: AtomicU64,
}

impl Source for Fake {
    fn snapshot(&self) -> Snapshot {
        assert!(!self.dies, "the source dies");
        self.asked.lock().unwrap().push("snapshot");
        let totals = Totals { query_count: 42, ..Totals::default() };
        let pool =
            PoolFigures { database: "shop".into(), user: "web".into(), totals, ..PoolFigures::default() };
        Snapshot { version: "0.0.0", pools: vec![pool], ..Snapshot::default() }
    }

    fn health(&self) -> Health {
        self.asked.lock().unwrap().push("health");
        self.health.lock().unwrap().clone()
    }

    fn panicked(&self) {
        self.panics.fetch_add(1, SeqCst);
    }
}

struct Running {
    address: SocketAddr,
    source: Arc<Fake>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

async fn start(limits: Limits, source: Fake) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let source = Arc::new(source);
    let (stop, stopped) = oneshot::channel::<()>();
    let given = Arc::clone(&source);
    let server = tokio::spawn(async move {
        let stop = async move { drop(stopped.await) };
        serve_within(limits, listener, given, stop).await;
    });
    Running { address, source, stop: Some(stop), server }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await
    }

    async fn send(&self, request: &str) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        answer(stream).await
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

/// Everything until the other side closes, which it does after each answer.
async fn answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // A reset behind the answer takes nothing away from it.
    let _ = stream.read_to_end(&mut bytes).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

fn health(phase: Phase, servers: Servers) -> Health {
    Health { phase, databases: vec![DatabaseHealth { name: "shop".into(), servers }] }
}

#[tokio::test]
async fn metrics_are_shown_in_both_formats() {
    let http = start(LIMITS, Fake::default()).await;
    let text = http.get("/metrics").await;
    assert_eq!(text.status, 200);
    assert!(text.head.contains("content-type: text/plain; version=0.0.4"), "{}", text.head);
    let line = "\npgweir_pool_queries_total{database=\"shop\",user=\"web\"} 42\n";
    assert!(text.body.contains(line), "{}", text.body);

    let json = http.get("/metrics/json?pretty=1").await;
    assert_eq!(json.status, 200);
    assert!(json.head.contains("content-type: application/json"), "{}", json.head);
    assert!(json.body.starts_with('{') && json.body.contains("\"query_count\":42"), "{}", json.body);
}

#[tokio::test]
async fn health_is_told_by_the_status() {
    let http = start(LIMITS, Fake::default()).await;
    let cases = [
        (Phase::Starting, Servers::Unknown, 503, 503),
        (Phase::Running, Servers::Up, 200, 200),
        (Phase::Running, Servers::Down, 200, 503),
        (Phase::Draining, Servers::Up, 503, 503),
    ];
    for (phase, servers, ready, healthy) in cases {
        *http.source.health.lock().unwrap() = health(phase, servers);
        let got = (http.get("/readyz").await, http.get("/health").await);
        assert_eq!((got.0.status, got.1.status), (ready, healthy), "{phase:?} {servers:?}");
        assert_eq!(got.0.body.trim(), phase.word());
        let named = format!("{{\"database\":\"shop\",\"servers\":\"{}\"}}", servers.word());
        assert!(got.1.body.contains(&named), "{}", got.1.body);
        assert_eq!(http.get("/livez").await.status, 200);
    }
}

#[tokio::test]
async fn everything_else_is_refused() {
    let http = start(LIMITS, Fake::default()).await;
    for path in ["/", "/metrics/", "/metric", "/metrics/json/x", "//metrics", "/%6detrics", "/../metrics"] {
        assert_eq!(http.get(path).await.status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let request = format!("{method} /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
        let answer = http.send(&request).await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.head.contains("allow: get"), "{}", answer.head);
    }
    assert_eq!(http.send("HEAD /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.status, 405);
    assert_eq!(http.source.asked.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn bad_requests_cost_one_connection() {
    let http = start(LIMITS, Fake::default()).await;
    let long = format!("GET /metrics HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(4 * HEAD_BYTES));
    assert_eq!(http.send(&long).await.status, 431);
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(HEADERS + 1));
    assert_eq!(http.send(&many).await.status, 431);
    assert_eq!(http.send("\u{0}\u{1}\u{2}\r\n\r\n").await.status, 400);
    // A PostgreSQL client on the wrong port.
    let mut lost = http.connect().await;
    lost.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.unwrap();
    drop(lost);
    assert_eq!(http.get("/livez").await.status, 200);
    assert_eq!(http.source.asked.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn one_connection_gets_one_answer() {
    let http = start(LIMITS, Fake::default()).await;
    let twice = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2);
    let answer = http.send(&twice).await;
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
    assert_eq!(answer.body, "alive\n");
}

#[tokio::test]
async fn a_silent_client_is_let_go() {
    let deadline = Duration::from_millis(10);
    let http = start(Limits { connections: 1, deadline, ..LIMITS }, Fake::default()).await;
    let mut silent = http.connect().await;
    let mut slow = http.connect().await;
    slow.write_all(b"GET /livez HT").await.unwrap();
    let mut nothing = [0; 1];
    assert_eq!(silent.read(&mut nothing).await.unwrap_or(0), 0);
    assert_eq!(slow.read(&mut nothing).await.unwrap_or(0), 0);
}

/// With one permit the second connection's request, though sent first, is answered second.
#[tokio::test]
async fn more_connections_than_permits_wait_their_turn() {
    let http = start(Limits { connections: 1, ..LIMITS }, Fake::default()).await;
    let mut first = http.connect().await;
    let mut second = http.connect().await;
    second.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    first.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(answer(first).await.status, 503);
    assert_eq!(answer(second).await.status, 200);
    assert_eq!(*http.source.asked.lock().unwrap(), ["health", "snapshot"]);
}

#[tokio::test]
async fn a_panic_costs_one_connection_and_is_counted() {
    let http = start(LIMITS, Fake { dies: true, ..Fake::default() }).await;
    assert_eq!(http.get("/metrics").await.status, 0);
    // The end of that task is seen before the next connection's, which was opened after it.
    while http.source.panics.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(http.get("/livez").await.status, 200);
    assert_eq!(http.source.panics.load(SeqCst), 1);
}

#[tokio::test]
async fn stopping_closes_the_listener_and_cuts_off_who_stays() {
    let farewell = Duration::ZERO;
    let mut http = start(Limits { farewell, ..LIMITS }, Fake::default()).await;
    let mut silent = http.connect().await;
    assert_eq!(http.get("/livez").await.status, 200); // so the silent one was accepted as well
    drop(http.stop.take());
    (&mut http.server).await.unwrap();
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(http.address).await.is_err());
}
