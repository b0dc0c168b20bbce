//! Figures per second and per transaction, from two looks at the totals. Pure: the caller says what was
//! counted and how long it took; no clock is read here.
//! [`Averages`] means what PgBouncer's `avg_…` columns mean; [`Window`] remembers where periods ended.

use std::time::Duration;

use crate::counters::Totals;

/// How long one period of the `avg_…` columns is (PgBouncer's `stats_period`).
pub const PERIOD: Duration = Duration::from_secs(60);

/// PgBouncer's `avg_…` columns: counts per second, and times in microseconds for each transaction, query
/// or lending of a server.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Averages {
    /// Servers lent per second.
    pub server_assignment_count: u64,
    /// Transactions per second.
    pub xact_count: u64,
    /// Queries per second.
    pub query_count: u64,
    /// Bytes per second read from clients.
    pub bytes_received: u64,
    /// Bytes per second written to clients.
    pub bytes_sent: u64,
    /// Microseconds per transaction.
    pub xact_time_us: u64,
    /// Microseconds per query.
    pub query_time_us: u64,
    /// Microseconds waited for each lending of a server.
    pub wait_time_us: u64,
    /// Prepared statements per second that clients made.
    pub client_parse_count: u64,
    /// Prepared statements per second made on servers.
    pub server_parse_count: u64,
    /// Prepared statements per second that were bound.
    pub bind_count: u64,
    /// Logins per second.
    pub client_login_count: u64,
}

impl Averages {
    /// The averages of what was counted in a period.
    #[must_use]
    pub fn new(counted: &Totals, period: Duration) -> Self {
        let rate = |n: u64| per_second(n, period);
        Self {
            server_assignment_count: rate(counted.server_assignment_count),
            xact_count: rate(counted.xact_count),
            query_count: rate(counted.query_count),
            bytes_received: rate(counted.bytes_received),
            bytes_sent: rate(counted.bytes_sent),
            xact_time_us: each(counted.xact_time_us, counted.xact_count),
            query_time_us: each(counted.query_time_us, counted.query_count),
            wait_time_us: each(counted.wait_time_us, counted.server_assignment_count),
            client_parse_count: rate(counted.client_parse_count),
            server_parse_count: rate(counted.server_parse_count),
            bind_count: rate(counted.bind_count),
            client_login_count: rate(counted.client_login_count),
        }
    }
}

fn per_second(n: u64, period: Duration) -> u64 {
    let scaled = u128::from(n).saturating_mul(1_000_000);
    scaled.checked_div(period.as_micros()).map_or(0, |rate| u64::try_from(rate).unwrap_or(u64::MAX))
}

fn each(sum: u64, count: u64) -> u64 {
    sum.checked_div(count).unwrap_or(0)
}

/// The totals of a pool, or of everything, at the ends of the last two periods. Times are counted from
/// any fixed moment, such as the start of the process.
#[derive(Debug, Default, Clone, Copy)]
pub struct Window {
    before: Mark,
    last: Mark,
}

#[derive(Debug, Default, Clone, Copy)]
struct Mark {
    totals: Totals,
    at: Duration,
}

impl Window {
    /// Starts counting at `at`, when the totals are still zero.
    #[must_use]
    pub fn new(at: Duration) -> Self {
        let start = Mark { totals: Totals::default(), at };
        Self { before: start, last: start }
    }

    /// Ends a period: call it every [`PERIOD`].
    pub fn roll(&mut self, totals: Totals, at: Duration) {
        self.before = self.last;
        self.last = Mark { totals, at };
    }

    /// The averages of the last finished period; zero before the first one ended, as PgBouncer has it.
    #[must_use]
    pub fn averages(&self) -> Averages {
        let counted = self.last.totals.since(&self.before.totals);
        Averages::new(&counted, self.last.at.saturating_sub(self.before.at))
    }

    /// What was counted lately: from the start of the last finished period until now.
    #[must_use]
    pub fn recent(&self, totals: Totals, at: Duration) -> Recent {
        Recent { counted: totals.since(&self.before.totals), period: at.saturating_sub(self.before.at) }
    }
}

/// What was counted lately and in which time.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Recent {
    /// What was counted.
    pub counted: Totals,
    /// For how long.
    pub period: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(queries: u64) -> Totals {
        Totals {
            server_assignment_count: queries / 2,
            xact_count: queries / 4,
            query_count: queries,
            bytes_received: queries * 100,
            bytes_sent: queries * 200,
            xact_time_us: queries * 1_000,
            query_time_us: queries * 150,
            wait_time_us: queries * 10,
            client_parse_count: queries / 60,
            client_login_count: 59,
            ..Totals::default()
        }
    }

    #[test]
    fn counts_are_per_second_and_times_per_item() {
        let got = Averages::new(&totals(6_000), Duration::from_secs(60));
        let want = Averages {
            server_assignment_count: 50,
            xact_count: 25,
            query_count: 100,
            bytes_received: 10_000,
            bytes_sent: 20_000,
            xact_time_us: 4_000, // 1 000 µs for each query, four queries for each transaction
            query_time_us: 150,
            wait_time_us: 20, // ten for each query, two queries for each lending
            client_parse_count: 1,
            client_login_count: 0, // 59 in 60 seconds, cut to whole ones
            ..Averages::default()
        };
        assert_eq!(got, want);
    }

    #[test]
    fn no_time_and_no_count_divide_nothing() {
        assert_eq!(Averages::new(&totals(0), PERIOD), Averages { ..Averages::default() });
        assert_eq!(Averages::new(&totals(6_000), Duration::ZERO).query_count, 0);
        let full = Totals { query_count: u64::MAX, query_time_us: u64::MAX, ..Totals::default() };
        let got = Averages::new(&full, Duration::from_micros(1));
        assert_eq!((got.query_count, got.query_time_us), (u64::MAX, 1));
    }

    #[test]
    fn averages_stay_until_the_next_period_ends() {
        let second = Duration::from_secs;
        let mut window = Window::new(second(100));
        assert_eq!(window.averages(), Averages::default());
        window.roll(totals(6_000), second(160));
        window.roll(totals(18_000), second(220));
        assert_eq!(window.averages().query_count, 200);

        let recent = window.recent(totals(24_000), second(250));
        assert_eq!((recent.counted.query_count, recent.period), (18_000, second(90)));
        assert_eq!(window.averages().query_count, 200);
    }

    #[test]
    fn totals_that_went_back_count_nothing() {
        let mut window = Window::new(Duration::ZERO);
        window.roll(totals(6_000), Duration::from_secs(60));
        window.roll(totals(60), Duration::from_secs(120));
        assert_eq!(window.averages(), Averages::default());
    }
}
