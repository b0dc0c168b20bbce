//! The files of a machine, for the reader of rules.

use std::fs;
use std::path::{Path, PathBuf};

use super::lines::Files;
use crate::error::Error;
use crate::file::read_text;

/// The most bytes of one file.
const MOST: u64 = 4 << 20;

/// The files that are really there.
pub(crate) struct Disk;

impl Files for Disk {
    fn text(&self, path: &Path) -> Result<String, Error> {
        read_text(path, MOST)
    }

    fn exists(&self, path: &Path) -> bool {
        // what cannot be looked at is not passed over in silence
        path.try_exists().unwrap_or(true)
    }

    fn list(&self, folder: &Path) -> Result<Vec<PathBuf>, Error> {
        let unreadable =
            |error: std::io::Error| Error::Unreadable { path: folder.into(), reason: error.to_string() };
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            found.push(entry.map_err(unreadable)?.path());
        }
        Ok(found)
    }
}
