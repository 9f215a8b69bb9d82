//! Clients, each class of whose data stands behind one gate.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    ClientId, ProgramId, class, client, client_program, consent, contact, disclosure, episode, event, organization, peer_match,
    registration,
    vocabulary::{
        ContactMethodKind, EpisodeStatus, EventKind, Experience, FundingKind, Gender, PlanDimension, RaceEthnicity, RecoveryPathway,
    },
};
use sea_orm::{ColumnTrait, Order};

use super::{
    connection::{children, connection, paged},
    consent::ConsentConnection,
    contact::ContactConnection,
    context::RequestContext,
    disclosure::DisclosureConnection,
    episode::{Episode, EpisodeConnection},
    error::{UserError, coded, command, query_error},
    event::{DateTimeRange, EventConnection},
    guard::Requires,
    organization::Organization,
    peer_match::PeerMatchConnection,
    program::{Address, AddressInput, Program, programs},
    registration::RegistrationConnection,
    scalar::{Date, EmailAddress, LanguageTag, LocalTime, PhoneNumber, TimeZone},
};
use crate::{
    access::{
        Scope,
        policy::{Act, Resource, may},
    },
    domain::{
        client::{self as rules, Identity, NewClient, Recovery, create},
        consent as consents, text,
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
        let Some(opened) = self.0.open::<class::Identity>() else {
            self.closed_by_role(ctx, Class::Identity);
            return Ok(None);
        };
        let identity = unless_erased(ctx.store().unseal(&opened, client::Column::Identity, &opened.identity).await)?;
        Ok(identity.map(ClientIdentity))
    }

    /// Class B: what they say of their recovery. Null where the viewer's role does not open it, and once it is erased.
    async fn recovery(&self, ctx: &Context<'_>) -> Result<Option<ClientRecovery>> {
        let Some(opened) = self.0.open::<class::ReferralClinical>() else {
            self.closed_by_role(ctx, Class::ReferralClinical);
            return Ok(None);
        };
        let recovery = unless_erased(ctx.store().unseal(&opened, client::Column::Recovery, &opened.recovery).await)?;
        Ok(recovery.map(ClientRecovery))
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
            return Some(ClientPrivacy(self.0.id));
        }
        self.closed_by_role(ctx, Class::Privacy);
        None
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

/// The support that a client gets. Made only where that is open to the viewer.
pub(crate) struct ClientCare(ClientId);

/// The support that a client gets.
#[Object]
impl ClientCare {
    /// Their episodes of support, oldest first.
    async fn episodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<EpisodeConnection> {
        let access = ctx.access();
        let find = ctx.store().find::<episode::Entity>(&access).ordered(episode::Column::StartedAt, Order::Asc);
        Ok(children(ctx, find, episode::Column::ClientId, self.0, PageArgs { first, after, last, before }).await?.into())
    }

    /// The one that goes on; the last that began where there are several.
    async fn current_episode(&self, ctx: &Context<'_>) -> Result<Option<Episode>> {
        let access = ctx.access();
        let find = ctx.store().find::<episode::Entity>(&access).by(episode::Column::Status, |column| column.ne(EpisodeStatus::Ended));
        let find = find.ordered(episode::Column::StartedAt, Order::Desc);
        let newest = PageArgs { first: Some(1), ..PageArgs::default() };
        let page = ctx.load_children(self.0, find.of_each(episode::Column::ClientId, newest, false)).await?;
        Ok(page.page.rows.first().map(|(_, row)| Episode(row.clone())))
    }

    /// Contacts with them and attempts, newest first.
    async fn contacts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ContactConnection> {
        let access = ctx.access();
        let find = ctx.store().find::<contact::Entity>(&access).ordered(contact::Column::StartedAt, Order::Desc);
        Ok(children(ctx, find, contact::Column::ClientId, self.0, PageArgs { first, after, last, before }).await?.into())
    }

    /// The sessions that they are registered for, or were, newest first.
    async fn registrations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<RegistrationConnection> {
        let access = ctx.access();
        let find = ctx.store().find::<registration::Entity>(&access).ordered(registration::Column::RegisteredAt, Order::Desc);
        Ok(children(ctx, find, registration::Column::ClientId, self.0, PageArgs { first, after, last, before }).await?.into())
    }

    /// The peers whom they work with, or did, newest first.
    async fn assignments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<PeerMatchConnection> {
        let access = ctx.access();
        let find = ctx.store().find::<peer_match::Entity>(&access).ordered(peer_match::Column::ProposedAt, Order::Desc);
        Ok(children(ctx, find, peer_match::Column::ClientId, self.0, PageArgs { first, after, last, before }).await?.into())
    }
}

/// A client's consents, and what was disclosed under them. Made only where that is open to the viewer.
pub(crate) struct ClientPrivacy(ClientId);

/// A client's consents, and what was disclosed under them.
#[Object]
impl ClientPrivacy {
    /// Their consents, newest first.
    async fn consents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that were not revoked and have not ended.")] active_only: Option<bool>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ConsentConnection> {
        let access = ctx.access();
        let mut find = ctx.store().find::<consent::Entity>(&access);
        if active_only.unwrap_or_default() {
            find = find.matching_as("active", None, consents::holding(access.now));
        }
        let find = find.ordered(consent::Column::CreatedAt, Order::Desc);
        Ok(children(ctx, find, consent::Column::ClientId, self.0, PageArgs { first, after, last, before }).await?.into())
    }

    /// The accounting that a client may ask for (42 CFR 2.25), newest first. The privacy officer's; to others it is empty, and listed in
    /// `extensions.redactions`.
    async fn disclosures(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of this time; of all when there is none.")] range: Option<DateTimeRange>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<DisclosureConnection> {
        let access = ctx.access();
        if !may(&access, Resource::Disclosure, Act::Read) {
            ctx.closed_by_role(Class::Privacy);
        }
        let mut find = ctx.store().find::<disclosure::Entity>(&access);
        if let Some(from) = range.and_then(|range| range.from) {
            find = find.by(disclosure::Column::At, |column| column.gte(from));
        }
        if let Some(to) = range.and_then(|range| range.to) {
            find = find.by(disclosure::Column::At, |column| column.lt(to));
        }
        let find = find.ordered(disclosure::Column::At, Order::Desc);
        Ok(children(ctx, find, disclosure::Column::ClientId, self.0, PageArgs { first, after, last, before }).await?.into())
    }
}

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
pub(crate) struct ClientRecovery(Recovery);

/// What someone says of their recovery.
#[Object]
impl ClientRecovery {
    /// As they describe themselves.
    async fn communities(&self) -> &[String] {
        &self.0.communities
    }

    /// The ways they name.
    async fn pathways(&self) -> &[RecoveryPathway] {
        &self.0.pathways
    }

    /// What they have lived through and name.
    async fn experiences(&self) -> &[Experience] {
        &self.0.experiences
    }

    /// Where they want support.
    async fn needs(&self) -> &[PlanDimension] {
        &self.0.needs
    }

    /// Whether they use medication for opioid use disorder, which is recovery; null when not said.
    async fn moud(&self) -> Option<bool> {
        self.0.moud
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
    /// The clients whom the viewer works with, newest last.
    #[graphql(guard = "Requires(Scope::ClientsRead)")]
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
        let mut find = ctx.store().find::<client::Entity>(&access);
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
        if let Some(from) = filter.updated.and_then(|range| range.from) {
            find = find.by(client::Column::UpdatedAt, |column| column.gte(from));
        }
        if let Some(to) = filter.updated.and_then(|range| range.to) {
            find = find.by(client::Column::UpdatedAt, |column| column.lt(to));
        }
        let find = find.ordered(client::Column::CreatedAt, Order::Asc);
        let page = paged(ctx, find, PageArgs { first, after, last, before }).await?;
        Ok(page.into())
    }

    /// The client with this id, or with this identifier in another system. Exactly one of the two.
    #[graphql(guard = "Requires(Scope::ClientsRead)")]
    async fn client(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Their id.")] id: Option<ClientId>,
        #[graphql(desc = "What another system knows them by.")] external_identifier: Option<ExternalIdentifierInput>,
    ) -> Result<Option<Client>> {
        let found = match (id, external_identifier) {
            (Some(id), None) => ctx.store().fetch::<client::Entity>(&ctx.access(), id).await.map_err(query_error)?,
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

/// A way to reach someone.
#[derive(InputObject)]
pub(crate) struct ContactMethodInput {
    /// What it is.
    kind: ContactMethodKind,
    /// The number or address.
    value: String,
    /// Whether the person called it safe. Nothing else is ever used.
    safe: bool,
    /// Whether what is said there may mention recovery; not unless it says so.
    may_mention_recovery: Option<bool>,
    /// Whether a message may be left; not unless it says so.
    may_leave_message: Option<bool>,
    /// From when in the day, in the person's zone.
    from: Option<LocalTime>,
    /// Until when.
    to: Option<LocalTime>,
}

/// A new client of the caller's organization.
#[derive(InputObject)]
pub(crate) struct ClientCreateInput {
    /// Given name.
    given_name: String,
    /// Family name.
    family_name: String,
    /// How they want to be called.
    preferred_name: Option<String>,
    /// As they say.
    pronouns: Option<String>,
    /// Date of birth; people under 18 cannot be served yet.
    date_of_birth: Date,
    /// As they say.
    gender: Option<Gender>,
    /// As they say.
    race_ethnicity: Option<Vec<RaceEthnicity>>,
    /// Who pays.
    payer: Option<FundingKind>,
    /// How they are reached.
    contact_methods: Vec<ContactMethodInput>,
    /// Where they live.
    address: Option<AddressInput>,
    /// Their own time zone; UTC when none is given.
    time_zone: Option<TimeZone>,
    /// What they speak.
    languages: Option<Vec<LanguageTag>>,
    /// Whether an interpreter is needed.
    interpreter_needed: Option<bool>,
    /// As they describe themselves.
    communities: Option<Vec<String>>,
    /// The ways they name.
    pathways: Option<Vec<RecoveryPathway>>,
    /// What they have lived through and name.
    experiences: Option<Vec<Experience>>,
    /// Where they want support.
    needs: Option<Vec<PlanDimension>>,
    /// Whether they use medication for opioid use disorder.
    moud: Option<bool>,
    /// What other systems know them by.
    external_identifiers: Option<Vec<ExternalIdentifierInput>>,
    /// The programs they are with: some that the caller works in.
    program_ids: Option<Vec<ProgramId>>,
}

impl From<ClientCreateInput> for NewClient {
    fn from(input: ClientCreateInput) -> Self {
        let method = |(place, method): (usize, ContactMethodInput)| rules::ContactMethod {
            id: (place + 1).to_string(),
            kind: method.kind,
            value: method.value,
            safe: method.safe,
            may_mention_recovery: method.may_mention_recovery.unwrap_or_default(),
            may_leave_message: method.may_leave_message.unwrap_or_default(),
            from: method.from.map(|time| time.0),
            to: method.to.map(|time| time.0),
        };
        Self {
            identity: Identity {
                given_name: input.given_name,
                family_name: input.family_name,
                preferred_name: input.preferred_name,
                pronouns: input.pronouns,
                date_of_birth: input.date_of_birth.0,
                gender: input.gender,
                race_ethnicity: input.race_ethnicity.unwrap_or_default(),
                contact_methods: input.contact_methods.into_iter().enumerate().map(method).collect(),
                address: input.address.map(Into::into),
                time_zone: input.time_zone.map_or_else(|| "UTC".to_owned(), |zone| zone.0),
                languages: input.languages.unwrap_or_default().into_iter().map(|tag| tag.0).collect(),
                interpreter_needed: input.interpreter_needed.unwrap_or_default(),
                payer: input.payer,
                external_identifiers: input.external_identifiers.unwrap_or_default().into_iter().map(Into::into).collect(),
            },
            recovery: Recovery {
                communities: input.communities.unwrap_or_default(),
                pathways: input.pathways.unwrap_or_default(),
                experiences: input.experiences.unwrap_or_default(),
                needs: input.needs.unwrap_or_default(),
                moud: input.moud,
            },
            program_ids: input.program_ids.unwrap_or_default(),
        }
    }
}

/// What `clientCreate` came to.
#[derive(SimpleObject)]
pub(crate) struct ClientCreatePayload {
    /// The client; null when it was refused.
    client: Option<Client>,
    /// What to mend.
    user_errors: Vec<UserError>,
}

/// Mutations.
#[derive(Default)]
pub(crate) struct ClientMutation;

#[Object]
impl ClientMutation {
    /// Adds a client to programs that the caller works in. For coordinators.
    #[graphql(guard = "Requires(Scope::ClientsWrite)")]
    async fn client_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The client.")] input: ClientCreateInput,
    ) -> Result<Option<ClientCreatePayload>> {
        let (client, user_errors) = command(ctx, "clientCreate", create(ctx.store(), &ctx.access(), input.into())).await?;
        Ok(Some(ClientCreatePayload { client: client.map(Client), user_errors }))
    }
}
