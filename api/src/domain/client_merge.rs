//! Two records of one person become one, and the undo of it (domain 2.8). It concerns one organization, and the other side of a
//! referral hears nothing of it.

use chrono::TimeDelta;
use entity::{
    ClientId, client, client_search,
    vocabulary::{EventKind, TimerKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::{
    client::{found_by, identity_of, words_of},
    client_access, client_erase, contact, data_export, duplicate,
};
use crate::{
    access::Access,
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Store, Tx, Visible},
};

/// For how long a merge can be undone (domain 2.8).
const UNDONE_WITHIN: TimeDelta = TimeDelta::days(30);
/// After how long a merge moves once more what names the merged record: a command that read it before may write after.
const ONCE_MORE: TimeDelta = TimeDelta::minutes(2);
/// How many merges lie above one another at the most.
const MOST: usize = 20;

const WHY: &str = "the record that stands for a person";

/// The record that stands for a person, to write about them: the one that a merged record was merged into, for whoever sees that one. An
/// erasure waits for what is written then.
pub(super) async fn standing(tx: &Tx, mut id: ClientId, action: Action) -> Result<Visible<client::Entity>> {
    let found = loop {
        match action {
            // What writes the person's row.
            Action::Count => tx.hold_alone::<client::Entity>(id).await?,
            _ => tx.hold::<client::Entity>(id).await?,
        }
        let found = tx.fetch_for::<client::Entity>(id, action).await;
        let merged = match &found {
            Ok(row) => row.merged_into_id,
            Err(Error::NotFound) => tx.known::<client::Entity>(id, WHY).await?.and_then(|row| row.merged_into_id),
            Err(_) => None,
        };
        match merged {
            Some(into) => id = into,
            None => break found?,
        }
    };
    match client_erase::refusal(&found) {
        Some(erased) => Err(erased.into()),
        None => Ok(found),
    }
}

/// Likewise for a reader; nothing when there is none for them.
///
/// # Errors
/// `Database` when it cannot be asked.
pub async fn find_standing(store: &Store, access: &Access, mut id: ClientId) -> Result<Option<Visible<client::Entity>>> {
    let system = Access::system(WHY, access.now);
    let mut found = None;
    loop {
        let row = store.fetch::<client::Entity>(access, id).await?;
        let merged = match &row {
            Some(row) => row.merged_into_id,
            None => store.fetch::<client::Entity>(&system, id).await?.and_then(|row| row.merged_into_id),
        };
        // Who sees the merged record only, because of an emergency, goes on seeing it.
        found = row.or(found);
        match merged {
            Some(into) => id = into,
            None => return Ok(found),
        }
    }
}

/// A record with all that were merged into it, and into those.
pub(super) async fn with_merged(tx: &Tx, client: Visible<client::Entity>) -> Result<Vec<Visible<client::Entity>>> {
    let (mut all, mut below) = (vec![client], 0);
    while below < all.len() {
        let of = client::Column::MergedIntoId.is_in(all[below..].iter().map(|row| row.id));
        below = all.len();
        all.extend(tx.every::<client::Entity>(Condition::all().add(of), WHY).await?);
    }
    Ok(all)
}

/// Merges one record of a person into another: whatever names the one names the other from now on, and is found there. For 30 days it
/// can be undone. Whoever read their own data as one of the two is invited anew: should they be two people, neither reads the other's.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `INVALID` for one and the same record, `IMMUTABLE` for one that was merged
/// already, `ALREADY_EXISTS` when both have what a person has once, `STALE` when one changed meanwhile.
pub async fn merge(store: &Store, access: &Access, keep: ClientId, merge: ClientId) -> Result<Visible<client::Entity>> {
    let mut tx = store.begin(access).await?;
    let kept = tx.fetch_for::<client::Entity>(keep, Action::Merge).await?;
    let merged = tx.fetch_for::<client::Entity>(merge, Action::Merge).await?;
    if kept.id == merged.id {
        return Err(Refusal::invalid("`keepId` and `mergeId` are two records.").at(["mergeId"]).into());
    }
    for (row, field) in [(&kept, "keepId"), (&merged, "mergeId")] {
        if row.merged_into_id.is_some() {
            let sentence = format!("The record of `{field}` was merged into another: name that one, its `mergedInto`.");
            return Err(Refusal::new(Code::Immutable, sentence).at([field]).into());
        }
    }
    let change = client::ActiveModel {
        merged_into_id: Set(Some(kept.id)),
        merged_at: Set(Some(access.now)),
        updated_at: Set(access.now),
        version: Set(merged.version + 1),
        ..Default::default()
    };
    changed(&tx, &merged, change).await?;
    let change = client::ActiveModel { updated_at: Set(access.now), version: Set(kept.version + 1), ..Default::default() };
    changed(&tx, &kept, change).await?;
    tx.give(merged.id, kept.id).await?;
    contact::watch_again(&mut tx, &[merged.id, kept.id]).await?;
    duplicate::merged(&mut tx, kept.id, merged.id).await?;
    for row in [&merged, &kept] {
        client_access::end(&mut tx, row).await?;
    }
    tx.arm(TimerKind::ClientMerge, merged.id, access.now + ONCE_MORE).await?;
    for row in [&merged, &kept] {
        tx.record(Event::new(EventKind::ClientMerged, row.organization_id, row.id, row.version + 1).of_client(row.id));
    }
    let kept = tx.fetch_for::<client::Entity>(kept.id, Action::Read).await?;
    tx.commit(kept).await
}

/// A record changes only as it was seen, and never two merges at once.
async fn changed(tx: &Tx, row: &Visible<client::Entity>, change: client::ActiveModel) -> Result<()> {
    if tx.write_if(row, change, client::Column::Version.eq(row.version)).await? { Ok(()) } else { Err(Refusal::stale(None).into()) }
}

/// Moves once more what names a merged record, shortly after the merge. Gives the record that stands; nothing when it was undone.
pub(super) async fn settle(tx: &mut Tx, merged: ClientId) -> Result<Option<Visible<client::Entity>>> {
    let Some(row) = tx.known::<client::Entity>(merged, "a merge").await? else { return Ok(None) };
    let Some(kept) = row.merged_into_id else { return Ok(None) };
    tx.give(merged, kept).await?;
    tx.record(Event::new(EventKind::ClientMerged, row.organization_id, merged, row.version).of_client(merged));
    tx.known::<client::Entity>(kept, "a merge").await
}

/// Undoes a merge: the record stands for itself again, with what it had; what was written since stays with the other. Whoever read the
/// data of both as their own is invited anew, and exports of it are gone.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused with `IMMUTABLE` when it was not merged, or more than 30 days ago.
pub async fn unmerge(store: &Store, access: &Access, id: ClientId) -> Result<Visible<client::Entity>> {
    let mut tx = store.begin(access).await?;
    let parted = tx.fetch_for::<client::Entity>(id, Action::Merge).await?;
    let Some((into, at)) = parted.merged_into_id.zip(parted.merged_at) else {
        return Err(Refusal::new(Code::Immutable, "This record was not merged into another.").at(["id"]).into());
    };
    if access.now > at + UNDONE_WITHIN {
        let sentence = "A merge can be undone for 30 days, which have passed.";
        return Err(Refusal::new(Code::Immutable, sentence).at(["id"]).into());
    }
    let mut above = vec![tx.fetch_for::<client::Entity>(into, Action::Merge).await?];
    while let Some(next) = above.last().and_then(|row| row.merged_into_id).filter(|_| above.len() < MOST) {
        above.push(tx.fetch_for::<client::Entity>(next, Action::Merge).await?);
    }
    let change = client::ActiveModel {
        merged_into_id: Set(None),
        merged_at: Set(None),
        updated_at: Set(access.now),
        version: Set(parted.version + 1),
        ..Default::default()
    };
    changed(&tx, &parted, change).await?;
    tx.give_back(id, &above.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
    let stands = above.last().ok_or(Error::NotFound)?;
    contact::watch_again(&mut tx, &[stands.id, id]).await?;
    // First the one that has the words of both: nobody else may have an external identifier of theirs.
    write_words(&tx, stands).await?;
    write_words(&tx, &parted).await?;
    duplicate::unmerged(&mut tx, stands, &parted).await?;
    client_access::end(&mut tx, stands).await?;
    // What was written down, or is just being, holds the data of both.
    let both: Vec<_> = above.iter().map(|row| row.id).chain([id]).collect();
    data_export::forget(&tx, &both).await?;
    tx.disarm(TimerKind::ClientMerge, [id.into()]).await?;
    for (row, version) in [(&parted, parted.version + 1), (stands, stands.version)] {
        let happened = Event::new(EventKind::ClientUpdated, row.organization_id, row.id, version).of_client(row.id);
        tx.record(happened.changed(["mergedInto"]));
    }
    let parted = tx.fetch_for::<client::Entity>(id, Action::Read).await?;
    tx.commit(parted).await
}

/// Writes anew what a record is found by: the words of its own identity and of all that were merged into it.
pub(super) async fn write_words(tx: &Tx, client: &Visible<client::Entity>) -> Result<()> {
    let mut words = Vec::new();
    for record in with_merged(tx, client.clone()).await? {
        words.extend(words_of(tx, record.organization_id, &identity_of(tx, &record).await?)?);
    }
    words.sort();
    words.dedup();
    tx.delete_parts::<client_search::Entity>(client_search::Column::ClientId.eq(client.id)).await?;
    found_by(tx, client.organization_id, client.id, &words).await
}
