//! Who sees a consent, what makes one complete, and how it begins and ends.

use std::collections::BTreeSet;

use entity::{
    ClientId, ConsentId, OrganizationId, TypedId, client, consent, consent_flow, organization, referral,
    vocabulary::{
        ConsentKind, ConsentStatus, DataClass, EventKind, ExpiryEvent, PurposeOfUse, RecipientClass, Role, SignatureMethod, SignerCapacity,
    },
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};

use super::{client as clients, referral as referrals, text};
use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Event, Grants, Part, PartOf, Protected, Store, Tx, Visible, always, never, query},
};

impl Protected for consent::Entity {
    type Id = ConsentId;

    fn id_column() -> Self::Column {
        consent::Column::Id
    }

    fn id(row: &consent::Model) -> ConsentId {
        row.id
    }

    /// Those that the organization recorded, to whoever keeps its clients' consents; and those that came with a referral, to the
    /// coordinators and the privacy officer of the side that received it.
    fn visible_to(access: &Access) -> Condition {
        let scopes = [Scope::ClientsRead, Scope::ClientsWrite, Scope::ReferralsRead, Scope::ReferralsWrite];
        if !scopes.iter().any(|scope| access.scopes.contains(scope)) {
            return never();
        }
        Condition::any().add(recorded(access)).add_option(came_with_a_referral(access, always()))
    }

    /// Who signed is most often the client: the receiver of a referral reads the name where it may know who the client is.
    fn grants(access: &Access) -> Grants {
        let named = referral::Entity::grants(access).condition(Class::Identity);
        let told = came_with_a_referral(access, named).unwrap_or_else(never);
        Grants::none().open(Class::Privacy, recorded(access)).open(Class::Privacy, told)
    }

    fn allows(access: &Access, action: Action, _: &consent::Model) -> bool {
        match action {
            Action::Read => true,
            Action::Answer => may(access, Resource::Consent, Act::Answer),
            Action::End => may(access, Resource::Consent, Act::End),
            _ => false,
        }
    }

    fn class_of(column: consent::Column) -> Option<Class> {
        matches!(column, consent::Column::SignedBy | consent::Column::RevokedHow).then_some(Class::Privacy)
    }

    fn subject(row: &consent::Model) -> uuid::Uuid {
        row.client_id.into()
    }
}

/// Those that the caller's organization recorded, of the clients whose consents the caller keeps.
fn recorded(access: &Access) -> Condition {
    let Some(own) = access.organization else { return never() };
    let kept = clients::named_by(access, consent::Column::ClientId, clients::consents_kept(access));
    Condition::all().add(consent::Column::OrganizationId.eq(own)).add(kept)
}

/// Those that came with a referral of which this holds.
fn came_with_a_referral(access: &Access, holds: Condition) -> Option<Condition> {
    let of_programs = access.has(Role::Coordinator).then(|| referral::Column::ToProgramId.is_in(access.programs.iter().copied()));
    let all = access.organization.filter(|_| access.has(Role::PrivacyOfficer)).map(|own| referral::Column::ToOrganizationId.eq(own));
    let received = Condition::any().add(never()).add_option(of_programs).add_option(all);
    let received = query::<referral::Entity>()
        .select_only()
        .column(referral::Column::ConsentId)
        .filter(referral::Column::SubmittedAt.is_not_null())
        .filter(referral::Column::ConsentId.is_not_null())
        .filter(received)
        .filter(holds);
    access
        .has_any(&[Role::Coordinator, Role::PrivacyOfficer])
        .then(|| Condition::all().add(consent::Column::Id.in_subquery(received.into_query())))
}

impl Part for consent_flow::Entity {}

impl PartOf<consent::Entity> for consent_flow::Entity {
    fn parent_column() -> consent_flow::Column {
        consent_flow::Column::ConsentId
    }

    fn parent(part: &consent_flow::Model) -> ConsentId {
        part.consent_id
    }

    fn order() -> consent_flow::Column {
        consent_flow::Column::Ordinal
    }
}

/// The elements of a consent (42 CFR 2.31(a)), as they were signed.
#[derive(Clone, Debug)]
pub struct NewConsent {
    /// What kind.
    pub kind: ConsentKind,
    /// Who may disclose; the organization that records it when none is named.
    pub disclosers: Vec<OrganizationId>,
    /// Who may receive, by name.
    pub recipients: Vec<OrganizationId>,
    /// Or by class.
    pub recipient_class: Option<RecipientClass>,
    /// Which information.
    pub data_classes: Vec<DataClass>,
    /// What for.
    pub purposes: Vec<PurposeOfUse>,
    /// When it was signed.
    pub signed_at: Instant,
    /// By whom.
    pub signed_by: String,
    /// As what.
    pub signer_capacity: SignerCapacity,
    /// How.
    pub signature_method: SignatureMethod,
    /// SHA-256 of the document, in hexadecimal.
    pub evidence_sha256: Option<String>,
    /// In which language.
    pub language: Option<String>,
    /// When it ends.
    pub expires_at: Option<Instant>,
    /// Or with what.
    pub expiry_event: Option<ExpiryEvent>,
    /// Or never by itself.
    pub never_expires: bool,
}

/// What of a consent must be there, whoever records it.
struct Elements<'a> {
    kind: ConsentKind,
    disclosers: usize,
    recipients: usize,
    by_class: bool,
    data_classes: &'a [DataClass],
    purposes: &'a [PurposeOfUse],
    signed_by: bool,
    ends: usize,
}

/// Kinds under which an organization tells another about a client; the others permit something else.
const fn discloses(kind: ConsentKind) -> bool {
    !matches!(kind, ConsentKind::CommunityTerms | ConsentKind::ContactChannels)
}

/// The names of the elements of 42 CFR 2.31(a) that are missing. While one is, the consent is not active.
fn missing_of(of: &Elements<'_>) -> Vec<&'static str> {
    let telling = discloses(of.kind);
    let elements = [
        ("disclosers", telling && of.disclosers == 0),
        ("recipients", telling && of.recipients == 0 && !of.by_class),
        ("dataClasses", telling && of.data_classes.is_empty()),
        ("purposes", telling && of.purposes.is_empty()),
        ("signedBy", !of.signed_by),
        ("expiry", of.ends == 0),
    ];
    elements.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect()
}

/// The elements that a recorded consent lacks.
pub fn missing(row: &consent::Model, flows: &[consent_flow::Model]) -> Vec<&'static str> {
    let ends = [row.expires_at.is_some(), row.expiry_event.is_some(), row.never_expires];
    missing_of(&Elements {
        kind: row.kind,
        disclosers: flows.len(),
        recipients: flows.iter().filter(|flow| flow.recipient_id.is_some()).count(),
        by_class: row.recipient_class.is_some(),
        data_classes: &row.data_classes,
        purposes: &row.purposes,
        signed_by: true,
        ends: ends.into_iter().filter(|given| *given).count(),
    })
}

/// Where a consent stands: derived from its elements, its expiry and its revocation.
pub fn status(row: &consent::Model, flows: &[consent_flow::Model], now: Instant) -> ConsentStatus {
    if row.revoked_at.is_some() {
        ConsentStatus::Revoked
    } else if row.expired_at.is_some() || row.expires_at.is_some_and(|at| at <= now) {
        ConsentStatus::Expired
    } else if missing(row, flows).is_empty() {
        ConsentStatus::Active
    } else {
        ConsentStatus::Invalid
    }
}

/// Consents that were not revoked and have not ended.
pub fn holding(now: Instant) -> Condition {
    let lasts = Condition::any().add(consent::Column::ExpiresAt.is_null()).add(consent::Column::ExpiresAt.gt(now));
    Condition::all().add(consent::Column::RevokedAt.is_null()).add(consent::Column::ExpiredAt.is_null()).add(lasts)
}

/// What is read of a consent before a referral relies on it. The path names the argument that holds the consent's elements.
fn checked(new: NewConsent, now: Instant, path: &[&'static str]) -> Result<NewConsent, Refusal> {
    let at = |field: &'static str| path.iter().copied().chain([field]);
    let ends = [new.expires_at.is_some(), new.expiry_event.is_some(), new.never_expires].into_iter().filter(|given| *given).count();
    let missing = missing_of(&Elements {
        kind: new.kind,
        disclosers: new.disclosers.len(),
        recipients: new.recipients.len(),
        by_class: new.recipient_class.is_some(),
        data_classes: &new.data_classes,
        purposes: &new.purposes,
        signed_by: !new.signed_by.trim().is_empty(),
        ends,
    });
    if !missing.is_empty() {
        let sentence = format!("A consent needs every element of 42 CFR 2.31(a); this one lacks {}.", missing.join(", "));
        let missing = Some(missing.into_iter().map(str::to_owned).collect());
        return Err(Refusal { missing, ..Refusal::new(Code::ConsentIncomplete, sentence).at(path.iter().copied()) });
    }
    if ends > 1 {
        return Err(Refusal::invalid("Give one of `expiresAt`, `expiryEvent` and `neverExpires`.").at(at("expiresAt")));
    }
    if new.signed_at > now {
        return Err(Refusal::invalid("`signedAt` is not in the future.").at(at("signedAt")));
    }
    if new.expires_at.is_some_and(|ends| ends <= now) {
        return Err(Refusal::invalid("`expiresAt` is in the future: a consent that has ended permits nothing.").at(at("expiresAt")));
    }
    if new.purposes.contains(&PurposeOfUse::Emergency) {
        return Err(Refusal::invalid("`purposes` has no EMERGENCY: an emergency needs no consent (42 CFR 2.51).").at(at("purposes")));
    }
    let tpo = [PurposeOfUse::Treatment, PurposeOfUse::Payment, PurposeOfUse::Operations];
    if new.kind == ConsentKind::TpoSingle && new.purposes.iter().any(|purpose| !tpo.contains(purpose)) {
        let sentence = "`purposes` of TPO_SINGLE are TREATMENT, PAYMENT and OPERATIONS: everything else needs a consent of its own.";
        return Err(Refusal::invalid(sentence).at(at("purposes")));
    }
    if (new.expiry_event == Some(ExpiryEvent::ResearchEnds)) != (new.kind == ConsentKind::Research && new.expiry_event.is_some()) {
        return Err(Refusal::invalid("`expiryEvent` RESEARCH_ENDS is for kind RESEARCH, and no other is.").at(at("expiryEvent")));
    }
    let hexadecimal = |hash: &String| hash.len() == 64 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    if new.evidence_sha256.as_ref().is_some_and(|hash| !hexadecimal(hash)) {
        return Err(Refusal::invalid("`evidenceSha256` is a SHA-256 hash: 64 hexadecimal digits.").at(at("evidenceSha256")));
    }
    Ok(NewConsent {
        signed_by: text::line("signedBy", &new.signed_by, 200)?,
        evidence_sha256: new.evidence_sha256.map(|hash| hash.to_ascii_lowercase()),
        language: new.language.map(|tag| text::language("language", &tag)).transpose()?,
        ..new
    })
}

/// What of the data classes a kind of consent opens to a reader at all (domain 3.3: superscripts t and s).
fn opened_by(kind: ConsentKind, classes: &[DataClass]) -> i32 {
    match kind {
        ConsentKind::TpoSingle | ConsentKind::Specific => DataClass::bits(classes),
        ConsentKind::PartnerStatusFeedback => DataClass::bits(classes) & DataClass::ReferralStatus.bit(),
        _ => 0,
    }
}

fn flows_of(id: ConsentId, client: ClientId, recorder: OrganizationId, new: &NewConsent) -> Vec<consent_flow::ActiveModel> {
    let named = new.recipients.iter().map(|id| (Some(*id), None));
    let recipients: Vec<_> = named.chain(new.recipient_class.map(|class| (None, Some(class)))).collect();
    let pairs = new.disclosers.iter().flat_map(|from| recipients.iter().map(move |to| (*from, *to)));
    let pairs = pairs.filter(|(from, (to, _))| Some(*from) != *to);
    let flow = |(ordinal, (from, (to, class))): (i32, (OrganizationId, (Option<OrganizationId>, Option<RecipientClass>)))| {
        consent_flow::ActiveModel {
            consent_id: Set(id),
            ordinal: Set(ordinal),
            client_id: Set(client),
            discloser_id: Set(from),
            recipient_id: Set(to),
            recipient_class: Set(class),
            data_classes: Set(opened_by(new.kind, &new.data_classes)),
            purposes: Set(PurposeOfUse::bits(&new.purposes)),
            confirmed: Set(from == recorder),
            expires_at: Set(new.expires_at),
            ended_at: Set(None),
        }
    };
    (0..).zip(pairs).map(flow).collect()
}

/// The most organizations that one consent names on each side.
const MOST: usize = 50;

/// Records a consent of a client.
///
/// # Errors
/// `NotFound` when the client is not there for the caller, `NotPermitted` for other roles than referrers and coordinators; refused with
/// `CONSENT_INCOMPLETE` and the missing elements, or when one is wrong.
pub async fn record(store: &Store, access: &Access, client: ClientId, new: NewConsent) -> Result<Visible<consent::Entity>> {
    let mut tx = store.begin(access).await?;
    let client = tx.fetch_for::<client::Entity>(client, Action::Extend).await?;
    let id = record_in(&mut tx, client.id, client.organization_id, new, &["input", "consent"]).await?;
    let recorded = tx.fetch_for::<consent::Entity>(id, Action::Read).await?;
    tx.commit(recorded).await
}

/// Records a consent within a larger command, which has made sure of the client.
///
/// # Errors
/// As [`record`].
pub(super) async fn record_in(
    tx: &mut Tx,
    client: ClientId,
    recorder: OrganizationId,
    mut new: NewConsent,
    path: &[&'static str],
) -> Result<ConsentId> {
    if new.disclosers.is_empty() {
        new.disclosers = vec![recorder];
    }
    let new = checked(new, tx.access().now, path)?;
    let named: BTreeSet<OrganizationId> = new.disclosers.iter().chain(&new.recipients).copied().collect();
    if named.len() > MOST {
        return Err(Refusal::new(Code::TooMany, format!("A consent names at most {MOST} organizations.")).at(path.iter().copied()).into());
    }
    tx.fetch_each::<organization::Entity>(&named.into_iter().collect::<Vec<_>>(), Action::Read).await?;
    let id = ConsentId::new();
    let flows = flows_of(id, client, recorder, &new);
    if discloses(new.kind) && flows.is_empty() {
        return Err(Refusal::invalid("A consent lets one organization tell another: name two.").at(path.iter().copied()).into());
    }
    let key = tx.key_of(client).await?;
    let row = consent::ActiveModel {
        id: Set(id),
        organization_id: Set(recorder),
        client_id: Set(client),
        kind: Set(new.kind),
        recipient_class: Set(new.recipient_class),
        data_classes: Set(unique(new.data_classes).into()),
        purposes: Set(unique(new.purposes).into()),
        signed_at: Set(new.signed_at),
        signed_by: Set(key.seal::<consent::Entity, _, _>(id, consent::Column::SignedBy, &new.signed_by)?),
        signer_capacity: Set(new.signer_capacity),
        signature_method: Set(new.signature_method),
        evidence_sha256: Set(new.evidence_sha256),
        language: Set(new.language),
        expires_at: Set(new.expires_at),
        expiry_event: Set(new.expiry_event),
        never_expires: Set(new.never_expires),
        expired_at: Set(None),
        revoked_at: Set(None),
        revoked_how: Set(None),
        revoked_written: Set(None),
        created_at: Set(tx.access().now),
        version: Set(1),
    };
    tx.insert_unseen(row).await?;
    tx.insert_parts::<consent_flow::Entity, _>(flows).await?;
    tx.record(Event::new(EventKind::ConsentRecorded, recorder, id, 1).of_client(client));
    Ok(id)
}

fn unique<T: Ord>(values: Vec<T>) -> Vec<T> {
    values.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

/// Confirms, for the caller's organization, a consent that came with a referral: from then on it counts for what that organization
/// holds. Doing it again changes nothing.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused when the consent does not name the organization as one that may disclose.
pub async fn confirm(store: &Store, access: &Access, id: ConsentId) -> Result<Visible<consent::Entity>> {
    let mut tx = store.begin(access).await?;
    let consent = tx.fetch_for::<consent::Entity>(id, Action::Answer).await?;
    let own = access.organization.ok_or(Error::NotPermitted)?;
    let named = Condition::all().add(consent_flow::Column::ConsentId.eq(id)).add(consent_flow::Column::DiscloserId.eq(own));
    if tx.parts::<consent_flow::Entity>(named).await?.is_empty() {
        return Err(Refusal::invalid("The consent does not name your organization as one that may disclose.").at(["id"]).into());
    }
    confirm_in(&mut tx, &consent, own).await?;
    tx.record(Event::new(EventKind::ConsentConfirmed, own, id, consent.version));
    tx.commit(consent).await
}

/// Confirms a consent for an organization within a larger command: any answer to a referral confirms the consent that came with it.
pub(super) async fn confirm_in(tx: &mut Tx, consent: &Visible<consent::Entity>, discloser: OrganizationId) -> Result<()> {
    let of = Condition::all().add(consent_flow::Column::ConsentId.eq(consent.id)).add(consent_flow::Column::DiscloserId.eq(discloser));
    let confirmed = consent_flow::ActiveModel { confirmed: Set(true), ..Default::default() };
    tx.update_parts::<consent_flow::Entity, _>(confirmed, of).await.map(drop)
}

/// Revokes a consent. It stops every further disclosure at once, and cancels referrals that have not led to a first contact (domain 2.3).
/// An oral request is enough (domain 3.1).
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `IMMUTABLE` when it was revoked already.
pub async fn revoke(store: &Store, access: &Access, id: ConsentId, how: &str, written: bool) -> Result<Visible<consent::Entity>> {
    let mut tx = store.begin(access).await?;
    let consent = tx.fetch_for::<consent::Entity>(id, Action::End).await?;
    let how = text::paragraph("how", how, 500).map_err(|refusal| refusal.at(["how"]))?;
    if how.is_empty() {
        return Err(Refusal::required("how").at(["how"]).into());
    }
    tx.journal_revocation(consent.organization_id, id).await?;
    let key = tx.key_of(consent.client_id).await?;
    let change = consent::ActiveModel {
        revoked_at: Set(Some(access.now)),
        revoked_how: Set(Some(key.seal::<consent::Entity, _, _>(id, consent::Column::RevokedHow, &how)?)),
        revoked_written: Set(Some(written)),
        version: Set(consent.version + 1),
        ..Default::default()
    };
    let unrevoked = Condition::all().add(consent::Column::RevokedAt.is_null()).add(consent::Column::Version.eq(consent.version));
    let Some(revoked) = tx.update_if(&consent, change, unrevoked).await? else {
        return Err(Refusal::new(Code::Immutable, "This consent is revoked already.").at(["id"]).into());
    };
    end_flows(&mut tx, id).await?;
    referrals::cancel_for_revoked(&mut tx, id).await?;
    let organization = access.organization.ok_or(Error::NotPermitted)?;
    let happened = Event::new(EventKind::ConsentRevoked, organization, id, revoked.version);
    tx.record(if organization == revoked.organization_id { happened.of_client(revoked.client_id) } else { happened });
    tx.commit(revoked).await
}

/// Repeats a revocation that the journal knows and a restored database does not. How it was revoked is lost. Whether there was anything
/// to revoke.
///
/// # Errors
/// `Database` when it cannot be written.
pub async fn revoke_again(store: &Store, access: &Access, id: ConsentId, at: Instant) -> Result<bool> {
    let mut tx = store.begin(access).await?;
    let consent = match tx.fetch_for::<consent::Entity>(id, Action::End).await {
        Ok(consent) if consent.revoked_at.is_none() => consent,
        Ok(_) | Err(Error::NotFound) => return Ok(false),
        Err(error) => return Err(error),
    };
    let change = consent::ActiveModel { revoked_at: Set(Some(at)), version: Set(consent.version + 1), ..Default::default() };
    let Some(revoked) = tx.update_if(&consent, change, consent::Column::RevokedAt.is_null()).await? else { return Ok(false) };
    end_flows(&mut tx, id).await?;
    referrals::cancel_for_revoked(&mut tx, id).await?;
    let happened = Event::new(EventKind::ConsentRevoked, revoked.organization_id, id, revoked.version);
    tx.record(happened.of_client(revoked.client_id));
    tx.commit(revoked).await.map(|_| true)
}

async fn end_flows(tx: &mut Tx, id: ConsentId) -> Result<()> {
    let of = Condition::all().add(consent_flow::Column::ConsentId.eq(id)).add(consent_flow::Column::EndedAt.is_null());
    let ended = consent_flow::ActiveModel { ended_at: Set(Some(tx.access().now)), ..Default::default() };
    tx.update_parts::<consent_flow::Entity, _>(ended, of).await.map(drop)
}

/// Ends the consent of a referral or an episode whose end it named as its own (domain 3.2).
pub(super) async fn expire_with(tx: &mut Tx, id: ConsentId, happened: ExpiryEvent) -> Result<()> {
    let system = Access::system("consent expiry", tx.access().now);
    let of = Condition::all().add(consent::Column::Id.eq(id)).add(consent::Column::ExpiryEvent.eq(happened));
    let of = of.add(consent::Column::ExpiredAt.is_null()).add(consent::Column::RevokedAt.is_null());
    let Some(consent) = tx.look::<consent::Entity>(&system, of).await?.pop() else { return Ok(()) };
    let version = consent.version + 1;
    let change = consent::ActiveModel { expired_at: Set(Some(tx.access().now)), version: Set(version), ..Default::default() };
    if tx.write_if(&consent, change, Condition::all().add(consent::Column::Version.eq(consent.version))).await? {
        end_flows(tx, id).await?;
        tx.record(Event::new(EventKind::ConsentExpired, consent.organization_id, id, version).of_client(consent.client_id));
    }
    Ok(())
}

/// What a consent lets an organization tell another for treatment, as bits of classes.
pub(super) async fn covered(tx: &Tx, id: ConsentId, client: ClientId, from: OrganizationId, to: &organization::Model) -> Result<i32> {
    let by_class = crate::access::consent::recipient_classes(Some(to.kind)).iter().copied();
    let named = Condition::any().add(consent_flow::Column::RecipientId.eq(to.id)).add(consent_flow::Column::RecipientClass.is_in(by_class));
    let of = Condition::all()
        .add(consent_flow::Column::ConsentId.eq(id))
        .add(consent_flow::Column::ClientId.eq(client))
        .add(consent_flow::Column::DiscloserId.eq(from))
        .add(consent_flow::Column::EndedAt.is_null())
        .add(named);
    let flows = tx.parts::<consent_flow::Entity>(of).await?;
    let lasts = flows.iter().filter(|flow| flow.confirmed && flow.expires_at.is_none_or(|ends| ends > tx.access().now));
    let treats = lasts.filter(|flow| flow.purposes & PurposeOfUse::Treatment.bit() != 0);
    Ok(treats.fold(0, |bits, flow| bits | flow.data_classes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> Elements<'static> {
        Elements {
            kind: ConsentKind::Specific,
            disclosers: 1,
            recipients: 1,
            by_class: false,
            data_classes: &[DataClass::Identity],
            purposes: &[PurposeOfUse::Treatment],
            signed_by: true,
            ends: 1,
        }
    }

    #[test]
    fn each_missing_element_is_named() {
        assert_eq!(missing_of(&complete()), [""; 0]);
        let cases = [
            (Elements { disclosers: 0, ..complete() }, "disclosers"),
            (Elements { recipients: 0, ..complete() }, "recipients"),
            (Elements { data_classes: &[], ..complete() }, "dataClasses"),
            (Elements { purposes: &[], ..complete() }, "purposes"),
            (Elements { signed_by: false, ..complete() }, "signedBy"),
            (Elements { ends: 0, ..complete() }, "expiry"),
        ];
        for (elements, missing) in cases {
            assert_eq!(missing_of(&elements), [missing]);
        }
        assert_eq!(missing_of(&Elements { recipients: 0, by_class: true, ..complete() }), [""; 0]);
        let terms =
            Elements { kind: ConsentKind::CommunityTerms, disclosers: 0, recipients: 0, data_classes: &[], purposes: &[], ..complete() };
        assert_eq!(missing_of(&terms), [""; 0], "it discloses nothing");
    }

    #[test]
    fn a_status_consent_opens_status_alone() {
        let all = DataClass::ALL;
        assert_eq!(opened_by(ConsentKind::PartnerStatusFeedback, all), DataClass::ReferralStatus.bit());
        assert_eq!(opened_by(ConsentKind::Specific, &[DataClass::Identity]), DataClass::Identity.bit());
        assert_eq!(opened_by(ConsentKind::Research, all), 0);
    }
}
