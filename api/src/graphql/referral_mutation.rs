//! What the two sides do with a referral.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    ClientId, ConsentId, PeerId, ProgramId, ReferralId,
    vocabulary::{DischargeType, ReasonCode, ReferralResult, ReferralUrgency, ServiceKind},
};

use super::{
    client::{ClientCreateInput, ExternalIdentifierInput},
    consent::ConsentInput,
    context::RequestContext,
    error::{UserError, coded, command},
    guard::Requires,
    program::LevelOfCareInput,
    referral::Referral,
    referral_message::ReferralMessage,
    scalar::Date,
};
use crate::{
    access::Scope,
    domain::{
        referral::{Clinical, NewReferral, Under, Who, accept, assign, cancel, complete, create, decline, submit},
        referral_message,
    },
};

/// A new referral: a draft, or submitted at once. What is missing in a draft can be given later; what submitting needs is said by what
/// it refuses.
#[derive(InputObject)]
pub(crate) struct ReferralCreateInput {
    /// Which of the viewer's programs sends it; the only one when none is named.
    from_program_id: Option<ProgramId>,
    /// Which program is asked; needed to submit.
    to_program_id: Option<ProgramId>,
    /// A client of the viewer's organization. Exactly one of this and `client`.
    client_id: Option<ClientId>,
    /// Somebody whom the organization has no record of yet; they are added, to the program that sends it.
    client: Option<ClientCreateInput>,
    /// A consent that was recorded. One of this and `consent` is needed to submit.
    consent_id: Option<ConsentId>,
    /// A consent that is recorded with it.
    consent: Option<ConsentInput>,
    /// How soon someone should be met.
    urgency: ReferralUrgency,
    /// When they were discharged (UTC).
    discharged_at: Option<DateTime<Utc>>,
    /// When they are expected to be.
    expected_discharge_on: Option<Date>,
    /// Why treatment ended, or NOT_YET_DISCHARGED.
    discharge_type: DischargeType,
    /// The ASAM level that they leave; needed to submit.
    level_of_care_left: Option<LevelOfCareInput>,
    /// What the sender says to it; at most 4,000 characters.
    reason: Option<String>,
    /// What is asked for.
    requested_services: Option<Vec<ServiceKind>>,
    /// What the sender's own systems call it.
    external_identifiers: Option<Vec<ExternalIdentifierInput>>,
    /// Whether it is submitted at once; not unless it says so.
    submit: Option<bool>,
}

impl ReferralCreateInput {
    fn into_new(self) -> Result<NewReferral> {
        let who = match (self.client_id, self.client) {
            (Some(id), None) => Who::Known(id),
            (None, Some(client)) => Who::New(Box::new(client.into())),
            _ => return Err(coded("BAD_USER_INPUT", "Give `clientId` or `client`, exactly one of them.")),
        };
        let under = match (self.consent_id, self.consent) {
            (None, None) => None,
            (Some(id), None) => Some(Under::Known(id)),
            (None, Some(consent)) => Some(Under::New(Box::new(consent.into()))),
            _ => return Err(coded("BAD_USER_INPUT", "Give `consentId` or `consent`, not both.")),
        };
        Ok(NewReferral {
            from_program_id: self.from_program_id,
            to_program_id: self.to_program_id,
            who,
            under,
            urgency: self.urgency,
            clinical: Clinical {
                discharged_at: self.discharged_at,
                expected_discharge_on: self.expected_discharge_on.map(|date| date.0),
                discharge_type: self.discharge_type,
                level: self.level_of_care_left.map(Into::into),
                communities: Vec::new(),
                pathways: Vec::new(),
                moud: None,
                reason: self.reason,
            },
            requested_services: self.requested_services.unwrap_or_default(),
            external_identifiers: self.external_identifiers.unwrap_or_default().into_iter().map(Into::into).collect(),
            submit: self.submit.unwrap_or_default(),
        })
    }
}

/// Makes the payload of a mutation of a referral.
macro_rules! payloads {
    ($($Payload:ident, $mutation:literal;)*) => {$(
        #[doc = concat!("What `", $mutation, "` came to.")]
        #[derive(SimpleObject)]
        pub(crate) struct $Payload {
            /// The referral; null when it was refused.
            referral: Option<Referral>,
            /// What to mend.
            user_errors: Vec<UserError>,
        }
    )*};
}

payloads! {
    ReferralCreatePayload, "referralCreate";
    ReferralSubmitPayload, "referralSubmit";
    ReferralAcceptPayload, "referralAccept";
    ReferralDeclinePayload, "referralDecline";
    ReferralAssignPayload, "referralAssign";
    ReferralCompletePayload, "referralComplete";
    ReferralCancelPayload, "referralCancel";
}

/// What `referralSendMessage` came to.
#[derive(SimpleObject)]
pub(crate) struct ReferralSendMessagePayload {
    /// The message; null when it was refused.
    message: Option<ReferralMessage>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Mutations.
#[derive(Default)]
pub(crate) struct ReferralMutation;

#[Object]
impl ReferralMutation {
    /// Makes a referral of one of the viewer's programs. For referrers and coordinators.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The referral.")] input: ReferralCreateInput,
    ) -> Result<Option<ReferralCreatePayload>> {
        let new = input.into_new()?;
        let (made, user_errors) = command(ctx, "referralCreate", Box::pin(create(ctx.store(), &ctx.access(), new))).await?;
        Ok(Some(ReferralCreatePayload { referral: made.map(Referral), user_errors }))
    }

    /// Submits a draft: what the consent covers is disclosed to the program that is asked.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_submit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralSubmitPayload>> {
        let (submitted, user_errors) = command(ctx, "referralSubmit", submit(ctx.store(), &ctx.access(), id, version)).await?;
        Ok(Some(ReferralSubmitPayload { referral: submitted.map(Referral), user_errors }))
    }

    /// Accepts a referral made to one of the viewer's programs, which gets its own record of the person. For coordinators.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_accept(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralAcceptPayload>> {
        let (accepted, user_errors) = command(ctx, "referralAccept", accept(ctx.store(), &ctx.access(), id, version)).await?;
        Ok(Some(ReferralAcceptPayload { referral: accepted.map(Referral), user_errors }))
    }

    /// Declines a referral made to one of the viewer's programs. For coordinators.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_decline(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "Why.")] reason: ReasonCode,
        #[graphql(desc = "In words; needed with OTHER.")] text: Option<String>,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralDeclinePayload>> {
        let declined = async { decline(ctx.store(), &ctx.access(), id, reason, text, version).await };
        let (declined, user_errors) = command(ctx, "referralDecline", declined).await?;
        Ok(Some(ReferralDeclinePayload { referral: declined.map(Referral), user_errors }))
    }

    /// Cancels a referral before its first contact. For its sender until it is accepted, and for coordinators of its receiver.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "Why.")] reason: ReasonCode,
        #[graphql(desc = "In words; needed with OTHER.")] text: Option<String>,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralCancelPayload>> {
        let cancelled = async { cancel(ctx.store(), &ctx.access(), id, reason, text, version).await };
        let (cancelled, user_errors) = command(ctx, "referralCancel", cancelled).await?;
        Ok(Some(ReferralCancelPayload { referral: cancelled.map(Referral), user_errors }))
    }

    /// Assigns a peer of the program to an accepted referral. For coordinators and supervisors.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_assign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "Who supports the person.")] peer_id: PeerId,
        #[graphql(desc = "Whether the client chose this peer.")] client_chose: bool,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralAssignPayload>> {
        let assigned = async { assign(ctx.store(), &ctx.access(), id, peer_id, client_chose, version).await };
        let (assigned, user_errors) = command(ctx, "referralAssign", assigned).await?;
        Ok(Some(ReferralAssignPayload { referral: assigned.map(Referral), user_errors }))
    }

    /// Says that the client is linked; support goes on in its episode. For the assigned peer and supervisors.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_complete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "What it came to.")] result: ReferralResult,
        #[graphql(desc = "In words, for the sender.")] text: Option<String>,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralCompletePayload>> {
        let completed = async { complete(ctx.store(), &ctx.access(), id, result, text, version).await };
        let (completed, user_errors) = command(ctx, "referralComplete", completed).await?;
        Ok(Some(ReferralCompletePayload { referral: completed.map(Referral), user_errors }))
    }

    /// Sends a message to the other side of a submitted referral.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_send_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "About which.")] id: ReferralId,
        #[graphql(desc = "At most 4,000 characters.")] body: String,
    ) -> Result<Option<ReferralSendMessagePayload>> {
        let sent = async { referral_message::send(ctx.store(), &ctx.access(), id, &body).await };
        let (sent, user_errors) = command(ctx, "referralSendMessage", sent).await?;
        Ok(Some(ReferralSendMessagePayload { message: sent.map(ReferralMessage), user_errors }))
    }
}
