//! How a support group is made and changed.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result};
use entity::{
    SupportGroupId,
    vocabulary::{Experience, GatheringKind, RecoveryPathway},
};

use super::{
    context::RequestContext,
    error::command,
    gathering_input::{GatheringChangeInput, GatheringInput},
    guard::Requires,
    payload::payloads,
    support_group::SupportGroup,
};
use crate::{
    access::Scope,
    domain::gathering::{GatheringChange, NewGathering, NewGroup, create, update},
};

/// A new support group of a program that the caller works in.
#[derive(InputObject)]
pub(crate) struct SupportGroupCreateInput {
    #[graphql(flatten)]
    gathering: GatheringInput,
    /// Whether anybody may come; so unless it says otherwise. Into a closed group those who run it take people.
    open: Option<bool>,
    /// The way of recovery that it follows.
    pathway: Option<RecoveryPathway>,
    /// What its people have lived through.
    focus: Option<Vec<Experience>>,
    /// What everyone who comes agrees to keep among those who come.
    confidentiality: Option<String>,
}

impl From<SupportGroupCreateInput> for NewGathering {
    fn from(input: SupportGroupCreateInput) -> Self {
        input.gathering.into_new(Some(NewGroup {
            open: input.open.unwrap_or(true),
            pathway: input.pathway,
            focus: input.focus.unwrap_or_default(),
            confidentiality: input.confidentiality,
        }))
    }
}

/// A change of a support group. What is not given stays as it is, and so does what is null where null has no meaning of its own.
#[derive(InputObject)]
pub(crate) struct SupportGroupUpdateInput {
    /// Which.
    id: SupportGroupId,
    #[graphql(flatten)]
    change: GatheringChangeInput,
    /// Whether anybody may come. Whoever is registered stays so.
    open: Option<bool>,
    /// The way of recovery that it follows; null for none in particular.
    pathway: MaybeUndefined<RecoveryPathway>,
    /// What its people have lived through: all of it.
    focus: Option<Vec<Experience>>,
    /// What everyone who comes from now on agrees to keep among those who come; null for nothing.
    confidentiality: MaybeUndefined<String>,
}

impl From<SupportGroupUpdateInput> for GatheringChange {
    fn from(input: SupportGroupUpdateInput) -> Self {
        Self {
            open: input.open,
            pathway: input.pathway.into(),
            focus: input.focus,
            confidentiality: input.confidentiality.into(),
            ..input.change.into()
        }
    }
}

payloads! {
    SupportGroupCreatePayload = "supportGroupCreate", support_group: SupportGroup, "The group";
    SupportGroupUpdatePayload = "supportGroupUpdate", support_group: SupportGroup, "The group";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct SupportGroupMutation;

#[Object]
impl SupportGroupMutation {
    /// Makes a support group, with its sessions, for a program that the caller works in: whoever its visibility names finds it at once. For
    /// coordinators.
    #[graphql(guard = "Requires(Scope::WorkshopsWrite)")]
    async fn support_group_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The group.")] input: SupportGroupCreateInput,
    ) -> Result<Option<SupportGroupCreatePayload>> {
        let (made, user_errors) = command(ctx, "supportGroupCreate", create(ctx.store(), &ctx.access(), input.into())).await?;
        Ok(Some(SupportGroupCreatePayload { support_group: made.map(SupportGroup::from), user_errors }))
    }

    /// Changes a support group: what it says of itself for all of its sessions, its schedule for those from a day on or from now on. For
    /// coordinators of its program. Sessions that have begun never change.
    #[graphql(guard = "Requires(Scope::WorkshopsWrite)")]
    async fn support_group_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: SupportGroupUpdateInput,
    ) -> Result<Option<SupportGroupUpdatePayload>> {
        let (id, version) = (input.id, input.change.version);
        let changed =
            async { Box::pin(update(ctx.store(), &ctx.access(), (GatheringKind::SupportGroup, id.into()), input.into(), version)).await };
        let (support_group, user_errors) = command(ctx, "supportGroupUpdate", changed).await?;
        Ok(Some(SupportGroupUpdatePayload { support_group: support_group.map(SupportGroup::from), user_errors }))
    }
}
