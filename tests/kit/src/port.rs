//! Free TCP ports that no other test takes: outside the range the system hands to outgoing connections, and
//! claimed by a lock on a file, so that two test processes never choose the same one.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process;
use std::sync::Mutex;

use rustix::process::getuid;

use crate::fail::OrFail;

/// Below 32 768, where Linux's ephemeral range starts.
const FIRST: u16 = 20_000;
const LAST: u16 = 31_999;

/// A claimed port; free for others again when dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _claim: File,
}

impl Port {
    /// Claims a port on which nothing listens.
    #[must_use]
    #[track_caller]
    pub fn free() -> Self {
        static NEXT: Mutex<Option<u16>> = Mutex::new(None);
        let claims = claims_dir();
        fs::create_dir_all(&claims).or_fail(claims.display());
        let mut next = NEXT.lock().or_fail("port counter");
        let span = LAST - FIRST + 1;
        // processes start at different places, so they seldom try the same port
        let mut candidate = next.unwrap_or_else(|| spread(process::id(), span));
        for _ in 0..span {
            candidate = (candidate + 1) % span;
            let number = FIRST + candidate;
            if let Some(port) = Self::claim(number) {
                *next = Some(candidate);
                return port;
            }
        }
        panic!("no free port between {FIRST} and {LAST}");
    }

    /// Claims this very port, if nobody has it.
    #[must_use]
    pub fn exactly(number: u16) -> Option<Self> {
        fs::create_dir_all(claims_dir()).ok()?;
        Self::claim(number)
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }

    fn claim(number: u16) -> Option<Self> {
        let file = File::create(claims_dir().join(number.to_string())).ok()?;
        file.try_lock().ok()?;
        TcpListener::bind(("127.0.0.1", number)).ok()?;
        Some(Self { number, _claim: file })
    }
}

fn claims_dir() -> PathBuf {
    PathBuf::from(format!("/tmp/pgweir-kit-ports-{}", getuid().as_raw()))
}

fn spread(pid: u32, span: u16) -> u16 {
    u16::try_from(pid.wrapping_mul(2_654_435_761) % u32::from(span)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claimed_port_is_not_given_twice() {
        let first = Port::free();
        assert!(Port::exactly(first.number()).is_none(), "claimed already");
        let number = first.number();
        drop(first);
        assert!(Port::exactly(number).is_some(), "free again");
    }
}
