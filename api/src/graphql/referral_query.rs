//! Finding referrals, and following them.

use async_graphql::{Context, Enum, InputObject, Object, Result, SimpleObject, Subscription};
use entity::{
    ClientId, PeerId, ProgramId, ReferralId, event, referral,
    vocabulary::{ReferralStatus, ReferralUrgency, SortDirection},
};
use futures_util::{FutureExt, Stream, StreamExt};
use sea_orm::{ColumnTrait, Condition, Order};

use super::{
    client::ExternalIdentifierInput,
    connection::paged,
    context::RequestContext,
    error::{coded, query_error},
    event::{Changed, DateTimeRange, Event, beginning, changes, within},
    guard::{Oneself, Requires},
    referral::{Referral, ReferralConnection},
};
use crate::{
    access::{Access, Scope},
    domain::{
        referral::{is_open, listed},
        text,
    },
    error::Result as OurResult,
    store::{Class, Find, PageArgs, Store},
};

/// Which referrals. What is not open to the viewer never matches.
#[derive(InputObject, Clone, Default)]
pub(crate) struct ReferralFilter {
    /// In one of these states.
    status: Option<Vec<ReferralStatus>>,
    /// This urgent.
    urgency: Option<Vec<ReferralUrgency>>,
    /// Sent by one of these programs.
    from_program_ids: Option<Vec<ProgramId>>,
    /// Sent to one of these programs.
    to_program_ids: Option<Vec<ProgramId>>,
    /// Of this client of the viewer's organization.
    client_id: Option<ClientId>,
    /// Supported by one of these peers.
    peer_ids: Option<Vec<PeerId>>,
    /// Whether it is open: a draft, or on its way.
    open: Option<bool>,
    /// Whether one of their running clocks is past due.
    overdue: Option<bool>,
    /// With this number.
    number: Option<String>,
    /// Known by this to one of the viewer's organization's systems.
    external_identifier: Option<ExternalIdentifierInput>,
    /// Submitted then.
    submitted: Option<DateTimeRange>,
    /// Changed then.
    updated: Option<DateTimeRange>,
}

impl ReferralFilter {
    /// The referrals of a list that match.
    pub(super) fn narrow<'a>(
        &self,
        store: &Store,
        access: &Access,
        mut find: Find<'a, referral::Entity>,
    ) -> OurResult<Find<'a, referral::Entity>> {
        use referral::Column;
        // Who looks for them by their state finds them; in all other lists they are gone.
        if !self.status.as_ref().is_some_and(|status| status.contains(&ReferralStatus::EnteredInError)) {
            find = find.matching(None, listed(access));
        }
        if let Some(status) = &self.status {
            find = find.among(Column::Status, status.iter().copied());
        }
        if let Some(urgency) = &self.urgency {
            find = find.by(Column::Urgency, |column| column.is_in(urgency.iter().copied()));
        }
        if let Some(ids) = &self.from_program_ids {
            find = find.by(Column::FromProgramId, |column| column.is_in(ids.iter().copied()));
        }
        if let Some(ids) = &self.to_program_ids {
            find = find.by(Column::ToProgramId, |column| column.is_in(ids.iter().copied()));
        }
        if let (Some(id), Some(own)) = (self.client_id, access.organization) {
            let sent = Condition::all().add(Column::FromClientId.eq(id)).add(Column::FromOrganizationId.eq(own));
            let received = Condition::all().add(Column::ToClientId.eq(id)).add(Column::ToOrganizationId.eq(own));
            find = find.matching(None, Condition::any().add(sent).add(received));
        }
        if let Some(ids) = &self.peer_ids {
            find = find.by(Column::PeerId, |column| column.is_in(ids.iter().copied()));
        }
        if let Some(open) = self.open {
            find = find.matching(Some(Class::ReferralStatus), if open { is_open() } else { is_open().not() });
        }
        if let Some(overdue) = self.overdue {
            // Clocks run while it is open.
            let late = is_open().add(Column::DueAt.is_not_null()).add(Column::DueAt.lt(access.now));
            find = find.matching(Some(Class::ReferralStatus), if overdue { late } else { late.not() });
        }
        if let Some(number) = &self.number {
            let number = text::line("number", number, 100)?.to_uppercase();
            find = find.by(Column::Number, |column| column.eq(number));
        }
        if let Some(known) = &self.external_identifier {
            find = find.matching(None, store.referrals_known_as(access, &known.system, &known.value)?);
        }
        find = within(find, Column::SubmittedAt, self.submitted);
        Ok(within(find, Column::UpdatedAt, self.updated))
    }
}

/// What referrals are ordered by; more may come.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "they are called as the fields are")]
pub(crate) enum ReferralOrderField {
    /// When they were submitted; drafts after all others.
    SubmittedAt,
    /// When they last changed, as far as that is open to the viewer; the others last.
    UpdatedAt,
    /// When the first of their running clocks is due, as far as that is open to the viewer; those without one last.
    DueAt,
}

/// In which order.
#[derive(InputObject)]
pub(crate) struct ReferralOrder {
    /// By what.
    field: ReferralOrderField,
    /// Which way.
    direction: SortDirection,
}

/// Queries.
#[derive(Default)]
pub(crate) struct ReferralQuery;

#[Object]
impl ReferralQuery {
    /// The referrals that the viewer's programs sent and received, and a client's own; newest first unless an order is given.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    #[graphql(guard = "Oneself.or(Requires(Scope::ReferralsRead))")]
    async fn referrals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which referrals; all when there is none.")] filter: Option<ReferralFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<ReferralOrder>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ReferralConnection> {
        let access = ctx.access();
        let find = ctx.store().find::<referral::Entity>(&access);
        let find = filter.unwrap_or_default().narrow(ctx.store(), &access, find).map_err(query_error)?;
        let find = match order_by {
            None => find.ordered(referral::Column::CreatedAt, Order::Desc),
            Some(ReferralOrder { field, direction }) => {
                let column = match field {
                    ReferralOrderField::SubmittedAt => referral::Column::SubmittedAt,
                    ReferralOrderField::UpdatedAt => referral::Column::UpdatedAt,
                    ReferralOrderField::DueAt => referral::Column::DueAt,
                };
                find.ordered(column, if direction == SortDirection::Asc { Order::Asc } else { Order::Desc })
            }
        };
        Ok(paged(ctx, find, PageArgs { first, after, last, before }).await?.into())
    }

    /// The referral with this id, this number, or this identifier in one of the viewer's systems. Exactly one of the three.
    #[graphql(guard = "Oneself.or(Requires(Scope::ReferralsRead))")]
    async fn referral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: Option<ReferralId>,
        #[graphql(desc = "Its number.")] number: Option<String>,
        #[graphql(desc = "What a system of the viewer's organization knows it by.")] external_identifier: Option<ExternalIdentifierInput>,
    ) -> Result<Option<Referral>> {
        let filter = match (id, number, external_identifier) {
            (Some(id), None, None) => return Ok(ctx.load::<referral::Entity>(id).await?.map(Referral)),
            (None, Some(number), None) => ReferralFilter { number: Some(number), ..ReferralFilter::default() },
            (None, None, Some(known)) => ReferralFilter { external_identifier: Some(known), ..ReferralFilter::default() },
            _ => return Err(coded("BAD_USER_INPUT", "Give `id`, `number` or `externalIdentifier`, exactly one of them.")),
        };
        let access = ctx.access();
        let find = filter.narrow(ctx.store(), &access, ctx.store().find::<referral::Entity>(&access)).map_err(query_error)?;
        Ok(find.ordered(referral::Column::CreatedAt, Order::Desc).first(1).await.map_err(query_error)?.pop().map(Referral))
    }
}

/// Something that happened in a referral, with the referral as it is for the viewer when it is sent.
#[derive(SimpleObject)]
pub(crate) struct ReferralChange {
    /// Where to go on from, for `after`.
    cursor: String,
    /// What happened.
    event: Event,
    /// The referral.
    referral: Option<Referral>,
}

/// Subscriptions.
#[derive(Default)]
pub(crate) struct ReferralSubscription;

#[Subscription]
impl ReferralSubscription {
    /// What happens in referrals that the viewer sees, while its progress is open to them: first what was missed since a cursor, then
    /// live. Without a cursor, from now on.
    #[graphql(guard = "Oneself.or(Requires(Scope::ReferralsRead))")]
    async fn referral_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of this referral; of all when there is none.")] id: Option<ReferralId>,
        #[graphql(desc = "Of referrals that match when it is sent.")] filter: Option<ReferralFilter>,
        #[graphql(desc = "After this event cursor.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<ReferralChange>> + use<>> {
        let from = beginning(ctx, after).await?;
        let filter = filter.unwrap_or_default();
        let changes = changes(
            ctx.shared(),
            from,
            move |find| match id {
                Some(id) => find.by(event::Column::ReferralId, |column| column.eq(id)),
                None => find.by(event::Column::ReferralId, |column| column.is_not_null()),
            },
            move |store, access, event| {
                let filter = filter.clone();
                async move {
                    let Some(id) = event.referral_id else { return Ok(None) };
                    let find = store.find::<referral::Entity>(&access).by(referral::Column::Id, |column| column.eq(id));
                    let found = filter.narrow(&store, &access, find)?.first(1).await?.pop();
                    Ok(found.filter(|found| found.may_open(Class::ReferralStatus)))
                }
                .boxed()
            },
        );
        Ok(changes
            .map(|change| change.map(|Changed { cursor, event, row }| ReferralChange { cursor, event, referral: Some(Referral(row)) })))
    }
}
