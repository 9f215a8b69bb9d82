//! Who a token names, as they are today: asked on every request, so with one statement.

use entity::{
    ApiClientId, ClientId, List, OrganizationId, ProgramId, StaffMemberId, api_client, api_client_program, client, client_access,
    organization, revoked_token, staff_member, staff_program,
    vocabulary::{OrganizationKind, PurposeOfUse, Role},
};
use sea_orm::{
    ColumnTrait, EntityTrait, JoinType, QueryFilter, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

use super::{Store, connection};
use crate::{clock::Instant, error::Result};

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

/// A client who reads their own data.
pub struct Oneself {
    /// What their organization is.
    pub organization_kind: OrganizationKind,
    /// Their records: the one that stands for them, and then all that were merged into it.
    pub records: Vec<ClientId>,
}

impl Store {
    /// A client, with the records that are theirs, unless the token of this name (`jti`) is revoked, they have no access, it began after
    /// the token was issued, their record was merged into another or erased, or the organization has left. One statement more for each
    /// level of merged records.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn client_caller(
        &self,
        id: ClientId,
        organization: OrganizationId,
        jti: &str,
        issued_at: Instant,
    ) -> Result<Option<Oneself>> {
        let mut live = Query::select();
        live.expr(Expr::val(1))
            .from(client_access::Entity)
            .and_where(client_access::Column::ClientId.eq(id))
            .and_where(client_access::Column::EndedAt.is_null())
            // A token tells its instant to the second.
            .and_where(client_access::Column::AcceptedAt.lt(issued_at + chrono::TimeDelta::seconds(1)));
        let home =
            client::Entity::belongs_to(organization::Entity).from(client::Column::OrganizationId).to(organization::Column::Id).into();
        let found = connection::select::<client::Entity>()
            .select_only()
            .join(JoinType::InnerJoin, home)
            .filter(client::Column::Id.eq(id))
            .filter(client::Column::OrganizationId.eq(organization))
            .filter(client::Column::MergedIntoId.is_null())
            .filter(client::Column::ErasedAt.is_null())
            .filter(organization::Column::Active.eq(true))
            .filter(Expr::exists(live))
            .filter(Expr::exists(revoked(jti)).not())
            .column(organization::Column::Kind)
            .into_tuple()
            .one(self.reader())
            .await?;
        let Some(organization_kind) = found else { return Ok(None) };
        let (mut records, mut below) = (vec![id], 0);
        while below < records.len() {
            let of = client::Column::MergedIntoId.is_in(records[below..].iter().copied());
            below = records.len();
            let merged = connection::select::<client::Entity>().select_only().column(client::Column::Id).filter(of);
            records.extend(merged.into_tuple::<ClientId>().all(self.reader()).await?);
        }
        Ok(Some(Oneself { organization_kind, records }))
    }
}

/// That a token of this name (`jti`) is revoked, as a query that finds something then.
fn revoked(jti: &str) -> SelectStatement {
    let mut revoked = Query::select();
    revoked.expr(Expr::val(1)).from(revoked_token::Entity).cond_where(revoked_token::Column::Jti.eq(jti));
    revoked
}

/// Rows with their organization, which must be there still, and each of their programs; none for a revoked token.
fn select<E: EntityTrait + Default, P: EntityTrait + Default>(
    (id, member): (E::Column, P::Column),
    home: E::Column,
    jti: &str,
) -> Select<E> {
    let organization = E::belongs_to(organization::Entity).from(home).to(organization::Column::Id).into();
    let programs = P::belongs_to(E::default()).from(member).to(id).into();
    connection::select::<E>()
        .select_only()
        .join(JoinType::InnerJoin, organization)
        .join_rev(JoinType::LeftJoin, programs)
        .filter(organization::Column::Active.eq(true))
        .filter(Expr::exists(revoked(jti)).not())
}
