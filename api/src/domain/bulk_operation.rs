//! Who sees a bulk operation, what it could not do, and its result.

use entity::{BulkErrorId, BulkOperationId, bulk_error, bulk_operation, bulk_part};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;

use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    store::{Action, Class, Grants, Part, PartOf, Protected, always, never, query},
};

impl Protected for bulk_operation::Entity {
    type Id = BulkOperationId;

    fn id_column() -> Self::Column {
        bulk_operation::Column::Id
    }

    fn id(row: &bulk_operation::Model) -> BulkOperationId {
        row.id
    }

    /// The privacy officer's, who hands to a client what was written down for them; and the client's, of what is about them. Asks for the
    /// scope itself, because `node` reads operations as well.
    fn visible_to(access: &Access) -> Condition {
        let may = access.scoped(&[Scope::BulkRun]) && may(access, Resource::DataExport, Act::Read);
        let Some(organization) = access.organization.filter(|_| may) else { return never() };
        let of_whom = access.own(bulk_operation::Column::ClientId);
        Condition::all().add(bulk_operation::Column::OrganizationId.eq(organization)).add_option(of_whom)
    }

    /// The result holds every class that the client reads of themselves: whoever hands it over holds all of them in their hands, and the
    /// audit says so.
    fn grants(_: &Access) -> Grants {
        let classes = [Class::Identity, Class::ReferralClinical, Class::ReferralStatus, Class::ContactsAndNotes];
        classes.into_iter().fold(Grants::none(), |grants, class| grants.open(class, always()))
    }

    fn allows(_: &Access, action: Action, _: &bulk_operation::Model) -> bool {
        action == Action::Read
    }

    fn subject(row: &bulk_operation::Model) -> Uuid {
        row.client_id.map_or_else(|| row.id.into(), Into::into)
    }
}

impl Part for bulk_part::Entity {}

impl PartOf<bulk_operation::Entity> for bulk_part::Entity {
    fn parent_column() -> bulk_part::Column {
        bulk_part::Column::OperationId
    }

    fn parent(part: &bulk_part::Model) -> BulkOperationId {
        part.operation_id
    }

    fn order() -> bulk_part::Column {
        bulk_part::Column::Number
    }
}

impl Protected for bulk_error::Entity {
    type Id = BulkErrorId;

    fn id_column() -> Self::Column {
        bulk_error::Column::Id
    }

    fn id(row: &bulk_error::Model) -> BulkErrorId {
        row.id
    }

    /// Whoever sees the operation.
    fn visible_to(access: &Access) -> Condition {
        let seen = query::<bulk_operation::Entity>().select_only().column(bulk_operation::Column::Id);
        let seen = seen.filter(bulk_operation::Entity::visible_to(access));
        Condition::all().add(bulk_error::Column::OperationId.in_subquery(seen.into_query()))
    }

    fn grants(_: &Access) -> Grants {
        Grants::none()
    }

    fn allows(_: &Access, action: Action, _: &bulk_error::Model) -> bool {
        action == Action::Read
    }
}
