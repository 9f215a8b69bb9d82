//! Who sees a consent, and how it begins and ends.

mod elements;

use std::collections::BTreeSet;

use entity::{
    ClientId, ConsentId, OrganizationId, TypedId, consent, consent_flow, episode, organization, referral,
    vocabulary::{EventKind, ExpiryEvent, PurposeOfUse, RecipientClass, Role, TimerKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};

use super::{client as clients, client_merge::standing, referral as referrals, text};
use crate::{
    access::{
        Access, Scope,
        consent::recipient_classes,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Event, Grants, Part, PartOf, Protected, Store, Tx, Visible, always, any_of, never, query},
};

pub use elements::{NewConsent, holding, missing, status};
use elements::{checked, discloses, opened_by};

impl Protected for consent::Entity {
    type Id = ConsentId;

    fn id_column() -> Self::Column {
        consent::Column::Id
    }

    fn id(row: &consent::Model) -> ConsentId {
        row.id
    }

    /// Those that the organization recorded, to whoever keeps its clients' consents; and those that came with a referral, to the
    /// coordinators and the privacy officer of the side that received it; the client's, to them.
    fn visible_to(access: &Access) -> Condition {
        let scopes = [Scope::ClientsRead, Scope::ClientsWrite, Scope::ReferralsRead, Scope::ReferralsWrite];
        if !access.scoped(&scopes) {
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
        row.sealed_for_id.unwrap_or(row.client_id).into()
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
    let own = access.own(referral::Column::ToClientId);
    let received = any_of([of_programs.map(Into::into), all.map(Into::into), own].into_iter().flatten());
    let received = query::<referral::Entity>()
        .select_only()
        .column(referral::Column::ConsentId)
        .filter(referral::Column::SubmittedAt.is_not_null())
        .filter(referral::Column::ConsentId.is_not_null())
        .filter(received)
        .filter(holds);
    (access.is_oneself() || access.has_any(&[Role::Coordinator, Role::PrivacyOfficer]))
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

/// Whom a consent names as one who may be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recipient {
    Named(OrganizationId),
    OfClass(RecipientClass),
}

/// The directions of a consent: from each who may tell to each who may be told.
fn flows_of(id: ConsentId, client: ClientId, recorder: OrganizationId, new: &NewConsent) -> Vec<consent_flow::ActiveModel> {
    let named = new.recipients.iter().copied().map(Recipient::Named);
    let recipients: Vec<_> = named.chain(new.recipient_class.map(Recipient::OfClass)).collect();
    let pairs = new.disclosers.iter().flat_map(|from| recipients.iter().map(move |to| (*from, *to)));
    let pairs = pairs.filter(|(from, to)| *to != Recipient::Named(*from));
    let flow = |(ordinal, (from, to))| {
        let (recipient_id, recipient_class) = match to {
            Recipient::Named(id) => (Some(id), None),
            Recipient::OfClass(class) => (None, Some(class)),
        };
        consent_flow::ActiveModel {
            consent_id: Set(id),
            ordinal: Set(ordinal),
            client_id: Set(client),
            discloser_id: Set(from),
            recipient_id: Set(recipient_id),
            recipient_class: Set(recipient_class),
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
    let client = standing(&tx, client, Action::Extend).await?;
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
        sealed_for_id: Set(None),
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
    if let Some(at) = new.expires_at {
        tx.arm(TimerKind::ConsentExpiry, id, at).await?;
    }
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
    let already = || Refusal::new(Code::Immutable, "This consent is revoked already.").at(["id"]);
    // Before the journal: what is in there is never taken out.
    if consent.revoked_at.is_some() {
        return Err(already().into());
    }
    tx.journal_revocation(consent.organization_id, id).await?;
    let key = tx.key_of(consent::Entity::subject(&consent)).await?;
    let change = consent::ActiveModel {
        revoked_at: Set(Some(access.now)),
        revoked_how: Set(Some(key.seal::<consent::Entity, _, _>(id, consent::Column::RevokedHow, &how)?)),
        revoked_written: Set(Some(written)),
        version: Set(consent.version + 1),
        ..Default::default()
    };
    let unrevoked = Condition::all().add(consent::Column::RevokedAt.is_null()).add(consent::Column::Version.eq(consent.version));
    let Some(revoked) = tx.update_if(&consent, change, unrevoked).await? else {
        return Err(already().into());
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
    end(tx, &consent).await
}

/// Ends a consent that has not ended, and all that it lets flow.
async fn end(tx: &mut Tx, consent: &Visible<consent::Entity>) -> Result<()> {
    let version = consent.version + 1;
    let change = consent::ActiveModel { expired_at: Set(Some(tx.access().now)), version: Set(version), ..Default::default() };
    if tx.write_if(consent, change, Condition::all().add(consent::Column::Version.eq(consent.version))).await? {
        end_flows(tx, consent.id).await?;
        tx.record(Event::new(EventKind::ConsentExpired, consent.organization_id, consent.id, version).of_client(consent.client_id));
    }
    Ok(())
}

/// Says that a consent's day has come. It opened nothing from that moment on; this tells of it. Gives it; nothing when there was nothing
/// to do.
pub(super) async fn expired(tx: &mut Tx, id: ConsentId) -> Result<Option<Visible<consent::Entity>>> {
    let now = tx.access().now;
    let system = Access::system("consent expiry", now);
    let of = Condition::all().add(consent::Column::Id.eq(id)).add(consent::Column::ExpiresAt.lte(now));
    let of = of.add(consent::Column::ExpiredAt.is_null()).add(consent::Column::RevokedAt.is_null());
    let Some(consent) = tx.look::<consent::Entity>(&system, of).await?.pop() else { return Ok(None) };
    end(tx, &consent).await?;
    Ok(Some(consent))
}

/// Ends the consents of a client whom a program no longer supports, where they named that as their end: the one that the episode's
/// referral came under, and those of the program's own client.
pub(super) async fn expire_with_episode(tx: &mut Tx, episode: &episode::Model) -> Result<()> {
    let system = Access::system("consent expiry", tx.access().now);
    let mut of = Condition::any().add(consent::Column::ClientId.eq(episode.client_id));
    if let Some(referral) = episode.referral_id {
        let named = query::<referral::Entity>().select_only().column(referral::Column::ConsentId).filter(referral::Column::Id.eq(referral));
        of = of.add(consent::Column::Id.in_subquery(named.into_query()));
    }
    let of = Condition::all().add(of).add(consent::Column::ExpiryEvent.eq(ExpiryEvent::EpisodeEnds));
    for consent in tx.look::<consent::Entity>(&system, of).await? {
        expire_with(tx, consent.id, ExpiryEvent::EpisodeEnds).await?;
    }
    Ok(())
}

/// The directions of consents of a person, known by these rows, that let an organization tell another something for treatment now.
pub(super) async fn flows_for_treatment(
    tx: &Tx,
    clients: &[ClientId],
    from: OrganizationId,
    to: &organization::Model,
) -> Result<Vec<consent_flow::Model>> {
    let now = tx.access().now;
    let by_class = consent_flow::Column::RecipientClass.is_in(recipient_classes(Some(to.kind)).iter().copied());
    let named = Condition::any().add(consent_flow::Column::RecipientId.eq(to.id)).add(by_class);
    let lasts = Condition::any().add(consent_flow::Column::ExpiresAt.is_null()).add(consent_flow::Column::ExpiresAt.gt(now));
    let of = Condition::all()
        .add(consent_flow::Column::ClientId.is_in(clients.iter().copied()))
        .add(consent_flow::Column::DiscloserId.eq(from))
        .add(consent_flow::Column::EndedAt.is_null())
        .add(lasts)
        .add(named);
    let flows = tx.parts::<consent_flow::Entity>(of).await?;
    Ok(flows.into_iter().filter(|flow| flow.purposes & PurposeOfUse::Treatment.bit() != 0).collect())
}

/// A consent that a referral or a direction of it names, whoever reads it: what it covers was asked before.
pub(super) async fn named(tx: &Tx, id: ConsentId) -> Result<Option<Visible<consent::Entity>>> {
    tx.known::<consent::Entity>(id, "a consent that was named").await
}

/// What one consent lets an organization tell another for treatment now, as bits of classes.
pub(super) async fn covered(tx: &Tx, id: ConsentId, client: ClientId, from: OrganizationId, to: &organization::Model) -> Result<i32> {
    let flows = flows_for_treatment(tx, &[client], from, to).await?;
    let of_this = flows.iter().filter(|flow| flow.consent_id == id && flow.confirmed);
    Ok(of_this.fold(0, |bits, flow| bits | flow.data_classes))
}
