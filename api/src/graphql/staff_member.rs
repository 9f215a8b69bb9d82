//! People of staff.

use async_graphql::{Context, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use entity::{ProgramId, StaffMemberId, organization, staff_member, staff_program, vocabulary::Role};

use super::{
    connection::connection,
    context::RequestContext,
    error::{coded, command},
    guard::Requires,
    organization::Organization,
    payload::payloads,
    program::{Program, programs},
    scalar::EmailAddress,
};
use crate::{
    access::Scope,
    domain::staff_member::{NewStaffMember, create},
    store::Visible,
};

/// Someone who works for an organization.
#[derive(Clone)]
pub(crate) struct StaffMember(pub(crate) Visible<staff_member::Entity>);

/// Someone who works for an organization.
#[Object]
impl StaffMember {
    /// Their id.
    async fn id(&self) -> StaffMemberId {
        self.0.id
    }

    /// Whom they work for.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Organization> {
        let found = ctx.load::<organization::Entity>(self.0.organization_id).await?;
        found.map(Organization).ok_or_else(|| coded("UNAVAILABLE", "Their organization has left."))
    }

    /// As colleagues see them.
    async fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// Their address at work.
    async fn email(&self) -> Option<EmailAddress> {
        self.0.email.clone().map(EmailAddress)
    }

    /// What they do.
    async fn roles(&self) -> Vec<Role> {
        self.0.roles.to_vec()
    }

    /// The programs they work in.
    async fn programs(&self, ctx: &Context<'_>) -> Result<Vec<Program>> {
        let of = ctx.load_parts::<staff_member::Entity, staff_program::Entity>(&self.0).await?;
        programs(ctx, of.iter().map(|of| of.program_id)).await
    }

    /// False once they have left.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// UTC.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Counts changes.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

connection!(StaffMember, StaffMemberConnection, StaffMemberEdge, staff_member::Entity, "people of staff");

/// A new person of staff of the caller's organization.
#[derive(InputObject)]
pub(crate) struct StaffMemberCreateInput {
    /// As colleagues see them.
    display_name: String,
    /// What an identity provider may name them by; unique within the organization.
    email: Option<EmailAddress>,
    /// What they do.
    roles: Vec<Role>,
    /// The programs they work in.
    program_ids: Option<Vec<ProgramId>>,
}

payloads! {
    StaffMemberCreatePayload = "staffMemberCreate", staff_member: StaffMember, "The person";
}

/// Mutations.
#[derive(Default)]
pub(crate) struct StaffMemberMutation;

#[Object]
impl StaffMemberMutation {
    /// Adds a person of staff to the caller's organization. For administrators.
    #[graphql(guard = "Requires(Scope::Admin)")]
    async fn staff_member_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person.")] input: StaffMemberCreateInput,
    ) -> Result<Option<StaffMemberCreatePayload>> {
        let new = NewStaffMember {
            display_name: input.display_name,
            email: input.email.map(|email| email.0),
            roles: input.roles,
            program_ids: input.program_ids.unwrap_or_default(),
        };
        let (made, user_errors) = command(ctx, "staffMemberCreate", create(ctx.store(), &ctx.access(), new)).await?;
        Ok(Some(StaffMemberCreatePayload { staff_member: made.map(StaffMember), user_errors }))
    }
}
