//! What whoever sets pgweir up wants to know of a server: who we are there, what we may do, how it is set up. Asked once,
//! on a connection that is closed then.

use std::sync::Arc;
use std::time::Duration;

use super::closer::settle;
use super::{Asker, Failed};
use crate::shared::Shared;
use crate::target::Target;

const FACTS: &str = "SELECT pg_catalog.current_setting('server_version'), \
    pg_catalog.current_setting('server_version_num'), current_user, \
    pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), \
    pg_catalog.pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') \
    AND pg_catalog.has_function_privilege('pg_catalog.pg_ls_waldir()', 'EXECUTE'), \
    pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') \
    AND pg_catalog.has_function_privilege('pg_catalog.pg_control_checkpoint()', 'EXECUTE') \
    AND pg_catalog.has_function_privilege('pg_catalog.pg_control_recovery()', 'EXECUTE'), \
    pg_catalog.has_function_privilege('pg_catalog.pg_promote(boolean,integer)', 'EXECUTE'), \
    max(s.setting) FILTER (WHERE s.name = 'max_connections'), \
    max(s.setting) FILTER (WHERE s.name = 'superuser_reserved_connections'), \
    max(s.setting) FILTER (WHERE s.name = 'reserved_connections'), \
    max(s.setting) FILTER (WHERE s.name = 'hot_standby_feedback'), \
    max(s.setting) FILTER (WHERE s.name = 'max_standby_streaming_delay') \
    FROM pg_catalog.pg_settings s";

/// What a server has said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its version, as it calls it.
    pub version: String,
    /// Its major version.
    pub major: u32,
    /// Who we are there.
    pub user: String,
    /// The connection is encrypted.
    pub tls: bool,
    /// What we may do.
    pub rights: Rights,
    /// The connections that ordinary users may have.
    pub connections: u32,
    /// A replica keeps the primary from removing what it reads.
    pub feedback: bool,
    /// How long replay waits for reads; none for ever.
    pub replay_waits: Option<Duration>,
}

/// What we may do on a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// See what replicas receive: `pg_read_all_stats`.
    pub stats: bool,
    /// See all settings and the files of the log: `pg_monitor`.
    pub monitor: bool,
    /// Read the control file.
    pub control: bool,
    /// Promote a replica.
    pub promote: bool,
}

impl Asker {
    /// Everything of that, within `patience`.
    ///
    /// # Errors
    /// It could not be reached, does not let us in, or did not answer in time.
    pub async fn facts(
        &mut self,
        target: &Target,
        shared: &Arc<Shared>,
        patience: Duration,
    ) -> Result<Facts, Failed> {
        let asked = async {
            let mut line = self.take_line(target, shared, patience).await?;
            let row = line.texts(FACTS).await?.unwrap_or_default();
            let tls = line.stream.is_tls();
            self.line = Some(line);
            Ok(Facts { tls, ..facts(&row) })
        };
        settle(tokio::time::timeout(patience, asked).await, patience)
    }
}

fn facts(row: &[Option<String>]) -> Facts {
    let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
    let (is, number) = (|at| matches!(text(at).as_str(), "t" | "on"), |at| text(at).parse::<u32>().ok());
    let reserved = [8, 9].map(|at| number(at).unwrap_or(0));
    Facts {
        version: text(0),
        major: number(1).unwrap_or(0) / 10_000,
        user: text(2),
        tls: false,
        rights: Rights { stats: is(3), monitor: is(4), control: is(5), promote: is(6) },
        connections: reserved.iter().fold(number(7).unwrap_or(0), |left, taken| left.saturating_sub(*taken)),
        feedback: is(10),
        replay_waits: number(11).map(|millis| Duration::from_millis(millis.into())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_row_is_read() {
        let row = ["15.2", "150002", "u", "t", "f", "t", "f", "100", "3", "7", "on", "30000"];
        let found = facts(&row.map(|text| Some(text.to_owned())));
        assert_eq!((found.version.as_str(), found.major, found.connections), ("15.2", 15, 90));
        assert_eq!(found.rights, Rights { stats: true, monitor: false, control: true, promote: false });
        assert!(found.feedback);
        assert_eq!(found.replay_waits, Some(Duration::from_secs(30)));
        let mut row = row.map(|text| Some(text.to_owned()));
        // before PostgreSQL 16, and for ever
        (row[9], row[11]) = (None, Some("-1".to_owned()));
        assert_eq!((facts(&row).connections, facts(&row).replay_waits), (97, None));
    }

    proptest! {
        #[test]
        fn any_row_is_read_or_not(row in prop::collection::vec(prop::option::of("[tf0-9]{0,12}|\\PC{0,5}"), 0..14)) {
            let _ = facts(&row);
        }
    }
}
