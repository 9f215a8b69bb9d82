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
    OrganizationId, ReferralId, referral, referral_search, referral_transition,
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
    store::{Action, Class, Discloser, Grants, Part, PartOf, Protected, always, never, query},
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
    let of_programs = access
        .has_any(&[Role::Referrer, Role::Coordinator, Role::Supervisor])
        .then(|| Condition::all().add(referral::Column::FromProgramId.is_in(access.programs.iter().copied())));
    let all = access.organization.filter(|_| access.has(Role::PrivacyOfficer));
    let all = all.map(|own| Condition::all().add(referral::Column::FromOrganizationId.eq(own)));
    of_programs.into_iter().chain(all).chain(access.own(referral::Column::FromClientId)).collect()
}

/// The ids of the referrals whose progress is open to the caller.
pub(super) fn followed(access: &Access) -> SelectStatement {
    let ids = query::<referral::Entity>().select_only().column(referral::Column::Id).filter(referral::Entity::visible_to(access));
    ids.filter(referral::Entity::grants(access).condition(Class::ReferralStatus)).into_query()
}

/// Those of [`sent`], each of which the caller follows from its side, whatever they received.
pub(super) fn sent_by(access: &Access) -> Condition {
    any(sent(access))
}

/// Referrals that the caller's programs received: submitted ones. A peer's: those assigned to them, while they support
/// the person. A client's: those that led to their record.
fn received(access: &Access) -> Vec<Condition> {
    let submitted = || Condition::all().add(referral::Column::SubmittedAt.is_not_null());
    let of_programs = access
        .has_any(&[Role::Coordinator, Role::Supervisor])
        .then(|| submitted().add(referral::Column::ToProgramId.is_in(access.programs.iter().copied())));
    let supported = peer_match::with_me(access).map(|pairings| pairings.column(entity::peer_match::Column::ClientId).into_query());
    let assigned = peer_match::me(access).zip(supported).map(|(me, supported)| {
        let by_me = submitted().add(referral::Column::PeerId.in_subquery(me.into_query()));
        by_me.add(referral::Column::ToClientId.in_subquery(supported))
    });
    of_programs.into_iter().chain(assigned).chain(access.own(referral::Column::ToClientId)).collect()
}

/// Those that the privacy officer's organization received.
fn overseen(access: &Access) -> Option<Condition> {
    let own = access.organization.filter(|_| access.has(Role::PrivacyOfficer))?;
    Some(Condition::all().add(referral::Column::SubmittedAt.is_not_null()).add(referral::Column::ToOrganizationId.eq(own)))
}

fn any(of: impl IntoIterator<Item = Condition>) -> Condition {
    of.into_iter().fold(Condition::any().add(never()), Condition::add)
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
        any(Self::arms(access))
    }

    /// What was sent, and what was received: two lists.
    fn arms(access: &Access) -> Vec<Condition> {
        let scoped = access.scoped(&[Scope::ReferralsRead, Scope::ReferralsWrite]);
        let arms: Vec<_> = sent(access).into_iter().chain(received(access)).chain(overseen(access)).collect();
        if scoped && !arms.is_empty() { arms } else { vec![never()] }
    }

    /// A side that erased the person reads nothing of what was sealed for both.
    fn grants(access: &Access) -> Grants {
        let sent = || any(sent(access)).into_all().add(column(referral::Column::SenderErasedAt).is_null());
        let kept = |of: Condition| of.into_all().add(column(referral::Column::ReceiverErasedAt).is_null());
        let received_by_all = || kept(any(received(access).into_iter().chain(overseen(access))));
        let of_programs = access
            .has_any(&[Role::Referrer, Role::Coordinator, Role::Supervisor])
            .then(|| referral::Column::FromProgramId.is_in(access.programs.iter().copied()));
        let near = Condition::any().add(never()).add_option(of_programs).add_option(access.own(referral::Column::FromClientId));
        let sent_nearby = Condition::all().add(sent()).add(near);
        Grants::none()
            .open(Class::Identity, sent())
            .open(Class::Identity, received_by_all().add(snapshot(access, DataClass::Identity)))
            .open(Class::ReferralClinical, sent_nearby)
            .open(Class::ReferralClinical, kept(any(received(access))).add(snapshot(access, DataClass::ReferralClinical)))
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

/// Referrals in one of these states, asked of a list that is narrowed to where the state is open.
pub fn is_open() -> Condition {
    always().add(referral::Column::Status.is_in(OPEN.iter().copied().chain([ReferralStatus::Draft])))
}

/// Referrals as they are listed: without those that were entered in error, where that is known to the caller (domain 2.3, row 19).
pub fn listed(access: &Access) -> Condition {
    let known = Condition::all()
        .add(referral::Column::Status.eq(ReferralStatus::EnteredInError))
        .add(referral::Entity::grants(access).condition(Class::ReferralStatus));
    known.not()
}
