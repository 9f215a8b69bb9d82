//! Who sees a client.

use chrono::{NaiveDate, NaiveTime};
use entity::{
    ClientId, OrganizationId, ProgramId, TypedId, class, client, client_program, client_search, peer_match as peer_match_row,
    program::{self, Address},
    referral,
    vocabulary::{
        ContactMethodKind, EventKind, Experience, FundingKind, Gender, MatchCriterionKind, PlanDimension, RaceEthnicity, RecoveryPathway,
        Role,
    },
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait, sea_query::Expr};
use serde::{Deserialize, Serialize};

use super::{address, client_erase, duplicate, peer_match, pseudonym, text};
use crate::{
    access::{
        Access, Scope, emergency,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{
        Action, Class, Discloser, Event, Grants, Part, PartOf, Protected, SearchWord, Searchable, Store, Tx, Visible, always, any_of,
        never, query, unique,
    },
};

impl Part for client_program::Entity {}

impl PartOf<client::Entity> for client_program::Entity {
    fn parent_column() -> client_program::Column {
        client_program::Column::ClientId
    }

    fn parent(part: &client_program::Model) -> ClientId {
        part.client_id
    }

    fn order() -> client_program::Column {
        client_program::Column::ProgramId
    }
}

impl Part for client_search::Entity {}

/// Clients who are with one of these programs.
pub fn with_programs(ids: &[ProgramId]) -> Condition {
    let with = query::<client_program::Entity>().select_only().column(client_program::Column::ClientId);
    let with = with.filter(client_program::Column::ProgramId.is_in(ids.iter().copied()));
    Condition::all().add(client::Column::Id.in_subquery(with.into_query()))
}

/// Clients who are with a program that the caller works in: the internal need to know (domain 3.3, superscript p).
fn of_my_programs(access: &Access) -> Condition {
    with_programs(&access.programs)
}

/// Clients whom the caller supports as a peer (superscript a).
fn assigned_to_me(access: &Access) -> Option<Condition> {
    let assigned = peer_match::with_me(access)?.column(peer_match_row::Column::ClientId);
    Some(Condition::all().add(client::Column::Id.in_subquery(assigned.into_query())))
}

/// Clients whom one of the caller's programs referred (domain 3.3, REF: own referral).
fn referred_by_mine(access: &Access) -> Condition {
    let referred = query::<referral::Entity>().select_only().column(referral::Column::FromClientId);
    let referred = referred.filter(referral::Column::FromProgramId.is_in(access.programs.iter().copied()));
    Condition::all().add(client::Column::Id.in_subquery(referred.into_query()))
}

/// The privacy officer's: all of the organization.
fn all_of_them(access: &Access) -> Option<Condition> {
    access.has(Role::PrivacyOfficer).then(always)
}

/// The caller, where they are a client who reads their own data (superscript o).
fn oneself(access: &Access) -> Option<Condition> {
    access.own(client::Column::Id)
}

/// The clients whom the caller works with, by what their roles let them: a coordinator and a supervisor, a referrer, a peer; and themselves.
fn near(access: &Access) -> Condition {
    let of_programs = access.has_any(&[Role::Coordinator, Role::Supervisor]).then(|| of_my_programs(access));
    let referred = access.has(Role::Referrer).then(|| referred_by_mine(access));
    any_of([of_programs, referred, assigned_to_me(access), oneself(access)].into_iter().flatten())
}

/// The same, and all of the organization for the privacy officer.
fn near_or_all(access: &Access) -> Condition {
    any_of(std::iter::once(near(access)).chain(all_of_them(access)))
}

/// Those whose contacts and all that belongs to them the caller reads (class C): as [`near`], without referrers.
pub(super) fn supported(access: &Access) -> Condition {
    let of_programs = access.has_any(&[Role::Coordinator, Role::Supervisor]).then(|| of_my_programs(access));
    any_of([of_programs, assigned_to_me(access), oneself(access)].into_iter().flatten())
}

/// Those whose notes the caller reads: coordinators read contacts without them.
pub(super) fn confided(access: &Access) -> Condition {
    let supervised = access.has(Role::Supervisor).then(|| of_my_programs(access));
    any_of(supervised.into_iter().chain(assigned_to_me(access)))
}

/// Those whose consents the caller keeps (class M): coordinators, referrers of own referrals, the privacy officer; and the client reads
/// them.
pub(super) fn consents_kept(access: &Access) -> Condition {
    let of_programs = access.has(Role::Coordinator).then(|| of_my_programs(access));
    let referred = access.has(Role::Referrer).then(|| referred_by_mine(access));
    any_of([of_programs, referred, all_of_them(access), oneself(access)].into_iter().flatten())
}

/// Those whom an emergency access opens to the caller.
fn released(access: &Access) -> Option<Condition> {
    emergency::released(access, Expr::col((client::Entity, client::Column::Id)))
}

/// A condition on clients of the caller's own organization, asked of a column that names one.
pub(super) fn named_by(access: &Access, column: impl ColumnTrait, who: Condition) -> Condition {
    let clients = query::<client::Entity>().select_only().column(client::Column::Id).filter(who);
    let Some(own) = access.organization else { return never() };
    Condition::all().add(column.in_subquery(clients.filter(client::Column::OrganizationId.eq(own)).into_query()))
}

impl Protected for client::Entity {
    type Id = ClientId;

    fn id_column() -> Self::Column {
        client::Column::Id
    }

    fn id(row: &client::Model) -> ClientId {
        row.id
    }

    /// Those of the caller's organization, to coordinators and supervisors of a program they are with, to the peers assigned to them, to
    /// the referrers of their referrals, and to the privacy officer; and themselves.
    fn visible_to(access: &Access) -> Condition {
        let scoped = access.scoped(&[Scope::ClientsRead, Scope::ClientsWrite]);
        let Some(own) = access.organization.filter(|_| scoped) else { return never() };
        Condition::all().add(client::Column::OrganizationId.eq(own)).add(near_or_all(access))
    }

    /// Of whoever was erased classes A and B are open to nobody, even before their key is destroyed.
    fn grants(access: &Access) -> Grants {
        let kept = |who: Condition| Condition::all().add(client::Column::ErasedAt.is_null()).add(who);
        let own = Grants::none()
            .open(Class::Identity, kept(near_or_all(access)))
            .open(Class::ReferralClinical, kept(near(access)))
            .open(Class::ContactsAndNotes, supported(access))
            .open(Class::Privacy, consents_kept(access));
        let Some(released) = released(access) else { return own };
        let here = Condition::all().add(client::Column::OrganizationId.eq(access.organization));
        let released = kept(released);
        own.within(&here).open(Class::Identity, released.clone()).open(Class::ReferralClinical, released)
    }

    /// Those of other organizations that an emergency access opens to the caller's (42 CFR 2.51): who they are and the clinical facts.
    fn by_id_alone(access: &Access) -> Option<Condition> {
        let scoped = access.scopes.contains(&Scope::ClientsRead) || access.scopes.contains(&Scope::ClientsWrite);
        released(access).filter(|_| scoped)
    }

    fn allows(access: &Access, action: Action, _: &client::Model) -> bool {
        match action {
            Action::Read => true,
            Action::Update => may(access, Resource::Client, Act::Update),
            Action::Extend => may(access, Resource::Consent, Act::Create),
            Action::Support => may(access, Resource::Contact, Act::Create),
            // What days are counted from is the client's own to say (domain 6.7).
            Action::Count if access.is_oneself() => access.acts_for_oneself(),
            Action::Count => may(access, Resource::Client, Act::Update),
            Action::Merge => may(access, Resource::Client, Act::Merge),
            Action::Erase => may(access, Resource::Client, Act::Erase),
            Action::Export => may(access, Resource::DataExport, Act::Create),
            Action::Release => may(access, Resource::EmergencyAccess, Act::Create),
            Action::Invite => may(access, Resource::ClientAccess, Act::Create),
            Action::EndAccess => may(access, Resource::ClientAccess, Act::End),
            _ => false,
        }
    }

    fn over(row: &client::Model) -> Option<Refusal> {
        client_erase::refusal(row)
    }

    fn class_of(column: client::Column) -> Option<Class> {
        match column {
            client::Column::Identity => Some(Class::Identity),
            client::Column::Recovery => Some(Class::ReferralClinical),
            _ => None,
        }
    }

    fn discloser(row: &client::Model, _: Class, reader: OrganizationId) -> Option<Discloser> {
        let others = reader != row.organization_id;
        others.then(|| Discloser { organization: row.organization_id, client: row.id, consenting: vec![row.id] })
    }
}

/// A way to reach someone (domain 2.5: only safe channels are used).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactMethod {
    /// Its id among the client's.
    pub id: String,
    /// What it is.
    pub kind: ContactMethodKind,
    /// The number or address.
    pub value: String,
    /// Whether the person called it safe. Nothing else is ever used.
    pub safe: bool,
    /// Whether what is said there may mention recovery.
    pub may_mention_recovery: bool,
    /// Whether a message may be left.
    pub may_leave_message: bool,
    /// From when in the day (HH:MM in the client's zone); null for any time.
    pub from: Option<NaiveTime>,
    /// Until when.
    pub to: Option<NaiveTime>,
}

/// An identifier that another system knows the person by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalIdentifier {
    /// The system, as a URI or a name.
    pub system: String,
    /// The identifier in it.
    pub value: String,
}

/// Class A of a client: who they are and how they are reached. Sealed as one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// How they want to be called.
    pub preferred_name: Option<String>,
    /// As they say.
    pub pronouns: Option<String>,
    /// Date of birth.
    pub date_of_birth: NaiveDate,
    /// As they say.
    pub gender: Option<Gender>,
    /// As they say.
    pub race_ethnicity: Vec<RaceEthnicity>,
    /// How they are reached.
    pub contact_methods: Vec<ContactMethod>,
    /// Where they live.
    pub address: Option<Address>,
    /// Their own time zone.
    pub time_zone: String,
    /// BCP 47.
    pub languages: Vec<String>,
    /// Whether an interpreter is needed.
    pub interpreter_needed: bool,
    /// Who pays.
    pub payer: Option<FundingKind>,
    /// What other systems know them by.
    pub external_identifiers: Vec<ExternalIdentifier>,
}

/// Class B of a client: what they say of their recovery. Sealed as one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    /// As they describe themselves.
    pub communities: Vec<String>,
    /// The ways they name.
    pub pathways: Vec<RecoveryPathway>,
    /// What they have lived through and name.
    pub experiences: Vec<Experience>,
    /// Where they want support.
    pub needs: Vec<PlanDimension>,
    /// Whether they use medication for opioid use disorder, which is recovery; null when not said.
    pub moud: Option<bool>,
    /// What they want of a peer. Records from before these could be given have none.
    #[serde(default)]
    pub match_preferences: Vec<MatchPreference>,
}

/// What somebody wants of a peer (domain 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchPreference {
    /// What it is about.
    pub criterion: MatchCriterionKind,
    /// What they want.
    pub value: String,
    /// Whether it must be so; otherwise it is a wish.
    pub required: bool,
}

/// Who somebody is, where that is open to who fetched the row.
///
/// # Errors
/// `NotPermitted` where it is not, `NotFound` when the person was erased.
pub(super) async fn identity_of(tx: &Tx, client: &Visible<client::Entity>) -> Result<Identity> {
    let opened = client.open::<class::Identity>().ok_or(Error::NotPermitted)?;
    tx.unseal(&opened, client::Column::Identity, &opened.identity).await
}

/// What they say of their recovery, likewise.
///
/// # Errors
/// As [`identity_of`].
pub(super) async fn recovery_of(tx: &Tx, client: &Visible<client::Entity>) -> Result<Recovery> {
    let opened = client.open::<class::ReferralClinical>().ok_or(Error::NotPermitted)?;
    tx.unseal(&opened, client::Column::Recovery, &opened.recovery).await
}

/// What a client is made of.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// Class A.
    pub identity: Identity,
    /// Class B.
    pub recovery: Recovery,
    /// The programs they are with.
    pub program_ids: Vec<ProgramId>,
}

/// The youngest who are served until a state's policy on minors is configured (domain 3.1, 42 CFR 2.14).
const ADULT_YEARS: u32 = 18;
/// The most contact methods, languages, identifiers and so on of one client.
const MOST: usize = 20;

pub(super) fn checked_recovery(recovery: Recovery) -> Result<Recovery, Refusal> {
    if recovery.communities.len() > MOST {
        return Err(Refusal::new(Code::TooMany, format!("`communities` has at most {MOST} entries.")).at(["input", "communities"]));
    }
    if recovery.match_preferences.len() > MOST {
        let sentence = format!("`matchPreferences` has at most {MOST} entries.");
        return Err(Refusal::new(Code::TooMany, sentence).at(["input", "matchPreferences"]));
    }
    let communities = recovery.communities.iter().map(|name| text::line("communities", name, 100)).collect::<Result<_, _>>()?;
    let wanted = recovery
        .match_preferences
        .into_iter()
        .map(|wanted| Ok(MatchPreference { value: text::line("matchPreferences", &wanted.value, 100)?, ..wanted }));
    Ok(Recovery { communities, match_preferences: wanted.collect::<Result<_, Refusal>>()?, ..recovery })
}

pub(super) fn checked(identity: Identity, now: Instant) -> Result<Identity, Refusal> {
    let today = now.date_naive();
    let at = |field: &'static str| ["input", field];
    let age = today.years_since(identity.date_of_birth);
    let Some(age) = age.filter(|years| *years <= 120) else {
        return Err(Refusal::invalid("`dateOfBirth` is a day in the past, at most 120 years ago.").at(at("dateOfBirth")));
    };
    if age < ADULT_YEARS {
        let sentence = "People under 18 cannot be served here yet: a policy on minors of the state must be configured first.";
        return Err(Refusal::new(Code::NotEligible, sentence).at(at("dateOfBirth")));
    }
    let counts = [
        ("contactMethods", identity.contact_methods.len()),
        ("languages", identity.languages.len()),
        ("externalIdentifiers", identity.external_identifiers.len()),
        ("raceEthnicity", identity.race_ethnicity.len()),
    ];
    if let Some((field, _)) = counts.into_iter().find(|(_, count)| *count > MOST) {
        return Err(Refusal::new(Code::TooMany, format!("`{field}` has at most {MOST} entries.")).at(at(field)));
    }
    let contact_methods = identity.contact_methods.into_iter().map(|method| {
        let value = match method.kind {
            ContactMethodKind::Phone | ContactMethodKind::Sms => text::phone("contactMethods", &method.value)?,
            ContactMethodKind::Email => text::email("contactMethods", &method.value)?,
            ContactMethodKind::Video | ContactMethodKind::Mail => text::line("contactMethods", &method.value, 500)?,
        };
        Ok(ContactMethod { value, ..method })
    });
    let identifiers = identity.external_identifiers.into_iter().map(|known| {
        Ok(ExternalIdentifier {
            system: text::line("externalIdentifiers", &known.system, 200)?,
            value: text::line("externalIdentifiers", &known.value, 200)?,
        })
    });
    Ok(Identity {
        given_name: text::line("givenName", &identity.given_name, 100)?,
        family_name: text::line("familyName", &identity.family_name, 100)?,
        preferred_name: identity.preferred_name.map(|name| text::line("preferredName", &name, 100)).transpose()?,
        pronouns: identity.pronouns.map(|words| text::line("pronouns", &words, 50)).transpose()?,
        address: identity.address.map(address::checked).transpose()?,
        contact_methods: contact_methods.collect::<Result<_, Refusal>>()?,
        external_identifiers: identifiers.collect::<Result<_, Refusal>>()?,
        ..identity
    })
}

/// What a client can be found by.
fn searchable(identity: &Identity) -> Vec<Searchable<'_>> {
    let mut words = vec![
        Searchable::FamilyName(&identity.family_name),
        Searchable::GivenName(&identity.given_name),
        Searchable::DateOfBirth(identity.date_of_birth),
    ];
    words.extend(identity.contact_methods.iter().filter_map(|method| match method.kind {
        ContactMethodKind::Phone | ContactMethodKind::Sms => Some(Searchable::Phone(&method.value)),
        ContactMethodKind::Email => Some(Searchable::Email(&method.value)),
        ContactMethodKind::Video | ContactMethodKind::Mail => None,
    }));
    words.extend(identity.external_identifiers.iter().map(|known| Searchable::ExternalIdentifier(&known.system, &known.value)));
    words
}

/// Adds a client to programs that the caller works in.
///
/// # Errors
/// `NotPermitted` for other roles than coordinators and for programs that the caller does not work in; refused when a field is wrong,
/// or another client of the organization has one of the external identifiers.
pub async fn create(store: &Store, access: &Access, new: NewClient) -> Result<Visible<client::Entity>> {
    let mut tx = store.begin(access).await?;
    let made = create_in(&mut tx, access.organization.ok_or(Error::NotPermitted)?, new).await?;
    tx.commit(made).await
}

/// Adds a client within a larger command.
///
/// # Errors
/// As [`create`].
pub async fn create_in(tx: &mut Tx, organization: OrganizationId, new: NewClient) -> Result<Visible<client::Entity>> {
    tx.require(may(tx.access(), Resource::Client, Act::Create))?;
    let id = insert(tx, organization, new).await?;
    tx.fetch_for::<client::Entity>(id, Action::Read).await
}

/// Writes a new client, who exists for the caller once what makes them visible is written, too.
pub(super) async fn insert(tx: &mut Tx, organization: OrganizationId, new: NewClient) -> Result<ClientId> {
    let now = tx.access().now;
    if new.program_ids.is_empty() {
        let sentence = "Give `programIds`: whoever is with no program could be seen by nobody.";
        return Err(Refusal::new(Code::Required, sentence).at(["input", "programIds"]).into());
    }
    let programs = tx.fetch_each::<program::Entity>(&new.program_ids, Action::Extend).await?;
    let identity = checked(new.identity, now)?;
    let recovery = checked_recovery(new.recovery)?;
    let programs: Vec<ProgramId> = programs.iter().map(|program| program.id).collect();
    write(tx, organization, &programs, &identity, &recovery).await
}

/// Writes a client of these programs, whose details were checked before.
pub(super) async fn write(
    tx: &mut Tx,
    organization: OrganizationId,
    programs: &[ProgramId],
    identity: &Identity,
    recovery: &Recovery,
) -> Result<ClientId> {
    let (id, now) = (ClientId::new(), tx.access().now);
    let key = tx.new_key(id, organization).await?;
    let row = client::ActiveModel {
        id: Set(id),
        organization_id: Set(organization),
        pseudonym: Set(pseudonym::new()),
        identity: Set(key.seal::<client::Entity, _, _>(id, client::Column::Identity, identity)?),
        recovery: Set(key.seal::<client::Entity, _, _>(id, client::Column::Recovery, recovery)?),
        merged_into_id: Set(None),
        merged_at: Set(None),
        erased_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
    };
    let memberships = programs.iter().map(|program| client_program::ActiveModel {
        organization_id: Set(organization),
        client_id: Set(id),
        program_id: Set(*program),
    });
    let words = words_of(tx, organization, identity)?;
    tx.insert_unseen(row).await?;
    tx.insert_parts::<client_program::Entity, _>(memberships.collect()).await?;
    found_by(tx, organization, id, &words).await?;
    tx.record(Event::new(EventKind::ClientCreated, organization, id, 1).of_client(id));
    let own = words.into_iter().map(|word| (word.kind.to_owned(), word.hash)).collect();
    duplicate::look_for(tx, organization, id, &own, programs, Vec::new()).await?;
    Ok(id)
}

/// The hashes of what an identity can be found by.
pub(super) fn words_of(tx: &Tx, organization: OrganizationId, identity: &Identity) -> Result<Vec<SearchWord>> {
    tx.search_words(organization, &searchable(identity))
}

/// Lets a client be found by these words.
///
/// # Errors
/// Refused when another client of the organization has one of the external identifiers.
pub(super) async fn found_by(tx: &Tx, organization: OrganizationId, id: ClientId, words: &[SearchWord]) -> Result<()> {
    let known = || {
        let sentence = "A client of your organization has one of these external identifiers: find them by it.";
        Refusal::new(Code::AlreadyExists, sentence).at(["input", "externalIdentifiers"])
    };
    let rows = words.iter().map(|word| client_search::ActiveModel {
        organization_id: Set(organization),
        kind: Set(word.kind.to_owned()),
        hash: Set(word.hash.clone()),
        client_id: Set(id),
    });
    tx.insert_parts::<client_search::Entity, _>(rows.collect()).await.map_err(|error| unique(error, known))
}
