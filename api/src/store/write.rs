//! Transactions. A command begins one on its first line, records what happened, and commits on its last; dropped, it is rolled back.

use std::{future::Future, sync::Arc};

use aws_lc_rs::hmac;
use chrono::TimeDelta;
use entity::{
    AnyId, AuditEventId, ClientId, ConsentId, EventId, List, OrganizationId, ReferralId, TypedId, audit_event, event, idempotency,
    vocabulary::EventKind,
};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    sea_query::{Expr, OnConflict},
};
use serde_json::{Value as Json, json};

use super::{
    Part, Protected, ReadLog, Shared, Store, Visible, connection,
    protected::select_by_ids,
    vault::journal::{Entry, What},
};
use crate::{
    access::{Access, Actor, IdempotencyKey},
    error::{Error, Refusal, Result},
};

/// How long an answer is kept for its idempotency key (contract.md).
const KEPT_FOR: TimeDelta = TimeDelta::hours(24);

/// How many rows are written with one statement: databases bound the number of its values.
const BATCH: usize = 1_000;

/// Something that happened in a command: kinds, ids and versions, never texts.
#[derive(Clone, Debug)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// In whose organization; nothing for what concerns no tenant.
    pub organization: Option<OrganizationId>,
    /// The other side, for a referral.
    pub other_organization: Option<OrganizationId>,
    /// To what.
    pub subject: AnyId,
    /// The subject's version after it.
    pub subject_version: Option<i32>,
    /// In whose timeline it belongs.
    pub client: Option<ClientId>,
    /// In which referral it happened.
    pub referral: Option<ReferralId>,
    /// The names of the fields that changed.
    pub changed: Vec<&'static str>,
    /// Which rule did it, where it is not told which person set it off.
    pub rule: Option<&'static str>,
}

impl Event {
    /// Something that happened to a row of an organization, or of none.
    pub fn new(kind: EventKind, organization: impl Into<Option<OrganizationId>>, subject: impl Into<AnyId>, version: i32) -> Self {
        Self {
            kind,
            organization: organization.into(),
            other_organization: None,
            subject: subject.into(),
            subject_version: Some(version),
            client: None,
            referral: None,
            changed: Vec::new(),
            rule: None,
        }
    }

    /// The names of the fields that changed.
    #[must_use]
    pub fn changed(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        self.changed = fields.into_iter().collect();
        self
    }

    /// Whose timeline it is in.
    #[must_use]
    pub const fn of_client(mut self, client: ClientId) -> Self {
        self.client = Some(client);
        self
    }

    /// In which referral it happened: who does not see the referral does not see the event.
    #[must_use]
    pub const fn of_referral(mut self, referral: ReferralId) -> Self {
        self.referral = Some(referral);
        self
    }

    /// A rule did it, as far as this organization is told: neither its log nor its audit names the person or the request that set it off,
    /// which are another organization's.
    #[must_use]
    pub const fn by_rule(mut self, rule: &'static str) -> Self {
        self.rule = Some(rule);
        self
    }
}

/// The result of a command, kept for a repetition of the request as ids alone and rendered anew from them.
pub trait Kept: Sized + Send {
    /// The ids.
    fn keep(&self) -> Json;

    /// The result anew, as the caller may see it now.
    fn recall(store: &Store, access: &Access, kept: Json) -> impl Future<Output = Result<Self>> + Send;
}

impl<E: Protected> Kept for Visible<E>
where
    E::Id: std::str::FromStr,
{
    fn keep(&self) -> Json {
        json!({ "id": self.id().to_string() })
    }

    async fn recall(store: &Store, access: &Access, kept: Json) -> Result<Self> {
        let id = kept["id"].as_str().and_then(|id| id.parse().ok()).ok_or_else(|| Error::internal("a kept answer has no id"))?;
        store.fetch::<E>(access, id).await?.ok_or(Error::NotFound)
    }
}

/// Two rows, such as what was asked for and about what.
impl<A: Kept + Sync, B: Kept + Sync> Kept for (A, B) {
    fn keep(&self) -> Json {
        json!([self.0.keep(), self.1.keep()])
    }

    async fn recall(store: &Store, access: &Access, mut kept: Json) -> Result<Self> {
        let first = A::recall(store, access, kept[0].take()).await?;
        Ok((first, B::recall(store, access, kept[1].take()).await?))
    }
}

/// One transaction of one command.
pub struct Tx {
    pub(in crate::store) transaction: DatabaseTransaction,
    pub(in crate::store) access: Access,
    pub(in crate::store) reads: ReadLog,
    shared: Arc<Shared>,
    events: Vec<Event>,
}

impl Store {
    /// Begins a command. With an idempotency key it first takes the key's place, and waits for one who has it.
    ///
    /// # Errors
    /// `Replayed` with the first answer when the key was used for the same request, `IdempotencyKeyReused` when for another.
    pub async fn begin(&self, access: &Access) -> Result<Tx> {
        let access = &self.with_keyed_body(access);
        let transaction = self.transaction().await?;
        if let Some(key) = &access.idempotency {
            take_place(&transaction, access, key).await?;
        }
        Ok(Tx { transaction, access: access.clone(), reads: self.reads.clone(), shared: Arc::clone(&self.shared), events: Vec::new() })
    }

    /// Keeps a refusal for its idempotency key, and writes it to the audit, in a transaction of its own: the command's was rolled back.
    ///
    /// # Errors
    /// `Database` when it cannot be written.
    pub async fn note_refusal(&self, access: &Access, action: &'static str, refusals: &[Refusal]) -> Result<()> {
        let access = &self.with_keyed_body(access);
        let transaction = self.transaction().await?;
        if let Some(key) = &access.idempotency {
            let row = idempotency::ActiveModel {
                caller: Set(actor(access)),
                key: Set(key.key.clone()),
                body_hash: Set(key.body_hash.clone()),
                kept: Set(json!({ "refused": refusals })),
                created_at: Set(access.now),
            };
            idempotency::Entity::insert(row).on_conflict(first_stays()).try_insert().exec_without_returning(&transaction).await?;
        }
        let entry = audit_event::ActiveModel {
            id: Set(AuditEventId::new()),
            position: Set(None),
            organization_id: Set(access.organization),
            at: Set(self.clock().now()),
            actor: Set(actor(access)),
            action: Set(format!("REFUSED:{action}")),
            subject_kind: Set(None),
            subject_id: Set(None),
            data_classes: Set(List::default()),
            request_id: Set(access.request_id.clone()),
            allowed: Set(false),
            hash: Set(None),
        };
        audit_event::Entity::insert(entry).exec_without_returning(&transaction).await?;
        transaction.commit().await?;
        self.shared.written.notify_one();
        Ok(())
    }
}

impl Store {
    /// The access with its body's hash keyed: what is kept of a body must not be guessable by whoever reads the table.
    fn with_keyed_body(&self, access: &Access) -> Access {
        let mut access = access.clone();
        if let Some(idempotency) = &mut access.idempotency {
            idempotency.body_hash = hmac::sign(&self.shared.body_key, &idempotency.body_hash).as_ref().to_vec();
        }
        access
    }
}

impl Tx {
    pub(in crate::store) fn clock(&self) -> &crate::clock::Clock {
        &self.shared.clock
    }

    pub(in crate::store) fn vault(&self) -> &super::vault::Vault {
        &self.shared.vault
    }

    /// What time it is by now (UTC): later than when the request came, where a command waited for others. What follows one another under a
    /// lock has times that follow one another.
    pub fn moment(&self) -> crate::clock::Instant {
        self.shared.clock.now()
    }

    /// Who asks.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Who acts, as rows keep it.
    pub fn actor(&self) -> String {
        actor(&self.access)
    }

    /// Writes a new row and gives it back as the caller sees it.
    ///
    /// # Errors
    /// `Database` with the constraint that forbids it; see [`unique`] to make a refusal of that.
    pub async fn insert<E: Protected, A>(&self, row: A) -> Result<Visible<E>>
    where
        A: ActiveModelTrait<Entity = E> + ActiveModelBehavior + Send,
        E::Model: IntoActiveModel<A>,
    {
        let made = row.insert(&self.transaction).await?;
        self.again::<E>(E::id(&made)).await
    }

    /// Writes a new row that its caller can see only with its parts, which follow.
    ///
    /// # Errors
    /// `Database` with the constraint that forbids it.
    pub async fn insert_unseen<E: Protected, A>(&self, row: A) -> Result<()>
    where
        A: ActiveModelTrait<Entity = E> + Send,
    {
        E::insert(row).exec_without_returning(&self.transaction).await?;
        Ok(())
    }

    /// Writes many new rows at once, to be read when they are asked for.
    ///
    /// # Errors
    /// `Database` with the constraint that forbids one of them.
    pub async fn insert_each<E: Protected, A>(&self, rows: Vec<A>) -> Result<()>
    where
        A: ActiveModelTrait<Entity = E> + Send,
    {
        if !rows.is_empty() {
            E::insert_many(rows).exec_without_returning(&self.transaction).await?;
        }
        Ok(())
    }

    /// Writes rows that are parts of another.
    ///
    /// # Errors
    /// `Database` with the constraint that forbids it.
    pub async fn insert_parts<P: Part, A>(&self, rows: Vec<A>) -> Result<()>
    where
        A: ActiveModelTrait<Entity = P> + Send,
    {
        if !rows.is_empty() {
            P::insert_many(rows).exec_without_returning(&self.transaction).await?;
        }
        Ok(())
    }

    /// Changes a row if the condition holds at the moment of writing. Nothing when it does not: someone else was first.
    ///
    /// # Errors
    /// `Database` with the constraint that forbids it.
    pub async fn update_if<E: Protected, A>(
        &self,
        row: &Visible<E>,
        change: A,
        condition: impl Into<Condition>,
    ) -> Result<Option<Visible<E>>>
    where
        A: ActiveModelTrait<Entity = E> + Send,
    {
        if !self.write_if(row, change, condition).await? {
            return Ok(None);
        }
        self.again::<E>(row.id()).await.map(Some)
    }

    /// Likewise for a row that the caller does not see any more afterwards, or never did. Whether it was changed.
    ///
    /// # Errors
    /// `Database` with the constraint that forbids it.
    pub async fn write_if<E: Protected, A>(&self, row: &Visible<E>, change: A, condition: impl Into<Condition>) -> Result<bool>
    where
        A: ActiveModelTrait<Entity = E> + Send,
    {
        let this = E::id_column().eq(super::key_of::<E>(row.id()));
        let update = E::update_many().set(change).filter(this).filter(condition.into());
        Ok(update.exec(&self.transaction).await?.rows_affected > 0)
    }

    /// Changes parts of rows that the caller may change. Gives how many.
    ///
    /// # Errors
    /// `Database` with the constraint that forbids it.
    pub async fn update_parts<P: Part, A>(&self, change: A, of: impl Into<Condition>) -> Result<u64>
    where
        A: ActiveModelTrait<Entity = P> + Send,
    {
        Ok(P::update_many().set(change).filter(of.into()).exec(&self.transaction).await?.rows_affected)
    }

    /// Deletes parts of rows that the caller may change, to put others in their place.
    ///
    /// # Errors
    /// `Database` with the constraint that forbids it.
    pub async fn delete_parts<P: Part>(&self, of: impl Into<Condition>) -> Result<()> {
        P::delete_many().filter(of.into()).exec(&self.transaction).await?;
        Ok(())
    }

    /// Deletes rows and not only what is in them, for nothing of them may stay.
    ///
    /// # Errors
    /// `Database` with the constraint that forbids it.
    pub async fn delete_each<E: Protected>(&self, of: impl Into<Condition>) -> Result<()> {
        E::delete_many().filter(of.into()).exec(&self.transaction).await?;
        Ok(())
    }

    /// Remembers outside of the database that a consent was revoked, before its rows say so: a backup that is restored knows
    /// nothing of what came after it.
    ///
    /// # Errors
    /// As the journal's.
    pub async fn journal_revocation(&self, organization: OrganizationId, consent: ConsentId) -> Result<()> {
        let what = What::Revocation { consent: consent.into() };
        self.vault().journal().append(Entry { at: self.shared.clock.now(), organization: organization.into(), what }).await.map(drop)
    }

    /// Changes columns by what is in them at the moment of writing, such as a counter, if the condition holds then. False when it does
    /// not: what was to be counted is used up.
    ///
    /// # Errors
    /// `Database` with the constraint that forbids it.
    pub async fn count_if<E: Protected>(
        &self,
        row: &Visible<E>,
        changes: impl IntoIterator<Item = (E::Column, Expr)> + Send,
        condition: impl Into<Condition>,
    ) -> Result<bool> {
        let id = E::id_column().eq(super::key_of::<E>(row.id()));
        let update = changes.into_iter().fold(E::update_many(), |update, (column, expr)| update.col_expr(column, expr));
        Ok(update.filter(id).filter(condition.into()).exec(&self.transaction).await?.rows_affected > 0)
    }

    /// Records what happened, with its audit row.
    pub fn record(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Commits rows, events and audit as one, and gives the result back.
    ///
    /// # Errors
    /// `Internal` when nothing was recorded: what changes without an event would be lost to everyone who follows.
    pub async fn commit<T: Kept>(self, result: T) -> Result<T> {
        if self.events.is_empty() {
            return Err(Error::internal("a command committed without an event"));
        }
        let at = self.shared.clock.now();
        let who = actor(&self.access);
        let events = self.events.iter().zip(0..).map(|(happened, ordinal)| event::ActiveModel {
            id: Set(EventId::new()),
            ordinal: Set(ordinal),
            position: Set(None),
            organization_id: Set(happened.organization),
            other_organization_id: Set(happened.other_organization),
            kind: Set(happened.kind),
            at: Set(at),
            actor: Set(happened.rule.map_or_else(|| who.clone(), by_rule)),
            subject_kind: Set(happened.subject.prefix.to_owned()),
            subject_id: Set(happened.subject.id),
            subject_version: Set(happened.subject_version),
            client_id: Set(happened.client),
            referral_id: Set(happened.referral),
            changed: Set(happened.changed.iter().map(|field| (*field).to_owned()).collect()),
            hash: Set(None),
        });
        for some in events.collect::<Vec<_>>().chunks(BATCH) {
            event::Entity::insert_many(some.to_vec()).exec_without_returning(&self.transaction).await?;
        }
        let audit = self.events.iter().map(|happened| audit_event::ActiveModel {
            id: Set(AuditEventId::new()),
            position: Set(None),
            organization_id: Set(happened.organization),
            at: Set(at),
            actor: Set(happened.rule.map_or_else(|| who.clone(), by_rule)),
            action: Set(happened.kind.as_str().to_owned()),
            subject_kind: Set(Some(happened.subject.prefix.to_owned())),
            subject_id: Set(Some(happened.subject.id)),
            data_classes: Set(List::default()),
            request_id: Set(happened.rule.map_or_else(|| self.access.request_id.clone(), ToOwned::to_owned)),
            allowed: Set(true),
            hash: Set(None),
        });
        for some in audit.collect::<Vec<_>>().chunks(BATCH) {
            audit_event::Entity::insert_many(some.to_vec()).exec_without_returning(&self.transaction).await?;
        }
        if let Some(key) = &self.access.idempotency {
            let kept = idempotency::ActiveModel { kept: Set(json!({ "done": result.keep() })), ..Default::default() };
            idempotency::Entity::update_many().set(kept).filter(place_of(&self.access, key)).exec(&self.transaction).await?;
        }
        self.transaction.commit().await?;
        self.shared.commits.tell(&self.events);
        self.shared.written.notify_one();
        Ok(result)
    }

    /// A row as it is now, within this transaction.
    async fn again<E: Protected>(&self, id: E::Id) -> Result<Visible<E>> {
        let row = select_by_ids::<E, _>(&self.transaction, &self.access, &[id], &self.reads).await?.pop();
        row.ok_or_else(|| Error::internal("a command wrote a row that its caller does not see"))
    }

    /// Whether the caller may do this at all to rows of this kind; for what does not exist yet.
    ///
    /// # Errors
    /// `NotPermitted` when this does not hold.
    pub fn require(&self, holds: bool) -> Result<()> {
        if holds || self.access.is_system() { Ok(()) } else { Err(Error::NotPermitted) }
    }
}

/// Who acts, as the log keeps it.
pub(in crate::store) fn actor(access: &Access) -> String {
    match access.actor {
        Actor::Anonymous => "anonymous".to_owned(),
        Actor::Staff(id) => id.to_string(),
        Actor::Api(id) => id.to_string(),
        Actor::Client(id) => id.to_string(),
        Actor::System(reason) => by_rule(reason),
    }
}

/// A rule as the log keeps it.
fn by_rule(rule: &'static str) -> String {
    format!("system:{rule}")
}

/// Makes a refusal of a broken unique constraint, and passes everything else on.
pub fn unique(error: Error, refusal: impl FnOnce() -> Refusal) -> Error {
    match error {
        Error::Database(broken) if matches!(broken.sql_err(), Some(sea_orm::SqlErr::UniqueConstraintViolation(_))) => refusal().into(),
        other => other,
    }
}

fn first_stays() -> OnConflict {
    OnConflict::columns([idempotency::Column::Caller, idempotency::Column::Key]).do_nothing().to_owned()
}

fn place_of(access: &Access, key: &IdempotencyKey) -> Condition {
    Condition::all().add(idempotency::Column::Caller.eq(actor(access))).add(idempotency::Column::Key.eq(key.key.clone()))
}

/// Takes the key's place: the unique index makes a second one wait for the first, on both databases.
async fn take_place(tx: &DatabaseTransaction, access: &Access, key: &IdempotencyKey) -> Result<()> {
    let place = place_of(access, key);
    let old = place.clone().add(idempotency::Column::CreatedAt.lt(access.now - KEPT_FOR));
    idempotency::Entity::delete_many().filter(old).exec(tx).await?;
    let row = idempotency::ActiveModel {
        caller: Set(actor(access)),
        key: Set(key.key.clone()),
        body_hash: Set(key.body_hash.clone()),
        kept: Set(Json::Null),
        created_at: Set(access.now),
    };
    let taken = idempotency::Entity::insert(row).on_conflict(first_stays()).try_insert().exec_without_returning(tx).await?;
    // Where the place is taken no row is inserted, and the library calls that inserted, too.
    if matches!(taken, sea_orm::TryInsertResult::Inserted(1..)) {
        return Ok(());
    }
    let first = connection::select::<idempotency::Entity>().filter(place).one(tx).await?;
    let first = first.ok_or(Error::Unavailable("the first request with this idempotency key is still running"))?;
    if first.body_hash != key.body_hash {
        return Err(Error::IdempotencyKeyReused);
    }
    Err(Error::Replayed(first.kept))
}
