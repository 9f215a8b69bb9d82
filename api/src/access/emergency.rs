//! Emergency access (42 CFR 2.51), as a SQL condition that is built here and run by the store.

use entity::{
    emergency_access::{Column, Entity},
    vocabulary::PurposeOfUse,
};
use sea_orm::{
    Condition, ExprTrait,
    sea_query::{Expr, Query},
};

use super::{
    Access,
    policy::{Act, Resource, may},
};

/// The emergency accesses that are open to the caller now: to staff of the organization that each names, who name an emergency as
/// their purpose. Nothing to everyone else.
pub fn open_to(access: &Access) -> Option<Condition> {
    let named = access.purpose == Some(PurposeOfUse::Emergency) && may(access, Resource::EmergencyAccess, Act::Read);
    let own = access.organization.filter(|_| named)?;
    let column = |column| Expr::col((Entity, column));
    let open = Condition::all().add(column(Column::RecipientOrganizationId).eq(own));
    Some(open.add(column(Column::EndedAt).is_null()).add(column(Column::ExpiresAt).gt(access.now)))
}

/// Whether one of them is of this client.
pub fn released(access: &Access, client: Expr) -> Option<Condition> {
    let mut select = Query::select();
    select.expr(Expr::val(1)).from(Entity).and_where(Expr::col((Entity, Column::ClientId)).eq(client)).cond_where(open_to(access)?);
    Some(Condition::all().add(Expr::exists(select)))
}
