//! What a sender changes of a referral: all of a draft, and once it is submitted the facts of discharge, which planned discharges need.

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    ConsentId, ProgramId, ReferralId, class, consent, organization, program, referral, referral_search,
    vocabulary::{AsamEdition, DataClass, DischargeType, ReferralOrigin, ReferralUrgency, ServiceKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::super::{
    client::ExternalIdentifier,
    consent as consents, referral_offer as offers,
    transitions::{self, Party},
};
use super::{
    clocks,
    send::checked_identifiers,
    snapshot::{Clinical, checked_clinical},
    step::{Moving, Side},
};
use crate::{
    access::Access,
    error::{Code, Error, Refusal, Result},
    store::{Action, Discloser, Searchable, Store, Tx, Visible},
};

/// What is changed: nothing where there is none, and null where there is none within.
#[derive(Clone, Debug, Default)]
pub struct ReferralChanges {
    /// Which program is asked. A draft's only.
    pub to_program_id: Option<ProgramId>,
    /// Under which consent. A draft's only.
    pub consent_id: Option<ConsentId>,
    /// How soon. A draft's only.
    pub urgency: Option<ReferralUrgency>,
    /// What is asked for. A draft's only.
    pub requested_services: Option<Vec<ServiceKind>>,
    /// What the sender says to it. A draft's only.
    pub reason: Option<Option<String>>,
    /// The level that they leave. A draft's only.
    pub level: Option<Option<(AsamEdition, String)>>,
    /// What the sender's systems call it.
    pub external_identifiers: Option<Vec<ExternalIdentifier>>,
    /// When they were discharged.
    pub discharged_at: Option<Option<DateTime<Utc>>>,
    /// When they are expected to be.
    pub expected_discharge_on: Option<Option<NaiveDate>>,
    /// Why treatment ended.
    pub discharge_type: Option<DischargeType>,
    /// The version that was seen.
    pub version: Option<i32>,
}

impl ReferralChanges {
    /// What only a draft takes, as the input names it.
    fn of_draft(&self) -> Option<&'static str> {
        let given = [
            ("toProgramId", self.to_program_id.is_some()),
            ("consentId", self.consent_id.is_some()),
            ("urgency", self.urgency.is_some()),
            ("requestedServices", self.requested_services.is_some()),
            ("reason", self.reason.is_some()),
            ("levelOfCareLeft", self.level.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(name, _)| name)
    }

    /// Whether the facts of discharge change.
    const fn is_clinical(&self) -> bool {
        self.reason.is_some()
            || self.level.is_some()
            || self.discharged_at.is_some()
            || self.expected_discharge_on.is_some()
            || self.discharge_type.is_some()
    }

    fn over(&self, before: Clinical) -> Clinical {
        Clinical {
            discharged_at: self.discharged_at.unwrap_or(before.discharged_at),
            expected_discharge_on: self.expected_discharge_on.unwrap_or(before.expected_discharge_on),
            discharge_type: self.discharge_type.unwrap_or(before.discharge_type),
            level: self.level.clone().unwrap_or(before.level),
            reason: self.reason.clone().unwrap_or(before.reason),
            ..before
        }
    }
}

/// Changes a referral that the caller's program sends.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `IMMUTABLE` for what only a draft takes and for referrals that are over, with
/// `CONSENT_REQUIRED` when the facts of discharge change that no consent lets the receiver know any more, and with `STALE`.
pub async fn update(store: &Store, access: &Access, id: ReferralId, changes: ReferralChanges) -> Result<Visible<referral::Entity>> {
    let mut tx = store.begin(access).await?;
    let moving = Moving::fetch(&tx, id).await?;
    if !moving.is_by(Party::Sender) {
        return Err(Error::NotPermitted);
    }
    moving.unchanged_since(changes.version)?;
    let draft = moving.referral.submitted_at.is_none();
    if transitions::is_final(moving.standing.status) {
        return Err(Refusal::new(Code::Immutable, "This referral is over: write another that follows on it.").at(["input", "id"]).into());
    }
    if let Some(field) = changes.of_draft().filter(|_| !draft) {
        let sentence = format!("`{field}` was submitted: only the facts of discharge and external identifiers still change.");
        return Err(Refusal::new(Code::Immutable, sentence).at(["input", field]).into());
    }
    let mut change = referral::ActiveModel::default();
    let mut changed = Vec::new();
    if draft {
        changed.extend(drafted(&tx, &moving, &changes, &mut change).await?);
    }
    if changes.is_clinical() {
        change.clinical = Set(clinical(&mut tx, &moving, &changes, draft).await?);
        changed.push("clinical");
    }
    if let Some(identifiers) = &changes.external_identifiers {
        change.identifiers = Set(known_as(&tx, &moving.referral, identifiers.clone()).await?);
        changed.push("externalIdentifiers");
    }
    if changed.is_empty() {
        return Err(Refusal::new(Code::Required, "Give something to change.").at(["input"]).into());
    }
    let updated = moving.change(&mut tx, Side::Sender, change, changed).await?;
    if !draft {
        clocks::discharged(&tx, updated.id, changes.discharged_at.flatten()).await?;
    }
    tx.commit(updated).await
}

/// What only a draft takes. Gives the fields' names.
async fn drafted(tx: &Tx, moving: &Moving, changes: &ReferralChanges, change: &mut referral::ActiveModel) -> Result<Vec<&'static str>> {
    let mut changed = Vec::new();
    if let Some(to) = changes.to_program_id {
        if moving.referral.origin != ReferralOrigin::Program {
            let sentence = "A referral with the origin SELF or COMMUNITY stays with the program that wrote it down.";
            return Err(Refusal::new(Code::Immutable, sentence).at(["input", "toProgramId"]).into());
        }
        offers::refuse_offered(tx, moving.referral.id, &["input", "toProgramId"]).await?;
        let to = tx.fetch_for::<program::Entity>(to, Action::Read).await?;
        change.to_organization_id = Set(Some(to.organization_id));
        change.to_program_id = Set(Some(to.id));
        changed.push("to");
    }
    if let Some(id) = changes.consent_id {
        change.consent_id = Set(Some(tx.fetch_for::<consent::Entity>(id, Action::Read).await?.id));
        changed.push("consent");
    }
    if let Some(urgency) = changes.urgency {
        change.urgency = Set(urgency);
        changed.push("urgency");
    }
    if let Some(services) = &changes.requested_services {
        change.requested_services = Set(services.clone().into());
        changed.push("requestedServices");
    }
    Ok(changed)
}

/// The facts of discharge as they are now. Once they are submitted, changing them is telling them.
async fn clinical(
    tx: &mut Tx,
    moving: &Moving,
    changes: &ReferralChanges,
    draft: bool,
) -> Result<entity::Guarded<class::ReferralClinical, entity::Sealed>> {
    let referral = &moving.referral;
    let opened = referral.open::<class::ReferralClinical>().ok_or(Error::NotPermitted)?;
    let before: Clinical = tx.unseal(&opened, referral::Column::Clinical, &opened.clinical).await?;
    let after = checked_clinical(changes.over(before), tx.access().now)?;
    if !draft && referral.origin == ReferralOrigin::Program && referral.disclosed_classes & DataClass::ReferralClinical.bit() != 0 {
        tell(tx, referral).await?;
    }
    let key = tx.key_of(referral.id).await?;
    key.seal::<referral::Entity, _, _>(referral.id, referral::Column::Clinical, &after)
}

/// Makes sure that a consent still lets the receiver know, and accounts for it.
async fn tell(tx: &mut Tx, referral: &Visible<referral::Entity>) -> Result<()> {
    let refused = || Refusal::new(Code::ConsentRequired, "The consent that let the receiver know this has ended: it is told no more.");
    let to = referral.to_organization_id.ok_or_else(refused)?;
    let recipient = tx.fetch_for::<organization::Entity>(to, Action::Read).await?;
    let flows = consents::flows_for_treatment(tx, &[referral.from_client_id], referral.from_organization_id, &recipient).await?;
    let covers = |flow: &&entity::consent_flow::Model| flow.confirmed && flow.data_classes & DataClass::ReferralClinical.bit() != 0;
    let covering = flows.iter().find(covers).ok_or_else(refused)?;
    let consent = consents::named(tx, covering.consent_id).await?.ok_or_else(refused)?;
    let discloser = Discloser { organization: referral.from_organization_id, client: referral.from_client_id, consenting: Vec::new() };
    tx.disclose(&discloser, &recipient, vec![DataClass::ReferralClinical], &consent).await
}

/// What the sender's systems call it, in place of what they called it before.
async fn known_as(
    tx: &Tx,
    referral: &Visible<referral::Entity>,
    identifiers: Vec<ExternalIdentifier>,
) -> Result<Option<entity::Guarded<class::Identity, entity::Sealed>>> {
    let identifiers = checked_identifiers(identifiers)?;
    let words = identifiers.iter().map(|known| Searchable::ExternalIdentifier(&known.system, &known.value)).collect::<Vec<_>>();
    let words = tx.search_words(referral.from_organization_id, &words)?;
    tx.delete_parts::<referral_search::Entity>(Condition::all().add(referral_search::Column::ReferralId.eq(referral.id))).await?;
    let search = words.into_iter().map(|word| referral_search::ActiveModel {
        organization_id: Set(referral.from_organization_id),
        hash: Set(word.hash),
        referral_id: Set(referral.id),
    });
    tx.insert_parts::<referral_search::Entity, _>(search.collect()).await?;
    if identifiers.is_empty() {
        return Ok(None);
    }
    let key = tx.key_of(referral.id).await?;
    Ok(Some(key.seal::<referral::Entity, _, _>(referral.id, referral::Column::Identifiers, &identifiers)?))
}
