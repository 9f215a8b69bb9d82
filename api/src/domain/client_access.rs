//! How a client comes to read their own data. Whoever supports them invites them by mail; the code of the invitation is exchanged once
//! for a token that ends soon and a refresh token that is exchanged for its successor (RFC 6749 §6). All of it ends at once when it is
//! revoked, and with a merge or an erasure: whose data a record holds is not the same before and after.

use std::collections::HashSet;

use chrono::TimeDelta;
use data_encoding::HEXLOWER;
use entity::{
    ClientId, OrganizationId, client, client_access, organization, staff_member,
    vocabulary::{EventKind, MessageKind},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ExprTrait,
    sea_query::{Expr, Func},
};
use uuid::Uuid;

use super::{
    client::identity_of,
    client_merge::{standing, with_merged},
    message::{self, Words, takes_mail},
    private_calendar,
};
use crate::{
    access::{
        Access,
        secret::{self, Purpose, Secrets},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Part, Store, Tx, Visible, unique},
};

/// For how long a code can be exchanged.
const CODE_GOOD_FOR: TimeDelta = TimeDelta::hours(72);
/// How many invitations of one client are sent within [`A_DAY`].
const MOST_A_DAY: usize = 5;
const A_DAY: TimeDelta = TimeDelta::hours(24);
/// For how long a refresh token is good that nobody uses.
const IDLE_FOR: TimeDelta = TimeDelta::days(90);
/// For how long after an exchange whoever comes again may be the same person: the answer may have been lost on the way.
const LOST_WITHIN: TimeDelta = TimeDelta::minutes(1);

const WHY: &str = "a client's own access";

impl Part for client_access::Entity {}

/// What an invitation is made with.
#[derive(Clone, Debug)]
pub struct Inviting {
    /// Hash its code.
    pub secrets: Secrets,
    /// Where the page is that exchanges it, to which the code is added as a fragment: that is sent to no server and enters no log.
    pub page: String,
    /// Whether this server sends mail.
    pub sends_mail: bool,
}

/// What a client was given for a code or a refresh token. Has no `Debug`: it holds a secret.
pub struct Given {
    /// Who they are.
    pub client: ClientId,
    /// Of which organization.
    pub organization: OrganizationId,
    /// The refresh token that is good from now on.
    pub refresh_token: String,
}

/// Invites a client to read their own data, by a link in a mail to one of their contact methods that they called safe. It is in place of
/// an invitation that was not used yet; an access that they have already stays until the link is used.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `NOT_FOUND` for a contact method that is none of theirs, `INVALID` for one that is
/// no e-mail address, not safe or of staff, `TOO_MANY` after five invitations in a day, `NOT_PERMITTED` where the server sends no mail.
pub async fn invite(store: &Store, access: &Access, with: &Inviting, id: ClientId, method: &str) -> Result<Visible<client::Entity>> {
    let mut tx = store.begin(access).await?;
    let client = standing(&tx, id, Action::Invite).await?;
    if !with.sends_mail {
        let sentence = "This server sends no mail: whoever runs it sets AFTERCARE_MAIL__URL first.";
        return Err(Refusal::new(Code::NotPermitted, sentence).into());
    }
    let address = safe_address(&tx, &client, method).await?;
    let now = access.now;
    let lately = of([client.id]).add(client_access::Column::InvitedAt.gt(now - A_DAY));
    if tx.parts::<client_access::Entity>(lately).await?.len() >= MOST_A_DAY {
        let sentence = format!("A person is invited at most {MOST_A_DAY} times in a day: wait until tomorrow.");
        return Err(Refusal::new(Code::TooMany, sentence).at(["clientId"]).into());
    }
    take_back(&tx, client.id).await?;
    let code = secret::generate();
    let row = client_access::ActiveModel {
        id: Set(Uuid::new_v4()),
        organization_id: Set(client.organization_id),
        client_id: Set(client.id),
        invited_by: Set(tx.actor()),
        invited_at: Set(now),
        code_expires_at: Set(now + CODE_GOOD_FOR),
        code_hash: Set(Some(with.secrets.of(Purpose::Invitation).hash(&code).to_vec())),
        used_code_hash: Set(None),
        accepted_at: Set(None),
        refresh_hash: Set(None),
        previous_refresh_hash: Set(None),
        refreshed_at: Set(None),
        ended_at: Set(None),
    };
    // Somebody invites them at the same moment, and was first.
    let first = |error| unique(error, || Refusal::stale(None).at(["clientId"]));
    tx.insert_parts::<client_access::Entity, _>(vec![row]).await.map_err(first)?;
    let words = Words::ClientAccessInvitation { link: format!("{}#{}", with.page, *code) };
    message::queue(&tx, &client, None, &address, &words).await?;
    record(&mut tx, &client, "invitation");
    tx.commit(client).await
}

/// The address of a contact method to which mail may be sent. When matters not: mail lies until it is read.
async fn safe_address(tx: &Tx, client: &Visible<client::Entity>, method: &str) -> Result<String> {
    let refused = |code, sentence: &str| Refusal::new(code, sentence).at(["contactMethodId"]);
    let identity = identity_of(tx, client).await?;
    let Some(found) = identity.contact_methods.iter().find(|known| known.id == method) else {
        return Err(refused(Code::NotFound, "They have no contact method with this id: see `identity { contactMethods { id } }`.").into());
    };
    if !takes_mail(found) {
        let sentence = "An invitation goes to an e-mail address that the person called safe: choose one, or ask them for one.";
        return Err(refused(Code::Invalid, sentence).into());
    }
    // Nobody who works here reads a record in the client's name.
    if is_of_staff(tx, client.organization_id, &found.value).await? {
        let sentence = "This is the address of somebody who works here: an invitation goes to an address of the client's own.";
        return Err(refused(Code::Invalid, sentence).into());
    }
    Ok(found.value.clone())
}

/// Whether an address is that of somebody of the organization's staff, however it is written.
async fn is_of_staff(tx: &Tx, organization: OrganizationId, address: &str) -> Result<bool> {
    let same = Expr::expr(Func::lower(Expr::col(staff_member::Column::Email))).eq(address.to_lowercase());
    let of = Condition::all().add(staff_member::Column::OrganizationId.eq(organization)).add(same);
    Ok(tx.how_many::<staff_member::Entity>(of, WHY).await? > 0)
}

/// Ends a client's invitation and access at once: no token of theirs is good any more.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `IMMUTABLE` when there is none.
pub async fn revoke(store: &Store, access: &Access, id: ClientId) -> Result<Visible<client::Entity>> {
    let mut tx = store.begin(access).await?;
    let client = standing(&tx, id, Action::EndAccess).await?;
    if !end(&mut tx, &client).await? {
        let sentence = "They have neither an invitation nor access: there is nothing to end.";
        return Err(Refusal::new(Code::Immutable, sentence).at(["clientId"]).into());
    }
    tx.commit(client).await
}

/// Ends an invitation that was not used yet within a larger command: an address to which it may have gone is theirs no more, or not safe.
pub(super) async fn uninvite(tx: &mut Tx, client: &client::Model) -> Result<()> {
    if take_back(tx, client.id).await? {
        record(tx, client, "invitation");
    }
    Ok(())
}

/// Takes back an invitation that was not used yet, and its mail where that was not sent yet. Whether there was one.
async fn take_back(tx: &Tx, client: ClientId) -> Result<bool> {
    message::take_back(tx, client, MessageKind::ClientAccessInvitation).await?;
    over(tx, of([client]).add(client_access::Column::AcceptedAt.is_null())).await
}

/// Ends a record's invitation and access within a larger command. Whether there was any.
pub(super) async fn end(tx: &mut Tx, client: &client::Model) -> Result<bool> {
    message::take_back(tx, client.id, MessageKind::ClientAccessInvitation).await?;
    let ended = over(tx, of([client.id])).await?;
    private_calendar::end(tx, client.id).await?;
    if ended {
        record(tx, client, "access");
    }
    Ok(ended)
}

/// Takes away all that there was for people who are being erased.
pub(super) async fn forget(tx: &Tx, clients: &[ClientId]) -> Result<()> {
    for client in clients {
        private_calendar::end(tx, *client).await?;
    }
    tx.delete_parts::<client_access::Entity>(of(clients.iter().copied())).await
}

fn of(clients: impl IntoIterator<Item = ClientId>) -> Condition {
    Condition::all().add(client_access::Column::ClientId.is_in(clients))
}

/// Ends those of these that are not over yet. Whether there were any.
async fn over(tx: &Tx, which: Condition) -> Result<bool> {
    let over = client_access::ActiveModel::over(tx.access().now);
    Ok(tx.update_parts::<client_access::Entity, _>(over, which.add(client_access::Column::EndedAt.is_null())).await? > 0)
}

/// Whether a client's access holds: it is not over, and was used within 90 days.
pub(super) async fn lasts(store: &Store, client: ClientId, now: Instant) -> Result<bool> {
    Ok(!store.parts::<client_access::Entity>(&Access::system(WHY, now), lasting([client], now)).await?.is_empty())
}

/// Those of these clients whose access holds.
pub(super) async fn reading(tx: &Tx, clients: Vec<ClientId>) -> Result<HashSet<ClientId>> {
    if clients.is_empty() {
        return Ok(HashSet::new());
    }
    let theirs = tx.parts::<client_access::Entity>(lasting(clients, tx.access().now)).await?;
    Ok(theirs.into_iter().map(|access| access.client_id).collect())
}

fn lasting(clients: impl IntoIterator<Item = ClientId>, now: Instant) -> Condition {
    of(clients).add(client_access::Column::EndedAt.is_null()).add(client_access::Column::RefreshedAt.gt(now - IDLE_FOR))
}

fn record(tx: &mut Tx, client: &client::Model, what: &'static str) {
    let event = Event::new(EventKind::ClientAccessChanged, client.organization_id, client.id, client.version);
    tx.record(event.of_client(client.id).changed([what]));
}

/// Exchanges the code of an invitation, which is used up by it. The access that comes of it is in place of the one before. Nothing when
/// the code is none that is good now, whatever is wrong with it; one that was exchanged before has come into two hands, and the access
/// that came of it ends (RFC 6749 §4.1.2).
///
/// # Errors
/// `Database` when it cannot be asked or written.
pub async fn accept(store: &Store, secrets: &Secrets, request_id: &str, code: &str) -> Result<Option<Given>> {
    let now = store.clock().now();
    let system = Access::system(WHY, now);
    let hash = secrets.of(Purpose::Invitation).hash(code).to_vec();
    let good = Condition::all().add(client_access::Column::CodeHash.eq(hash.clone())).add(client_access::Column::CodeExpiresAt.gt(now));
    let Some(invitation) = store.parts::<client_access::Entity>(&system, good.clone()).await?.pop() else {
        // Within a moment it may be the same person once more, whose answer was lost.
        let before = client_access::Column::AcceptedAt.lte(now - LOST_WITHIN);
        let used = Condition::all().add(client_access::Column::UsedCodeHash.eq(hash)).add(before);
        if let Some(access) = store.parts::<client_access::Entity>(&system, used).await?.pop() {
            end_one(store, &access, "the code of an invitation was used twice").await?;
        }
        return Ok(None);
    };
    let Some(oneself) = oneself(store, invitation.client_id, request_id, now).await? else { return Ok(None) };
    let mut tx = store.begin(&oneself).await?;
    tx.hold::<client::Entity>(invitation.client_id).await?;
    let client = tx.fetch_for::<client::Entity>(invitation.client_id, Action::Read).await?;
    if client.merged_into_id.is_some() || client.erased_at.is_some() {
        return Ok(None);
    }
    over(&tx, of([client.id]).add(client_access::Column::AcceptedAt.is_not_null())).await?;
    private_calendar::end(&tx, client.id).await?;
    let (token, refresh_hash) = new_token(secrets, invitation.id);
    let accepted = client_access::ActiveModel {
        code_hash: Set(None),
        used_code_hash: Set(Some(hash)),
        accepted_at: Set(Some(now)),
        refresh_hash: Set(Some(refresh_hash)),
        refreshed_at: Set(Some(now)),
        ..Default::default()
    };
    let unused = good.add(client_access::Column::Id.eq(invitation.id)).add(client_access::Column::EndedAt.is_null());
    // Of two at once one finds the code.
    if tx.update_parts::<client_access::Entity, _>(accepted, unused).await? == 0 {
        return Ok(None);
    }
    record(&mut tx, &client, "access");
    let client = tx.commit(client).await?;
    Ok(Some(Given { client: client.id, organization: client.organization_id, refresh_token: token }))
}

/// The client as somebody who acts for themselves; nothing when their record or their organization is over.
async fn oneself(store: &Store, id: ClientId, request_id: &str, now: Instant) -> Result<Option<Access>> {
    let tx = store.begin(&Access::system(WHY, now)).await?;
    let client = tx.known::<client::Entity>(id, WHY).await?;
    let stands = client.filter(|client| client.merged_into_id.is_none() && client.erased_at.is_none());
    let Some(client) = stands else { return Ok(None) };
    let (oneself, home) = acting(&tx, client, Access::anonymous(request_id, now)).await?;
    Ok(home.active.then_some(oneself))
}

/// A client as the reader of their own data, of all the records that are theirs, and the organization that holds them.
pub(super) async fn acting(tx: &Tx, client: Visible<client::Entity>, caller: Access) -> Result<(Access, Visible<organization::Entity>)> {
    let home = tx.known::<organization::Entity>(client.organization_id, WHY).await?.ok_or(Error::NotFound)?;
    let records = with_merged(tx, client).await?.iter().map(|record| record.id).collect();
    Ok((Access::oneself(home.id, home.kind, records, caller), home))
}

/// A new refresh token of an access, and what is kept of it.
fn new_token(secrets: &Secrets, id: Uuid) -> (String, Vec<u8>) {
    let secret = secret::generate();
    let hash = secrets.of(Purpose::Refresh).hash(&secret).to_vec();
    (format!("{}.{}", HEXLOWER.encode(id.as_bytes()), *secret), hash)
}

/// The access that a refresh token is of, while it is not over, and the hash of the token's secret.
async fn access_of(store: &Store, secrets: &Secrets, token: &str) -> Result<Option<(client_access::Model, Vec<u8>)>> {
    let Some((id, secret)) = token.split_once('.') else { return Ok(None) };
    let id = HEXLOWER.decode(id.as_bytes()).ok().and_then(|bytes| Uuid::from_slice(&bytes).ok());
    let Some(id) = id else { return Ok(None) };
    let live = Condition::all().add(client_access::Column::Id.eq(id)).add(client_access::Column::RefreshHash.is_not_null());
    let system = Access::system(WHY, store.clock().now());
    let found = store.parts::<client_access::Entity>(&system, live.add(client_access::Column::EndedAt.is_null())).await?.pop();
    Ok(found.map(|row| (row, secrets.of(Purpose::Refresh).hash(secret).to_vec())))
}

/// Exchanges a refresh token for its successor. Nothing when it is not good, after 90 days without use for one. One that was exchanged
/// before has come into two hands: whose they are nobody knows, and the access ends (RFC 9700 §4.14.2). Within a minute its successor may
/// have been lost on the way: then it is given another, and the lost one is what was exchanged before.
///
/// # Errors
/// `Database` when it cannot be asked or written.
pub async fn refresh(store: &Store, secrets: &Secrets, token: &str) -> Result<Option<Given>> {
    let Some((row, shown)) = access_of(store, secrets, token).await? else { return Ok(None) };
    let now = store.clock().now();
    if row.refreshed_at.is_none_or(|at| at + IDLE_FOR <= now)
        || store.client_caller(row.client_id, row.organization_id, "", now).await?.is_none()
    {
        return Ok(None);
    }
    let lost = row.refreshed_at.is_some_and(|at| now < at + LOST_WITHIN) && row.previous_refresh_hash.as_ref() == Some(&shown);
    let Some(good) = row.refresh_hash.as_ref().filter(|good| lost || **good == shown) else {
        end_one(store, &row, "a refresh token was used twice").await?;
        return Ok(None);
    };
    let (token, next) = new_token(secrets, row.id);
    // Of two at once one is given the next; the other may come again.
    let rotated = store.rotate_refresh(row.id, good, &next).await?;
    Ok(rotated.then_some(Given { client: row.client_id, organization: row.organization_id, refresh_token: token }))
}

/// Ends the access that a refresh token is of, when it is the one that is good now (RFC 7009). Whoever has it may.
///
/// # Errors
/// `Database` when it cannot be asked or written.
pub async fn give_back(store: &Store, secrets: &Secrets, token: &str) -> Result<()> {
    match access_of(store, secrets, token).await? {
        Some((row, shown)) if row.refresh_hash.as_ref() == Some(&shown) => end_one(store, &row, "a refresh token was given back").await,
        _ => Ok(()),
    }
}

async fn end_one(store: &Store, row: &client_access::Model, why: &'static str) -> Result<()> {
    let mut tx = store.begin(&Access::system(why, store.clock().now())).await?;
    let Some(client) = tx.known::<client::Entity>(row.client_id, WHY).await? else { return Ok(()) };
    if over(&tx, Condition::all().add(client_access::Column::Id.eq(row.id))).await? {
        private_calendar::end(&tx, client.id).await?;
        record(&mut tx, &client, "access");
        tx.commit(client).await?;
    }
    Ok(())
}
