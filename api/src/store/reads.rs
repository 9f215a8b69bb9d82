//! What a request opened, until it is written to the audit and, where another organization's data was opened, to that organization's
//! accounting of disclosures.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use entity::{
    AuditEventId, ConsentId, DisclosureId, List, OrganizationId, TypedId, audit_event, consent, consent_flow, disclosure, organization,
    vocabulary::{DataClass, PurposeOfUse},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::{Class, Discloser, Protected, Store, Tx, connection, write};
use crate::{
    access::{Access, consent::flows_to},
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
    /// Notes that a class of a row was opened to someone of this organization. What is nobody's data is not noted.
    pub(in crate::store) fn note<E: Protected>(&self, row: &E::Model, class: Class, reader: Option<OrganizationId>) {
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
            reading.disclosed.extend(E::discloser(row, class, reader).map(|discloser| (data_class, discloser)));
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

/// Classes of one client's data, told by one organization under one consent.
struct Told {
    discloser: Discloser,
    classes: Vec<DataClass>,
    consent: ConsentId,
}

impl Store {
    /// Writes what this request opened to the audit, and what it disclosed to the accounting of who disclosed it, before its answer
    /// leaves. Gives the consents that cover what was disclosed.
    ///
    /// # Errors
    /// `Database` when it cannot be written, `Unavailable` when a consent ended meanwhile: the answer must not leave then.
    pub async fn write_reads(&self, access: &Access) -> Result<Vec<ConsentScope>> {
        let readings = self.reads.take();
        if readings.is_empty() || access.is_system() {
            return Ok(Vec::new());
        }
        let at: DateTime<Utc> = self.clock().now();
        let disclosed: Vec<_> = readings.iter().flat_map(|reading| reading.disclosed.iter().cloned()).collect();
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
        let tx = self.shared.connections.begin().await?;
        for batch in rows.chunks(BATCH) {
            audit_event::Entity::insert_many(batch.to_vec()).exec_without_returning(&tx).await?;
        }
        let scopes = if disclosed.is_empty() { Vec::new() } else { disclose(&tx, access, disclosed, at).await? };
        sea_orm::TransactionSession::commit(tx).await?;
        self.shared.written.notify_one();
        Ok(scopes)
    }
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
        let told = Told { discloser: discloser.clone(), classes, consent: under.id };
        let to = Recipient { id: recipient.id, name: &recipient.name, purpose: PurposeOfUse::Treatment };
        let row = accounted(&self.access, told, under.version, &to, self.clock().now());
        disclosure::Entity::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(())
    }
}

/// To whom something is told, and what for.
struct Recipient<'a> {
    id: OrganizationId,
    name: &'a str,
    purpose: PurposeOfUse,
}

/// A line of the accounting of disclosures.
fn accounted(access: &Access, told: Told, version: i32, to: &Recipient<'_>, at: DateTime<Utc>) -> disclosure::ActiveModel {
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
        consent_id: Set(told.consent),
        consent_version: Set(version),
        request_id: Set(access.request_id.clone()),
        at: Set(at),
        hash: Set(None),
    }
}

/// Writes the accounting (42 CFR 2.25): one row for each client, and each consent that covers some of it.
async fn disclose(
    tx: &impl ConnectionTrait,
    access: &Access,
    disclosed: Vec<(DataClass, Discloser)>,
    at: DateTime<Utc>,
) -> Result<Vec<ConsentScope>> {
    let ended = || Error::Unavailable("A consent ended while this was answered: ask again.");
    let (Some(reader), Some(purpose)) = (access.organization, access.purpose) else { return Err(ended()) };
    let clients = disclosed.iter().flat_map(|(_, discloser)| discloser.consenting.iter().copied());
    let flows = connection::select::<consent_flow::Entity>()
        .filter(flows_to(access, purpose).ok_or_else(ended)?)
        // What was opened under a consent that its discloser had yet to confirm was still the reader's own, and no disclosure.
        .filter(consent_flow::Column::Confirmed.eq(true))
        .filter(consent_flow::Column::ClientId.is_in(clients))
        .order_by_asc(consent_flow::Column::ConsentId)
        .all(tx)
        .await?;
    let told = grouped(disclosed, &flows).ok_or_else(ended)?;
    let ids: Vec<ConsentId> = told.iter().map(|told| told.consent).collect();
    let consents = connection::select::<consent::Entity>().filter(consent::Column::Id.is_in(ids)).all(tx).await?;
    let recipient = connection::select::<organization::Entity>().filter(organization::Column::Id.eq(reader)).one(tx).await?;
    let recipient = recipient.map(|recipient| recipient.name).unwrap_or_default();
    let version = |id| consents.iter().find(|consent| consent.id == id).map_or(0, |consent| consent.version);
    let to = Recipient { id: reader, name: &recipient, purpose };
    let rows = told.into_iter().map(|told| {
        let version = version(told.consent);
        accounted(access, told, version, &to, at)
    });
    disclosure::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(consents.into_iter().map(scope_of).collect())
}

fn scope_of(consent: consent::Model) -> ConsentScope {
    let (List(data_classes), List(purposes)) = (consent.data_classes, consent.purposes);
    ConsentScope { consent: consent.id, data_classes, purposes, expires_at: consent.expires_at }
}

/// What was disclosed, by discloser, client and the first consent that covers it; nothing when something is covered by none.
fn grouped(disclosed: Vec<(DataClass, Discloser)>, flows: &[consent_flow::Model]) -> Option<Vec<Told>> {
    let mut all: Vec<Told> = Vec::new();
    for (class, discloser) in disclosed {
        let covers = |flow: &&consent_flow::Model| {
            discloser.consenting.contains(&flow.client_id)
                && flow.discloser_id == discloser.organization
                && flow.data_classes & class.bit() != 0
        };
        let consent = flows.iter().find(covers)?.consent_id;
        match all.iter_mut().find(|told| told.consent == consent && told.discloser == discloser) {
            Some(told) if told.classes.contains(&class) => {}
            Some(told) => told.classes.push(class),
            None => all.push(Told { discloser, classes: vec![class], consent }),
        }
    }
    Some(all)
}
