//! Referrals: what is everyday about them, and what stands behind their gates.

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    OrganizationId, PeerId, ProgramId, ReferralId, api_client, class, client, consent, contact, episode, organization, program, referral,
    referral_message, referral_transition, staff_member,
    vocabulary::{
        DischargeType, EpisodeStatus, ReasonCode, RecoveryPathway, ReferralOrigin, ReferralResult, ReferralStatus, ReferralUrgency, Role,
        ServiceKind,
    },
};
use sea_orm::Order;

use super::{
    client::{Client, ContactMethod, ExternalIdentifier},
    connection::{children, connection},
    consent::Consent,
    contact::ContactConnection,
    context::RequestContext,
    episode::Episode,
    error::{coded, query_error},
    organization::Organization,
    peer::Facilitator,
    program::{Address, LevelOfCare, Program},
    referral_message::ReferralMessageConnection,
    scalar::{Date, LanguageTag},
};
use crate::{
    domain::{
        client as clients,
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

    fn sent_by(&self, viewer: Option<OrganizationId>) -> bool {
        viewer == Some(self.0.from_organization_id)
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

    /// The program that sends it.
    async fn from(&self, ctx: &Context<'_>) -> Result<Option<Program>> {
        Ok(ctx.load::<program::Entity>(self.0.from_program_id).await?.map(Program))
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

    /// Class A: the person as the sender disclosed them at submission; null in a draft, and where it is not open to the viewer.
    async fn person(&self, ctx: &Context<'_>) -> Result<Option<ReferralPerson>> {
        let Some(opened) = self.0.open::<class::Identity>() else {
            ctx.closed(Class::Identity, why_closed(&ctx.access(), &self.0, Class::Identity));
            return Ok(None);
        };
        let Some(sealed) = &opened.person else { return Ok(None) };
        let person = ctx.store().unseal(&opened, referral::Column::Person, sealed).await.map_err(query_error)?;
        Ok(Some(ReferralPerson { person, of: self.0.clone() }))
    }

    /// Class B: the facts of discharge, likewise.
    async fn clinical(&self, ctx: &Context<'_>) -> Result<Option<ReferralClinical>> {
        let Some(opened) = self.0.open::<class::ReferralClinical>() else {
            ctx.closed(Class::ReferralClinical, why_closed(&ctx.access(), &self.0, Class::ReferralClinical));
            return Ok(None);
        };
        let clinical = ctx.store().unseal(&opened, referral::Column::Clinical, &opened.clinical).await.map_err(query_error)?;
        Ok(Some(ReferralClinical(clinical)))
    }

    /// Class B2: how it goes. Open to the receiver, and to the sender until submission and then while a consent lets it flow back.
    async fn progress(&self, ctx: &Context<'_>) -> Result<Option<ReferralProgress>> {
        if self.0.open::<class::ReferralStatus>().is_none() {
            ctx.closed(Class::ReferralStatus, why_closed(&ctx.access(), &self.0, Class::ReferralStatus));
            return Ok(None);
        }
        Ok(Some(ReferralProgress(self.0.clone())))
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
            ctx.closed(Class::ReferralStatus, why_closed(&ctx.access(), &self.0, Class::ReferralStatus));
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
        let known: Vec<clients::ExternalIdentifier> =
            ctx.store().unseal(opened, referral::Column::Identifiers, sealed).await.map_err(query_error)?;
        Ok(known.into_iter().map(Into::into).collect())
    }
}

async fn program_of(ctx: &Context<'_>, id: Option<ProgramId>) -> Result<Option<Program>> {
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
        let Some(opened) = self.of.open::<class::ReferralClinical>() else {
            ctx.closed(Class::ReferralClinical, why_closed(&ctx.access(), &self.of, Class::ReferralClinical));
            return Ok(Vec::new());
        };
        let clinical: Clinical = ctx.store().unseal(&opened, referral::Column::Clinical, &opened.clinical).await.map_err(query_error)?;
        Ok(clinical.communities)
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

/// How a referral goes. Made only where that is open to the viewer.
pub(crate) struct ReferralProgress(Visible<referral::Entity>);

/// Reads a column of the open progress.
macro_rules! progress {
    ($self:ident, $column:ident) => {{
        let opened = $self.0.open::<class::ReferralStatus>().ok_or_else(closed)?;
        *opened.$column.read(&opened)
    }};
    ($self:ident, $column:ident?) => {{
        let opened = $self.0.open::<class::ReferralStatus>().ok_or_else(closed)?;
        opened.$column.as_ref().map(|value| *value.read(&opened))
    }};
}

fn closed() -> async_graphql::Error {
    coded("INTERNAL", "A gate closed while it was read.")
}

/// How a referral goes.
#[Object]
impl ReferralProgress {
    /// Where it stands; more may come.
    async fn status(&self) -> Result<ReferralStatus> {
        Ok(progress!(self, status))
    }

    /// What it came to, once completed.
    async fn result(&self) -> Result<Option<ReferralResult>> {
        Ok(progress!(self, result?))
    }

    /// Why it ended without that.
    async fn close_reason(&self) -> Result<Option<ReasonCode>> {
        Ok(progress!(self, close_reason?))
    }

    /// When it was submitted (UTC); null for a draft.
    async fn submitted_at(&self) -> Option<DateTime<Utc>> {
        self.0.submitted_at
    }

    /// When the receiver first decided (UTC).
    async fn acknowledged_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(progress!(self, acknowledged_at?))
    }

    /// When it was accepted (UTC).
    async fn accepted_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(progress!(self, accepted_at?))
    }

    /// When a peer was assigned (UTC).
    async fn assigned_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(progress!(self, assigned_at?))
    }

    /// When the first attempt at contact began (UTC).
    async fn first_attempt_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(progress!(self, first_attempt_at?))
    }

    /// When the first two-way contact began (UTC).
    async fn connected_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(progress!(self, connected_at?))
    }

    /// When it came to a final state (UTC).
    async fn closed_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(progress!(self, closed_at?))
    }

    /// Who supports the person, as they appear to everyone.
    async fn peer(&self, ctx: &Context<'_>) -> Result<Option<Facilitator>> {
        let peer: Option<PeerId> = progress!(self, peer_id?);
        match peer {
            Some(id) => Ok(ctx.load_card(id).await?.map(Facilitator)),
            None => Ok(None),
        }
    }

    /// Where the episode of support stands that it led to; null before there is one.
    async fn episode_status(&self, ctx: &Context<'_>) -> Result<Option<EpisodeStatus>> {
        let episodes = ctx.load_parts::<referral::Entity, episode::Entity>(&self.0).await?;
        Ok(episodes.first().map(|episode| episode.status))
    }

    /// Each change of its state, oldest first.
    async fn history(&self, ctx: &Context<'_>) -> Result<Vec<ReferralTransition>> {
        let steps = ctx.load_parts::<referral::Entity, referral_transition::Entity>(&self.0).await?;
        let steps = steps.iter().map(|step| transition(ctx, &self.0, step));
        futures_util::future::try_join_all(steps).await
    }

    /// How many attempts at contact were logged.
    async fn attempt_count(&self) -> Result<i32> {
        Ok(progress!(self, attempt_count))
    }

    /// UTC.
    async fn updated_at(&self) -> Result<DateTime<Utc>> {
        Ok(progress!(self, updated_at))
    }

    /// Counts changes; name the one you saw when you change it.
    async fn version(&self) -> Result<i32> {
        Ok(progress!(self, version))
    }
}

/// One change of a referral's state.
#[derive(Clone, SimpleObject)]
pub(crate) struct ReferralTransition {
    /// From which state; null for the first.
    from: Option<ReferralStatus>,
    /// To which.
    to: ReferralStatus,
    /// UTC.
    at: DateTime<Utc>,
    /// Who: a name within the viewer's own organization, else the organization's.
    actor_name: String,
    /// In which role; null for what happened by itself.
    role: Option<Role>,
    /// Why, for those that need a reason.
    reason: Option<ReasonCode>,
    /// What was said to it.
    text: Option<String>,
}

async fn transition(ctx: &Context<'_>, of: &Visible<referral::Entity>, step: &referral_transition::Model) -> Result<ReferralTransition> {
    let opened = of.open::<class::ReferralStatus>().ok_or_else(closed)?;
    let text = match &step.text {
        Some(sealed) => {
            let column = referral_transition::Column::Text;
            let text = ctx.store().unseal_part::<_, referral_transition::Entity, _, String>(&opened, step.id, column, sealed).await;
            Some(text.map_err(query_error)?)
        }
        None => None,
    };
    Ok(ReferralTransition {
        from: step.from.as_ref().map(|from| *from.read(&opened)),
        to: *step.to.read(&opened),
        at: step.at,
        actor_name: actor_name(ctx, &step.actor, step.organization_id).await?.unwrap_or_default(),
        role: step.role,
        reason: step.reason.as_ref().map(|reason| *reason.read(&opened)),
        text,
    })
}

/// The change of state that came to this version of a referral, where its progress is open to the viewer.
pub(crate) async fn transition_at(ctx: &Context<'_>, id: ReferralId, version: Option<i32>) -> Result<Option<ReferralTransition>> {
    let Some(referral) = ctx.load::<referral::Entity>(id).await? else { return Ok(None) };
    if !referral.may_open(Class::ReferralStatus) {
        return Ok(None);
    }
    let steps = ctx.load_parts::<referral::Entity, referral_transition::Entity>(&referral).await?;
    match steps.iter().find(|step| Some(step.version) == version) {
        Some(step) => transition(ctx, &referral, step).await.map(Some),
        None => Ok(None),
    }
}

/// Who acted, as the viewer may know them: colleagues by name, others by their organization's.
pub(crate) async fn actor_name(ctx: &Context<'_>, actor: &str, organization: OrganizationId) -> Result<Option<String>> {
    if ctx.access().organization != Some(organization) {
        return Ok(ctx.load::<organization::Entity>(organization).await?.map(|home| home.name.clone()));
    }
    if let Ok(id) = actor.parse() {
        return Ok(ctx.load::<staff_member::Entity>(id).await?.map(|staff| staff.display_name.clone()));
    }
    if let Ok(id) = actor.parse() {
        let application = ctx.load::<api_client::Entity>(id).await?.map(|application| application.name.clone());
        return Ok(application.or_else(|| Some("An application".to_owned())));
    }
    Ok(Some("aftercare".to_owned()))
}

/// The organization that something names.
pub(crate) async fn organization_of(ctx: &Context<'_>, id: OrganizationId) -> Result<Organization> {
    let found = ctx.load::<organization::Entity>(id).await?;
    found.map(Organization).ok_or_else(|| coded("UNAVAILABLE", "The organization has left."))
}
