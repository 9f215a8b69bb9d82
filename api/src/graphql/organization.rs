//! Organizations.

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use entity::{
    OrganizationId, api_client, organization, program, staff_member,
    vocabulary::{HipaaStatus, OrganizationKind, Part2Status},
};
use sea_orm::Order;

use super::{
    api_client::ApiClientConnection,
    connection::{children, connection, paged},
    context::RequestContext,
    guard::Requires,
    program::ProgramConnection,
    scalar::TimeZone,
    staff_member::StaffMemberConnection,
};
use crate::{
    access::Scope,
    store::{Class, PageArgs, Visible},
};

/// A treatment provider, a recovery community organization, a partner's app or a funder.
pub(crate) struct Organization(pub(crate) Visible<organization::Entity>);

/// A treatment provider, a recovery community organization, a partner's app or a funder.
#[Object]
impl Organization {
    /// Its id.
    async fn id(&self) -> OrganizationId {
        self.0.id
    }

    /// As it calls itself.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is.
    async fn kind(&self) -> OrganizationKind {
        self.0.kind
    }

    /// IANA name.
    async fn time_zone(&self) -> TimeZone {
        TimeZone(self.0.time_zone.clone())
    }

    /// Whether it holds made-up people only.
    async fn sandbox(&self) -> bool {
        self.0.sandbox
    }

    /// How it is run; null to others than its administrators.
    async fn administration(&self, ctx: &Context<'_>) -> Option<OrganizationAdministration> {
        if self.0.may_open(Class::Administration) {
            return Some(OrganizationAdministration(self.0.clone()));
        }
        if ctx.access().organization == Some(self.0.id) {
            ctx.closed_by_role(Class::Administration);
        }
        None
    }
}

/// How an organization is run, for its administrators.
pub(crate) struct OrganizationAdministration(Visible<organization::Entity>);

/// How an organization is run, for its administrators.
#[Object]
impl OrganizationAdministration {
    /// What it is under 42 CFR Part 2.
    async fn part2_status(&self) -> Part2Status {
        self.0.part2_status
    }

    /// What it is under HIPAA.
    async fn hipaa_status(&self) -> HipaaStatus {
        self.0.hipaa_status
    }

    /// National Provider Identifier.
    async fn npi(&self) -> Option<&str> {
        self.0.npi.as_deref()
    }

    /// False once it has left.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// Its programs, by name.
    async fn programs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ProgramConnection> {
        let args = PageArgs { first, after, last, before };
        let id = self.0.id;
        let access = ctx.access();
        let find = ctx.store().find::<program::Entity>(&access).ordered(program::Column::Name, Order::Asc);
        Ok(children(ctx, find, program::Column::OrganizationId, id, args).await?.into())
    }

    /// Its people, by name.
    async fn staff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<StaffMemberConnection> {
        let args = PageArgs { first, after, last, before };
        let id = self.0.id;
        let access = ctx.access();
        let find = ctx.store().find::<staff_member::Entity>(&access).ordered(staff_member::Column::DisplayName, Order::Asc);
        Ok(children(ctx, find, staff_member::Column::OrganizationId, id, args).await?.into())
    }

    /// Its applications, by name.
    async fn api_clients(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<ApiClientConnection> {
        let args = PageArgs { first, after, last, before };
        let id = self.0.id;
        let access = ctx.access();
        let find = ctx.store().find::<api_client::Entity>(&access).ordered(api_client::Column::Name, Order::Asc);
        Ok(children(ctx, find, api_client::Column::OrganizationId, id, args).await?.into())
    }

    /// UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// UTC.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// Counts changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

connection!(Organization, OrganizationConnection, OrganizationEdge, organization::Entity, "organizations");

/// Queries.
#[derive(Default)]
pub(crate) struct OrganizationQuery;

#[Object]
impl OrganizationQuery {
    /// The organizations that work here, by name.
    #[graphql(guard = "Requires(Scope::ReferralsRead).or(Requires(Scope::Admin))")]
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, from the beginning or from `after`: 20 unless it says so, 100 at most.")] first: Option<i32>,
        #[graphql(desc = "After this cursor.")] after: Option<String>,
        #[graphql(desc = "How many, from the end or before `before`.")] last: Option<i32>,
        #[graphql(desc = "Before this cursor.")] before: Option<String>,
    ) -> Result<OrganizationConnection> {
        let args = PageArgs { first, after, last, before };
        let access = ctx.access();
        let find = ctx.store().find::<organization::Entity>(&access).ordered(organization::Column::Name, Order::Asc);
        Ok(paged(ctx, find, args).await?.into())
    }
}
