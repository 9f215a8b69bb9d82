//! Who did, read or was refused what.

use sea_orm::entity::prelude::*;

use crate::{AuditEventId, List, OrganizationId, vocabulary::DataClass};

/// One entry of the audit log, append-only and chained per organization.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_event")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEventId,
    /// Its place in the organization's chain, from 1; null until sealed.
    pub position: Option<i64>,
    /// Whose audit it is in; null for what concerns no tenant.
    pub organization_id: Option<OrganizationId>,
    /// UTC, real time also for a sandbox.
    pub at: DateTimeUtc,
    /// Who: the id of staff or application, `anonymous`, or `system:` and the reason.
    pub actor: String,
    /// What: the kind of event that a command recorded, `READ`, or `REFUSED:` and the action.
    pub action: String,
    /// The prefix of the subject's kind of id; null when there was none.
    pub subject_kind: Option<String>,
    /// To what.
    pub subject_id: Option<Uuid>,
    /// The classes that were opened, for a reading.
    pub data_classes: List<DataClass>,
    /// The request it belongs to.
    pub request_id: String,
    /// False for a refusal.
    pub allowed: bool,
    /// SHA-256 over the previous entry's hash and this row; null until sealed.
    pub hash: Option<Vec<u8>>,
}

impl ActiveModelBehavior for ActiveModel {}
