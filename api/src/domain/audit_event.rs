//! Who sees the audit.

use entity::{AuditEventId, audit_event};
use sea_orm::{ColumnTrait, Condition};

use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    store::{Action, Grants, Protected, never},
};

impl Protected for audit_event::Entity {
    type Id = AuditEventId;

    fn id_column() -> Self::Column {
        audit_event::Column::Id
    }

    fn id(row: &audit_event::Model) -> AuditEventId {
        row.id
    }

    /// The privacy officer's, once an entry is chained.
    fn visible_to(access: &Access) -> Condition {
        match access.organization {
            Some(own) if access.scopes.contains(&Scope::AuditRead) && may(access, Resource::Audit, Act::Read) => {
                Condition::all().add(audit_event::Column::OrganizationId.eq(own)).add(audit_event::Column::Position.is_not_null())
            }
            _ => never(),
        }
    }

    fn grants(_: &Access) -> Grants {
        Grants::none()
    }

    fn allows(_: &Access, action: Action, _: &audit_event::Model) -> bool {
        action == Action::Read
    }
}
