//! Support groups.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use entity::{
    SupportGroupId, gathering, session,
    vocabulary::{Experience, GatheringKind, GatheringVisibility, Modality, RecoveryPathway},
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
    domain::{schedule::upcoming, topic::by_code},
    store::{Class, PageArgs, Visible},
};

kind_of_gathering! {
    /// A support group: people who have lived through something, and meet again and again.
    SupportGroup, SupportGroupId, {
        /// Whether anybody may come. Into a closed group those who run it take people.
        async fn open(&self) -> bool {
            self.0.open
        }

        /// The way of recovery that it follows; null for none in particular.
        async fn pathway(&self) -> Option<RecoveryPathway> {
            self.0.pathway
        }

        /// What its people have lived through; empty for no particular experience.
        async fn focus(&self) -> Vec<Experience> {
            self.0.focus.to_vec()
        }

        /// What everyone who comes agrees to keep among those who come, in the group's own words; null where nothing is agreed.
        async fn confidentiality(&self) -> Option<&str> {
            self.0.confidentiality.as_deref()
        }
    }
}

connection!(SupportGroup, SupportGroupConnection, SupportGroupEdge, gathering::Entity, "support groups");

/// Queries.
#[derive(Default)]
pub(crate) struct SupportGroupQuery;

#[Object]
impl SupportGroupQuery {
    /// The support groups that the viewer can find, by their next session unless ordered otherwise. Public: no token is needed.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    async fn support_groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which groups; all when there is none.")] filter: Option<WorkshopFilter>,
        #[graphql(desc = "In which order; by the next session when there is none.")] order_by: Option<WorkshopOrder>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<SupportGroupConnection> {
        let asked = filter.unwrap_or_default().of_kind(GatheringKind::SupportGroup);
        Ok(listed(ctx, asked, order_by, PageArgs { first, after, last, before }).await?.into())
    }
}
