//! What a request opened, until it is written to the audit.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use entity::{AuditEventId, List, OrganizationId, TypedId, audit_event};
use sea_orm::{ActiveValue::Set, EntityTrait};
use uuid::Uuid;

use super::{Class, Protected, Store, write};
use crate::{access::Access, error::Result};

/// How many entries are written with one statement: databases bound the number of its values.
const BATCH: usize = 1_000;

/// One class of one row that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reading {
    organization: OrganizationId,
    subject_kind: &'static str,
    subject: Uuid,
    classes: Vec<Class>,
}

/// The classes that a request opened, each row once.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct ReadLog(Arc<Mutex<Vec<Reading>>>);

impl ReadLog {
    /// Notes that a class of a row was opened. What is nobody's data is not noted.
    pub(in crate::store) fn note<E: Protected>(&self, row: &E::Model, class: Class) {
        if class.data_class().is_none() {
            return;
        }
        let (organization, subject): (_, Uuid) = (E::holder(row), E::id(row).into());
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match readings.iter_mut().find(|reading| reading.subject == subject) {
            Some(reading) if reading.classes.contains(&class) => {}
            Some(reading) => reading.classes.push(class),
            None => readings.push(Reading { organization, subject_kind: E::Id::PREFIX, subject, classes: vec![class] }),
        }
    }

    fn take(&self) -> Vec<Reading> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store {
    /// Writes what this request opened to the audit, before its answer leaves.
    ///
    /// # Errors
    /// `Database` when it cannot be written: the answer must not leave then.
    pub async fn write_reads(&self, access: &Access) -> Result<()> {
        let readings = self.reads.take();
        if readings.is_empty() || access.is_system() {
            return Ok(());
        }
        let at: DateTime<Utc> = self.clock().now();
        let rows = readings.into_iter().map(|reading| audit_event::ActiveModel {
            id: Set(AuditEventId::new()),
            position: Set(None),
            organization_id: Set(Some(reading.organization)),
            at: Set(at),
            actor: Set(write::actor(access)),
            action: Set("READ".to_owned()),
            subject_kind: Set(Some(reading.subject_kind.to_owned())),
            subject_id: Set(Some(reading.subject)),
            data_classes: Set(reading.classes.into_iter().filter_map(Class::data_class).collect::<List<_>>()),
            request_id: Set(access.request_id.clone()),
            allowed: Set(true),
            hash: Set(None),
        });
        let rows: Vec<_> = rows.collect();
        let tx = self.shared.connections.begin().await?;
        for batch in rows.chunks(BATCH) {
            audit_event::Entity::insert_many(batch.to_vec()).exec(&tx).await?;
        }
        sea_orm::TransactionSession::commit(tx).await?;
        self.shared.written.notify_one();
        Ok(())
    }
}
