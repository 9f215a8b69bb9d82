//! What a listed meeting is besides a gathering.

use sea_orm::entity::prelude::*;

use crate::{FeedId, GatheringId};

/// Where a meeting of others comes from.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "listed_meeting")]
pub struct Model {
    /// The gathering that it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub gathering_id: GatheringId,
    /// The feed that it comes from.
    pub feed_id: FeedId,
    /// What the feed calls it: one meeting of a feed has one name.
    pub external_id: String,
    /// SHA-256 of what the feed says of it: another one is a change.
    pub content_hash: Vec<u8>,
    /// Who lists it, in words.
    pub source: String,
    /// Its own page there, as far as everyone may know it.
    pub source_url: Option<String>,
    /// The feed's version with which it or its sessions changed last.
    pub feed_version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
