//! Referrals: what is everyday about them, and what stands behind their gates.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    OrganizationId, ProgramId, ReferralId, class, client, consent, contact, episode, organization, program, referral, referral_message,
    vocabulary::{DischargeType, RecoveryPathway, ReferralOrigin, ReferralUrgency, ServiceKind},
};
use sea_orm::Order;

use super::{
    client::{Client, ContactMethod, ExternalIdentifier, MatchPreference, unless_erased},
    connection::{children, connection},
    consent::Consent,
    contact::ContactConnection,
    context::RequestContext,
    episode::Episode,
    error::coded,
    organization::Organization,
    program::{Address, LevelOfCare, Program},
    referral_message::ReferralMessageConnection,
    referral_progress::ReferralProgress,
    scalar::{Date, LanguageTag},
};
use crate::{
    domain::{
        client as clients,
        client_erase::on_side_of,
        referral::{Clinical, Person, why_closed},
    },
    store::{Class, PageArgs, Visible},
};

/// One program asks another to take over the support of a discharged client. Each side sees it as its own record and consents allow.
#[derive(Clone)]
pub(crate) struct Referral(pub(crate) Visible<referral::Entity>);

connection!(Referral, ReferralConnection, ReferralEdge, referral::Entity, "referrals");

impl Referral {
    /// The viewer's side's own record of the person, when there is one.
    fn own_client(&self, viewer: Option<OrganizationId>) -> Option<entity::ClientId> {
        let sent = viewer == Some(self.0.from_organization_id);
        if sent { Some(self.0.from_client_id) } else { self.0.to_client_id }
    }

    /// Whether the viewer is on the side that sent it, and not on the other as well.
    fn sent_by(&self, viewer: Option<OrganizationId>) -> bool {
        viewer == Some(self.0.from_organization_id) && viewer != self.0.to_organization_id
    }
}

/// One program asks another to take over the support of a discharged client. Each side sees it as its own record and consents allow.
#[Object]
impl Referral {
    /// Its id.
    async fn id(&self) -> ReferralId {
        self.0.id
    }

    /// For people to name it by.
    async fn number(&self) -> &str {
        &self.0.number
    }

    /// Who asks.
    async fn origin(&self) -> ReferralOrigin {
        self.0.origin
    }

    /// The program that sends it; null when the person, or somebody of the community, asked for it.
    async fn from(&self, ctx: &Context<'_>) -> Result<Option<Program>> {
        program_of(ctx, Some(self.0.from_program_id).filter(|_| self.0.origin == ReferralOrigin::Program)).await
    }

    /// The program that is asked; null in a draft that names none yet.
    async fn to(&self, ctx: &Context<'_>) -> Result<Option<Program>> {
        program_of(ctx, self.0.to_program_id).await
    }

    /// How soon someone should be met.
    async fn urgency(&self) -> ReferralUrgency {
        self.0.urgency
    }

    /// What is asked for.
    async fn requested_services(&self) -> Vec<ServiceKind> {
        self.0.requested_services.to_vec()
    }

    /// When it was written (UTC).
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// The viewer's own organization's record of the person, once there is one; null where it is not there for the viewer.
    async fn client(&self, ctx: &Context<'_>) -> Result<Option<Client>> {
        match self.own_client(ctx.access().organization) {
            Some(id) => Ok(ctx.load::<client::Entity>(id).await?.map(Client)),
            None => Ok(None),
        }
    }

    /// Class A: the person as the sender disclosed them at submission; null in a draft, where it is not open to the viewer,
    /// and where it was erased.
    async fn person(&self, ctx: &Context<'_>) -> Result<Option<ReferralPerson>> {
        let Some(opened) = self.0.open::<class::Identity>() else {
            closed(ctx, &self.0, Class::Identity);
            return Ok(None);
        };
        let Some(sealed) = &opened.person else { return Ok(None) };
        let person = unless_erased(ctx.store().unseal(&opened, referral::Column::Person, sealed).await)?;
        Ok(person.map(|person| ReferralPerson { person, of: self.0.clone() }))
    }

    /// Class B: the facts of discharge, likewise.
    async fn clinical(&self, ctx: &Context<'_>) -> Result<Option<ReferralClinical>> {
        let Some(opened) = self.0.open::<class::ReferralClinical>() else {
            closed(ctx, &self.0, Class::ReferralClinical);
            return Ok(None);
        };
        let clinical = unless_erased(ctx.store().unseal(&opened, referral::Column::Clinical, &opened.clinical).await)?;
        Ok(clinical.map(ReferralClinical))
    }

    /// Class B2: how it goes. Open to the receiver, and to the sender until submission and then while a consent lets it flow back.
    async fn progress(&self, ctx: &Context<'_>) -> Result<Option<ReferralProgress>> {
        if self.0.open::<class::ReferralStatus>().is_none() {
            closed(ctx, &self.0, Class::ReferralStatus);
            return Ok(None);
        }
        Ok(Some(ReferralProgress::of(self.0.clone())))
    }

    /// The episode of support that it led to: the receiver's own, null on the other side.
    async fn episode(&self, ctx: &Context<'_>) -> Result<Option<Episode>> {
        if self.sent_by(ctx.access().organization) {
            return Ok(None);
        }
        match ctx.load_parts::<referral::Entity, episode::Entity>(&self.0).await?.first() {
            Some(episode) => Ok(ctx.load::<episode::Entity>(episode.id).await?.map(Episode)),
            None => Ok(None),
        }
    }

    /// Contacts and attempts for it, oldest first: the receiver's own, null on the other side.
    async fn attempts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Option<ContactConnection>> {
        if self.sent_by(ctx.access().organization) {
            return Ok(None);
        }
        let access = ctx.access();
        let find = ctx.store().find::<contact::Entity>(&access).ordered(contact::Column::StartedAt, Order::Asc);
        let page = children(ctx, find, contact::Column::ReferralId, self.0.id, PageArgs { first, after, last, before }).await?;
        Ok(Some(page.into()))
    }

    /// The earlier referral of the same client that it follows on; null where that is not there for the viewer.
    async fn re_referral_of(&self, ctx: &Context<'_>) -> Result<Option<Referral>> {
        match self.0.re_referral_of_id {
            Some(id) => Ok(ctx.load::<referral::Entity>(id).await?.map(Referral)),
            None => Ok(None),
        }
    }

    /// The consent that it is submitted under; null where it is not the viewer's to see.
    async fn consent(&self, ctx: &Context<'_>) -> Result<Option<Consent>> {
        match self.0.consent_id {
            Some(id) => Ok(ctx.load::<consent::Entity>(id).await?.map(Consent)),
            None => Ok(None),
        }
    }

    /// Messages between its two sides, oldest first; null where the progress is not open to the viewer.
    async fn messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<Option<ReferralMessageConnection>> {
        if !self.0.may_open(Class::ReferralStatus) {
            closed(ctx, &self.0, Class::ReferralStatus);
            return Ok(None);
        }
        let access = ctx.access();
        let find = ctx.store().find::<referral_message::Entity>(&access).ordered(referral_message::Column::SentAt, Order::Asc);
        let page = children(ctx, find, referral_message::Column::ReferralId, self.0.id, PageArgs { first, after, last, before }).await?;
        Ok(Some(page.into()))
    }

    /// What the viewer's side's own systems call it.
    async fn external_identifiers(&self, ctx: &Context<'_>) -> Result<Vec<ExternalIdentifier>> {
        let opened = self.0.open::<class::Identity>().filter(|_| self.sent_by(ctx.access().organization));
        let Some((opened, sealed)) = opened.as_ref().and_then(|opened| Some((opened, opened.identifiers.as_ref()?))) else {
            return Ok(Vec::new());
        };
        let known: Option<Vec<clients::ExternalIdentifier>> =
            unless_erased(ctx.store().unseal(opened, referral::Column::Identifiers, sealed).await)?;
        Ok(known.into_iter().flatten().map(Into::into).collect())
    }
}

/// Notes that a class of a referral stayed closed, unless that is because the viewer's side erased the person: nothing would open it.
fn closed(ctx: &Context<'_>, of: &referral::Model, class: Class) {
    let access = ctx.access();
    if !on_side_of(&access, of) {
        ctx.closed(class, why_closed(&access, of, class));
    }
}

pub(super) async fn program_of(ctx: &Context<'_>, id: Option<ProgramId>) -> Result<Option<Program>> {
    match id {
        Some(id) => Ok(ctx.load::<program::Entity>(id).await?.map(Program)),
        None => Ok(None),
    }
}

/// The person as the sender disclosed them.
pub(crate) struct ReferralPerson {
    person: Person,
    of: Visible<referral::Entity>,
}

/// The person as the sender disclosed them.
#[Object]
impl ReferralPerson {
    /// Given name.
    async fn given_name(&self) -> &str {
        &self.person.given_name
    }

    /// Family name.
    async fn family_name(&self) -> &str {
        &self.person.family_name
    }

    /// How they want to be called.
    async fn preferred_name(&self) -> Option<&str> {
        self.person.preferred_name.as_deref()
    }

    /// As they say.
    async fn pronouns(&self) -> Option<&str> {
        self.person.pronouns.as_deref()
    }

    /// Date of birth.
    async fn date_of_birth(&self) -> Date {
        Date(self.person.date_of_birth)
    }

    /// How they are reached.
    async fn contact_methods(&self) -> Vec<ContactMethod> {
        self.person.contact_methods.iter().cloned().map(ContactMethod).collect()
    }

    /// Where they live.
    async fn address(&self) -> Option<Address> {
        self.person.address.clone().map(Into::into)
    }

    /// What they speak.
    async fn languages(&self) -> Vec<LanguageTag> {
        self.person.languages.iter().cloned().map(LanguageTag).collect()
    }

    /// Whether an interpreter is needed.
    async fn interpreter_needed(&self) -> bool {
        self.person.interpreter_needed
    }

    /// As they describe themselves. Class B, although it stands here: none where the clinical facts are not open to the viewer.
    async fn communities(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        Ok(self.of_their_recovery(ctx).await?.map(|clinical| clinical.communities).unwrap_or_default())
    }

    /// What they want of a peer. Class B, likewise.
    async fn match_preferences(&self, ctx: &Context<'_>) -> Result<Vec<MatchPreference>> {
        let clinical = self.of_their_recovery(ctx).await?;
        Ok(clinical.map(|clinical| clinical.match_preferences.into_iter().map(Into::into).collect()).unwrap_or_default())
    }
}

impl ReferralPerson {
    /// Class B of the same snapshot; nothing where it is not open to the viewer.
    async fn of_their_recovery(&self, ctx: &Context<'_>) -> Result<Option<Clinical>> {
        let Some(opened) = self.of.open::<class::ReferralClinical>() else {
            closed(ctx, &self.of, Class::ReferralClinical);
            return Ok(None);
        };
        unless_erased(ctx.store().unseal(&opened, referral::Column::Clinical, &opened.clinical).await)
    }
}

/// The facts of discharge, as the sender disclosed them.
pub(crate) struct ReferralClinical(Clinical);

/// The facts of discharge, as the sender disclosed them.
#[Object]
impl ReferralClinical {
    /// When they were discharged (UTC); null while they have not been.
    async fn discharged_at(&self) -> Option<DateTime<Utc>> {
        self.0.discharged_at
    }

    /// When they are expected to be.
    async fn expected_discharge_on(&self) -> Option<Date> {
        self.0.expected_discharge_on.map(Date)
    }

    /// Why treatment ended.
    async fn discharge_type(&self) -> DischargeType {
        self.0.discharge_type
    }

    /// The ASAM level that they leave.
    async fn level_of_care_left(&self) -> Option<LevelOfCare> {
        self.0.level.as_ref().and_then(|(edition, code)| LevelOfCare::of(*edition, code))
    }

    /// The ways of recovery they name.
    async fn pathways(&self) -> &[RecoveryPathway] {
        &self.0.pathways
    }

    /// Whether they use medication for opioid use disorder; null when not said.
    async fn moud(&self) -> Option<bool> {
        self.0.moud
    }

    /// What the sender says to it.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }
}

/// The organization that something names.
pub(crate) async fn organization_of(ctx: &Context<'_>, id: OrganizationId) -> Result<Organization> {
    let found = ctx.load::<organization::Entity>(id).await?;
    found.map(Organization).ok_or_else(|| coded("UNAVAILABLE", "The organization has left."))
}
