//! Meetings of others, taken in for "what is near me tonight".

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    ListedMeetingId, feed, gathering, listed_meeting, session,
    vocabulary::{GatheringVisibility, Modality},
};
use sea_orm::Order;

use super::{
    context::{PublicUrl, RequestContext},
    error::coded,
    gathering::{Money, Topic, kind_of_gathering, program_of, series, told_address},
    peer::Facilitator,
    program::{Address, Program},
    scalar::{Date, LanguageTag, LocalTime, RecurrenceRule, TimeZone, WebAddress},
    session::{Session, SessionConnection, SessionFilter},
};
use crate::{
    domain::{schedule::upcoming, topic::by_code},
    store::{PageArgs, Visible},
};

impl ListedMeeting {
    /// Where it comes from.
    async fn listed(&self, ctx: &Context<'_>) -> Result<listed_meeting::Model> {
        let listed = ctx.load_parts::<gathering::Entity, listed_meeting::Entity>(&self.0).await?;
        listed.first().cloned().ok_or_else(|| coded("UNAVAILABLE", "This meeting is listed no more."))
    }
}

kind_of_gathering! {
    of others:
    /// A meeting of somebody else's schedule, taken in for "what is near me tonight": no program here runs it, it has no seats, and nobody
    /// registers for it here. Its sessions are there eight days ahead. An address that does not tell its country has `ZZ` for one.
    ListedMeeting, ListedMeetingId, {
        /// The program that runs it: none here does.
        pub(crate) async fn program(&self, ctx: &Context<'_>) -> Result<Option<Program>> {
            program_of(ctx, &self.0).await
        }

        /// Who lists it, in words.
        async fn source(&self, ctx: &Context<'_>) -> Result<String> {
            Ok(self.listed(ctx).await?.source)
        }

        /// Its own page there; null where none is known.
        async fn source_url(&self, ctx: &Context<'_>) -> Result<Option<WebAddress>> {
            Ok(self.listed(ctx).await?.source_url.map(WebAddress))
        }

        /// When the schedule that it comes from was last read well (UTC).
        async fn fresh_as_of(&self, ctx: &Context<'_>) -> Result<DateTime<Utc>> {
            let feed = ctx.load::<feed::Entity>(self.listed(ctx).await?.feed_id).await?;
            Ok(feed.and_then(|feed| feed.read_at).unwrap_or(self.0.updated_at))
        }
    }
}
