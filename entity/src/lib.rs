//! What a row of aftercare is: columns, relations, vocabularies. No queries, no rules.

#![allow(clippy::disallowed_methods, reason = "the derives expand to them; no connection can be had in this crate")]

pub mod api_client;
pub mod api_client_program;
pub mod audit_event;
pub mod chain_head;
pub mod client;
pub mod client_moved;
pub mod client_program;
pub mod client_search;
pub mod consent;
pub mod consent_flow;
pub mod contact;
pub mod contact_addendum;
pub mod deployment;
pub mod disclosure;
pub mod emergency_access;
pub mod episode;
pub mod erasure;
pub mod event;
mod guarded;
pub mod id;
pub mod idempotency;
pub mod issuer;
pub mod issuer_subject;
mod list;
pub mod organization;
pub mod peer;
pub mod peer_match;
pub mod possible_duplicate;
pub mod program;
pub mod referral;
pub mod referral_clock;
pub mod referral_message;
pub mod referral_offer;
pub mod referral_offer_program;
pub mod referral_search;
pub mod referral_transition;
pub mod registration;
pub mod revoked_token;
mod sealed;
pub mod session;
pub mod staff_member;
pub mod staff_program;
pub mod timer;
pub mod vocabulary;
pub mod warm_handoff;
pub mod work_item;
pub mod workshop;
pub mod workshop_label;

pub use guarded::{Guarded, Proof, class};
pub use id::*;
pub use list::List;
pub use sealed::Sealed;
