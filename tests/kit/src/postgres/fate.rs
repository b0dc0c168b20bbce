//! What happens to a server that is one of several: it is promoted, follows another one, stands still.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Postgres, Stop, template};
use crate::fail::OrFail;
use crate::install::{hand_over, run_as_server_user, try_as_server_user};
use crate::process::{self, Signal};
use crate::wait;

impl Postgres {
    /// Makes a replica a primary, and waits until it is one.
    #[track_caller]
    pub fn promote(&self) {
        assert_eq!(self.psql("SELECT pg_promote()"), "t", "the replica is promoted");
        assert!(!self.is_replica());
    }

    /// Whether it follows another server.
    #[track_caller]
    #[must_use]
    pub fn is_replica(&self) -> bool {
        self.psql("SELECT pg_is_in_recovery()") == "t"
    }

    /// A running replica goes on with another primary.
    #[track_caller]
    pub fn follow_instead(&self, primary: &Self) {
        self.psql(&format!("ALTER SYSTEM SET primary_conninfo = '{}'", primary.conninfo("replica")));
        self.psql("SELECT pg_reload_conf()");
        self.wait_until_fed();
    }

    /// Throws away all that it has, starts again as a replica of `primary`, and waits until that feeds it: what an
    /// operator does with a primary that has been replaced. Its settings stay.
    #[track_caller]
    pub fn rejoin(&mut self, primary: &Self) {
        self.thaw();
        self.stop(Stop::Immediate);
        let data = self.data_dir();
        let keep = ["postgresql.conf", "pg_hba.conf"].map(|name| data.join(name));
        let kept = keep.each_ref().map(|path| fs::read_to_string(path).or_fail(path.display()));
        fs::remove_dir_all(&data).or_fail(data.display());
        template::copy_to(&self.install, &data);
        for (path, text) in keep.iter().zip(&kept) {
            template::replace(path, text);
        }
        self.configure(&format!("primary_conninfo = '{}'\n", primary.conninfo("rejoined")));
        template::replace(&data.join("standby.signal"), "");
        self.launch();
        self.wait_until_fed();
    }

    /// Starts again with what it has, told to follow `primary`, whether it can or not.
    #[track_caller]
    pub fn come_back_behind(&mut self, primary: &Self) {
        self.stop(Stop::Fast);
        self.configure(&format!("primary_conninfo = '{}'\n", primary.conninfo("rejoined")));
        template::replace(&self.data_dir().join("standby.signal"), "");
        self.launch();
    }

    /// Does as an operator is told: stops it, throws its data away if that is to be, runs a line of a shell as the user
    /// of servers, and starts it with the settings that it had.
    #[track_caller]
    pub fn mend(&mut self, line: &str, empty: bool) {
        self.stop(Stop::Fast);
        let data = self.data_dir();
        let keep = ["postgresql.conf", "pg_hba.conf"].map(|name| data.join(name));
        let kept = keep.each_ref().map(|path| fs::read_to_string(path).or_fail(path.display()));
        if empty {
            fs::remove_dir_all(&data).or_fail(data.display());
            fs::create_dir(&data).or_fail(data.display());
            fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).or_fail(data.display());
            hand_over(&data);
        }
        let bin = self.install.program("").display().to_string();
        run_as_server_user(Path::new("sh"), &["-c", &format!("PATH={bin}:$PATH; {line}")]);
        for (path, text) in keep.iter().zip(&kept) {
            template::replace(path, text);
        }
        self.launch();
        self.wait_until_fed();
    }

    /// How a replica reaches it.
    pub(crate) fn conninfo(&self, replica: &str) -> String {
        format!("host={} port={} user=postgres application_name={replica}", self.host(), self.port())
    }

    #[track_caller]
    fn wait_until_fed(&self) {
        let mut door = self.door().open();
        wait::until(wait::PATIENCE, "the replica streams", || {
            door.rows("SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'") == "1"
        });
    }

    /// Stops it in its tracks, all its processes (SIGSTOP): connections stand, and nobody answers on them.
    pub fn freeze(&self) {
        self.signal_all(Signal::STOP);
    }

    /// It goes on where it was.
    pub fn thaw(&self) {
        self.signal_all(Signal::CONT);
    }

    /// Nothing more fits on its disk: no process of it can write beyond the first MiB of a file, as if there were no room
    /// (the kernel says `EFBIG` in the place of `ENOSPC`, and PostgreSQL makes no difference). Its log is always further,
    /// so the next commit ends it, and a replica that receives something crashes again and again.
    #[track_caller]
    pub fn fill_disk(&self) {
        self.limit_files("1048576:");
    }

    /// There is room again; a primary has ended by then and wants to be restarted.
    #[track_caller]
    pub fn free_disk(&self) {
        self.limit_files("unlimited:");
    }

    /// Of the parent, whose children to come have its limit, and of those that it has.
    #[track_caller]
    fn limit_files(&self, limit: &str) {
        let Some(parent) = self.pid() else { return };
        let limit = format!("--fsize={limit}");
        for pid in std::iter::once(parent).chain(process::children(parent)) {
            // as the server's user, whose processes they are
            let done = try_as_server_user(Path::new("prlimit"), &[&format!("--pid={pid}"), &limit]);
            if let Err(text) = done
                && process::children(parent).contains(&pid)
            {
                panic!("{text}");
            }
        }
    }

    fn signal_all(&self, signal: Signal) {
        let Some(pid) = self.pid() else { return };
        // the parent first: it has no more children then
        process::send(pid, signal);
        process::children(pid).into_iter().for_each(|child| process::send(child, signal));
    }
}
