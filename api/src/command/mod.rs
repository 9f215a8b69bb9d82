//! The commands of the binary (contract.md, "Commands"). Each opens the application as the server does.

mod backup;
mod demo;
mod feeds;
mod init;
mod issuer;
mod keys;
mod line;

use std::process::ExitCode;

use clap::Parser;

pub use demo::{Plan, load as load_demo};
pub use feeds::{FeedAdd, FeedsCommand, Format, run as run_feeds};
pub use init::{NewInstallation, first_organization};
pub use issuer::{IssuerAdd, trust as trust_issuer};
pub use line::token_for;
use line::{Line, run};

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let line = Line::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    // actix-web's workers have their own runtimes; they only need a LocalSet to be started from.
    match tokio::task::LocalSet::new().block_on(&runtime, run(line)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

#[expect(clippy::print_stderr, reason = "a command says why it failed where the person who gave it reads")]
fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("aftercare: {error}");
    ExitCode::FAILURE
}
