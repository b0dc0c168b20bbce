//! What is answered as JSON: `/metrics/json`, the object that the contract fixes and beside it each pool and
//! the percentiles; and `/health`. Pure. Rates and latencies are those of the last one or two minutes, counts those since the start.
//! A share of nothing is 0, so that every value is a number.

use serde_json::{Map, Value, json};

use crate::events::Event;
use crate::health::Health;
use crate::histogram::Distribution;
use crate::snapshot::{PoolFigures, Snapshot};

/// The media type of the format.
pub const CONTENT_TYPE: &str = "application/json";

/// The figures of a snapshot, as one JSON object.
#[must_use]
pub fn metrics(snapshot: &Snapshot) -> String {
    value(snapshot).to_string()
}

/// What [`Health`] says, as one JSON object.
#[must_use]
pub fn health(health: &Health) -> String {
    let databases: Vec<_> = health
        .databases
        .iter()
        .map(|it| json!({ "database": it.name, "servers": it.servers.word() }))
        .collect();
    json!({
        "healthy": health.healthy(),
        "ready": health.ready(),
        "phase": health.phase.word(),
        "databases": databases,
    })
    .to_string()
}

fn value(snapshot: &Snapshot) -> Value {
    let pools = snapshot.merged_pools();
    json!({
        "version": snapshot.version,
        "clients": { "connections": snapshot.clients.open, "limit": snapshot.clients.limit },
        "database": database(snapshot),
        "cache": cache(snapshot),
        "connection_pool": connection_pool(&pools),
        "durations_ms": {
            "query": percentiles(&snapshot.durations.query),
            "transaction": percentiles(&snapshot.durations.transaction),
            "wait": percentiles(&snapshot.durations.wait),
        },
        "pools": pools.iter().map(pool).collect::<Vec<_>>(),
    })
}

fn database(snapshot: &Snapshot) -> Value {
    let total = snapshot.totals().query_count;
    let recent = &snapshot.recent;
    let latency_us = ratio(recent.counted.query_time_us, recent.counted.query_count);
    let seconds = recent.period.as_secs_f64();
    let throughput = if seconds > 0.0 { float(recent.counted.query_count) / seconds } else { 0.0 };
    json!({
        "query_count": total,
        "avg_latency_ms": rounded(latency_us / 1000.0),
        "error_rate_percent": percent(snapshot.events.get(Event::RequestFailed), total),
        "throughput_qps": rounded(throughput),
    })
}

fn cache(snapshot: &Snapshot) -> Value {
    let cache = &snapshot.cache;
    json!({
        "hits": cache.hits,
        "misses": cache.misses,
        "hit_rate_percent": percent(cache.hits, cache.hits.saturating_add(cache.misses)),
        "eviction_rate_percent": percent(cache.evictions, cache.insertions),
    })
}

/// A server that is used is lent, or kept back because of a cancel request. All may be in use that the
/// pools' sizes allow; with servers of the reserve the share can pass 100.
fn connection_pool(pools: &[PoolFigures]) -> Value {
    let (mut total, mut active, mut size) = (0_u64, 0_u64, 0_u64);
    for pool in pools {
        total += pool.now.servers().iter().map(|(_, n)| n).sum::<u64>();
        active += pool.now.sv_active + pool.now.sv_being_canceled;
        size = size.saturating_add(pool.size);
    }
    json!({
        "total_connections": total,
        "active_connections": active,
        "utilization_percent": percent(active, size),
    })
}

fn percentiles(times: &Distribution) -> Value {
    let at = |share| rounded(float(times.quantile_us(share)) / 1000.0);
    json!({ "count": times.count(), "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0) })
}

fn pool(pool: &PoolFigures) -> Value {
    let states = |states: &[(&str, u64)]| {
        states.iter().map(|(state, n)| ((*state).to_owned(), json!(n))).collect::<Map<_, _>>()
    };
    let totals = &pool.totals;
    json!({
        "database": pool.database,
        "user": pool.user,
        "size": pool.size,
        "clients": states(&pool.now.clients()),
        "servers": states(&pool.now.servers()),
        "maxwait_us": pool.now.maxwait_us,
        "totals": {
            "server_assignment_count": totals.server_assignment_count,
            "xact_count": totals.xact_count,
            "query_count": totals.query_count,
            "bytes_received": totals.bytes_received,
            "bytes_sent": totals.bytes_sent,
            "xact_time_us": totals.xact_time_us,
            "query_time_us": totals.query_time_us,
            "wait_time_us": totals.wait_time_us,
            "client_parse_count": totals.client_parse_count,
            "server_parse_count": totals.server_parse_count,
            "bind_count": totals.bind_count,
            "client_login_count": totals.client_login_count,
        },
    })
}

#[expect(clippy::cast_precision_loss, reason = "shown with three decimals; exact below 2^53")]
fn float(n: u64) -> f64 {
    n as f64
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { float(part) / float(whole) }
}

fn percent(part: u64, whole: u64) -> f64 {
    rounded(ratio(part, whole) * 100.0)
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::averages::Recent;
    use crate::counters::Totals;
    use crate::events::Events;
    use crate::health::{DatabaseHealth, Phase, Servers};
    use crate::histogram::{Timing, Timings};
    use crate::snapshot::{CacheFigures, Durations, PoolGauges};

    #[test]
    fn the_object_of_the_contract_has_its_figures() {
        let events = Events::new();
        for _ in 0..5 {
            events.count(Event::RequestFailed);
        }
        let timings = Timings::new(1);
        timings.worker(0).record(Timing::Wait, 2_000);
        let pool = |user: &str| PoolFigures {
            database: "shop".into(),
            user: user.into(),
            size: 20,
            now: PoolGauges { sv_active: 9, sv_being_canceled: 1, sv_idle: 4, ..PoolGauges::default() },
            totals: Totals { query_count: 500, bytes_sent: 77, ..Totals::default() },
        };
        let counted = Totals { query_count: 600, query_time_us: 900_000, ..Totals::default() };
        let got = value(&Snapshot {
            pools: vec![pool("b"), pool("a")],
            events: events.read(),
            recent: Recent { counted, period: Duration::from_secs(60) },
            cache: CacheFigures { hits: 3, misses: 1, insertions: 8, evictions: 1 },
            durations: Durations::read(&timings),
            ..Snapshot::default()
        });
        let database = json!({"query_count": 1000, "avg_latency_ms": 1.5, "error_rate_percent": 0.5, "throughput_qps": 10.0});
        assert_eq!(got["database"], database);
        let cache = json!({"hits": 3, "misses": 1, "hit_rate_percent": 75.0, "eviction_rate_percent": 12.5});
        assert_eq!(got["cache"], cache);
        let pools = json!({"total_connections": 28, "active_connections": 20, "utilization_percent": 50.0});
        assert_eq!(got["connection_pool"], pools);
        assert_eq!(got["pools"][0]["user"], "a");
        assert_eq!(got["pools"][1]["servers"]["idle"], 4);
        assert_eq!(got["pools"][1]["totals"]["bytes_sent"], 77);
        let wait = got["durations_ms"]["wait"]["p99"].as_f64().unwrap();
        assert!((wait - 2.0).abs() <= 0.02, "{wait}");
    }

    #[test]
    fn health_names_what_is_down() {
        let database = |name: &str, servers| DatabaseHealth { name: name.into(), servers };
        let databases = vec![database("a", Servers::Up), database("b\"", Servers::Down)];
        let text = health(&Health { phase: Phase::Running, databases });
        let got: Value = serde_json::from_str(&text).unwrap();
        let want = json!({"healthy": false, "ready": true, "phase": "running", "databases": [
            {"database": "a", "servers": "up"}, {"database": "b\"", "servers": "down"}]});
        assert_eq!(got, want);
    }

    #[test]
    fn nothing_counted_is_zero_and_never_null() {
        let got = value(&Snapshot::default());
        let none = json!({"query_count": 0, "avg_latency_ms": 0.0, "error_rate_percent": 0.0, "throughput_qps": 0.0});
        assert_eq!(got["database"], none);
        assert!(!got.to_string().contains("null"), "{got}");
    }
}
