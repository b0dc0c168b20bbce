//! Directories: one per server started, removed with it; and the kit's own, kept between runs.
//!
//! When a test fails, what explains it (logs, configuration) is copied aside and the place is printed; the
//! bulk (data directories) is removed all the same. What a killed run left behind, the next one sweeps.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, process, thread};

use rustix::process::getuid;

use crate::fail::OrFail;

/// The kit's directory in the checkout: templates, drivers' runtimes, logs of failed tests.
///
/// The same for every target directory, so that what was downloaded once is found again.
#[must_use]
pub fn home() -> PathBuf {
    let home = env::var_os("PGWEIR_KIT_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/kit"), PathBuf::from);
    let _ = fs::create_dir_all(&home);
    home.canonicalize().unwrap_or(home)
}

/// Holds a lock named `name` among all processes of this checkout, until the value is dropped.
#[must_use]
#[track_caller]
pub fn lock(name: &str) -> File {
    let path = home().join(format!("{name}.lock"));
    let file = File::create(&path).or_fail(path.display());
    file.lock().or_fail(path.display());
    file
}

/// A directory of one server.
#[derive(Debug)]
pub struct Dir {
    path: PathBuf,
    name: String,
}

impl Dir {
    /// Makes an empty one; short, since the name of a Unix socket may have 107 bytes only.
    #[must_use]
    #[track_caller]
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static SWEPT: Once = Once::new();
        SWEPT.call_once(sweep);
        let name = format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let path = root().join(process::id().to_string()).join(&name);
        fs::create_dir_all(&path).or_fail(path.display());
        Self { path, name }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies the small files that explain a failure aside; returns the place.
    #[must_use]
    pub fn keep_logs(&self) -> PathBuf {
        let place = home().join("failed").join(format!("{}-{}", process::id(), self.name));
        let _ = fs::create_dir_all(&place);
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                let _ = fs::copy(entry.path(), place.join(entry.file_name()));
            }
        }
        place
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("logs of {} are kept in {}", self.name, self.keep_logs().display());
        }
        let _ = fs::remove_dir_all(&self.path);
        // succeeds for the last one only
        let _ = self.path.parent().map(fs::remove_dir);
    }
}

/// Each user's own. Not below the checkout: the unprivileged user that runs PostgreSQL must be able to reach it.
fn root() -> PathBuf {
    env::temp_dir().join(format!("pgweir-kit-{}", getuid().as_raw()))
}

fn sweep() {
    for entry in fs::read_dir(root()).into_iter().flatten().flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        if pid.parse::<u32>().is_ok() && !Path::new("/proc").join(&pid).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_empty_then_gone() {
        let dir = Dir::new("trial");
        let path = dir.path().to_owned();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
        fs::write(path.join("log"), "x").unwrap();
        drop(dir);
        assert!(!path.exists());
    }

    #[test]
    fn logs_of_a_failed_test_are_kept() {
        let name = thread::spawn(|| {
            let dir = Dir::new("failing");
            fs::write(dir.path().join("log"), "why").unwrap();
            fs::create_dir(dir.path().join("data")).unwrap();
            std::panic::panic_any(dir.name.clone());
        });
        let name = *name.join().unwrap_err().downcast::<String>().unwrap();
        let place = home().join("failed").join(format!("{}-{name}", process::id()));
        assert_eq!(fs::read_to_string(place.join("log")).unwrap(), "why");
        assert!(!place.join("data").exists(), "only what is small and explains");
        fs::remove_dir_all(place).unwrap();
    }
}
