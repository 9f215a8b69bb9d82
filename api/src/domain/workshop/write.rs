//! How a workshop comes to be, how it changes, and how it is published.

use std::collections::BTreeSet;

use entity::{
    List, ProgramId, TypedId, WorkshopId,
    program::{self, Address},
    vocabulary::{EventKind, GatheringVisibility, Modality, TimerKind},
    workshop, workshop_label,
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition};

use super::{
    ACCESSIBILITY, NewSeries, SeriesChange, at, in_person, online,
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
        search_words, text, topic,
        wall_time::zone_of,
    },
    error::{Code, Error, Refusal, Result},
    store::{Action, Event, Store, Tx, Visible},
};

/// What a workshop is made of.
#[derive(Clone, Debug)]
pub struct NewWorkshop {
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
}

/// What of a workshop changes. What is not given stays as it is; of what may be missing, `Some(None)` takes it away.
#[derive(Clone, Debug, Default)]
pub struct WorkshopChange {
    /// What it is called.
    pub title: Option<String>,
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
    /// When its sessions are, and from when on that holds.
    pub series: SeriesChange,
    /// A sentence for everyone on sessions that are there no more.
    pub note: Option<String>,
}

impl From<NewWorkshop> for WorkshopChange {
    fn from(new: NewWorkshop) -> Self {
        Self {
            title: Some(new.title),
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
            series: SeriesChange::default(),
            note: None,
        }
    }
}

/// What can change, as the API names it.
const FIELDS: &[(workshop::Column, &str)] = &[
    (workshop::Column::Title, "title"),
    (workshop::Column::Description, "description"),
    (workshop::Column::Topics, "topics"),
    (workshop::Column::Languages, "languages"),
    (workshop::Column::Accessibility, "accessibility"),
    (workshop::Column::Audience, "audience"),
    (workshop::Column::MinimumAge, "minimumAge"),
    (workshop::Column::CostCents, "cost"),
    (workshop::Column::Visibility, "visibility"),
    (workshop::Column::Address, "address"),
    (workshop::Column::Area, "area"),
    (workshop::Column::AddressAfterRegistration, "addressAfterRegistration"),
    (workshop::Column::JoinUrl, "joinUrl"),
    (workshop::Column::Series, "recurrence"),
];

/// The most topics, languages and so on of one workshop.
const MOST: usize = 20;

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

/// The columns that a change sets, but for its series.
fn columns(change: WorkshopChange) -> Result<workshop::ActiveModel, Refusal> {
    let features = format!("some of {}", ACCESSIBILITY.join(", "));
    let tags = change.languages.map(|given| codes("languages", given, |_| true, "")).transpose()?;
    Ok(workshop::ActiveModel {
        title: set(change.title, |title| text::line("title", &title, 200))?,
        description: set_or_none(change.description, |text| text::paragraph("description", &text, 4_000))?,
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
        ..Default::default()
    })
}

/// With what the workshop is searched by, of what it will be.
fn searched(row: workshop::ActiveModel, before: Option<&workshop::Model>) -> workshop::ActiveModel {
    let title = row.title.try_as_ref().or(before.map(|before| &before.title)).cloned().unwrap_or_default();
    let description = row.description.try_as_ref().or(before.map(|before| &before.description)).cloned().flatten();
    searchable(row, &title, description.as_deref())
}

/// Sets what a workshop is searched by. Whoever writes a title or a description goes through here.
fn searchable(row: workshop::ActiveModel, title: &str, description: Option<&str>) -> workshop::ActiveModel {
    workshop::ActiveModel { search_words: Set(Some(search_words::kept(title, description))), ..row }
}

/// Fills in what workshops are searched by where it is missing, as after a migration.
///
/// # Errors
/// `Database` when it cannot be written.
pub async fn complete(store: &Store) -> Result<()> {
    let missing = || Condition::all().add(workshop::Column::SearchWords.is_null());
    let of = |row: &workshop::Model| searchable(workshop::ActiveModel::default(), &row.title, row.description.as_deref());
    store.derive::<workshop::Entity, _>(missing, of).await
}

/// Refuses an address that is told later where nothing is said in its place.
fn check_area(hidden: bool, area: Option<&String>) -> Result<(), Refusal> {
    if hidden && area.is_none() {
        let sentence = "Give `area` as well: it is what people see in place of the address.";
        return Err(at(Refusal::new(Code::Required, sentence), "area"));
    }
    Ok(())
}

/// Makes a draft of a workshop with its sessions, for a program that the caller works in.
///
/// # Errors
/// `NotPermitted` for other roles than coordinators and for programs that the caller does not work in; refused when a field is wrong.
pub async fn create(store: &Store, access: &Access, new: NewWorkshop) -> Result<Visible<workshop::Entity>> {
    let mut tx = store.begin(access).await?;
    let made = create_in(&mut tx, new).await?;
    tx.commit(made).await
}

/// Makes a draft of a workshop within a larger command.
///
/// # Errors
/// As [`create`].
pub async fn create_in(tx: &mut Tx, new: NewWorkshop) -> Result<Visible<workshop::Entity>> {
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
    let row = workshop::ActiveModel {
        id: Set(WorkshopId::new()),
        organization_id: Set(program.organization_id),
        program_id: Set(program.id),
        modality: Set(modality),
        time_zone: Set(zone),
        series: Set(vec![first].into()),
        capacity_in_person: Set(seats("capacityInPerson", new.capacity_in_person, in_person(modality))?),
        capacity_online: Set(seats("capacityOnline", new.capacity_online, online(modality))?),
        published_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
        ..searched(columns(new.into())?, None)
    };
    let made = tx.insert::<workshop::Entity, _>(row).await?;
    tx.insert_parts::<workshop_label::Entity, _>(labels(&made)).await?;
    follow(tx, &made, None).await?;
    tx.record(Event::new(EventKind::WorkshopChanged, made.organization_id, made.id, made.version));
    Ok(made)
}

/// Changes a workshop, and its sessions where their schedule changes: from a day on or from now on, those that are still to come.
///
/// # Errors
/// `NotFound` when the caller does not see it, `NotPermitted` when they do not coordinate its program; refused when a field is wrong,
/// with `STALE` when it changed meanwhile.
pub async fn update(
    store: &Store,
    access: &Access,
    id: WorkshopId,
    change: WorkshopChange,
    version: Option<i32>,
) -> Result<Visible<workshop::Entity>> {
    let mut tx = store.begin(access).await?;
    if change.series.changes() {
        // First what plans its sessions ahead, then the workshop, as the timer itself has it. It is begun again below.
        tx.disarm(TimerKind::SessionPlan, [id.into()]).await?;
    }
    tx.hold_alone::<workshop::Entity>(id).await?;
    let before = tx.fetch_for::<workshop::Entity>(id, Action::Update).await?;
    let seen = version.unwrap_or(before.version);
    let note = change.note.as_deref().map(|note| text::paragraph("note", note, 500)).transpose();
    let note = note.map_err(|refusal| at(refusal, "note"))?;
    let series = series::changed(&before.series, change.series.clone(), zone_of(&before.time_zone)?, access.now)?;
    let follows = series.is_some();
    let row = workshop::ActiveModel { series: set(series, |series| Ok(series.into()))?, ..columns(change)? };
    let hidden = *row.address_after_registration.try_as_ref().unwrap_or(&before.address_after_registration);
    check_area(hidden, row.area.try_as_ref().unwrap_or(&before.area).as_ref())?;
    let fields = changed_fields(FIELDS, &row, &before);
    let row = workshop::ActiveModel { updated_at: Set(access.now), version: Set(seen.saturating_add(1)), ..searched(row, Some(&before)) };
    let written = tx.update_if(&before, row, workshop::Column::Version.eq(seen)).await?;
    let after = written.ok_or_else(|| Refusal::stale(Some(before.version)).at(["input", "version"]))?;
    if ["topics", "languages", "accessibility"].iter().any(|list| fields.contains(list)) {
        let of_this = Condition::all().add(workshop_label::Column::WorkshopId.eq(id));
        tx.delete_parts::<workshop_label::Entity>(of_this).await?;
        tx.insert_parts::<workshop_label::Entity, _>(labels(&after)).await?;
    }
    if follows {
        let followed = follow(&mut tx, &after, note.as_deref()).await?;
        if after.published_at.is_some() {
            look_again(&tx, &after, &followed).await?;
        }
    }
    tx.record(Event::new(EventKind::WorkshopChanged, after.organization_id, after.id, after.version).changed(fields));
    tx.commit(after).await
}

fn labels(workshop: &workshop::Model) -> Vec<workshop_label::ActiveModel> {
    let languages = workshop.languages.iter().flat_map(|tag| [Some(tag.as_str()), tag.split('-').next()]).flatten();
    let all = workshop.topics.iter().map(|code| ("TOPIC", code.as_str()));
    let all = all.chain(languages.map(|tag| ("LANGUAGE", tag)));
    let all: BTreeSet<_> = all.chain(workshop.accessibility.iter().map(|code| ("ACCESSIBILITY", code.as_str()))).collect();
    let label = |(kind, value): (&str, &str)| workshop_label::ActiveModel {
        organization_id: Set(workshop.organization_id),
        workshop_id: Set(workshop.id),
        kind: Set(kind.to_owned()),
        value: Set(value.to_owned()),
    };
    all.into_iter().map(label).collect()
}

/// Publishes a draft: from now on those whom its visibility names find it, and its sessions are planned ahead.
///
/// # Errors
/// `NotFound` when the caller does not see it, `NotPermitted` when they do not coordinate its program; refused with `IMMUTABLE` when it
/// is published already, with `STALE` when it changed meanwhile.
pub async fn publish(store: &Store, access: &Access, id: WorkshopId) -> Result<Visible<workshop::Entity>> {
    let mut tx = store.begin(access).await?;
    // Of two who publish it, one sees that it is done.
    tx.hold_alone::<workshop::Entity>(id).await?;
    let draft = tx.fetch_for::<workshop::Entity>(id, Action::Update).await?;
    let published = publish_in(&mut tx, &draft).await?;
    tx.commit(published).await
}

/// Publishes a draft within a larger command.
///
/// # Errors
/// As [`publish`].
pub async fn publish_in(tx: &mut Tx, draft: &Visible<workshop::Entity>) -> Result<Visible<workshop::Entity>> {
    if draft.published_at.is_some() {
        return Err(Refusal::new(Code::Immutable, "It is published already.").at(["id"]).into());
    }
    let now = tx.access().now;
    let followed = follow(tx, draft, None).await?;
    look_again(tx, draft, &followed).await?;
    let change =
        workshop::ActiveModel { published_at: Set(Some(now)), updated_at: Set(now), version: Set(draft.version + 1), ..Default::default() };
    let unchanged = Condition::all().add(workshop::Column::Version.eq(draft.version));
    let published = tx.update_if(draft, change, unchanged).await?.ok_or_else(|| Error::from(Refusal::stale(None)))?;
    let event = Event::new(EventKind::WorkshopPublished, published.organization_id, published.id, published.version);
    tx.record(event.changed(["published"]));
    Ok(published)
}
