//! How a workshop or a support group comes to be, how it changes, and how it is published.

use std::collections::BTreeSet;

use entity::{
    GatheringId, List, PeerId, ProgramId, TypedId, gathering, gathering_label,
    program::{self, Address},
    vocabulary::{EventKind, Experience, GatheringKind, GatheringVisibility, Modality, RecoveryPathway, TimerKind},
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::{
    ACCESSIBILITY, GatheringChange, MOST, NewSeries, at,
    change::{met_otherwise, scheduled, usual_seats},
    facilitators::{lead, refuse_conflicts},
    in_person, labels_of, online,
    plan::{follow, look_again},
    series, within,
};
use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    domain::{
        address,
        change::{changed_fields, set, set_or_none},
        place::Place,
        registration, search_words, text, topic,
        wall_time::zone_of,
    },
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Store, Tx, Visible},
};

/// What a support group is besides what all gatherings are.
#[derive(Clone, Debug)]
pub struct NewGroup {
    /// Whether anybody may come.
    pub open: bool,
    /// The way of recovery that it follows.
    pub pathway: Option<RecoveryPathway>,
    /// What its people have lived through.
    pub focus: Vec<Experience>,
    /// What all who come agree to keep among them.
    pub confidentiality: Option<String>,
}

/// What a gathering is made of.
#[derive(Clone, Debug)]
pub struct NewGathering {
    /// The program that runs it.
    pub program_id: ProgramId,
    /// What it is called.
    pub title: String,
    /// A few sentences.
    pub description: Option<String>,
    /// Codes of [`topic::TOPICS`].
    pub topics: Vec<String>,
    /// How people meet.
    pub modality: Modality,
    /// BCP 47 tags.
    pub languages: Vec<String>,
    /// Codes of [`ACCESSIBILITY`].
    pub accessibility: Vec<String>,
    /// Whom it is for.
    pub audience: Option<String>,
    /// Years.
    pub minimum_age: Option<i32>,
    /// US dollars.
    pub cost: Option<Decimal>,
    /// Who can find it.
    pub visibility: GatheringVisibility,
    /// Where people meet in person.
    pub address: Option<Address>,
    /// Roughly where.
    pub area: Option<String>,
    /// Whether only those who registered are told the address.
    pub address_after_registration: bool,
    /// Where people meet online.
    pub join_url: Option<String>,
    /// IANA name; the program's when none is given.
    pub time_zone: Option<String>,
    /// When its sessions are.
    pub series: NewSeries,
    /// Seats in the room; any number when none is given.
    pub capacity_in_person: Option<i32>,
    /// Seats online; likewise.
    pub capacity_online: Option<i32>,
    /// Places in line; any number when none is given.
    pub waitlist_size: Option<i32>,
    /// The peers who lead it.
    pub facilitator_ids: Vec<PeerId>,
    /// Whether it is made although somebody who leads it leads something else at the same time.
    pub despite_conflict: bool,
    /// What it is besides where it is a support group; none for a workshop.
    pub group: Option<NewGroup>,
}

/// What can change, as the API names it.
const FIELDS: &[(gathering::Column, &str)] = &[
    (gathering::Column::Title, "title"),
    (gathering::Column::Modality, "modality"),
    (gathering::Column::TimeZone, "timeZone"),
    (gathering::Column::Description, "description"),
    (gathering::Column::Topics, "topics"),
    (gathering::Column::Languages, "languages"),
    (gathering::Column::Accessibility, "accessibility"),
    (gathering::Column::Audience, "audience"),
    (gathering::Column::MinimumAge, "minimumAge"),
    (gathering::Column::CostCents, "cost"),
    (gathering::Column::Visibility, "visibility"),
    (gathering::Column::Address, "address"),
    (gathering::Column::Area, "area"),
    (gathering::Column::AddressAfterRegistration, "addressAfterRegistration"),
    (gathering::Column::JoinUrl, "joinUrl"),
    (gathering::Column::CapacityInPerson, "capacityInPerson"),
    (gathering::Column::CapacityOnline, "capacityOnline"),
    (gathering::Column::WaitlistSize, "waitlistSize"),
    (gathering::Column::Open, "open"),
    (gathering::Column::Pathway, "pathway"),
    (gathering::Column::Focus, "focus"),
    (gathering::Column::Confidentiality, "confidentiality"),
    (gathering::Column::Series, "recurrence"),
];

/// Different codes that are all known.
fn codes(field: &'static str, given: Vec<String>, known: impl Fn(&str) -> bool, list: &str) -> Result<Vec<String>, Refusal> {
    if given.len() > MOST {
        return Err(at(Refusal::new(Code::TooMany, format!("`{field}` has at most {MOST} entries.")), field));
    }
    if given.iter().any(|code| !known(code)) {
        return Err(at(Refusal::invalid(format!("`{field}` holds {list}.")), field));
    }
    let mut once = BTreeSet::new();
    Ok(given.into_iter().filter(|code| once.insert(code.clone())).collect())
}

fn cents(cost: Decimal) -> Result<i64, Refusal> {
    let cents = cost.checked_mul(Decimal::ONE_HUNDRED).filter(|cents| cents.fract().is_zero());
    let cents = cents.and_then(|cents| cents.to_i64()).filter(|cents| (0..=1_000_000).contains(cents));
    let sentence = "`cost` is an amount of US dollars with at most two decimals, up to 10000.";
    cents.ok_or_else(|| at(Refusal::invalid(sentence), "cost"))
}

/// The seats of one kind: none where nobody takes part that way.
fn seats(field: &'static str, capacity: Option<i32>, offered: bool) -> Result<Option<i32>, Refusal> {
    match capacity {
        Some(_) if !offered => Err(at(Refusal::invalid(format!("`{field}` does not go with this `modality`: leave it out.")), field)),
        Some(seats) => within(field, seats, 1, 10_000).map(Some),
        None => Ok((!offered).then_some(0)),
    }
}

/// What people have lived through, each once.
fn focus(given: Vec<Experience>) -> List<Experience> {
    let mut once = BTreeSet::new();
    given.into_iter().filter(|experience| once.insert(*experience)).collect()
}

/// The columns that a change sets, but for its series.
fn columns(change: GatheringChange, modality: Modality) -> Result<gathering::ActiveModel, Refusal> {
    let features = format!("some of {}", ACCESSIBILITY.join(", "));
    let tags = change.languages.map(|given| codes("languages", given, |_| true, "")).transpose()?;
    Ok(gathering::ActiveModel {
        title: set(change.title, |title| text::line("title", &title, 200))?,
        description: set_or_none(change.description, |text| text::paragraph("description", &text, 4_000))?,
        modality: set(change.modality, Ok)?,
        topics: set(change.topics, |given| {
            codes("topics", given, |code| topic::by_code(code).is_some(), "codes of the query `topics`").map(List::from)
        })?,
        languages: set(tags, |tags| tags.iter().map(|tag| text::language("languages", tag)).collect::<Result<List<_>, _>>())?,
        accessibility: set(change.accessibility, |given| {
            codes("accessibility", given, |code| ACCESSIBILITY.contains(&code), &features).map(List::from)
        })?,
        audience: set_or_none(change.audience, |text| text::line("audience", &text, 200))?,
        minimum_age: set_or_none(change.minimum_age, |years| within("minimumAge", years, 0, 120))?,
        cost_cents: set_or_none(change.cost, cents)?,
        visibility: set(change.visibility, Ok)?,
        address: set_or_none(change.address, address::checked)?,
        area: set_or_none(change.area, |area| text::line("area", &area, 100))?,
        address_after_registration: set(change.address_after_registration, Ok)?,
        join_url: set_or_none(change.join_url, |url| text::url("joinUrl", &url))?,
        capacity_in_person: set(change.capacity_in_person, |seats| self::seats("capacityInPerson", seats, in_person(modality)))?,
        capacity_online: set(change.capacity_online, |seats| self::seats("capacityOnline", seats, online(modality)))?,
        waitlist_size: set_or_none(change.waitlist_size, |places| within("waitlistSize", places, 0, 10_000))?,
        open: set(change.open, Ok)?,
        pathway: set_or_none(change.pathway, Ok)?,
        focus: set(change.focus, |given| Ok(focus(given)))?,
        confidentiality: set_or_none(change.confidentiality, |text| text::paragraph("confidentiality", &text, 2_000))?,
        ..Default::default()
    })
}

/// With what the gathering is searched by, of what it will be.
fn searched(row: gathering::ActiveModel, modality: Modality, before: Option<&gathering::Model>) -> gathering::ActiveModel {
    let title = row.title.try_as_ref().or(before.map(|before| &before.title)).cloned().unwrap_or_default();
    let description = row.description.try_as_ref().or(before.map(|before| &before.description)).cloned().flatten();
    let address = row.address.try_as_ref().or(before.map(|before| &before.address)).cloned().flatten();
    let hidden = row.address_after_registration.try_as_ref().or(before.map(|before| &before.address_after_registration));
    let place = known_place(address.as_ref(), hidden == Some(&true), modality);
    searchable(row, &title, description.as_deref(), place)
}

/// Sets what a gathering is searched by. Whoever writes a title, a description or an address goes through here.
pub(in crate::domain) fn searchable(
    row: gathering::ActiveModel,
    title: &str,
    description: Option<&str>,
    place: Option<Place>,
) -> gathering::ActiveModel {
    gathering::ActiveModel {
        search_words: Set(Some(search_words::kept(title, description))),
        earth_x: Set(place.map(|place| place.x)),
        earth_y: Set(place.map(|place| place.y)),
        earth_z: Set(place.map(|place| place.z)),
        ..row
    }
}

/// Where people meet in person, as everyone may know it. Who asks from a few places how far something is knows where it is: an address that
/// only those who registered are told is, for everyone and in every order, that of a square of a tenth of a degree, some eleven kilometres
/// from south to north.
pub(in crate::domain) fn known_place(address: Option<&Address>, hidden: bool, modality: Modality) -> Option<Place> {
    let (latitude, longitude) = address.filter(|_| in_person(modality)).and_then(|address| address.latitude.zip(address.longitude))?;
    let told = |degrees: f64| if hidden { (degrees * 10.0).round() / 10.0 } else { degrees };
    Some(Place::at(told(latitude), told(longitude)))
}

/// Fills in what gatherings are searched by where it is missing, as after a migration.
///
/// # Errors
/// `Database` when it cannot be written.
pub async fn complete(store: &Store) -> Result<()> {
    let missing = || Condition::all().add(gathering::Column::SearchWords.is_null());
    let of = |row: &gathering::Model| {
        let place = known_place(row.address.as_ref(), row.address_after_registration, row.modality);
        searchable(gathering::ActiveModel::default(), &row.title, row.description.as_deref(), place)
    };
    store.derive::<gathering::Entity, _>(missing, of).await
}

/// Refuses an address that is told later where nothing is said in its place.
fn check_area(hidden: bool, area: Option<&String>) -> Result<(), Refusal> {
    if hidden && area.is_none() {
        let sentence = "Give `area` as well: it is what people see in place of the address.";
        return Err(at(Refusal::new(Code::Required, sentence), "area"));
    }
    Ok(())
}

/// Makes a draft of a workshop, or a support group, with its sessions, for a program that the caller works in.
///
/// # Errors
/// `NotPermitted` for other roles than coordinators and for programs that the caller does not work in; refused when a field is wrong.
pub async fn create(store: &Store, access: &Access, new: NewGathering) -> Result<Visible<gathering::Entity>> {
    let mut tx = store.begin(access).await?;
    let made = Box::pin(create_in(&mut tx, new)).await?;
    tx.commit(made).await
}

/// Makes a draft of a gathering within a larger command.
///
/// # Errors
/// As [`create`].
pub async fn create_in(tx: &mut Tx, new: NewGathering) -> Result<Visible<gathering::Entity>> {
    tx.require(may(tx.access(), Resource::Workshop, Act::Create))?;
    let program = tx.fetch_for::<program::Entity>(new.program_id, Action::Extend).await?;
    let now = tx.access().now;
    let zone = match &new.time_zone {
        Some(zone) => text::time_zone("timeZone", zone)?,
        None => program.time_zone.clone(),
    };
    let first = series::checked(new.series.clone(), zone_of(&zone)?, now)?;
    check_area(new.address_after_registration, new.area.as_ref())?;
    let modality = new.modality;
    let kind = if new.group.is_some() { GatheringKind::SupportGroup } else { GatheringKind::Workshop };
    let new = NewGathering {
        capacity_in_person: new.capacity_in_person.or_else(|| usual_seats(kind, in_person(modality))),
        capacity_online: new.capacity_online.or_else(|| usual_seats(kind, online(modality))),
        ..new
    };
    let (leaders, despite_conflict) = (new.facilitator_ids.clone(), new.despite_conflict);
    let row = gathering::ActiveModel {
        id: Set(GatheringId::new()),
        organization_id: Set(Some(program.organization_id)),
        program_id: Set(Some(program.id)),
        time_zone: Set(zone),
        series: Set(vec![first].into()),
        kind: Set(kind),
        // A group has no draft.
        published_at: Set((kind == GatheringKind::SupportGroup).then_some(now)),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
        ..searched(columns(new.into(), modality)?, modality, None)
    };
    let made = tx.insert::<gathering::Entity, _>(row).await?;
    tx.insert_parts::<gathering_label::Entity, _>(labels(&made)).await?;
    lead(tx, &made, &leaders).await?;
    let followed = follow(tx, &made, None, None).await?;
    if !leaders.is_empty() && !despite_conflict {
        refuse_conflicts(tx, &made, None, &["input", "facilitatorIds"]).await?;
    }
    let event = |kind| Event::new(kind, made.organization_id, made.known_as(), made.version);
    if made.published_at.is_some() {
        look_again(tx, &made, &followed).await?;
        tx.record(event(EventKind::WorkshopPublished).changed(["published"]));
    } else {
        tx.record(event(EventKind::WorkshopChanged));
    }
    Ok(made)
}

/// Changes a gathering, and its sessions where their schedule changes: from a day on or from now on, those that are still to come.
///
/// # Errors
/// `NotFound` when the caller does not see it, `NotPermitted` when they do not coordinate its program; refused when a field is wrong,
/// with `STALE` when it changed meanwhile.
pub async fn update(
    store: &Store,
    access: &Access,
    (kind, id): (GatheringKind, GatheringId),
    change: GatheringChange,
    version: Option<i32>,
) -> Result<Visible<gathering::Entity>> {
    let mut tx = store.begin(access).await?;
    if change.series.changes() || change.time_zone.is_some() {
        // First what plans its sessions ahead, then the gathering, as the timer itself has it. It is begun again below.
        tx.disarm(TimerKind::SessionPlan, [id.into()]).await?;
    }
    tx.hold_alone::<gathering::Entity>(id).await?;
    let before = tx.fetch_for::<gathering::Entity>(id, Action::Update).await?;
    if before.kind != kind {
        return Err(Error::NotFound);
    }
    let seen = version.unwrap_or(before.version);
    let note = change.note.as_deref().map(|note| text::paragraph("note", note, 500)).transpose();
    let note = note.map_err(|refusal| at(refusal, "note"))?;
    let (zone, series) = scheduled(&before, &change, access.now)?;
    let left = zone.as_ref().map(|_| zone_of(&before.time_zone)).transpose()?;
    let follows = series.is_some();
    let (leaders, despite_conflict) = (change.facilitator_ids.clone(), change.despite_conflict);
    let modality = change.modality.unwrap_or(before.modality);
    let row = gathering::ActiveModel {
        time_zone: set(zone, Ok)?,
        series: set(series, |series| Ok(series.into()))?,
        ..columns(met_otherwise(change, &before, modality), modality)?
    };
    let hidden = *row.address_after_registration.try_as_ref().unwrap_or(&before.address_after_registration);
    check_area(hidden, row.area.try_as_ref().unwrap_or(&before.area).as_ref())?;
    let mut fields = changed_fields(FIELDS, &row, &before);
    let row = gathering::ActiveModel {
        updated_at: Set(access.now),
        version: Set(seen.saturating_add(1)),
        ..searched(row, modality, Some(&before))
    };
    let written = tx.update_if(&before, row, gathering::Column::Version.eq(seen)).await?;
    let after = written.ok_or_else(|| Refusal::stale(Some(before.version)).at(["input", "version"]))?;
    if ["topics", "languages", "accessibility"].iter().any(|list| fields.contains(list)) {
        let of_this = Condition::all().add(gathering_label::Column::GatheringId.eq(id));
        tx.delete_parts::<gathering_label::Entity>(of_this).await?;
        tx.insert_parts::<gathering_label::Entity, _>(labels(&after)).await?;
    }
    if follows {
        let followed = follow(&mut tx, &after, left, note.as_deref()).await?;
        if after.published_at.is_some() {
            look_again(&tx, &after, &followed).await?;
        }
    }
    if ["modality", "capacityInPerson", "capacityOnline", "waitlistSize"].iter().any(|seats| fields.contains(seats)) {
        Box::pin(registration::resize(&mut tx, &after, fields.contains(&"modality"))).await?;
    }
    if let Some(leaders) = &leaders {
        lead(&tx, &after, leaders).await?;
        fields.push("facilitators");
    }
    if (leaders.is_some() || follows) && !despite_conflict {
        let field = if leaders.is_some() { "facilitatorIds" } else { "from" };
        refuse_conflicts(&tx, &after, None, &["input", field]).await?;
    }
    tx.record(Event::new(EventKind::WorkshopChanged, after.organization_id, after.known_as(), after.version).changed(fields));
    tx.commit(after).await
}

/// What it is found by, of its topics, languages and accessibility.
pub(in crate::domain) fn labels(gathering: &gathering::Model) -> Vec<gathering_label::ActiveModel> {
    let label = |(kind, value): (&str, &str)| gathering_label::ActiveModel {
        organization_id: Set(gathering.organization_id),
        gathering_id: Set(gathering.id),
        kind: Set(kind.to_owned()),
        value: Set(value.to_owned()),
    };
    labels_of(gathering).into_iter().map(label).collect()
}

/// Publishes a draft: from now on those whom its visibility names find it, and its sessions are planned ahead.
///
/// # Errors
/// `NotFound` when the caller does not see it, `NotPermitted` when they do not coordinate its program; refused with `IMMUTABLE` when it
/// is published already, with `STALE` when it changed meanwhile.
pub async fn publish(store: &Store, access: &Access, id: GatheringId) -> Result<Visible<gathering::Entity>> {
    let mut tx = store.begin(access).await?;
    // Of two who publish it, one sees that it is done.
    tx.hold_alone::<gathering::Entity>(id).await?;
    let draft = tx.fetch_for::<gathering::Entity>(id, Action::Update).await?;
    if draft.kind != GatheringKind::Workshop {
        return Err(Error::NotFound);
    }
    let published = publish_in(&mut tx, &draft).await?;
    tx.commit(published).await
}

/// Publishes a draft within a larger command.
///
/// # Errors
/// As [`publish`].
pub async fn publish_in(tx: &mut Tx, draft: &Visible<gathering::Entity>) -> Result<Visible<gathering::Entity>> {
    if draft.published_at.is_some() {
        return Err(Refusal::new(Code::Immutable, "It is published already.").at(["id"]).into());
    }
    let now = tx.access().now;
    let followed = follow(tx, draft, None, None).await?;
    look_again(tx, draft, &followed).await?;
    let change = gathering::ActiveModel {
        published_at: Set(Some(now)),
        updated_at: Set(now),
        version: Set(draft.version + 1),
        ..Default::default()
    };
    let unchanged = Condition::all().add(gathering::Column::Version.eq(draft.version));
    let published = tx.update_if(draft, change, unchanged).await?.ok_or_else(|| Error::from(Refusal::stale(None)))?;
    let event = Event::new(EventKind::WorkshopPublished, published.organization_id, published.known_as(), published.version);
    tx.record(event.changed(["published"]));
    Ok(published)
}
