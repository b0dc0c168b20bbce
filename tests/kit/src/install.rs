//! Where PostgreSQL's programs are, which version they are, and as whom they run.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::dir;
use crate::fail::OrFail;
use crate::process::{is_root, which};
use crate::skip::skipped;

/// Which PostgreSQL a test asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// The one of the distribution, or that of `PGWEIR_PG_BIN`.
    #[default]
    Installed,
    /// PostgreSQL 18 (protocol 3.2, `search_path` reported), fetched by `cargo xtask test`.
    V18,
}

/// One installation of PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Install {
    bin: PathBuf,
    version: String,
}

impl Install {
    /// Finds it; `None` where it is not installed.
    #[must_use]
    pub fn find(version: Version) -> Option<Self> {
        let candidates = match version {
            Version::Installed => installed(),
            Version::V18 => vec![v18_home().join("bin")],
        };
        candidates.into_iter().find_map(|bin| {
            let bin = reachable(bin)?;
            let version = version_of(&bin)?;
            Some(Self { bin, version })
        })
    }

    /// PostgreSQL 18, or a visible line that the test is skipped.
    #[must_use]
    pub fn v18_or_skip(test: &str) -> Option<Self> {
        let found = Self::find(Version::V18);
        if found.is_none() {
            skipped(test, "PostgreSQL 18 is missing; `cargo xtask test` fetches it through npm");
        }
        found
    }

    /// The path of one of its programs.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Such as `15.18`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The first number of the version.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.version.split('.').next().and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

impl fmt::Display for Install {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgreSQL {} in {}", self.version, self.bin.display())
    }
}

/// Where PostgreSQL 18 is put.
#[must_use]
pub fn v18_home() -> PathBuf {
    dir::home().join("pg18")
}

/// The user that runs PostgreSQL, with its ids; `None` when we are not root and run it ourselves.
#[must_use]
pub fn server_user() -> Option<(String, u32, u32)> {
    if !is_root() {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let find = |name: &str| {
        passwd.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            match fields.as_slice() {
                [user, _, uid, gid, ..] if *user == name => {
                    Some((name.to_owned(), uid.parse().ok()?, gid.parse().ok()?))
                }
                _ => None,
            }
        })
    };
    // the package's own user, else the one every Debian has
    Some(find("postgres").or_else(|| find("nobody")).or_fail("a user to run PostgreSQL as"))
}

/// Runs a short-lived program as the server's user and fails the test with its output if it fails.
#[track_caller]
pub(crate) fn run_as_server_user(program: &Path, args: &[&str]) {
    if let Err(text) = try_as_server_user(program, args) {
        panic!("{text}");
    }
}

/// The same; what it has said if it fails.
#[track_caller]
pub(crate) fn try_as_server_user(program: &Path, args: &[&str]) -> Result<(), String> {
    let mut command = Command::new("setpriv");
    if let Some((user, ..)) = server_user() {
        command.args(["--reuid", &user, "--regid", &user, "--init-groups"]);
    }
    // its working directory need not be readable for that user
    let output = command.arg("--").arg(program).args(args).current_dir("/").env("LC_ALL", "C").output();
    let output = output.or_fail(program.display());
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} {}: {}\n{text}", program.display(), args.join(" "), output.status))
}

/// Gives a file or directory to the server's user.
#[track_caller]
pub fn hand_over(path: &Path) {
    if let Some((_, uid, gid)) = server_user() {
        std::os::unix::fs::chown(path, Some(uid), Some(gid)).or_fail(path.display());
    }
}

/// `cp -a`, sharing blocks where the file system can.
#[track_caller]
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    let status = Command::new("cp").args(["-a", "--reflink=auto"]).arg(from).arg(to).status();
    let status = status.or_fail("cp");
    if !status.success() {
        panic!("cp -a {} {}: {status}", from.display(), to.display());
    }
}

fn installed() -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(bin) = std::env::var_os("PGWEIR_PG_BIN") {
        found.push(PathBuf::from(bin));
    }
    let mut packaged: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| (entry.file_name().to_string_lossy().parse().unwrap_or(0), entry.path().join("bin")))
        .collect();
    packaged.sort();
    found.extend(packaged.into_iter().rev().map(|(_, bin)| bin));
    found.extend(which("postgres").and_then(|path| path.parent().map(Path::to_owned)));
    found
}

fn version_of(bin: &Path) -> Option<String> {
    let output = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.strip_prefix("postgres (PostgreSQL) ")?.split_whitespace().next().map(str::to_owned)
}

/// The directory itself if the server's user may enter it, else a copy of the installation that it may.
fn reachable(bin: PathBuf) -> Option<PathBuf> {
    if !bin.join("postgres").exists() {
        return None;
    }
    let Some((user, ..)) = server_user() else { return Some(bin) };
    let entered = Command::new("setpriv")
        .args(["--reuid", &user, "--regid", &user, "--init-groups", "--", "test", "-x"])
        .arg(bin.join("postgres"))
        .current_dir("/")
        .status();
    if entered.is_ok_and(|status| status.success()) {
        return Some(bin);
    }
    let version = version_of(&bin)?;
    let copy = PathBuf::from(format!("/var/tmp/pgweir-kit-pg-{version}"));
    let _lock = dir::lock("pg-copy");
    if !copy.exists() {
        let partial = copy.with_extension("partial");
        let _ = fs::remove_dir_all(&partial);
        copy_tree(bin.parent()?, &partial);
        fs::rename(&partial, &copy).ok()?;
    }
    Some(copy.join("bin"))
}
