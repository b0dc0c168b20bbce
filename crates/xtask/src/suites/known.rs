//! The suites: whose they are, how they are run, what they need of the server.

use std::path::Path;

use testkit::postgres::Auth;

use super::outcome::Printed;
use crate::error::Error;

/// One suite of somebody else's.
pub(super) struct Suite {
    /// What the user calls it.
    pub(super) name: &'static str,
    /// The file in `tests/kit/suites` that pins it; suites with the same one share their sources.
    pub(super) pins: &'static str,
    /// Server connections of the pool: two, or what the suite's tests hold in transactions at the same time.
    pub(super) pool: u32,
    /// What its runner prints.
    pub(super) printed: Printed,
    /// Databases to make, and what to run in each as the superuser.
    pub(super) databases: &'static [(&'static str, &'static str)],
    /// The command in the sources' directory: `{python}`, `{host}` and `{port}` are put in.
    pub(super) command: &'static str,
}

const PYTEST: &str = "exec {python} -m pytest -v -o console_output_style=classic --tb=short \
                      -W ignore --timeout=60 ";

const SQLALCHEMY: Suite = Suite {
    name: "",
    pins: "sqlalchemy",
    pool: 5,
    printed: Printed::Pytest,
    databases: &[(
        "test",
        "create schema test_schema; create schema test_schema_2; create extension hstore; create extension citext",
    )],
    command: "",
};

macro_rules! sqlalchemy {
    ($name:literal, $driver:literal) => {
        Suite {
            name: $name,
            command: concat!(
                "{pytest} --dburi postgresql+",
                $driver,
                "://postgres:none@{host}:{port}/test test/dialect/test_suite.py test/dialect/postgresql"
            ),
            ..SQLALCHEMY
        }
    };
}

const SUITES: &[Suite] = &[
    sqlalchemy!("sqlalchemy-psycopg", "psycopg"),
    sqlalchemy!("sqlalchemy-asyncpg", "asyncpg"),
    sqlalchemy!("sqlalchemy-pg8000", "pg8000"),
    Suite {
        name: "django",
        pins: "django",
        pool: 2,
        printed: Printed::Unittest,
        databases: &[("test_django", ""), ("test_other", "")],
        command: "cd tests && exec {python} -W ignore runtests.py --settings=pgweir_settings --keepdb --noinput \
                  --parallel=1 -v 2 backends transactions db_functions postgres_tests",
    },
    Suite {
        name: "psycopg",
        pins: "psycopg",
        pool: 5,
        printed: Printed::Pytest,
        databases: &[("psycopg", "create extension hstore")],
        command: "rm -rf .pytest_cache; unset PGHOST PGPORT; export PSYCOPG_TEST_DSN='host={host} port={port} user=postgres dbname=psycopg'; {pytest} -m 'not slow' tests",
    },
    Suite {
        name: "tokio-postgres",
        pins: "tokio-postgres",
        pool: 2,
        printed: Printed::Cargo,
        databases: &[(
            "postgres",
            "create role pass_user password 'password' login; create role scram_user password 'password' login; \
             set password_encryption to 'md5'; create role md5_user password 'password' login; \
             create role ssl_user login; create extension hstore; create extension citext; create extension ltree",
        )],
        command: "mkdir -p ../fetched && cp -n tests/test/main.rs tests/test/runtime.rs ../fetched && \
                  cp ../fetched/*.rs tests/test && sed -i 's/5433/{port}/g' tests/test/main.rs tests/test/runtime.rs && \
                  exec cargo test --test test -- --test-threads=2",
    },
];

/// The suites of these names, or all.
pub(super) fn named(names: &[String]) -> Result<Vec<&'static Suite>, Error> {
    if names.is_empty() {
        return Ok(SUITES.iter().collect());
    }
    let find = |name: &String| {
        let known = || SUITES.iter().map(|suite| suite.name).collect::<Vec<_>>().join(", ");
        SUITES
            .iter()
            .find(|suite| suite.name == name)
            .ok_or_else(|| Error::Usage(format!("no suite {name:?}; there are {}", known())))
    };
    names.iter().map(find).collect()
}

impl Suite {
    /// The command as a shell runs it.
    pub(super) fn shell(&self, python: &Path, port: u16) -> String {
        self.command
            .replace("{pytest}", PYTEST)
            .replace("{python}", &python.display().to_string())
            .replace("{host}", "127.0.0.1")
            .replace("{port}", &port.to_string())
    }

    /// How somebody is asked who he is, by the server and by pgweir, where that is part of the suite.
    pub(super) fn hba(&self) -> Option<String> {
        if self.pins != "tokio-postgres" {
            return None;
        }
        let users = [
            ("pass_user", "password"),
            ("md5_user", "md5"),
            ("scram_user", "scram-sha-256"),
            ("ssl_user", "reject"),
        ];
        let lines = users.map(|(user, method)| format!("host all {user} all {method}\n"));
        Some(lines.concat() + "host all postgres all trust\n")
    }

    /// The same for the kit.
    pub(super) fn auth(&self) -> Auth {
        self.hba().map_or(Auth::Trust, Auth::Line)
    }
}
