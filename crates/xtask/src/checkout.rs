//! Where things are in the checkout, and how its own programs are built.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::program;

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap_or(root)
}

/// The cargo that runs us.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Builds pgweir for release and gives its path.
pub(crate) fn release_binary() -> Result<PathBuf, Error> {
    eprintln!("building pgweir (release)");
    binary(&["--release"], "release/pgweir")
}

/// Builds pgweir as the tests do and gives its path.
pub(crate) fn debug_binary() -> Result<PathBuf, Error> {
    eprintln!("building pgweir");
    binary(&[], "debug/pgweir")
}

fn binary(profile: &[&str], path: &str) -> Result<PathBuf, Error> {
    let args = [&["build", "--quiet", "--package", "pgweir", "--bin", "pgweir"], profile].concat();
    program::run(&cargo(), &args, &root())?;
    // we are in <target>/<profile>/xtask ourselves, wherever the target directory is
    let ourselves = std::env::current_exe().map_err(|error| Error::File(PathBuf::from("xtask"), error))?;
    let target = ourselves.parent().and_then(Path::parent).unwrap_or(Path::new("target"));
    Ok(target.join(path))
}

/// The file's text.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::File(path.to_owned(), error))
}

/// Writes a file, with the directories above it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, text)).map_err(|error| Error::File(path.to_owned(), error))
}
