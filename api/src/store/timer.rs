//! Timers: rows with a due time, worked off one by one, each once over all replicas. None is a task that sleeps.

use chrono::TimeDelta;
use entity::{timer, vocabulary::TimerKind};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, TransactionSession,
    sea_query::{LockBehavior, LockType, OnConflict},
};
use uuid::Uuid;

use super::{Protected, Store, Tx, connection};
use crate::{access::Access, clock::Instant, error::Result};

/// How long something waits that could not be done, for each time that it could not; at most an hour.
const AGAIN: TimeDelta = TimeDelta::seconds(30);
const LONGEST: TimeDelta = TimeDelta::hours(1);
/// How many timers are written with one statement: databases bound the number of its values.
const BATCH: usize = 1_000;

/// Something that is due, and the transaction in which it is done.
pub struct Due {
    /// In it the timer is gone already.
    pub tx: Tx,
    /// What is to be done.
    pub kind: TimerKind,
    /// To what.
    pub subject: Uuid,
    /// When it was due.
    pub at: Instant,
    failures: i32,
}

/// A timer that was taken, when its transaction has ended without being committed.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    kind: TimerKind,
    subject: Uuid,
    at: Instant,
    failures: i32,
}

impl Due {
    /// The timer without its transaction.
    pub const fn taken(&self) -> Taken {
        Taken { kind: self.kind, subject: self.subject, at: self.at, failures: self.failures }
    }
}

impl Taken {
    fn this(&self) -> Condition {
        of(self.kind, self.subject).add(timer::Column::DueAt.eq(self.at))
    }
}

fn of(kind: TimerKind, subject: Uuid) -> Condition {
    Condition::all().add(timer::Column::Kind.eq(kind)).add(timer::Column::SubjectId.eq(subject))
}

impl Store {
    /// What of these kinds has been due longest, if anything is due by now that no other replica is about to do.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn take_due(&self, system: &Access, kinds: &[TimerKind]) -> Result<Option<Due>> {
        let ready = || {
            let due = connection::select::<timer::Entity>().filter(timer::Column::DueAt.lte(system.now));
            due.filter(timer::Column::Kind.is_in(kinds.iter().copied()))
        };
        // Most of the time nothing is: a look costs no writer its place.
        if ready().limit(1).one(self.reader()).await?.is_none() {
            return Ok(None);
        }
        let tx = self.begin(system).await?;
        let first = ready().order_by_asc(timer::Column::DueAt).order_by_asc(timer::Column::SubjectId).order_by_asc(timer::Column::Kind);
        let first = first.limit(1).lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        let Some(row) = first.one(&tx.transaction).await? else { return Ok(None) };
        let due = Due { tx, kind: row.kind, subject: row.subject_id, at: row.due_at, failures: row.failures };
        timer::Entity::delete_many().filter(due.taken().this()).exec(&due.tx.transaction).await?;
        Ok(Some(due))
    }

    /// Drops a timer about which there was nothing to do.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn forget_timer(&self, taken: Taken) -> Result<()> {
        let tx = self.transaction().await?;
        timer::Entity::delete_many().filter(taken.this()).exec(&tx).await?;
        Ok(TransactionSession::commit(tx).await?)
    }

    /// Puts off what could not be done.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn postpone_timer(&self, taken: Taken) -> Result<()> {
        let failures = taken.failures.saturating_add(1);
        self.rearm(taken, self.clock().now() + (AGAIN * failures.min(1_000)).min(LONGEST), failures).await.map(drop)
    }

    /// Puts off what is looked at again and again, to its next time.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn put_off_timer(&self, taken: Taken, until: Instant) -> Result<()> {
        self.rearm(taken, until, 0).await.map(drop)
    }

    /// Keeps what was taken until then, without a transaction: whoever is killed with it loses it to the next. Nothing when somebody else
    /// was first.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn claim_timer(&self, taken: Taken, until: Instant) -> Result<Option<Taken>> {
        Ok(self.rearm(taken, until, taken.failures).await?.then_some(Taken { at: until, ..taken }))
    }

    async fn rearm(&self, taken: Taken, at: Instant, failures: i32) -> Result<bool> {
        let later = timer::ActiveModel { due_at: Set(at), failures: Set(failures), ..Default::default() };
        let tx = self.transaction().await?;
        let written = timer::Entity::update_many().set(later).filter(taken.this()).exec(&tx).await?;
        TransactionSession::commit(tx).await?;
        Ok(written.rows_affected > 0)
    }

    /// Has something done now to each row that meets a condition, where it is not to be done anyway.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn arm_each<E: Protected>(&self, kind: TimerKind, of: impl Into<Condition>) -> Result<()> {
        let these = connection::select::<E>().filter(of.into()).select_only().column(E::id_column());
        let these = these.into_tuple::<Uuid>().all(self.reader()).await?;
        // Most of the time there are none: a look costs no writer its place.
        if these.is_empty() {
            return Ok(());
        }
        let (tx, now) = (self.transaction().await?, self.clock().now());
        for batch in these.chunks(BATCH) {
            let rows = batch.iter().map(|id| row(kind, *id, now));
            let kept = OnConflict::columns([timer::Column::Kind, timer::Column::SubjectId]).do_nothing().to_owned();
            timer::Entity::insert_many(rows).on_conflict(kept).exec_without_returning(&tx).await?;
        }
        Ok(TransactionSession::commit(tx).await?)
    }
}

/// Something that is to be done then, and was not tried yet.
fn row(kind: TimerKind, subject: impl Into<Uuid>, at: Instant) -> timer::ActiveModel {
    timer::ActiveModel { kind: Set(kind), subject_id: Set(subject.into()), due_at: Set(at), failures: Set(0) }
}

impl Tx {
    /// Has something done at an instant, in place of when it was to be done before.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn arm(&self, kind: TimerKind, subject: impl Into<Uuid>, at: Instant) -> Result<()> {
        self.arm_all(kind, [(subject, at)]).await
    }

    /// Likewise, several of one kind.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn arm_all<S: Into<Uuid>>(&self, kind: TimerKind, these: impl IntoIterator<Item = (S, Instant)>) -> Result<()> {
        let rows: Vec<_> = these.into_iter().map(|(subject, at)| row(kind, subject, at)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let newest = OnConflict::columns([timer::Column::Kind, timer::Column::SubjectId])
            .update_columns([timer::Column::DueAt, timer::Column::Failures])
            .to_owned();
        timer::Entity::insert_many(rows).on_conflict(newest).exec_without_returning(&self.transaction).await?;
        Ok(())
    }

    /// Has it done no more.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn disarm(&self, kind: TimerKind, subjects: impl IntoIterator<Item = Uuid>) -> Result<()> {
        let these = Condition::all().add(timer::Column::Kind.eq(kind)).add(timer::Column::SubjectId.is_in(subjects));
        timer::Entity::delete_many().filter(these).exec(&self.transaction).await?;
        Ok(())
    }
}
