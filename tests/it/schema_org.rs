//! `/calendar/workshops/{id}.jsonld`: one workshop as search engines read it, in the vocabulary of schema.org.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Weekday};
use entity::vocabulary::Role;
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    on_both, workshops,
};
use serde_json::{Value, json};

use crate::python::asked;

/// What may stand in a document, by what it is of: what is not here, such as how many seats are left, is told nowhere.
const FIELDS: &[(&str, &[&str])] = &[
    ("Event", SHARED),
    ("EventSeries", SHARED),
    (
        "Schedule",
        &[
            "@type",
            "repeatFrequency",
            "byDay",
            "byMonthDay",
            "startDate",
            "endDate",
            "startTime",
            "endTime",
            "duration",
            "scheduleTimezone",
            "exceptDate",
        ],
    ),
    ("Place", &["@type", "name", "address", "geo", "amenityFeature"]),
    ("VirtualLocation", &["@type", "name"]),
    ("PostalAddress", &["@type", "streetAddress", "addressLocality", "addressRegion", "postalCode", "addressCountry"]),
    ("GeoCoordinates", &["@type", "latitude", "longitude"]),
    ("LocationFeatureSpecification", &["@type", "name", "value"]),
    ("Organization", &["@type", "name", "telephone", "parentOrganization"]),
    ("Offer", &["@type", "price", "priceCurrency"]),
    ("Audience", &["@type", "audienceType"]),
    ("DefinedTerm", &["@type", "termCode", "name"]),
    ("CreativeWork", &["@type", "encodingFormat", "url"]),
];
const SHARED: &[&str] = &[
    "@context",
    "@id",
    "@type",
    "identifier",
    "name",
    "description",
    "disambiguatingDescription",
    "about",
    "subjectOf",
    "superEvent",
    "subEvent",
    "startDate",
    "endDate",
    "previousStartDate",
    "eventStatus",
    "eventSchedule",
    "eventAttendanceMode",
    "location",
    "organizer",
    "inLanguage",
    "isAccessibleForFree",
    "offers",
    "typicalAgeRange",
    "audience",
];

fn well_formed(value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(well_formed),
        Value::Object(fields) => {
            if let Some(kind) = fields.get("@type") {
                let (_, known) = FIELDS.iter().find(|(name, _)| kind == name).unwrap_or_else(|| panic!("{kind}"));
                assert!(fields.keys().all(|field| known.contains(&field.as_str())), "{value}");
            }
            fields.values().for_each(well_formed);
        }
        Value::Null => panic!("what is not there is left out"),
        _ => {}
    }
}

struct Scene {
    app: TestApp,
    home: Home,
    coordinator: Caller,
}

impl Scene {
    async fn on(app: TestApp) -> Self {
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        Self { app, home, coordinator }
    }

    async fn published(&self, change: Value) -> String {
        let circle = json!({
            "programId": self.home.program, "title": "Tuesday circle", "topics": ["COPING.STRESS"], "modality": "HYBRID",
            "visibility": "PUBLIC", "startsOn": "2026-03-03", "startTime": "18:00", "minutes": 90, "recurrence": "FREQ=WEEKLY",
            "joinUrl": "https://meet.example.org/secret-room", "languages": ["es-MX"], "accessibility": ["WHEELCHAIR"], "cost": "2.50",
            "audience": "Parents", "minimumAge": 18, "capacityInPerson": 71, "capacityOnline": 73, "description": "Tea for everyone.",
            "address": { "line1": "12 Quiet Lane", "line2": "Room 3", "city": "Albany", "region": "NY", "postalCode": "12207", "country": "US",
                "latitude": 42.65, "longitude": -73.75 },
        });
        workshops::published(&self.coordinator, circle, &change).await
    }

    async fn event(&self, id: &str) -> Answer {
        let answer = self.app.anyone().download(&format!("/calendar/workshops/{id}.jsonld")).await;
        assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (200, "application/ld+json"), "{}", answer.raw);
        well_formed(&answer.body);
        if let Some(complaints) = asked("check_schema_org.py", &answer.body) {
            assert_eq!(complaints, json!([]));
        }
        answer
    }

    async fn done(&self, mutation: &str) {
        let answer = self.coordinator.ask(&format!("mutation {{ {mutation} {{ userErrors {{ message }} }} }}")).await;
        assert!(answer.raw.contains("\"userErrors\":[]"), "{}", answer.raw);
    }
}

/// When the sessions of a document begin, by how they stand.
fn begin(event: &Value, status: &str) -> BTreeSet<i64> {
    let sessions = event["subEvent"].as_array().unwrap().iter();
    let standing = sessions.filter(|session| session["eventStatus"] == format!("https://schema.org/{status}"));
    standing.map(|session| session["startDate"].as_str().unwrap().parse::<DateTime<chrono::Utc>>().unwrap().timestamp()).collect()
}

on_both! {
    async fn readers_of_schema_org_find_what_the_api_says(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let circle = scene.published(json!({ "exceptDates": ["2026-03-17"], "extraDates": ["2026-03-20"] })).await;
        let sessions = workshops::sessions(&scene.coordinator, &circle).await;
        scene.done(&format!("sessionReschedule(id: {}, startsAt: \"2026-03-12T20:00:00Z\")", sessions[1]["id"])).await;
        scene.done(&format!("sessionCancel(id: {}, note: \"The room is being painted.\")", sessions[3]["id"])).await;
        scene.done(&format!("workshopUpdate(input: {{ id: \"{circle}\", from: \"2026-05-01\", startTime: \"19:00\" }})")).await;

        let answer = scene.event(&circle).await;

        let event = &answer.body;
        assert!(event["@id"].as_str().unwrap().ends_with(&format!("/calendar/workshops/{circle}.jsonld")), "{event}");
        let told = ["@type", "identifier", "name", "description", "startDate", "eventAttendanceMode", "inLanguage", "isAccessibleForFree", "typicalAgeRange"];
        assert_eq!(told.map(|field| event[field].clone()), [
            json!("EventSeries"), json!(circle), json!("Tuesday circle"), json!("Tea for everyone."), json!("2026-03-03"),
            json!("https://schema.org/MixedEventAttendanceMode"), json!(["es-MX"]), json!(false), json!("18-"),
        ]);
        assert_eq!(event["offers"], json!({ "@type": "Offer", "price": "2.50", "priceCurrency": "USD" }));
        assert_eq!(event["organizer"]["parentOrganization"]["name"], "Open Door");
        assert_eq!(event["location"], json!([
            {
                "@type": "Place", "geo": { "@type": "GeoCoordinates", "latitude": 42.65, "longitude": -73.75 },
                "address": {
                    "@type": "PostalAddress", "streetAddress": "12 Quiet Lane, Room 3", "addressLocality": "Albany", "addressRegion": "NY",
                    "postalCode": "12207", "addressCountry": "US",
                },
                "amenityFeature": [{ "@type": "LocationFeatureSpecification", "name": "WHEELCHAIR", "value": true }],
            },
            { "@type": "VirtualLocation", "name": "Online" },
        ]));
        for secret in ["secret-room", "apacity"] {
            assert!(!answer.raw.contains(secret), "{secret}");
        }

        // Two schedules, and what they say is what takes place, but for what the sessions say.
        let schedules = event["eventSchedule"].as_array().unwrap();
        let times: Vec<_> = schedules.iter().map(|schedule| ["startDate", "endDate", "startTime", "endTime"].map(|field| schedule[field].clone())).collect();
        assert_eq!(times, [
            [json!("2026-03-03"), json!("2026-05-04"), json!("18:00:00"), json!("19:30:00")],
            [json!("2026-05-05"), Value::Null, json!("19:00:00"), json!("20:30:00")],
        ]);
        assert_eq!(schedules[0]["exceptDate"], json!(["2026-03-10", "2026-03-17", "2026-03-24"]), "one was moved, one never was, one is cancelled");
        let all = workshops::sessions(&scene.app.anyone(), &circle).await;
        let mut by_schedule = BTreeSet::new();
        for schedule in schedules {
            assert_eq!((&schedule["repeatFrequency"], &schedule["byDay"], &schedule["scheduleTimezone"]),
                (&json!("P1W"), &json!(["https://schema.org/Tuesday"]), &json!("America/New_York")));
            let day = |field: &str| schedule[field].as_str().map(|day| day.parse::<NaiveDate>().unwrap());
            let not_on: Vec<NaiveDate> = schedule["exceptDate"].as_array().into_iter().flatten().map(|day| day.as_str().unwrap().parse().unwrap()).collect();
            let days = day("startDate").unwrap().iter_days().take_while(|one| day("endDate").is_none_or(|last| *one <= last)).take(400);
            by_schedule.extend(days.filter(|day| day.weekday() == Weekday::Tue && !not_on.contains(day)).map(|day| format!("{day}T{}", &schedule["startTime"].as_str().unwrap()[..5])));
        }
        let last = all.last().unwrap()["localStart"].as_str().unwrap();
        let as_planned = all.iter().filter(|session| session["status"] == "SCHEDULED" && ![&sessions[1], &sessions[2]].iter().any(|apart| apart["id"] == session["id"]));
        let as_planned: BTreeSet<_> = as_planned.map(|session| session["localStart"].as_str().unwrap().to_owned()).collect();
        assert_eq!(by_schedule.into_iter().filter(|at| at.as_str() <= last).collect::<BTreeSet<_>>(), as_planned);

        let instant = |session: &Value| session["startsAt"].as_str().unwrap().parse::<DateTime<chrono::Utc>>().unwrap().timestamp();
        let moved = |session: &Value| session["id"] == sessions[1]["id"];
        let of = |status: &str, moves: bool| all.iter().filter(|one| one["status"] == status && moved(one) == moves).map(instant).collect::<BTreeSet<_>>();
        assert_eq!((begin(event, "EventScheduled"), begin(event, "EventRescheduled")), (of("SCHEDULED", false), of("SCHEDULED", true)));
        assert_eq!((begin(event, "EventCancelled").len(), begin(event, "EventCancelled")), (1, of("CANCELLED", false)));
        let told = event["subEvent"].as_array().unwrap();
        let one = told.iter().find(|one| one["eventStatus"] == "https://schema.org/EventRescheduled").unwrap();
        assert_eq!((&one["startDate"], &one["endDate"], &one["previousStartDate"]),
            (&json!("2026-03-12T16:00:00-04:00"), &json!("2026-03-12T17:30:00-04:00"), &json!("2026-03-10")));
        assert_eq!((&told[0]["startDate"], &told[0]["superEvent"]["@id"]), (&json!("2026-03-03T18:00:00-05:00"), &event["@id"]));
        let cancelled = told.iter().find(|one| one["eventStatus"] == "https://schema.org/EventCancelled").unwrap();
        assert_eq!(cancelled["disambiguatingDescription"], "The room is being painted.");
    }

    async fn what_takes_place_once_is_one_event(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let once = scene.published(json!({ "recurrence": null, "modality": "PHONE", "address": null, "capacityInPerson": null, "cost": null })).await;
        let by_rule = scene.published(json!({ "recurrence": "FREQ=MONTHLY;BYDAY=TU,WE;BYSETPOS=1", "modality": "ONLINE", "address": null, "capacityInPerson": null })).await;

        let event = scene.event(&once).await.body;
        assert_eq!(["@type", "startDate", "endDate", "eventStatus", "isAccessibleForFree"].map(|field| event[field].clone()), [
            json!("Event"), json!("2026-03-03T18:00:00-05:00"), json!("2026-03-03T19:30:00-05:00"), json!("https://schema.org/EventScheduled"), json!(true),
        ]);
        assert_eq!((&event["location"], &event["offers"]["price"]), (&json!([{ "@type": "VirtualLocation", "name": "By telephone" }]), &json!("0.00")));
        let event = scene.event(&by_rule).await.body;
        assert_eq!((&event["@type"], &event["eventSchedule"]), (&json!("EventSeries"), &Value::Null), "a rule that the vocabulary cannot say is not said");
        assert_eq!(event["subEvent"].as_array().unwrap().len(), 6);
        scene.app.clock().advance(TimeDelta::days(2));
        let event = scene.event(&once).await.body;
        assert_eq!((&event["@type"], &event["subEvent"]), (&json!("EventSeries"), &Value::Null), "it is over");
    }

    async fn nothing_is_told_that_is_not_public(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let hidden = scene.published(json!({ "area": "Old town", "addressAfterRegistration": true })).await;
        let partners = scene.published(json!({ "visibility": "PARTNERS" })).await;
        let clients = scene.published(json!({ "visibility": "CLIENTS_ONLY" })).await;
        let group = "mutation($input: SupportGroupCreateInput!) { supportGroupCreate(input: $input) { supportGroup { id } userErrors { message } } }";
        let group = async |open: bool| {
            let input = json!({
                "programId": scene.home.program, "title": "Monday group", "topics": [], "modality": "ONLINE", "visibility": "PUBLIC",
                "startsOn": "2026-03-09", "startTime": "18:00", "minutes": 60, "recurrence": "FREQ=WEEKLY", "open": open,
            });
            scene.coordinator.ask_with(group, json!({ "input": input })).await.text("/supportGroupCreate/supportGroup/id").to_owned()
        };
        let (open, closed) = (group(true).await, group(false).await);

        let told = scene.event(&hidden).await;
        assert_eq!(told.body["location"][0]["name"], "Old town");
        for secret in ["Quiet Lane", "Albany", "12207", "42.65", "secret-room"] {
            assert!(!told.raw.contains(secret), "{secret}");
        }
        assert_eq!(scene.event(&open).await.body["name"], "Monday group");
        let mut answers = BTreeSet::new();
        for id in [&partners, &clients, &closed, &open.replace("grp_", "wks_"), "wks_00000000000000000000000000", "x"] {
            for caller in [&scene.app.anyone(), &scene.coordinator] {
                let answer = caller.download(&format!("/calendar/workshops/{id}.jsonld")).await;
                assert_eq!(answer.status, 404, "{id}");
                answers.insert(answer.raw);
            }
        }
        assert_eq!(answers.len(), 1, "{answers:?}");
    }

    async fn whoever_has_it_is_told_so_and_where_the_calendar_is(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let circle = scene.published(json!({})).await;
        let path = format!("/calendar/workshops/{circle}");
        let first = scene.event(&circle).await;
        let tag = first.headers["etag"].clone();
        assert_eq!(first.headers["cache-control"], "public, max-age=300");
        assert_eq!(first.headers["link"], format!("<{path}.ics>; rel=\"alternate\"; type=\"text/calendar\""));
        let calendar = scene.app.anyone().download(&format!("{path}.ics")).await;
        assert_eq!(calendar.headers["link"], format!("<{path}.jsonld>; rel=\"alternate\"; type=\"application/ld+json\""));
        let again = async || reqwest::Client::new().get(format!("{}{path}.jsonld", scene.app.url)).header("if-none-match", &tag).send().await.unwrap();

        assert_eq!(again().await.status(), 304);
        scene.done(&format!("workshopUpdate(input: {{ id: \"{circle}\", title: \"Another circle\" }})")).await;
        let changed = again().await;
        assert_eq!(changed.status(), 200);
        assert!(changed.text().await.unwrap().contains("Another circle"));
    }
}
