//! Who leads a gathering.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use entity::{PeerId, SessionId, gathering, gathering_facilitator, peer, session, vocabulary::SessionStatus};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ExprTrait, Order, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, Query},
};

use super::{MOST, at};
use crate::{
    domain::schedule::upcoming,
    error::{Code, Refusal, Result},
    store::{Action, Part, PartOf, Tx, Visible, query},
};

impl Part for gathering_facilitator::Entity {}

impl PartOf<gathering::Entity> for gathering_facilitator::Entity {
    fn parent_column() -> gathering_facilitator::Column {
        gathering_facilitator::Column::GatheringId
    }

    fn parent(part: &gathering_facilitator::Model) -> entity::GatheringId {
        part.gathering_id
    }

    fn order() -> gathering_facilitator::Column {
        gathering_facilitator::Column::Place
    }
}

/// Has these peers of its program lead a gathering, and nobody else.
///
/// # Errors
/// `NotFound` when the caller does not see one of them; refused when one is of another program, and when there are too many.
pub(super) async fn lead(tx: &Tx, gathering: &Visible<gathering::Entity>, given: &[PeerId]) -> Result<()> {
    if given.len() > MOST {
        return Err(at(Refusal::new(Code::TooMany, format!("`facilitatorIds` has at most {MOST} entries.")), "facilitatorIds").into());
    }
    // What is nobody's here is led by nobody.
    let Some(organization) = gathering.organization_id else { return Ok(()) };
    let mut once = BTreeSet::new();
    let ids: Vec<_> = given.iter().copied().filter(|id| once.insert(*id)).collect();
    let peers = tx.fetch_each::<peer::Entity>(&ids, Action::Read).await?;
    if peers.iter().any(|peer| Some(peer.program_id) != gathering.program_id) {
        let sentence = "`facilitatorIds` holds peers of the program that runs this.";
        return Err(at(Refusal::invalid(sentence), "facilitatorIds").into());
    }
    let of_this = gathering_facilitator::Column::GatheringId.eq(gathering.id);
    tx.delete_parts::<gathering_facilitator::Entity>(Condition::all().add(of_this)).await?;
    let row = |(peer, place): (PeerId, i32)| gathering_facilitator::ActiveModel {
        organization_id: Set(organization),
        gathering_id: Set(gathering.id),
        peer_id: Set(peer),
        place: Set(place),
    };
    tx.insert_parts::<gathering_facilitator::Entity, _>(ids.into_iter().zip(0..).map(row).collect()).await
}

/// Refuses sessions to come of a gathering, or one of them, at which somebody who leads it leads another.
///
/// # Errors
/// Refused with `SCHEDULE_CONFLICT`, naming the first time.
pub(in crate::domain) async fn refuse_conflicts(
    tx: &Tx,
    gathering: &gathering::Model,
    only: Option<SessionId>,
    path: &[&str],
) -> Result<()> {
    use session::Column;
    let led = |of: Condition, column: gathering_facilitator::Column| {
        query::<gathering_facilitator::Entity>().select_only().column(column).filter(of).into_query()
    };
    let these = Condition::all().add(gathering_facilitator::Column::GatheringId.eq(gathering.id));
    let others = Condition::all()
        .add(gathering_facilitator::Column::PeerId.in_subquery(led(these, gathering_facilitator::Column::PeerId)))
        .add(gathering_facilitator::Column::GatheringId.ne(gathering.id));
    let (own, other) = (|column: Column| Expr::col(("session", column)), |column: Column| Expr::col(("other", column)));
    let beside = Query::select()
        .expr(Expr::val(1))
        .from_as(session::Entity, "other")
        .and_where(other(Column::GatheringId).in_subquery(led(others, gathering_facilitator::Column::GatheringId)))
        .and_where(other(Column::Status).eq(SessionStatus::Scheduled))
        .and_where(other(Column::StartsAt).lt(own(Column::EndsAt)))
        .and_where(other(Column::EndsAt).gt(own(Column::StartsAt)))
        // Sessions end within a day.
        .and_where(other(Column::StartsAt).gt(Expr::val(tx.access().now - TimeDelta::days(1))))
        .take();
    let of_this = upcoming(tx.access().now)
        .add(Column::GatheringId.eq(gathering.id))
        .add_option(only.map(|id| Column::Id.eq(id)))
        .add(Expr::exists(beside));
    let first = tx.first::<session::Entity>(of_this, (Column::StartsAt, Order::Asc), 1, "nobody leads two sessions at once").await?;
    match first.first() {
        None => Ok(()),
        Some(session) => {
            let when = session.starts_at.format("%Y-%m-%dT%H:%M:%SZ");
            let sentence =
                format!("Somebody who leads this leads another session at {when}: give `despiteConflict: true` to have it all the same.");
            Err(Refusal::new(Code::ScheduleConflict, sentence).at(path.iter().copied()).into())
        }
    }
}
