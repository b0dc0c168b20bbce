//! Which packages bring what each command needs, and how to see that it is there already.

use std::path::Path;
use std::process::Command;

use testkit::install::{Install, Version};
use testkit::process::which;

use crate::program;

/// What the set-up is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// `cargo xtask demo`
    Demo,
    /// `cargo xtask test`
    Test,
    /// `cargo xtask bench`
    Bench,
    /// All of them.
    Everything,
}

/// A package and the sign of its presence.
type Need = (&'static str, fn() -> bool);

/// The allocator's library is built with it.
const MAKE: Need = ("make", || which("make").is_some());
const POSTGRESQL: Need = ("postgresql", has_postgresql);
const PSQL: Need = ("postgresql-client", || which("psql").is_some());
const REDIS: Need = ("redis-server", || which("redis-server").is_some());
const PGBOUNCER: Need = ("pgbouncer", || which("pgbouncer").is_some());
const PYTHON: Need = ("python3-venv", has_venv);
const NODE: Need = ("nodejs", || which("node").is_some());
const NPM: Need = ("npm", || which("npm").is_some());
const JAVA: Need = ("default-jdk-headless", || which("javac").is_some());
const JDBC: Need = ("libpostgresql-jdbc-java", || Path::new("/usr/share/java/postgresql.jar").exists());
const PHP: Need = ("php-cli", || which("php").is_some());
const PHP_PGSQL: Need =
    ("php-pgsql", || answers("php", &["-r", "exit(extension_loaded('pdo_pgsql') ? 0 : 1);"]));
const RUBY_PG: Need = ("ruby-pg", || answers("ruby", &["-rpg", "-e", ""]));
const PERL_PG: Need = ("libdbd-pg-perl", || answers("perl", &["-MDBD::Pg", "-e", "1"]));
const ODBC: Need = ("odbc-postgresql", || file_says("/etc/odbcinst.ini", "[PostgreSQL Unicode]"));
/// What drivers for ODBC are loaded by; nothing that is installed here depends on it.
const LIB_ODBC: Need =
    ("libodbc2", || answers("python3", &["-c", "import ctypes; ctypes.CDLL('libodbc.so.2')"]));
const GO: Need = ("golang-go", || which("go").is_some());
const LIB_PQ: Need =
    ("golang-github-lib-pq-dev", || Path::new("/usr/share/gocode/src/github.com/lib/pq").exists());

/// What the tests need, drivers of other languages included.
const TEST: &[Need] = &[
    MAKE, POSTGRESQL, PSQL, REDIS, PYTHON, NODE, NPM, JAVA, JDBC, PHP, PHP_PGSQL, RUBY_PG, PERL_PG, ODBC,
    LIB_ODBC, GO, LIB_PQ,
];

/// The packages that bring what is not there.
pub(super) fn missing(purpose: Purpose) -> Vec<&'static str> {
    let needs: &[&[Need]] = match purpose {
        Purpose::Demo => &[&[MAKE, POSTGRESQL, PSQL, REDIS]],
        Purpose::Test => &[TEST],
        Purpose::Bench => &[&[MAKE, POSTGRESQL, PGBOUNCER]],
        Purpose::Everything => &[TEST, &[PGBOUNCER]],
    };
    needs.iter().copied().flatten().filter(|(_, present)| !present()).map(|(package, _)| *package).collect()
}

/// The server and pgbench.
fn has_postgresql() -> bool {
    Install::find(Version::Installed).is_some_and(|install| install.program("pgbench").exists())
}

/// The module is there without the package, but not what it needs.
fn has_venv() -> bool {
    program::output(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_ok()
}

fn answers(program: &str, args: &[&str]) -> bool {
    which(program).is_some() && program::output(Command::new(program).args(args)).is_ok()
}

fn file_says(path: &str, text: &str) -> bool {
    std::fs::read_to_string(path).is_ok_and(|content| content.contains(text))
}
