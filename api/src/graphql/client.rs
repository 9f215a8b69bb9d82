//! Clients, each class of whose data stands behind one gate.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    ClientId, ProgramId, class, client, client_program, event, milestone, organization, referral,
    vocabulary::{
        ContactMethodKind, EventKind, Experience, FundingKind, Gender, MatchCriterionKind, PlanDimension, RaceEthnicity, RecoveryPathway,
    },
};
use sea_orm::{ColumnTrait, Order};

use super::{
    client_care::ClientCare,
    client_privacy::ClientPrivacy,
    connection::{children, children_of_either, connection, paged},
    context::RequestContext,
    error::{coded, query_error},
    event::{DateTimeRange, EventConnection, within},
    guard::{Oneself, Requires},
    milestone::{Milestone, counted},
    organization::Organization,
    program::{Address, Program, programs},
    referral::ReferralConnection,
    referral_query::ReferralFilter,
    scalar::{Date, EmailAddress, LanguageTag, LocalTime, PhoneNumber, TimeZone},
};
use crate::{
    access::Scope,
    domain::{
        client::{self as rules, Identity, Recovery},
        client_merge::find_standing,
        text,
    },
    error::{Error as OurError, Result as OurResult},
    store::{Class, PageArgs, Searchable, Visible},
};

/// A person receiving support, as one organization knows them.
#[derive(Clone)]
pub(crate) struct Client(pub(crate) Visible<client::Entity>);

impl Client {
    /// Whether it is the viewer's own organization's record. Another's is there in an emergency alone, and nothing of it is listed as
    /// closed (contract.md, "Answers").
    fn is_own(&self, ctx: &Context<'_>) -> bool {
        ctx.access().organization == Some(self.0.organization_id)
    }

    fn closed_by_role(&self, ctx: &Context<'_>, class: Class) {
        if self.is_own(ctx) {
            ctx.closed_by_role(class);
        }
    }
}

/// A person receiving support, as one organization knows them.
#[Object]
impl Client {
    /// Their id.
    async fn id(&self) -> ClientId {
        self.0.id
    }

    /// Whose record this is.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization> {
        let found = ctx.load::<organization::Entity>(self.0.organization_id).await?;
        found.map(Organization).ok_or_else(|| coded("UNAVAILABLE", "The client's organization has left."))
    }

    /// A made-up name for lists and talk; it says nothing about the person.
    async fn pseudonym(&self) -> &str {
        &self.0.pseudonym
    }

    /// Class A: who they are and how they are reached. Null where the viewer's role does not open it, and once it is erased.
    async fn identity(&self, ctx: &Context<'_>) -> Result<Option<ClientIdentity>> {
        if self.0.erased_at.is_some() {
            return Ok(None);
        }
        let Some(opened) = self.0.open::<class::Identity>() else {
            self.closed_by_role(ctx, Class::Identity);
            return Ok(None);
        };
        let identity = unless_erased(ctx.store().unseal(&opened, client::Column::Identity, &opened.identity).await)?;
        Ok(identity.map(ClientIdentity))
    }

    /// Class B: what they say of their recovery. Null where the viewer's role does not open it, and once it is erased.
    async fn recovery(&self, ctx: &Context<'_>) -> Result<Option<ClientRecovery>> {
        if self.0.erased_at.is_some() {
            return Ok(None);
        }
        let Some(opened) = self.0.open::<class::ReferralClinical>() else {
            self.closed_by_role(ctx, Class::ReferralClinical);
            return Ok(None);
        };
        // First, on the level of all that are listed: keys are waited for, and what is loaded after that is loaded one by one.
        let asked = ctx.look_ahead().field("milestones").exists();
        let starts = if asked { ctx.load_parts::<client::Entity, milestone::Entity>(&self.0).await? } else { [].into() };
        let recovery = unless_erased(ctx.store().unseal(&opened, client::Column::Recovery, &opened.recovery).await)?;
        Ok(recovery.map(|said| ClientRecovery { said, client: self.0.clone(), starts }))
    }

    /// The programs they are with; none to another organization in an emergency.
    async fn programs(&self, ctx: &Context<'_>) -> Result<Vec<Program>> {
        if !self.is_own(ctx) {
            return Ok(Vec::new());
        }
        let with = ctx.load_parts::<client::Entity, client_program::Entity>(&self.0).await?;
        programs(ctx, with.iter().map(|with| with.program_id)).await
    }

    /// Class C: support and contacts. Null where the viewer's role does not open it.
    async fn care(&self, ctx: &Context<'_>) -> Option<ClientCare> {
        if self.0.may_open(Class::ContactsAndNotes) {
            return Some(ClientCare(self.0.id));
        }
        self.closed_by_role(ctx, Class::ContactsAndNotes);
        None
    }

    /// Class M: consents, and what was disclosed under them. Null where the viewer's role does not open it.
    async fn privacy(&self, ctx: &Context<'_>) -> Option<ClientPrivacy> {
        if self.0.may_open(Class::Privacy) {
            return Some(ClientPrivacy(self.0.clone()));
        }
        self.closed_by_role(ctx, Class::Privacy);
        None
    }

    /// The referrals that their own organization sent or received for them, newest first, as far as they are there for the viewer.
    #[allow(clippy::too_many_arguments, reason = "every connection takes the four of the Relay specification")]
    async fn referrals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; all when there is none.")] filter: Option<ReferralFilter>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ReferralConnection> {
        let access = ctx.access();
        let find = filter.unwrap_or_default().narrow(ctx.store(), &access, ctx.store().find::<referral::Entity>(&access));
        let find = find.map_err(query_error)?.ordered(referral::Column::CreatedAt, Order::Desc);
        let sides = [referral::Column::FromClientId, referral::Column::ToClientId];
        Ok(children_of_either(ctx, find, sides, self.0.id, PageArgs { first, after, last, before }).await?.into())
    }

    /// Everything that happened and is the viewer's to see, newest first.
    async fn timeline(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of these kinds; of all when there are none.")] kinds: Option<Vec<EventKind>>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<EventConnection> {
        let access = ctx.access();
        let mut find = ctx.store().find::<event::Entity>(&access);
        if let Some(kinds) = &kinds {
            find = find.by(event::Column::Kind, |column| column.is_in(kinds.iter().copied()));
        }
        let find = find.ordered(event::Column::Position, Order::Desc);
        Ok(children(ctx, find, event::Column::ClientId, self.0.id, PageArgs { first, after, last, before }).await?.into())
    }

    /// The record that stands for this person since the two were merged; null while this one stands for itself.
    async fn merged_into(&self, ctx: &Context<'_>) -> Result<Option<Client>> {
        match self.0.merged_into_id {
            Some(id) => Ok(ctx.load::<client::Entity>(id).await?.map(Client)),
            None => Ok(None),
        }
    }

    /// When the person was erased (UTC): what was sealed of them is null from then on, here and wherever else it was said. Null for all
    /// others.
    async fn erased_at(&self) -> Option<DateTime<Utc>> {
        self.0.erased_at
    }

    /// UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// UTC.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// Counts changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// What was unsealed; nothing when its key is gone, because the person was erased.
pub(super) fn unless_erased<T>(unsealed: OurResult<T>) -> Result<Option<T>> {
    match unsealed {
        Ok(value) => Ok(Some(value)),
        Err(OurError::NotFound) => Ok(None),
        Err(error) => Err(query_error(error)),
    }
}

connection!(Client, ClientConnection, ClientEdge, client::Entity, "clients");

/// Who someone is and how they are reached.
pub(crate) struct ClientIdentity(Identity);

/// Who someone is and how they are reached.
#[Object]
impl ClientIdentity {
    /// Given name.
    async fn given_name(&self) -> &str {
        &self.0.given_name
    }

    /// Family name.
    async fn family_name(&self) -> &str {
        &self.0.family_name
    }

    /// How they want to be called.
    async fn preferred_name(&self) -> Option<&str> {
        self.0.preferred_name.as_deref()
    }

    /// As they say.
    async fn pronouns(&self) -> Option<&str> {
        self.0.pronouns.as_deref()
    }

    /// Date of birth.
    async fn date_of_birth(&self) -> Date {
        Date(self.0.date_of_birth)
    }

    /// As they say; null when they have not.
    async fn gender(&self) -> Option<Gender> {
        self.0.gender
    }

    /// As they say; several may hold.
    async fn race_ethnicity(&self) -> &[RaceEthnicity] {
        &self.0.race_ethnicity
    }

    /// How they are reached.
    async fn contact_methods(&self) -> Vec<ContactMethod> {
        self.0.contact_methods.iter().cloned().map(ContactMethod).collect()
    }

    /// Where they live.
    async fn address(&self) -> Option<Address> {
        self.0.address.clone().map(Into::into)
    }

    /// Their own time zone.
    async fn time_zone(&self) -> TimeZone {
        TimeZone(self.0.time_zone.clone())
    }

    /// What they speak.
    async fn languages(&self) -> Vec<LanguageTag> {
        self.0.languages.iter().cloned().map(LanguageTag).collect()
    }

    /// Whether an interpreter is needed.
    async fn interpreter_needed(&self) -> bool {
        self.0.interpreter_needed
    }

    /// Who pays.
    async fn payer(&self) -> Option<FundingKind> {
        self.0.payer
    }

    /// What other systems know them by.
    async fn external_identifiers(&self) -> Vec<ExternalIdentifier> {
        let known = self.0.external_identifiers.iter().cloned();
        known.map(|known| ExternalIdentifier { system: known.system, value: known.value }).collect()
    }
}

/// What someone says of their recovery.
pub(crate) struct ClientRecovery {
    said: Recovery,
    client: Visible<client::Entity>,
    /// Where they are asked for.
    starts: Arc<[milestone::Model]>,
}

/// What someone says of their recovery.
#[Object]
impl ClientRecovery {
    /// As they describe themselves.
    async fn communities(&self) -> &[String] {
        &self.said.communities
    }

    /// The ways they name.
    async fn pathways(&self) -> &[RecoveryPathway] {
        &self.said.pathways
    }

    /// What they have lived through and name.
    async fn experiences(&self) -> &[Experience] {
        &self.said.experiences
    }

    /// Where they want support.
    async fn needs(&self) -> &[PlanDimension] {
        &self.said.needs
    }

    /// Whether they use medication for opioid use disorder, which is recovery; null when not said.
    async fn moud(&self) -> Option<bool> {
        self.said.moud
    }

    /// What they want of a peer.
    async fn match_preferences(&self) -> Vec<MatchPreference> {
        self.said.match_preferences.iter().cloned().map(Into::into).collect()
    }

    /// What they count days from, by kind and name.
    async fn milestones(&self, ctx: &Context<'_>) -> Result<Vec<Milestone>> {
        counted(ctx, &self.client, &self.starts).await
    }
}

/// What somebody wants of a peer.
#[derive(SimpleObject)]
pub(crate) struct MatchPreference {
    /// What it is about.
    criterion: MatchCriterionKind,
    /// What they want.
    value: String,
    /// Whether it must be so; otherwise it is a wish.
    required: bool,
}

impl From<rules::MatchPreference> for MatchPreference {
    fn from(wanted: rules::MatchPreference) -> Self {
        Self { criterion: wanted.criterion, value: wanted.value, required: wanted.required }
    }
}

/// A way to reach someone.
pub(crate) struct ContactMethod(pub(crate) rules::ContactMethod);

/// A way to reach someone.
#[Object]
impl ContactMethod {
    /// Its id among the client's.
    async fn id(&self) -> async_graphql::ID {
        async_graphql::ID(self.0.id.clone())
    }

    /// What it is.
    async fn kind(&self) -> ContactMethodKind {
        self.0.kind
    }

    /// The number or address.
    async fn value(&self) -> &str {
        &self.0.value
    }

    /// Whether the person called it safe. Nothing else is ever used.
    async fn safe(&self) -> bool {
        self.0.safe
    }

    /// Whether what is said there may mention recovery.
    async fn may_mention_recovery(&self) -> bool {
        self.0.may_mention_recovery
    }

    /// Whether a message may be left.
    async fn may_leave_message(&self) -> bool {
        self.0.may_leave_message
    }

    /// From when in the day, in the person's zone; null for any time.
    async fn from(&self) -> Option<LocalTime> {
        self.0.from.map(LocalTime)
    }

    /// Until when.
    async fn to(&self) -> Option<LocalTime> {
        self.0.to.map(LocalTime)
    }
}

/// An identifier that another system knows the person by.
#[derive(SimpleObject)]
pub(crate) struct ExternalIdentifier {
    /// The system, as a URI or a name.
    system: String,
    /// The identifier in it.
    value: String,
}

impl From<rules::ExternalIdentifier> for ExternalIdentifier {
    fn from(known: rules::ExternalIdentifier) -> Self {
        Self { system: known.system, value: known.value }
    }
}

impl From<ExternalIdentifierInput> for rules::ExternalIdentifier {
    fn from(input: ExternalIdentifierInput) -> Self {
        Self { system: input.system, value: input.value }
    }
}

/// An identifier that another system knows the person by.
#[derive(InputObject, Clone)]
pub(crate) struct ExternalIdentifierInput {
    /// The system, as a URI or a name.
    pub(crate) system: String,
    /// The identifier in it.
    pub(crate) value: String,
}

/// Which clients. Names match exactly, normalized, by whole words.
#[derive(InputObject, Default)]
pub(crate) struct ClientFilter {
    /// Known by this to another system.
    external_identifier: Option<ExternalIdentifierInput>,
    /// With these words in the family name.
    family_name: Option<String>,
    /// Born on this day.
    date_of_birth: Option<Date>,
    /// Reached by this telephone.
    phone: Option<PhoneNumber>,
    /// Reached by this address.
    email: Option<EmailAddress>,
    /// With this pseudonym.
    pseudonym: Option<String>,
    /// With one of these programs.
    program_ids: Option<Vec<ProgramId>>,
    /// Changed then.
    updated: Option<DateTimeRange>,
}

impl ClientFilter {
    fn words(&self) -> Vec<Searchable<'_>> {
        let identifier = self.external_identifier.as_ref().map(|known| Searchable::ExternalIdentifier(&known.system, &known.value));
        let words = [
            identifier,
            self.family_name.as_deref().map(Searchable::FamilyName),
            self.date_of_birth.map(|date| Searchable::DateOfBirth(date.0)),
            self.phone.as_ref().map(|phone| Searchable::Phone(&phone.0)),
            self.email.as_ref().map(|email| Searchable::Email(&email.0)),
        ];
        words.into_iter().flatten().collect()
    }
}

/// Queries.
#[derive(Default)]
pub(crate) struct ClientQuery;

#[Object]
impl ClientQuery {
    /// The clients whom the viewer works with, newest last; of a person with merged records, the one that stands; nobody who was
    /// erased.
    #[graphql(guard = "Oneself.or(Requires(Scope::ClientsRead))")]
    async fn clients(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which clients; all when there is none.")] filter: Option<ClientFilter>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ClientConnection> {
        let filter = filter.unwrap_or_default();
        let access = ctx.access();
        let mut find = ctx.store().find::<client::Entity>(&access).by(client::Column::MergedIntoId, |column| column.is_null());
        find = find.by(client::Column::ErasedAt, |column| column.is_null());
        let words = filter.words();
        if !words.is_empty() {
            find = find.matching(Some(Class::Identity), ctx.store().clients_with(&ctx.access(), &words).map_err(query_error)?);
        }
        if let Some(pseudonym) = &filter.pseudonym {
            let pseudonym = text::line("pseudonym", pseudonym, 100).map_err(|refusal| query_error(refusal.into()))?;
            find = find.by(client::Column::Pseudonym, |column| column.eq(pseudonym));
        }
        if let Some(ids) = &filter.program_ids {
            find = find.matching(None, rules::with_programs(ids));
        }
        find = within(find, client::Column::UpdatedAt, filter.updated);
        let find = find.ordered(client::Column::CreatedAt, Order::Asc);
        let page = paged(ctx, find, PageArgs { first, after, last, before }).await?;
        Ok(page.into())
    }

    /// The client with this id, or with this identifier in another system. Exactly one of the two. For a record that was merged into another,
    /// the one that stands.
    #[graphql(guard = "Oneself.or(Requires(Scope::ClientsRead))")]
    async fn client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Their id.")] id: Option<ClientId>,
        #[graphql(desc = "What another system knows them by.")] external_identifier: Option<ExternalIdentifierInput>,
    ) -> Result<Option<Client>> {
        let found = match (id, external_identifier) {
            (Some(id), None) => find_standing(ctx.store(), &ctx.access(), id).await.map_err(query_error)?,
            (None, Some(known)) => {
                let words = [Searchable::ExternalIdentifier(&known.system, &known.value)];
                let access = ctx.access();
                let condition = ctx.store().clients_with(&access, &words).map_err(query_error)?;
                let access = ctx.access();
                let find = ctx.store().find::<client::Entity>(&access).matching(Some(Class::Identity), condition);
                find.first(1).await.map_err(query_error)?.pop()
            }
            _ => return Err(coded("BAD_USER_INPUT", "Give `id` or `externalIdentifier`, exactly one of them.")),
        };
        Ok(found.map(Client))
    }
}
