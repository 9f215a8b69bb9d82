//! What is to be done when nobody says what came of a planned contact: whoever waited for it is to be spoken with.

use chrono::TimeDelta;
use entity::{
    ClientId, ContactId, client, contact, peer, staff_member,
    vocabulary::{TimerKind, WorkItemKind},
};
use sea_orm::ColumnTrait;

use super::{
    super::work_item::{self as work_items, NewWork},
    plan::still_planned,
};
use crate::{
    clock::Instant,
    error::{Error, Result},
    store::{Tx, Visible},
};

/// How long after its time a planned contact may be without an outcome before somebody is asked for it (D).
const GRACE: TimeDelta = TimeDelta::hours(24);
/// How long they have for it then (D).
const TIME_TO_ANSWER: TimeDelta = TimeDelta::hours(24);

const RULE: &str = "a planned contact of which nothing was logged";

/// What there is to do about a planned contact whose time has passed.
pub(in crate::domain) enum Unlogged {
    /// Somebody is asked for it now.
    Asked(Box<Visible<contact::Entity>>),
    /// Not before then.
    NotYet(Instant),
    /// Nothing: it has its outcome, somebody is asked already, or the person was erased.
    Nothing,
}

/// Has somebody asked for the outcome of a contact that is planned for then, should there be none.
pub(super) async fn watch(tx: &Tx, planned: ContactId, at: Instant) -> Result<()> {
    tx.arm(TimerKind::ContactFollowUp, planned, at + GRACE).await
}

/// Asks for the outcome of a planned contact, where there is none: one question for all that were planned with a client in a program.
pub(in crate::domain) async fn unlogged(tx: &mut Tx, id: ContactId) -> Result<Unlogged> {
    let now = tx.access().now;
    let planned = tx.known::<contact::Entity>(id, RULE).await?.filter(|row| row.outcome.is_none());
    let Some((planned, at)) = planned.and_then(|row| row.scheduled_for.map(|at| (row, at))) else { return Ok(Unlogged::Nothing) };
    if at + GRACE > now {
        return Ok(Unlogged::NotYet(at + GRACE));
    }
    // An erasure closes what is open, or is seen here.
    tx.hold::<client::Entity>(planned.client_id).await?;
    let client = tx.known::<client::Entity>(planned.client_id, RULE).await?.ok_or(Error::NotFound)?;
    if client.erased_at.is_some() {
        return Ok(Unlogged::Nothing);
    }
    let peer = tx.known::<peer::Entity>(planned.peer_id, RULE).await?.ok_or(Error::NotFound)?;
    let staff = tx.known::<staff_member::Entity>(peer.staff_member_id, RULE).await?.filter(|staff| staff.active);
    let question = NewWork {
        organization: planned.organization_id,
        program: planned.program_id,
        kind: WorkItemKind::FollowUpDue,
        about: planned.client_id.into(),
        clock: None,
        due_at: Some(now + TIME_TO_ANSWER),
        assignee: staff.map(|staff| staff.id),
        note: None,
        requested: false,
    };
    Ok(match work_items::open_in_program(tx, question).await? {
        Some(_) => Unlogged::Asked(Box::new(planned)),
        None => Unlogged::Nothing,
    })
}

/// A planned contact has its outcome now. Where no other of the client's in that program lacks one, nobody is asked any more.
pub(super) async fn settled(tx: &mut Tx, planned: &contact::Model) -> Result<()> {
    tx.disarm(TimerKind::ContactFollowUp, [planned.id.into()]).await?;
    let past = contact::Column::ScheduledFor.lte(tx.access().now - GRACE);
    let others = still_planned(planned.client_id).add(contact::Column::ProgramId.eq(planned.program_id)).add(past);
    if tx.how_many::<contact::Entity>(others, RULE).await? == 0 {
        work_items::close_in_program(tx, planned.client_id, WorkItemKind::FollowUpDue, planned.program_id).await?;
    }
    Ok(())
}

/// What was planned with these clients is others' now: records were merged, or parted again. It is asked for anew, of whose it is.
pub(in crate::domain) async fn watch_again(tx: &mut Tx, clients: &[ClientId]) -> Result<()> {
    for client in clients {
        work_items::close(tx, *client, &[WorkItemKind::FollowUpDue], None).await?;
        for planned in tx.every::<contact::Entity>(still_planned(*client), RULE).await? {
            if let Some(at) = planned.scheduled_for {
                watch(tx, planned.id, at).await?;
            }
        }
    }
    Ok(())
}
