//! Signing keys and data keys.

use clap::Subcommand;

use crate::{
    access::keys::{self, Kind, Use},
    app::NotStarted,
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
    /// Makes a new signing key and a new key-encryption key; the old ones stay good for what they signed and wrapped.
    Rotate,
    /// Lists the keys' names.
    List,
}

fn failed(error: impl std::fmt::Display) -> NotStarted {
    NotStarted(error.to_string())
}

/// Does it, and gives the lines to print.
pub(super) async fn run(config: &Config, command: &KeysCommand) -> Result<Vec<String>, NotStarted> {
    let (folder, now) = (&config.keys_dir, Clock::system().now());
    let development = config.env == Some(Environment::Development);
    let use_ = if development { Use::Demonstration } else { Use::Production };
    match command {
        KeysCommand::Generate { rs256 } => {
            std::fs::create_dir_all(folder).map_err(failed)?;
            if !folder.join("root.key").exists() {
                Keyring::generate(folder)?;
            }
            let kind = if *rs256 { Kind::Rs256 } else { Kind::EdDsa };
            Ok(vec![format!("signing key {}", keys::generate(folder, kind, use_, now).map_err(failed)?)])
        }
        KeysCommand::Rotate => {
            let data = Keyring::rotate(folder)?;
            let newest = data.list().into_iter().next().unwrap_or_default();
            let signing = keys::generate(folder, Kind::EdDsa, use_, now).map_err(failed)?;
            Ok(vec![format!("signing key {signing}"), format!("data key {newest}")])
        }
        KeysCommand::List => {
            let signing = keys::list(folder, Use::Demonstration).map_err(failed)?;
            let mut lines: Vec<_> = signing.iter().map(|key| format!("signing key {}", key.kid)).collect();
            lines.extend(Keyring::open(folder)?.list().into_iter().map(|name| format!("data key {name}")));
            Ok(lines)
        }
    }
}
