//! aftercare: hands discharged clients over to peer recovery support.

pub mod access;
pub mod app;
pub mod clock;
pub mod command;
pub mod config;
pub mod domain;
pub mod error;
pub mod graphql;
pub mod http;
pub mod logging;
pub mod outgoing;
pub mod publish;
pub mod readers;
pub mod registry;
pub mod store;
pub mod taking_in;
