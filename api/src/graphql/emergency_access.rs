//! Medical emergencies.

use async_graphql::{Context, Object, Result};
use entity::{ClientId, OrganizationId};

use super::{client::Client, context::RequestContext, error::command, guard::Requires, payload::payloads};
use crate::{
    access::Scope,
    domain::emergency_access::{Facts, NewEmergencyAccess, open},
};

payloads! {
    EmergencyAccessPayload = "emergencyAccess", client: Client, "The client";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct EmergencyAccessMutation;

#[Object]
impl EmergencyAccessMutation {
    /// Records a medical emergency in which no consent can be had (42 CFR 2.51), and releases who a client is and the clinical facts to
    /// medical personnel. Where an organization is named, its staff read them for four hours by `client(id:)` or `node(id:)`, with
    /// `X-Purpose-Of-Use: EMERGENCY`, and in no list or stream. Otherwise it is the record of what was told by other means. It is in the
    /// client's accounting of disclosures at once, and a privacy officer reviews it within 72 hours. For coordinators, supervisors and
    /// peers of the client, and for the privacy officer.
    #[allow(clippy::too_many_arguments, reason = "the regulation wants each of them recorded")]
    #[graphql(guard = "Requires(Scope::ClientsWrite)")]
    async fn emergency_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose data.")] client_id: ClientId,
        #[graphql(desc = "Whose staff may read it: another organization than the client's. None when it is told by other means.")]
        recipient_organization_id: Option<OrganizationId>,
        #[graphql(desc = "Who is told, at most 200 characters.")] recipient_name: String,
        #[graphql(desc = "The medical facility that they are of, at most 300 characters.")] facility: String,
        #[graphql(desc = "The nature of the emergency, at most 2,000 characters.")] nature: String,
    ) -> Result<Option<EmergencyAccessPayload>> {
        let facts = Facts { recipient_name, facility, nature };
        let new = NewEmergencyAccess { client: client_id, recipient: recipient_organization_id, facts };
        let opened = async { open(ctx.store(), &ctx.access(), new).await };
        let (client, user_errors) = command(ctx, "emergencyAccess", opened).await?;
        Ok(Some(EmergencyAccessPayload { client: client.map(Client), user_errors }))
    }
}
