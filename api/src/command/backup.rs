//! Backup and restore.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use clap::Args;
use migration::Migrator;
use sea_orm_migration::MigratorTrait;

use super::line::verified;
use crate::{
    app::{NotStarted, open_vault},
    clock::Clock,
    config::Config,
    domain,
    store::{
        Connections, KEYS, Store,
        backup::{self, Backup, Header},
        vault::{Journal, journal::Entry},
    },
};

/// The two files of a backup.
#[derive(Args, Debug)]
pub(super) struct Files {
    /// The rows.
    file: PathBuf,
    /// The wrapped client keys.
    #[arg(long)]
    keys: PathBuf,
}

fn failed(error: impl std::fmt::Display) -> NotStarted {
    NotStarted(error.to_string())
}

fn all_steps() -> Vec<String> {
    Migrator::migrations().iter().map(|step| step.name().to_owned()).collect()
}

async fn steps_taken(connections: &Connections) -> Result<Vec<String>, NotStarted> {
    let taken = Migrator::get_applied_migrations(connections.for_migrations()).await.map_err(failed)?;
    Ok(taken.iter().map(|step| step.name().to_owned()).collect())
}

/// Writes a backup. Nothing is migrated or changed: it may be the last thing before an upgrade. Gives what it says.
pub(super) async fn backup(config: &Config, files: &Files) -> Result<String, NotStarted> {
    let clock = Clock::system();
    let connections = Connections::open(config.database_url.expose(), 2).await?;
    let taken = steps_taken(&connections).await?;
    if taken.is_empty() || connections.is_half_restored().await? {
        return Err(failed("there is nothing to back up: the database was never used, or is half restored"));
    }
    let keys = connections.remembered(KEYS).await?.ok_or_else(|| failed("there is nothing to back up: the database was never used"))?;
    let vault = open_vault(config, &clock).await?;
    vault.keyring().recognise(&keys)?;
    let header = Header::new(clock.now(), taken, keys, vault.journal().position());
    let saved = backup::back_up(&connections, &vault, &header, &files.file, &files.keys).await?;
    Ok(format!("{} rows in {}, {} client keys in {}", saved.rows, files.file.display(), saved.keys, files.keys.display()))
}

/// Restores a backup into an empty database. Gives what it says.
pub(super) async fn restore(config: &Config, files: &Files, journal: &Path) -> Result<String, NotStarted> {
    let clock = Clock::system();
    let mut backup = Backup::open(&files.file, &files.keys)?;
    let entries = Journal::read(journal)?;
    if !Journal::reaches(journal, &backup.header.journal)? {
        let sentence = "the journal ends before the backup was made, or belongs to another database: give it as it is now";
        return Err(failed(format!("{}: {sentence}", journal.display())));
    }
    let connections = empty_database(config, &backup.header).await?;
    keep_journal(journal, &config.journal(), &entries)?;
    let vault = open_vault(config, &clock).await?;
    vault.keyring().recognise(&backup.header.keys)?;

    let erased = domain::journal::erased(&entries);
    let (keys, left_out) = backup.load_keys(&vault, &erased).await?;
    let rows = backup.load_rows(&connections).await?;
    Migrator::up(connections.for_migrations(), None).await.map_err(failed)?;
    let store = Store::new(connections.clone(), vault, clock.clone())?;
    store.forget_words(&erased).await?;
    store.end_restored_access().await?;
    let revoked = domain::journal::repeat(&store, &entries, "restore").await?.revoked;
    while store.seal_batch().await? > 0 {}
    let whole = verified(&store, clock.now()).await?;
    connections.restored().await?;
    Ok(format!(
        "{rows} rows and {keys} client keys are restored; {left_out} erasures and {revoked} revocations came after the backup and were \
         repeated; {whole}"
    ))
}

/// A database that nothing was ever written to, with its tables as those of the backup.
async fn empty_database(config: &Config, header: &Header) -> Result<Connections, NotStarted> {
    if let Some(folder) = config.database_url.sqlite_file().as_ref().and_then(|file| file.parent()) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let connections = Connections::open(config.database_url.expose(), 2).await?;
    let taken = steps_taken(&connections).await?;
    if !taken.is_empty() && !connections.is_vacant().await? {
        return Err(failed("the database is not empty: a backup is restored into an empty one"));
    }
    if !all_steps().starts_with(&header.migrations) {
        return Err(failed(format!("the backup was made by a newer aftercare ({}): restore it with that version", header.aftercare)));
    }
    let missing = header.migrations.len().checked_sub(taken.len());
    let missing = missing.ok_or_else(|| failed("the database's tables are newer than the backup's: give a database without tables"))?;
    if missing > 0 {
        let steps = u32::try_from(missing).map_err(failed)?;
        Migrator::up(connections.for_migrations(), Some(steps)).await.map_err(failed)?;
    }
    Ok(connections)
}

/// Puts the journal where the server goes on with it: a later restore needs all of it.
fn keep_journal(given: &Path, kept: &Path, entries: &[Entry]) -> Result<(), NotStarted> {
    let there = if kept.exists() { Journal::read(kept)? } else { Vec::new() };
    if there == entries && kept.exists() {
        return Ok(());
    }
    if !there.is_empty() {
        let sentence = "there is another journal: give this one, or set AFTERCARE_JOURNAL to where the given one is to be kept";
        return Err(failed(format!("{}: {sentence}", kept.display())));
    }
    if let Some(folder) = kept.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    // The given one may be a copy that nobody can write to.
    let copied = fs::copy(given, kept).and_then(|_| fs::set_permissions(kept, fs::Permissions::from_mode(0o600)));
    copied.map_err(|error| failed(format!("{}: {error}", kept.display())))
}
