//! A file of lines that shows whether it is whole: its last line holds the SHA-256 of all before it.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    error::{Error, Result},
    store::vault::{failed, refused, sync_folder},
};

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trailer {
    lines: u64,
    sha256: String,
}

/// A new file, which is removed again unless it is finished. Its owner alone can read it.
pub(in crate::store) struct LineWriter {
    path: PathBuf,
    file: BufWriter<File>,
    digest: Context,
    lines: u64,
    finished: bool,
}

impl LineWriter {
    /// Makes a file that is not there yet.
    pub(in crate::store) fn create(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| failed(path, &error))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file), digest: Context::new(&SHA256), lines: 0, finished: false })
    }

    /// Writes one line.
    pub(in crate::store) fn line(&mut self, line: &impl Serialize) -> Result<()> {
        let line = self.bytes(line)?;
        self.digest.update(&line);
        self.lines += 1;
        self.file.write_all(&line).map_err(|error| failed(&self.path, &error))
    }

    /// Writes the last line. The file is on disk when this returns.
    pub(in crate::store) fn finish(mut self) -> Result<()> {
        let trailer = Trailer { lines: self.lines, sha256: HEXLOWER.encode(self.digest.clone().finish().as_ref()) };
        let trailer = self.bytes(&trailer)?;
        let written = self.file.write_all(&trailer).and_then(|()| self.file.flush()).and_then(|()| self.file.get_ref().sync_all());
        written.and_then(|()| sync_folder(&self.path)).map_err(|error| failed(&self.path, &error))?;
        self.finished = true;
        Ok(())
    }

    fn bytes(&self, line: &impl Serialize) -> Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(line).map_err(|_| refused(&self.path, "a line has no JSON form"))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        if !self.finished {
            // Half a file is refused anyway; this only tidies up.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The lines of a file that was found whole.
pub(in crate::store) struct LineReader {
    path: PathBuf,
    file: BufReader<File>,
    left: u64,
}

impl LineReader {
    /// Reads the whole file once and refuses it unless it is as it was written.
    pub(in crate::store) fn open(path: &Path) -> Result<Self> {
        let lines = lines_of_whole(path)?.ok_or_else(|| refused(path, "the file is cut off or was changed: take another copy"))?;
        let file = File::open(path).map_err(|error| failed(path, &error))?;
        Ok(Self { path: path.to_owned(), file: BufReader::new(file), left: lines })
    }

    /// The next line; nothing after the last one before the trailer.
    pub(in crate::store) fn line<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut line = Vec::new();
        self.file.read_until(b'\n', &mut line).map_err(|error| failed(&self.path, &error))?;
        serde_json::from_slice(&line).map(Some).map_err(|error| self.refuse(&format!("it is none of ours: {error}")))
    }

    /// A complaint that names the file.
    pub(in crate::store) fn refuse(&self, why: &str) -> Error {
        refused(&self.path, why)
    }
}

/// How many lines a whole file has before its trailer; nothing when it is not whole.
fn lines_of_whole(path: &Path) -> Result<Option<u64>> {
    let mut file = BufReader::new(File::open(path).map_err(|error| failed(path, &error))?);
    let (mut digest, mut lines, mut last) = (Context::new(&SHA256), 0, Vec::new());
    loop {
        let mut line = Vec::new();
        if file.read_until(b'\n', &mut line).map_err(|error| failed(path, &error))? == 0 {
            break;
        }
        if !last.is_empty() {
            digest.update(&last);
            lines += 1;
        }
        last = line;
    }
    let trailer = last.strip_suffix(b"\n").and_then(|last| serde_json::from_slice::<Trailer>(last).ok());
    let whole = trailer.is_some_and(|trailer| trailer.lines == lines && trailer.sha256 == HEXLOWER.encode(digest.finish().as_ref()));
    Ok(whole.then_some(lines))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_misses_or_changed_any_byte_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut writer = LineWriter::create(&path).unwrap();
        for line in ["one", "two"] {
            writer.line(&line).unwrap();
        }
        writer.finish().unwrap();
        let whole = fs::read(&path).unwrap();
        let mut reader = LineReader::open(&path).unwrap();
        assert_eq!(std::iter::from_fn(|| reader.line::<String>().unwrap()).collect::<Vec<_>>(), ["one", "two"]);

        for at in 0..whole.len() {
            fs::write(&path, &whole[..at]).unwrap();
            assert!(LineReader::open(&path).is_err(), "cut off after {at} bytes");
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, changed).unwrap();
            assert!(LineReader::open(&path).is_err(), "byte {at}");
        }
        fs::write(&path, [whole.as_slice(), b"\n"].concat()).unwrap();
        assert!(LineReader::open(&path).is_err());
    }

    #[test]
    fn an_unfinished_file_is_not_left_and_a_finished_one_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        LineWriter::create(&path).unwrap().line(&"half").unwrap();
        assert!(!path.exists());
        LineWriter::create(&path).unwrap().finish().unwrap();
        assert!(LineWriter::create(&path).is_err());
    }
}
