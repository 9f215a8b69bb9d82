//! What a request opened, until it is written to the audit and, where another organization's data was opened, to that organization's
//! accounting of disclosures.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use entity::{
    AuditEventId, ConsentId, DisclosureId, EmergencyAccessId, Guarded, List, OrganizationId, ReferralMessageId, Sealed, TypedId,
    audit_event, class, consent, consent_flow, disclosure, emergency_access, organization, referral_message,
    vocabulary::{DataClass, PurposeOfUse},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{LockBehavior, LockType},
};
use uuid::Uuid;

use super::{Class, Discloser, Protected, Store, Tx, connection, protected::Reader, write};
use crate::{
    access::{Access, consent::flows_to, emergency},
    error::{Error, Result},
};

/// How many entries are written with one statement: databases bound the number of its values.
const BATCH: usize = 1_000;

/// The classes of one row that were opened.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reading {
    subject_kind: &'static str,
    subject: Uuid,
    classes: Vec<DataClass>,
    disclosed: Vec<(DataClass, Discloser)>,
}

/// The classes that a request opened, each row once.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct ReadLog(Arc<Mutex<Vec<Reading>>>);

impl ReadLog {
    /// Notes that a class of a row was opened to somebody. What is nobody's data is not noted.
    pub(in crate::store) fn note<E: Protected>(&self, row: &E::Model, class: Class, reader: Option<Reader>) {
        let (Some(data_class), Some(reader)) = (class.data_class(), reader) else { return };
        let subject: Uuid = E::id(row).into();
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = readings.iter().position(|reading| reading.subject == subject);
        let at = known.unwrap_or_else(|| {
            readings.push(Reading { subject_kind: E::Id::PREFIX, subject, classes: Vec::new(), disclosed: Vec::new() });
            readings.len() - 1
        });
        let reading = &mut readings[at];
        if !reading.classes.contains(&data_class) {
            reading.classes.push(data_class);
            reading.disclosed.extend(reader.discloser::<E>(row, class).map(|discloser| (data_class, discloser)));
        }
    }

    fn take(&self) -> Vec<Reading> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A consent under which an answer discloses data of another organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentScope {
    /// Which.
    pub consent: ConsentId,
    /// What it covers.
    pub data_classes: Vec<DataClass>,
    /// What for.
    pub purposes: Vec<PurposeOfUse>,
    /// Until when (UTC); null when no day ends it.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a disclosure rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    Consent(ConsentId),
    Emergency(EmergencyAccessId),
}

/// Classes of one client's data, told by one organization on one basis.
struct Told {
    discloser: Discloser,
    classes: Vec<DataClass>,
    basis: Basis,
}

impl Store {
    /// Writes what this request opened to the audit, and what it disclosed to the accounting of who disclosed it, before its answer
    /// leaves. Gives the consents that cover what was disclosed, none in an emergency; nothing when nothing was disclosed.
    ///
    /// # Errors
    /// `Database` when it cannot be written, `Unavailable` when a consent or an emergency access ended meanwhile: the answer must not
    /// leave then.
    pub async fn write_reads(&self, access: &Access) -> Result<Option<Vec<ConsentScope>>> {
        let readings = self.reads.take();
        if readings.is_empty() || access.is_system() {
            return Ok(None);
        }
        let at: DateTime<Utc> = self.clock().now();
        let disclosed: Vec<_> = readings.iter().flat_map(|reading| reading.disclosed.iter().cloned()).collect();
        let message = |reading: &&Reading| reading.subject_kind == ReferralMessageId::PREFIX;
        let read_messages: Vec<_> = readings.iter().filter(message).map(|reading| reading.subject).collect();
        let rows = readings.into_iter().map(|reading| audit_event::ActiveModel {
            id: Set(AuditEventId::new()),
            position: Set(None),
            organization_id: Set(access.organization),
            at: Set(at),
            actor: Set(write::actor(access)),
            action: Set("READ".to_owned()),
            subject_kind: Set(Some(reading.subject_kind.to_owned())),
            subject_id: Set(Some(reading.subject)),
            data_classes: Set(reading.classes.into()),
            request_id: Set(access.request_id.clone()),
            allowed: Set(true),
            hash: Set(None),
        });
        let rows: Vec<_> = rows.collect();
        let tx = self.transaction().await?;
        for batch in rows.chunks(BATCH) {
            audit_event::Entity::insert_many(batch.to_vec()).exec_without_returning(&tx).await?;
        }
        if let Some(reader) = access.organization.filter(|_| !access.is_oneself()) {
            mark_read(&tx, reader, &read_messages, at).await?;
        }
        let scopes = if disclosed.is_empty() { None } else { Some(disclose(&tx, access, disclosed, at).await?) };
        sea_orm::TransactionSession::commit(tx).await?;
        self.shared.written.notify_one();
        Ok(scopes)
    }
}

/// Notes of messages when somebody of the other side first read them. Who reads the same ones at the same moment goes past them: one note
/// is enough.
async fn mark_read(tx: &impl ConnectionTrait, reader: OrganizationId, messages: &[Uuid], at: DateTime<Utc>) -> Result<()> {
    for batch in messages.chunks(BATCH) {
        let unread = connection::select::<referral_message::Entity>()
            .filter(referral_message::Column::Id.is_in(batch.iter().copied()))
            .filter(referral_message::Column::OrganizationId.ne(reader))
            .filter(referral_message::Column::ReadAt.is_null())
            .select_only()
            .column(referral_message::Column::Id)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        let read = referral_message::ActiveModel { read_at: Set(Some(at)), ..Default::default() };
        let these = referral_message::Column::Id.in_subquery(unread.into_query());
        referral_message::Entity::update_many().set(read).filter(these).exec(tx).await?;
    }
    Ok(())
}

impl Tx {
    /// Accounts for a disclosure that this command is, for treatment.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn disclose(
        &self,
        discloser: &Discloser,
        recipient: &organization::Model,
        classes: Vec<DataClass>,
        under: &consent::Model,
    ) -> Result<()> {
        let told = Told { discloser: discloser.clone(), classes, basis: Basis::Consent(under.id) };
        let to = Recipient { id: Some(recipient.id), name: &recipient.name, purpose: PurposeOfUse::Treatment };
        let row = accounted(&self.access, told, Some(under.version), &to, self.clock().now());
        disclosure::Entity::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(())
    }

    /// Accounts for what this command releases in a medical emergency.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn disclose_in_emergency(&self, discloser: Discloser, released: Released<'_>) -> Result<()> {
        let Released { id, under, recipient, name, classes, facts } = released;
        let told = Told { discloser, classes, basis: Basis::Emergency(under) };
        let to = Recipient { id: recipient, name, purpose: PurposeOfUse::Emergency };
        let row = accounted(&self.access, told, None, &to, self.clock().now());
        let row = disclosure::ActiveModel { id: Set(id), facts: Set(Some(facts)), ..row };
        disclosure::Entity::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(())
    }
}

/// What is released in a medical emergency (42 CFR 2.51).
pub struct Released<'a> {
    /// The id of its line in the accounting, which the facts are sealed for.
    pub id: DisclosureId,
    /// Under which access.
    pub under: EmergencyAccessId,
    /// To which organization, if to one.
    pub recipient: Option<OrganizationId>,
    /// Its name, or who else it is, in words that name nobody.
    pub name: &'a str,
    /// What.
    pub classes: Vec<DataClass>,
    /// To whom and where, and why.
    pub facts: Guarded<class::Privacy, Sealed>,
}

/// To whom something is told, and what for.
struct Recipient<'a> {
    id: Option<OrganizationId>,
    name: &'a str,
    purpose: PurposeOfUse,
}

/// A line of the accounting of disclosures.
fn accounted(access: &Access, told: Told, version: Option<i32>, to: &Recipient<'_>, at: DateTime<Utc>) -> disclosure::ActiveModel {
    let (consent, emergency) = match told.basis {
        Basis::Consent(id) => (Some(id), None),
        Basis::Emergency(id) => (None, Some(id)),
    };
    disclosure::ActiveModel {
        id: Set(DisclosureId::new()),
        position: Set(None),
        organization_id: Set(told.discloser.organization),
        client_id: Set(told.discloser.client),
        recipient_organization_id: Set(to.id),
        recipient_name: Set(to.name.to_owned()),
        actor: Set(write::actor(access)),
        data_classes: Set(told.classes.into()),
        purpose: Set(to.purpose),
        consent_id: Set(consent),
        consent_version: Set(version),
        emergency_access_id: Set(emergency),
        facts: Set(None),
        request_id: Set(access.request_id.clone()),
        at: Set(at),
        hash: Set(None),
    }
}

/// Writes the accounting (42 CFR 2.25): one row for each client, and each consent that covers some of it or the emergency that does.
async fn disclose(
    tx: &impl ConnectionTrait,
    access: &Access,
    disclosed: Vec<(DataClass, Discloser)>,
    at: DateTime<Utc>,
) -> Result<Vec<ConsentScope>> {
    let ended = || Error::Unavailable("What this rests on ended while it was answered: ask again.");
    let (Some(reader), Some(purpose)) = (access.organization, access.purpose) else { return Err(ended()) };
    let told = match purpose {
        PurposeOfUse::Emergency => in_emergency(tx, access, disclosed).await?,
        _ => by_consent(tx, access, purpose, disclosed).await?,
    };
    let told = told.ok_or_else(ended)?;
    let ids = told.iter().filter_map(|told| if let Basis::Consent(id) = told.basis { Some(id) } else { None });
    let consents = connection::select::<consent::Entity>().filter(consent::Column::Id.is_in(ids)).all(tx).await?;
    let recipient = connection::select::<organization::Entity>().filter(organization::Column::Id.eq(reader)).one(tx).await?;
    let recipient = recipient.map(|recipient| recipient.name).unwrap_or_default();
    let version = |basis| consents.iter().find(|consent| basis == Basis::Consent(consent.id)).map(|consent| consent.version);
    let to = Recipient { id: Some(reader), name: &recipient, purpose };
    let rows = told.into_iter().map(|told| {
        let version = version(told.basis);
        accounted(access, told, version, &to, at)
    });
    disclosure::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(consents.into_iter().map(scope_of).collect())
}

/// What was disclosed, with the emergency access that is still open to it; nothing when one is not.
async fn in_emergency(tx: &impl ConnectionTrait, access: &Access, disclosed: Vec<(DataClass, Discloser)>) -> Result<Option<Vec<Told>>> {
    let Some(open) = emergency::open_to(access) else { return Ok(None) };
    let clients = disclosed.iter().map(|(_, discloser)| discloser.client);
    let open = connection::select::<emergency_access::Entity>()
        .filter(open)
        .filter(emergency_access::Column::ClientId.is_in(clients))
        .order_by_asc(emergency_access::Column::OpenedAt)
        .order_by_asc(emergency_access::Column::Id)
        .all(tx)
        .await?;
    Ok(grouped(disclosed, |_, discloser| {
        let of = |access: &&emergency_access::Model| access.client_id == discloser.client;
        open.iter().find(of).map(|access| Basis::Emergency(access.id))
    }))
}

/// What was disclosed, with the first consent that covers it; nothing when something is covered by none.
async fn by_consent(
    tx: &impl ConnectionTrait,
    access: &Access,
    purpose: PurposeOfUse,
    disclosed: Vec<(DataClass, Discloser)>,
) -> Result<Option<Vec<Told>>> {
    let Some(flows) = flows_to(access, purpose) else { return Ok(None) };
    let clients = disclosed.iter().flat_map(|(_, discloser)| discloser.consenting.iter().copied());
    let flows = connection::select::<consent_flow::Entity>()
        .filter(flows)
        // What was opened under a consent that its discloser had yet to confirm was still the reader's own, and no disclosure.
        .filter(consent_flow::Column::Confirmed.eq(true))
        .filter(consent_flow::Column::ClientId.is_in(clients))
        .order_by_asc(consent_flow::Column::ConsentId)
        .all(tx)
        .await?;
    Ok(grouped(disclosed, |class, discloser| {
        let covers = |flow: &&consent_flow::Model| {
            discloser.consenting.contains(&flow.client_id)
                && flow.discloser_id == discloser.organization
                && flow.data_classes & class.bit() != 0
        };
        flows.iter().find(covers).map(|flow| Basis::Consent(flow.consent_id))
    }))
}

fn scope_of(consent: consent::Model) -> ConsentScope {
    let (List(data_classes), List(purposes)) = (consent.data_classes, consent.purposes);
    ConsentScope { consent: consent.id, data_classes, purposes, expires_at: consent.expires_at }
}

/// What was disclosed, by discloser, client and what it rests on; nothing when something rests on nothing.
fn grouped(disclosed: Vec<(DataClass, Discloser)>, basis: impl Fn(DataClass, &Discloser) -> Option<Basis>) -> Option<Vec<Told>> {
    let mut all: Vec<Told> = Vec::new();
    for (class, discloser) in disclosed {
        let basis = basis(class, &discloser)?;
        match all.iter_mut().find(|told| told.basis == basis && told.discloser == discloser) {
            Some(told) if told.classes.contains(&class) => {}
            Some(told) => told.classes.push(class),
            None => all.push(Told { discloser, classes: vec![class], basis }),
        }
    }
    Some(all)
}
