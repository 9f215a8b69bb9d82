//! Who sees the accounting of disclosures.

use entity::{DisclosureId, disclosure};
use sea_orm::{ColumnTrait, Condition};

use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    store::{Action, Class, Grants, Protected, always, never},
};

/// What stands with every disclosure: the second statement of 42 CFR 2.32(a), in its prescribed words.
pub const NOTICE: &str = "42 CFR part 2 prohibits unauthorized use or disclosure of these records.";

impl Protected for disclosure::Entity {
    type Id = DisclosureId;

    fn id_column() -> Self::Column {
        disclosure::Column::Id
    }

    fn id(row: &disclosure::Model) -> DisclosureId {
        row.id
    }

    /// The privacy officer's, who answers a client that asks for it (42 CFR 2.25), and that client's.
    fn visible_to(access: &Access) -> Condition {
        let whose = if may(access, Resource::Disclosure, Act::Read) { Some(always()) } else { access.own(disclosure::Column::ClientId) };
        match access.organization.zip(whose) {
            Some((own, whose)) => Condition::all().add(disclosure::Column::OrganizationId.eq(own)).add(whose),
            None => never(),
        }
    }

    fn grants(_: &Access) -> Grants {
        Grants::none().open(Class::Privacy, always())
    }

    fn allows(_: &Access, action: Action, _: &disclosure::Model) -> bool {
        action == Action::Read
    }

    fn class_of(column: disclosure::Column) -> Option<Class> {
        matches!(column, disclosure::Column::Facts).then_some(Class::Privacy)
    }

    /// What is said of an emergency is sealed under the client's key.
    fn subject(row: &disclosure::Model) -> uuid::Uuid {
        row.client_id.into()
    }
}
