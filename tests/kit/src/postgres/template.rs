//! Clusters initialised once per version and user, then copied; and the files inside them.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::dir::{self, Dir};
use crate::fail::OrFail;
use crate::install::{Install, copy_tree, hand_over, run_as_server_user, server_user};

/// Settings of every server of the kit: no durability, small, able to feed replicas; its shared memory in the
/// data directory, so that a crash leaves nothing outside.
pub(super) const DEFAULTS: &str = "\
fsync = off
full_page_writes = off
max_connections = 300
shared_buffers = '128MB'
dynamic_shared_memory_type = 'mmap'
wal_level = 'logical'
wal_keep_size = '256MB'
max_wal_senders = 10
max_replication_slots = 10
jit = off
lc_messages = 'C'
log_line_prefix = '%m [%p] %q%u@%d '
";

/// Puts a fresh cluster at `data`.
#[track_caller]
pub(super) fn copy_to(install: &Install, data: &Path) {
    copy_tree(&template(install), data);
}

/// Puts a cluster at `data` that was initialised for it alone: no other server has its system identifier.
#[track_caller]
pub(super) fn make_at(install: &Install, data: &Path) {
    copy_tree(&initialised(install).path().join("data"), data);
}

/// Appends to a file of the cluster.
#[track_caller]
pub(super) fn append(path: &Path, text: &str) {
    let mut file = File::options().append(true).open(path).or_fail(path.display());
    file.write_all(text.as_bytes()).or_fail(path.display());
}

/// Writes a file of the cluster anew.
#[track_caller]
pub(super) fn replace(path: &Path, text: &str) {
    fs::write(path, text).or_fail(path.display());
    hand_over(path);
}

/// Copies a key or certificate into the cluster, readable by the server alone, as it demands.
#[track_caller]
pub(super) fn install_secret(from: &Path, to: &Path) {
    fs::copy(from, to).or_fail(from.display());
    fs::set_permissions(to, fs::Permissions::from_mode(0o600)).or_fail(to.display());
    hand_over(to);
}

#[track_caller]
fn template(install: &Install) -> PathBuf {
    let owner = server_user().map_or_else(|| "own".to_owned(), |(user, ..)| user);
    let name = format!("pg-{}-{owner}", install.version());
    let place = dir::home().join(format!("{name}-template"));
    let _lock = dir::lock(&name);
    if !place.exists() {
        let workshop = initialised(install);
        let partial = place.with_extension("partial");
        let _ = fs::remove_dir_all(&partial);
        copy_tree(&workshop.path().join("data"), &partial);
        fs::rename(&partial, &place).or_fail(place.display());
    }
    place
}

/// A new cluster, in `data` of a directory that the server's user can reach.
#[track_caller]
fn initialised(install: &Install) -> Dir {
    let workshop = Dir::new("initdb");
    hand_over(workshop.path());
    let data = workshop.path().join("data").display().to_string();
    let args = ["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"];
    run_as_server_user(&install.program("initdb"), &args);
    workshop
}
