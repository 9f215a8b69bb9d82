//! How a referral is written and submitted.

use entity::{
    ClientId, ConsentId, ProgramId, ReferralId, TypedId, class, consent, organization,
    program::{self},
    referral, referral_search,
    vocabulary::{DataClass, EventKind, ReferralOrigin, ReferralStatus, ReferralUrgency, ServiceKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::super::{
    client::{self as clients, ExternalIdentifier, NewClient},
    client_merge::standing,
    consent as consents, text, transitions,
};
use super::{
    OPEN,
    snapshot::{Clinical, checked_clinical, snapshot_of},
    step::{Moving, Said, Side, begun, happened, idle_until},
};
use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    error::{Code, Refusal, Result},
    store::{Action, Event, Searchable, Store, Tx, Visible, unique},
};

/// Whom a referral is about.
#[derive(Clone, Debug)]
pub enum Who {
    /// A client of the sender.
    Known(ClientId),
    /// Somebody whom the sender has no record of yet.
    New(Box<NewClient>),
}

/// What a referral is submitted under.
#[derive(Clone, Debug)]
pub enum Under {
    /// A consent that was recorded.
    Known(ConsentId),
    /// A consent that is recorded with it.
    New(Box<consents::NewConsent>),
}

/// What a referral is made of.
#[derive(Clone, Debug)]
pub struct NewReferral {
    /// Which of the caller's programs sends it; the only one when none is named.
    pub from_program_id: Option<ProgramId>,
    /// Which program is asked.
    pub to_program_id: Option<ProgramId>,
    /// Whom it is about.
    pub who: Who,
    /// The consent.
    pub under: Option<Under>,
    /// How soon.
    pub urgency: ReferralUrgency,
    /// The facts of discharge; pathways and medication come from the client's record.
    pub clinical: Clinical,
    /// What is asked for.
    pub requested_services: Vec<ServiceKind>,
    /// What the sender's systems call it.
    pub external_identifiers: Vec<ExternalIdentifier>,
    /// Who asks: a program, the person themselves, or somebody of the community; the latter two are written down by the program that
    /// would serve them.
    pub origin: ReferralOrigin,
    /// The earlier referral of the same client that it follows on (domain 2.9).
    pub re_referral_of: Option<ReferralId>,
    /// Whether it is submitted at once.
    pub submit: bool,
}

/// The most identifiers that a sender gives a referral.
const MOST: usize = 10;

/// Makes a referral of one of the caller's programs: a draft, or submitted at once.
///
/// # Errors
/// `NotPermitted` for other roles than referrers and coordinators and for programs that the caller does not work in, `NotFound` for
/// clients and consents that are not there for them; refused when a field is wrong, and as [`submit`].
pub async fn create(store: &Store, access: &Access, new: NewReferral) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let made = create_in(&mut tx, new).await?;
    tx.commit(made).await
}

/// Makes a referral within a larger command.
///
/// # Errors
/// As [`create`].
pub async fn create_in(tx: &mut Tx, new: NewReferral) -> Result<Visible<referral::Entity>> {
    tx.require(may(tx.access(), Resource::Referral, Act::Create))?;
    let from = from_program(tx, new.from_program_id).await?;
    let to = match new.to_program_id {
        Some(id) => Some(tx.fetch_for::<program::Entity>(id, Action::Read).await?),
        None if new.origin == ReferralOrigin::Program => None,
        None => Some(tx.fetch_for::<program::Entity>(from.id, Action::Read).await?),
    };
    if new.origin != ReferralOrigin::Program && to.as_ref().is_none_or(|to| to.id != from.id) {
        let sentence = "With the origin SELF or COMMUNITY the program that would serve the person writes it down: leave `toProgramId` out.";
        return Err(Refusal::invalid(sentence).at(["input", "toProgramId"]).into());
    }
    let clinical = checked_clinical(new.clinical, tx.access().now)?;
    let identifiers = checked_identifiers(new.external_identifiers)?;
    let client = match new.who {
        Who::Known(id) => standing(tx, id, Action::Read).await?.id,
        Who::New(client) => insert_client(tx, &from, *client).await?,
    };
    let earlier = match new.re_referral_of {
        Some(id) => Some(followed_on(tx, id, client).await?),
        None => None,
    };
    let consent = match new.under {
        Some(Under::Known(id)) => Some(tx.fetch_for::<consent::Entity>(id, Action::Read).await?.id),
        Some(Under::New(consent)) => Some(consents::record_in(tx, client, from.organization_id, *consent, &["input", "consent"]).await?),
        None => None,
    };
    let (id, now) = (ReferralId::new(), tx.access().now);
    let key = tx.new_key(id, from.organization_id).await?;
    let words = identifiers.iter().map(|known| Searchable::ExternalIdentifier(&known.system, &known.value)).collect::<Vec<_>>();
    let words = tx.search_words(from.organization_id, &words)?;
    let sealed = key.seal::<referral::Entity, _, _>(id, referral::Column::Identifiers, &identifiers)?;
    let row = referral::ActiveModel {
        id: Set(id),
        number: Set(number()),
        origin: Set(new.origin),
        from_organization_id: Set(from.organization_id),
        from_program_id: Set(from.id),
        from_client_id: Set(client),
        to_organization_id: Set(to.as_ref().map(|to| to.organization_id)),
        to_program_id: Set(to.as_ref().map(|to| to.id)),
        to_client_id: Set(None),
        consent_id: Set(consent),
        urgency: Set(new.urgency),
        requested_services: Set(new.requested_services.into()),
        person: Set(None),
        clinical: Set(key.seal::<referral::Entity, _, _>(id, referral::Column::Clinical, &clinical)?),
        identifiers: Set((!identifiers.is_empty()).then_some(sealed)),
        disclosed_classes: Set(0),
        submitted_at: Set(None),
        status: Set(ReferralStatus::Draft.into()),
        result: Set(None),
        close_reason: Set(None),
        peer_id: Set(None),
        acknowledged_at: Set(None),
        accepted_at: Set(None),
        assigned_at: Set(None),
        first_attempt_at: Set(None),
        connected_at: Set(None),
        closed_at: Set(None),
        attempt_count: Set(0.into()),
        expires_at: Set(idle_until(ReferralStatus::Draft, now).map(Into::into)),
        due_at: Set(None),
        re_referral_of_id: Set(earlier),
        sender_erased_at: Set(None),
        receiver_erased_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now.into()),
        version: Set(1.into()),
    };
    let made = tx.insert::<referral::Entity, _>(row).await?;
    let search = words.into_iter().map(|word| referral_search::ActiveModel {
        organization_id: Set(from.organization_id),
        hash: Set(word.hash),
        referral_id: Set(id),
    });
    tx.insert_parts::<referral_search::Entity, _>(search.collect()).await?;
    begun(tx, &made).await?;
    tx.record(Event { kind: EventKind::ReferralCreated, ..happened(&made, Side::Sender, 1) });
    if new.submit { submit_in(tx, Moving::of(tx, made).await?, None).await } else { Ok(made) }
}

/// The earlier referral that a new one follows on: of the same client, and over. A closed referral is never opened again (domain 2.9).
async fn followed_on(tx: &Tx, id: ReferralId, client: ClientId) -> Result<ReferralId> {
    let earlier = tx.fetch_for::<referral::Entity>(id, Action::Submit).await?;
    let at = ["input", "reReferralOfId"];
    if earlier.from_client_id != client {
        return Err(Refusal::invalid("`reReferralOfId` is an earlier referral of the same client.").at(at).into());
    }
    let progress = earlier.open::<class::ReferralStatus>();
    if progress.is_some_and(|progress| !transitions::is_final(*progress.status.read(&progress))) {
        return Err(Refusal::invalid("`reReferralOfId` is a referral that is over: this one is still open.").at(at).into());
    }
    Ok(earlier.id)
}

/// A client whom the sender has no record of yet.
async fn insert_client(tx: &mut Tx, from: &Visible<program::Entity>, mut new: NewClient) -> Result<ClientId> {
    let known: Vec<_> = new.identity.external_identifiers.iter().map(|id| Searchable::ExternalIdentifier(&id.system, &id.value)).collect();
    if let Some(existing) = tx.client_known_by(from.organization_id, &known).await? {
        let sentence = "A client of your organization has one of these external identifiers: refer them by `clientId`.";
        let refusal = Refusal::new(Code::AlreadyExists, sentence).at(["input", "client", "externalIdentifiers"]);
        return Err(Refusal { existing: Some(existing.to_string()), ..refusal }.into());
    }
    new.program_ids = vec![from.id];
    clients::insert(tx, from.organization_id, new).await
}

async fn from_program(tx: &Tx, given: Option<ProgramId>) -> Result<Visible<program::Entity>> {
    let id = match (given, tx.access().programs.as_slice()) {
        (Some(id), _) => id,
        (None, [only]) => *only,
        (None, _) => return Err(Refusal::required("fromProgramId").at(["input", "fromProgramId"]).into()),
    };
    tx.fetch_for::<program::Entity>(id, Action::Extend).await
}

/// Eight letters and digits in two groups, none of which is mistaken for another on the telephone.
fn number() -> String {
    const LETTERS: &[u8] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
    let letter = |_| char::from(LETTERS[rand::random_range(0..LETTERS.len())]);
    let letters: String = (0..10).map(letter).collect();
    format!("R-{}-{}", &letters[..5], &letters[5..])
}

pub(super) fn checked_identifiers(identifiers: Vec<ExternalIdentifier>) -> Result<Vec<ExternalIdentifier>, Refusal> {
    if identifiers.len() > MOST {
        let sentence = format!("`externalIdentifiers` has at most {MOST} entries.");
        return Err(Refusal::new(Code::TooMany, sentence).at(["input", "externalIdentifiers"]));
    }
    let checked = identifiers.into_iter().map(|known| {
        Ok(ExternalIdentifier {
            system: text::line("externalIdentifiers", &known.system, 200)?,
            value: text::line("externalIdentifiers", &known.value, 200)?,
        })
    });
    checked.collect()
}

/// Submits a draft: what the consent covers is copied into a snapshot for the receiver (domain 2.3, row 2).
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `REQUIRED` for what is missing, `CONSENT_REQUIRED` when no consent of the client
/// lets the receiver know who they are, `NOT_ELIGIBLE` when the program takes no referrals, `DUPLICATE_OPEN_REFERRAL` when the client
/// has an open one to the program, `INVALID_TRANSITION` and `STALE` as ever.
pub async fn submit(store: &Store, access: &Access, id: ReferralId, version: Option<i32>) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let moving = Moving::fetch(&tx, id).await?;
    let submitted = submit_in(&mut tx, moving, version).await?;
    tx.commit(submitted).await
}

async fn submit_in(tx: &mut Tx, moving: Moving, seen: Option<i32>) -> Result<Visible<referral::Entity>> {
    let mut step = moving.to(&["2"], ReferralStatus::Submitted, Said::of_version(seen))?;
    let draft = &moving.referral;
    let to = draft.to_program_id.ok_or_else(|| Refusal::required("toProgramId").at(["input", "toProgramId"]))?;
    let to = tx.fetch_for::<program::Entity>(to, Action::Read).await?;
    let one_sided = draft.origin != ReferralOrigin::Program;
    if to.organization_id == draft.from_organization_id && !one_sided {
        let sentence = "`toProgramId` is a program of another organization: within one, the client is with both programs.";
        return Err(Refusal::invalid(sentence).at(["input", "toProgramId"]).into());
    }
    if !to.accepts_referrals {
        let sentence = "This program takes no referrals now: choose one with `acceptsReferrals`.";
        return Err(Refusal::new(Code::NotEligible, sentence).at(["input", "toProgramId"]).into());
    }
    let covered = if one_sided { DataClass::bits(DataClass::ALL) } else { consented(tx, draft, &to).await? };
    refuse_duplicate(tx, draft, &[to.id], &["input", "toProgramId"]).await?;
    let snapshot;
    (snapshot, step.discharged_at) = snapshot_of(tx, draft, covered).await?;
    let change = referral::ActiveModel { disclosed_classes: Set(covered), submitted_at: Set(Some(tx.access().now)), ..snapshot };
    let duplicate = || Refusal::new(Code::DuplicateOpenReferral, DUPLICATE).at(["input", "toProgramId"]);
    let submitted = moving.advance(tx, step, change).await.map_err(|error| unique(error, duplicate))?;
    // With what its clocks wrote.
    tx.fetch_for::<referral::Entity>(submitted.id, Action::Read).await
}

/// What the consent of a draft lets the receiver know, as bits of classes.
async fn consented(tx: &Tx, draft: &referral::Model, to: &program::Model) -> Result<i32> {
    let receiver = tx.fetch_for::<organization::Entity>(to.organization_id, Action::Read).await?;
    let consent = draft.consent_id.ok_or_else(|| {
        Refusal::new(Code::ConsentRequired, "Give a consent: `consentId`, or `consent` with its elements.").at(["input", "consent"])
    })?;
    let covered = consents::covered(tx, consent, draft.from_client_id, draft.from_organization_id, &receiver).await?;
    if covered & DataClass::Identity.bit() == 0 {
        let sentence = "The consent does not let the receiving organization know who the client is, for treatment: record one that does.";
        return Err(Refusal::new(Code::ConsentRequired, sentence).at(["input", "consent"]).into());
    }
    Ok(covered)
}

const DUPLICATE: &str = "The client has an open referral to this program: follow that one.";

/// Names the open referral that is in the way. The database keeps the rule; this only says which.
pub(super) async fn refuse_duplicate(tx: &Tx, draft: &referral::Model, to: &[ProgramId], at: &[&str]) -> Result<()> {
    let system = Access::system("duplicate referrals", tx.access().now);
    let open = Condition::all()
        .add(referral::Column::FromOrganizationId.eq(draft.from_organization_id))
        .add(referral::Column::FromClientId.eq(draft.from_client_id))
        .add(referral::Column::ToProgramId.is_in(to.iter().copied()))
        .add(referral::Column::Status.is_in(OPEN.iter().copied()));
    let Some(existing) = tx.look::<referral::Entity>(&system, open).await?.pop() else { return Ok(()) };
    let refusal = Refusal::new(Code::DuplicateOpenReferral, DUPLICATE).at(at.iter().copied());
    Err(Refusal { existing: Some(existing.id.to_string()), ..refusal }.into())
}
