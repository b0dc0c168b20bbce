//! The Debian packages a command needs: looked for by what they bring, installed if we may, else named.
//!
//! Installing must not disturb the machine: no service is started, and PostgreSQL's package makes no cluster
//! of its own (the kit starts its servers itself).

mod need;

use std::process::Command;

use testkit::process::{is_root, which};

pub(crate) use need::Purpose;

use crate::error::Error;
use crate::program;

/// `cargo xtask setup`: what every command needs.
pub(crate) fn run(args: &[String]) -> Result<(), Error> {
    if let Some(arg) = args.first() {
        return Err(Error::Usage(format!("unknown argument {arg:?}")));
    }
    ensure(Purpose::Everything)
}

/// Makes sure that everything is there that `purpose` needs.
pub(crate) fn ensure(purpose: Purpose) -> Result<(), Error> {
    let packages = need::missing(purpose);
    if packages.is_empty() {
        return Ok(());
    }
    let packages = packages.join(" ");
    let Some(mut shell) = root_shell() else { return Err(missing(&packages)) };
    eprintln!("installing with apt-get: {packages}");
    program::check(shell.args(["sh", "-c", INSTALL, "install"]).args(packages.split(' ')))?;
    match need::missing(purpose).as_slice() {
        [] => Ok(()),
        still => Err(missing(&still.join(" "))),
    }
}

/// Runs its arguments as the packages' names.
const INSTALL: &str = r#"
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f '$policy EXIT
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
fi
if [ ! -e /etc/postgresql-common ]; then
    mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/pgweir-checkout.conf
fi
for service in redis-server pgbouncer; do
    [ -e /lib/systemd/system/$service.service ] || fresh="$fresh $service"
done
apt-get -qq update
apt-get -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends install "$@" > /dev/null
for service in $fresh; do
    systemctl disable --quiet $service 2> /dev/null || true
done
"#;

/// `env` as root, if we are or can become it without a password.
fn root_shell() -> Option<Command> {
    which("apt-get")?;
    if is_root() {
        return Some(Command::new("env"));
    }
    let mut probe = Command::new("sudo");
    program::output(probe.args(["-n", "true"])).ok()?;
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", "env"]);
    Some(sudo)
}

fn missing(packages: &str) -> Error {
    let command = format!(
        "sudo sh -c 'apt-get update && RUNLEVEL=1 apt-get install -y --no-install-recommends {packages}'"
    );
    Error::Missing { packages: packages.to_owned(), command }
}
