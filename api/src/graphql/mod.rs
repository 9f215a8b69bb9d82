//! How it is asked for: one file per concept, resolvers that only translate.

mod api_client;
mod audit_event;
mod client;
mod connection;
mod context;
mod engine;
mod error;
mod event;
mod guard;
mod nullable;
mod organization;
mod program;
mod registration;
mod scalar;
mod schema;
mod session;
mod staff_member;
mod viewer;
mod workshop;

pub use engine::GraphEngine;
pub use schema::{Schema, build};
