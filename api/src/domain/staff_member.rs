//! Who sees a person of staff, and how one comes to be.

use entity::{
    OrganizationId, ProgramId, StaffMemberId, TypedId, organization, program, staff_member, staff_program,
    vocabulary::{EventKind, Role},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::text;
use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Grants, Part, PartOf, Protected, Store, Tx, Visible, never, unique},
};

impl Protected for staff_member::Entity {
    type Id = StaffMemberId;

    fn id_column() -> Self::Column {
        staff_member::Column::Id
    }

    fn id(row: &staff_member::Model) -> StaffMemberId {
        row.id
    }

    /// Colleagues see each other; other organizations see none of them.
    fn visible_to(access: &Access) -> Condition {
        match access.organization {
            Some(own) if may(access, Resource::StaffMember, Act::Read) => {
                Condition::all().add(staff_member::Column::OrganizationId.eq(own))
            }
            _ => never(),
        }
    }

    fn grants(_: &Access) -> Grants {
        Grants::none()
    }

    fn allows(access: &Access, action: Action, _: &staff_member::Model) -> bool {
        match action {
            Action::Read => true,
            Action::Update => may(access, Resource::StaffMember, Act::Update),
            _ => false,
        }
    }
}

impl Part for staff_program::Entity {}

impl PartOf<staff_member::Entity> for staff_program::Entity {
    fn parent_column() -> staff_program::Column {
        staff_program::Column::StaffMemberId
    }

    fn parent(part: &staff_program::Model) -> StaffMemberId {
        part.staff_member_id
    }

    fn order() -> staff_program::Column {
        staff_program::Column::ProgramId
    }
}

/// What a person of staff is made of.
#[derive(Clone, Debug)]
pub struct NewStaffMember {
    /// As colleagues see them.
    pub display_name: String,
    /// What an identity provider may name them by.
    pub email: Option<String>,
    /// What they do.
    pub roles: Vec<Role>,
    /// Where.
    pub program_ids: Vec<ProgramId>,
}

/// Roles that a person of staff can have: the other two are an application's and a client's own.
fn staff_roles(roles: Vec<Role>) -> Result<Vec<Role>, Refusal> {
    let mut roles = roles;
    roles.sort_unstable();
    roles.dedup();
    if roles.iter().any(|role| matches!(role, Role::PartnerApp | Role::Client)) {
        let sentence = "`roles` of staff are none of PARTNER_APP and CLIENT: make an API client, or invite the client.";
        return Err(Refusal::invalid(sentence).at(["input", "roles"]));
    }
    Ok(roles)
}

/// Adds a person of staff to the caller's organization.
///
/// # Errors
/// `NotPermitted` for other roles than administrators, `NotFound` for programs of others; refused when a field is wrong or the
/// address is a colleague's.
pub async fn create(store: &Store, access: &Access, new: NewStaffMember) -> Result<Visible<staff_member::Entity>> {
    let mut tx = store.begin(access).await?;
    let organization = tx.fetch_for::<organization::Entity>(access.organization.ok_or(Error::NotPermitted)?, Action::Extend).await?;
    let made = create_in(&mut tx, &organization, new).await?;
    tx.commit(made).await
}

/// Adds a person of staff within a larger command.
///
/// # Errors
/// As [`create`].
pub async fn create_in(
    tx: &mut Tx,
    organization: &Visible<organization::Entity>,
    new: NewStaffMember,
) -> Result<Visible<staff_member::Entity>> {
    tx.require(may(tx.access(), Resource::StaffMember, Act::Create))?;
    let now = tx.access().now;
    let programs = own_programs(tx, organization.id, &new.program_ids).await?;
    let row = staff_member::ActiveModel {
        id: Set(StaffMemberId::new()),
        organization_id: Set(organization.id),
        display_name: Set(text::line("displayName", &new.display_name, 100)?),
        email: Set(new.email.map(|email| text::email("email", &email)).transpose()?),
        roles: Set(staff_roles(new.roles)?.into()),
        active: Set(true),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
    };
    let taken = || Refusal::new(Code::AlreadyExists, "A colleague has this e-mail address.").at(["input", "email"]);
    let made = tx.insert::<staff_member::Entity, _>(row).await.map_err(|error| unique(error, taken))?;
    let memberships = programs.into_iter().map(|program_id| staff_program::ActiveModel {
        organization_id: Set(organization.id),
        staff_member_id: Set(made.id),
        program_id: Set(program_id),
    });
    tx.insert_parts::<staff_program::Entity, _>(memberships.collect()).await?;
    tx.record(Event::new(EventKind::StaffChanged, organization.id, made.id, made.version));
    Ok(made)
}

/// These programs, each once, when all of them are the organization's own.
pub(super) async fn own_programs(tx: &Tx, organization: OrganizationId, ids: &[ProgramId]) -> Result<Vec<ProgramId>> {
    let rows = tx.fetch_each::<program::Entity>(ids, Action::Read).await?;
    if rows.iter().any(|row| row.organization_id != organization) {
        return Err(Error::NotFound);
    }
    Ok(rows.iter().map(|row| row.id).collect())
}
