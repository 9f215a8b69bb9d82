//! Workshops.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use entity::{
    WorkshopId, gathering, session,
    vocabulary::{GatheringKind, GatheringVisibility, Modality},
};
use sea_orm::Order;

use super::{
    connection::connection,
    context::{PublicUrl, RequestContext},
    error::coded,
    gathering::{GatheringOperations, Money, PlannedSeries, Topic, kind_of_gathering, planned, program_of, series, told_address},
    gathering_list::{WorkshopFilter, WorkshopOrder, listed},
    peer::Facilitator,
    program::{Address, Program},
    scalar::{Date, LanguageTag, LocalTime, RecurrenceRule, TimeZone, WebAddress},
    session::{Session, SessionConnection, SessionFilter},
};
use crate::{
    domain::{
        schedule::upcoming,
        topic::{self, by_code},
    },
    store::{Class, PageArgs, Visible},
};

kind_of_gathering! {
    /// A workshop: what peers teach and practise together, in one session or several.
    Workshop, WorkshopId, {
    /// False for a draft, which only its organization's staff see.
    async fn published(&self) -> bool {
        self.0.published_at.is_some()
    }

    /// The days of its rule without a session, in its zone.
    async fn except_dates(&self, ctx: &Context<'_>) -> Result<Vec<Date>> {
        Ok(series(ctx, &self.0)?.except_dates.iter().copied().map(Date).collect())
    }

    /// The days of further sessions, in its zone, before `startsOn` as well where they were named later on. Those that are planned from a
    /// later day on are told by `plannedSeries`.
    async fn extra_dates(&self, ctx: &Context<'_>) -> Result<Vec<Date>> {
        Ok(series(ctx, &self.0)?.extra_dates.iter().copied().map(Date).collect())
    }
    }
}

connection!(Workshop, WorkshopConnection, WorkshopEdge, gathering::Entity, "workshops");

/// Queries.
#[derive(Default)]
pub(crate) struct WorkshopQuery;

#[Object]
impl WorkshopQuery {
    /// The workshops that the viewer can find, by their next session unless ordered otherwise. Public: no token is needed.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    async fn workshops(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which workshops; all when there is none.")] filter: Option<WorkshopFilter>,
        #[graphql(desc = "In which order; by the next session when there is none.")] order_by: Option<WorkshopOrder>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<WorkshopConnection> {
        let asked = filter.unwrap_or_default().of_kind(GatheringKind::Workshop);
        Ok(listed(ctx, asked, order_by, PageArgs { first, after, last, before }).await?.into())
    }

    /// What workshops can be about. Public.
    async fn topics(&self) -> Vec<Topic> {
        topic::TOPICS.iter().map(Topic::from).collect()
    }
}
