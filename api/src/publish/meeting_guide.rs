//! The public schedule in the Meeting Guide format (code4recovery's `spec`), which recovery apps read: what comes again each week.

use std::collections::BTreeSet;

use chrono::{TimeDelta, Weekday};
use chrono_tz::Tz;
use entity::gathering::{self, Series};
use serde_json::{Value, json};

use super::{all_to_come, entities::Entities, object};
use crate::{
    clock::Instant,
    domain::{
        gathering::{address_for_all, belongs, in_force, in_person, later, rule_of},
        wall_time::zone_of,
    },
    error::Result,
    store::Store,
};

/// In which a meeting of each week is at least once, even where clocks are put back.
const A_WEEK: TimeDelta = TimeDelta::days(8);

/// The most characters of a name, by the format.
const LONGEST_NAME: usize = 255;

/// The format's codes of languages, by their first subtag. Others are not told: a reader knows no more.
pub(crate) const LANGUAGES: &[(&str, &str)] = &[
    ("af", "AF"),
    ("am", "AM"),
    ("ar", "AR"),
    ("ase", "ASL"),
    ("bg", "BG"),
    ("da", "DA"),
    ("de", "DE"),
    ("el", "EL"),
    ("en", "EN"),
    ("es", "S"),
    ("fa", "FA"),
    ("fi", "FI"),
    ("fr", "FR"),
    ("he", "HE"),
    ("hi", "HI"),
    ("hr", "HR"),
    ("hu", "HU"),
    ("is", "IS"),
    ("it", "ITA"),
    ("ja", "JA"),
    ("ka", "KA"),
    ("ko", "KOR"),
    ("lt", "LT"),
    ("ml", "ML"),
    ("mt", "MT"),
    ("ne", "NE"),
    ("nl", "NL"),
    ("no", "NO"),
    ("pa", "PUN"),
    ("pl", "POL"),
    ("pt", "POR"),
    ("ru", "RUS"),
    ("sk", "SK"),
    ("sl", "SL"),
    ("sv", "SV"),
    ("th", "TH"),
    ("tl", "TL"),
    ("tr", "TUR"),
    ("uk", "UK"),
];

/// The format's codes of what makes a meeting accessible. For the others it has none.
pub(crate) const ACCESSIBILITY: &[(&str, &str)] = &[("WHEELCHAIR", "X"), ("ASL", "ASL"), ("CHILDCARE", "BA")];

/// The meetings of a week, as a JSON array. `website` is where whoever runs them is found.
///
/// # Errors
/// Refused when there are more than one document holds.
pub async fn meetings(store: &Store, website: &str) -> Result<String> {
    let now = store.clock().now();
    let all = all_to_come(store).await?;
    let entities = Entities::of(store, &all).await?;
    let mut meetings = Vec::new();
    for one in &all {
        if let Some(meeting) = meeting(&one.gathering, &entities, website, now)? {
            meetings.push(meeting);
        }
    }
    Ok(Value::Array(meetings).to_string())
}

/// A gathering as a meeting, if it is one of each week.
fn meeting(gathering: &gathering::Model, entities: &Entities, website: &str, now: Instant) -> Result<Option<Value>> {
    let zone = zone_of(&gathering.time_zone)?;
    // Where no day is left of the one that is in force, the next is told: it is about to begin.
    let mut told = in_force(&gathering.series, zone, now).into_iter().chain(later(&gathering.series, zone, now));
    let told = told.find_map(|series| Some(weekly(series, zone, now).transpose()?.map(|days| (series, days))));
    let Some((series, days)) = told.transpose()? else { return Ok(None) };
    let end = series.start_time.overflowing_add_signed(TimeDelta::minutes(series.minutes.into())).0;
    // The format counts from Sunday, which is 0.
    let days: Vec<_> = days.iter().map(Weekday::num_days_from_sunday).collect();
    let address = address_for_all(gathering).filter(|_| in_person(gathering.modality));
    let exact = address.is_some_and(|address| address.line1.is_some());
    let organization = entities.organization(gathering);
    let program = organization.and_then(|_| entities.program(gathering));
    let website = organization.map(|_| website);
    Ok(Some(object(json!({
        "name": gathering.title.chars().take(LONGEST_NAME).collect::<String>(),
        "slug": gathering.known_as().to_string(),
        "day": if let [day] = days[..] { json!(day) } else { json!(days) },
        "time": series.start_time.format("%H:%M").to_string(),
        "end_time": end.format("%H:%M").to_string(),
        "timezone": gathering.time_zone,
        "types": types(gathering),
        "notes": gathering.description,
        "updated": gathering.updated_at.format("%Y-%m-%d %H:%M:%S").to_string(),
        "region": gathering.area,
        "address": address.and_then(|address| address.line1.as_ref()),
        "city": address.and_then(|address| address.city.as_ref()),
        "state": address.and_then(|address| address.region.as_ref()),
        "postal_code": address.and_then(|address| address.postal_code.as_ref()),
        "country": address.map(|address| &address.country),
        "latitude": address.and_then(|address| address.latitude).map(five_decimals),
        "longitude": address.and_then(|address| address.longitude).map(five_decimals),
        "formatted_address": if address.is_none() { gathering.area.as_ref() } else { None },
        "approximate": if exact { "no" } else { "yes" },
        "group": program.map(|program| &program.name),
        "entity": organization.map(|organization| &organization.name),
        "entity_phone": program.and_then(|program| program.phone.as_ref()),
        // Readers of before know the one, those of today the other.
        "entity_url": website,
        "entity_website_url": website,
    }))))
}

/// The days of the week on which a series is each week, if it is so now: it has begun or is about to, and goes on.
fn weekly(series: &Series, zone: Tz, now: Instant) -> Result<Option<Vec<Weekday>>> {
    let Some(rule) = rule_of(series)? else { return Ok(None) };
    let mut to_come = rule.occurrences(zone, series.starts_on, series.start_time).skip_while(|occurrence| occurrence.at <= now);
    let next = to_come.next().filter(|next| belongs(series, next.local.date()));
    Ok(if next.is_some_and(|next| next.at - now <= A_WEEK) { rule.each_week(series.starts_on) } else { None })
}

/// What kind of meeting it is: the format's own codes, then those of what it is about, which are ours.
fn types(gathering: &gathering::Model) -> Vec<String> {
    let code = |known: &[(&str, &str)], of: &str| known.iter().find(|(name, _)| *name == of).map(|(_, code)| (*code).to_owned());
    let languages = gathering.languages.iter().filter_map(|tag| code(LANGUAGES, tag.split('-').next()?));
    let accessible = gathering.accessibility.iter().filter_map(|feature| code(ACCESSIBILITY, feature));
    let topics = gathering.topics.iter().map(|topic| format!("PR-{topic}"));
    // Whoever finds it may come: what is for clients alone is not told here.
    let mut types: Vec<_> = ["O".to_owned()].into_iter().chain(languages).chain(accessible).chain(topics).collect();
    let mut once = BTreeSet::new();
    types.retain(|code| once.insert(code.clone()));
    types
}

/// Within a metre or so, as the format has it.
fn five_decimals(degrees: f64) -> f64 {
    (degrees * 100_000.0).round() / 100_000.0
}
