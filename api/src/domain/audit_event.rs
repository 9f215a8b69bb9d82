//! Who sees the audit.

use entity::{AuditEventId, ClientId, TypedId, audit_event};
use sea_orm::{ColumnTrait, Condition};

use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    store::{Action, Grants, Protected, always, never},
};

impl Protected for audit_event::Entity {
    type Id = AuditEventId;

    fn id_column() -> Self::Column {
        audit_event::Column::Id
    }

    fn id(row: &audit_event::Model) -> AuditEventId {
        row.id
    }

    /// The privacy officer's, once an entry is chained; a client's, what was done with their record itself.
    fn visible_to(access: &Access) -> Condition {
        let all = access.scopes.contains(&Scope::AuditRead) && may(access, Resource::Audit, Act::Read);
        let of_own =
            || access.own(audit_event::Column::SubjectId).map(|own| own.add(audit_event::Column::SubjectKind.eq(ClientId::PREFIX)));
        let whose = if all { Some(always()) } else { of_own() };
        match access.organization.zip(whose) {
            Some((own, whose)) => Condition::all()
                .add(audit_event::Column::OrganizationId.eq(own))
                .add(audit_event::Column::Position.is_not_null())
                .add(whose),
            None => never(),
        }
    }

    fn grants(_: &Access) -> Grants {
        Grants::none()
    }

    fn allows(_: &Access, action: Action, _: &audit_event::Model) -> bool {
        action == Action::Read
    }
}
