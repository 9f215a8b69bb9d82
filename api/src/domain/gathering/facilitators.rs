//! Who leads a gathering.

use std::collections::BTreeSet;

use entity::{PeerId, gathering, gathering_facilitator, peer, session};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};

use super::{MOST, at};
use crate::{
    clock::Instant,
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
    let mut once = BTreeSet::new();
    let ids: Vec<_> = given.iter().copied().filter(|id| once.insert(*id)).collect();
    let peers = tx.fetch_each::<peer::Entity>(&ids, Action::Read).await?;
    if peers.iter().any(|peer| peer.program_id != gathering.program_id) {
        let sentence = "`facilitatorIds` holds peers of the program that runs this.";
        return Err(at(Refusal::invalid(sentence), "facilitatorIds").into());
    }
    let of_this = gathering_facilitator::Column::GatheringId.eq(gathering.id);
    tx.delete_parts::<gathering_facilitator::Entity>(Condition::all().add(of_this)).await?;
    let row = |(peer, place): (PeerId, i32)| gathering_facilitator::ActiveModel {
        organization_id: Set(gathering.organization_id),
        gathering_id: Set(gathering.id),
        peer_id: Set(peer),
        place: Set(place),
    };
    tx.insert_parts::<gathering_facilitator::Entity, _>(ids.into_iter().zip(0..).map(row).collect()).await
}

/// Refuses sessions to come at which somebody who leads this gathering leads another.
///
/// # Errors
/// Refused with `SCHEDULE_CONFLICT`, naming the first time.
pub(in crate::domain) async fn refuse_conflicts(tx: &Tx, gathering: &gathering::Model, path: &[&str]) -> Result<()> {
    const REASON: &str = "nobody leads two sessions at once";
    let lead = |of: Condition, column: gathering_facilitator::Column| {
        query::<gathering_facilitator::Entity>().select_only().column(column).filter(of).into_query()
    };
    let these = Condition::all().add(gathering_facilitator::Column::GatheringId.eq(gathering.id));
    let who = lead(these, gathering_facilitator::Column::PeerId);
    let others = Condition::all()
        .add(gathering_facilitator::Column::PeerId.in_subquery(who))
        .add(gathering_facilitator::Column::GatheringId.ne(gathering.id));
    let others = lead(others, gathering_facilitator::Column::GatheringId);
    let to_come = || upcoming(tx.access().now);
    let theirs = tx.every::<session::Entity>(to_come().add(session::Column::GatheringId.in_subquery(others)), REASON).await?;
    if theirs.is_empty() {
        return Ok(());
    }
    let own = tx.every::<session::Entity>(to_come().add(session::Column::GatheringId.eq(gathering.id)), REASON).await?;
    let spans = |sessions: &[Visible<session::Entity>]| sessions.iter().map(|one| (one.starts_at, one.ends_at)).collect();
    match first_overlap(spans(&own), spans(&theirs)) {
        None => Ok(()),
        Some(when) => {
            let when = when.format("%Y-%m-%dT%H:%M:%SZ");
            let sentence =
                format!("Somebody who leads this leads another session at {when}: give `despiteConflict: true` to have it all the same.");
            Err(Refusal::new(Code::ScheduleConflict, sentence).at(path.iter().copied()).into())
        }
    }
}

/// When the first of these begins that is at the same time as one of those.
fn first_overlap(mut these: Vec<(Instant, Instant)>, mut those: Vec<(Instant, Instant)>) -> Option<Instant> {
    these.sort_unstable();
    those.sort_unstable();
    // Sessions end within a day: what began longer ago than that is over.
    let mut from = 0;
    for (begins, ends) in these {
        while those.get(from).is_some_and(|(other, _)| begins - *other > chrono::TimeDelta::days(1)) {
            from += 1;
        }
        let beside = those[from..].iter().take_while(|(other, _)| *other < ends);
        if beside.into_iter().any(|(_, other_ends)| *other_ends > begins) {
            return Some(begins);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_overlap_where_they_share_a_moment() {
        let span = |from: i64, to: i64| {
            let at = |hour| Instant::UNIX_EPOCH + chrono::TimeDelta::hours(hour);
            (at(from), at(to))
        };
        let cases = [
            (vec![span(10, 12)], vec![span(12, 13), span(8, 10)], None),
            (vec![span(10, 12)], vec![span(11, 13)], Some(10)),
            (vec![span(10, 12)], vec![span(9, 20)], Some(10)),
            (vec![span(40, 41), span(10, 12)], vec![span(39, 42), span(1, 2)], Some(40)),
            (vec![span(24, 25)], vec![span(1, 25), span(2, 3)], Some(24)),
            (vec![], vec![span(1, 2)], None),
        ];
        for (these, those, hour) in cases {
            let expected = hour.map(|hour| span(hour, hour).0);
            assert_eq!(first_overlap(these.clone(), those.clone()), expected, "{these:?} {those:?}");
        }
    }
}
