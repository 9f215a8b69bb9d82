//! What somebody has to do: who sees it, what opens it and what closes it.

use entity::{
    OrganizationId, ProgramId, ReferralId, StaffMemberId, TypedId, WorkItemId, referral, staff_member, staff_program,
    vocabulary::{ClockKind, Decision, EventKind, Role, WorkItemKind},
    work_item,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};

use super::{referral as referrals, text};
use crate::{
    access::{
        Access, Scope,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Event, Grants, Protected, Store, Tx, Visible, always, never, query},
};

impl Protected for work_item::Entity {
    type Id = WorkItemId;

    fn id_column() -> Self::Column {
        work_item::Column::Id
    }

    fn id(row: &work_item::Model) -> WorkItemId {
        row.id
    }

    /// What is to be done in the caller's programs (the privacy officer's: in the whole organization) about referrals whose progress is
    /// open to them: that something is to be done tells how a referral goes.
    fn visible_to(access: &Access) -> Condition {
        let scoped = access.scopes.contains(&Scope::ReferralsRead) || access.scopes.contains(&Scope::ReferralsWrite);
        let Some(own) = access.organization.filter(|_| scoped && may(access, Resource::WorkItem, Act::Read)) else { return never() };
        let here = if access.has(Role::PrivacyOfficer) {
            always()
        } else {
            Condition::all().add(work_item::Column::ProgramId.is_in(access.programs.iter().copied()))
        };
        let followed = query::<referral::Entity>().select_only().column(referral::Column::Id);
        let followed =
            followed.filter(referral::Entity::visible_to(access)).filter(referral::Entity::grants(access).condition(Class::ReferralStatus));
        Condition::all()
            .add(work_item::Column::OrganizationId.eq(own))
            .add(here)
            .add(work_item::Column::ReferralId.in_subquery(followed.into_query()))
    }

    fn grants(_: &Access) -> Grants {
        Grants::none().open(Class::ReferralStatus, always())
    }

    fn allows(access: &Access, action: Action, row: &work_item::Model) -> bool {
        let here = access.programs.contains(&row.program_id);
        match action {
            Action::Read => true,
            Action::Update => here && may(access, Resource::WorkItem, Act::Assign),
            Action::Answer => here && may(access, Resource::WorkItem, Act::Answer),
            _ => false,
        }
    }

    /// What is said to a decision is sealed under the referral's key.
    fn subject(row: &work_item::Model) -> uuid::Uuid {
        row.referral_id.into()
    }

    fn row_class() -> Option<Class> {
        Some(Class::ReferralStatus)
    }
}

/// Something new to do about a referral.
pub(super) struct NewWork {
    /// In whose organization.
    pub(super) organization: OrganizationId,
    /// In which program.
    pub(super) program: ProgramId,
    /// What.
    pub(super) kind: WorkItemKind,
    /// About which referral.
    pub(super) referral: ReferralId,
    /// Because of which clock.
    pub(super) clock: Option<ClockKind>,
    /// By when.
    pub(super) due_at: Option<Instant>,
    /// What the one who asks for it says.
    pub(super) note: Option<String>,
    /// Whether the caller asks for it, or a rule does.
    pub(super) requested: bool,
}

fn still_open(referral: ReferralId, kinds: &[WorkItemKind]) -> Condition {
    Condition::all()
        .add(work_item::Column::ReferralId.eq(referral))
        .add(work_item::Column::Kind.is_in(kinds.iter().copied()))
        .add(work_item::Column::ClosedAt.is_null())
}

/// Opens something to do, unless the same is open. Gives its id.
pub(super) async fn open(tx: &mut Tx, new: NewWork) -> Result<WorkItemId> {
    let system = Access::system("work lists", tx.access().now);
    let mut same = still_open(new.referral, &[new.kind]).add(work_item::Column::OrganizationId.eq(new.organization));
    if let Some(clock) = new.clock {
        same = same.add(work_item::Column::Clock.eq(clock));
    }
    if let Some(open) = tx.look::<work_item::Entity>(&system, same).await?.pop() {
        return Ok(open.id);
    }
    let id = WorkItemId::new();
    let note = match &new.note {
        Some(note) => Some(tx.key_of(new.referral).await?.seal::<work_item::Entity, _, _>(id, work_item::Column::Note, note)?),
        None => None,
    };
    let row = work_item::ActiveModel {
        id: Set(id),
        organization_id: Set(new.organization),
        program_id: Set(new.program),
        kind: Set(new.kind),
        referral_id: Set(new.referral),
        clock: Set(new.clock),
        opened_at: Set(tx.access().now),
        due_at: Set(new.due_at),
        assignee_id: Set(None),
        requested_by: Set(new.requested.then(|| tx.actor())),
        note: Set(note),
        decision: Set(None),
        decided_by: Set(None),
        closed_at: Set(None),
        version: Set(1),
    };
    tx.insert_unseen(row).await?;
    tx.record(Event::new(EventKind::WorkItemOpened, new.organization, id, 1).of_referral(new.referral));
    Ok(id)
}

/// Closes what was to be done about a referral, because it was done or is no more to do.
pub(super) async fn close(tx: &mut Tx, referral: ReferralId, kinds: &[WorkItemKind], clocks: Option<&[ClockKind]>) -> Result<()> {
    let system = Access::system("work lists", tx.access().now);
    let of = still_open(referral, kinds);
    let of = match clocks {
        Some(clocks) => of.add(work_item::Column::Clock.is_in(clocks.iter().copied())),
        None => of,
    };
    for item in tx.look::<work_item::Entity>(&system, of).await? {
        close_one(tx, &item, work_item::ActiveModel::default()).await?;
    }
    Ok(())
}

async fn close_one(tx: &mut Tx, item: &Visible<work_item::Entity>, change: work_item::ActiveModel) -> Result<()> {
    let version = item.version + 1;
    let change = work_item::ActiveModel { closed_at: Set(Some(tx.access().now)), version: Set(version), ..change };
    if !tx.write_if(item, change, work_item::Column::Version.eq(item.version)).await? {
        return Err(Refusal::stale(None).into());
    }
    tx.record(Event::new(EventKind::WorkItemClosed, item.organization_id, item.id, version).of_referral(item.referral_id));
    Ok(())
}

/// Gives something to somebody who works in its program.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `IMMUTABLE` when it is closed, and when that person does not work there.
pub async fn assign(store: &Store, access: &Access, id: WorkItemId, assignee: StaffMemberId) -> Result<Visible<work_item::Entity>> {
    let mut tx = store.begin(access).await?;
    let item = tx.fetch_for::<work_item::Entity>(id, Action::Update).await?;
    refuse_closed(&item)?;
    let staff = tx.fetch_for::<staff_member::Entity>(assignee, Action::Read).await?;
    let here =
        Condition::all().add(staff_program::Column::StaffMemberId.eq(staff.id)).add(staff_program::Column::ProgramId.eq(item.program_id));
    if !staff.active || tx.parts::<staff_program::Entity>(here).await?.is_empty() {
        return Err(Refusal::invalid("`staffMemberId` is somebody who works in this program.").at(["staffMemberId"]).into());
    }
    let version = item.version + 1;
    let change = work_item::ActiveModel { assignee_id: Set(Some(staff.id)), version: Set(version), ..Default::default() };
    let assigned = tx.update_if(&item, change, work_item::Column::Version.eq(item.version)).await?.ok_or_else(|| Refusal::stale(None))?;
    tx.record(
        Event::new(EventKind::WorkItemChanged, item.organization_id, id, version).of_referral(item.referral_id).changed(["assignee"]),
    );
    tx.commit(assigned).await
}

/// Decides about something that was asked for: what was asked is done with it, or is not. Another person than the one who asked.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever, the latter for the one who asked; refused with `IMMUTABLE` when it is closed or nothing was
/// asked, and when what was asked can no longer be done.
pub async fn decide(
    store: &Store,
    access: &Access,
    id: WorkItemId,
    decision: Decision,
    note: Option<&str>,
) -> Result<Visible<work_item::Entity>> {
    let mut tx = store.begin(access).await?;
    let item = tx.fetch_for::<work_item::Entity>(id, Action::Answer).await?;
    refuse_closed(&item)?;
    if item.kind != WorkItemKind::Approval {
        return Err(Refusal::new(Code::Immutable, "Nothing was asked here that could be approved or rejected.").at(["id"]).into());
    }
    if item.requested_by == Some(tx.actor()) {
        return Err(Error::NotPermitted);
    }
    let note = text::optional("note", note, 2_000).map_err(|refusal| refusal.at(["note"]))?;
    if decision == Decision::Rejected && note.is_none() {
        return Err(Refusal::required("note").at(["note"]).into());
    }
    let asked = match &item.open::<entity::class::ReferralStatus>() {
        Some(opened) => match &opened.note {
            Some(asked) => Some(tx.unseal::<_, _, String>(opened, work_item::Column::Note, asked).await?),
            None => None,
        },
        None => None,
    };
    if decision == Decision::Approved {
        referrals::not_reached_approved(&mut tx, item.referral_id, note.clone().or(asked)).await?;
    }
    let sealed = match &note {
        Some(note) => Some(tx.key_of(item.referral_id).await?.seal::<work_item::Entity, _, _>(id, work_item::Column::Note, note)?),
        None => item.note.clone(),
    };
    let change = work_item::ActiveModel {
        note: Set(sealed),
        decision: Set(Some(decision)),
        decided_by: Set(Some(tx.actor())),
        ..Default::default()
    };
    close_one(&mut tx, &item, change).await?;
    let decided = tx.fetch_for::<work_item::Entity>(id, Action::Read).await?;
    tx.commit(decided).await
}

fn refuse_closed(item: &work_item::Model) -> Result<(), Refusal> {
    match item.closed_at {
        Some(_) => Err(Refusal::new(Code::Immutable, "This is closed: there is nothing more to do.").at(["id"])),
        None => Ok(()),
    }
}

/// Why somebody has to do something, in neutral words.
pub const fn because(kind: WorkItemKind, clock: Option<ClockKind>) -> &'static str {
    match (kind, clock) {
        (WorkItemKind::InfoRequested, _) => "The receiver asks for something that is missing.",
        (WorkItemKind::ClockDue, Some(ClockKind::Acknowledge)) => "Half of the time to answer has passed.",
        (WorkItemKind::ClockDue, Some(ClockKind::FirstAttempt)) => "Half of the time to a first attempt at contact has passed.",
        (WorkItemKind::ClockDue, Some(ClockKind::FirstContact)) => "Half of the time to a first contact has passed.",
        (WorkItemKind::ClockDue, _) => "Half of the time to a second contact has passed.",
        (WorkItemKind::ClockBreached, Some(ClockKind::Acknowledge)) => "The time to answer has passed.",
        (WorkItemKind::ClockBreached, Some(ClockKind::FirstAttempt)) => "The time to a first attempt at contact has passed.",
        (WorkItemKind::ClockBreached, Some(ClockKind::FirstContact)) => "The time to a first contact has passed.",
        (WorkItemKind::ClockBreached, _) => "The time to a second contact has passed.",
        (WorkItemKind::WaitlistReview, _) => "The place on the waiting list is to be looked at again.",
        (WorkItemKind::HoldReview, _) => "The hold is to be looked at again.",
        (WorkItemKind::Approval, _) => "A colleague asks to close this as not reached.",
        _ => "There is something to do.",
    }
}

/// What closes it.
pub const fn closes_when(kind: WorkItemKind, clock: Option<ClockKind>) -> &'static str {
    match (kind, clock) {
        (WorkItemKind::InfoRequested, _) => "The question is answered, or the referral moves on.",
        (WorkItemKind::ClockDue | WorkItemKind::ClockBreached, Some(ClockKind::Acknowledge)) => {
            "The referral is accepted, declined or put on the waiting list."
        }
        (WorkItemKind::ClockDue | WorkItemKind::ClockBreached, Some(ClockKind::FirstAttempt)) => "An attempt at contact is logged.",
        (WorkItemKind::ClockDue | WorkItemKind::ClockBreached, Some(ClockKind::FirstContact)) => "A contact with the client is logged.",
        (WorkItemKind::ClockDue | WorkItemKind::ClockBreached, _) => "A second contact with the client is logged.",
        (WorkItemKind::WaitlistReview, _) => "The referral is accepted, declined or put on the waiting list again.",
        (WorkItemKind::HoldReview, _) => "The referral goes on, or is held again.",
        (WorkItemKind::Approval, _) => "Another person approves or rejects it.",
        _ => "It is done.",
    }
}
