//! Whether clients should come and whether all is well, as values that the program fills from what it
//! knows already: no server is asked because somebody asks us.
//! Ready is for load balancers and orchestrators, healthy for alerts: a database without a server makes us
//! unhealthy but stays no reason to send clients of the other databases away.

/// What the program knows of its own state.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Health {
    /// Where it is between its start and its end.
    pub phase: Phase,
    /// The databases of its configuration.
    pub databases: Vec<DatabaseHealth>,
}

impl Health {
    /// Whether new clients are let in.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Whether it is ready and no database is known to have lost its servers.
    #[must_use]
    pub fn healthy(&self) -> bool {
        self.ready() && self.databases.iter().all(|database| database.servers != Servers::Down)
    }
}

/// Where the program is between its start and its end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not all listeners are open yet.
    #[default]
    Starting,
    /// Clients are let in.
    Running,
    /// No new clients; those that are here may finish.
    Draining,
}

impl Phase {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Draining => "draining",
        }
    }
}

/// One database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseHealth {
    /// Its name, as clients ask for it.
    pub name: String,
    /// How its servers fared when they were last needed.
    pub servers: Servers,
}

/// How servers fared when they were last needed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Servers {
    /// Nobody needed one yet.
    #[default]
    Unknown,
    /// The last connection could be opened.
    Up,
    /// The last attempt to open a connection failed.
    Down,
}

impl Servers {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_looks_at_the_phase_and_healthy_also_at_the_servers() {
        let with = |phase, servers| {
            let health = Health { phase, databases: vec![DatabaseHealth { name: "a".into(), servers }] };
            (health.ready(), health.healthy())
        };
        assert_eq!(with(Phase::Starting, Servers::Up), (false, false));
        assert_eq!(with(Phase::Running, Servers::Up), (true, true));
        assert_eq!(with(Phase::Running, Servers::Unknown), (true, true));
        assert_eq!(with(Phase::Running, Servers::Down), (true, false));
        assert_eq!(with(Phase::Draining, Servers::Up), (false, false));
    }
}
