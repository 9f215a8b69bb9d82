//! What somebody has to do.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject, Subscription};
use chrono::{DateTime, Utc};
use entity::{
    ProgramId, ReferralId, StaffMemberId, TypedId, WorkItemId, class, event, staff_member,
    vocabulary::{Decision, WorkItemKind},
    work_item,
};
use futures_util::{FutureExt, Stream, StreamExt};
use sea_orm::{ColumnTrait, Condition, Order};

use super::{
    client::unless_erased,
    connection::{connection, paged},
    context::RequestContext,
    error::{UserError, coded, command},
    event::{Changed, Event, beginning, changes},
    guard::Requires,
    payload::payloads,
    referral::Referral,
    referral_progress::actor_name,
    schema::{Node, find},
    staff_member::StaffMember,
};
use crate::{
    access::{Access, Scope},
    domain::{
        referral::{Said, not_reached},
        work_item::{About, assign, because, closes_when, decide},
    },
    store::{Find, PageArgs, Visible},
};

/// Something that somebody has to do: opened by a clock, a rule or a request, closed by what closes it.
#[derive(Clone)]
pub(crate) struct WorkItem(pub(crate) Visible<work_item::Entity>);

connection!(WorkItem, WorkItemConnection, WorkItemEdge, work_item::Entity, "work items");

/// Something that somebody has to do: opened by a clock, a rule or a request, closed by what closes it.
#[Object]
impl WorkItem {
    /// Its id.
    async fn id(&self) -> WorkItemId {
        self.0.id
    }

    /// What is to be done; more may come.
    async fn kind(&self) -> WorkItemKind {
        self.0.kind
    }

    /// What it is about.
    async fn subject(&self, ctx: &Context<'_>) -> Result<Node> {
        let about = match About::of(&self.0) {
            Some(About::Referral(id)) => find(ctx, id.into()).await?,
            Some(About::Client(id)) => find(ctx, id.into()).await?,
            None => None,
        };
        about.ok_or_else(|| coded("UNAVAILABLE", "What it is about has gone."))
    }

    /// Why it is here.
    async fn because(&self) -> &'static str {
        because(&self.0)
    }

    /// What closes it.
    async fn closes_when(&self) -> &'static str {
        closes_when(&self.0)
    }

    /// UTC.
    async fn opened_at(&self) -> DateTime<Utc> {
        self.0.opened_at
    }

    /// By when (UTC); null when there is no hurry.
    async fn due_at(&self) -> Option<DateTime<Utc>> {
        self.0.due_at
    }

    /// Whether it is open and past due.
    async fn overdue(&self, ctx: &Context<'_>) -> bool {
        self.0.closed_at.is_none() && self.0.due_at.is_some_and(|due| due < ctx.access().now)
    }

    /// Who does it; null while nobody has taken it.
    async fn assignee(&self, ctx: &Context<'_>) -> Result<Option<StaffMember>> {
        match self.0.assignee_id {
            Some(id) => Ok(ctx.load::<staff_member::Entity>(id).await?.map(StaffMember)),
            None => Ok(None),
        }
    }

    /// Who asked for it; null when nobody did.
    async fn requested_by(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        match &self.0.requested_by {
            Some(actor) => actor_name(ctx, actor, self.0.organization_id).await,
            None => Ok(None),
        }
    }

    /// What was asked, or was said to the decision; null once the person is erased.
    async fn note(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        let Some(opened) = self.0.open::<class::ReferralStatus>() else { return Ok(None) };
        match &opened.note {
            Some(sealed) => unless_erased(ctx.store().unseal(&opened, work_item::Column::Note, sealed).await),
            None => Ok(None),
        }
    }

    /// What was decided, where something was.
    async fn decision(&self) -> Option<Decision> {
        self.0.decision
    }

    /// When it was closed (UTC); null while it is open.
    async fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.0.closed_at
    }

    /// Counts changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// Which work items.
#[derive(InputObject, Clone, Default)]
pub(crate) struct WorkItemFilter {
    /// Of these kinds.
    kinds: Option<Vec<WorkItemKind>>,
    /// Given to one of these people.
    assignee_ids: Option<Vec<StaffMemberId>>,
    /// Whether nobody has taken them.
    unassigned: Option<bool>,
    /// In one of these programs.
    program_ids: Option<Vec<ProgramId>>,
    /// Whether they are open and past due.
    overdue: Option<bool>,
    /// Whether they are open; all when it does not say.
    open: Option<bool>,
}

impl WorkItemFilter {
    fn narrow<'a>(&self, access: &Access, mut found: Find<'a, work_item::Entity>) -> Find<'a, work_item::Entity> {
        use work_item::Column;
        if let Some(kinds) = &self.kinds {
            found = found.by(Column::Kind, |column| column.is_in(kinds.iter().copied()));
        }
        if let Some(ids) = &self.assignee_ids {
            found = found.by(Column::AssigneeId, |column| column.is_in(ids.iter().copied()));
        }
        if let Some(unassigned) = self.unassigned {
            found = found.by(Column::AssigneeId, |column| if unassigned { column.is_null() } else { column.is_not_null() });
        }
        if let Some(ids) = &self.program_ids {
            found = found.by(Column::ProgramId, |column| column.is_in(ids.iter().copied()));
        }
        if let Some(overdue) = self.overdue {
            let late = Condition::all().add(Column::ClosedAt.is_null()).add(Column::DueAt.is_not_null()).add(Column::DueAt.lt(access.now));
            found = found.matching(None, if overdue { late } else { late.not() });
        }
        if let Some(open) = self.open {
            found = found.by(Column::ClosedAt, |column| if open { column.is_null() } else { column.is_not_null() });
        }
        found
    }
}

/// Queries.
#[derive(Default)]
pub(crate) struct WorkItemQuery;

#[Object]
impl WorkItemQuery {
    /// What is to be done in the viewer's programs; what was opened first comes first.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    #[graphql(guard = "Requires(Scope::ReferralsRead)")]
    async fn work_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; all when there is none.")] filter: Option<WorkItemFilter>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<WorkItemConnection> {
        let access = ctx.access();
        let found = filter.unwrap_or_default().narrow(&access, ctx.store().find::<work_item::Entity>(&access));
        let found = found.ordered(work_item::Column::OpenedAt, Order::Asc);
        Ok(paged(ctx, found, PageArgs { first, after, last, before }).await?.into())
    }
}

payloads! {
    WorkItemAssignPayload = "workItemAssign", work_item: WorkItem, "The work item";
    WorkItemApprovePayload = "workItemApprove", work_item: WorkItem, "The work item";
    WorkItemRejectPayload = "workItemReject", work_item: WorkItem, "The work item";
}

/// What `referralNotReached` came to.
#[derive(SimpleObject)]
pub(crate) struct ReferralNotReachedPayload {
    /// The referral, as it stands until a supervisor approves; null when it was refused.
    referral: Option<Referral>,
    /// What a supervisor decides.
    work_item: Option<WorkItem>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Mutations.
#[derive(Default)]
pub(crate) struct WorkItemMutation;

#[Object]
impl WorkItemMutation {
    /// Asks to close a referral because the person could not be reached: at least four attempts on three days over ten days, in two ways
    /// and two parts of the day, the last with a message that leaves the door open. A supervisor's approval closes it. For the assigned
    /// peer.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_not_reached(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "In words, for the supervisor, at most 2,000 characters.")] text: Option<String>,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralNotReachedPayload>> {
        let said = Said { reason: None, text, version };
        let asked = async { not_reached(ctx.store(), &ctx.access(), id, said).await };
        let (asked, user_errors) = command(ctx, "referralNotReached", asked).await?;
        let (referral, work_item) = asked.map_or((None, None), |(referral, item)| (Some(Referral(referral)), Some(WorkItem(item))));
        Ok(Some(ReferralNotReachedPayload { referral, work_item, user_errors }))
    }

    /// Gives a work item to somebody who works in its program. For coordinators and supervisors.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn work_item_assign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: WorkItemId,
        #[graphql(desc = "To whom.")] staff_member_id: StaffMemberId,
    ) -> Result<Option<WorkItemAssignPayload>> {
        let assigned = async { assign(ctx.store(), &ctx.access(), id, staff_member_id).await };
        let (item, user_errors) = command(ctx, "workItemAssign", assigned).await?;
        Ok(Some(WorkItemAssignPayload { work_item: item.map(WorkItem), user_errors }))
    }

    /// Approves what a colleague asked for, which is done with it, or released in a medical emergency. For supervisors, an emergency for the
    /// privacy officer, and never for the one who asked.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn work_item_approve(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: WorkItemId,
        #[graphql(desc = "In words, at most 2,000 characters.")] note: Option<String>,
    ) -> Result<Option<WorkItemApprovePayload>> {
        let approved = async { decide(ctx.store(), &ctx.access(), id, Decision::Approved, note.as_deref()).await };
        let (item, user_errors) = command(ctx, "workItemApprove", approved).await?;
        Ok(Some(WorkItemApprovePayload { work_item: item.map(WorkItem), user_errors }))
    }

    /// Rejects what a colleague asked for, or released in a medical emergency, which ends that access at once. For supervisors, an emergency
    /// for the privacy officer, and never for the one who asked.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn work_item_reject(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: WorkItemId,
        #[graphql(desc = "Why, at most 2,000 characters.")] note: String,
    ) -> Result<Option<WorkItemRejectPayload>> {
        let rejected = async { decide(ctx.store(), &ctx.access(), id, Decision::Rejected, Some(&note)).await };
        let (item, user_errors) = command(ctx, "workItemReject", rejected).await?;
        Ok(Some(WorkItemRejectPayload { work_item: item.map(WorkItem), user_errors }))
    }
}

/// Something that happened to a work item, with it as it is for the viewer when it is sent.
#[derive(SimpleObject)]
pub(crate) struct WorkItemChange {
    /// Where to go on from, for `after`.
    cursor: String,
    /// What happened.
    event: Event,
    /// The work item.
    work_item: Option<WorkItem>,
}

/// Subscriptions.
#[derive(Default)]
pub(crate) struct WorkItemSubscription;

#[Subscription]
impl WorkItemSubscription {
    /// Work items that are opened, given to somebody or closed, as far as they are there for the viewer: first what was missed since a
    /// cursor, then live. Without a cursor, from now on.
    #[graphql(guard = "Requires(Scope::ReferralsRead)")]
    async fn work_item_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of work items that match when it is sent.")] filter: Option<WorkItemFilter>,
        #[graphql(desc = "After this event cursor.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<WorkItemChange>> + use<>> {
        let from = beginning(ctx, after).await?;
        let filter = filter.unwrap_or_default();
        let changes = changes(
            ctx.shared(),
            from,
            |find| find.by(event::Column::SubjectKind, |column| column.eq(WorkItemId::PREFIX)),
            move |store, access, event| {
                let filter = filter.clone();
                async move {
                    let id = WorkItemId::from(event.subject_id);
                    let found = store.find::<work_item::Entity>(&access).by(work_item::Column::Id, |column| column.eq(id));
                    Ok(filter.narrow(&access, found).first(1).await?.pop())
                }
                .boxed()
            },
        );
        Ok(changes
            .map(|change| change.map(|Changed { cursor, event, row }| WorkItemChange { cursor, event, work_item: Some(WorkItem(row)) })))
    }
}
