//! Who a token names, as they are today: asked on every request, so with one statement.

use entity::{
    ApiClientId, List, OrganizationId, ProgramId, StaffMemberId, api_client, api_client_program, organization, revoked_token, staff_member,
    staff_program,
    vocabulary::{OrganizationKind, PurposeOfUse, Role},
};
use sea_orm::{
    ColumnTrait, EntityTrait, JoinType, QueryFilter, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{Store, connection};
use crate::error::Result;

/// The row that a token names, and its programs.
pub struct Named<R> {
    /// What its organization is.
    pub organization_kind: OrganizationKind,
    /// In which roles it acts.
    pub roles: Vec<Role>,
    /// In which programs.
    pub programs: Vec<ProgramId>,
    /// What else is said of it.
    pub rest: R,
}

impl Store {
    /// A member of staff, unless they have left, their organization has, or the token of this name (`jti`) is revoked.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn staff_caller(&self, id: StaffMemberId, organization: OrganizationId, jti: &str) -> Result<Option<Named<()>>> {
        type Row = (OrganizationKind, List<Role>, Option<ProgramId>);
        let rows: Vec<Row> = select::<staff_member::Entity, staff_program::Entity>(
            (staff_member::Column::Id, staff_program::Column::StaffMemberId),
            staff_member::Column::OrganizationId,
            jti,
        )
        .filter(staff_member::Column::Id.eq(id))
        .filter(staff_member::Column::OrganizationId.eq(organization))
        .filter(staff_member::Column::Active.eq(true))
        .column(organization::Column::Kind)
        .column(staff_member::Column::Roles)
        .column(staff_program::Column::ProgramId)
        .into_tuple()
        .all(self.reader())
        .await?;
        let programs = rows.iter().filter_map(|row| row.2).collect();
        let named = rows.into_iter().next();
        Ok(named.map(|(organization_kind, List(roles), _)| Named { organization_kind, roles, programs, rest: () }))
    }

    /// An application, unless it or the token of this name (`jti`) is revoked or its organization has left; with its scopes and purposes.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn api_caller(
        &self,
        id: ApiClientId,
        organization: OrganizationId,
        jti: &str,
    ) -> Result<Option<Named<(Vec<String>, Vec<PurposeOfUse>)>>> {
        type Row = (OrganizationKind, List<Role>, List<String>, List<PurposeOfUse>, Option<ProgramId>);
        let rows: Vec<Row> = select::<api_client::Entity, api_client_program::Entity>(
            (api_client::Column::Id, api_client_program::Column::ApiClientId),
            api_client::Column::OrganizationId,
            jti,
        )
        .filter(api_client::Column::Id.eq(id))
        .filter(api_client::Column::OrganizationId.eq(organization))
        .filter(api_client::Column::RevokedAt.is_null())
        .column(organization::Column::Kind)
        .column(api_client::Column::Roles)
        .column(api_client::Column::Scopes)
        .column(api_client::Column::Purposes)
        .column(api_client_program::Column::ProgramId)
        .into_tuple()
        .all(self.reader())
        .await?;
        let programs = rows.iter().filter_map(|row| row.4).collect();
        let named = rows.into_iter().next();
        Ok(named.map(|(organization_kind, List(roles), List(scopes), List(purposes), _)| Named {
            organization_kind,
            roles,
            programs,
            rest: (scopes, purposes),
        }))
    }
}

/// Rows with their organization, which must be there still, and each of their programs; none for a revoked token.
fn select<E: EntityTrait + Default, P: EntityTrait + Default>(
    (id, member): (E::Column, P::Column),
    home: E::Column,
    jti: &str,
) -> Select<E> {
    let mut revoked = Query::select();
    revoked.expr(Expr::val(1)).from(revoked_token::Entity).cond_where(revoked_token::Column::Jti.eq(jti));
    let organization = E::belongs_to(organization::Entity).from(home).to(organization::Column::Id).into();
    let programs = P::belongs_to(E::default()).from(member).to(id).into();
    connection::select::<E>()
        .select_only()
        .join(JoinType::InnerJoin, organization)
        .join_rev(JoinType::LeftJoin, programs)
        .filter(organization::Column::Active.eq(true))
        .filter(Expr::exists(revoked).not())
}
