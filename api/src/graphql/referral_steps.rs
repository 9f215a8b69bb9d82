//! The steps of a referral: one mutation for each thing that people do.

use async_graphql::{Context, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    PeerId, ProgramId, ReferralId, StaffMemberId,
    vocabulary::{HandoffMethod, ReasonCode, ReferralResult},
};

use super::{
    context::RequestContext,
    error::command,
    event::in_our_era,
    guard::{ForOneself, Requires},
    payload::payloads,
    referral::Referral,
};
use crate::{
    access::Scope,
    clock::whole_micros,
    domain::{
        referral::{
            Said, accept, answer_info, assign, cancel, client_declines, complete, decline, enter_in_error, hold, request_info, resume,
            unassign, waitlist,
        },
        warm_handoff::{self, NewWarmHandoff},
    },
};

/// A live introduction of a client to their peer.
#[derive(InputObject)]
pub(crate) struct WarmHandoffInput {
    /// How.
    method: HandoffMethod,
    /// When (UTC).
    #[graphql(validator(custom = "in_our_era"))]
    occurred_at: DateTime<Utc>,
    /// Who of the sender's staff introduced them.
    staff_member_id: Option<StaffMemberId>,
    /// Whom the client met: the assigned peer.
    peer_id: PeerId,
    /// Whether the client was there: without them it is an introduction among staff, and counts as no contact.
    client_present: bool,
    /// How long.
    minutes: i32,
    /// What came of it, at most 2,000 characters.
    outcome: Option<String>,
}

impl From<WarmHandoffInput> for NewWarmHandoff {
    fn from(input: WarmHandoffInput) -> Self {
        Self {
            method: input.method,
            occurred_at: whole_micros(input.occurred_at),
            staff_member_id: input.staff_member_id,
            peer_id: input.peer_id,
            client_present: input.client_present,
            minutes: input.minutes,
            outcome: input.outcome,
        }
    }
}

payloads! {
    ReferralAcceptPayload = "referralAccept", referral: Referral, "The referral";
    ReferralDeclinePayload = "referralDecline", referral: Referral, "The referral";
    ReferralRequestInfoPayload = "referralRequestInfo", referral: Referral, "The referral";
    ReferralAnswerInfoPayload = "referralAnswerInfo", referral: Referral, "The referral";
    ReferralWaitlistPayload = "referralWaitlist", referral: Referral, "The referral";
    ReferralAssignPayload = "referralAssign", referral: Referral, "The referral";
    ReferralUnassignPayload = "referralUnassign", referral: Referral, "The referral";
    ReferralRecordWarmHandoffPayload = "referralRecordWarmHandoff", referral: Referral, "The referral";
    ReferralCompletePayload = "referralComplete", referral: Referral, "The referral";
    ReferralClientDeclinesPayload = "referralClientDeclines", referral: Referral, "The referral";
    ReferralHoldPayload = "referralHold", referral: Referral, "The referral";
    ReferralResumePayload = "referralResume", referral: Referral, "The referral";
    ReferralCancelPayload = "referralCancel", referral: Referral, "The referral";
    ReferralMarkEnteredInErrorPayload = "referralMarkEnteredInError", referral: Referral, "The referral";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct ReferralStepMutation;

#[Object]
impl ReferralStepMutation {
    /// Accepts a referral made to one of the viewer's programs, which gets its own record of the person. For coordinators.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_accept(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralAcceptPayload>> {
        let moved = async { accept(ctx.store(), &ctx.access(), id, version).await };
        let (moved, user_errors) = command(ctx, "referralAccept", moved).await?;
        Ok(Some(ReferralAcceptPayload { referral: moved.map(Referral), user_errors }))
    }

    /// Declines a referral made to one of the viewer's programs. For coordinators.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_decline(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "Why.")] reason: ReasonCode,
        #[graphql(desc = "In words; needed with OTHER.")] text: Option<String>,
        #[graphql(desc = "A program that could serve the person instead.")] suggested_program_id: Option<ProgramId>,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralDeclinePayload>> {
        let moved =
            async { decline(ctx.store(), &ctx.access(), id, Said { reason: Some(reason), text, version }, suggested_program_id).await };
        let (moved, user_errors) = command(ctx, "referralDecline", moved).await?;
        Ok(Some(ReferralDeclinePayload { referral: moved.map(Referral), user_errors }))
    }

    /// Asks the sender for what is missing; meanwhile nobody waits for an answer of the receiver. For coordinators of the receiver.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_request_info(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "What is missing, in a few words each; at most 20.")] fields: Vec<String>,
        #[graphql(desc = "What is asked, at most 2,000 characters.")] text: String,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralRequestInfoPayload>> {
        let moved = async { request_info(ctx.store(), &ctx.access(), id, fields, Said { reason: None, text: Some(text), version }).await };
        let (moved, user_errors) = command(ctx, "referralRequestInfo", moved).await?;
        Ok(Some(ReferralRequestInfoPayload { referral: moved.map(Referral), user_errors }))
    }

    /// Answers what the receiver asked for. For referrers and coordinators of the sender.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_answer_info(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "The answer, at most 2,000 characters.")] text: String,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralAnswerInfoPayload>> {
        let moved = async { answer_info(ctx.store(), &ctx.access(), id, Said { reason: None, text: Some(text), version }).await };
        let (moved, user_errors) = command(ctx, "referralAnswerInfo", moved).await?;
        Ok(Some(ReferralAnswerInfoPayload { referral: moved.map(Referral), user_errors }))
    }

    /// Puts the person on the program's waiting list. For coordinators of the receiver.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_waitlist(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "Why, at most 2,000 characters.")] text: String,
        #[graphql(desc = "When the place is looked at again (UTC): within seven days.")] next_review_at: DateTime<Utc>,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralWaitlistPayload>> {
        let moved = async {
            waitlist(ctx.store(), &ctx.access(), id, whole_micros(next_review_at), Said { reason: None, text: Some(text), version }).await
        };
        let (moved, user_errors) = command(ctx, "referralWaitlist", moved).await?;
        Ok(Some(ReferralWaitlistPayload { referral: moved.map(Referral), user_errors }))
    }

    /// Assigns a peer of the program to an accepted referral, or another in place of the one before. For coordinators and supervisors.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_assign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "Who supports the person.")] peer_id: PeerId,
        #[graphql(desc = "Whether the client chose this peer.")] client_chose: bool,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralAssignPayload>> {
        let moved = async { assign(ctx.store(), &ctx.access(), id, peer_id, client_chose, version).await };
        let (moved, user_errors) = command(ctx, "referralAssign", moved).await?;
        Ok(Some(ReferralAssignPayload { referral: moved.map(Referral), user_errors }))
    }

    /// Takes the peer away again while no other is there: they left, the client asked, or there is a conflict. For coordinators and
    /// supervisors.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_unassign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "Why, at most 2,000 characters.")] text: String,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralUnassignPayload>> {
        let moved = async { unassign(ctx.store(), &ctx.access(), id, Said { reason: None, text: Some(text), version }).await };
        let (moved, user_errors) = command(ctx, "referralUnassign", moved).await?;
        Ok(Some(ReferralUnassignPayload { referral: moved.map(Referral), user_errors }))
    }

    /// Records a live introduction of the client to their peer: with the client there it is the first contact. For the assigned peer.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_record_warm_handoff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "How it went.")] input: WarmHandoffInput,
    ) -> Result<Option<ReferralRecordWarmHandoffPayload>> {
        let moved = async { warm_handoff::record(ctx.store(), &ctx.access(), id, input.into()).await };
        let (moved, user_errors) = command(ctx, "referralRecordWarmHandoff", moved).await?;
        Ok(Some(ReferralRecordWarmHandoffPayload { referral: moved.map(Referral), user_errors }))
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
        let moved = async { complete(ctx.store(), &ctx.access(), id, result, Said { reason: None, text, version }).await };
        let (moved, user_errors) = command(ctx, "referralComplete", moved).await?;
        Ok(Some(ReferralCompletePayload { referral: moved.map(Referral), user_errors }))
    }

    /// Says that the client does not want the support: it is theirs to decide at every step. For the client, where the record of the
    /// referral is theirs: the sender's until it is accepted, and the receiver's from then on. For the assigned peer and coordinators of
    /// the receiver, on the client's behalf.
    #[graphql(guard = "ForOneself.or(Requires(Scope::ReferralsWrite))")]
    async fn referral_client_declines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "Why.")] reason: ReasonCode,
        #[graphql(desc = "In words; needed with OTHER.")] text: Option<String>,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralClientDeclinesPayload>> {
        let moved = async { client_declines(ctx.store(), &ctx.access(), id, Said { reason: Some(reason), text, version }).await };
        let (moved, user_errors) = command(ctx, "referralClientDeclines", moved).await?;
        Ok(Some(ReferralClientDeclinesPayload { referral: moved.map(Referral), user_errors }))
    }

    /// Puts a referral on hold, and the support that it led to. For the assigned peer and coordinators of the receiver.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_hold(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "Why, at most 2,000 characters.")] text: String,
        #[graphql(desc = "When it is looked at again (UTC): within thirty days.")] review_at: DateTime<Utc>,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralHoldPayload>> {
        let moved =
            async { hold(ctx.store(), &ctx.access(), id, whole_micros(review_at), Said { reason: None, text: Some(text), version }).await };
        let (moved, user_errors) = command(ctx, "referralHold", moved).await?;
        Ok(Some(ReferralHoldPayload { referral: moved.map(Referral), user_errors }))
    }

    /// Goes on from a hold, where the referral was held. For the assigned peer and coordinators of the receiver.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_resume(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralResumePayload>> {
        let moved = async { resume(ctx.store(), &ctx.access(), id, version).await };
        let (moved, user_errors) = command(ctx, "referralResume", moved).await?;
        Ok(Some(ReferralResumePayload { referral: moved.map(Referral), user_errors }))
    }

    /// Cancels a referral. For its sender until it is accepted, and for coordinators of its receiver; once there was a contact only with
    /// READMITTED, INCARCERATED or DECEASED.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "Why.")] reason: ReasonCode,
        #[graphql(desc = "In words; needed with OTHER.")] text: Option<String>,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralCancelPayload>> {
        let moved = async { cancel(ctx.store(), &ctx.access(), id, Said { reason: Some(reason), text, version }).await };
        let (moved, user_errors) = command(ctx, "referralCancel", moved).await?;
        Ok(Some(ReferralCancelPayload { referral: moved.map(Referral), user_errors }))
    }

    /// Marks a referral as entered in error: it is in no list and no measure any more, and stays in the audit. For coordinators of the
    /// receiver (of the sender while it is a draft) and privacy officers.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_mark_entered_in_error(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralId,
        #[graphql(desc = "Why, at most 2,000 characters.")] text: String,
        #[graphql(desc = "The version that the viewer saw; the present one when none is named.")] version: Option<i32>,
    ) -> Result<Option<ReferralMarkEnteredInErrorPayload>> {
        let moved = async { enter_in_error(ctx.store(), &ctx.access(), id, Said { reason: None, text: Some(text), version }).await };
        let (moved, user_errors) = command(ctx, "referralMarkEnteredInError", moved).await?;
        Ok(Some(ReferralMarkEnteredInErrorPayload { referral: moved.map(Referral), user_errors }))
    }
}
