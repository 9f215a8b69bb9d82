//! Feeds: schedules of others, which are taken in.

use sea_orm::entity::prelude::*;

use crate::{
    FeedId,
    vocabulary::{FeedFailure, FeedFormat},
};

/// The schedule of somebody else at an address of the web. Its meetings are gatherings of their own kind; what was read last stands until it
/// can be read again.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "feed")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FeedId,
    /// Where it is. It may hold a key in its query: it is told to nobody but who runs the server.
    pub url: String,
    /// How it is written.
    pub format: FeedFormat,
    /// IANA name: the zone of meetings of which the feed does not say theirs.
    pub time_zone: Option<String>,
    /// What its server calls the version that was read last (RFC 9110, 8.8.3).
    pub etag: Option<String>,
    /// When that was changed, as its server writes it (RFC 9110, 8.8.2).
    pub last_modified: Option<String>,
    /// When it was last read well (UTC), unchanged or not; null until then.
    pub read_at: Option<DateTimeUtc>,
    /// What was wrong when it was last tried; null when nothing was.
    pub failure: Option<FeedFailure>,
    /// How often in a row it could not be read.
    pub failures: i32,
    /// How many meetings there are.
    pub meetings: i32,
    /// How many it holds besides that could not be understood.
    pub skipped: i32,
    /// UTC.
    pub added_at: DateTimeUtc,
    /// Counts changes, those of its meetings as well.
    pub version: i32,
}

impl ActiveModelBehavior for ActiveModel {}
