//! The rules, one file per concept. Knows no GraphQL and no HTTP.

pub mod access_explanation;
pub mod address;
pub mod api_client;
pub mod audit_event;
pub mod client;
pub mod consent;
pub mod contact;
pub mod disclosure;
pub mod episode;
pub mod event;
pub mod organization;
pub mod peer;
pub mod peer_match;
pub mod program;
mod pseudonym;
pub mod referral;
pub mod referral_message;
pub mod sign_in;
pub mod staff_member;
pub mod text;
pub mod transitions;
