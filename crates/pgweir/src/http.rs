//! The HTTP side: `/metrics`, `/metrics/json`, `/health`, `/livez`, `/readyz`. It only shows; nothing can be
//! changed through it, and no server is asked because somebody asks here.
//! Bounded: so many connections at once, one request on each, so long for all of it.
//! It knows where figures come from only as a [`Source`], and writes none of the formats itself.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use telemetry::{Health, Snapshot, fields, json, prometheus};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{debug, error, warn};

/// What is shown, as it is at the moment of the call. Calls come from a worker thread and must not block.
pub(crate) trait Source: Send + Sync + 'static {
    /// All figures.
    fn snapshot(&self) -> Snapshot;
    /// Whether clients should come and whether all is well.
    fn health(&self) -> Health;
    /// A panic ended one request; it is to be counted.
    fn panicked(&self);
}

/// What one listener bears.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Connections at once; more wait in the listener's queue.
    connections: usize,
    /// From accepting a connection to the last byte of its answer.
    deadline: Duration,
    /// How long answers may still take when it is time to stop.
    farewell: Duration,
}

const LIMITS: Limits =
    Limits { connections: 64, deadline: Duration::from_secs(10), farewell: Duration::from_secs(1) };

/// The head of a request: so many bytes and so many headers, else 431.
const HEAD_BYTES: usize = 16 * 1024;
const HEADERS: usize = 64;

/// Pause after the system refused to accept, most likely for want of file descriptors.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Answers requests until `stop` is ready; then closes the listener and lets answers under way finish,
/// for a second at most.
///
/// # Cancel safety
/// Dropping the future closes the listener and all its connections at once.
pub(crate) async fn serve(listener: TcpListener, source: Arc<dyn Source>, stop: impl Future<Output = ()>) {
    serve_within(LIMITS, listener, source, stop).await;
}

async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    source: Arc<dyn Source>,
    stop: impl Future<Output = ()>,
) {
    let mut stop = pin!(stop);
    let mut open = JoinSet::new();
    let mut refused = false;
    loop {
        let full = open.len() >= limits.connections;
        tokio::select! {
            () = &mut stop => break,
            Some(ended) = open.join_next() => note_end(ended, source.as_ref()),
            accepted = listener.accept(), if !full => match accepted {
                Ok((stream, _)) => {
                    refused = false;
                    let source = Arc::clone(&source);
                    open.spawn(timeout(limits.deadline, converse(stream, source)));
                }
                Err(error) => {
                    // Once for a run of them: it lasts until file descriptors are free again.
                    if !std::mem::replace(&mut refused, true) {
                        warn!({ fields::ERROR } = %error, "could not accept an HTTP connection");
                    }
                    sleep(BACK_OFF).await;
                }
            },
        }
    }
    drop(listener);
    let finish = async {
        while let Some(ended) = open.join_next().await {
            note_end(ended, source.as_ref());
        }
    };
    // Whoever is not done by then is cut off when the set of tasks is dropped.
    let _ = timeout(limits.farewell, finish).await;
}

/// Errors of one connection concern only its client: a scanner must not fill the log.
fn note_end(
    ended: Result<Result<hyper::Result<()>, tokio::time::error::Elapsed>, JoinError>,
    source: &dyn Source,
) {
    match ended {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => debug!({ fields::ERROR } = %error, "HTTP connection broke"),
        Ok(Err(_)) => debug!("HTTP connection took too long"),
        Err(panic) if panic.is_panic() => {
            error!({ fields::ERROR } = %panic, "panic while answering an HTTP request");
            source.panicked();
        }
        Err(_) => {}
    }
}

/// One request, one answer: keeping connections open would only let idle ones use up the permits.
async fn converse(stream: TcpStream, source: Arc<dyn Source>) -> hyper::Result<()> {
    let answer = service_fn(|request: Request<Incoming>| {
        let response = respond(request.method(), request.uri().path(), source.as_ref());
        std::future::ready(Ok::<_, Infallible>(response))
    });
    http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), answer)
        .await
}

/// What there is to see.
#[derive(Debug, Clone, Copy)]
enum Page {
    Metrics,
    MetricsJson,
    Health,
    Alive,
    Ready,
}

impl Page {
    fn at(path: &str) -> Option<Self> {
        match path {
            "/metrics" => Some(Self::Metrics),
            "/metrics/json" => Some(Self::MetricsJson),
            "/health" => Some(Self::Health),
            "/livez" => Some(Self::Alive),
            "/readyz" => Some(Self::Ready),
            _ => None,
        }
    }
}

fn respond(method: &Method, path: &str, source: &dyn Source) -> Response<Full<Bytes>> {
    let Some(page) = Page::at(path) else {
        return response(StatusCode::NOT_FOUND, TEXT, "not found\n".into());
    };
    if method != Method::GET {
        let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET is allowed\n".into());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return refused;
    }
    match page {
        Page::Metrics => {
            response(StatusCode::OK, prometheus::CONTENT_TYPE, prometheus::text(&source.snapshot()))
        }
        Page::MetricsJson => response(StatusCode::OK, json::CONTENT_TYPE, json::metrics(&source.snapshot())),
        Page::Health => {
            let health = source.health();
            response(available(health.healthy()), json::CONTENT_TYPE, json::health(&health))
        }
        // That it answers is the whole answer.
        Page::Alive => response(StatusCode::OK, TEXT, "alive\n".into()),
        Page::Ready => {
            let health = source.health();
            response(available(health.ready()), TEXT, format!("{}\n", health.phase.word()))
        }
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

fn available(yes: bool) -> StatusCode {
    if yes { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn response(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
