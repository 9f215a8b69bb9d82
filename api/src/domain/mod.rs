//! The rules, one file per concept. Knows no GraphQL and no HTTP.

pub mod address;
pub mod api_client;
pub mod audit_event;
pub mod client;
pub mod event;
pub mod issuer;
pub mod organization;
pub mod program;
mod pseudonym;
pub mod sign_in;
pub mod staff_member;
pub mod text;
