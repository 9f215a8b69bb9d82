//! The public schedule as Open Referral HSDS 3.0 writes it (domain 10.2): each gathering is a service, where people meet is a location,
//! and each series has a schedule for every span of days in which clocks do not change, since a schedule's zone is an offset there.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{Datelike, Days, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use entity::{
    gathering::{self, Series},
    organization, program, session,
    vocabulary::{Modality, SessionStatus},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::{Builder, Uuid};

use super::{all_to_come, entities::Entities, filter::number, object};
use crate::{
    clock::Instant,
    domain::{
        gathering::{address_for_all, belongs, in_person, online, rule_of, zone_in},
        recurrence::{Occurrence, Recurrence},
        schedule::Published,
        topic::by_code,
        wall_time::{instant_of, local_of, zone_of},
    },
    error::{Error, Refusal, Result},
    store::{Store, Visible},
};

/// How far ahead schedules are told.
const AHEAD: Days = Days::new(365);

/// How many things a page has unless it says so, and at the most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 500;

/// What a document lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Services with everything that belongs to them.
    Services,
    /// Where they are given.
    ServiceAtLocations,
    /// When.
    Schedules,
}

/// An id that is the same whenever it is asked for: HSDS wants one of everything, and ours have none of their own.
fn id_of(parts: &[&str]) -> Uuid {
    let hash = digest(&SHA256, parts.join("\n").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// A gathering as a service.
#[derive(Clone)]
struct Service<'a> {
    gathering: &'a gathering::Model,
    apart: &'a [Visible<session::Entity>],
    zone: Tz,
    id: Uuid,
    /// Where more is found than a schedule can say.
    link: String,
    today: NaiveDate,
}

impl<'a> Service<'a> {
    fn of(one: &'a Published, public: &str, now: Instant) -> Result<Self> {
        let zone = zone_of(&one.gathering.time_zone)?;
        let link = format!("{public}/calendar/workshops/{}.ics", one.gathering.known_as());
        Ok(Self {
            gathering: &one.gathering,
            apart: &one.apart,
            zone,
            id: one.gathering.id.into(),
            link,
            today: local_of(zone, now).date(),
        })
    }

    fn whole(&self, entities: &Entities) -> Result<Value> {
        let gathering = self.gathering;
        let (organization, program) = (entities.organization(gathering), entities.program(gathering));
        let attributes = gathering.topics.iter().filter_map(|code| by_code(code)).map(|topic| {
            let term = id_of(&["topic", topic.code]);
            json!({
                "id": id_of(&[&self.id.to_string(), "topic", topic.code]), "link_id": self.id, "link_entity": "service", "taxonomy_term_id": term,
                "taxonomy_term": { "id": term, "code": topic.code, "name": topic.label, "description": format!("{}: {}", topic.area, topic.label) },
            })
        });
        let languages = gathering.languages.iter().map(|tag| {
            // The standard knows codes of ISO 639; what else the tag says is in the name.
            let code = tag.split('-').next().unwrap_or(tag);
            json!({ "id": id_of(&[&self.id.to_string(), "language", tag]), "service_id": self.id, "code": code, "name": tag })
        });
        let cost = gathering.cost_cents.map(|cents| Decimal::new(cents, 2));
        let costs = cost.iter().map(|amount| {
            json!({ "id": id_of(&[&self.id.to_string(), "cost"]), "service_id": self.id, "currency": "USD", "amount": cents_as_number(*amount) })
        });
        Ok(object(json!({
            "id": self.id,
            "organization_id": organization.map(|organization| Uuid::from(organization.id)),
            "program_id": program.map(|program| Uuid::from(program.id)),
            "name": gathering.title,
            "description": gathering.description,
            "status": "active",
            "application_process": "Register for a session; people are told there how to take part.",
            "fees_description": cost.map_or_else(|| "Free of charge.".to_owned(), |amount| format!("{amount} US dollars.")),
            "eligibility_description": gathering.audience,
            "minimum_age": gathering.minimum_age,
            "last_modified": gathering.updated_at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "organization": organization.map(|organization| named_organization(organization)),
            "program": program.map(|program| named_program(program, organization.map(|one| &**one))),
            "languages": languages.collect::<Vec<_>>(),
            "cost_options": costs.collect::<Vec<_>>(),
            "attributes": attributes.collect::<Vec<_>>(),
            "schedules": self.schedules(None)?,
            "service_at_locations": self.at_locations()?,
        })))
    }

    /// Where people meet, and where they take part from where they are.
    fn at_locations(&self) -> Result<Vec<Value>> {
        let modality = self.gathering.modality;
        let room = in_person(modality).then(|| self.room());
        let virtually = online(modality).then(|| {
            let id = id_of(&[&self.id.to_string(), "virtual"]);
            let name = if modality == Modality::Phone { "By telephone" } else { "Online" };
            (id, object(json!({ "id": id, "location_type": "virtual", "name": name, "accessibility": self.accessibility(id, true) })))
        });
        let at = |(location, described): (Uuid, Value)| {
            let id = id_of(&[&self.id.to_string(), &location.to_string()]);
            Ok(object(json!({
                "id": id, "service_id": self.id, "location_id": location, "location": described,
                "schedules": self.schedules(Some(("service_at_location_id", id)))?,
            })))
        };
        room.into_iter().chain(virtually).map(at).collect()
    }

    fn room(&self) -> (Uuid, Value) {
        let id = id_of(&[&self.id.to_string(), "physical"]);
        let address = address_for_all(self.gathering);
        // An address is whole there, or is none.
        let whole = address.and_then(|address| {
            let (line, city) = (address.line1.as_ref()?, address.city.as_ref()?);
            let (state, postal_code) = (address.region.as_ref()?, address.postal_code.as_ref()?);
            Some(object(json!({
                "id": id_of(&[&id.to_string(), "address"]), "location_id": id, "address_1": line, "address_2": address.line2, "city": city,
                "state_province": state, "postal_code": postal_code, "country": address.country, "address_type": "physical",
            })))
        });
        let described = json!({
            "id": id, "location_type": "physical", "name": self.gathering.area,
            "latitude": address.and_then(|address| address.latitude), "longitude": address.and_then(|address| address.longitude),
            "addresses": whole.into_iter().collect::<Vec<_>>(), "accessibility": self.accessibility(id, false),
        });
        (id, object(described))
    }

    /// What makes a place accessible: in a room, all of it; from elsewhere, what does not need the room.
    fn accessibility(&self, location: Uuid, virtually: bool) -> Vec<Value> {
        let there = |feature: &&String| !virtually || ["CAPTIONING", "ASL", "INTERPRETER"].contains(&feature.as_str());
        let features = self.gathering.accessibility.iter().filter(there);
        features
            .map(|feature| json!({ "id": id_of(&[&location.to_string(), feature]), "location_id": location, "description": feature }))
            .collect()
    }

    /// When it is, as what it belongs to has it: the service, unless another is named.
    fn schedules(&self, of: Option<(&str, Uuid)>) -> Result<Vec<Value>> {
        let of = of.unwrap_or(("service_id", self.id));
        let mut all = Vec::new();
        for series in self.gathering.series.iter() {
            let there = Self { zone: zone_in(series, self.zone)?, ..self.clone() };
            all.extend(there.schedules_of(series, of)?);
        }
        let to_come =
            self.apart.iter().filter(|session| session.status == SessionStatus::Scheduled && session.local_start.date() >= self.today);
        all.extend(to_come.map(|session| self.day(&session.id.to_string(), session.starts_at, session.ends_at, of)));
        Ok(all)
    }

    /// The days of a series on which it is not as the series says: a session is cancelled or at another time.
    fn apart_on(&self, series: &Series) -> BTreeSet<NaiveDate> {
        self.apart.iter().filter_map(|session| Some(session.occurrence?.date())).filter(|day| belongs(series, *day)).collect()
    }

    /// One schedule for each span of days in which clocks do not change, of the rule; one for each day that is named.
    fn schedules_of(&self, series: &Series, of: (&str, Uuid)) -> Result<Vec<Value>> {
        let rule = rule_of(series)?;
        let until = (self.today + AHEAD).min(series.ends_before.map_or(NaiveDate::MAX, |end| end - Days::new(1)));
        let apart = self.apart_on(series);
        let mut all = Vec::new();
        let mut by_rule = BTreeSet::new();
        if let Some(rule) = &rule {
            let days = rule.occurrences(self.zone, series.starts_on, series.start_time);
            let days = days.skip_while(|occurrence| occurrence.local.date() < self.today);
            let days: Vec<_> = days.take_while(|occurrence| occurrence.local.date() <= until).collect();
            by_rule.extend(days.iter().map(|occurrence| occurrence.local.date()));
            for span in days.chunk_by(|one, next| self.shown(one.at) == self.shown(next.at)) {
                all.push(self.span(series, rule, span, &apart, of));
            }
        }
        let named = series.extra_dates.iter().copied().chain(rule.is_none().then_some(series.starts_on));
        let mut named: Vec<_> =
            named.filter(|day| (self.today..=until).contains(day) && !apart.contains(day) && !by_rule.contains(day)).collect();
        named.sort_unstable();
        all.extend(named.into_iter().map(|day| {
            let at = instant_of(self.zone, day.and_time(series.start_time));
            self.day(&format!("{} {day}", series.id), at, at + TimeDelta::minutes(series.minutes.into()), of)
        }));
        Ok(all)
    }

    /// What clocks show at an instant, and by how many seconds they are before UTC.
    fn shown(&self, at: Instant) -> (NaiveTime, i32) {
        let shown = self.zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
        (local_of(self.zone, at).time(), shown)
    }

    /// A schedule from one instant to another, on the days from one to another.
    fn fields(&self, id: Uuid, from: Instant, to: Instant, last: NaiveDate, (owner, owner_id): (&str, Uuid)) -> Value {
        let first = local_of(self.zone, from).date();
        let offset = self.shown(from).1;
        let clock = |at: Instant| format!("{}{}", local_of(self.zone, at).format("%H:%M"), colon_offset(offset));
        let mut fields = json!({
            "id": id,
            "valid_from": first.to_string(),
            "valid_to": last.to_string(),
            "dtstart": first.to_string(),
            "timezone": hours(offset),
            "opens_at": clock(from),
            "closes_at": clock(to),
            "schedule_link": self.link,
            "attending_type": attending(self.gathering.modality),
            "description": format!("As clocks in {} show it.", self.zone.name()),
        });
        fields[owner] = json!(owner_id);
        fields
    }

    /// One session, which is known by a name.
    fn day(&self, name: &str, from: Instant, to: Instant, of: (&str, Uuid)) -> Value {
        self.fields(id_of(&[&of.1.to_string(), name]), from, to, local_of(self.zone, from).date(), of)
    }

    /// A rule on days in which clocks do not change.
    fn span(&self, series: &Series, rule: &Recurrence, span: &[Occurrence], apart: &BTreeSet<NaiveDate>, of: (&str, Uuid)) -> Value {
        let days = || span.iter().map(|occurrence| occurrence.local.date());
        let (at, last) = (span.first().map_or(Instant::UNIX_EPOCH, |first| first.at), days().next_back().unwrap_or(self.today));
        let told = told(rule);
        let mut notes = Vec::new();
        if told.is_none() {
            notes.push("The days do not fit this format: see the schedule_link.".to_owned());
        }
        let not_on = days().filter(|day| series.except_dates.contains(day) || apart.contains(day));
        let not_on = not_on.map(|day| day.to_string()).collect::<Vec<_>>();
        if !not_on.is_empty() {
            notes.push(format!("Not on {}.", not_on.join(", ")));
        }
        // The same for as long as clocks show the same: a span is known by the half of the year in which it ends.
        let half = (last.year(), last.month() > 6);
        let id = id_of(&[&of.1.to_string(), &series.id.to_string(), &format!("{:?} {half:?}", self.shown(at))]);
        let mut fields = self.fields(id, at, at + TimeDelta::minutes(series.minutes.into()), last, of);
        fields["notes"] = if notes.is_empty() { Value::Null } else { json!(notes.join(" ")) };
        if let Some(told) = told {
            // Each span ends where clocks change, and with it its rule.
            fields["until"] = json!(last.to_string());
            for (name, value) in told {
                fields[name] = value;
            }
        }
        object(fields)
    }
}

fn named_organization(organization: &organization::Model) -> Value {
    json!({ "id": Uuid::from(organization.id), "name": organization.name, "description": organization.name })
}

fn named_program(program: &program::Model, organization: Option<&organization::Model>) -> Value {
    object(json!({
        "id": Uuid::from(program.id), "organization_id": organization.map(|organization| Uuid::from(organization.id)), "name": program.name,
        "alternate_name": null, "description": program.description.clone().unwrap_or_else(|| program.name.clone()),
    }))
}

const fn attending(modality: Modality) -> &'static str {
    match modality {
        Modality::InPerson => "in person",
        Modality::Online => "online",
        Modality::Phone => "by telephone",
        Modality::Hybrid => "in person or online",
    }
}

/// The parts of a rule as the standard has them, which knows weeks and months: each day is a week of all days. Nothing where they do not say
/// it.
fn told(rule: &Recurrence) -> Option<Vec<(&'static str, Value)>> {
    let daily = rule.part("FREQ") == Some("DAILY");
    let interval: u16 = rule.part("INTERVAL").map_or(Some(1), |interval| interval.parse().ok())?;
    let (month_days, days) = (rule.part("BYMONTHDAY"), rule.part("BYDAY"));
    if rule.part("BYSETPOS").is_some() || daily && (interval != 1 || month_days.is_some()) {
        return None;
    }
    let freq = if daily { "WEEKLY" } else { rule.part("FREQ")? };
    let days = days.or_else(|| daily.then_some("MO,TU,WE,TH,FR,SA,SU"));
    let mut parts = vec![("freq", json!(freq)), ("interval", json!(interval)), ("wkst", json!(rule.part("WKST").unwrap_or("MO")))];
    parts.extend(days.map(|days| ("byday", json!(days))));
    parts.extend(month_days.map(|days| ("bymonthday", json!(days))));
    Some(parts)
}

/// An offset as hours, which may be half.
fn hours(offset: i32) -> Value {
    if offset % 3_600 == 0 { json!(offset / 3_600) } else { json!(f64::from(offset) / 3_600.0) }
}

/// An offset as it stands behind a time of day.
fn colon_offset(offset: i32) -> String {
    let (sign, seconds) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
    format!("{sign}{:02}:{:02}", seconds / 3_600, seconds / 60 % 60)
}

fn cents_as_number(amount: Decimal) -> Value {
    amount.to_string().parse().map_or(Value::Null, Value::Number)
}

/// A page of what is listed, as the API of HSDS has it.
///
/// # Errors
/// Refused when `page` or `per_page` is none, and when there are more gatherings than one document holds.
pub async fn list(store: &Store, public: &str, listed: Listed, parameters: &[(String, String)]) -> Result<String> {
    let page = number(parameters, "page", 1, 1_000_000)?;
    let size = number(parameters, "per_page", PAGE, LARGEST_PAGE)?;
    if parameters.iter().any(|(name, _)| name != "page" && name != "per_page") {
        return Err(Refusal::invalid("The parameters are `page` and `per_page`.").into());
    }
    let now = store.clock().now();
    let mut all = all_to_come(store).await?;
    // By what does not change, so that a page goes on where the one before ended.
    all.sort_by_key(|one| Uuid::from(one.gathering.id));
    // Nothing but a whole service names who gives it.
    let entities = Entities::of(store, if listed == Listed::Services { &all } else { &[] }).await?;
    let public = public.to_owned();
    // Reckoning a year of days for each of many gatherings takes a while: others are answered meanwhile.
    let written = tokio::task::spawn_blocking(move || write(&all, &entities, &public, listed, page, size, now));
    written.await.map_err(|_| Error::internal("a list was not written to its end"))?
}

fn write(all: &[Published], entities: &Entities, public: &str, listed: Listed, page: usize, size: usize, now: Instant) -> Result<String> {
    let services = all.iter().map(|one| Service::of(one, public, now)).collect::<Result<Vec<_>>>()?;
    let everything: Vec<Value> = match listed {
        Listed::Services => {
            let these = slice(&services, page, size).iter().map(|service| service.whole(entities)).collect::<Result<Vec<_>>>()?;
            return Ok(paged(&these, services.len(), page, size));
        }
        Listed::ServiceAtLocations => services.iter().map(Service::at_locations).collect::<Result<Vec<_>>>()?.concat(),
        Listed::Schedules => services.iter().map(|service| service.schedules(None)).collect::<Result<Vec<_>>>()?.concat(),
    };
    Ok(paged(slice(&everything, page, size), everything.len(), page, size))
}

fn slice<T>(all: &[T], page: usize, size: usize) -> &[T] {
    let first = (page - 1).saturating_mul(size).min(all.len());
    &all[first..all.len().min(first.saturating_add(size))]
}

fn paged(contents: &[Value], total: usize, page: usize, size: usize) -> String {
    let pages = total.div_ceil(size).max(1);
    json!({
        "total_items": total,
        "total_pages": pages,
        "page_number": page,
        "size": contents.len(),
        "first_page": page == 1,
        "last_page": page >= pages,
        "empty": contents.is_empty(),
        "contents": contents,
    })
    .to_string()
}
