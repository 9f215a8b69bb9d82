//! Feeds: schedules of others that are taken in, by whoever runs the server, for "what is near me tonight".

mod refresh;

use async_trait::async_trait;
use chrono_tz::Tz;
use entity::{
    FeedId, GatheringId, TypedId, feed, gathering, gathering_label, listed_meeting, session,
    vocabulary::{EventKind, FeedFailure, FeedFormat, TimerKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, Order};
use url::Url;

pub use self::refresh::refresh;
use super::listed_meeting::Meeting;
use crate::{
    access::Access,
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Grants, Protected, Store, Tx, Visible, always, unique},
};

/// The most meetings of one feed.
pub const MOST_MEETINGS: usize = 10_000;

/// How many meetings are written in one transaction: others write in between.
const BATCH: usize = 50;

impl Protected for feed::Entity {
    type Id = FeedId;

    fn id_column() -> Self::Column {
        feed::Column::Id
    }

    fn id(row: &feed::Model) -> FeedId {
        row.id
    }

    /// Everyone's, as its meetings are. What is told of it is when it was read; where it is, is told to whoever runs the server.
    fn visible_to(_: &Access) -> Condition {
        always()
    }

    fn grants(_: &Access) -> Grants {
        Grants::none()
    }

    fn allows(_: &Access, action: Action, _: &feed::Model) -> bool {
        action == Action::Read
    }
}

/// What came of reading a feed.
#[derive(Debug)]
pub enum Read {
    /// It is as it was.
    Unchanged,
    /// It is this.
    Meetings {
        /// What could be understood of it, each once.
        meetings: Vec<Meeting>,
        /// How many could not.
        skipped: usize,
        /// What its server calls this version.
        etag: Option<String>,
        /// When it was changed, as its server writes it.
        last_modified: Option<String>,
    },
}

/// Reads feeds. How they are fetched and what they are written in, this module does not know.
#[async_trait]
pub trait Reads: Send + Sync {
    /// Reads a feed, unless it is as it was when it was read last.
    ///
    /// # Errors
    /// Why it cannot be read, from a closed list.
    async fn read(&self, feed: &feed::Model) -> Result<Read, FeedFailure>;
}

/// Takes a schedule in from now on. Only the command line does: it asks nobody's role.
///
/// # Errors
/// `NotPermitted` for anybody but the system; refused with `ALREADY_EXISTS` when it is taken in already.
pub async fn add(store: &Store, access: &Access, mut url: Url, format: FeedFormat, zone: Option<Tz>) -> Result<Visible<feed::Entity>> {
    let mut tx = store.begin(access).await?;
    tx.require(false)?;
    url.set_fragment(None);
    let row = feed::ActiveModel {
        id: Set(FeedId::new()),
        url: Set(url.into()),
        format: Set(format),
        time_zone: Set(zone.map(|zone| zone.name().to_owned())),
        etag: Set(None),
        last_modified: Set(None),
        read_at: Set(None),
        failure: Set(None),
        failures: Set(0),
        meetings: Set(0),
        skipped: Set(0),
        added_at: Set(access.now),
        version: Set(1),
    };
    let taken = || Refusal::new(Code::AlreadyExists, "This feed is taken in already: `feeds list` shows it.");
    let made = tx.insert::<feed::Entity, _>(row).await.map_err(|error| unique(error, taken))?;
    tx.arm(TimerKind::FeedRead, made.id, access.now).await?;
    tx.record(happened(EventKind::FeedChanged, &made));
    tx.commit(made).await
}

/// All feeds, by their addresses.
///
/// # Errors
/// `Database` when it cannot be asked.
pub async fn list(store: &Store, access: &Access) -> Result<Vec<Visible<feed::Entity>>> {
    store.find::<feed::Entity>(access).ordered(feed::Column::Url, Order::Asc).first(10_000).await
}

/// Takes a schedule in no longer: its meetings go, some at a time, and then the feed.
///
/// # Errors
/// `NotFound` when there is none, `NotPermitted` for anybody but the system.
pub async fn remove(store: &Store, access: &Access, id: FeedId) -> Result<Visible<feed::Entity>> {
    loop {
        let mut tx = store.begin(access).await?;
        tx.require(false)?;
        tx.disarm(TimerKind::FeedRead, [id.into()]).await?;
        tx.hold_alone::<feed::Entity>(id).await?;
        let feed = tx.fetch_for::<feed::Entity>(id, Action::End).await?;
        let of_it = Condition::all().add(listed_meeting::Column::FeedId.eq(id));
        let some = tx.first_parts::<listed_meeting::Entity>(of_it, BATCH as u64).await?;
        if some.is_empty() {
            tx.delete_each::<feed::Entity>(feed::Column::Id.eq(id)).await?;
            tx.record(happened(EventKind::FeedChanged, &feed));
            return tx.commit(feed).await;
        }
        forget(&tx, &some.iter().map(|listed| listed.gathering_id).collect::<Vec<_>>()).await?;
        let changed = changed(&tx, &feed, feed::ActiveModel::default()).await?;
        tx.record(happened(EventKind::ListedMeetingsChanged, &changed));
        tx.commit(changed).await?;
    }
}

/// What happened to a feed, which is no organization's.
fn happened(kind: EventKind, feed: &feed::Model) -> Event {
    Event::new(kind, None, feed.id, feed.version)
}

/// Counts a change of a feed that the transaction holds.
async fn changed(tx: &Tx, feed: &Visible<feed::Entity>, change: feed::ActiveModel) -> Result<Visible<feed::Entity>> {
    let change = feed::ActiveModel { version: Set(feed.version + 1), ..change };
    let unchanged = feed::Column::Version.eq(feed.version);
    tx.update_if(feed, change, unchanged).await?.ok_or_else(|| Error::internal("a feed that is held was changed"))
}

/// Takes meetings away with all that is theirs.
async fn forget(tx: &Tx, these: &[GatheringId]) -> Result<()> {
    let these = || these.iter().copied();
    tx.delete_each::<session::Entity>(session::Column::GatheringId.is_in(these())).await?;
    tx.delete_parts::<gathering_label::Entity>(gathering_label::Column::GatheringId.is_in(these())).await?;
    tx.delete_parts::<listed_meeting::Entity>(listed_meeting::Column::GatheringId.is_in(these())).await?;
    tx.delete_each::<gathering::Entity>(gathering::Column::Id.is_in(these())).await
}
