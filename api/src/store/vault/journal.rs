//! The journal of erasures and revocations, a file outside of the database: a backup that is restored knows nothing of what came
//! after it, so `restore` reads this first.
//!
//! One JSON object a line. Its `hash` is SHA-256 over the hash of the line before and the line up to `hash`. It carries no key, so
//! that the journal can be checked even when the keys are lost: it finds accidents, not someone who computes the chain anew.
//! Lines missing from the end leave a shorter, valid journal: keep a [`Position`] elsewhere to notice that.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::key_file::{failed, refused, sync_folder};
use crate::clock::Instant;
use crate::error::{Error, Result};

/// What must be done again after a restore. Ids and instants only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was decided.
    pub at: Instant,
    /// Whose row it was.
    pub organization: Uuid,
    /// What was decided.
    #[serde(flatten)]
    pub what: What,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum What {
    /// A subject's key and rows are to go.
    Erasure {
        /// The client, or the snapshot of a referral.
        subject: Uuid,
    },
    /// A consent ended by the person's will.
    Revocation {
        /// The consent.
        consent: Uuid,
    },
}

impl What {
    /// Of what: the subject that is to go, or the consent that ended.
    pub const fn of(self) -> Uuid {
        match self {
            Self::Erasure { subject: id } | Self::Revocation { consent: id } => id,
        }
    }
}

/// Where the journal ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// How many entries there are.
    pub number: u64,
    /// The hash of the last one; zeros before the first.
    pub hash: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    number: u64,
    #[serde(flatten)]
    entry: Entry,
}

/// The open journal. Copies share it.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    end: Mutex<End>,
}

/// What is known of the file: its whole lines up to `length` are good.
#[derive(Clone, Debug)]
struct End {
    length: u64,
    position: Position,
}

impl End {
    fn start() -> Self {
        Self { length: 0, position: Position { number: 0, hash: "0".repeat(64) } }
    }
}

impl Journal {
    /// Opens the journal, made if there is none, checks all of it, and repairs a torn last line.
    ///
    /// # Errors
    /// `Internal`, naming the file and the line, when a line was changed.
    pub fn open(path: &Path) -> Result<Self> {
        let journal = Self(Arc::new(Inner { path: path.to_owned(), end: Mutex::new(End::start()) }));
        let mut file = journal.lock()?;
        let mut end = journal.0.end.lock().unwrap_or_else(PoisonError::into_inner);
        *end = repair(&mut file, path, &end)?;
        sync_folder(path).map_err(|error| failed(path, &error))?;
        drop(end);
        Ok(journal)
    }

    /// Appends an entry. It is on disk when this returns.
    ///
    /// # Errors
    /// `Internal`; then the entry may or may not be there, and to append it again does no harm.
    pub async fn append(&self, entry: Entry) -> Result<Position> {
        let journal = self.clone();
        let task = tokio::task::spawn_blocking(move || journal.append_now(entry));
        task.await.map_err(|_| Error::internal("the journal's task ended early"))?
    }

    fn append_now(&self, entry: Entry) -> Result<Position> {
        let path = &self.0.path;
        let mut end = self.0.end.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = self.lock()?;
        // Another process may have appended, or died while it did.
        *end = repair(&mut file, path, &end)?;
        let number = end.position.number + 1;
        let body = serde_json::to_string(&Line { number, entry }).map_err(|_| Error::internal("an entry has no JSON form"))?;
        let body = &body[..body.len() - 1];
        let hash = chain(&end.position.hash, body);
        let line = format!("{body},\"hash\":\"{hash}\"}}\n");
        let written = file.seek(SeekFrom::Start(end.length)).and_then(|_| file.write_all(line.as_bytes())).and_then(|()| file.sync_all());
        written.map_err(|error| failed(path, &error))?;
        *end = End { length: end.length + line.len() as u64, position: Position { number, hash } };
        Ok(end.position.clone())
    }

    /// Where the journal ended when this process last looked.
    pub fn position(&self) -> Position {
        self.0.end.lock().unwrap_or_else(PoisonError::into_inner).position.clone()
    }

    /// All entries in order, for `restore`. Only reads: the file may be a copy on a medium that cannot be written.
    ///
    /// # Errors
    /// `Internal`, naming the file and the line, when a line was changed.
    pub fn read(path: &Path) -> Result<Vec<Entry>> {
        let bytes = std::fs::read(path).map_err(|error| failed(path, &error))?;
        let mut entries = Vec::new();
        check(&bytes, path, End::start(), |entry| entries.push(entry))?;
        Ok(entries)
    }

    /// Whether the journal in this file went through this position: whether it is the same journal, and not an earlier copy of it.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn reaches(path: &Path, position: &Position) -> Result<bool> {
        let bytes = std::fs::read(path).map_err(|error| failed(path, &error))?;
        let mut end = End::start();
        let mut reached = end.position == *position;
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            end = check(line, path, end, drop)?;
            reached |= end.position == *position;
        }
        Ok(reached)
    }

    /// The file, for this process alone until it is dropped.
    fn lock(&self) -> Result<File> {
        let failed = |error| failed(&self.0.path, &error);
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&self.0.path);
        let file = options.map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }
}

/// Checks what came after `known`, cuts off a torn last line, and gives the new end.
fn repair(file: &mut File, path: &Path, known: &End) -> Result<End> {
    let read = |file: &mut File| -> io::Result<(u64, Vec<u8>)> {
        let length = file.metadata()?.len();
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(known.length))?;
        file.read_to_end(&mut bytes)?;
        Ok((length, bytes))
    };
    let (length, bytes) = read(file).map_err(|error| failed(path, &error))?;
    if length < known.length {
        return Err(refused(path, "the journal is shorter than it was"));
    }
    let end = check(&bytes, path, known.clone(), drop)?;
    if end.length < length {
        tracing::warn!(journal.entries = end.position.number, "cut a torn last line off the journal");
        file.set_len(end.length).and_then(|()| file.sync_all()).map_err(|error| failed(path, &error))?;
    }
    Ok(end)
}

/// Follows the chain over whole lines. A last line without its end was never acknowledged, and is left out.
fn check(bytes: &[u8], path: &Path, mut end: End, mut each: impl FnMut(Entry)) -> Result<End> {
    let damaged = |number: u64| refused(path, &format!("line {number} of the journal was changed"));
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let number = end.position.number + 1;
        let Some(whole) = line.strip_suffix(b"\n") else {
            // A torn line is the beginning of a good one. One that is whole but for its last byte was not torn but changed.
            let changed = line.split_last().is_some_and(|(_, whole)| parse(whole, &end.position).is_some());
            return if changed { Err(damaged(number)) } else { Ok(end) };
        };
        let (entry, hash) = parse(whole, &end.position).ok_or_else(|| damaged(number))?;
        each(entry);
        end = End { length: end.length + line.len() as u64, position: Position { number, hash } };
    }
    Ok(end)
}

/// The entry and hash of a line, if it is the one that follows.
fn parse(line: &[u8], before: &Position) -> Option<(Entry, String)> {
    let line = str::from_utf8(line).ok()?;
    let (body, hash) = line.strip_suffix("\"}")?.rsplit_once(",\"hash\":\"")?;
    let parsed: Line = serde_json::from_str(&format!("{body}}}")).ok()?;
    (hash == chain(&before.hash, body) && parsed.number == before.number + 1).then(|| (parsed.entry, hash.to_owned()))
}

fn chain(before: &str, body: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(before.as_bytes());
    context.update(body.as_bytes());
    HEXLOWER.encode(context.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use chrono::DateTime;

    use super::*;

    fn entry(number: u128) -> Entry {
        let what = match number % 2 {
            0 => What::Erasure { subject: Uuid::from_u128(number) },
            _ => What::Revocation { consent: Uuid::from_u128(number) },
        };
        Entry { at: DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap(), organization: Uuid::from_u128(1), what }
    }

    async fn three_entries(folder: &Path) -> PathBuf {
        let path = folder.join("journal.jsonl");
        let journal = Journal::open(&path).unwrap();
        for number in 1..=3 {
            journal.append(entry(number)).await.unwrap();
        }
        path
    }

    #[tokio::test]
    async fn entries_come_back_in_order_also_from_two_writers() {
        let folder = tempfile::tempdir().unwrap();
        let path = three_entries(folder.path()).await;
        let (one, two) = (Journal::open(&path).unwrap(), Journal::open(&path).unwrap());
        one.append(entry(4)).await.unwrap();
        let last = two.append(entry(5)).await.unwrap();
        assert_eq!(Journal::read(&path).unwrap(), (1..=5).map(entry).collect::<Vec<_>>());
        assert_eq!((last.number, Journal::open(&path).unwrap().position()), (5, last));
    }

    #[tokio::test]
    async fn an_earlier_copy_and_another_journal_do_not_reach_a_position() {
        let folder = tempfile::tempdir().unwrap();
        let path = three_entries(folder.path()).await;
        let earlier = fs::read(&path).unwrap();
        let journal = Journal::open(&path).unwrap();
        let positions = [End::start().position, journal.position(), journal.append(entry(4)).await.unwrap()];
        assert!(positions.iter().all(|position| Journal::reaches(&path, position).unwrap()));

        fs::write(&path, earlier).unwrap();
        assert_eq!(positions.map(|position| Journal::reaches(&path, &position).unwrap()), [true, true, false]);
    }

    #[tokio::test]
    async fn a_line_torn_anywhere_is_cut_off_and_the_next_follows() {
        let folder = tempfile::tempdir().unwrap();
        let path = three_entries(folder.path()).await;
        let whole = fs::read(&path).unwrap();
        let last = whole[..whole.len() - 1].iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
        for length in last..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(Journal::read(&path).unwrap().len(), 2);
            Journal::open(&path).unwrap().append(entry(3)).await.unwrap();
            assert_eq!(fs::read(&path).unwrap(), whole, "torn after {length} bytes");
        }
    }

    #[tokio::test]
    async fn every_changed_byte_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = three_entries(folder.path()).await;
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            for flip in [1, 0x20, 0x80] {
                let mut changed = whole.clone();
                changed[at] ^= flip;
                fs::write(&path, &changed).unwrap();
                assert!(Journal::read(&path).is_err(), "byte {at}");
                assert!(Journal::open(&path).is_err(), "byte {at}");
            }
        }
    }

    #[tokio::test]
    async fn a_journal_that_lost_entries_under_us_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = three_entries(folder.path()).await;
        let journal = Journal::open(&path).unwrap();
        fs::write(&path, b"").unwrap();
        journal.append(entry(4)).await.unwrap_err();
    }
}
