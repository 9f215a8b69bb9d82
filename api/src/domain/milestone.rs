//! What a client counts days from (domain 6.7): optional, in their own meaning, and never a test that somebody could not pass.

mod days;

use chrono::NaiveDate;
use chrono_tz::Tz;
use entity::{
    ClientId, class, client, milestone,
    vocabulary::{EventKind, MilestoneKind},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};
use uuid::Uuid;

pub use days::{Milestone, Start, milestones};

use super::{
    client::{Identity, identity_of},
    client_merge::standing,
    text,
    wall_time::{local_of, zone_of},
};
use crate::{
    access::Access,
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Part, PartOf, Store, Tx, Visible},
};

impl Part for milestone::Entity {}

impl PartOf<client::Entity> for milestone::Entity {
    fn parent_column() -> milestone::Column {
        milestone::Column::ClientId
    }

    fn parent(part: &milestone::Model) -> ClientId {
        part.client_id
    }

    fn order() -> milestone::Column {
        milestone::Column::At
    }

    fn sealed_for(part: &milestone::Model) -> Option<Uuid> {
        part.sealed_for_id.map(Uuid::from)
    }
}

/// The most milestones of one client.
const MILESTONES: usize = 20;
/// The most starts of one milestone.
const STARTS: usize = 100;
/// How many characters a name has at the most.
const LABEL: usize = 100;
/// Where the day begins last: `Etc/GMT+12` is twelve hours behind UTC.
const LAST: Tz = Tz::Etc__GMTPlus12;

/// Which day it is for a client, by whose own clocks days are counted. Where who they are is closed to the reader, and with it where they
/// live, it is the day that has begun everywhere: nothing of the zone is told, and no day is counted before it has come.
///
/// # Errors
/// `Internal` when a time zone was written that is none.
pub fn today(known: Option<&Identity>, now: Instant) -> Result<NaiveDate> {
    let zone = known.map_or(Ok(LAST), |identity| zone_of(&identity.time_zone))?;
    Ok(local_of(zone, now).date())
}

/// The name that a milestone of this kind goes by, as [`Start`] keeps it: none where it is the kind's own.
///
/// # Errors
/// Refused when it is empty, too long or of several lines, and when one that has no name of its own is given none.
pub fn named(kind: MilestoneKind, label: Option<&str>) -> Result<Option<String>, Refusal> {
    let label = label.map(|label| text::line("label", label, LABEL)).transpose().map_err(|refusal| refusal.at(["label"]))?;
    match (label, days::label_of(kind)) {
        (None, None) => Err(Refusal::required("label").at(["label"])),
        (label, own) => Ok(label.filter(|label| Some(label.as_str()) != own)),
    }
}

fn checked(kind: MilestoneKind, label: Option<&str>, on: NaiveDate, of: &Identity, now: Instant) -> Result<Start> {
    let label = named(kind, label)?;
    if on > today(Some(of), now)? {
        let sentence = "`startedOn` is today or earlier, by the client's own clock: days are counted from a day that has come.";
        return Err(Refusal::invalid(sentence).at(["startedOn"]).into());
    }
    if on < of.date_of_birth {
        return Err(Refusal::invalid("`startedOn` is not before the client was born.").at(["startedOn"]).into());
    }
    Ok(Start { kind, label, on })
}

/// Sets a day from which a client counts, anew where they counted before: what they had stays. Setting the same again changes nothing.
/// A client who names nobody sets their own.
///
/// # Errors
/// `NotFound` and `NotPermitted` as ever; refused when nobody is named, when a field is wrong, and when there are too many.
pub async fn set(
    store: &Store,
    access: &Access,
    client: Option<ClientId>,
    kind: MilestoneKind,
    label: Option<&str>,
    on: NaiveDate,
) -> Result<Visible<client::Entity>> {
    let mut tx = store.begin(access).await?;
    let whose = access.meant(client).ok_or_else(|| Refusal::required("clientId").at(["clientId"]))?;
    let (client, changed) = set_in(&mut tx, whose, kind, label, on).await?;
    if changed { tx.commit(client).await } else { Ok(client) }
}

/// Sets a day within a larger command. Gives the client, and whether anything changed.
///
/// # Errors
/// As [`set`].
pub async fn set_in(
    tx: &mut Tx,
    client: ClientId,
    kind: MilestoneKind,
    label: Option<&str>,
    on: NaiveDate,
) -> Result<(Visible<client::Entity>, bool)> {
    let client = standing(tx, client, Action::Count).await?;
    let now = tx.access().now;
    let start = checked(kind, label, on, &identity_of(tx, &client).await?, now)?;
    let starts = starts_of(tx, &client).await?;
    if starts.contains(&start) {
        return Ok((client, false));
    }
    let before = starts.iter().filter(|before| before.is_of(kind, start.label.as_deref())).count();
    if before >= STARTS {
        let sentence = format!("A milestone is started at most {STARTS} times: choose another `label`.");
        return Err(Refusal::new(Code::TooMany, sentence).at(["startedOn"]).into());
    }
    if before == 0 && milestones(starts, on).len() >= MILESTONES {
        let sentence = format!("A client has at most {MILESTONES} milestones: start one of them anew.");
        return Err(Refusal::new(Code::TooMany, sentence).at(["kind"]).into());
    }
    let (id, version) = (Uuid::new_v4(), client.version + 1);
    let key = tx.key_of(client.id).await?;
    let row = milestone::ActiveModel {
        id: Set(id),
        organization_id: Set(client.organization_id),
        client_id: Set(client.id),
        sealed_for_id: Set(None),
        start: Set(key.seal::<milestone::Entity, class::ReferralClinical, _>(id, milestone::Column::Start, &start)?),
        author: Set(tx.actor()),
        at: Set(now),
    };
    tx.insert_parts::<milestone::Entity, _>(vec![row]).await?;
    // Of two who set the same at once, the second learns that there is something to read first.
    let change = client::ActiveModel { updated_at: Set(now), version: Set(version), ..Default::default() };
    let after = tx.update_if(&client, change, client::Column::Version.eq(client.version)).await?;
    let after = after.ok_or_else(|| Refusal::stale(None))?;
    let happened = Event::new(EventKind::ClientUpdated, after.organization_id, after.id, version).of_client(after.id);
    tx.record(happened.changed(["recovery"]));
    Ok((after, true))
}

async fn starts_of(tx: &Tx, client: &Visible<client::Entity>) -> Result<Vec<Start>> {
    let opened = client.open::<class::ReferralClinical>().ok_or(Error::NotPermitted)?;
    let parts = tx.parts::<milestone::Entity>(Condition::all().add(milestone::Column::ClientId.eq(client.id))).await?;
    let mut starts = Vec::with_capacity(parts.len());
    for part in &parts {
        starts.push(tx.unseal_part::<_, milestone::Entity, _, _>(&opened, (part, part.id), milestone::Column::Start, &part.start).await?);
    }
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_not_know_where_somebody_lives_counts_no_day_before_it_has_come() {
        let noon: Instant = "2026-07-01T12:00:00Z".parse().unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(today(None, noon).unwrap(), day("2026-07-01"));
        assert_eq!(today(None, noon - chrono::TimeDelta::seconds(1)).unwrap(), day("2026-06-30"));
        for zone in chrono_tz::TZ_VARIANTS {
            assert!(local_of(zone, noon).date() >= today(None, noon).unwrap(), "{zone}");
        }
    }
}
