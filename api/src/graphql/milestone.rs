//! What a client counts days from, behind the gate of class B.

use async_graphql::{Context, Object, Result, SimpleObject};
use entity::{ClientId, class, client, milestone, vocabulary::MilestoneKind};

use super::{
    client::{Client, unless_erased},
    context::RequestContext,
    error::{UserError, command, query_error},
    guard::{ForOneself, Requires},
    scalar::Date,
};
use crate::{
    access::Scope,
    domain::{
        client::Identity,
        milestone::{self as rules, milestones, named, set, today},
    },
    store::Visible,
};

/// Something that a client counts days from: optional, and in their own meaning.
pub(crate) struct Milestone(rules::Milestone);

/// Something that a client counts days from: optional, and in their own meaning.
#[Object]
impl Milestone {
    /// Of what kind.
    async fn kind(&self) -> MilestoneKind {
        self.0.kind
    }

    /// How they call it; a word for the kind where they gave it no name.
    async fn label(&self) -> &str {
        self.0.label()
    }

    /// The latest start.
    async fn started_on(&self) -> Date {
        Date(self.0.started_on)
    }

    /// Whole days from the latest start to today by the client's own clock: 0 on the day itself.
    async fn days(&self) -> i32 {
        int(self.0.days)
    }

    /// The most days from one start to the next, or to today.
    async fn best_days(&self) -> i32 {
        int(self.0.best)
    }

    /// The days of all starts together: a new start takes none away.
    async fn cumulative_days(&self) -> i32 {
        int(self.0.cumulative)
    }

    /// How often it was started anew.
    async fn resets(&self) -> i32 {
        i32::try_from(self.0.resets).unwrap_or(i32::MAX)
    }
}

fn int(days: i64) -> i32 {
    i32::try_from(days).unwrap_or(i32::MAX)
}

/// What a client counts days from, by kind and name; nothing where class B is closed to the viewer. Which day it is depends on where they
/// live, so that who they are is read as well.
pub(super) async fn counted(ctx: &Context<'_>, of: &Visible<client::Entity>, parts: &[milestone::Model]) -> Result<Vec<Milestone>> {
    let Some(opened) = of.open::<class::ReferralClinical>().filter(|_| !parts.is_empty()) else { return Ok(Vec::new()) };
    let mut starts = Vec::with_capacity(parts.len());
    for part in parts {
        let start = ctx.store().unseal_part::<_, milestone::Entity, _, _>(&opened, (part, part.id), milestone::Column::Start, &part.start);
        starts.extend(unless_erased(start.await)?);
    }
    let identity: Option<Identity> = match of.open::<class::Identity>() {
        Some(known) => unless_erased(ctx.store().unseal(&known, client::Column::Identity, &known.identity).await)?,
        None => None,
    };
    let today = today(identity.as_ref(), ctx.access().now).map_err(query_error)?;
    Ok(milestones(starts, today).into_iter().map(Milestone).collect())
}

/// What `milestoneSet` came to.
#[derive(SimpleObject)]
pub(crate) struct MilestoneSetPayload {
    /// The client; null when it was refused.
    client: Option<Client>,
    /// The milestone as it is now; null when it was refused, and where class B is closed to the viewer.
    milestone: Option<Milestone>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Mutations.
#[derive(Default)]
pub(crate) struct MilestoneMutation;

#[Object]
impl MilestoneMutation {
    /// Sets a day from which a client counts, anew where they counted before: earlier starts, the best and the sum of days stay. Setting
    /// the same again changes nothing. A kind and a name make one milestone. For coordinators, and for clients themselves.
    #[graphql(guard = "ForOneself.or(Requires(Scope::ClientsWrite))")]
    async fn milestone_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose; the viewer's own when they are a client and name nobody.")] client_id: Option<ClientId>,
        #[graphql(desc = "Of what kind.")] kind: MilestoneKind,
        #[graphql(desc = "How they call it, at most 100 characters; needed with CUSTOM.")] label: Option<String>,
        #[graphql(desc = "The day by their own clock: not to come, and not before they were born.")] started_on: Date,
    ) -> Result<Option<MilestoneSetPayload>> {
        let label = label.as_deref();
        let started = async { set(ctx.store(), &ctx.access(), client_id, kind, label, started_on.0).await };
        let (client, user_errors) = command(ctx, "milestoneSet", started).await?;
        let milestone = match &client {
            Some(client) => {
                let label = named(kind, label).map_err(|refusal| query_error(refusal.into()))?;
                let starts = ctx.load_parts::<client::Entity, milestone::Entity>(client).await?;
                let all = counted(ctx, client, &starts).await?;
                all.into_iter().find(|milestone| (milestone.0.kind, &milestone.0.label) == (kind, &label))
            }
            None => None,
        };
        Ok(Some(MilestoneSetPayload { client: client.map(Client), milestone, user_errors }))
    }
}
