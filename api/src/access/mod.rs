//! Who is asking, and what may they see.

pub mod attendance_proof;
pub mod consent;
pub mod emergency;
pub mod issuer;
pub mod jws;
mod key_file;
mod key_set;
pub mod keys;
mod own_keys;
pub mod policy;
mod scope;
pub mod secret;
mod share;
pub mod ticket;
pub mod token;

use std::collections::BTreeSet;

use entity::{
    ApiClientId, ClientId, OrganizationId, ProgramId, StaffMemberId,
    vocabulary::{OrganizationKind, PurposeOfUse, Role},
};

use sea_orm::{ColumnTrait, Condition};

pub use key_set::{KeySets, KeySource, Unreachable};
pub use own_keys::{MOST_BYTES as MOST_OWN_KEY_BYTES, checked as checked_own_keys};
pub use scope::Scope;
pub use share::Share;

use crate::clock::Instant;

/// Who is asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Someone without a token, who reads what is public.
    Anonymous,
    /// A person of staff.
    Staff(StaffMemberId),
    /// A partner's application.
    Api(ApiClientId),
    /// A client, looking at their own data.
    Client(ClientId),
    /// Work without a person: its reason can be searched for.
    System(&'static str),
}

/// An idempotency key with the keyed hash of the body that it came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// What the caller chose: 1 to 255 printable characters.
    pub key: String,
    /// Keyed hash of the request's body.
    pub body_hash: Vec<u8>,
}

/// What is kept of the token that someone came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its own name, by which it is revoked.
    pub jti: String,
    /// When it was issued (UTC), to the second.
    pub issued_at: Instant,
    /// When it ends (UTC).
    pub expires_at: Instant,
}

/// Who asks, for which organization and programs, in which roles, why, and when. Every function of the store takes it.
#[derive(Clone, Debug)]
pub struct Access {
    /// Who.
    pub actor: Actor,
    /// The tenant they act in; none for the anonymous and the system.
    pub organization: Option<OrganizationId>,
    /// What that tenant is.
    pub organization_kind: Option<OrganizationKind>,
    /// The programs of it they work in.
    pub programs: Vec<ProgramId>,
    /// A client's own records there: the one that stands for them and all that were merged into it. None for everyone else.
    pub records: Vec<ClientId>,
    /// A ticket that they hold, which opens one guest's registration.
    pub ticket: Option<ticket::Ticket>,
    /// What they do there.
    pub roles: BTreeSet<Role>,
    /// What their token is good for.
    pub scopes: BTreeSet<Scope>,
    /// The purposes they may name.
    pub purposes: BTreeSet<PurposeOfUse>,
    /// The purpose they named for this request.
    pub purpose: Option<PurposeOfUse>,
    /// The token they came with; none for the anonymous and the system.
    pub token: Option<Token>,
    /// Identifies the request in logs, errors and the audit.
    pub request_id: String,
    /// When the request came in (UTC).
    pub now: Instant,
    /// The caller's idempotency key, for a mutation.
    pub idempotency: Option<IdempotencyKey>,
    /// What is left of their share of requests; none where requests are not counted.
    pub share: Option<Share>,
}

impl Access {
    /// A caller without a token.
    pub fn anonymous(request_id: impl Into<String>, now: Instant) -> Self {
        Self {
            actor: Actor::Anonymous,
            organization: None,
            organization_kind: None,
            programs: Vec::new(),
            records: Vec::new(),
            ticket: None,
            roles: BTreeSet::new(),
            scopes: BTreeSet::new(),
            purposes: BTreeSet::new(),
            purpose: None,
            token: None,
            request_id: request_id.into(),
            now,
            idempotency: None,
            share: None,
        }
    }

    /// Work without a person. It sees every row, it is audited, and its reason can be searched for.
    pub fn system(reason: &'static str, now: Instant) -> Self {
        Self { actor: Actor::System(reason), ..Self::anonymous(reason, now) }
    }

    /// A client who reads what an organization holds about them: the record that stands for them comes first. Their own wish is the
    /// purpose, and whatever is opened to them is no disclosure.
    pub fn oneself(organization: OrganizationId, kind: OrganizationKind, records: Vec<ClientId>, caller: Self) -> Self {
        Self {
            actor: records.first().map_or(Actor::Anonymous, |id| Actor::Client(*id)),
            organization: Some(organization),
            organization_kind: Some(kind),
            records,
            roles: [Role::Client].into(),
            scopes: [Scope::SelfRead].into(),
            purposes: [PurposeOfUse::PatientRequest].into(),
            purpose: Some(PurposeOfUse::PatientRequest),
            ..caller
        }
    }

    /// The same caller, who holds a ticket.
    #[must_use]
    pub fn holding(&self, ticket: ticket::Ticket) -> Self {
        Self { ticket: Some(ticket), ..self.clone() }
    }

    /// Whether this is a client who reads their own data (domain 3.3: CLIENT, `o`).
    pub fn is_oneself(&self) -> bool {
        matches!(self.actor, Actor::Client(_)) && self.has(Role::Client) && self.scopes.contains(&Scope::SelfRead)
    }

    /// That a column names a record of the client who reads their own data; nothing for everyone else.
    pub fn own(&self, column: impl ColumnTrait) -> Option<Condition> {
        self.is_oneself().then(|| Condition::all().add(column.is_in(self.records.iter().copied())))
    }

    /// Whether this is a client who may also do what a client does themselves: change what is theirs to decide.
    pub fn acts_for_oneself(&self) -> bool {
        self.is_oneself() && self.scopes.contains(&Scope::SelfWrite)
    }

    /// Whom a caller means who may name a client, and who means themselves when they are one and name nobody.
    pub fn meant(&self, client: Option<ClientId>) -> Option<ClientId> {
        client.or_else(|| self.records.first().copied())
    }

    /// Whether the token is good for one of these. To a client's own data their own scope is enough.
    pub fn scoped(&self, any: &[Scope]) -> bool {
        self.is_oneself() || any.iter().any(|scope| self.scopes.contains(scope))
    }

    /// Whether this is work without a person.
    pub const fn is_system(&self) -> bool {
        matches!(self.actor, Actor::System(_))
    }

    /// Whether the caller acts in this role.
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether the caller acts in one of these roles.
    pub fn has_any(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.has(*role))
    }
}
