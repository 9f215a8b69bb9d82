//! Who sees a referral, and of which of its two sides.

mod answer;
mod clocks;
mod ending;
mod offered;
mod send;
mod snapshot;
mod step;
mod support;
mod update;
mod work;

use entity::{
    OrganizationId, ProgramId, ReferralId, referral, referral_search, referral_transition,
    vocabulary::{DataClass, ReferralStatus, Role},
};
use sea_orm::{
    ColumnTrait, Condition, ExprTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, SelectStatement},
};

use super::peer_match;
use crate::{
    access::{
        Access, Scope,
        consent::{Disclosing, covers},
        policy::{Act, Resource, may},
    },
    store::{Action, Class, Discloser, Grants, Part, PartOf, Protected, any_of, never, query, unless},
};

pub use answer::{accept, accept_in, answer_info, decline, decline_in, request_info, waitlist};
pub(super) use clocks::fell_due;
pub use ending::{cancel, client_declines, complete, complete_in, enter_in_error};
pub(super) use ending::{cancel_for_revoked, expire};
pub(super) use offered::{free, mark_offered, offerable, reserve};
pub use send::{NewReferral, Under, Who, create, create_in, submit};
pub use snapshot::{Clinical, Person};
pub use step::{Said, parties, standing};
pub(super) use step::{Side, happened};
pub(super) use support::contacted;
pub use support::{assign, assign_in, hold, resume, unassign};
pub use update::{ReferralChanges, update};
pub use work::not_reached;
pub(super) use work::{not_reached_approved, reviewed};

/// The states in which a referral occupies its place with the program that received it.
pub const OPEN: &[ReferralStatus] = &[
    ReferralStatus::Submitted,
    ReferralStatus::NeedsInfo,
    ReferralStatus::Waitlisted,
    ReferralStatus::Accepted,
    ReferralStatus::Assigned,
    ReferralStatus::Outreach,
    ReferralStatus::Connected,
    ReferralStatus::OnHold,
];

/// Referrals that the caller's programs sent, drafts with them; the privacy officer's: those of the whole organization; a client's: those
/// that it sent for them.
fn sent(access: &Access) -> Vec<Condition> {
    sent_from(access, &access.programs).into_iter().chain(sent_besides(access)).collect()
}

/// Those that these of the caller's programs sent.
fn sent_from(access: &Access, programs: &[ProgramId]) -> Option<Condition> {
    let sends = access.has_any(&[Role::Referrer, Role::Coordinator, Role::Supervisor]);
    sends.then(|| Condition::all().add(referral::Column::FromProgramId.is_in(programs.iter().copied())))
}

/// Those of [`sent`] that are not their programs'.
fn sent_besides(access: &Access) -> impl Iterator<Item = Condition> {
    let all = access.organization.filter(|_| access.has(Role::PrivacyOfficer));
    let all = all.map(|own| Condition::all().add(referral::Column::FromOrganizationId.eq(own)));
    all.into_iter().chain(access.own(referral::Column::FromClientId))
}

/// The ids of the referrals whose progress is open to the caller.
pub(super) fn followed(access: &Access) -> SelectStatement {
    let ids = query::<referral::Entity>().select_only().column(referral::Column::Id).filter(referral::Entity::visible_to(access));
    ids.filter(referral::Entity::grants(access).condition(Class::ReferralStatus)).into_query()
}

/// Those of [`sent`], each of which the caller follows from its side, whatever they received.
pub(super) fn sent_by(access: &Access) -> Condition {
    any_of(sent(access))
}

/// Referrals that the caller's programs received: submitted ones. A peer's: those assigned to them, while they support
/// the person. A client's: those that led to their record.
fn received(access: &Access) -> Vec<Condition> {
    received_by(access, &access.programs).into_iter().chain(received_besides(access)).collect()
}

fn submitted() -> Condition {
    Condition::all().add(referral::Column::SubmittedAt.is_not_null())
}

/// Those that these of the caller's programs received.
fn received_by(access: &Access, programs: &[ProgramId]) -> Option<Condition> {
    let receives = access.has_any(&[Role::Coordinator, Role::Supervisor]);
    receives.then(|| submitted().add(referral::Column::ToProgramId.is_in(programs.iter().copied())))
}

/// Those of [`received`] that are not their programs'.
fn received_besides(access: &Access) -> impl Iterator<Item = Condition> {
    let supported = peer_match::with_me(access).map(|pairings| pairings.column(entity::peer_match::Column::ClientId).into_query());
    let assigned = peer_match::me(access).zip(supported).map(|(me, supported)| {
        let by_me = submitted().add(referral::Column::PeerId.in_subquery(me.into_query()));
        by_me.add(referral::Column::ToClientId.in_subquery(supported))
    });
    assigned.into_iter().chain(access.own(referral::Column::ToClientId))
}

/// Those that the privacy officer's organization received.
fn overseen(access: &Access) -> Option<Condition> {
    let own = access.organization.filter(|_| access.has(Role::PrivacyOfficer))?;
    Some(submitted().add(referral::Column::ToOrganizationId.eq(own)))
}

/// The two sides of what exists for the caller.
fn sides(access: &Access) -> Vec<Condition> {
    within_scope(access, || sent(access).into_iter().chain(received(access)).chain(overseen(access)))
}

/// Nothing without a scope for it.
fn within_scope<C: Iterator<Item = Condition>>(access: &Access, of: impl FnOnce() -> C) -> Vec<Condition> {
    if access.scoped(&[Scope::ReferralsRead, Scope::ReferralsWrite]) { of().collect() } else { Vec::new() }
}

fn column(column: referral::Column) -> Expr {
    Expr::col((referral::Entity, column))
}

/// What the sender disclosed at submission, open to the receiver: before acceptance while a consent covers it, afterwards as a part of
/// the receiver's own record (architecture.md, "Whose row it is").
fn snapshot(access: &Access, class: DataClass) -> Condition {
    let of = Disclosing {
        clients: vec![column(referral::Column::FromClientId)],
        discloser: column(referral::Column::FromOrganizationId),
        unconfirmed: None,
    };
    let open = Condition::any().add(referral::Column::ToClientId.is_not_null()).add_option(covers(access, class, of));
    Condition::all().add(column(referral::Column::DisclosedClasses).bit_and(class.bit()).ne(0)).add(open)
}

/// How it goes, open to the sender: until submission, and then while a consent lets it flow back (42 CFR 2.31). Before the receiver has
/// decided, the sender's own record of the consent is enough: an answer confirms it.
fn flows_back(access: &Access) -> Condition {
    let of = Disclosing {
        clients: vec![column(referral::Column::FromClientId), column(referral::Column::ToClientId)],
        discloser: column(referral::Column::ToOrganizationId),
        unconfirmed: Some(column(referral::Column::AcknowledgedAt).is_null()),
    };
    let back = covers(access, DataClass::ReferralStatus, of);
    Condition::any().add(referral::Column::SubmittedAt.is_null()).add_option(back)
}

impl Protected for referral::Entity {
    type Id = ReferralId;

    fn id_column() -> Self::Column {
        referral::Column::Id
    }

    fn id(row: &referral::Model) -> ReferralId {
        row.id
    }

    fn visible_to(access: &Access) -> Condition {
        any_of(sides(access))
    }

    /// What each program sent, and what it received.
    fn arms(access: &Access) -> Vec<Condition> {
        let each =
            |side: fn(&Access, &[ProgramId]) -> Option<Condition>| access.programs.chunks(1).filter_map(move |one| side(access, one));
        let arms = within_scope(access, || {
            let sent = each(sent_from).chain(sent_besides(access));
            sent.chain(each(received_by)).chain(received_besides(access)).chain(overseen(access))
        });
        if arms.is_empty() { vec![never()] } else { arms }
    }

    /// A side that erased the person reads nothing of what was sealed for both.
    fn grants(access: &Access) -> Grants {
        let sent = || any_of(sent(access)).into_all().add(column(referral::Column::SenderErasedAt).is_null());
        let kept = |of: Condition| of.into_all().add(column(referral::Column::ReceiverErasedAt).is_null());
        let received_by_all = || kept(any_of(received(access).into_iter().chain(overseen(access))));
        let near = || any_of(sent_from(access, &access.programs).into_iter().chain(access.own(referral::Column::FromClientId)));
        let sent_nearby = Condition::all().add(near()).add(column(referral::Column::SenderErasedAt).is_null());
        Grants::none()
            .open(Class::Identity, sent())
            .open(Class::Identity, received_by_all().add(snapshot(access, DataClass::Identity)))
            .open(Class::ReferralClinical, sent_nearby)
            .open(Class::ReferralClinical, kept(any_of(received(access))).add(snapshot(access, DataClass::ReferralClinical)))
            .open(Class::ReferralStatus, received_by_all())
            .open(Class::ReferralStatus, sent().add(flows_back(access)))
    }

    fn allows(access: &Access, action: Action, row: &referral::Model) -> bool {
        let sent = access.programs.contains(&row.from_program_id);
        let received = row.to_program_id.is_some_and(|to| access.programs.contains(&to));
        match action {
            Action::Read => true,
            Action::Submit => sent && may(access, Resource::Referral, Act::Submit),
            Action::Support => received && may(access, Resource::Contact, Act::Create),
            Action::Converse => (sent || received) && may(access, Resource::Referral, Act::Converse),
            _ => false,
        }
    }

    fn class_of(column: referral::Column) -> Option<Class> {
        use referral::Column;
        match column {
            Column::Person | Column::Identifiers => Some(Class::Identity),
            Column::Clinical => Some(Class::ReferralClinical),
            Column::Status
            | Column::Result
            | Column::CloseReason
            | Column::PeerId
            | Column::AcknowledgedAt
            | Column::AcceptedAt
            | Column::AssignedAt
            | Column::FirstAttemptAt
            | Column::ConnectedAt
            | Column::ClosedAt
            | Column::AttemptCount
            | Column::UpdatedAt
            | Column::Version
            | Column::ExpiresAt
            | Column::DueAt
            | Column::ToClientId => Some(Class::ReferralStatus),
            _ => None,
        }
    }

    /// Before acceptance the sender holds it all; afterwards the receiver holds how it goes, and its own copy of what it was sent.
    fn discloser(row: &referral::Model, class: Class, reader: OrganizationId) -> Option<Discloser> {
        let consenting = || std::iter::once(row.from_client_id).chain(row.to_client_id).collect();
        match (class, row.to_client_id) {
            (Class::Identity | Class::ReferralClinical, None) if reader != row.from_organization_id => {
                Some(Discloser { organization: row.from_organization_id, client: row.from_client_id, consenting: consenting() })
            }
            (Class::ReferralStatus, Some(client)) if Some(reader) != row.to_organization_id => {
                Some(Discloser { organization: row.to_organization_id?, client, consenting: consenting() })
            }
            _ => None,
        }
    }
}

/// Why a class of a referral is closed to someone who sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// None of their roles reads it on their side.
    Role,
    /// They named no purpose of use, which another organization's data is only opened for.
    Purpose,
    /// No consent covers it for their organization and purpose.
    Consent,
}

/// Why a class that is closed is so: it depends on the caller, on their side and on consents, never on what the class holds.
pub fn why_closed(access: &Access, row: &referral::Model, class: Class) -> Closed {
    let others = match class {
        Class::ReferralStatus => access.organization == Some(row.from_organization_id),
        _ => access.organization != Some(row.from_organization_id),
    };
    let clinical = class == Class::ReferralClinical && !access.has_any(&[Role::Referrer, Role::Coordinator, Role::Supervisor, Role::Peer]);
    match access.purpose {
        _ if !others || clinical => Closed::Role,
        None => Closed::Purpose,
        Some(_) => Closed::Consent,
    }
}

/// `Condition::any` as a part of a condition that needs all.
trait IntoAll {
    fn into_all(self) -> Condition;
}

impl IntoAll for Condition {
    fn into_all(self) -> Condition {
        Condition::all().add(self)
    }
}

impl Part for referral_search::Entity {}

impl Part for referral_transition::Entity {}

impl PartOf<referral::Entity> for referral_transition::Entity {
    fn parent_column() -> referral_transition::Column {
        referral_transition::Column::ReferralId
    }

    fn parent(part: &referral_transition::Model) -> ReferralId {
        part.referral_id
    }

    fn order() -> referral_transition::Column {
        referral_transition::Column::Version
    }
}

/// Referrals that are not closed, drafts with them, asked of a list that is narrowed to where the state is open. There are indexes of
/// them alone.
pub fn is_open() -> Condition {
    Condition::all().add(referral::Column::ClosedAt.is_null())
}

/// Referrals as they are listed: without those that were entered in error, where that is known to the caller (domain 2.3, row 19).
pub fn listed(access: &Access) -> Condition {
    let known = Condition::all()
        .add(referral::Column::Status.eq(ReferralStatus::EnteredInError))
        .add(referral::Entity::grants(access).condition(Class::ReferralStatus));
    unless(known)
}
