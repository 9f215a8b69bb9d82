//! Signing keys and data keys.

use std::collections::BTreeMap;

use clap::Subcommand;

use crate::{
    access::keys::{self, Kind, Use},
    app::{App, NotStarted, open_vault},
    clock::Clock,
    config::{Config, Environment},
    store::vault::Keyring,
};

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Makes the first signing key and data keys, or another signing key.
    Generate {
        /// RSA instead of Ed25519, for receivers who know nothing else.
        #[arg(long)]
        rs256: bool,
    },
    /// Makes a new signing key and a new data key, and wraps all client keys under it; a running server uses them within seconds. The
    /// old ones stay good for what they signed, and for backups that they wrap.
    Rotate,
    /// Lists the keys, and what they are used for.
    List,
}

fn failed(error: impl std::fmt::Display) -> NotStarted {
    NotStarted(error.to_string())
}

/// Does it, and gives the lines to print.
pub(super) async fn run(config: &Config, command: &KeysCommand) -> Result<Vec<String>, NotStarted> {
    match command {
        KeysCommand::Generate { rs256 } => generate(config, if *rs256 { Kind::Rs256 } else { Kind::EdDsa }),
        KeysCommand::Rotate => rotate(config).await,
        KeysCommand::List => list(config).await,
    }
}

fn generate(config: &Config, kind: Kind) -> Result<Vec<String>, NotStarted> {
    let folder = &config.keys_dir;
    let development = config.env == Some(Environment::Development);
    let use_ = if development { Use::Demonstration } else { Use::Production };
    std::fs::create_dir_all(folder).map_err(failed)?;
    if !folder.join("root.key").exists() {
        Keyring::generate(folder)?;
    }
    Ok(vec![format!("signing key {}", keys::generate(folder, kind, use_, Clock::system().now()).map_err(failed)?)])
}

async fn rotate(config: &Config) -> Result<Vec<String>, NotStarted> {
    // Opened as the server does, so that keys of another database are not rotated for this one.
    let use_ = App::open(config.clone(), Clock::system(), Environment::Production).await?.keys_for();
    let signing = keys::generate(&config.keys_dir, Kind::EdDsa, use_, Clock::system().now()).map_err(failed)?;
    let data = Keyring::rotate(&config.keys_dir)?.list().pop().unwrap_or_default();
    // And again, so that the database remembers the new one before the old one can be removed.
    let app = App::open(config.clone(), Clock::system(), Environment::Production).await?;
    let rewrapped = app.store.rewrap_keys().await?;
    Ok(vec![format!("signing key {signing}"), format!("data key    {data}"), format!("{rewrapped} client keys are wrapped under it now")])
}

async fn list(config: &Config) -> Result<Vec<String>, NotStarted> {
    let signing = keys::list(&config.keys_dir, Use::Demonstration).map_err(failed)?;
    let role = |newest| if newest { "signs" } else { "verifies what it signed" };
    let mut lines: Vec<_> = signing.iter().enumerate().map(|(at, key)| format!("signing key {}  {}", key.kid, role(at == 0))).collect();
    let vault = open_vault(config, &Clock::system()).await?;
    let wrapped: BTreeMap<String, i64> = vault.client_keys().usage().await?.into_iter().collect();
    let data = vault.keyring().list();
    let newest = data.last().cloned();
    lines.extend(data.into_iter().map(|id| {
        let uses = wrapped.get(&id).copied().unwrap_or_default();
        let role = if newest.as_ref() == Some(&id) { ", and each new one" } else { "" };
        format!("data key    {id}  wraps {uses} client keys{role}")
    }));
    Ok(lines)
}
