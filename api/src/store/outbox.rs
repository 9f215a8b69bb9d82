//! Messages that are sent to people: a command writes them, and one replica at a time takes one to send it. Who took one and is killed
//! loses it to the next: a message is sent at least once, and nothing is held open while a mail server thinks.

use chrono::TimeDelta;
use entity::outgoing_message;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, TransactionSession,
    sea_query::{LockBehavior, LockType},
};

use super::{
    Store, Visible, connection,
    protected::{Fetched, scoped},
};
use crate::{access::Access, clock::Instant, error::Result};

/// For how long a message is with whoever took it: longer than any attempt takes.
const TAKEN_FOR: TimeDelta = TimeDelta::minutes(2);

/// What became of an attempt to send a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It was sent.
    Sent,
    /// It was not, and is tried again then.
    Again(Instant),
    /// It was not, and is given up.
    GivenUp,
}

impl Store {
    /// The message that has been due longest, if any is due by now that nobody else has. Until [`Store::settle_message`] is told what
    /// became of it, or a while has passed, nobody else takes it.
    ///
    /// # Errors
    /// `Database` when it cannot be asked.
    pub async fn take_message(&self, system: &Access) -> Result<Option<Visible<outgoing_message::Entity>>> {
        let due = || scoped::<outgoing_message::Entity>(system).filter(outgoing_message::Column::DueAt.lte(system.now));
        // Most of the time none is: a look costs no writer its place.
        let waiting = connection::select::<outgoing_message::Entity>().filter(outgoing_message::Column::DueAt.lte(system.now));
        if waiting.limit(1).one(self.reader()).await?.is_none() {
            return Ok(None);
        }
        let tx = self.transaction().await?;
        let first = due().order_by_asc(outgoing_message::Column::DueAt).order_by_asc(outgoing_message::Column::Id).limit(1);
        let first = first.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
        let first = first.into_model::<Fetched<outgoing_message::Entity>>().all(&tx).await?;
        let Some(first) = Fetched::all_visible(first, system, &self.reads).pop() else { return Ok(None) };
        let taken = outgoing_message::ActiveModel {
            due_at: Set(Some(system.now + TAKEN_FOR)),
            attempts: Set(first.attempts + 1),
            ..Default::default()
        };
        outgoing_message::Entity::update_many().set(taken).filter(outgoing_message::Column::Id.eq(first.id)).exec(&tx).await?;
        TransactionSession::commit(tx).await?;
        Ok(Some(first))
    }

    /// Says what became of a message that was taken. What was sent or given up keeps neither address nor words. Nothing happens where it
    /// was taken away meanwhile, or somebody else has it.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn settle_message(&self, taken: &Visible<outgoing_message::Entity>, attempt: Attempt) -> Result<()> {
        let now = self.clock().now();
        let over = || outgoing_message::ActiveModel { address: Set(None), parameters: Set(None), due_at: Set(None), ..Default::default() };
        let change = match attempt {
            Attempt::Sent => outgoing_message::ActiveModel { sent_at: Set(Some(now)), ..over() },
            Attempt::GivenUp => outgoing_message::ActiveModel { failed_at: Set(Some(now)), ..over() },
            Attempt::Again(at) => outgoing_message::ActiveModel { due_at: Set(Some(at)), ..Default::default() },
        };
        let mine = Condition::all()
            .add(outgoing_message::Column::Id.eq(taken.id))
            .add(outgoing_message::Column::Attempts.eq(taken.attempts + 1))
            .add(outgoing_message::Column::DueAt.is_not_null());
        let tx = self.transaction().await?;
        outgoing_message::Entity::update_many().set(change).filter(mine).exec(&tx).await?;
        Ok(TransactionSession::commit(tx).await?)
    }
}
