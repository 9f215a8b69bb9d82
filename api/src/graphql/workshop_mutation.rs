//! How a workshop is made, changed and published.

use async_graphql::{Context, InputObject, Object, Result};
use entity::{WorkshopId, vocabulary::GatheringKind};

use super::{
    context::RequestContext,
    error::command,
    gathering_input::{GatheringChangeInput, GatheringInput},
    guard::Requires,
    payload::payloads,
    workshop::Workshop,
};
use crate::{
    access::Scope,
    domain::gathering::{create, publish, update},
};

/// A new workshop of a program that the caller works in.
#[derive(InputObject)]
pub(crate) struct WorkshopCreateInput {
    #[graphql(flatten)]
    gathering: GatheringInput,
}

/// A change of a workshop. What is not given stays as it is, and so does what is null where null has no meaning of its own.
#[derive(InputObject)]
pub(crate) struct WorkshopUpdateInput {
    /// Which.
    id: WorkshopId,
    #[graphql(flatten)]
    change: GatheringChangeInput,
}

payloads! {
    WorkshopCreatePayload = "workshopCreate", workshop: Workshop, "The draft";
    WorkshopUpdatePayload = "workshopUpdate", workshop: Workshop, "The workshop";
    WorkshopPublishPayload = "workshopPublish", workshop: Workshop, "The workshop";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct WorkshopMutation;

#[Object]
impl WorkshopMutation {
    /// Makes a draft of a workshop, with its sessions, for a program that the caller works in. For coordinators.
    #[graphql(guard = "Requires(Scope::WorkshopsWrite)")]
    async fn workshop_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The workshop.")] input: WorkshopCreateInput,
    ) -> Result<Option<WorkshopCreatePayload>> {
        let (made, user_errors) =
            command(ctx, "workshopCreate", create(ctx.store(), &ctx.access(), input.gathering.into_new(None))).await?;
        Ok(Some(WorkshopCreatePayload { workshop: made.map(Workshop::from), user_errors }))
    }

    /// Changes a workshop: what it says of itself for all of its sessions, its schedule for those from a day on or from now on. For
    /// coordinators of its program. Sessions that have begun never change.
    #[graphql(guard = "Requires(Scope::WorkshopsWrite)")]
    async fn workshop_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: WorkshopUpdateInput,
    ) -> Result<Option<WorkshopUpdatePayload>> {
        let (id, version) = (input.id, input.change.version);
        let changed = async {
            Box::pin(update(ctx.store(), &ctx.access(), (GatheringKind::Workshop, id.into()), input.change.into(), version)).await
        };
        let (workshop, user_errors) = command(ctx, "workshopUpdate", changed).await?;
        Ok(Some(WorkshopUpdatePayload { workshop: workshop.map(Workshop::from), user_errors }))
    }

    /// Publishes a draft: from then on those whom its visibility names find it. For coordinators of its program.
    #[graphql(guard = "Requires(Scope::WorkshopsWrite)")]
    async fn workshop_publish(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: WorkshopId,
    ) -> Result<Option<WorkshopPublishPayload>> {
        let access = ctx.access();
        let published = async { Box::pin(publish(ctx.store(), &access, id.into())).await };
        let (published, user_errors) = command(ctx, "workshopPublish", published).await?;
        Ok(Some(WorkshopPublishPayload { workshop: published.map(Workshop::from), user_errors }))
    }
}
