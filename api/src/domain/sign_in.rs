//! Who a verified token is today: roles, programs and purposes come from the row as it is now, not from when the token was made.

use std::collections::BTreeSet;

use entity::{
    OrganizationId, ProgramId, api_client, api_client_program, organization, staff_member, staff_program,
    vocabulary::{PurposeOfUse, Role},
};
use sea_orm::{ColumnTrait, Condition};

use crate::{
    access::{
        Access, Actor, Scope, Token,
        token::{Subject, Verified},
    },
    error::{Error, Result},
    store::Store,
};

/// Makes the caller's access of a verified token: its roles and scopes, as far as the row still has them.
///
/// # Errors
/// `NotPermitted` when the token is revoked, or whoever it names is unknown, left, revoked or of another organization.
pub async fn sign_in(store: &Store, caller: Access, claims: Verified) -> Result<Access> {
    let system = Access::system("sign-in", caller.now);
    if store.refuses_jti(&claims.jti).await? {
        return Err(Error::NotPermitted);
    }
    let home = store.fetch::<organization::Entity>(&system, claims.organization).await?;
    let home = home.filter(|home| home.active).ok_or(Error::NotPermitted)?;
    let known = match claims.subject {
        Subject::Staff(id) => staff(store, &system, id).await?,
        Subject::Api(id) => application(store, &system, id).await?,
    };
    let known = known.filter(|known| known.organization == claims.organization).ok_or(Error::NotPermitted)?;
    let token = Some(Token { jti: claims.jti, expires_at: claims.expires_at });
    let scopes = match &known.scopes {
        Some(allowed) => claims.scopes.intersection(allowed).copied().collect(),
        None => claims.scopes,
    };
    Ok(Access {
        actor: known.actor,
        organization: Some(known.organization),
        organization_kind: Some(home.kind),
        programs: known.programs,
        roles: claims.roles.intersection(&known.roles).copied().collect(),
        scopes,
        purposes: known.purposes,
        token,
        ..caller
    })
}

/// Who a caller is now, whose token was verified before: a subscription lives longer than what its caller may see.
///
/// # Errors
/// `NotPermitted` when the token has ended or was revoked meanwhile, or the caller has left; as [`sign_in`].
pub async fn still(store: &Store, before: &Access) -> Result<Access> {
    let now = store.clock().now();
    let caller = Access { now, ..before.clone() };
    let (subject, token, organization) = match (before.actor, &before.token, before.organization) {
        (Actor::Staff(id), Some(token), Some(organization)) => (Subject::Staff(id), token.clone(), organization),
        (Actor::Api(id), Some(token), Some(organization)) => (Subject::Api(id), token.clone(), organization),
        _ => return Ok(caller),
    };
    let Token { jti, expires_at } = token;
    if expires_at <= now {
        return Err(Error::NotPermitted);
    }
    let (roles, scopes) = (before.roles.clone(), before.scopes.clone());
    sign_in(store, caller, Verified { subject, organization, roles, scopes, issued_at: now, expires_at, jti }).await
}

struct Known {
    actor: Actor,
    organization: OrganizationId,
    programs: Vec<ProgramId>,
    roles: BTreeSet<Role>,
    /// None where the row sets no bound.
    scopes: Option<BTreeSet<Scope>>,
    purposes: BTreeSet<PurposeOfUse>,
}

async fn staff(store: &Store, system: &Access, id: entity::StaffMemberId) -> Result<Option<Known>> {
    let Some(row) = store.fetch::<staff_member::Entity>(system, id).await?.filter(|row| row.active) else {
        return Ok(None);
    };
    let of = Condition::all().add(staff_program::Column::StaffMemberId.eq(id));
    let programs = store.parts::<staff_program::Entity>(system, of).await?;
    Ok(Some(Known {
        actor: Actor::Staff(id),
        organization: row.organization_id,
        programs: programs.into_iter().map(|program| program.program_id).collect(),
        roles: row.roles.iter().copied().collect(),
        scopes: None,
        purposes: PurposeOfUse::ALL.iter().copied().filter(|purpose| *purpose != PurposeOfUse::Emergency).collect(),
    }))
}

async fn application(store: &Store, system: &Access, id: entity::ApiClientId) -> Result<Option<Known>> {
    let Some(row) = store.fetch::<api_client::Entity>(system, id).await?.filter(|row| row.revoked_at.is_none()) else {
        return Ok(None);
    };
    let of = Condition::all().add(api_client_program::Column::ApiClientId.eq(id));
    let programs = store.parts::<api_client_program::Entity>(system, of).await?;
    Ok(Some(Known {
        actor: Actor::Api(id),
        organization: row.organization_id,
        programs: programs.into_iter().map(|program| program.program_id).collect(),
        roles: row.roles.iter().copied().collect(),
        scopes: Some(row.scopes.iter().filter_map(|name| name.parse().ok()).collect()),
        purposes: row.purposes.iter().copied().filter(|purpose| *purpose != PurposeOfUse::Emergency).collect(),
    }))
}
