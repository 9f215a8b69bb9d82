//! How a referral goes: what stands behind the gate of class B2.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    ClientId, Guarded, OrganizationId, PeerId, ReferralId, api_client, class, episode, organization, referral, referral_clock,
    referral_transition, staff_member,
    vocabulary::{ClockKind, EpisodeStatus, HandoffMethod, ReasonCode, ReferralResult, ReferralStatus, Role},
    warm_handoff,
};

use super::{client::unless_erased, context::RequestContext, error::coded, peer::Facilitator, program::Program, referral::program_of};
use crate::{
    domain::{
        referral::{parties, standing},
        transitions::{self, Available},
    },
    store::{Class, Opened, Visible},
};

/// Reads a column of the open progress.
macro_rules! progress {
    ($self:ident, $column:ident) => {{
        let opened = $self.0.open::<class::ReferralStatus>().ok_or_else(closed)?;
        *opened.$column.read(&opened)
    }};
    ($self:ident, $column:ident?) => {{
        let opened = $self.0.open::<class::ReferralStatus>().ok_or_else(closed)?;
        opened.$column.as_ref().map(|value| *value.read(&opened))
    }};
}

fn closed() -> async_graphql::Error {
    coded("INTERNAL", "A gate closed while it was read.")
}

/// How a referral goes. Made only where that is open to the viewer.
pub(crate) struct ReferralProgress(Visible<referral::Entity>);

impl ReferralProgress {
    pub(super) fn of(referral: Visible<referral::Entity>) -> Self {
        Self(referral)
    }

    async fn steps(&self, ctx: &Context<'_>) -> Result<Arc<[referral_transition::Model]>> {
        ctx.load_parts::<referral::Entity, referral_transition::Entity>(&self.0).await
    }

    /// What the last step to one of these states says, while the referral stands there.
    async fn last_step<T>(
        &self,
        ctx: &Context<'_>,
        to: &[ReferralStatus],
        says: impl FnOnce(&referral_transition::Model, &Opened<'_, referral::Entity, class::ReferralStatus>) -> Option<T>,
    ) -> Result<Option<T>> {
        if !to.contains(&progress!(self, status)) {
            return Ok(None);
        }
        let opened = self.0.open::<class::ReferralStatus>().ok_or_else(closed)?;
        let steps = self.steps(ctx).await?;
        Ok(steps.last().and_then(|step| says(step, &opened)))
    }
}

/// How a referral goes.
#[Object]
impl ReferralProgress {
    /// Where it stands; more may come.
    async fn status(&self) -> Result<ReferralStatus> {
        Ok(progress!(self, status))
    }

    /// What it came to, once completed.
    async fn result(&self) -> Result<Option<ReferralResult>> {
        Ok(progress!(self, result?))
    }

    /// Why it ended without that.
    async fn close_reason(&self) -> Result<Option<ReasonCode>> {
        Ok(progress!(self, close_reason?))
    }

    /// When it was submitted (UTC); null for a draft.
    async fn submitted_at(&self) -> Option<DateTime<Utc>> {
        self.0.submitted_at
    }

    /// When the receiver first decided (UTC).
    async fn acknowledged_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(progress!(self, acknowledged_at?))
    }

    /// When it was accepted (UTC).
    async fn accepted_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(progress!(self, accepted_at?))
    }

    /// When a peer was assigned (UTC).
    async fn assigned_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(progress!(self, assigned_at?))
    }

    /// When the first attempt at contact began (UTC).
    async fn first_attempt_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(progress!(self, first_attempt_at?))
    }

    /// When the first two-way contact began (UTC).
    async fn connected_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(progress!(self, connected_at?))
    }

    /// When it came to a final state (UTC).
    async fn closed_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(progress!(self, closed_at?))
    }

    /// Who supports the person, as they appear to everyone.
    async fn peer(&self, ctx: &Context<'_>) -> Result<Option<Facilitator>> {
        let peer: Option<PeerId> = progress!(self, peer_id?);
        match peer {
            Some(id) => Ok(ctx.load_card(id).await?.map(Facilitator)),
            None => Ok(None),
        }
    }

    /// Where the episode of support stands that it led to; null before there is one.
    async fn episode_status(&self, ctx: &Context<'_>) -> Result<Option<EpisodeStatus>> {
        let episodes = ctx.load_parts::<referral::Entity, episode::Entity>(&self.0).await?;
        Ok(episodes.first().map(|episode| episode.status))
    }

    /// Each change of its state, oldest first.
    async fn history(&self, ctx: &Context<'_>) -> Result<Vec<ReferralTransition>> {
        let steps = self.steps(ctx).await?;
        let steps = steps.iter().map(|step| transition(ctx, &self.0, step));
        futures_util::future::try_join_all(steps).await
    }

    /// How long each of its next steps may take.
    async fn clocks(&self, ctx: &Context<'_>) -> Result<Vec<Clock>> {
        let opened = self.0.open::<class::ReferralStatus>().ok_or_else(closed)?;
        let clocks = ctx.load_parts::<referral::Entity, referral_clock::Entity>(&self.0).await?;
        let mut clocks: Vec<_> = clocks.iter().map(|clock| Clock::of(clock, &opened)).collect();
        clocks.sort_by_key(|clock| clock.kind);
        Ok(clocks)
    }

    /// Whether one of its running clocks is past due.
    async fn overdue(&self, ctx: &Context<'_>) -> Result<bool> {
        let due: Option<DateTime<Utc>> = progress!(self, due_at?);
        Ok(due.is_some_and(|due| due < ctx.access().now))
    }

    /// When it ends by itself if nobody does anything (UTC); null where idle time ends nothing.
    async fn expires_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(progress!(self, expires_at?))
    }

    /// What the receiver asked the sender for, last; null when it asked for nothing.
    async fn info_request(&self, ctx: &Context<'_>) -> Result<Option<InfoRequest>> {
        let steps = self.steps(ctx).await?;
        let opened = self.0.open::<class::ReferralStatus>().ok_or_else(closed)?;
        let Some(at) = steps.iter().rposition(|step| step.fields.is_some()) else { return Ok(None) };
        let asked = &steps[at];
        let answer = steps.get(at + 1).filter(|step| *step.to.read(&opened) == ReferralStatus::Submitted);
        Ok(Some(InfoRequest {
            fields: asked.fields.as_ref().map(|fields| fields.read(&opened).to_vec()).unwrap_or_default(),
            text: transition(ctx, &self.0, asked).await?.text.unwrap_or_default(),
            asked_at: asked.at,
            answered_at: answer.map(|step| step.at),
        }))
    }

    /// When the place on the waiting list, or the hold, is looked at again (UTC); null in other states.
    async fn next_review_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime<Utc>>> {
        let waiting = [ReferralStatus::Waitlisted, ReferralStatus::OnHold];
        self.last_step(ctx, &waiting, |step, opened| step.review_at.as_ref().map(|at| *at.read(opened))).await
    }

    /// A program that could serve the person instead, as the decline says.
    async fn suggested_program(&self, ctx: &Context<'_>) -> Result<Option<Program>> {
        let suggested = |step: &referral_transition::Model, opened: &Opened<'_, referral::Entity, class::ReferralStatus>| {
            step.suggested_program_id.as_ref().map(|id| *id.read(opened))
        };
        let id = self.last_step(ctx, &[ReferralStatus::Declined], suggested).await?;
        program_of(ctx, id).await
    }

    /// The live introduction of the client to their peer, the last; null when there was none.
    async fn warm_handoff(&self, ctx: &Context<'_>) -> Result<Option<WarmHandoff>> {
        let handoffs = ctx.load_parts::<referral::Entity, warm_handoff::Entity>(&self.0).await?;
        match handoffs.last() {
            Some(handoff) => warm_handoff(ctx, &self.0, handoff).await.map(Some),
            None => Ok(None),
        }
    }

    /// What can follow, with what the viewer gives with it, or why they cannot bring it there. Of the receiver's, nothing is told that
    /// the viewer may not read.
    async fn available_transitions(&self, ctx: &Context<'_>) -> Result<Vec<AvailableTransition>> {
        let steps = self.steps(ctx).await?;
        let peer: Option<PeerId> = progress!(self, peer_id?);
        let peer = match peer {
            Some(id) => ctx.load_card(id).await?,
            None => None,
        };
        let standing = standing(&self.0, &steps).ok_or_else(closed)?;
        let parties = parties(&ctx.access(), &self.0, peer.as_deref());
        Ok(transitions::available(&standing, &parties).into_iter().map(Into::into).collect())
    }

    /// How many attempts at contact were logged.
    async fn attempt_count(&self) -> Result<i32> {
        Ok(progress!(self, attempt_count))
    }

    /// UTC.
    async fn updated_at(&self) -> Result<DateTime<Utc>> {
        Ok(progress!(self, updated_at))
    }

    /// Counts changes; name the one you saw when you change it.
    async fn version(&self) -> Result<i32> {
        Ok(progress!(self, version))
    }
}

/// How long a step of a referral may take. A clock that is past due opens something to do, and never changes the referral.
#[derive(SimpleObject)]
pub(crate) struct Clock {
    /// What it runs to.
    kind: ClockKind,
    /// When it started (UTC).
    started_at: Option<DateTime<Utc>>,
    /// When it is due (UTC). Moved by a pause alone.
    due_at: Option<DateTime<Utc>>,
    /// When it is too late for anybody (UTC).
    ceiling_at: Option<DateTime<Utc>>,
    /// When what it runs to happened (UTC).
    met_at: Option<DateTime<Utc>>,
    /// When it fell due unmet (UTC).
    breached_at: Option<DateTime<Utc>>,
    /// Since when it does not run (UTC); null while it does.
    paused_since: Option<DateTime<Utc>>,
    /// The policy by which it runs.
    policy_version: i32,
}

impl Clock {
    fn of(clock: &referral_clock::Model, opened: &Opened<'_, referral::Entity, class::ReferralStatus>) -> Self {
        let read = |at: &Option<Guarded<class::ReferralStatus, DateTime<Utc>>>| at.as_ref().map(|at| *at.read(opened));
        Self {
            kind: clock.kind,
            started_at: Some(*clock.started_at.read(opened)),
            due_at: Some(*clock.due_at.read(opened)),
            ceiling_at: Some(*clock.ceiling_at.read(opened)),
            met_at: read(&clock.met_at),
            breached_at: read(&clock.breached_at),
            paused_since: read(&clock.paused_since),
            policy_version: clock.policy_version,
        }
    }
}

/// What the receiver asked the sender for.
#[derive(SimpleObject)]
pub(crate) struct InfoRequest {
    /// What is missing.
    fields: Vec<String>,
    /// What is asked.
    text: String,
    /// When (UTC).
    asked_at: DateTime<Utc>,
    /// When it was answered (UTC); null before.
    answered_at: Option<DateTime<Utc>>,
}

/// What can follow where a referral stands.
#[derive(SimpleObject)]
pub(crate) struct AvailableTransition {
    /// Where to.
    to: ReferralStatus,
    /// Whether the viewer can bring it there.
    allowed: bool,
    /// Why they cannot; null when they can.
    blocked_because: Option<String>,
    /// What is given with it, as the mutation's arguments are called.
    requires: Vec<&'static str>,
    /// The reasons there are, where one is asked for.
    reasons: Vec<ReasonCode>,
}

impl From<Available> for AvailableTransition {
    fn from(available: Available) -> Self {
        Self {
            to: available.to,
            allowed: available.blocked_because.is_none(),
            blocked_because: available.blocked_because,
            requires: available.requires.to_vec(),
            reasons: available.reasons.to_vec(),
        }
    }
}

/// A live introduction of a client to their peer.
#[derive(SimpleObject)]
pub(crate) struct WarmHandoff {
    /// How.
    method: HandoffMethod,
    /// When (UTC).
    occurred_at: DateTime<Utc>,
    /// Who introduced them: a name within the viewer's own organization, else the organization's.
    staff_name: String,
    /// Whom the client met.
    peer: Facilitator,
    /// Whether the client was there: only then it counts as a contact.
    client_present: bool,
    /// How long.
    minutes: i32,
    /// What came of it.
    outcome: Option<String>,
}

async fn warm_handoff(ctx: &Context<'_>, of: &Visible<referral::Entity>, handoff: &warm_handoff::Model) -> Result<WarmHandoff> {
    let opened = of.open::<class::ReferralStatus>().ok_or_else(closed)?;
    let outcome = match &handoff.outcome {
        Some(sealed) => {
            let column = warm_handoff::Column::Outcome;
            let outcome =
                ctx.store().unseal_part::<_, warm_handoff::Entity, _, String>(&opened, (handoff, handoff.id), column, sealed).await;
            unless_erased(outcome)?
        }
        None => None,
    };
    // Somebody of the sender's, unless they are a colleague of the viewer.
    let colleague = match handoff.staff_member_id {
        Some(id) => ctx.load::<staff_member::Entity>(id).await?.map(|staff| staff.display_name.clone()),
        None => None,
    };
    let sender = ctx.load::<organization::Entity>(of.from_organization_id).await?.map(|home| home.name.clone());
    let peer = ctx.load_card(*handoff.peer_id.read(&opened)).await?;
    Ok(WarmHandoff {
        method: *handoff.method.read(&opened),
        occurred_at: *handoff.occurred_at.read(&opened),
        staff_name: colleague.or(sender).unwrap_or_default(),
        peer: peer.map(Facilitator).ok_or_else(|| coded("UNAVAILABLE", "The peer has left."))?,
        client_present: *handoff.client_present.read(&opened),
        minutes: *handoff.minutes.read(&opened),
        outcome,
    })
}

/// One change of a referral's state.
#[derive(Clone, SimpleObject)]
pub(crate) struct ReferralTransition {
    /// From which state; null for the first.
    from: Option<ReferralStatus>,
    /// To which.
    to: ReferralStatus,
    /// UTC.
    at: DateTime<Utc>,
    /// Who: a name within the viewer's own organization, else the organization's.
    actor_name: String,
    /// In which role; null for what happened by itself.
    role: Option<Role>,
    /// Why, for those that need a reason.
    reason: Option<ReasonCode>,
    /// What was said to it; null once that is erased.
    text: Option<String>,
}

async fn transition(ctx: &Context<'_>, of: &Visible<referral::Entity>, step: &referral_transition::Model) -> Result<ReferralTransition> {
    let opened = of.open::<class::ReferralStatus>().ok_or_else(closed)?;
    let text = match &step.text {
        Some(sealed) => {
            let column = referral_transition::Column::Text;
            let text = ctx.store().unseal_part::<_, referral_transition::Entity, _, String>(&opened, (step, step.id), column, sealed).await;
            unless_erased(text)?
        }
        None => None,
    };
    // What a rule did is nobody's act, whoever set the rule off.
    let actor_name = match step.role {
        None => "aftercare".to_owned(),
        Some(_) => actor_name(ctx, &step.actor, step.organization_id).await?.unwrap_or_default(),
    };
    Ok(ReferralTransition {
        from: step.from.as_ref().map(|from| *from.read(&opened)),
        to: *step.to.read(&opened),
        at: step.at,
        actor_name,
        role: step.role,
        reason: step.reason.as_ref().map(|reason| *reason.read(&opened)),
        text,
    })
}

/// The change of state that came to this version of a referral, where its progress is open to the viewer.
pub(crate) async fn transition_at(ctx: &Context<'_>, id: ReferralId, version: Option<i32>) -> Result<Option<ReferralTransition>> {
    let Some(referral) = ctx.load::<referral::Entity>(id).await? else { return Ok(None) };
    if !referral.may_open(Class::ReferralStatus) {
        return Ok(None);
    }
    let steps = ctx.load_parts::<referral::Entity, referral_transition::Entity>(&referral).await?;
    match steps.iter().find(|step| Some(step.version) == version) {
        Some(step) => transition(ctx, &referral, step).await.map(Some),
        None => Ok(None),
    }
}

/// Who acted, as the viewer may know them: colleagues by name, others by their organization's, and so a client all who are of staff; the
/// client, within the organization, as nobody else.
pub(crate) async fn actor_name(ctx: &Context<'_>, actor: &str, organization: OrganizationId) -> Result<Option<String>> {
    let access = ctx.access();
    if access.organization == Some(organization) && actor.parse::<ClientId>().is_ok() {
        return Ok(Some("The client".to_owned()));
    }
    if access.organization != Some(organization) || access.is_oneself() {
        return Ok(ctx.load::<organization::Entity>(organization).await?.map(|home| home.name.clone()));
    }
    if let Ok(id) = actor.parse() {
        return Ok(ctx.load::<staff_member::Entity>(id).await?.map(|staff| staff.display_name.clone()));
    }
    if let Ok(id) = actor.parse() {
        let application = ctx.load::<api_client::Entity>(id).await?.map(|application| application.name.clone());
        return Ok(application.or_else(|| Some("An application".to_owned())));
    }
    Ok(Some("aftercare".to_owned()))
}
