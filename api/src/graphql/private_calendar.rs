//! A client's own calendar, for their calendar programs.

use async_graphql::{Context, Object, Result, SimpleObject};

use super::{
    client::Client,
    context::{PublicUrl, RequestContext},
    error::{UserError, command},
    guard::ForOneself,
    payload::payloads,
    scalar::WebAddress,
};
use crate::{
    access::secret::Secrets,
    domain::private_calendar::{create, revoke},
};

/// What `privateCalendarCreate` came to.
#[derive(SimpleObject)]
pub(crate) struct PrivateCalendarCreatePayload {
    /// Whose calendar it is; null when it was refused.
    client: Option<Client>,
    /// Its address: whoever has it reads the calendar. Shown once: null when a repeated request is answered again.
    url: Option<WebAddress>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

payloads! {
    PrivateCalendarRevokePayload = "privateCalendarRevoke", client: Client, "Whose calendar it was";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct PrivateCalendarMutation;

#[Object]
impl PrivateCalendarMutation {
    /// Makes a calendar (RFC 5545) of when the viewer is expected, for a calendar program of theirs, and tells its address once. For clients
    /// themselves.
    ///
    /// Each event is an "Appointment" and says neither what for, where nor with whom. A seat that is offered is tentative; a place in line is
    /// not there. Making one ends the address of the one before. It is good until it is replaced or revoked, and for as long as the client's
    /// access: that ends with a merge, an erasure, `clientAccessRevoke`, another invitation that is used, and 90 days without use.
    #[graphql(guard = "ForOneself")]
    async fn private_calendar_create(&self, ctx: &Context<'_>) -> Result<Option<PrivateCalendarCreatePayload>> {
        let made = async { create(ctx.store(), &ctx.access(), ctx.data_unchecked::<Secrets>()).await };
        let (made, user_errors) = command(ctx, "privateCalendarCreate", made).await?;
        let (client, key) = made.map_or((None, None), |made| (Some(Client(made.client)), made.key));
        let url = key.map(|key| WebAddress(format!("{}/calendar/private/{key}.ics", ctx.data_unchecked::<PublicUrl>().0)));
        Ok(Some(PrivateCalendarCreatePayload { client, url, user_errors }))
    }

    /// Ends the address of the viewer's calendar at once. For clients themselves. Refused with IMMUTABLE when there is none.
    #[graphql(guard = "ForOneself")]
    async fn private_calendar_revoke(&self, ctx: &Context<'_>) -> Result<Option<PrivateCalendarRevokePayload>> {
        let revoked = async { revoke(ctx.store(), &ctx.access()).await };
        let (client, user_errors) = command(ctx, "privateCalendarRevoke", revoked).await?;
        Ok(Some(PrivateCalendarRevokePayload { client: client.map(Client), user_errors }))
    }
}
