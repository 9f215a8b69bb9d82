//! BMLT (the Basic Meeting List Toolbox): the JSON of its `GetSearchResults`. Its days are counted from 1, which is Sunday.

use chrono::{NaiveTime, Timelike as _};
use entity::{
    program::Address,
    vocabulary::{FeedFailure, Modality},
};
use serde_json::Value;

use super::{
    Context, LeftOut, USUAL_MINUTES, Understood, from_sunday, length, tidy,
    tidy::{LINE, field},
    time_of_day,
};
use crate::domain::{
    gathering::in_person,
    listed_meeting::{Days, Meeting},
    text,
};

/// Whom a meeting is for, by the keys of its formats.
const AUDIENCES: &[(&str, &str)] =
    &[("C", "People who seek recovery themselves"), ("W", "Women"), ("M", "Men"), ("Y", "Young people"), ("GL", "LGBTQ people")];

/// What makes it accessible, likewise.
const ACCESSIBILITY: &[(&str, &str)] = &[("WC", "WHEELCHAIR"), ("WCHR", "WHEELCHAIR"), ("ASL", "ASL"), ("CW", "CHILDCARE")];

/// What such a feed says: the meetings, by themselves or beside the formats that they name.
pub(super) fn read(body: &[u8], context: &Context) -> Result<Understood, FeedFailure> {
    let all = match serde_json::from_slice(body) {
        Ok(Value::Array(all)) => all,
        Ok(Value::Object(mut parts)) => match parts.remove("meetings") {
            Some(Value::Array(all)) => all,
            _ => return Err(FeedFailure::Malformed),
        },
        _ => return Err(FeedFailure::Malformed),
    };
    Ok(Understood::of(all.iter().map(|one| meeting(one, context))))
}

fn meeting(one: &Value, context: &Context) -> Result<Meeting, LeftOut> {
    use LeftOut::Unclear;
    let told = |name| field(one, name);
    let line = |name| told(name).and_then(|text| tidy::line(&text, LINE));
    if told("published").is_some_and(|published| published == "0") || one.get("published") == Some(&Value::Bool(false)) {
        return Err(LeftOut::NotHeld);
    }
    let weekday = one.get("weekday_tinyint").and_then(tidy::number).and_then(|day| from_sunday(day - 1)).ok_or(Unclear)?;
    let zone = match told("time_zone") {
        Some(zone) => zone.parse().map_err(|_| Unclear)?,
        None => context.zone.ok_or(Unclear)?,
    };
    let formats: Vec<String> = told("formats").iter().flat_map(|keys| keys.split(',')).map(|key| key.trim().to_ascii_uppercase()).collect();
    let has = |key: &str| formats.iter().any(|own| own == key);
    let modality = modality(one, &has).ok_or(LeftOut::NotHeld)?;
    let audience: Vec<_> = AUDIENCES.iter().filter(|(key, _)| has(key)).map(|(_, whom)| *whom).collect();
    Ok(Meeting {
        external_id: told("id_bigint").ok_or(Unclear)?,
        title: line("meeting_name").ok_or(Unclear)?,
        description: tidy::paragraph(&["comments", "location_info"].into_iter().filter_map(told).collect::<Vec<_>>().join("\n")),
        source: line("service_body_name").unwrap_or_else(|| context.host.clone()),
        source_url: told("meeting_url").and_then(|url| tidy::page(&url)),
        modality,
        languages: told("lang_enum").and_then(|tag| text::language("languages", &tag).ok()).into_iter().collect(),
        accessibility: tidy::once(ACCESSIBILITY.iter().filter(|(key, _)| has(key)).map(|(_, ours)| (*ours).to_owned())),
        audience: (!audience.is_empty()).then(|| audience.join(", ")),
        address: address(one).filter(|_| in_person(modality)),
        area: ["location_neighborhood", "location_municipality", "location_province"].into_iter().find_map(line),
        time_zone: zone,
        start_time: told("start_time").and_then(|time| time_of_day(&time)).ok_or(Unclear)?,
        minutes: match told("duration_time") {
            Some(takes) => match time_of_day(&takes).ok_or(Unclear)? {
                NaiveTime::MIN => USUAL_MINUTES,
                takes => length((takes.num_seconds_from_midnight() / 60).into()).ok_or(Unclear)?,
            },
            None => USUAL_MINUTES,
        },
        days: Days::Weekly(vec![weekday]),
    })
}

/// How people meet: by the kind of venue, or by the formats of before there was one. In no way where the place is closed.
fn modality(one: &Value, has: &impl Fn(&str) -> bool) -> Option<Modality> {
    let link = field(one, "virtual_meeting_link").is_some();
    let online = if !link && field(one, "phone_meeting_number").is_some() { Modality::Phone } else { Modality::Online };
    match one.get("venue_type").and_then(tidy::number) {
        Some(1) if has("TC") => None,
        Some(1) => Some(Modality::InPerson),
        Some(2) => Some(online),
        Some(3) if has("TC") => Some(online),
        Some(3) => Some(Modality::Hybrid),
        _ if has("HY") && !has("TC") => Some(Modality::Hybrid),
        _ if has("VM") || has("TC") && link => Some(online),
        _ => (!has("TC")).then_some(Modality::InPerson),
    }
}

fn address(one: &Value) -> Option<Address> {
    let told = |name| field(one, name);
    let place = tidy::degrees(told("latitude").as_deref(), told("longitude").as_deref());
    tidy::address(Address {
        line1: told("location_street"),
        line2: told("location_text"),
        city: told("location_municipality"),
        region: told("location_province"),
        postal_code: told("location_postal_code_1"),
        country: tidy::country(told("location_nation").as_deref()),
        latitude: place.map(|place| place.0),
        longitude: place.map(|place| place.1),
    })
}
