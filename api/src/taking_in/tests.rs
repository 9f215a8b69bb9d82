use chrono::NaiveDate;
use entity::{GatheringId, TypedId, vocabulary::Modality};
use serde_json::{Value, json};

use super::*;
use crate::{
    clock::Instant,
    domain::listed_meeting::{Days, follow, is_over},
};

/// A Monday at noon in London, in winter.
const NOW: &str = "2026-03-02T12:00:00Z";

fn context(zone: Option<&str>) -> Context {
    Context { zone: zone.map(|zone| zone.parse().unwrap()), host: "meetings.example.org".to_owned() }
}

fn read(format: FeedFormat, body: &str) -> Understood {
    understood(format, body.as_bytes(), &context(None)).unwrap()
}

/// When the sessions of the next eight days begin.
fn starts(meeting: &Meeting) -> Vec<String> {
    let now: Instant = NOW.parse().unwrap();
    let series = meeting.series(None, now);
    let missing = follow(GatheringId::new(), (&series, meeting.time_zone.name()), [], now).unwrap().missing;
    let mut starts: Vec<_> = missing.iter().map(|session| session.starts_at.clone().unwrap()).collect();
    starts.sort_unstable();
    starts.iter().map(|at| at.format("%a %FT%RZ").to_string()).collect()
}

fn guide(change: &Value) -> Value {
    let mut one = json!({ "slug": "tuesdays", "name": "Tuesday evenings", "day": 2, "time": "18:30", "end_time": "19:45",
        "timezone": "America/New_York", "types": ["O", "EN"], "address": "1 Main St", "city": "Albany", "state": "NY", "country": "US",
        "latitude": 42.65, "longitude": -73.75, "url": "https://example.org/tuesdays", "entity": "Capital District" });
    for (name, value) in change.as_object().unwrap() {
        one[name] = value.clone();
    }
    one
}

fn bmlt(change: &Value) -> Value {
    let mut one = json!({ "id_bigint": "7", "meeting_name": "Tuesday evenings", "weekday_tinyint": "3", "start_time": "18:30:00",
        "duration_time": "01:15:00", "time_zone": "America/New_York", "formats": "O,WC", "lang_enum": "en", "venue_type": "1",
        "published": "1", "location_street": "1 Main St", "location_municipality": "Albany", "location_province": "NY",
        "location_nation": "USA", "latitude": "42.65", "longitude": "-73.75" });
    for (name, value) in change.as_object().unwrap() {
        one[name] = value.clone();
    }
    one
}

fn calendar(events: &str) -> String {
    let events = events.trim().replace("\n        ", "\n").replace('\n', "\r\n");
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Capital District\r\n{events}\r\nEND:VCALENDAR\r\n")
}

fn event(lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:one@example.org\nSUMMARY:Tuesday evenings\n{}\nEND:VEVENT", lines.trim())
}

fn one(understood: Understood) -> Meeting {
    assert_eq!((understood.meetings.len(), understood.skipped), (1, 0), "{understood:?}");
    understood.meetings.into_iter().next().unwrap()
}

#[test]
fn one_meeting_is_the_same_in_all_three_formats() {
    let ics = event(
        "DTSTART;TZID=America/New_York:20260106T183000\nDTEND;TZID=America/New_York:20260106T194500\nRRULE:FREQ=WEEKLY;BYDAY=TU\n\
         LOCATION:1 Main St\\, Albany\\, NY\\, USA\nGEO:42.65;-73.75\nURL:https://example.org/tuesdays",
    );
    let all = [
        one(read(FeedFormat::MeetingGuide, &json!([guide(&json!({}))]).to_string())),
        one(read(FeedFormat::Bmlt, &json!([bmlt(&json!({}))]).to_string())),
        one(read(FeedFormat::Ics, &calendar(&ics))),
    ];
    for meeting in &all {
        // New York sets its clocks forward between the two.
        assert_eq!(starts(meeting), ["Tue 2026-03-03T23:30Z"], "{meeting:?}");
        assert_eq!((meeting.title.as_str(), meeting.minutes, meeting.modality), ("Tuesday evenings", 75, Modality::InPerson));
        let address = meeting.address.as_ref().unwrap();
        assert!(address.line1.as_ref().unwrap().starts_with("1 Main St"), "{address:?}");
        assert_eq!((address.country.as_str(), address.latitude, address.longitude), ("US", Some(42.65), Some(-73.75)));
    }
    let sources: Vec<_> = all.iter().map(|meeting| meeting.source.as_str()).collect();
    assert_eq!(sources, ["Capital District", "meetings.example.org", "Capital District"]);
    let pages: Vec<_> = all.iter().map(|meeting| meeting.source_url.as_deref()).collect();
    assert_eq!(pages, [Some("https://example.org/tuesdays"), None, Some("https://example.org/tuesdays")]);
    assert_eq!((&all[0].languages, &all[1].accessibility), (&vec!["en".to_owned()], &vec!["WHEELCHAIR".to_owned()]));
}

#[test]
fn days_are_counted_from_zero_in_one_format_and_from_one_in_the_other() {
    for (from_zero, day) in ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"].into_iter().enumerate() {
        let of_guide = one(read(FeedFormat::MeetingGuide, &json!([guide(&json!({ "day": from_zero, "time": "08:00" }))]).to_string()));
        let weekday = (from_zero + 1).to_string();
        let of_bmlt =
            one(read(FeedFormat::Bmlt, &json!([bmlt(&json!({ "weekday_tinyint": weekday, "start_time": "08:00:00" }))]).to_string()));
        assert_eq!(of_guide.days, of_bmlt.days);
        assert!(starts(&of_guide).iter().all(|start| start.starts_with(day)), "{day}: {:?}", starts(&of_guide));
        assert!(!starts(&of_guide).is_empty());
    }
}

#[test]
fn hours_stay_where_they_are_when_clocks_change() {
    let late = guide(&json!({ "day": [6, 0, 1] }));
    let meeting = one(read(FeedFormat::MeetingGuide, &json!([late]).to_string()));
    let expected = ["Mon 2026-03-02T23:30Z", "Sat 2026-03-07T23:30Z", "Sun 2026-03-08T22:30Z", "Mon 2026-03-09T22:30Z"];
    assert_eq!(starts(&meeting), expected, "clocks are put forward in the night to Sunday");
    let utc = event("DTSTART:20260301T233000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY");
    let by_utc = one(read(FeedFormat::Ics, &calendar(&format!("X-WR-TIMEZONE:America/New_York\n{utc}"))));
    assert!(starts(&by_utc).iter().all(|start| start.ends_with("T23:30Z")), "what comes again at an hour of UTC does so in summer, too");
}

#[test]
fn a_single_bad_meeting_is_left_out_and_counted() {
    let cases = [
        json!({ "day": 7 }),
        json!({ "day": -1 }),
        json!({ "day": "x" }),
        json!({ "day": null }),
        json!({ "day": [] }),
        json!({ "day": [1, 9] }),
        json!({ "time": null }),
        json!({ "time": "25:00" }),
        json!({ "time": "noon" }),
        json!({ "end_time": "x" }),
        json!({ "timezone": "Mars/Olympus" }),
        json!({ "timezone": null }),
        json!({ "slug": null }),
        json!({ "slug": "x".repeat(501) }),
        json!({ "name": "  <b></b> " }),
        json!({ "name": 0.5, "day": 1.5 }),
    ];
    for case in &cases {
        let understood = read(FeedFormat::MeetingGuide, &json!([guide(case), guide(&json!({ "slug": "good" })), 7, null]).to_string());
        assert_eq!((understood.meetings.len(), understood.skipped), (1, 3), "{case}");
    }
    let cases = [
        json!({ "weekday_tinyint": "0" }),
        json!({ "weekday_tinyint": "8" }),
        json!({ "weekday_tinyint": "" }),
        json!({ "start_time": "" }),
        json!({ "duration_time": "01:99:00" }),
        json!({ "id_bigint": "" }),
        json!({ "time_zone": "" }),
        json!({ "meeting_name": "" }),
    ];
    for case in &cases {
        let understood = read(FeedFormat::Bmlt, &json!([bmlt(case), bmlt(&json!({ "id_bigint": 8, "weekday_tinyint": 3 }))]).to_string());
        assert_eq!((understood.meetings.len(), understood.skipped), (1, 1), "{case}");
    }
    let cases = [
        "DTSTART;VALUE=DATE:20260303",
        "DTSTART;TZID=America/New_York:20260230T183000",
        "DTSTART:20260303T183000",
        "DTSTART;TZID=Mars/Olympus:20260303T183000",
        "DTSTART:20260303T183000Z\nDTEND:20260303T173000Z",
        "DTSTART:20260303T183000Z\nDTEND:20260305T183000Z",
        "DTSTART:20260303T183000Z\nDURATION:-PT1H",
        "DTSTART:20260303T183000Z\nRRULE:FREQ=YEARLY",
        "DTSTART:20260303T183000Z\nRRULE:FREQ=SECONDLY",
        "DTSTART:20260303T183000Z\nRRULE:FREQ=WEEKLY;UNTIL=never",
        "DTSTART:99990303T183000Z",
        "DTSTAMP:20260303T183000Z",
    ];
    for case in cases {
        let good = event("DTSTART:20260303T183000Z").replace("one@", "good@");
        let understood =
            read(FeedFormat::Ics, &calendar(&format!("{}\n{good}\nBEGIN:VEVENT\nDTSTART:20260303T183000Z\nEND:VEVENT", event(case))));
        assert_eq!((understood.meetings.len(), understood.skipped), (1, 2), "{case}");
    }
}

#[test]
fn what_is_no_feed_is_malformed() {
    let cases = [
        (FeedFormat::MeetingGuide, ""),
        (FeedFormat::MeetingGuide, "<html></html>"),
        (FeedFormat::MeetingGuide, "{}"),
        (FeedFormat::MeetingGuide, "[{}"),
        (FeedFormat::Bmlt, "null"),
        (FeedFormat::Bmlt, "{\"error\": \"no\"}"),
        (FeedFormat::Ics, ""),
        (FeedFormat::Ics, "[]"),
        (FeedFormat::Ics, "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\n"),
        (FeedFormat::Ics, "BEGIN:VCALENDAR\r\nEND:VEVENT\r\n"),
        (FeedFormat::Ics, "BEGIN:VEVENT\r\nEND:VEVENT\r\n"),
    ];
    for (format, body) in cases {
        let deep = "[".repeat(100_000);
        for body in [body, &deep] {
            assert_eq!(understood(format, body.as_bytes(), &context(None)).unwrap_err(), FeedFailure::Malformed, "{format} {:.40}", body);
        }
    }
    assert!(understood(FeedFormat::Bmlt, b"\xef\xbb\xbf{\"meetings\": []}", &context(None)).unwrap().meetings.is_empty());
}

#[test]
fn a_feed_without_zones_has_the_one_that_it_was_given() {
    let body = json!([bmlt(&json!({ "time_zone": "" }))]).to_string();
    let meeting = one(understood(FeedFormat::Bmlt, body.as_bytes(), &context(Some("Europe/London"))).unwrap());
    assert_eq!(starts(&meeting), ["Tue 2026-03-03T18:30Z"]);
    let floating = calendar(&event("DTSTART:20260303T183000\nDURATION:PT90M"));
    let meeting = one(understood(FeedFormat::Ics, floating.as_bytes(), &context(Some("Europe/London"))).unwrap());
    assert_eq!((starts(&meeting), meeting.minutes), (vec!["Tue 2026-03-03T18:30Z".to_owned()], 90));
}

#[test]
fn how_people_meet_is_told_in_many_ways() {
    use Modality::{Hybrid, InPerson, Online, Phone};
    let nowhere = json!({ "address": null, "city": null });
    let with = |more: Value| {
        let mut change = nowhere.clone();
        change.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        change
    };
    let cases = [
        (json!({}), Some(InPerson)),
        (json!({ "conference_url": "https://zoom.us/j/1" }), Some(Hybrid)),
        (json!({ "types": ["ONL"] }), Some(Hybrid)),
        (json!({ "types": ["TC"], "conference_url": "https://zoom.us/j/1" }), Some(Online)),
        (json!({ "types": ["TC"] }), None),
        (json!({ "approximate": "yes", "conference_url": "https://zoom.us/j/1" }), Some(Online)),
        (json!({ "attendance_option": "inactive" }), None),
        (json!({ "attendance_option": "online" }), Some(Online)),
        (with(json!({ "conference_phone": "+1 212 555 0123" })), Some(Phone)),
        (with(json!({ "conference_url": "https://zoom.us/j/1" })), Some(Online)),
        (with(json!({})), Some(InPerson)),
    ];
    for (change, expected) in cases {
        let understood = read(FeedFormat::MeetingGuide, &json!([guide(&change)]).to_string());
        assert_eq!(understood.meetings.first().map(|meeting| meeting.modality), expected, "{change}");
        assert_eq!(understood.skipped, 0, "what is not held is no mistake: {change}");
        assert!(
            understood
                .meetings
                .iter()
                .all(|meeting| meeting.address.is_some() == (meeting.modality != Online && meeting.modality != Phone))
        );
    }
    let cases = [
        (json!({}), Some(InPerson)),
        (json!({ "venue_type": 2, "virtual_meeting_link": "https://zoom.us/j/1" }), Some(Online)),
        (json!({ "venue_type": 2, "phone_meeting_number": "1" }), Some(Phone)),
        (json!({ "venue_type": "3" }), Some(Hybrid)),
        (json!({ "venue_type": "3", "formats": "TC" }), Some(Online)),
        (json!({ "venue_type": "1", "formats": "TC" }), None),
        (json!({ "venue_type": "", "formats": "VM,O" }), Some(Online)),
        (json!({ "venue_type": "", "formats": "HY" }), Some(Hybrid)),
        (json!({ "published": "0" }), None),
    ];
    for (change, expected) in cases {
        let understood = read(FeedFormat::Bmlt, &json!([bmlt(&change)]).to_string());
        assert_eq!((understood.meetings.first().map(|meeting| meeting.modality), understood.skipped), (expected, 0), "{change}");
    }
    let cases = [
        ("LOCATION:Town hall", InPerson),
        ("LOCATION:https://zoom.us/j/1", Online),
        ("LOCATION:Zoom", Online),
        ("LOCATION:Town hall https://zoom.us/j/1", Hybrid),
        ("CONFERENCE;VALUE=URI:https://zoom.us/j/1", Online),
        ("GEO:42.65;-73.75", InPerson),
        ("CLASS:PUBLIC", InPerson),
    ];
    for (line, expected) in cases {
        let meeting = one(read(FeedFormat::Ics, &calendar(&event(&format!("DTSTART:20260303T183000Z\n{line}")))));
        assert_eq!(meeting.modality, expected, "{line}");
        assert!(!format!("{meeting:?}").contains("zoom.us"), "{meeting:?}");
    }
}

#[test]
fn calendars_say_which_days_are_different() {
    let series = event(
        "DTSTART;TZID=America/New_York:20260105T183000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260308\n\
         EXDATE;TZID=America/New_York:20260303T183000,20260304T183000\nEXDATE:20260305T233000Z\n\
         RDATE;TZID=America/New_York:20260309T183000,20260306T120000\nBEGIN:VALARM\nTRIGGER:-PT5M\nSUMMARY:Wake up\nEND:VALARM",
    );
    let moved = event("RECURRENCE-ID;TZID=America/New_York:20260307T183000\nDTSTART;TZID=America/New_York:20260307T200000\nDURATION:PT1H");
    let cancelled =
        event("RECURRENCE-ID;TZID=America/New_York:20260308T183000\nDTSTART;TZID=America/New_York:20260308T183000\nSTATUS:CANCELLED");
    let all = read(FeedFormat::Ics, &calendar(&format!("{series}\n{moved}\n{cancelled}")));
    assert_eq!(all.skipped, 0);
    let mut sessions: Vec<_> = all.meetings.iter().flat_map(starts).collect();
    sessions.sort_by_key(|session| session[4..].to_owned());
    let expected =
        ["Mon 2026-03-02T23:30Z", "Fri 2026-03-06T17:00Z", "Fri 2026-03-06T23:30Z", "Sun 2026-03-08T01:00Z", "Mon 2026-03-09T22:30Z"];
    assert_eq!(sessions, expected);
    let names: Vec<_> = all.meetings.iter().map(|meeting| meeting.external_id.as_str()).collect();
    assert_eq!(names, ["one@example.org#2026-03-06T12:00:00", "one@example.org", "one@example.org#20260307T183000"]);
    assert!(all.meetings.iter().all(|meeting| meeting.title == "Tuesday evenings"));
}

#[test]
fn zones_are_known_by_the_names_that_calendars_give_them() {
    for (name, expected) in [
        ("America/New_York", Some("America/New_York")),
        ("/example.org/20260101_1/America/New_York", Some("America/New_York")),
        ("Eastern Standard Time", Some("America/New_York")),
        ("Nowhere", None),
        ("", None),
    ] {
        let understood = read(FeedFormat::Ics, &calendar(&event(&format!("DTSTART;TZID=\"{name}\":20260303T183000"))));
        assert_eq!(understood.meetings.first().map(|meeting| meeting.time_zone.name()), expected, "{name}");
    }
}

#[test]
fn what_is_over_is_known_to_be() {
    let now: Instant = NOW.parse().unwrap();
    let over = |lines: &str| is_over(&one(read(FeedFormat::Ics, &calendar(&event(lines)))), now).unwrap();
    assert!(over("DTSTART:20260101T183000Z"));
    assert!(over("DTSTART:20250101T183000Z\nRRULE:FREQ=WEEKLY;COUNT=10"));
    assert!(over("DTSTART:20250101T183000Z\nRRULE:FREQ=MONTHLY;BYMONTHDAY=31;UNTIL=20250601T000000Z"));
    assert!(!over("DTSTART:20260901T183000Z"));
    assert!(!over("DTSTART:20150101T183000Z\nRRULE:FREQ=DAILY"));
    let never = one(read(FeedFormat::Ics, &calendar(&event("DTSTART:20250101T183000Z\nRRULE:FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=1MO"))));
    assert!(matches!(&never.days, Days::From { starts_on, .. } if *starts_on == "2025-01-01".parse::<NaiveDate>().unwrap()));
    assert!(is_over(&never, now).unwrap(), "no first Monday of a month is its 31st");
}

#[test]
fn texts_of_strangers_are_plain_and_short() {
    let cases = [
        ("Come <b>as you</b> are<br/>Tea &amp; coffee", "Come as you are\nTea & coffee"),
        ("<script>alert(1)</script>Hi", "alert(1)Hi"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "alert(1)"),
        ("<<b>script>x</script>", "scriptx"),
        ("I <3 tea", "I 3 tea"),
        ("nul\0 bell\u{7} turned \u{202e}around", "nul bell turned around"),
        ("Join https://zoom.us/j/1?pwd=2 or www.example.org, ID 12", "Join or ID 12"),
        ("a\n\n\n\nb  c", "a\n\nb c"),
        ("AT&T &bogus; &#8217;s &#x27;", "AT&T &bogus; \u{2019}s '"),
    ];
    for (given, expected) in cases {
        assert_eq!(tidy::paragraph(given).as_deref(), Some(expected), "{given}");
    }
    assert_eq!(tidy::line(&"x".repeat(300), tidy::LINE).unwrap().chars().count(), tidy::LINE);
    assert_eq!(tidy::line(" \n\t<p></p>", tidy::LINE), None);
    for wrong in ["javascript:alert(1)", "ftp://example.org", "https://user:secret@example.org/", "/relative", "data:text/html,x"] {
        assert_eq!(tidy::page(wrong), None, "{wrong}");
    }
    for (latitude, longitude) in [("0", "0"), ("91", "0"), ("1", "181"), ("x", "1"), ("NaN", "1"), ("inf", "1")] {
        assert_eq!(tidy::degrees(Some(latitude), Some(longitude)), None, "{latitude} {longitude}");
    }
    for (given, code) in
        [("US", "US"), ("us", "US"), ("USA", "US"), (" United Kingdom.", "GB"), ("UK", "GB"), ("Atlantis", "ZZ"), ("", "ZZ")]
    {
        assert_eq!(tidy::country(Some(given)), code, "{given}");
    }
}
