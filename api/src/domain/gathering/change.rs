//! What of a workshop or a support group changes.

use entity::{
    PeerId,
    gathering::{self, Series},
    program::Address,
    vocabulary::{Experience, GatheringKind, GatheringVisibility, Modality, RecoveryPathway},
};
use rust_decimal::Decimal;

use super::{
    NewGathering, NewGroup, SeriesChange, at, in_person, online,
    series_change::{changed, leaving},
};
use crate::{
    clock::Instant,
    domain::{text, wall_time::zone_of},
    error::{Refusal, Result},
};

/// The most people of a group where nothing else is said (domain 6.3: one peer for twelve).
const GROUP: i32 = 12;

/// What of a gathering changes. What is not given stays as it is; of what may be missing, `Some(None)` takes it away.
#[derive(Clone, Debug, Default)]
pub struct GatheringChange {
    /// What it is called.
    pub title: Option<String>,
    /// How people meet at each session that is still to come.
    pub modality: Option<Modality>,
    /// The zone of its hours, from the next session on.
    pub time_zone: Option<String>,
    /// A few sentences.
    pub description: Option<Option<String>>,
    /// Codes of [`topic::TOPICS`].
    pub topics: Option<Vec<String>>,
    /// BCP 47 tags.
    pub languages: Option<Vec<String>>,
    /// Codes of [`ACCESSIBILITY`].
    pub accessibility: Option<Vec<String>>,
    /// Whom it is for.
    pub audience: Option<Option<String>>,
    /// Years.
    pub minimum_age: Option<Option<i32>>,
    /// US dollars.
    pub cost: Option<Option<Decimal>>,
    /// Who can find it.
    pub visibility: Option<GatheringVisibility>,
    /// Where people meet in person.
    pub address: Option<Option<Address>>,
    /// Roughly where.
    pub area: Option<Option<String>>,
    /// Whether only those who registered are told the address.
    pub address_after_registration: Option<bool>,
    /// Where people meet online.
    pub join_url: Option<Option<String>>,
    /// Seats in the room of each session that is still to come; `Some(None)` for any number.
    pub capacity_in_person: Option<Option<i32>>,
    /// Seats online, likewise.
    pub capacity_online: Option<Option<i32>>,
    /// Places in line, likewise.
    pub waitlist_size: Option<Option<i32>>,
    /// The peers who lead it: all of them.
    pub facilitator_ids: Option<Vec<PeerId>>,
    /// Whether it is changed although somebody who leads it leads something else at the same time.
    pub despite_conflict: bool,
    /// Whether anybody may come.
    pub open: Option<bool>,
    /// The way of recovery that a group follows.
    pub pathway: Option<Option<RecoveryPathway>>,
    /// What its people have lived through: all of it.
    pub focus: Option<Vec<Experience>>,
    /// What all who come agree to keep among them.
    pub confidentiality: Option<Option<String>>,
    /// When its sessions are, and from when on that holds.
    pub series: SeriesChange,
    /// A sentence for everyone on sessions that are there no more.
    pub note: Option<String>,
}

impl From<NewGathering> for GatheringChange {
    fn from(new: NewGathering) -> Self {
        let group = new.group.unwrap_or(NewGroup { open: true, pathway: None, focus: Vec::new(), confidentiality: None });
        Self {
            title: Some(new.title),
            modality: Some(new.modality),
            time_zone: None,
            description: Some(new.description),
            topics: Some(new.topics),
            languages: Some(new.languages),
            accessibility: Some(new.accessibility),
            audience: Some(new.audience),
            minimum_age: Some(new.minimum_age),
            cost: Some(new.cost),
            visibility: Some(new.visibility),
            address: Some(new.address),
            area: Some(new.area),
            address_after_registration: Some(new.address_after_registration),
            join_url: Some(new.join_url),
            capacity_in_person: Some(new.capacity_in_person),
            capacity_online: Some(new.capacity_online),
            waitlist_size: Some(new.waitlist_size),
            facilitator_ids: None,
            despite_conflict: new.despite_conflict,
            open: Some(group.open),
            pathway: Some(group.pathway),
            focus: Some(group.focus),
            confidentiality: Some(group.confidentiality),
            series: SeriesChange::default(),
            note: None,
        }
    }
}

/// The seats of one kind where nothing else is said: any number, or as many as one peer leads.
pub(super) fn usual_seats(kind: GatheringKind, offered: bool) -> Option<i32> {
    (offered && kind == GatheringKind::SupportGroup).then_some(GROUP)
}

/// The zone and the series that a change gives a gathering, where it gives it others.
pub(super) fn scheduled(
    before: &gathering::Model,
    change: &GatheringChange,
    now: Instant,
) -> Result<(Option<String>, Option<Vec<Series>>)> {
    let given = change.time_zone.as_deref().map(|zone| text::time_zone("timeZone", zone)).transpose()?;
    let Some(zone) = given.filter(|zone| *zone != before.time_zone) else {
        return Ok((None, changed(&before.series, &change.series, zone_of(&before.time_zone)?, now)?));
    };
    if change.series.from.is_some() || change.series.recurrence.is_some() {
        let sentence = "`timeZone` holds from the next session on: change `recurrence`, and what holds `from` a day on, by itself.";
        return Err(at(Refusal::invalid(sentence), "timeZone").into());
    }
    let other = SeriesChange { other_zone: true, ..change.series.clone() };
    let series = changed(&leaving(&before.series, &before.time_zone), &other, zone_of(&zone)?, now)?;
    Ok((Some(zone), series))
}

/// What changes with how people meet: there come to be seats where there were none, and none where nobody takes part that way any more.
pub(super) fn met_otherwise(change: GatheringChange, before: &gathering::Model, modality: Modality) -> GatheringChange {
    let seats = |given: Option<Option<i32>>, was: bool, is: bool| given.or_else(|| (was != is).then(|| usual_seats(before.kind, is)));
    GatheringChange {
        capacity_in_person: seats(change.capacity_in_person, in_person(before.modality), in_person(modality)),
        capacity_online: seats(change.capacity_online, online(before.modality), online(modality)),
        ..change
    }
}
