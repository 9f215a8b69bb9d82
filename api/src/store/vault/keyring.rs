//! The keys folder: `root.key`, from which hash keys are derived, and `data-KID.key`, which wrap the keys of clients.
//!
//! The root is a file of its own and stays when the others rotate: a search hash, a client secret's hash or a guest's details
//! could not be found or opened again under another root, and there is nothing to compute them anew from. Wrapping the root under
//! the newest key, the other way, would protect nothing while both lie in one folder, and would make a rotation touch it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::kek::Kek;
use super::key_file::{self, failed, refused};
use super::secret::Secret;
use crate::error::{Error, Result};

const ROOT: &str = "root.key";

/// The keys of one installation, read from its keys folder.
#[derive(Debug)]
pub struct Keyring {
    folder: PathBuf,
    root: Secret,
    /// Oldest first, never empty.
    keks: RwLock<Vec<Arc<Kek>>>,
}

/// How the folder's keys compare with the fingerprint that the database remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognised {
    /// The newest key is the one remembered.
    Current,
    /// An older key is: there was a rotation, and the database should remember the newest now.
    Rotated,
}

impl Keyring {
    /// Makes the first keys, for an empty database: a database that has rows already would need the keys it was written with.
    ///
    /// # Errors
    /// `Internal` when the folder holds keys already, or cannot be written.
    pub fn generate(folder: &Path) -> Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(folder, &error))?;
        let _lock = lock(folder)?;
        let root = folder.join(ROOT);
        if !read_keks(folder)?.is_empty() || root.exists() {
            return Err(refused(folder, "there are keys already; `keys rotate` adds one"));
        }
        key_file::write_new(&root, &Secret::random()?)?;
        add(folder, 1)?;
        Self::open(folder)
    }

    /// Adds a key, which wraps from now on; older ones still unwrap. `ClientKeys::rewrap` frees a key for removal.
    ///
    /// # Errors
    /// `Internal` when the folder cannot be read or written.
    pub fn rotate(folder: &Path) -> Result<Self> {
        let _lock = lock(folder)?;
        let newest = Self::open(folder)?.newest()?;
        add(folder, number_of(&newest.id).unwrap_or_default() + 1)?;
        Self::open(folder)
    }

    /// Reads the folder.
    ///
    /// # Errors
    /// `Internal`, naming the file, when a key is missing, open to others than its owner, or not what its name says.
    pub fn open(folder: &Path) -> Result<Self> {
        let keks = read_keks(folder)?;
        if keks.is_empty() {
            return Err(refused(folder, "it holds no data-*.key; `keys generate` makes one for an empty database"));
        }
        let root = key_file::read(&folder.join(ROOT))?;
        Ok(Self { folder: folder.to_owned(), root, keks: RwLock::new(keks) })
    }

    /// The names of the keys, oldest first; the last one wraps.
    pub fn list(&self) -> Vec<String> {
        self.keks.read().unwrap_or_else(PoisonError::into_inner).iter().map(|kek| kek.id.clone()).collect()
    }

    /// Reads the folder again if other keys lie in it than were read, so that a rotation reaches a running server. Whether they do.
    ///
    /// # Errors
    /// As [`Self::open`]; the keys stay as they were then.
    pub fn follow(&self) -> Result<bool> {
        let mut there = key_names(&self.folder)?;
        let mut known = self.list();
        there.sort();
        known.sort();
        if there == known {
            return Ok(false);
        }
        let keks = read_keks(&self.folder)?;
        if keks.is_empty() {
            return Err(refused(&self.folder, "all data-*.key are gone: bring them back"));
        }
        *self.keks.write().unwrap_or_else(PoisonError::into_inner) = keks;
        Ok(true)
    }

    /// The key that wraps.
    pub(super) fn newest(&self) -> Result<Arc<Kek>> {
        let keks = self.keks.read().unwrap_or_else(PoisonError::into_inner);
        keks.last().cloned().ok_or(Error::Sealing("there is no key-encryption key"))
    }

    /// The key of this name. One that is unknown may have been added by another process: the folder is read again.
    pub(super) fn find(&self, id: &str) -> Result<Arc<Kek>> {
        let known = || self.keks.read().unwrap_or_else(PoisonError::into_inner).iter().find(|kek| kek.id == id).cloned();
        if let Some(kek) = known() {
            return Ok(kek);
        }
        *self.keks.write().unwrap_or_else(PoisonError::into_inner) = read_keks(&self.folder)?;
        known().ok_or(Error::Sealing("the key is wrapped under a key-encryption key that is not in the keys folder"))
    }

    pub(super) fn root(&self) -> &Secret {
        &self.root
    }

    /// What the database remembers of these keys: `ROOT:NEWEST`, both as fingerprints.
    ///
    /// # Errors
    /// `Sealing` when there is no key.
    pub fn fingerprint(&self) -> Result<String> {
        Ok(format!("{}:{}", self.root.fingerprint(), self.newest()?.fingerprint()))
    }

    /// Whether these are the keys that the database was written with.
    ///
    /// # Errors
    /// `Internal` when they are not: with another root nothing is found, with other keys nothing opens.
    pub fn recognise(&self, remembered: &str) -> Result<Recognised> {
        let (root, kek) = remembered.split_once(':').unwrap_or_default();
        if root != self.root.fingerprint() {
            return Err(refused(&self.folder, "root.key is not the one that the database was made with"));
        }
        if kek == self.newest()?.fingerprint() {
            return Ok(Recognised::Current);
        }
        let keks = self.keks.read().unwrap_or_else(PoisonError::into_inner);
        match keks.iter().any(|older| older.fingerprint() == kek) {
            true => Ok(Recognised::Rotated),
            false => Err(refused(&self.folder, "the key-encryption key that the database remembers is not here")),
        }
    }

    /// Refuses keys that lie under the database's folder, also through links: whoever copies that folder would have both.
    ///
    /// # Errors
    /// `Internal`, naming the key, when it does; also when a path cannot be followed.
    pub fn refuse_under(&self, database: &Path) -> Result<()> {
        let real = |path: &Path| fs::canonicalize(path).map_err(|error| failed(path, &error));
        let beside = real(database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
        let keys = self.list().into_iter().map(|id| self.folder.join(file_name(&id)));
        for key in keys.chain([self.folder.clone(), self.folder.join(ROOT)]) {
            if real(&key)?.starts_with(&beside) {
                return Err(refused(&key, "it lies under the database's folder: production keeps keys elsewhere"));
            }
        }
        Ok(())
    }
}

fn file_name(id: &str) -> String {
    format!("data-{id}.key")
}

fn number_of(id: &str) -> Option<u32> {
    id.split_once('-')?.0.parse().ok()
}

fn add(folder: &Path, number: u32) -> Result<()> {
    let kek = Kek::new(number, Secret::random()?);
    key_file::write_new(&folder.join(file_name(&kek.id)), kek.secret())
}

/// The names of the key-encryption keys of the folder, in no order.
fn key_names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
        let name = entry.map_err(|error| failed(folder, &error))?.file_name();
        let name = name.to_string_lossy();
        names.extend(name.strip_prefix("data-").and_then(|name| name.strip_suffix(".key")).map(ToOwned::to_owned));
    }
    Ok(names)
}

/// All key-encryption keys of the folder, oldest first.
fn read_keks(folder: &Path) -> Result<Vec<Arc<Kek>>> {
    let mut keks = Vec::new();
    for id in key_names(folder)? {
        let path = folder.join(file_name(&id));
        let number = number_of(&id).ok_or_else(|| refused(&path, "its name is not data-NUMBER-FINGERPRINT.key"))?;
        let kek = Kek::new(number, key_file::read(&path)?);
        if kek.id != id {
            return Err(refused(&path, "its contents are not the key of its name"));
        }
        keks.push((number, Arc::new(kek)));
    }
    keks.sort_by(|(left, a), (right, b)| (left, &a.id).cmp(&(right, &b.id)));
    Ok(keks.into_iter().map(|(_, kek)| kek).collect())
}

/// Held while keys are made, so that two of us do not make the same number.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(".lock");
    let failed = |error| failed(&path, &error);
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn subject() -> (uuid::Uuid, uuid::Uuid) {
        (uuid::Uuid::new_v4(), uuid::Uuid::new_v4())
    }

    #[test]
    fn keys_are_made_once_and_only_on_demand() {
        let folder = tempfile::tempdir().unwrap();
        Keyring::open(folder.path()).unwrap_err();
        Keyring::generate(folder.path()).unwrap();
        Keyring::generate(folder.path()).unwrap_err();
        assert_eq!(Keyring::open(folder.path()).unwrap().list().len(), 1);
    }

    #[test]
    fn the_newest_wraps_and_older_ones_still_unwrap() {
        let folder = tempfile::tempdir().unwrap();
        let (subject, organization) = subject();
        let before = Keyring::generate(folder.path()).unwrap();
        let old = before.newest().unwrap();
        let key = Secret::random().unwrap();
        let wrapped = old.wrap(subject, organization, &key).unwrap();

        let after = Keyring::rotate(folder.path()).unwrap();

        assert_ne!(after.newest().unwrap().id, old.id);
        let opened = after.find(&old.id).unwrap().unwrap(subject, organization, &wrapped).unwrap();
        assert_eq!(opened.bytes(), key.bytes());
        after.newest().unwrap().unwrap(subject, organization, &wrapped).unwrap_err();
        old.unwrap(organization, subject, &wrapped).unwrap_err();
        assert_eq!(before.find(&after.newest().unwrap().id).unwrap().id, after.newest().unwrap().id, "seen by a running server");
    }

    #[test]
    fn who_follows_the_folder_wraps_with_the_new_key() {
        let folder = tempfile::tempdir().unwrap();
        let running = Keyring::generate(folder.path()).unwrap();
        assert!(!running.follow().unwrap());
        let rotated = Keyring::rotate(folder.path()).unwrap();
        assert!(running.follow().unwrap());
        assert_eq!(running.newest().unwrap().id, rotated.newest().unwrap().id);
        for id in rotated.list() {
            fs::remove_file(folder.path().join(file_name(&id))).unwrap();
        }
        running.follow().unwrap_err();
        assert_eq!(running.list(), rotated.list(), "the last good keys stay");
    }

    #[test]
    fn a_key_that_others_can_read_or_of_another_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let ring = Keyring::generate(folder.path()).unwrap();
        for name in [ROOT.to_owned(), file_name(&ring.list()[0])] {
            let path = folder.path().join(name);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(Keyring::open(folder.path()).unwrap_err().to_string().contains("chmod 600"));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let path = folder.path().join(file_name(&ring.list()[0]));
        fs::write(&path, [7; 32]).unwrap();
        Keyring::open(folder.path()).unwrap_err();
        fs::write(&path, [7; 33]).unwrap();
        Keyring::open(folder.path()).unwrap_err();
    }

    #[test]
    fn the_database_knows_its_keys_again() {
        let (ours, others) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let remembered = Keyring::generate(ours.path()).unwrap().fingerprint().unwrap();
        let other = Keyring::generate(others.path()).unwrap();

        assert_eq!(Keyring::open(ours.path()).unwrap().recognise(&remembered).unwrap(), Recognised::Current);
        assert_eq!(Keyring::rotate(ours.path()).unwrap().recognise(&remembered).unwrap(), Recognised::Rotated);
        other.recognise(&remembered).unwrap_err();
        other.recognise("").unwrap_err();
        fs::copy(ours.path().join(ROOT), others.path().join(ROOT)).unwrap();
        Keyring::open(others.path()).unwrap().recognise(&remembered).unwrap_err();
    }

    #[test]
    fn keys_under_the_databases_folder_are_refused_also_through_a_link() {
        let (data, apart) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let database = data.path().join("aftercare.db");
        let inside = Keyring::generate(&data.path().join("keys")).unwrap();
        inside.refuse_under(&database).unwrap_err();
        Keyring::generate(&apart.path().join("keys")).unwrap().refuse_under(&database).unwrap();

        let linked = apart.path().join("linked");
        std::os::unix::fs::symlink(data.path().join("keys"), &linked).unwrap();
        Keyring::open(&linked).unwrap().refuse_under(&database).unwrap_err();
    }
}
