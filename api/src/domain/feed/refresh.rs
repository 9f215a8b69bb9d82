//! Reading a feed again: its meetings and their sessions follow it, and what could be read last stands when it cannot be.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use entity::{
    FeedId, GatheringId, TypedId, feed, gathering, gathering_label, listed_meeting, session,
    vocabulary::{EventKind, FeedFailure},
};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, IntoActiveModel, QueryFilter, QuerySelect, QueryTrait};

use super::{BATCH, MOST_MEETINGS, Read, Reads, changed, forget, happened};
use crate::{
    access::Access,
    clock::Instant,
    domain::{
        gathering::labels,
        listed_meeting::{Following, Meeting, follow, is_over},
    },
    error::{Error, Result},
    store::{Store, Tx, Visible, always, query},
};

/// How often a feed is read, more or less: not all at once.
const EVERY: TimeDelta = TimeDelta::hours(1);
/// By how much that varies, at the most.
const MORE_OR_LESS: TimeDelta = TimeDelta::minutes(6);
/// How often one is tried, at the least, that cannot be read.
const LONGEST: TimeDelta = TimeDelta::hours(8);

const WHY: &str = "a feed is read";

/// A meeting that is there.
struct Known {
    gathering: Visible<gathering::Entity>,
    listed: listed_meeting::Model,
    sessions: Vec<Visible<session::Entity>>,
}

/// What becomes of one meeting.
struct Change {
    id: GatheringId,
    what: What,
    sessions: Following,
}

enum What {
    /// It came.
    New(Box<gathering::Model>, Box<Meeting>),
    /// The feed says something else of it.
    Changed(Box<Known>, Box<gathering::Model>, Box<Meeting>),
    /// The feed says nothing of it any more.
    Gone,
    /// Time has passed, and nothing else.
    Same,
}

/// Reads a feed, and writes what is different. Gives when it is to be read again; nothing when the feed was taken away.
///
/// # Errors
/// `Database` when it cannot be asked or written. What is wrong with the feed itself is noted with it.
pub async fn refresh(store: &Store, reads: &dyn Reads, id: FeedId) -> Result<Option<Instant>> {
    let system = Access::system(WHY, store.clock().now());
    let Some(feed) = store.fetch::<feed::Entity>(&system, id).await? else { return Ok(None) };
    let read = checked(&feed, reads.read(&feed).await);
    let system = Access::system(WHY, store.clock().now());
    let noted = noted(&feed, &read, system.now);
    let told = match read {
        Ok(Read::Meetings { meetings, .. }) => Some(meetings),
        Ok(Read::Unchanged) => None,
        Err(failure) => {
            tracing::warn!(feed = %id, reason = %failure, failures = feed.failures + 1, "a feed cannot be read: what it said last stands");
            None
        }
    };
    // On another thread: rules of others are reckoned with.
    let known = known(store, &system, id).await?;
    let now = system.now;
    let changes = tokio::task::spawn_blocking(move || changes(told, known, now)).await;
    let mut changes = changes.map_err(|_| Error::internal("the task that compares a feed ended early"))??;
    while !changes.is_empty() {
        let some = changes.split_off(changes.len().saturating_sub(BATCH));
        if !written(store, &system, id, some).await? {
            return Ok(None);
        }
    }
    finished(store, &system, id, noted).await
}

/// What was read, unless it cannot be all there is.
fn checked(feed: &feed::Model, read: Result<Read, FeedFailure>) -> Result<Read, FeedFailure> {
    match read? {
        Read::Meetings { meetings, skipped, .. } if meetings.is_empty() && skipped > 0 => Err(FeedFailure::Malformed),
        Read::Meetings { meetings, .. } if meetings.is_empty() && feed.meetings > 0 => Err(FeedFailure::Empty),
        Read::Meetings { meetings, .. } if meetings.len() > MOST_MEETINGS => Err(FeedFailure::TooLarge),
        read => Ok(read),
    }
}

/// What is noted of an attempt with the feed.
fn noted(feed: &feed::Model, read: &Result<Read, FeedFailure>, now: Instant) -> feed::ActiveModel {
    let well = feed::ActiveModel { read_at: Set(Some(now)), failure: Set(None), failures: Set(0), ..Default::default() };
    match read {
        Ok(Read::Unchanged) => well,
        Ok(Read::Meetings { skipped, etag, last_modified, .. }) => feed::ActiveModel {
            etag: Set(etag.clone()),
            last_modified: Set(last_modified.clone()),
            skipped: Set(i32::try_from(*skipped).unwrap_or(i32::MAX)),
            ..well
        },
        Err(failure) => {
            feed::ActiveModel { failure: Set(Some(*failure)), failures: Set(feed.failures.saturating_add(1)), ..Default::default() }
        }
    }
}

/// The meetings of a feed that are there.
async fn known(store: &Store, system: &Access, id: FeedId) -> Result<Vec<Known>> {
    let of_feed = Condition::all().add(listed_meeting::Column::FeedId.eq(id));
    let these = query::<listed_meeting::Entity>().select_only().column(listed_meeting::Column::GatheringId).filter(of_feed.clone());
    let these = these.into_query();
    let listed = store.parts::<listed_meeting::Entity>(system, of_feed).await?;
    let gatherings = store.find::<gathering::Entity>(system).by(gathering::Column::Id, |column| column.in_subquery(these.clone()));
    let gatherings = gatherings.first(MOST_MEETINGS as u64).await?;
    // Nine days of them, and a day of those that are over.
    let sessions = store.find::<session::Entity>(system).by(session::Column::GatheringId, |column| column.in_subquery(these));
    let sessions = sessions.first(MOST_MEETINGS as u64 * 12).await?;
    let mut listed: HashMap<_, _> = listed.into_iter().map(|listed| (listed.gathering_id, listed)).collect();
    let mut by_gathering: HashMap<GatheringId, Vec<_>> = HashMap::new();
    for session in sessions {
        by_gathering.entry(session.gathering_id).or_default().push(session);
    }
    let with = gatherings.into_iter().filter_map(|gathering| {
        let listed = listed.remove(&gathering.id)?;
        Some(Known { sessions: by_gathering.remove(&gathering.id).unwrap_or_default(), listed, gathering })
    });
    Ok(with.collect())
}

/// What is different between what a feed says, where it says something new, and what is there.
fn changes(told: Option<Vec<Meeting>>, known: Vec<Known>, now: Instant) -> Result<Vec<Change>> {
    let mut all = Vec::new();
    let Some(told) = told else {
        for known in &known {
            all.push(Change { id: known.gathering.id, what: What::Same, sessions: following(known, now)? });
        }
        all.retain(|change| !change.sessions.is_nothing());
        return Ok(all);
    };
    let mut known: HashMap<_, _> = known.into_iter().map(|known| (known.listed.external_id.clone(), known)).collect();
    for meeting in told {
        if is_over(&meeting, now)? {
            continue;
        }
        let Some(known) = known.remove(&meeting.external_id) else {
            let id = GatheringId::new();
            let series = meeting.series(None, now);
            let sessions = follow(id, (&series, meeting.time_zone.name()), [], now)?;
            let row = meeting.gathering(id, series, now)?;
            all.push(Change { id, what: What::New(Box::new(row), Box::new(meeting)), sessions });
            continue;
        };
        let id = known.gathering.id;
        if known.listed.content_hash == meeting.hash()? {
            let sessions = following(&known, now)?;
            if !sessions.is_nothing() {
                all.push(Change { id, what: What::Same, sessions });
            }
            continue;
        }
        let series = meeting.series(known.gathering.series.first(), now);
        let sessions = follow(id, (&series, meeting.time_zone.name()), known.sessions.iter().map(|session| session.model()), now)?;
        let row = meeting.gathering(id, series, now)?;
        all.push(Change { id, what: What::Changed(Box::new(known), Box::new(row), Box::new(meeting)), sessions });
    }
    all.extend(known.into_values().map(|gone| Change { id: gone.gathering.id, what: What::Gone, sessions: Following::default() }));
    Ok(all)
}

/// What time has made of the sessions of a meeting of which nothing else is said.
fn following(known: &Known, now: Instant) -> Result<Following> {
    let Some(series) = known.gathering.series.first() else { return Ok(Following::default()) };
    follow(known.gathering.id, (series, &known.gathering.time_zone), known.sessions.iter().map(|session| session.model()), now)
}

/// Writes some changes in one transaction. False when the feed was taken away.
async fn written(store: &Store, system: &Access, id: FeedId, some: Vec<Change>) -> Result<bool> {
    let mut tx = store.begin(system).await?;
    tx.hold_alone::<feed::Entity>(id).await?;
    let Some(feed) = tx.known::<feed::Entity>(id, WHY).await? else { return Ok(false) };
    let feed = changed(&tx, &feed, Default::default()).await?;
    let gone: Vec<_> = some.iter().filter(|change| matches!(change.what, What::Gone)).map(|change| change.id).collect();
    forget(&tx, &gone).await?;
    let ended: Vec<_> = some.iter().flat_map(|change| change.sessions.gone.iter().copied()).collect();
    tx.delete_each::<session::Entity>(session::Column::Id.is_in(ended)).await?;
    let (mut rows, mut parts, mut found_by, mut sessions) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut touched = HashSet::new();
    for change in some {
        match change.what {
            What::New(row, meeting) => {
                found_by.extend(labels(&row));
                parts.push(meeting.listed(change.id, id, feed.version)?);
                rows.push((*row).into_active_model().reset_all());
            }
            What::Changed(known, row, meeting) => {
                rewritten(&tx, &known, *row, &meeting, feed.version).await?;
            }
            What::Same => drop(touched.insert(change.id)),
            What::Gone => {}
        }
        for (session, moved) in change.sessions.moved {
            let Some(session) = tx.known::<session::Entity>(session, WHY).await? else { continue };
            tx.write_if(&session, moved, always()).await?;
        }
        sessions.extend(change.sessions.missing);
    }
    tx.insert_each::<gathering::Entity, _>(rows).await?;
    tx.insert_parts::<listed_meeting::Entity, _>(parts).await?;
    tx.insert_parts::<gathering_label::Entity, _>(found_by).await?;
    tx.insert_each::<session::Entity, _>(sessions).await?;
    let now_changed = listed_meeting::ActiveModel { feed_version: Set(feed.version), ..Default::default() };
    tx.update_parts::<listed_meeting::Entity, _>(now_changed, listed_meeting::Column::GatheringId.is_in(touched)).await?;
    tx.record(happened(EventKind::ListedMeetingsChanged, &feed));
    tx.commit(feed).await?;
    Ok(true)
}

/// Writes a meeting anew, of which the feed says something else: it keeps its id.
async fn rewritten(tx: &Tx, known: &Known, row: gathering::Model, meeting: &Meeting, feed_version: i32) -> Result<()> {
    let of_it = || Condition::all().add(gathering_label::Column::GatheringId.eq(row.id));
    tx.delete_parts::<gathering_label::Entity>(of_it()).await?;
    tx.insert_parts::<gathering_label::Entity, _>(labels(&row)).await?;
    let listed = meeting.listed(row.id, known.listed.feed_id, feed_version)?;
    tx.update_parts::<listed_meeting::Entity, _>(listed, listed_meeting::Column::GatheringId.eq(row.id)).await?;
    let first = &known.gathering;
    let row = gathering::Model { published_at: first.published_at, created_at: first.created_at, version: first.version + 1, ..row };
    tx.write_if(first, row.into_active_model().reset_all(), always()).await?;
    Ok(())
}

/// Notes what came of it, and when it is to be read again.
async fn finished(store: &Store, system: &Access, id: FeedId, noted: feed::ActiveModel) -> Result<Option<Instant>> {
    let mut tx = store.begin(system).await?;
    tx.hold_alone::<feed::Entity>(id).await?;
    let Some(feed) = tx.known::<feed::Entity>(id, WHY).await? else { return Ok(None) };
    let of_feed = Condition::all().add(listed_meeting::Column::FeedId.eq(id));
    let meetings = i32::try_from(tx.parts::<listed_meeting::Entity>(of_feed).await?.len()).unwrap_or(i32::MAX);
    let feed = changed(&tx, &feed, feed::ActiveModel { meetings: Set(meetings), ..noted }).await?;
    tx.record(happened(EventKind::FeedChanged, &feed));
    let feed = tx.commit(feed).await?;
    Ok(Some(again(feed.failures, store.clock().now())))
}

/// When a feed is read again: after an hour or so, and later where it could not be read again and again.
fn again(failures: i32, now: Instant) -> Instant {
    let later = EVERY * 2_i32.saturating_pow(u32::try_from(failures.clamp(1, 10) - 1).unwrap_or_default());
    let jitter = MORE_OR_LESS.num_seconds();
    now + later.min(LONGEST) + TimeDelta::seconds(rand::random_range(-jitter..=jitter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_tried_later_and_later() {
        let now: Instant = "2026-03-02T12:00:00Z".parse().unwrap();
        for (failures, hours) in [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (i32::MAX, 8)] {
            let waits = again(failures, now) - now;
            assert!((waits - TimeDelta::hours(hours)).abs() <= MORE_OR_LESS, "{failures}: {waits}");
        }
    }
}
