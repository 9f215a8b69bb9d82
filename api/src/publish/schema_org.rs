//! A public workshop or support group as search engines and assistants read it: `Event` and `EventSeries` of schema.org, as JSON-LD. How many
//! people may come, or are still let in, is told nowhere here.

use std::collections::BTreeSet;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, Weekday};
use chrono_tz::Tz;
use entity::{
    AnyId,
    gathering::{self, Series},
    organization, program, session,
    vocabulary::{Modality, SessionStatus},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{entities::Entities, gathering_of, object};
use crate::{
    clock::Instant,
    domain::{
        gathering::{address_for_all, belongs, in_person, online, rule_of, zone_in},
        recurrence::{Occurrence, Recurrence, weekday},
        schedule::{Published, coming, published_one},
        topic::by_code,
        wall_time::{local_of, zone_of},
    },
    error::Result,
    store::{Store, Visible},
};

/// How many sessions are told one by one: the schedule says the others.
const MOST_SESSIONS: u64 = 100;

/// One public workshop or support group with its sessions to come; nothing when there is none with this id. `public` is our address.
///
/// # Errors
/// `Database` when it cannot be asked.
pub async fn event(store: &Store, public: &str, id: AnyId) -> Result<Option<String>> {
    let Some(named) = gathering_of(id) else { return Ok(None) };
    let Some(one) = published_one(store, named).await?.filter(|one| one.gathering.known_as() == id) else { return Ok(None) };
    let sessions = coming(store, named, MOST_SESSIONS).await?;
    let all = [one];
    let entities = Entities::of(store, &all).await?;
    let [one] = all;
    let told = Told::of(&one, &entities, public)?;
    told.whole(&sessions, store.clock().now()).map(|whole| Some(whole.to_string()))
}

/// What is told of a gathering.
struct Told<'a> {
    gathering: &'a gathering::Model,
    apart: &'a [Visible<session::Entity>],
    zone: Tz,
    /// Its address, by which what is told of it is known.
    address: String,
    calendar: String,
    organizer: Option<Value>,
}

impl<'a> Told<'a> {
    fn of(one: &'a Published, entities: &Entities, public: &str) -> Result<Self> {
        let gathering = &*one.gathering;
        let path = format!("{public}/calendar/workshops/{}", gathering.known_as());
        let organization = entities.organization(gathering);
        let program = entities.program(gathering);
        Ok(Self {
            gathering,
            apart: &one.apart,
            zone: zone_of(&gathering.time_zone)?,
            address: format!("{path}.jsonld"),
            calendar: format!("{path}.ics"),
            organizer: organization.map(|organization| organizer(organization, program.map(|program| &**program))),
        })
    }

    fn whole(&self, sessions: &[Visible<session::Entity>], now: Instant) -> Result<Value> {
        let gathering = self.gathering;
        let topics = gathering.topics.iter().filter_map(|code| by_code(code));
        let topics: Vec<_> = topics.map(|topic| json!({ "@type": "DefinedTerm", "termCode": topic.code, "name": topic.label })).collect();
        let mut whole = self.shared();
        let own = json!({
            "@context": "https://schema.org",
            "@id": self.address,
            "identifier": gathering.known_as().to_string(),
            "description": gathering.description,
            "about": some(topics),
            "subjectOf": { "@type": "CreativeWork", "encodingFormat": "text/calendar", "url": self.calendar },
        });
        merge(&mut whole, own);
        let time = match (&gathering.series[..], sessions) {
            // It takes place once: it is that event, and no series of one.
            ([Series { recurrence: None, extra_dates, .. }], [only]) if extra_dates.is_empty() => self.time(only),
            _ => {
                let today = local_of(self.zone, now).date();
                let schedules = gathering.series.iter().map(|series| self.schedule(series, today)).collect::<Result<Vec<_>>>()?;
                let first = gathering.series.iter().map(Series::begins_on).min();
                json!({
                    "@type": "EventSeries",
                    "startDate": first.map(|day| day.to_string()),
                    "eventSchedule": some(schedules.into_iter().flatten().collect()),
                    "subEvent": some(sessions.iter().map(|session| self.session(session)).collect()),
                })
            }
        };
        merge(&mut whole, time);
        Ok(object(whole))
    }

    /// What is so of each session as well: who reads one of them reads it there.
    fn shared(&self) -> Value {
        let gathering = self.gathering;
        let price = Decimal::new(gathering.cost_cents.unwrap_or_default(), 2);
        json!({
            "@type": "Event",
            "name": gathering.title,
            "eventAttendanceMode": attendance(gathering.modality),
            "location": some(self.locations()),
            "organizer": self.organizer,
            "inLanguage": some(gathering.languages.iter().map(|tag| json!(tag)).collect()),
            "isAccessibleForFree": price.is_zero(),
            "offers": { "@type": "Offer", "price": price.to_string(), "priceCurrency": "USD" },
            "typicalAgeRange": gathering.minimum_age.map(|years| format!("{years}-")),
            "audience": gathering.audience.as_ref().map(|audience| json!({ "@type": "Audience", "audienceType": audience })),
        })
    }

    /// Where people meet, as everyone may know it, and that others take part from where they are: not by which link.
    fn locations(&self) -> Vec<Value> {
        let modality = self.gathering.modality;
        let room = in_person(modality).then(|| self.room()).flatten();
        let name = if modality == Modality::Phone { "By telephone" } else { "Online" };
        let virtually = online(modality).then(|| json!({ "@type": "VirtualLocation", "name": name }));
        room.into_iter().chain(virtually).collect()
    }

    fn room(&self) -> Option<Value> {
        let address = address_for_all(self.gathering);
        let written = address.map(|address| {
            let street: Vec<_> = [&address.line1, &address.line2].into_iter().flatten().cloned().collect();
            object(json!({
                "@type": "PostalAddress",
                "streetAddress": (!street.is_empty()).then(|| street.join(", ")),
                "addressLocality": address.city,
                "addressRegion": address.region,
                "postalCode": address.postal_code,
                "addressCountry": address.country,
            }))
        });
        let degrees = address.and_then(|address| address.latitude.zip(address.longitude));
        let degrees =
            degrees.map(|(latitude, longitude)| json!({ "@type": "GeoCoordinates", "latitude": latitude, "longitude": longitude }));
        if written.is_none() && self.gathering.area.is_none() {
            return None;
        }
        let features = self.gathering.accessibility.iter();
        let features = features.map(|feature| json!({ "@type": "LocationFeatureSpecification", "name": feature, "value": true }));
        Some(object(json!({
            "@type": "Place", "name": self.gathering.area, "address": written, "geo": degrees, "amenityFeature": some(features.collect()),
        })))
    }

    /// When a session is, and how it stands.
    fn time(&self, session: &session::Model) -> Value {
        let planned = |local: NaiveDateTime| Some(Occurrence::new(zone_of(self.gathering.zone_on(local.date())).ok()?, local));
        let moved = session.occurrence.and_then(planned).filter(|planned| planned.at != session.starts_at);
        let status = match (session.status, moved) {
            (SessionStatus::Cancelled, _) => "https://schema.org/EventCancelled",
            (_, Some(_)) => "https://schema.org/EventRescheduled",
            _ => "https://schema.org/EventScheduled",
        };
        json!({
            "startDate": self.shown(session.starts_at),
            "endDate": self.shown(session.ends_at),
            "eventStatus": status,
            // The vocabulary has a day here, and no time of day.
            "previousStartDate": moved.map(|planned| planned.local.date().to_string()),
            "disambiguatingDescription": session.note,
        })
    }

    fn session(&self, session: &session::Model) -> Value {
        let mut told = self.shared();
        let own = json!({
            "@id": format!("{}#{}", self.address, session.id),
            "identifier": session.id.to_string(),
            "superEvent": { "@id": self.address },
        });
        merge(&mut told, own);
        merge(&mut told, self.time(session));
        object(told)
    }

    /// An instant as clocks show it there, with how far they are from UTC.
    fn shown(&self, at: Instant) -> String {
        at.with_timezone(&self.zone).to_rfc3339_opts(SecondsFormat::Secs, false)
    }

    /// A series that is not over, where its rule can be said. The days on which it is not as the rule says are none of the schedule: the
    /// sessions say what is on them.
    fn schedule(&self, series: &Series, today: NaiveDate) -> Result<Option<Value>> {
        let Some(rule) = rule_of(series)? else { return Ok(None) };
        let Some(repeats) = repeats(&rule, series.starts_on) else { return Ok(None) };
        let zone = zone_in(series, self.zone)?;
        let last = rule.ends().then(|| rule.occurrences(zone, series.starts_on, series.start_time).last()).flatten();
        let last = last.map(|last| last.local.date()).into_iter().chain(series.ends_before.map(|end| end - Days::new(1))).min();
        if last.is_some_and(|last| last < today.max(series.starts_on)) {
            return Ok(None);
        }
        let apart = self.apart.iter().filter_map(|session| Some(session.occurrence?.date()));
        let except: BTreeSet<_> = series.except_dates.iter().copied().chain(apart).filter(|day| belongs(series, *day)).collect();
        let except: Vec<_> = except.into_iter().map(|day| json!(day.to_string())).collect();
        let end = series.start_time.overflowing_add_signed(TimeDelta::minutes(series.minutes.into())).0;
        let mut schedule = json!({
            "@type": "Schedule",
            "startDate": series.starts_on.to_string(),
            "endDate": last.map(|day| day.to_string()),
            "startTime": series.start_time.format("%H:%M:%S").to_string(),
            "endTime": end.format("%H:%M:%S").to_string(),
            "duration": format!("PT{}M", series.minutes),
            "scheduleTimezone": zone.name(),
            "exceptDate": some(except),
        });
        merge(&mut schedule, repeats);
        Ok(Some(object(schedule)))
    }
}

fn organizer(organization: &organization::Model, program: Option<&program::Model>) -> Value {
    let whole = json!({ "@type": "Organization", "name": organization.name });
    match program {
        None => whole,
        Some(program) => object(json!({
            "@type": "Organization", "name": program.name, "telephone": program.phone, "parentOrganization": whole,
        })),
    }
}

const fn attendance(modality: Modality) -> &'static str {
    match modality {
        Modality::InPerson => "https://schema.org/OfflineEventAttendanceMode",
        Modality::Online | Modality::Phone => "https://schema.org/OnlineEventAttendanceMode",
        Modality::Hybrid => "https://schema.org/MixedEventAttendanceMode",
    }
}

const fn day_of_week(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "https://schema.org/Monday",
        Weekday::Tue => "https://schema.org/Tuesday",
        Weekday::Wed => "https://schema.org/Wednesday",
        Weekday::Thu => "https://schema.org/Thursday",
        Weekday::Fri => "https://schema.org/Friday",
        Weekday::Sat => "https://schema.org/Saturday",
        Weekday::Sun => "https://schema.org/Sunday",
    }
}

/// How a rule from a first day on comes again, as the vocabulary has it: days of each so many weeks, or days of each so many months, by their
/// number or as the second Tuesday. Nothing where it does not say it, and readers would take it for another.
fn repeats(rule: &Recurrence, first: NaiveDate) -> Option<Value> {
    let interval: u16 = rule.part("INTERVAL").map_or(Some(1), |interval| interval.parse().ok())?;
    let each = |unit: char| format!("P{interval}{unit}");
    let (days, month_days) = (rule.part("BYDAY"), rule.part("BYMONTHDAY"));
    let of_week = |days: &str| days.split(',').map(|day| weekday(day).map(day_of_week)).collect::<Option<Vec<_>>>();
    let of_month = |days: &str| days.split(',').map(|day| day.parse::<u8>().ok()).collect::<Option<Vec<_>>>();
    if rule.part("BYSETPOS").is_some() || days.is_some() && month_days.is_some() {
        return None;
    }
    match rule.part("FREQ")? {
        "DAILY" if days.is_none() && month_days.is_none() => Some(json!({ "repeatFrequency": each('D') })),
        // Each such day is each week's, and each such number each month's.
        "DAILY" | "MONTHLY" if interval == 1 && days.and_then(of_week).is_some() => {
            Some(json!({ "repeatFrequency": "P1W", "byDay": days.and_then(of_week) }))
        }
        "DAILY" if interval == 1 && month_days.is_some() => {
            Some(json!({ "repeatFrequency": "P1M", "byMonthDay": month_days.and_then(of_month)? }))
        }
        "WEEKLY" => {
            let days = days.map_or_else(|| Some(vec![day_of_week(first.weekday())]), of_week)?;
            // Of several days, every other week is another where weeks begin on another day.
            let plain = interval == 1 || days.len() == 1 || rule.part("WKST").is_none_or(|start| start == "MO");
            plain.then(|| json!({ "repeatFrequency": each('W'), "byDay": days }))
        }
        "MONTHLY" => match (days, month_days) {
            // As calendars write them: `2TU`, `-1FR`. One without a number is all of a month's.
            (Some(days), _) if days.split(',').all(|day| weekday(day).is_none()) => {
                Some(json!({ "repeatFrequency": each('M'), "byDay": days.split(',').collect::<Vec<_>>() }))
            }
            (Some(_), _) => None,
            (None, month_days) => {
                let days = month_days.map_or_else(|| u8::try_from(first.day()).ok().map(|day| vec![day]), of_month)?;
                Some(json!({ "repeatFrequency": each('M'), "byMonthDay": days }))
            }
        },
        _ => None,
    }
}

/// A list, where anything is in it.
fn some(list: Vec<Value>) -> Option<Vec<Value>> {
    (!list.is_empty()).then_some(list)
}

/// Puts fields into an object, in place of those of the same name.
fn merge(into: &mut Value, fields: Value) {
    if let (Value::Object(into), Value::Object(fields)) = (into, fields) {
        into.extend(fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_said_where_they_can_be_and_not_otherwise() {
        let tuesday = NaiveDate::from_ymd_opt(2026, 3, 3).unwrap();
        let (monday, thursday) = ("https://schema.org/Monday", "https://schema.org/Thursday");
        for (rule, said) in [
            ("FREQ=WEEKLY", json!({ "repeatFrequency": "P1W", "byDay": ["https://schema.org/Tuesday"] })),
            ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", json!({ "repeatFrequency": "P2W", "byDay": [monday, thursday] })),
            ("FREQ=WEEKLY;BYDAY=MO,TH;WKST=SU", json!({ "repeatFrequency": "P1W", "byDay": [monday, thursday] })),
            ("FREQ=DAILY;INTERVAL=3", json!({ "repeatFrequency": "P3D" })),
            ("FREQ=DAILY;BYDAY=MO", json!({ "repeatFrequency": "P1W", "byDay": [monday] })),
            ("FREQ=DAILY;BYMONTHDAY=1,15", json!({ "repeatFrequency": "P1M", "byMonthDay": [1, 15] })),
            ("FREQ=MONTHLY", json!({ "repeatFrequency": "P1M", "byMonthDay": [3] })),
            ("FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=3", json!({ "repeatFrequency": "P2M", "byMonthDay": [3] })),
            ("FREQ=MONTHLY;BYDAY=1TU,-1FR", json!({ "repeatFrequency": "P1M", "byDay": ["1TU", "-1FR"] })),
            ("FREQ=MONTHLY;BYDAY=MO", json!({ "repeatFrequency": "P1W", "byDay": [monday] })),
        ] {
            assert_eq!(repeats(&Recurrence::parse(rule).unwrap(), tuesday), Some(said), "{rule}");
        }
        for unsaid in [
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "FREQ=MONTHLY;BYMONTHDAY=-1",
            "FREQ=MONTHLY;INTERVAL=2;BYDAY=MO",
            "FREQ=MONTHLY;BYDAY=1TU,MO",
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
            "FREQ=DAILY;INTERVAL=2;BYDAY=MO",
            "FREQ=DAILY;BYMONTHDAY=-1",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;WKST=TH",
        ] {
            assert_eq!(repeats(&Recurrence::parse(unsaid).unwrap(), tuesday), None, "{unsaid}");
        }
    }
}
