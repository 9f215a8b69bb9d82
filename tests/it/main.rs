//! Integration tests.
#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion, in its helpers too")]

mod bad_input;
mod client;
mod databases;
mod licences;
mod order;
mod schema;
mod statements;
mod tidy;
mod tokens;
