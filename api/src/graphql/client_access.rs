//! How clients are invited to read their own data, and how that ends.

use async_graphql::{Context, ID, Object, Result};
use entity::ClientId;

use super::{client::Client, context::RequestContext, error::command, guard::Requires, payload::payloads};
use crate::{
    access::Scope,
    domain::client_access::{Inviting, invite, revoke},
};

payloads! {
    ClientAccessInvitePayload = "clientAccessInvite", client: Client, "The client";
    ClientAccessRevokePayload = "clientAccessRevoke", client: Client, "The client";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct ClientAccessMutation;

#[Object]
impl ClientAccessMutation {
    /// Invites a client to read their own data, by a link in a mail to a contact method of theirs. For those who refer, support or
    /// coordinate them.
    ///
    /// The method is an e-mail address that the person called safe; its hours do not matter, for mail lies until it is read. The mail names
    /// nobody, and says nothing of the organization unless `mayMentionRecovery` allows it. The link works once within 72 hours, is in place
    /// of one that was not used yet, and is sent at most five times in a day. What they had before stays good until it is used.
    ///
    /// With it the client gets a token of 15 minutes and a refresh token that is exchanged for the next at `/oauth/token`, for as long as
    /// there are no 90 days without. They act with the role CLIENT and need to name no purpose of use. A merge of the record, its undo and
    /// an erasure end it.
    #[graphql(guard = "Requires(Scope::ClientsWrite)")]
    async fn client_access_invite(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom.")] client_id: ClientId,
        #[graphql(desc = "To which of their contact methods, by its id among theirs.")] contact_method_id: ID,
    ) -> Result<Option<ClientAccessInvitePayload>> {
        let with = ctx.data_unchecked::<Inviting>();
        let invited = async { invite(ctx.store(), &ctx.access(), with, client_id, &contact_method_id).await };
        let (client, user_errors) = command(ctx, "clientAccessInvite", invited).await?;
        Ok(Some(ClientAccessInvitePayload { client: client.map(Client), user_errors }))
    }

    /// Ends a client's invitation and access at once: their tokens are refused from then on. For those who may invite them, and for privacy
    /// officers. Refused with IMMUTABLE when there is nothing to end.
    #[graphql(guard = "Requires(Scope::ClientsWrite)")]
    async fn client_access_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose.")] client_id: ClientId,
    ) -> Result<Option<ClientAccessRevokePayload>> {
        let revoked = async { revoke(ctx.store(), &ctx.access(), client_id).await };
        let (client, user_errors) = command(ctx, "clientAccessRevoke", revoked).await?;
        Ok(Some(ClientAccessRevokePayload { client: client.map(Client), user_errors }))
    }
}
