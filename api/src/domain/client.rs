//! Who sees a client.

use entity::{ClientId, OrganizationId, client, client_program, client_search, vocabulary::Role};
use sea_orm::{ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait, sea_query::Expr};

use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    store::{Action, Class, Grants, Part, Protected, always, never, query},
};

impl Part for client_program::Entity {}

impl Part for client_search::Entity {}

/// Clients who are with a program that the caller works in: the internal need to know (domain 3.3, superscript p).
fn of_my_programs(access: &Access) -> Expr {
    let with = query::<client_program::Entity>().select_only().column(client_program::Column::ClientId);
    let mine = client_program::Column::ProgramId.is_in(access.programs.iter().copied());
    client::Column::Id.in_subquery(with.filter(mine).into_query())
}

impl Protected for client::Entity {
    type Id = ClientId;

    fn id_column() -> Self::Column {
        client::Column::Id
    }

    fn id(row: &client::Model) -> ClientId {
        row.id
    }

    /// Those of the caller's organization, to coordinators and supervisors of a program they are with, and to the privacy officer.
    /// Peers and referrers see those assigned to them and of their own referrals: none, before there are either.
    fn visible_to(access: &Access) -> Condition {
        let Some(own) = access.organization else { return never() };
        let near = access.has_any(&[Role::Coordinator, Role::Supervisor]).then(|| of_my_programs(access));
        let all = access.has(Role::PrivacyOfficer).then(|| always());
        Condition::all().add(client::Column::OrganizationId.eq(own)).add(Condition::any().add(never()).add_option(near).add_option(all))
    }

    fn grants(access: &Access) -> Grants {
        let near = || Condition::all().add(of_my_programs(access));
        let grants = Grants::none().open_if(Class::Identity, access.has(Role::PrivacyOfficer));
        if access.has_any(&[Role::Coordinator, Role::Supervisor]) {
            grants.open(Class::Identity, near()).open(Class::ReferralClinical, near())
        } else {
            grants
        }
    }

    fn allows(access: &Access, action: Action, _: &client::Model) -> bool {
        match action {
            Action::Read => true,
            Action::Update => may(access, Resource::Client, Act::Update),
            Action::Extend | Action::End => false,
        }
    }

    fn class_of(column: client::Column) -> Option<Class> {
        match column {
            client::Column::Identity => Some(Class::Identity),
            client::Column::Recovery => Some(Class::ReferralClinical),
            _ => None,
        }
    }

    fn holder(row: &client::Model) -> OrganizationId {
        row.organization_id
    }

    fn client(row: &client::Model) -> Option<ClientId> {
        Some(row.id)
    }
}
