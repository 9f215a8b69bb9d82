//! One key in one file: PKCS#8 as PEM (RFC 7468), readable by its owner alone, never seen half-written.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::keys::{KeyError, UNKNOWN_TIME};
use crate::clock::Instant;

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Longer than the longest RSA key's file.
const MAX_BYTES: u64 = 32 * 1024;

/// The `.pem` files of a folder; none when it is not there.
pub(super) fn pem_files(folder: &Path) -> Result<Vec<PathBuf>, KeyError> {
    let failed = |error| KeyError::Io(folder.to_owned(), error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(failed)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
    Ok(paths)
}

/// The text of a key's file and when it was written. What is asked about the file is asked of the opened one.
pub(super) fn read(path: &Path) -> Result<(Zeroizing<String>, Instant), KeyError> {
    let failed = |error| KeyError::Io(path.to_owned(), error);
    let file = File::open(path).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    if !about.is_file() || about.len() > MAX_BYTES {
        return Err(KeyError::NotAKey(path.to_owned()));
    }
    if is_open_to_others(&about) {
        return Err(KeyError::OpenToOthers(path.to_owned()));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok((text, about.modified().map_or(UNKNOWN_TIME, Instant::from)))
}

#[cfg(unix)]
fn is_open_to_others(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    about.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

/// The bytes between the lines of a PEM text.
pub(super) fn der(pem: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = pem.split_once(BEGIN)?;
    let (body, _) = rest.split_once(END)?;
    let base64 = Zeroizing::new(body.split_whitespace().collect::<String>());
    BASE64.decode(base64.as_bytes()).ok().map(Zeroizing::new)
}

/// Writes a key: first under another name, so that no reader finds half of it and a crash leaves no key that is none.
pub(super) fn write(folder: &Path, kid: &str, pkcs8: &[u8]) -> Result<(), KeyError> {
    let path = folder.join(format!("{kid}.pem"));
    let draft = folder.join(format!(".{kid}.draft"));
    let failed = |error| KeyError::Io(path.clone(), error);
    make_folder(folder).map_err(failed)?;
    let mut file = owners_alone().open(&draft).map_err(failed)?;
    file.write_all(pem(pkcs8).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&draft, &path).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

fn pem(pkcs8: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(BASE64.encode(pkcs8));
    let mut text = Zeroizing::new(format!("{BEGIN}\n"));
    for line in base64.as_bytes().chunks(64) {
        text.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        text.push('\n');
    }
    text.push_str(END);
    text.push('\n');
    text
}

fn owners_alone() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
