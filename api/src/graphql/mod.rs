//! How it is asked for: one file per concept, resolvers that only translate.

mod access_explanation;
mod api_client;
mod audit_event;
mod client;
mod clock_policy;
mod connection;
mod consent;
mod contact;
mod context;
mod disclosure;
mod engine;
mod episode;
mod error;
mod event;
mod guard;
mod level;
mod nullable;
mod organization;
mod peer;
mod peer_match;
mod program;
mod program_mutation;
mod program_operations;
mod referral;
mod referral_message;
mod referral_mutation;
mod referral_query;
mod registration;
mod scalar;
mod schema;
mod session;
mod staff_member;
mod viewer;
mod workshop;

pub use engine::GraphEngine;
pub use schema::{Schema, build};
