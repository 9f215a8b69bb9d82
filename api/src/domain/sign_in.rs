//! Who a verified token is today: roles, programs and purposes come from the row as it is now, not from when the token was made.

use std::collections::BTreeSet;

use entity::{
    ApiClientId, ClientId, ProgramId, StaffMemberId,
    vocabulary::{OrganizationKind, PurposeOfUse, Role},
};

use crate::{
    access::{
        Access, Actor, Scope, Token,
        policy::{Act, Resource, may},
        token::{Subject, Verified},
    },
    error::{Error, Result},
    store::{Named, Store},
};

/// Makes the caller's access of a verified token: its roles and scopes, as far as the row still has them.
///
/// # Errors
/// `NotPermitted` when the token is revoked, or whoever it names is unknown, left, revoked or of another organization.
pub async fn sign_in(store: &Store, caller: Access, claims: Verified) -> Result<Access> {
    let known = match claims.subject {
        Subject::Staff(id) => staff(store, id, &claims).await?,
        Subject::Api(id) => application(store, id, &claims).await?,
        Subject::Client(id) => return oneself(store, caller, id, claims).await,
    };
    let known = known.ok_or(Error::NotPermitted)?;
    let token = Some(token_of(&claims));
    let scopes = match &known.scopes {
        Some(allowed) => claims.scopes.intersection(allowed).copied().collect(),
        None => claims.scopes,
    };
    let access = Access {
        actor: known.actor,
        organization: Some(claims.organization),
        organization_kind: Some(known.organization_kind),
        programs: known.programs,
        roles: known.roles.iter().copied().filter(|role| claims.roles.contains(role)).collect(),
        scopes,
        token,
        ..caller
    };
    let purposes = known.purposes.into_iter().filter(|purpose| *purpose != PurposeOfUse::Emergency || meets_emergencies(&access));
    Ok(Access { purposes: purposes.collect(), ..access })
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
        (Actor::Client(id), Some(token), Some(organization)) => (Subject::Client(id), token.clone(), organization),
        _ => return Ok(caller),
    };
    let Token { jti, issued_at, expires_at } = token;
    if expires_at <= now {
        return Err(Error::NotPermitted);
    }
    let (roles, scopes) = (before.roles.clone(), before.scopes.clone());
    sign_in(store, caller, Verified { subject, organization, roles, scopes, issued_at, expires_at, jti }).await
}

fn token_of(claims: &Verified) -> Token {
    Token { jti: claims.jti.clone(), issued_at: claims.issued_at, expires_at: claims.expires_at }
}

/// A client, who acts for themselves: the records that are theirs now, while their access holds.
async fn oneself(store: &Store, caller: Access, id: ClientId, claims: Verified) -> Result<Access> {
    let known = store.client_caller(id, claims.organization, &claims.jti, claims.issued_at).await?.ok_or(Error::NotPermitted)?;
    let token = Some(token_of(&claims));
    let access = Access::oneself(claims.organization, known.organization_kind, known.records, caller);
    let roles = access.roles.intersection(&claims.roles).copied().collect();
    let scopes = claims.scopes.into_iter().filter(|scope| [Scope::SelfRead, Scope::SelfWrite].contains(scope)).collect();
    Ok(Access { roles, scopes, token, ..access })
}

struct Known {
    actor: Actor,
    organization_kind: OrganizationKind,
    programs: Vec<ProgramId>,
    roles: Vec<Role>,
    /// None where the row sets no bound.
    scopes: Option<BTreeSet<Scope>>,
    purposes: BTreeSet<PurposeOfUse>,
}

async fn staff(store: &Store, id: StaffMemberId, claims: &Verified) -> Result<Option<Known>> {
    let named = store.staff_caller(id, claims.organization, &claims.jti).await?;
    Ok(named.map(|Named { organization_kind, roles, programs, rest: () }| Known {
        actor: Actor::Staff(id),
        organization_kind,
        programs,
        roles,
        scopes: None,
        purposes: PurposeOfUse::ALL.iter().copied().collect(),
    }))
}

async fn application(store: &Store, id: ApiClientId, claims: &Verified) -> Result<Option<Known>> {
    let named = store.api_caller(id, claims.organization, &claims.jti).await?;
    Ok(named.map(|Named { organization_kind, roles, programs, rest: (scopes, purposes) }| Known {
        actor: Actor::Api(id),
        organization_kind,
        programs,
        roles,
        scopes: Some(scopes.iter().filter_map(|name| name.parse().ok()).collect()),
        purposes: purposes.into_iter().collect(),
    }))
}

/// Whether somebody may name an emergency: people, no applications. It opens what `emergencyAccess` opened, and nothing else
/// (contract.md, "Answers").
fn meets_emergencies(access: &Access) -> bool {
    matches!(access.actor, Actor::Staff(_)) && may(access, Resource::EmergencyAccess, Act::Read)
}
