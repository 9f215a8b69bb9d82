//! All that an organization holds about a client, written down for them (domain 3.4, rule 9). They ask for it themselves, or the privacy
//! officer on their behalf; the loop of timers has it rendered for the client as its reader, and keeps it sealed under their key for a week.

use async_trait::async_trait;
use aws_lc_rs::digest;
use chrono::TimeDelta;
use data_encoding::HEXLOWER;
use entity::{
    BulkOperationId, ClientId, TypedId, bulk_error, bulk_operation, bulk_part, class, client,
    vocabulary::{BulkFormat, BulkKind, BulkStatus, EventKind, TimerKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, SqlErr};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{client_access, client_merge::standing, disclosure::NOTICE};
use crate::{
    access::Access,
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Store, Tx, Visible},
};

/// How long a result is kept.
const KEPT_FOR: TimeDelta = TimeDelta::days(7);
/// After how long work that was begun and not brought to its end is begun again: whoever began it was killed.
const BEGUN_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(10);
/// How long work that failed waits, for each time that it was begun.
const AGAIN: TimeDelta = TimeDelta::seconds(30);
/// How often it is begun at the most.
const MOST_ATTEMPTS: i32 = 5;
/// The form of the file; a later one tells its own.
const FORMAT: u32 = 1;
/// How many bytes a piece of the file has at the least, but for the last: a piece holds whole lines.
const PIECE: usize = 256 * 1024;

/// How often it is written down for one client within a day: a file is large, and kept for a week.
const MOST_A_DAY: usize = 5;

const WHY: &str = "a client's data export";

const GOING_ON: [BulkStatus; 2] = [BulkStatus::Queued, BulkStatus::Running];

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Object {
    /// What it is, as the schema calls it.
    pub kind: &'static str,
    /// It, as the client reads it.
    pub data: serde_json::Value,
}

/// What renders a client's data for themselves. This module knows no GraphQL: the application gives it what does.
#[async_trait]
pub trait Renders: Send + Sync {
    /// What is asked, each with the kind of what it answers.
    fn documents(&self) -> Vec<(&'static str, &'static str)>;

    /// Everything that this client reads of themselves, in an order that does not change.
    ///
    /// # Errors
    /// When one document is not answered whole: then there is no file.
    async fn own_data(&self, oneself: &Access) -> Result<Vec<Object>>;
}

/// Asks for all that the caller's organization holds about a client. While it is being written down, asking again answers the same
/// operation. Of a merged record it is that of the one that stands, with all that were merged into it.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `REQUIRED` without a client, unless one asks who means themselves, with
/// `IMMUTABLE` for a person who was erased, with `TOO_MANY` after five in a day.
pub async fn request(store: &Store, access: &Access, client: Option<ClientId>) -> Result<Visible<bulk_operation::Entity>> {
    let id = access.meant(client).ok_or_else(|| Refusal::required("clientId").at(["clientId"]))?;
    match Box::pin(ask(store, access, id)).await {
        // Somebody asked at the same moment and was first: theirs is the one that goes on.
        Err(Error::Database(broken)) if matches!(broken.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Box::pin(ask(store, access, id)).await
        }
        other => other,
    }
}

async fn ask(store: &Store, access: &Access, id: ClientId) -> Result<Visible<bulk_operation::Entity>> {
    let mut tx = store.begin(access).await?;
    let client = standing(&tx, id, Action::Export).await?;
    let going_on = Condition::all()
        .add(bulk_operation::Column::ClientId.eq(client.id))
        .add(bulk_operation::Column::Kind.eq(BulkKind::ClientDataExport))
        .add(bulk_operation::Column::Status.is_in(GOING_ON));
    let operation = match tx.look::<bulk_operation::Entity>(access, going_on).await?.pop() {
        Some(operation) => operation,
        None => {
            let lately = Condition::all()
                .add(bulk_operation::Column::ClientId.eq(client.id))
                .add(bulk_operation::Column::CreatedAt.gt(access.now - TimeDelta::days(1)));
            if tx.how_many::<bulk_operation::Entity>(lately, WHY).await? >= MOST_A_DAY {
                let sentence = format!("It is written down at most {MOST_A_DAY} times in a day: each result can be downloaded for a week.");
                return Err(Refusal::new(Code::TooMany, sentence).at(["clientId"]).into());
            }
            queue(&tx, &client).await?
        }
    };
    // Whoever asks again is in the log as well: the person did ask.
    record(&mut tx, EventKind::BulkStarted, &operation, operation.version, "status");
    tx.commit(operation).await
}

async fn queue(tx: &Tx, client: &Visible<client::Entity>) -> Result<Visible<bulk_operation::Entity>> {
    let (id, now) = (BulkOperationId::new(), tx.access().now);
    let row = bulk_operation::ActiveModel {
        id: Set(id),
        organization_id: Set(client.organization_id),
        kind: Set(BulkKind::ClientDataExport),
        client_id: Set(Some(client.id)),
        status: Set(BulkStatus::Queued),
        format: Set(BulkFormat::Ndjson),
        dry_run: Set(false),
        processed: Set(0),
        total: Set(None),
        error_count: Set(0),
        attempts: Set(0),
        sha256: Set(None),
        requested_by: Set(tx.actor()),
        expires_at: Set(None),
        created_at: Set(now),
        finished_at: Set(None),
        version: Set(1),
    };
    tx.arm(TimerKind::BulkRun, id, now).await?;
    tx.insert(row).await
}

fn record(tx: &mut Tx, kind: EventKind, operation: &bulk_operation::Model, version: i32, changed: &'static str) {
    let event = Event::new(kind, operation.organization_id, operation.id, version).changed([changed]);
    tx.record(match operation.client_id {
        Some(client) => event.of_client(client),
        None => event,
    });
}

/// Changes an operation as it was seen, and says so. Nothing when it changed meanwhile, or is gone with whom it was about.
async fn moved(
    tx: &mut Tx,
    operation: &Visible<bulk_operation::Entity>,
    kind: EventKind,
    what: &'static str,
    change: bulk_operation::ActiveModel,
) -> Result<Option<Visible<bulk_operation::Entity>>> {
    let version = operation.version + 1;
    let change = bulk_operation::ActiveModel { version: Set(version), ..change };
    let moved = tx.update_if(operation, change, bulk_operation::Column::Version.eq(operation.version)).await?;
    if moved.is_some() {
        record(tx, kind, operation, version, what);
    }
    Ok(moved)
}

/// Begins what was asked for, in the transaction of its timer, or gives it up after too many attempts. It is begun again should nobody
/// bring it to its end. Nothing when there is nothing to begin.
pub(super) async fn begin(tx: &mut Tx, id: BulkOperationId) -> Result<Option<Visible<bulk_operation::Entity>>> {
    let operation = tx.known::<bulk_operation::Entity>(id, WHY).await?.filter(|row| GOING_ON.contains(&row.status));
    let Some(operation) = operation else { return Ok(None) };
    let now = tx.access().now;
    if operation.attempts >= MOST_ATTEMPTS {
        return moved(tx, &operation, EventKind::BulkFinished, "status", failed(now)).await;
    }
    tx.arm(TimerKind::BulkRun, id, now + BEGUN_AGAIN_AFTER).await?;
    let running =
        bulk_operation::ActiveModel { status: Set(BulkStatus::Running), attempts: Set(operation.attempts + 1), ..Default::default() };
    moved(tx, &operation, EventKind::BulkStarted, "status", running).await
}

fn failed(at: Instant) -> bulk_operation::ActiveModel {
    bulk_operation::ActiveModel { status: Set(BulkStatus::Failed), finished_at: Set(Some(at)), ..Default::default() }
}

/// Brings to its end what was begun. What fails is logged, and begun again later.
///
/// # Errors
/// `Database` when not even that can be written.
pub(super) async fn run(store: &Store, renders: &dyn Renders, begun: &Visible<bulk_operation::Entity>) -> Result<()> {
    let Err(error) = Box::pin(write_down(store, renders, begun)).await else { return Ok(()) };
    tracing::error!(cause = %error, bulk_operation.id = %begun.id, "a client's data could not be written down: trying again");
    let system = Access::system(WHY, store.clock().now());
    let mut tx = store.begin(&system).await?;
    let last = begun.attempts >= MOST_ATTEMPTS;
    let (kind, change) = match last {
        true => (EventKind::BulkFinished, failed(system.now)),
        false => (EventKind::BulkStarted, bulk_operation::ActiveModel { status: Set(BulkStatus::Queued), ..Default::default() }),
    };
    let Some(operation) = moved(&mut tx, begun, kind, "status", change).await? else { return Ok(()) };
    if last {
        tx.disarm(TimerKind::BulkRun, [operation.id.into()]).await?;
    } else {
        tx.arm(TimerKind::BulkRun, operation.id, system.now + AGAIN * begun.attempts).await?;
    }
    tx.commit(operation).await.map(drop)
}

/// Renders, and keeps the file. Nothing is written meanwhile: a command could not write beside it.
async fn write_down(store: &Store, renders: &dyn Renders, begun: &Visible<bulk_operation::Entity>) -> Result<()> {
    let client = begun.client_id.ok_or_else(|| Error::internal("an export is about nobody"))?;
    let (oneself, home) = reader(store, client, begun.id).await?;
    let objects = renders.own_data(&oneself).await?;
    let (pieces, sha256) = file(&header(renders, &oneself, &home), &objects)?;
    let count = i32::try_from(objects.len()).unwrap_or(i32::MAX);

    let system = Access::system(WHY, store.clock().now());
    let mut tx = store.begin(&system).await?;
    // An erasure waits for this, or has taken the operation away already.
    tx.hold::<client::Entity>(client).await?;
    let until = system.now + KEPT_FOR;
    let change = bulk_operation::ActiveModel {
        status: Set(BulkStatus::Done),
        processed: Set(count),
        total: Set(Some(count)),
        sha256: Set(Some(sha256)),
        expires_at: Set(Some(until)),
        finished_at: Set(Some(system.now)),
        ..Default::default()
    };
    let Some(done) = moved(&mut tx, begun, EventKind::BulkFinished, "resultUrl", change).await? else { return Ok(()) };
    let key = tx.key_of(client).await?;
    for (number, piece) in (0..).zip(&pieces) {
        let id = Uuid::new_v4();
        let part = bulk_part::ActiveModel {
            id: Set(id),
            operation_id: Set(done.id),
            number: Set(number),
            content: Set(key.seal::<bulk_part::Entity, _, _>(id, bulk_part::Column::Content, piece)?),
        };
        tx.insert_parts::<bulk_part::Entity, _>(vec![part]).await?;
    }
    tx.disarm(TimerKind::BulkRun, [done.id.into()]).await?;
    tx.arm(TimerKind::BulkExpiry, done.id, until).await?;
    tx.commit(done).await.map(drop)
}

/// The client as the reader of their own data, with the name of the organization that holds it.
async fn reader(store: &Store, client: ClientId, id: BulkOperationId) -> Result<(Access, String)> {
    let now = store.clock().now();
    let tx = store.begin(&Access::system(WHY, now)).await?;
    let stands = standing(&tx, client, Action::Read).await?;
    // The request of all readings in the audit is the operation.
    let (oneself, home) = client_access::acting(&tx, stands, Access::anonymous(id.to_string(), now)).await?;
    Ok((oneself, home.name.clone()))
}

/// The first line: what the file is, and what a reader must know (42 CFR 2.32).
fn header(renders: &dyn Renders, oneself: &Access, home: &str) -> serde_json::Value {
    let documents: Vec<_> = renders.documents().into_iter().map(|(kind, query)| json!({ "kind": kind, "query": query })).collect();
    json!({
        "kind": "Header",
        "data": {
            "formatVersion": FORMAT,
            "generatedAt": oneself.now,
            "organization": home,
            "part2Notice": NOTICE,
            "scope": format!(
                "For the person whom it is about, at their own request (42 CFR 2.23): all that {home} holds about them and that they may \
                 read. It rests on no consent, and whom they show it to is theirs to decide."
            ),
            "leftOut": [
                "Notes of contacts that were not shared with the person.",
                "How a referral goes with another organization, unless a consent lets it tell this one.",
                "Names of staff: the organization's stands for them.",
            ],
            "documents": documents,
        },
    })
}

/// The file in pieces of whole lines, and its SHA-256.
fn file(header: &serde_json::Value, objects: &[Object]) -> Result<(Vec<String>, String)> {
    let mut sum = digest::Context::new(&digest::SHA256);
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    let lines = std::iter::once(serde_json::to_string(header)).chain(objects.iter().map(serde_json::to_string));
    for line in lines {
        piece.push_str(&line.map_err(|_| Error::internal("a line of an export has no JSON form"))?);
        piece.push('\n');
        if piece.len() >= PIECE {
            sum.update(piece.as_bytes());
            pieces.push(std::mem::take(&mut piece));
        }
    }
    sum.update(piece.as_bytes());
    pieces.push(piece);
    Ok((pieces, HEXLOWER.encode(sum.finish().as_ref())))
}

/// Removes a result whose time is over, in the transaction of its timer. Nothing when there is none.
pub(super) async fn remove(tx: &mut Tx, id: BulkOperationId) -> Result<Option<Visible<bulk_operation::Entity>>> {
    let done = tx.known::<bulk_operation::Entity>(id, WHY).await?.filter(|row| row.status == BulkStatus::Done);
    let Some(done) = done else { return Ok(None) };
    tx.delete_parts::<bulk_part::Entity>(bulk_part::Column::OperationId.eq(id)).await?;
    moved(tx, &done, EventKind::BulkFinished, "resultUrl", bulk_operation::ActiveModel::default()).await
}

/// Takes away whatever was asked for and written down about these clients: they are being erased, or turned out to be two people.
pub(super) async fn forget(tx: &Tx, clients: &[ClientId]) -> Result<()> {
    let of = || Condition::all().add(bulk_operation::Column::ClientId.is_in(clients.iter().copied()));
    let ids: Vec<_> = tx.every::<bulk_operation::Entity>(of(), WHY).await?.iter().map(|row| row.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    tx.delete_parts::<bulk_part::Entity>(bulk_part::Column::OperationId.is_in(ids.iter().copied())).await?;
    tx.delete_each::<bulk_error::Entity>(bulk_error::Column::OperationId.is_in(ids.iter().copied())).await?;
    tx.delete_each::<bulk_operation::Entity>(of()).await?;
    for kind in [TimerKind::BulkRun, TimerKind::BulkExpiry] {
        tx.disarm(kind, ids.iter().copied().map(Uuid::from)).await?;
    }
    Ok(())
}

/// What there is to download.
pub enum Download {
    /// There was a file, and its time is over.
    Gone,
    /// It.
    File(String),
}

/// The result of an operation, for whoever sees the operation; nothing where there is none for them. The caller has the reading written
/// to the audit before it leaves.
///
/// # Errors
/// `Internal` when the file is not what was written.
pub async fn download(store: &Store, access: &Access, id: BulkOperationId) -> Result<Option<Download>> {
    let Some(operation) = store.fetch::<bulk_operation::Entity>(access, id).await? else { return Ok(None) };
    let Some((sha256, until)) = operation.sha256.as_ref().zip(operation.expires_at) else { return Ok(None) };
    let mut parts = store.parts_of::<bulk_operation::Entity, bulk_part::Entity>(access, &[id]).await?.remove(&id).unwrap_or_default();
    if until <= access.now || parts.is_empty() {
        return Ok(Some(Download::Gone));
    }
    parts.sort_by_key(|part| part.number);
    let opened = operation.open::<class::Identity>().ok_or(Error::NotPermitted)?;
    let others = [
        operation.open::<class::ReferralClinical>().is_some(),
        operation.open::<class::ReferralStatus>().is_some(),
        operation.open::<class::ContactsAndNotes>().is_some(),
    ];
    if others.contains(&false) {
        return Err(Error::NotPermitted);
    }
    let mut file = String::new();
    for part in &parts {
        let piece =
            store.unseal_part::<_, bulk_part::Entity, _, String>(&opened, (part, part.id), bulk_part::Column::Content, &part.content);
        match piece.await {
            Ok(piece) => file.push_str(&piece),
            // The person was erased meanwhile, and the operation with them.
            Err(Error::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let sum = HEXLOWER.encode(digest::digest(&digest::SHA256, file.as_bytes()).as_ref());
    if sum != *sha256 {
        return Err(Error::internal("an export is not what was written"));
    }
    Ok(Some(Download::File(file)))
}
