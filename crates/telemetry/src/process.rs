//! What the operating system knows of this process: memory, CPU time, file descriptors.
//! Read from /proc when somebody asks; where there is no /proc a figure is missing, never invented.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One look at the process.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Resident memory in bytes.
    pub resident_bytes: Option<u64>,
    /// User and system time of all threads.
    pub cpu: Option<Duration>,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
    /// File descriptors that may be open: the soft limit.
    pub max_fds: Option<u64>,
    /// When the process started, since 1970.
    pub started: Option<Duration>,
}

impl Process {
    /// Looks now. `started` is when the program began to run.
    #[must_use]
    pub fn look(started: SystemTime) -> Self {
        let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).ok();
        Self {
            resident_bytes: read("status").as_deref().and_then(resident),
            cpu: read("stat").as_deref().and_then(cpu),
            open_fds: open_fds(),
            max_fds: read("limits").as_deref().and_then(max_fds),
            started: started.duration_since(UNIX_EPOCH).ok(),
        }
    }
}

/// `VmRSS:      1234 kB`
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Fields 14 and 15 (utime, stime) in ticks. The name in field 2 is ours to set and may hold spaces and
/// brackets, so fields are counted from the last bracket.
fn cpu(stat: &str) -> Option<Duration> {
    // The tick that user space sees is 10 ms on every Linux that Rust's standard library runs on.
    const TICK_MS: u64 = 10;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis(user.checked_add(system)?.checked_mul(TICK_MS)?))
}

/// `Max open files            1024                 1048576              files`; no figure when unlimited
fn max_fds(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Since Linux 6.2 the size of the folder is the count; before, it is zero and the entries are counted.
fn open_fds() -> Option<u64> {
    let size = fs::metadata("/proc/self/fd").ok()?.len();
    if size > 0 {
        return Some(size);
    }
    let listed = u64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?;
    Some(listed.saturating_sub(1)) // the one that reads the folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_taken_from_the_right_places() {
        let status = "Name:\tpgweir\nVmHWM:\t  9000 kB\nVmRSS:\t  5120 kB\nThreads:\t3\n";
        assert_eq!(resident(status), Some(5_242_880));
        let stat = "7 (pg) weir 1 (x) S 1 7 7 0 -1 4194560 11 22 33 44 150 50 5 6 20 0 3 0 100 1000 200";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 1048576              files\n";
        assert_eq!(max_fds(limits), Some(1024));
        assert_eq!(
            max_fds("Max open files            unlimited            unlimited            files\n"),
            None
        );
    }

    #[test]
    fn what_cannot_be_read_is_missing() {
        for broken in ["", "x", "VmRSS:", "VmRSS: kB", "VmRSS: x kB", "7 (a) S 1", "Max open files"] {
            assert_eq!((resident(broken), cpu(broken), max_fds(broken)), (None, None, None), "{broken}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_real_process_has_all_figures_and_sees_a_file_opened() {
        let now = SystemTime::now();
        let before = Process::look(now);
        let files: Vec<_> = (0..100).map(|_| fs::File::open("/proc/self/stat").unwrap()).collect();
        let after = Process::look(now);
        assert!(before.resident_bytes.unwrap() > 100_000, "{before:?}");
        assert!(before.cpu.is_some() && before.max_fds.unwrap() > 0, "{before:?}");
        // Other tests of this process open and close a few of their own meanwhile.
        assert!(after.open_fds.unwrap() >= before.open_fds.unwrap() + 90, "{before:?} {after:?}");
        assert_eq!(files.len(), 100);
    }
}
