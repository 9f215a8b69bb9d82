//! `/meetings.json`: what comes again each week, in the form that recovery apps read (code4recovery's `spec`).

use std::collections::BTreeSet;

use entity::vocabulary::Role;
use kit::{app::TestApp, on_both, workshops};
use serde_json::{Value, json};

/// Every field of the format, with those that each meeting must have for it to be listed by day and time.
const FIELDS: &[&str] = &[
    "name",
    "slug",
    "day",
    "time",
    "end_time",
    "timezone",
    "formatted_address",
    "address",
    "city",
    "state",
    "postal_code",
    "country",
    "region",
    "sub_region",
    "regions",
    "conference_url",
    "conference_url_notes",
    "conference_phone",
    "conference_phone_notes",
    "types",
    "notes",
    "location",
    "location_notes",
    "latitude",
    "longitude",
    "approximate",
    "updated",
    "group",
    "group_notes",
    "venmo",
    "square",
    "paypal",
    "homegroup_online",
    "url",
    "edit_url",
    "feedback_emails",
    "feedback_url",
    "entity",
    "entity_email",
    "entity_location",
    "entity_logo",
    "entity_phone",
    "entity_url",
    "entity_website_url",
];
const REQUIRED: &[&str] = &["name", "slug", "day", "time"];

/// The format's own types, of which others are only ours.
const TYPES: &[&str] = &[
    "AF", "AM", "AR", "ASL", "BA", "BG", "DA", "DE", "EL", "EN", "FA", "FI", "FR", "HE", "HI", "HR", "HU", "IS", "ITA", "JA", "KA", "KOR",
    "LT", "ML", "MT", "NE", "NL", "NO", "O", "POL", "POR", "PUN", "RUS", "S", "SK", "SL", "SV", "TH", "TL", "TUR", "UK", "X",
];

/// Whether a time is written as the format has it.
fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 5 && chrono::NaiveTime::parse_from_str(text, "%H:%M").is_ok())
}

fn well_formed(meetings: &[Value]) {
    let mut slugs = BTreeSet::new();
    for meeting in meetings {
        let fields: Vec<_> = meeting.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(fields.iter().all(|field| FIELDS.contains(field)), "{meeting}");
        assert!(REQUIRED.iter().all(|field| fields.contains(field)), "{meeting}");
        assert!(meeting.as_object().unwrap().values().all(|value| !value.is_null()), "{meeting}");
        let slug = meeting["slug"].as_str().unwrap();
        assert!(slug.len() <= 64 && slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{slug}");
        assert!(slugs.insert(slug), "{slug} twice");
        assert!(meeting["name"].as_str().unwrap().chars().count() <= 255);
        assert!(is_time(&meeting["time"]) && is_time(&meeting["end_time"]), "{meeting}");
        let days = meeting["day"].as_array().cloned().unwrap_or_else(|| vec![meeting["day"].clone()]);
        assert!(!days.is_empty() && days.iter().all(|day| (0..=6).contains(&day.as_i64().unwrap())), "{meeting}");
        for code in meeting["types"].as_array().unwrap() {
            let code = code.as_str().unwrap();
            assert!(TYPES.contains(&code) || code.starts_with("PR-"), "{code}");
        }
        assert!(chrono::NaiveDateTime::parse_from_str(meeting["updated"].as_str().unwrap(), "%Y-%m-%d %H:%M:%S").is_ok());
        assert!(["yes", "no"].contains(&meeting["approximate"].as_str().unwrap()));
    }
}

on_both! {
    async fn what_comes_each_week_is_told_to_other_apps(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let make = async |title: &str, change: Value, publish: bool| {
            let input = json!({
                "programId": home.program, "title": title, "topics": ["COPING.STRESS"], "modality": "HYBRID", "visibility": "PUBLIC",
                "startsOn": "2026-03-03", "startTime": "18:00", "minutes": 90, "recurrence": "FREQ=WEEKLY", "area": "Old town",
                "joinUrl": "https://meet.example.org/secret-room", "languages": ["en", "es-MX", "zu"],
                "accessibility": ["WHEELCHAIR", "CHILDCARE", "QUIET_ROOM"],
                "address": { "line1": "12 Quiet Lane", "city": "Albany", "region": "NY", "postalCode": "12207", "country": "US",
                    "latitude": 42.652_843_21, "longitude": -73.757_874_44 },
            });
            if publish { workshops::published(&coordinator, input, &change).await } else { workshops::draft(&coordinator, input, &change).await }
        };
        let circle = make("Tuesday circle", json!({}), true).await;
        let late = json!({ "startTime": "23:00", "recurrence": "FREQ=WEEKLY;BYDAY=SA,TU,SU;COUNT=40", "addressAfterRegistration": true });
        make("Late", late, true).await;
        make("Online", json!({ "modality": "ONLINE", "address": null, "area": null, "languages": [] }), true).await;
        for (title, change) in [
            ("Every other week", json!({ "recurrence": "FREQ=WEEKLY;INTERVAL=2" })),
            ("Each month", json!({ "recurrence": "FREQ=MONTHLY;BYDAY=1TU" })),
            ("Each day", json!({ "recurrence": "FREQ=DAILY" })),
            ("Once", json!({ "recurrence": null })),
            ("For partners", json!({ "visibility": "PARTNERS" })),
            ("For clients", json!({ "visibility": "CLIENTS_ONLY" })),
        ] {
            make(title, change, true).await;
        }
        make("A draft", json!({}), false).await;

        let answer = app.anyone().download("/meetings.json").await;

        assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (200, "application/json; charset=utf-8"));
        let mut meetings = answer.body.as_array().unwrap().clone();
        well_formed(&meetings);
        meetings.sort_by_key(|meeting| meeting["name"].as_str().unwrap().to_owned());
        let names: Vec<_> = meetings.iter().map(|meeting| meeting["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["Late", "Online", "Tuesday circle"]);
        assert!(!answer.raw.contains("secret-room"));
        let [late, online, tuesday] = &meetings[..] else { panic!("{}", answer.raw) };
        assert_eq!((&tuesday["day"], &tuesday["time"], &tuesday["end_time"]), (&json!(2), &json!("18:00"), &json!("19:30")));
        assert_eq!(tuesday["slug"], json!(circle));
        assert_eq!(tuesday["types"], json!(["O", "EN", "S", "X", "BA", "PR-COPING.STRESS"]));
        assert_eq!((&tuesday["address"], &tuesday["state"], &tuesday["approximate"]), (&json!("12 Quiet Lane"), &json!("NY"), &json!("no")));
        assert_eq!((&tuesday["latitude"], &tuesday["longitude"]), (&json!(42.652_84), &json!(-73.757_87)));
        assert_eq!((&tuesday["entity"], &tuesday["group"]), (&json!("Open Door"), &json!("Open Door program")));
        assert_eq!(tuesday["entity_url"], tuesday["entity_website_url"]);
        // Sunday is 0, and what ends after midnight ends early.
        assert_eq!((&late["day"], &late["end_time"]), (&json!([0, 2, 6]), &json!("00:30")));
        assert_eq!((&late["formatted_address"], &late["approximate"], &late["address"]), (&json!("Old town"), &json!("yes"), &Value::Null));
        assert_eq!((&online["latitude"], &online["approximate"]), (&Value::Null, &json!("yes")));

        let tag = answer.headers["etag"].to_str().unwrap();
        let same = reqwest::Client::new().get(format!("{}/meetings.json", app.url)).header("if-none-match", tag).send().await.unwrap();
        assert_eq!(same.status(), 304);
    }
}
