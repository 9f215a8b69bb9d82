//! What the two sides do with a referral.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    ClientId, ConsentId, ProgramId, ReferralId,
    vocabulary::{DischargeType, ReferralOrigin, ReferralUrgency, ServiceKind},
};

use super::{
    client::ExternalIdentifierInput,
    client_mutation::ClientCreateInput,
    consent::ConsentInput,
    context::RequestContext,
    error::{coded, command},
    event::in_our_era,
    guard::Requires,
    payload::payloads,
    program::LevelOfCareInput,
    referral::Referral,
    referral_message::ReferralMessage,
    scalar::{Date, each},
};
use crate::{
    access::Scope,
    clock::whole_micros,
    domain::{
        referral::{Clinical, NewReferral, ReferralChanges, Under, Who, create, submit, update},
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
    #[graphql(validator(custom = "in_our_era"))]
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
    /// Who asks; PROGRAM unless it says so. SELF and COMMUNITY are written down by the program that would serve the person, need no
    /// consent, and have no `toProgramId`.
    origin: Option<ReferralOrigin>,
    /// The earlier referral of the same client that it follows on. Return to use is a valid and welcome reason.
    re_referral_of_id: Option<ReferralId>,
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
                discharged_at: self.discharged_at.map(whole_micros),
                expected_discharge_on: self.expected_discharge_on.map(|date| date.0),
                discharge_type: self.discharge_type,
                level: self.level_of_care_left.map(Into::into),
                communities: Vec::new(),
                match_preferences: Vec::new(),
                pathways: Vec::new(),
                moud: None,
                reason: self.reason,
            },
            requested_services: self.requested_services.unwrap_or_default(),
            external_identifiers: self.external_identifiers.map(each).unwrap_or_default(),
            origin: self.origin.unwrap_or(ReferralOrigin::Program),
            re_referral_of: self.re_referral_of_id,
            submit: self.submit.unwrap_or_default(),
        })
    }
}

/// What changes of a referral: what is left out stays, null clears.
#[derive(InputObject)]
pub(crate) struct ReferralUpdateInput {
    /// Which.
    id: ReferralId,
    /// The version that the viewer saw; the present one when none is named.
    version: Option<i32>,
    /// Which program is asked; a draft's only.
    to_program_id: Option<ProgramId>,
    /// A consent that was recorded; a draft's only.
    consent_id: Option<ConsentId>,
    /// How soon someone should be met; a draft's only.
    urgency: Option<ReferralUrgency>,
    /// What is asked for; a draft's only.
    requested_services: Option<Vec<ServiceKind>>,
    /// What the sender says to it, at most 4,000 characters; a draft's only.
    reason: MaybeUndefined<String>,
    /// The ASAM level that they leave; a draft's only.
    level_of_care_left: MaybeUndefined<LevelOfCareInput>,
    /// When they were discharged (UTC).
    #[graphql(validator(custom = "in_our_era"))]
    discharged_at: MaybeUndefined<DateTime<Utc>>,
    /// When they are expected to be.
    expected_discharge_on: MaybeUndefined<Date>,
    /// Why treatment ended, or NOT_YET_DISCHARGED.
    discharge_type: Option<DischargeType>,
    /// What the sender's own systems call it, in place of what they called it before.
    external_identifiers: Option<Vec<ExternalIdentifierInput>>,
}

impl From<ReferralUpdateInput> for ReferralChanges {
    fn from(input: ReferralUpdateInput) -> Self {
        Self {
            to_program_id: input.to_program_id,
            consent_id: input.consent_id,
            urgency: input.urgency,
            requested_services: input.requested_services,
            reason: input.reason.into(),
            level: input.level_of_care_left.map_value(Into::into).into(),
            external_identifiers: input.external_identifiers.map(each),
            discharged_at: input.discharged_at.map_value(whole_micros).into(),
            expected_discharge_on: input.expected_discharge_on.map_value(|date| date.0).into(),
            discharge_type: input.discharge_type,
            version: input.version,
        }
    }
}

payloads! {
    ReferralCreatePayload = "referralCreate", referral: Referral, "The referral";
    ReferralUpdatePayload = "referralUpdate", referral: Referral, "The referral";
    ReferralSubmitPayload = "referralSubmit", referral: Referral, "The referral";
    ReferralSendMessagePayload = "referralSendMessage", message: ReferralMessage, "The message";
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

    /// Changes a referral of the viewer's programs: all of a draft, and once it is submitted the facts of discharge, as a planned discharge
    /// needs it. For referrers and coordinators of the sender.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: ReferralUpdateInput,
    ) -> Result<Option<ReferralUpdatePayload>> {
        let id = input.id;
        let updated = async { update(ctx.store(), &ctx.access(), id, input.into()).await };
        let (updated, user_errors) = command(ctx, "referralUpdate", updated).await?;
        Ok(Some(ReferralUpdatePayload { referral: updated.map(Referral), user_errors }))
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
