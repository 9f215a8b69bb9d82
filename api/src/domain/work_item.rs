//! What somebody has to do: who sees it, what opens it and what closes it.

use entity::{
    ClientId, OrganizationId, ProgramId, ReferralId, StaffMemberId, TypedId, WorkItemId, client, staff_member, staff_program,
    vocabulary::{ClockKind, Decision, EventKind, Role, WorkItemKind},
    work_item,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait, sea_query::SelectStatement};

use super::{client as clients, duplicate, emergency_access, referral as referrals, text};
use crate::{
    access::{
        Access, Actor, Scope,
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
    /// open to them: that something is to be done tells how a referral goes. About a client, for those who do it (see [`about_clients`]).
    fn visible_to(access: &Access) -> Condition {
        let scoped = access.scopes.contains(&Scope::ReferralsRead) || access.scopes.contains(&Scope::ReferralsWrite);
        let Some(own) = access.organization.filter(|_| scoped && may(access, Resource::WorkItem, Act::Read)) else { return never() };
        let here = if access.has(Role::PrivacyOfficer) {
            always()
        } else {
            Condition::all().add(work_item::Column::ProgramId.is_in(access.programs.iter().copied()))
        };
        let followed = work_item::Column::ReferralId.in_subquery(referrals::followed(access));
        let about = Condition::any().add(followed).add_option(about_clients(access));
        Condition::all().add(work_item::Column::OrganizationId.eq(own)).add(here).add(about)
    }

    fn grants(_: &Access) -> Grants {
        Grants::none().open(Class::ReferralStatus, always())
    }

    fn allows(access: &Access, action: Action, row: &work_item::Model) -> bool {
        let here = access.programs.contains(&row.program_id);
        match action {
            Action::Read => true,
            Action::Update => here && may(access, Resource::WorkItem, Act::Assign),
            Action::Answer if row.kind == WorkItemKind::PossibleDuplicate => here && may(access, Resource::Client, Act::Update),
            Action::Answer if row.kind == WorkItemKind::EmergencyAccessReview => {
                matches!(access.actor, Actor::Staff(_)) && may(access, Resource::EmergencyAccess, Act::Answer)
            }
            Action::Answer => here && may(access, Resource::WorkItem, Act::Answer),
            _ => false,
        }
    }

    /// What is said to a decision is sealed under the key of what it is about.
    fn subject(row: &work_item::Model) -> uuid::Uuid {
        About::of(row).map_or_else(uuid::Uuid::nil, About::key)
    }

    fn row_class() -> Option<Class> {
        Some(Class::ReferralStatus)
    }
}

/// What there is to do about people, for whom each kind is: possible duplicates for the coordinators of the program (domain 2.8), what was
/// released in an emergency for the privacy officer (domain 3.4), planned contacts of which nothing was logged for those to whom the
/// client's contacts are open (class C).
fn about_clients(access: &Access) -> Option<Condition> {
    let duplicates = access.has_any(&[Role::Coordinator, Role::PrivacyOfficer]).then_some(WorkItemKind::PossibleDuplicate);
    let emergencies = may(access, Resource::EmergencyAccess, Act::Answer).then_some(WorkItemKind::EmergencyAccessReview);
    let kinds: Vec<_> = duplicates.into_iter().chain(emergencies).collect();
    let of_kinds = (!kinds.is_empty()).then(|| {
        let clients = query::<client::Entity>().select_only().column(client::Column::Id).filter(client::Entity::visible_to(access));
        let about = work_item::Column::ClientId.in_subquery(clients.into_query());
        Condition::all().add(work_item::Column::Kind.is_in(kinds)).add(about)
    });
    let of_care = access.scoped(&[Scope::ServicesRead, Scope::ServicesWrite]).then(|| {
        let about = clients::named_by(access, work_item::Column::ClientId, clients::supported(access));
        Condition::all().add(work_item::Column::Kind.eq(WorkItemKind::FollowUpDue)).add(about)
    });
    (of_kinds.is_some() || of_care.is_some()).then(|| Condition::any().add_option(of_kinds).add_option(of_care))
}

/// The ids of what there is to do about people, where the caller sees it.
pub(super) fn of_clients(access: &Access) -> Option<SelectStatement> {
    let items = query::<work_item::Entity>().select_only().column(work_item::Column::Id);
    about_clients(access).map(|_| items.filter(work_item::Entity::visible_to(access)).into_query())
}

/// What something is to be done about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A referral.
    Referral(ReferralId),
    /// A client.
    Client(ClientId),
}

impl About {
    /// What a row is about: the table has no row that is about nothing.
    pub fn of(row: &work_item::Model) -> Option<Self> {
        row.referral_id.map(Self::Referral).or(row.client_id.map(Self::Client))
    }

    /// Whose key seals what is said.
    fn key(self) -> uuid::Uuid {
        match self {
            Self::Referral(id) => id.into(),
            Self::Client(id) => id.into(),
        }
    }

    const fn referral(self) -> Option<ReferralId> {
        if let Self::Referral(id) = self { Some(id) } else { None }
    }

    const fn client(self) -> Option<ClientId> {
        if let Self::Client(id) = self { Some(id) } else { None }
    }
}

impl From<ReferralId> for About {
    fn from(id: ReferralId) -> Self {
        Self::Referral(id)
    }
}

impl From<ClientId> for About {
    fn from(id: ClientId) -> Self {
        Self::Client(id)
    }
}

/// Something new to do.
pub(super) struct NewWork {
    /// In whose organization.
    pub(super) organization: OrganizationId,
    /// In which program.
    pub(super) program: ProgramId,
    /// What.
    pub(super) kind: WorkItemKind,
    /// About what.
    pub(super) about: About,
    /// Because of which clock.
    pub(super) clock: Option<ClockKind>,
    /// By when.
    pub(super) due_at: Option<Instant>,
    /// Whose it is from the beginning.
    pub(super) assignee: Option<StaffMemberId>,
    /// What the one who asks for it says.
    pub(super) note: Option<String>,
    /// Whether the caller asks for it, or a rule does.
    pub(super) requested: bool,
}

fn still_open(about: About, kinds: &[WorkItemKind]) -> Condition {
    let this = match about {
        About::Referral(id) => work_item::Column::ReferralId.eq(id),
        About::Client(id) => work_item::Column::ClientId.eq(id),
    };
    Condition::all().add(this).add(work_item::Column::Kind.is_in(kinds.iter().copied())).add(work_item::Column::ClosedAt.is_null())
}

fn happened(kind: EventKind, organization: OrganizationId, id: WorkItemId, version: i32, about: Option<About>) -> Event {
    let event = Event::new(kind, organization, id, version);
    match about {
        Some(About::Referral(referral)) => event.of_referral(referral),
        Some(About::Client(client)) => event.of_client(client),
        None => event,
    }
}

/// Opens something to do, unless the same is open. Gives its id.
pub(super) async fn open(tx: &mut Tx, new: NewWork) -> Result<WorkItemId> {
    let system = Access::system("work lists", tx.access().now);
    let mut same = still_open(new.about, &[new.kind]).add(work_item::Column::OrganizationId.eq(new.organization));
    if let Some(clock) = new.clock {
        same = same.add(work_item::Column::Clock.eq(clock));
    }
    match tx.look::<work_item::Entity>(&system, same).await?.pop() {
        Some(open) => Ok(open.id),
        None => open_another(tx, new).await,
    }
}

/// Opens something to do, unless the same is open in that program. Gives its id where it was opened.
pub(super) async fn open_in_program(tx: &mut Tx, new: NewWork) -> Result<Option<WorkItemId>> {
    let system = Access::system("work lists", tx.access().now);
    let same = still_open(new.about, &[new.kind]).add(work_item::Column::ProgramId.eq(new.program));
    if tx.look::<work_item::Entity>(&system, same).await?.is_empty() { open_another(tx, new).await.map(Some) } else { Ok(None) }
}

/// Opens something to do, whatever is open. Gives its id.
pub(super) async fn open_another(tx: &mut Tx, new: NewWork) -> Result<WorkItemId> {
    let id = WorkItemId::new();
    let note = match &new.note {
        Some(note) => Some(tx.key_of(new.about.key()).await?.seal::<work_item::Entity, _, _>(id, work_item::Column::Note, note)?),
        None => None,
    };
    let row = work_item::ActiveModel {
        id: Set(id),
        organization_id: Set(new.organization),
        program_id: Set(new.program),
        kind: Set(new.kind),
        referral_id: Set(new.about.referral()),
        client_id: Set(new.about.client()),
        clock: Set(new.clock),
        opened_at: Set(tx.access().now),
        due_at: Set(new.due_at),
        assignee_id: Set(new.assignee),
        requested_by: Set(new.requested.then(|| tx.actor())),
        note: Set(note),
        decision: Set(None),
        decided_by: Set(None),
        closed_at: Set(None),
        version: Set(1),
    };
    tx.insert_unseen(row).await?;
    tx.record(happened(EventKind::WorkItemOpened, new.organization, id, 1, Some(new.about)));
    Ok(id)
}

/// Closes what was to be done, because it was done or is no more to do.
pub(super) async fn close(tx: &mut Tx, about: impl Into<About>, kinds: &[WorkItemKind], clocks: Option<&[ClockKind]>) -> Result<()> {
    let of = still_open(about.into(), kinds);
    let of = match clocks {
        Some(clocks) => of.add(work_item::Column::Clock.is_in(clocks.iter().copied())),
        None => of,
    };
    close_each(tx, of).await
}

/// Likewise, in one program.
pub(super) async fn close_in_program(tx: &mut Tx, about: impl Into<About>, kind: WorkItemKind, program: ProgramId) -> Result<()> {
    close_each(tx, still_open(about.into(), &[kind]).add(work_item::Column::ProgramId.eq(program))).await
}

async fn close_each(tx: &mut Tx, of: Condition) -> Result<()> {
    let system = Access::system("work lists", tx.access().now);
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
    tx.record(happened(EventKind::WorkItemClosed, item.organization_id, item.id, version, About::of(item)));
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
    tx.record(happened(EventKind::WorkItemChanged, item.organization_id, id, version, About::of(&item)).changed(["assignee"]));
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
    let about = About::of(&item).ok_or_else(|| Error::internal("something is to be done about nothing"))?;
    let asked = match (item.kind, about, decision) {
        (WorkItemKind::PossibleDuplicate, About::Client(client), Decision::Rejected) => Asked::OtherPeople(client),
        (WorkItemKind::PossibleDuplicate, ..) => {
            let sentence = "If they are one person, merge the two records with `clientMerge`, which closes this; if not, reject it.";
            return Err(Refusal::new(Code::Immutable, sentence).at(["id"]).into());
        }
        (WorkItemKind::Approval, About::Referral(referral), _) => Asked::Approval(referral),
        (WorkItemKind::EmergencyAccessReview, About::Client(_), _) => Asked::EmergencyAccess,
        _ => return Err(Refusal::new(Code::Immutable, "Nothing was asked here that could be approved or rejected.").at(["id"]).into()),
    };
    if item.requested_by == Some(tx.actor()) {
        return Err(Error::NotPermitted);
    }
    let note = text::optional("note", note, 2_000).map_err(|refusal| refusal.at(["note"]))?;
    if decision == Decision::Rejected && note.is_none() {
        return Err(Refusal::required("note").at(["note"]).into());
    }
    match asked {
        Asked::Approval(referral) if decision == Decision::Approved => {
            let said = note.clone().or(asked_for(&tx, &item).await?);
            referrals::not_reached_approved(&mut tx, referral, said).await?;
        }
        Asked::OtherPeople(client) => duplicate::are_other_people(&mut tx, client).await?,
        Asked::EmergencyAccess if decision == Decision::Rejected => emergency_access::rejected(&tx, id).await?,
        Asked::Approval(_) | Asked::EmergencyAccess => {}
    }
    let sealed = match &note {
        Some(note) => Some(tx.key_of(about.key()).await?.seal::<work_item::Entity, _, _>(id, work_item::Column::Note, note)?),
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

/// What a decision is about.
enum Asked {
    /// To close a referral as not reached.
    Approval(ReferralId),
    /// Whether a client is somebody else than those who look like them.
    OtherPeople(ClientId),
    /// Whether what was released in an emergency was rightly so.
    EmergencyAccess,
}

/// What the one who asked says.
async fn asked_for(tx: &Tx, item: &Visible<work_item::Entity>) -> Result<Option<String>> {
    let Some(opened) = item.open::<entity::class::ReferralStatus>() else { return Ok(None) };
    match &opened.note {
        Some(asked) => tx.unseal(&opened, work_item::Column::Note, asked).await.map(Some),
        None => Ok(None),
    }
}

fn refuse_closed(item: &work_item::Model) -> Result<(), Refusal> {
    match item.closed_at {
        Some(_) => Err(Refusal::new(Code::Immutable, "This is closed: there is nothing more to do.").at(["id"])),
        None => Ok(()),
    }
}

/// Why somebody has to do something, in neutral words.
pub const fn because(item: &work_item::Model) -> &'static str {
    match (item.kind, item.clock) {
        (WorkItemKind::InfoRequested, _) => {
            "The receiver asks for something that is missing: an answer, or, of an offer that was claimed, a consent that names them."
        }
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
        (WorkItemKind::EmergencyAccessReview, _) => "A colleague released data of this person in a medical emergency.",
        (WorkItemKind::FollowUpDue, _) if item.client_id.is_some() => {
            "A contact with this person was planned a day ago or more, and nothing was logged of it yet."
        }
        (WorkItemKind::FollowUpDue, _) => "A new peer supports this person: the two have not spoken yet.",
        (WorkItemKind::PossibleDuplicate, _) => "Another record of this program may be of the same person.",
        _ => "There is something to do.",
    }
}

/// What closes it.
pub const fn closes_when(item: &work_item::Model) -> &'static str {
    match (item.kind, item.clock) {
        (WorkItemKind::InfoRequested, _) => "The question is answered, the claimed referral is submitted, or it moves on in another way.",
        (WorkItemKind::ClockDue | WorkItemKind::ClockBreached, Some(ClockKind::Acknowledge)) => {
            "The referral is accepted, declined or put on the waiting list."
        }
        (WorkItemKind::ClockDue | WorkItemKind::ClockBreached, Some(ClockKind::FirstAttempt)) => "An attempt at contact is logged.",
        (WorkItemKind::ClockDue | WorkItemKind::ClockBreached, Some(ClockKind::FirstContact)) => "A contact with the client is logged.",
        (WorkItemKind::ClockDue | WorkItemKind::ClockBreached, _) => "A second contact with the client is logged.",
        (WorkItemKind::WaitlistReview, _) => "The referral is accepted, declined or put on the waiting list again.",
        (WorkItemKind::HoldReview, _) => "The referral goes on, or is held again.",
        (WorkItemKind::Approval, _) => "Another person approves or rejects it.",
        (WorkItemKind::EmergencyAccessReview, _) => "Another person, a privacy officer, approves it, or rejects it, which ends the access.",
        (WorkItemKind::FollowUpDue, _) if item.client_id.is_some() => {
            "What came of every contact that was planned with this person until now is logged, or it is called off."
        }
        (WorkItemKind::FollowUpDue, _) => "A contact with the person is logged.",
        (WorkItemKind::PossibleDuplicate, _) => "The two records are merged, or it is rejected because they are two people.",
        _ => "It is done.",
    }
}
