//! Who sees an organization, and how the first one comes to be.

use entity::{
    OrganizationId, TypedId, organization,
    vocabulary::{EventKind, HipaaStatus, OrganizationKind, Part2Status},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::text;
use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    error::{Code, Refusal, Result},
    store::{Action, Class, Event, Grants, Protected, Tx, Visible, unique},
};

impl Protected for organization::Entity {
    type Id = OrganizationId;

    fn id_column() -> Self::Column {
        organization::Column::Id
    }

    fn id(row: &organization::Model) -> OrganizationId {
        row.id
    }

    /// Name and kind are public, as long as it is active; its own people see it in any case.
    fn visible_to(access: &Access) -> Condition {
        let own = access.organization.map(|own| organization::Column::Id.eq(own));
        Condition::any().add(organization::Column::Active.eq(true)).add_option(own)
    }

    fn grants(access: &Access) -> Grants {
        match access.organization {
            Some(own) if access.scopes.contains(&Scope::Admin) && may(access, Resource::Administration, Act::Read) => {
                Grants::none().open(Class::Administration, Condition::all().add(organization::Column::Id.eq(own)))
            }
            _ => Grants::none(),
        }
    }

    fn allows(access: &Access, action: Action, row: &organization::Model) -> bool {
        let own = access.organization == Some(row.id);
        match action {
            Action::Read => true,
            Action::Update | Action::Extend => own && may(access, Resource::Administration, Act::Read),
            _ => false,
        }
    }
}

/// What an organization is made of.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// As it calls itself.
    pub name: String,
    /// What it is.
    pub kind: OrganizationKind,
    /// IANA name.
    pub time_zone: String,
}

/// Makes an organization within a larger command. Only the command line does, for now; it asks nobody's role. Part 2 and HIPAA begin
/// with the strictest reading (domain 3.1).
///
/// # Errors
/// `NotPermitted` for anybody but the system; refused when the name is taken or the zone unknown.
pub async fn create_in(tx: &mut Tx, new: NewOrganization) -> Result<Visible<organization::Entity>> {
    tx.require(false)?;
    let name = text::line("name", &new.name, 200)?;
    let time_zone = text::time_zone("timeZone", &new.time_zone)?;
    let now = tx.access().now;
    let row = organization::ActiveModel {
        id: Set(OrganizationId::new()),
        name: Set(name),
        kind: Set(new.kind),
        time_zone: Set(time_zone),
        sandbox: Set(false),
        part2_status: Set(Part2Status::Part2Program),
        hipaa_status: Set(HipaaStatus::Neither),
        npi: Set(None),
        active: Set(true),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
    };
    let taken = || Refusal::new(Code::AlreadyExists, "An organization has this name already: choose another.").at(["name"]);
    let made = tx.insert::<organization::Entity, _>(row).await.map_err(|error| unique(error, taken))?;
    tx.record(Event::new(EventKind::OrganizationChanged, made.id, made.id, made.version));
    Ok(made)
}
