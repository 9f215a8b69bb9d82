//! Offers of a referral to several programs at once.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject, Subscription};
use chrono::{DateTime, Utc};
use entity::{
    ProgramId, ReferralId, ReferralOfferId, TypedId, class, event, referral, referral_offer, referral_offer_program,
    vocabulary::{OfferStatus, ReferralUrgency, ServiceKind},
};
use futures_util::{FutureExt, Stream, StreamExt};
use sea_orm::{ColumnTrait, Order};

use super::{
    client::unless_erased,
    connection::{connection, paged},
    context::RequestContext,
    error::command,
    event::{Changed, Event, beginning, changes, in_our_era},
    guard::Requires,
    payload::payloads,
    program::{LevelOfCare, Program, programs},
    referral::{Referral, program_of},
    scalar::LanguageTag,
};
use crate::{
    access::Scope,
    domain::referral_offer::{NewOffer, Told, claim, is_open, open, programs_told, status, withdraw},
    store::{PageArgs, Visible},
};

/// One de-identified call to several programs: the first that claims it is reserved the referral, and the others learn that it is gone, not
/// who has it. Only when its sender submits the referral under a consent that names that program, the person's data goes.
#[derive(Clone)]
pub(crate) struct ReferralOffer(pub(crate) Visible<referral_offer::Entity>);

connection!(ReferralOffer, ReferralOfferConnection, ReferralOfferEdge, referral_offer::Entity, "offers");

impl ReferralOffer {
    /// What it tells, besides what everybody may know of a referral. Nothing of somebody who was erased: whom it was made to still lists it.
    async fn told(&self, ctx: &Context<'_>) -> Result<Option<Told>> {
        let Some(opened) = self.0.open::<class::ReferralClinical>() else { return Ok(None) };
        unless_erased(ctx.store().unseal(&opened, referral_offer::Column::Told, &opened.told).await)
    }
}

/// One de-identified call to several programs: the first that claims it is reserved the referral, and the others learn that it is gone, not
/// who has it. Only when its sender submits the referral under a consent that names that program, the person's data goes.
#[Object]
impl ReferralOffer {
    /// Its id.
    async fn id(&self) -> ReferralOfferId {
        self.0.id
    }

    /// Where it stands.
    async fn status(&self, ctx: &Context<'_>) -> OfferStatus {
        status(&self.0, ctx.access().now)
    }

    /// How soon someone should be met.
    async fn urgency(&self) -> ReferralUrgency {
        self.0.urgency
    }

    /// The ASAM level that the person leaves; null when the draft did not say.
    async fn level_of_care_left(&self, ctx: &Context<'_>) -> Result<Option<LevelOfCare>> {
        let level = self.told(ctx).await?.and_then(|told| told.level);
        Ok(level.and_then(|(edition, code)| LevelOfCare::of(edition, &code)))
    }

    /// What is asked for.
    async fn services(&self) -> Vec<ServiceKind> {
        self.0.services.to_vec()
    }

    /// What the person speaks. A language that few people speak reads `other`, and none has a region or a script.
    async fn languages(&self, ctx: &Context<'_>) -> Result<Vec<LanguageTag>> {
        let languages = self.told(ctx).await?.map(|told| told.languages).unwrap_or_default();
        Ok(languages.into_iter().map(LanguageTag).collect())
    }

    /// Where the person lives: a state of the US by its two letters, or the first three digits of a ZIP code where more than 20,000 people
    /// live; null when it is not told.
    async fn region(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(self.told(ctx).await?.and_then(|told| told.region))
    }

    /// The programs that it is made to, to its sender; to anyone else those of their own organization.
    async fn programs(&self, ctx: &Context<'_>) -> Result<Vec<Program>> {
        let made_to = ctx.load_parts::<referral_offer::Entity, referral_offer_program::Entity>(&self.0).await?;
        programs(ctx, programs_told(&ctx.access(), &self.0, &made_to)).await
    }

    /// Until when it can be claimed (UTC).
    async fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// The program that claimed it, to its sender and to that program; null to anyone else, and while nobody did.
    async fn claimed_by(&self, ctx: &Context<'_>) -> Result<Option<Program>> {
        let opened = self.0.open::<class::ReferralStatus>();
        let by = opened.as_ref().and_then(|opened| opened.claimed_by_id.as_ref().map(|by| *by.read(opened)));
        program_of(ctx, by).await
    }

    /// The referral, to its sender; to a program that claimed it once it was submitted to it. Null to anyone else.
    async fn referral(&self, ctx: &Context<'_>) -> Result<Option<Referral>> {
        Ok(ctx.load::<referral::Entity>(self.0.referral_id).await?.map(Referral))
    }
}

/// Queries.
#[derive(Default)]
pub(crate) struct ReferralOfferQuery;

#[Object]
impl ReferralOfferQuery {
    /// Offers of the viewer's programs' referrals, and offers to the viewer's programs; newest first.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    #[graphql(guard = "Requires(Scope::ReferralsRead)")]
    async fn referral_offers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whether only those that can be claimed now.")] open_only: Option<bool>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ReferralOfferConnection> {
        let access = ctx.access();
        let find = ctx.store().find::<referral_offer::Entity>(&access);
        let find = if open_only.unwrap_or_default() { find.matching_as("open", None, is_open(access.now)) } else { find };
        let find = find.ordered(referral_offer::Column::OpenedAt, Order::Desc);
        Ok(paged(ctx, find, PageArgs { first, after, last, before }).await?.into())
    }
}

/// An offer of a draft to several programs. What it tells is taken from the draft: the urgency, the level of care that the person leaves,
/// the services that are asked for, and common languages.
#[derive(InputObject)]
pub(crate) struct ReferralOfferOpenInput {
    /// A draft of the viewer's programs without `toProgramId`.
    referral_id: ReferralId,
    /// To which programs: 1 to 20 of other organizations, which accept referrals.
    program_ids: Vec<ProgramId>,
    /// Where the person lives: a state of the US by its two letters (ISO 3166-2, with or without `US-`), or the first three digits of a ZIP
    /// code where more than 20,000 people live. Not told when it is left out.
    region: Option<String>,
    /// Until when it can be claimed (UTC): at most 7 days from now.
    #[graphql(validator(custom = "in_our_era"))]
    expires_at: DateTime<Utc>,
}

impl From<ReferralOfferOpenInput> for NewOffer {
    fn from(input: ReferralOfferOpenInput) -> Self {
        Self { referral_id: input.referral_id, program_ids: input.program_ids, region: input.region, expires_at: input.expires_at }
    }
}

payloads! {
    ReferralOfferOpenPayload = "referralOfferOpen", referral_offer: ReferralOffer, "The offer";
    ReferralOfferClaimPayload = "referralOfferClaim", referral_offer: ReferralOffer, "The offer";
    ReferralOfferWithdrawPayload = "referralOfferWithdraw", referral_offer: ReferralOffer, "The offer";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct ReferralOfferMutation;

#[Object]
impl ReferralOfferMutation {
    /// Offers a draft to several programs at once, without telling them who the person is or who asks. For referrers and coordinators of
    /// the program that sends it.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_offer_open(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The offer.")] input: ReferralOfferOpenInput,
    ) -> Result<Option<ReferralOfferOpenPayload>> {
        let opened = async { open(ctx.store(), &ctx.access(), input.into()).await };
        let (offer, user_errors) = command(ctx, "referralOfferOpen", opened).await?;
        Ok(Some(ReferralOfferOpenPayload { referral_offer: offer.map(ReferralOffer), user_errors }))
    }

    /// Claims an offer for a program: the first to do so is reserved the referral. Its sender then asks the client for a consent that names
    /// them, and submits it. For coordinators of a program that the offer is made to.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_offer_claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralOfferId,
        #[graphql(desc = "For which of the viewer's programs.")] program_id: ProgramId,
    ) -> Result<Option<ReferralOfferClaimPayload>> {
        let claimed = async { claim(ctx.store(), &ctx.access(), id, program_id).await };
        let (offer, user_errors) = command(ctx, "referralOfferClaim", claimed).await?;
        Ok(Some(ReferralOfferClaimPayload { referral_offer: offer.map(ReferralOffer), user_errors }))
    }

    /// Takes an offer back. One that was claimed frees its draft, as long as that was not submitted. For referrers and coordinators of the
    /// program that sends it.
    #[graphql(guard = "Requires(Scope::ReferralsWrite)")]
    async fn referral_offer_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ReferralOfferId,
    ) -> Result<Option<ReferralOfferWithdrawPayload>> {
        let withdrawn = async { withdraw(ctx.store(), &ctx.access(), id).await };
        let (offer, user_errors) = command(ctx, "referralOfferWithdraw", withdrawn).await?;
        Ok(Some(ReferralOfferWithdrawPayload { referral_offer: offer.map(ReferralOffer), user_errors }))
    }
}

/// Something that happened to an offer, with it as it is for the viewer when it is sent.
#[derive(SimpleObject)]
pub(crate) struct ReferralOfferChange {
    /// Where to go on from, for `after`.
    cursor: String,
    /// What happened.
    event: Event,
    /// The offer.
    offer: Option<ReferralOffer>,
}

/// Subscriptions.
#[derive(Default)]
pub(crate) struct ReferralOfferSubscription;

#[Subscription]
impl ReferralOfferSubscription {
    /// Offers that are opened, claimed or come to their end, as far as they are there for the viewer: first what was missed since a cursor,
    /// then live. Without a cursor, from now on.
    #[graphql(guard = "Requires(Scope::ReferralsRead)")]
    async fn referral_offer_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "After this event cursor.")] after: Option<String>,
    ) -> Result<impl Stream<Item = Result<ReferralOfferChange>> + use<>> {
        let from = beginning(ctx, after).await?;
        let changes = changes(
            ctx.shared(),
            from,
            |find| find.by(event::Column::SubjectKind, |column| column.eq(ReferralOfferId::PREFIX)),
            |store, access, event| async move { store.fetch::<referral_offer::Entity>(&access, event.subject_id.into()).await }.boxed(),
        );
        Ok(changes.map(|change| {
            change.map(|Changed { cursor, event, row }| ReferralOfferChange { cursor, event, offer: Some(ReferralOffer(row)) })
        }))
    }
}
