//! The Meeting Guide format (code4recovery's `spec`): a JSON array of what comes again each week. Its days are counted from 0, which is
//! Sunday.

use chrono::{TimeDelta, Weekday};
use entity::{
    program::Address,
    vocabulary::{FeedFailure, Modality},
};
use serde_json::Value;

use super::{
    Context, LONGEST_NAME, LeftOut, USUAL_MINUTES, Understood, from_sunday, length, tidy,
    tidy::{LINE, field},
    time_of_day,
};
use crate::{
    domain::listed_meeting::{Days, Meeting},
    publish::meeting_guide::{ACCESSIBILITY, LANGUAGES},
};

/// Whom a meeting is for, by the format's codes.
const AUDIENCES: &[(&str, &str)] = &[
    ("C", "People who seek recovery themselves"),
    ("W", "Women"),
    ("M", "Men"),
    ("Y", "Young people"),
    ("SEN", "Older people"),
    ("LGBTQ", "LGBTQ people"),
    ("N", "Newcomers"),
];

/// That the place is closed for the time being.
const CLOSED: &str = "TC";

/// What such a feed says.
pub(super) fn read(body: &[u8], context: &Context) -> Result<Understood, FeedFailure> {
    let Ok(Value::Array(all)) = serde_json::from_slice(body) else { return Err(FeedFailure::Malformed) };
    Ok(Understood::of(all.iter().map(|one| meeting(one, context))))
}

fn meeting(one: &Value, context: &Context) -> Result<Meeting, LeftOut> {
    use LeftOut::Unclear;
    let text = |name| field(one, name);
    let line = |name| text(name).and_then(|text| tidy::line(&text, LINE));
    let days = days(one.get("day").unwrap_or(&Value::Null)).ok_or(Unclear)?;
    let start_time = text("time").and_then(|time| time_of_day(&time)).ok_or(Unclear)?;
    let zone = match text("timezone") {
        Some(zone) => zone.parse().map_err(|_| Unclear)?,
        None => context.zone.ok_or(Unclear)?,
    };
    let types: Vec<String> = one.get("types").and_then(Value::as_array).into_iter().flatten().filter_map(code).collect();
    let has = |code: &str| types.iter().any(|own| own == code);
    let modality = modality(one, has(CLOSED), has("ONL")).ok_or(LeftOut::NotHeld)?;
    let known = |table: &'static [(&str, &str)]| table.iter().filter(|(_, code)| has(code)).map(|(ours, _)| (*ours).to_owned());
    let audience: Vec<_> = AUDIENCES.iter().filter(|(code, _)| has(code)).map(|(_, whom)| *whom).collect();
    let notes: Vec<_> = ["notes", "location_notes"].into_iter().filter_map(text).collect();
    Ok(Meeting {
        external_id: text("slug").filter(|slug| slug.chars().count() <= LONGEST_NAME).ok_or(Unclear)?,
        title: line("name").ok_or(Unclear)?,
        description: tidy::paragraph(&notes.join("\n")),
        source: line("entity").unwrap_or_else(|| context.host.clone()),
        source_url: text("url").and_then(|url| tidy::page(&url)),
        modality,
        languages: tidy::once(known(LANGUAGES)),
        accessibility: tidy::once(known(ACCESSIBILITY)),
        audience: (!audience.is_empty()).then(|| audience.join(", ")),
        address: address(one).filter(|_| crate::domain::gathering::in_person(modality)),
        area: area(one),
        time_zone: zone,
        start_time,
        minutes: match text("end_time") {
            Some(end) => {
                let takes = time_of_day(&end).ok_or(Unclear)? - start_time;
                // One that ends before it begins ends on the next day.
                let takes = if takes > TimeDelta::zero() { takes } else { takes + TimeDelta::days(1) };
                length(takes.num_minutes()).ok_or(Unclear)?
            }
            None => USUAL_MINUTES,
        },
        days: Days::Weekly(days),
    })
}

fn code(of: &Value) -> Option<String> {
    of.as_str().map(|code| code.trim().to_ascii_uppercase())
}

/// One day of the week, or several.
fn days(of: &Value) -> Option<Vec<Weekday>> {
    let one = |day: &Value| from_sunday(tidy::number(day)?);
    let mut days: Vec<Weekday> = match of {
        Value::Array(days) => days.iter().map(one).collect::<Option<_>>()?,
        day => vec![one(day)?],
    };
    days.sort_by_key(Weekday::num_days_from_monday);
    days.dedup();
    (!days.is_empty()).then_some(days)
}

/// How people meet; in no way where the place is closed and there is no other.
fn modality(one: &Value, closed: bool, online: bool) -> Option<Modality> {
    let video = online || field(one, "conference_url").is_some();
    let phone = field(one, "conference_phone").is_some();
    match field(one, "attendance_option").as_deref() {
        Some("inactive") => return None,
        Some("online") => return Some(Modality::Online),
        Some("in_person") => return Some(Modality::InPerson),
        Some("hybrid") => return Some(Modality::Hybrid),
        _ => {}
    }
    // An address of which nothing but a town is told is no place to go to.
    let approximate = field(one, "approximate").is_some_and(|text| text == "yes") || one.get("approximate") == Some(&Value::Bool(true));
    let place = !closed && (["address", "formatted_address"].iter().any(|name| field(one, name).is_some())) && !approximate;
    match (place, video, phone) {
        (true, false, false) => Some(Modality::InPerson),
        (true, ..) => Some(Modality::Hybrid),
        (false, true, _) => Some(Modality::Online),
        (false, false, true) => Some(Modality::Phone),
        (false, false, false) => (!closed).then_some(Modality::InPerson),
    }
}

fn address(one: &Value) -> Option<Address> {
    let text = |name| field(one, name);
    let formatted = text("formatted_address");
    let last = formatted.as_ref().and_then(|text| text.rsplit(',').next().map(str::to_owned));
    let place = tidy::degrees(text("latitude").as_deref(), text("longitude").as_deref());
    // All of it in one line where its parts are not told apart.
    let whole = if text("address").is_none() && text("city").is_none() { formatted } else { None };
    tidy::address(Address {
        line1: text("address").or(whole),
        line2: text("location"),
        city: text("city"),
        region: text("state"),
        postal_code: text("postal_code"),
        country: tidy::country(text("country").or(last).as_deref()),
        latitude: place.map(|place| place.0),
        longitude: place.map(|place| place.1),
    })
}

fn area(one: &Value) -> Option<String> {
    let regions =
        one.get("regions").and_then(Value::as_array).and_then(|regions| regions.last()).and_then(Value::as_str).map(str::to_owned);
    let told = ["region", "city"].into_iter().filter_map(|name| field(one, name));
    regions.into_iter().chain(told).find_map(|text| tidy::line(&text, 100))
}
