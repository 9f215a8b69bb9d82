//! Who sees a workshop, how one comes to be, and how it is published.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveTime, TimeDelta, Timelike};
use chrono_tz::Tz;
use entity::{
    List, ProgramId, SessionId, TypedId, WorkshopId,
    program::{self, Address},
    registration, session,
    vocabulary::{EventKind, GatheringVisibility, Modality, SessionStatus},
    workshop, workshop_label,
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, QueryFilter, QuerySelect, QueryTrait};

use super::{
    address,
    schedule::{is_partner, reads_more, seats_move_at},
    text, topic,
    wall_time::{instant_of, local_of, zone_of},
};
use crate::{
    access::{
        Access,
        policy::{Act, Resource, may},
    },
    clock::Instant,
    error::{Code, Error, Refusal, Result},
    store::{Action, Class, Event, Grants, Part, Protected, Store, Tx, Visible, query},
};

impl Part for workshop_label::Entity {}

impl Protected for workshop::Entity {
    type Id = WorkshopId;

    fn id_column() -> Self::Column {
        workshop::Column::Id
    }

    fn id(row: &workshop::Model) -> WorkshopId {
        row.id
    }

    /// What is published for everyone is everyone's, what is published for partners is theirs and all staff's; drafts and what is for
    /// clients only are for the organization's staff; to its clients that is what is published for them, and whatever they were ever
    /// registered for.
    fn visible_to(access: &Access) -> Condition {
        let published = |visibility: GatheringVisibility| {
            Condition::all().add(workshop::Column::PublishedAt.is_not_null()).add(workshop::Column::Visibility.eq(visibility))
        };
        let staff = access.organization.filter(|_| reads_more(access) && may(access, Resource::Workshop, Act::Read));
        Condition::any()
            .add(published(GatheringVisibility::Public))
            .add_option(is_partner(access).then(|| published(GatheringVisibility::Partners)))
            .add_option(staff.map(|own| workshop::Column::OrganizationId.eq(own)))
            .add_option(for_oneself(access, published(GatheringVisibility::ClientsOnly)))
    }

    fn grants(access: &Access) -> Grants {
        match access.organization {
            Some(own) if may(access, Resource::ProgramOperations, Act::Read) => {
                Grants::none().open(Class::Operations, Condition::all().add(workshop::Column::OrganizationId.eq(own)))
            }
            _ => Grants::none(),
        }
    }

    fn allows(access: &Access, action: Action, row: &workshop::Model) -> bool {
        match action {
            Action::Read => true,
            Action::Update => access.programs.contains(&row.program_id) && may(access, Resource::Workshop, Act::Update),
            _ => false,
        }
    }
}

/// What a client sees besides what is everyone's.
fn for_oneself(access: &Access, for_clients: Condition) -> Option<Condition> {
    let own = access.organization.filter(|_| access.is_oneself())?;
    let seats = query::<registration::Entity>().select_only().column(registration::Column::SessionId);
    let seats = seats.filter(access.own(registration::Column::ClientId)?);
    let sessions = query::<session::Entity>().select_only().column(session::Column::WorkshopId);
    let sessions = sessions.filter(session::Column::Id.in_subquery(seats.into_query()));
    let theirs = Condition::any().add(for_clients).add(workshop::Column::Id.in_subquery(sessions.into_query()));
    Some(Condition::all().add(workshop::Column::OrganizationId.eq(own)).add(theirs))
}

/// The kinds of accessibility that a workshop can name (domain 6.5).
pub const ACCESSIBILITY: &[&str] =
    &["WHEELCHAIR", "CAPTIONING", "ASL", "HEARING_LOOP", "TRANSPORT_HELP", "CHILDCARE", "QUIET_ROOM", "INTERPRETER"];

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
    /// The day of the first session.
    pub starts_on: NaiveDate,
    /// When sessions begin, on the clock of the zone.
    pub start_time: NaiveTime,
    /// How long they take.
    pub minutes: i32,
    /// The days of further sessions.
    pub extra_dates: Vec<NaiveDate>,
    /// Seats in the room; any number when none is given.
    pub capacity_in_person: Option<i32>,
    /// Seats online; likewise.
    pub capacity_online: Option<i32>,
}

/// The most topics, languages and so on of one workshop.
const MOST: usize = 20;
/// The most sessions of one workshop.
pub(super) const MOST_SESSIONS: usize = 366;
/// How far ahead sessions are planned.
pub(super) const FURTHEST: TimeDelta = TimeDelta::days(730);

fn at(refusal: Refusal, field: &'static str) -> Refusal {
    refusal.at(["input", field])
}

fn within(field: &'static str, number: i32, least: i32, most: i32) -> Result<i32, Refusal> {
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    Err(at(Refusal::invalid(format!("`{field}` is from {least} to {most}.")), field))
}

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

/// Whether people meet in this way in a room.
pub const fn in_person(modality: Modality) -> bool {
    matches!(modality, Modality::InPerson | Modality::Hybrid)
}

/// Whether people take part in this way from where they are.
pub const fn online(modality: Modality) -> bool {
    !matches!(modality, Modality::InPerson)
}

/// The seats of one kind: none where nobody takes part that way.
fn seats(field: &'static str, capacity: Option<i32>, offered: bool) -> Result<Option<i32>, Refusal> {
    match capacity {
        Some(_) if !offered => Err(at(Refusal::invalid(format!("`{field}` does not go with this `modality`: leave it out.")), field)),
        Some(seats) => within(field, seats, 1, 10_000).map(Some),
        None => Ok((!offered).then_some(0)),
    }
}

/// When the sessions begin, in their order.
fn starts(new: &NewWorkshop, zone: Tz, now: Instant) -> Result<Vec<Instant>, Refusal> {
    if new.extra_dates.len() >= MOST_SESSIONS {
        return Err(at(Refusal::new(Code::TooMany, format!("A workshop has at most {MOST_SESSIONS} sessions.")), "extraDates"));
    }
    let days: BTreeSet<NaiveDate> = new.extra_dates.iter().copied().chain([new.starts_on]).collect();
    if days.len() <= new.extra_dates.len() {
        return Err(at(Refusal::invalid("`extraDates` are different days, and none of them is `startsOn`."), "extraDates"));
    }
    let field = |day: NaiveDate| if day == new.starts_on { "startsOn" } else { "extraDates" };
    let start = |day: NaiveDate| {
        // Refused by the day first: what a zone did long ago, or will do at the end of time, is nobody's business here.
        let near = (day - now.date_naive()).abs() <= FURTHEST;
        let start = near.then(|| instant_of(zone, day.and_time(new.start_time)));
        start.filter(|start| *start > now).ok_or_else(|| {
            let sentence = format!("`{}` lies in the future, at most {} days ahead.", field(day), FURTHEST.num_days());
            at(Refusal::invalid(sentence), field(day))
        })
    };
    days.into_iter().map(start).collect()
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
    let starts = starts(&new, zone_of(&zone)?, now)?;
    let row = row(new, &program, zone, now)?;
    let made = tx.insert::<workshop::Entity, _>(row).await?;
    tx.insert_parts::<workshop_label::Entity, _>(labels(&made)).await?;
    let sessions = starts.into_iter().map(|starts_at| session(&made, starts_at, now)).collect::<Result<_>>()?;
    tx.insert_each::<session::Entity, _>(sessions).await?;
    tx.record(Event::new(EventKind::WorkshopChanged, made.organization_id, made.id, made.version));
    Ok(made)
}

fn row(new: NewWorkshop, program: &program::Model, time_zone: String, now: Instant) -> Result<workshop::ActiveModel, Refusal> {
    if new.address_after_registration && new.area.is_none() {
        let sentence = "Give `area` as well: it is what people see in place of the address.";
        return Err(at(Refusal::new(Code::Required, sentence), "area"));
    }
    let title = text::line("title", &new.title, 200)?;
    let topics = codes("topics", new.topics, |code| topic::by_code(code).is_some(), "codes of the query `topics`")?;
    let features = format!("some of {}", ACCESSIBILITY.join(", "));
    let tags = codes("languages", new.languages, |_| true, "")?;
    Ok(workshop::ActiveModel {
        id: Set(WorkshopId::new()),
        organization_id: Set(program.organization_id),
        program_id: Set(program.id),
        title_words: Set(format!(" {} ", text::words(&title).join(" "))),
        title: Set(title),
        description: Set(new.description.map(|text| text::paragraph("description", &text, 4_000)).transpose()?),
        topics: Set(topics.into()),
        modality: Set(new.modality),
        languages: Set(tags.iter().map(|tag| text::language("languages", tag)).collect::<Result<List<_>, _>>()?),
        accessibility: Set(codes("accessibility", new.accessibility, |code| ACCESSIBILITY.contains(&code), &features)?.into()),
        audience: Set(new.audience.map(|text| text::line("audience", &text, 200)).transpose()?),
        minimum_age: Set(new.minimum_age.map(|years| within("minimumAge", years, 0, 120)).transpose()?),
        cost_cents: Set(new.cost.map(cents).transpose()?),
        visibility: Set(new.visibility),
        address: Set(new.address.map(address::checked).transpose()?),
        area: Set(new.area.map(|area| text::line("area", &area, 100)).transpose()?),
        address_after_registration: Set(new.address_after_registration),
        join_url: Set(new.join_url.map(|url| text::url("joinUrl", &url)).transpose()?),
        time_zone: Set(time_zone),
        starts_on: Set(new.starts_on),
        start_time: Set(new.start_time.with_nanosecond(0).unwrap_or(new.start_time)),
        minutes: Set(within("minutes", new.minutes, 5, 1_440)?),
        extra_dates: Set(new.extra_dates.into()),
        capacity_in_person: Set(seats("capacityInPerson", new.capacity_in_person, in_person(new.modality))?),
        capacity_online: Set(seats("capacityOnline", new.capacity_online, online(new.modality))?),
        published_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
    })
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

fn session(of: &workshop::Model, starts_at: Instant, now: Instant) -> Result<session::ActiveModel> {
    Ok(session::ActiveModel {
        id: Set(SessionId::new()),
        organization_id: Set(of.organization_id),
        program_id: Set(of.program_id),
        workshop_id: Set(of.id),
        status: Set(SessionStatus::Scheduled),
        starts_at: Set(starts_at),
        ends_at: Set(starts_at + TimeDelta::minutes(of.minutes.into())),
        local_start: Set(local_of(zone_of(&of.time_zone)?, starts_at)),
        capacity_in_person: Set(of.capacity_in_person),
        capacity_online: Set(of.capacity_online),
        registered_in_person: Set(0),
        registered_online: Set(0),
        seats_changed_at: Set(seats_move_at(now)),
        before_in_person: Set(0),
        before_online: Set(0),
        note: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(1),
    })
}

/// Publishes a draft: from now on those whom its visibility names find it.
///
/// # Errors
/// `NotFound` when the caller does not see it, `NotPermitted` when they do not coordinate its program; refused with `IMMUTABLE` when it
/// is published already, with `STALE` when it changed meanwhile.
pub async fn publish(store: &Store, access: &Access, id: WorkshopId) -> Result<Visible<workshop::Entity>> {
    let mut tx = store.begin(access).await?;
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
    let change =
        workshop::ActiveModel { published_at: Set(Some(now)), updated_at: Set(now), version: Set(draft.version + 1), ..Default::default() };
    let unchanged = Condition::all().add(workshop::Column::Version.eq(draft.version));
    let published = tx.update_if(draft, change, unchanged).await?.ok_or_else(|| Error::from(Refusal::stale(None)))?;
    let event = Event::new(EventKind::WorkshopPublished, published.organization_id, published.id, published.version);
    tx.record(event.changed(["published"]));
    Ok(published)
}
