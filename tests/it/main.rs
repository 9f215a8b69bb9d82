//! Integration tests.
#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion, in its helpers too")]

mod backup;
mod bad_input;
mod client;
mod clocks;
mod concurrency;
mod crash;
mod databases;
mod demo;
mod duplicates;
mod emergency;
mod erasure;
mod event_order;
mod idempotency;
mod issuers;
mod keys;
mod leaks;
mod licences;
mod limits;
mod log;
mod order;
mod own_keys;
mod persisted;
mod program_hours;
mod program_search;
mod readiness;
mod referral;
mod referral_life;
mod schedule;
mod schema;
mod statements;
mod subscription;
mod tidy;
mod timers;
mod tokens;
mod walkthrough;
