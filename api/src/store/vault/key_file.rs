//! One key, one file: 32 raw bytes that only their owner reads.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::secret::Secret;
use crate::error::{Error, Result};

/// Reads a key.
///
/// # Errors
/// `Internal`, naming the file, when it is missing, open to others than its owner, or not 32 bytes.
pub(super) fn read(path: &Path) -> Result<Secret> {
    let failed = |error| failed(path, &error);
    let mut file = File::open(path).map_err(failed)?;
    // Of the opened file, not of its name: the name could be exchanged in between.
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(refused(path, "others than its owner can reach it: chmod 600"));
    }
    let secret = Secret::fill(|bytes| file.read_exact(bytes).map_err(failed))?;
    match file.read(&mut [0]).map_err(failed)? {
        0 => Ok(secret),
        _ => Err(refused(path, "it is longer than 32 bytes")),
    }
}

/// Writes a new key. It is on disk when this returns, whole or not at all, and never replaces another:
/// a key written over is every row under it lost.
pub(super) fn write_new(path: &Path, secret: &Secret) -> Result<()> {
    let draft = path.with_extension("draft");
    let written = write_draft(&draft, secret).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    written.and(removed).and_then(|()| sync_folder(path)).map_err(|error| failed(path, &error))
}

fn write_draft(draft: &Path, secret: &Secret) -> io::Result<()> {
    // What a crash left behind is no key of anybody: its name was never taken.
    match fs::remove_file(draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(secret.bytes())?;
    file.sync_all()
}

/// Makes a file's name as durable as its contents.
pub(in crate::store) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Something about this file that its keeper must mend.
pub(in crate::store) fn refused(path: &Path, why: &str) -> Error {
    Error::internal(format!("{}: {why}", path.display()))
}

pub(in crate::store) fn failed(path: &Path, error: &io::Error) -> Error {
    refused(path, &error.to_string())
}
