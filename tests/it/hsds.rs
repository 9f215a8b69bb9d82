//! `/hsds/…`: the public schedule as Open Referral HSDS 3.0 has it. The fields, and which of them must be there, are those of its schema.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use entity::vocabulary::Role;
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    on_both, workshops,
};
use serde_json::{Value, json};

/// Of each kind of object: its fields, of which the first so many must be there.
const OBJECTS: &[(&str, usize, &[&str])] = &[
    (
        "services",
        3,
        &[
            "id",
            "name",
            "status",
            "organization_id",
            "program_id",
            "alternate_name",
            "description",
            "url",
            "email",
            "interpretation_services",
            "application_process",
            "fees_description",
            "wait_time",
            "fees",
            "accreditations",
            "eligibility_description",
            "minimum_age",
            "maximum_age",
            "assured_date",
            "assurer_email",
            "licenses",
            "alert",
            "last_modified",
            "phones",
            "schedules",
            "service_areas",
            "service_at_locations",
            "languages",
            "organization",
            "funding",
            "cost_options",
            "program",
            "required_documents",
            "contacts",
            "attributes",
            "metadata",
        ],
    ),
    (
        "service_at_locations",
        1,
        &["id", "service_id", "location_id", "description", "contacts", "phones", "schedules", "location", "attributes", "metadata"],
    ),
    (
        "schedules",
        1,
        &[
            "id",
            "service_id",
            "location_id",
            "service_at_location_id",
            "valid_from",
            "valid_to",
            "dtstart",
            "timezone",
            "until",
            "count",
            "wkst",
            "freq",
            "interval",
            "byday",
            "byweekno",
            "bymonthday",
            "byyearday",
            "description",
            "opens_at",
            "closes_at",
            "schedule_link",
            "attending_type",
            "notes",
            "attributes",
            "metadata",
        ],
    ),
    (
        "location",
        2,
        &[
            "id",
            "location_type",
            "url",
            "organization_id",
            "name",
            "alternate_name",
            "description",
            "transportation",
            "latitude",
            "longitude",
            "external_identifier",
            "external_identifier_type",
            "languages",
            "addresses",
            "contacts",
            "accessibility",
            "phones",
            "schedules",
            "attributes",
            "metadata",
        ],
    ),
    (
        "addresses",
        7,
        &[
            "id",
            "address_1",
            "city",
            "state_province",
            "postal_code",
            "country",
            "address_type",
            "location_id",
            "attention",
            "address_2",
            "region",
            "attributes",
            "metadata",
        ],
    ),
    ("languages", 1, &["id", "service_id", "location_id", "phone_id", "name", "code", "note", "attributes", "metadata"]),
    (
        "cost_options",
        1,
        &["id", "service_id", "valid_from", "valid_to", "option", "currency", "amount", "amount_description", "attributes", "metadata"],
    ),
    ("accessibility", 1, &["id", "location_id", "description", "details", "url", "attributes", "metadata"]),
    ("attributes", 1, &["id", "link_id", "taxonomy_term_id", "link_type", "link_entity", "value", "taxonomy_term", "metadata"]),
    (
        "taxonomy_term",
        3,
        &[
            "id",
            "name",
            "description",
            "code",
            "parent_id",
            "taxonomy",
            "taxonomy_detail",
            "language",
            "taxonomy_id",
            "term_uri",
            "metadata",
        ],
    ),
    ("organization", 3, &["id", "name", "description"]),
    ("program", 3, &["id", "name", "description", "organization_id", "alternate_name"]),
];
const NUMBERS: &[&str] = &["timezone", "interval", "count", "amount", "minimum_age", "maximum_age", "latitude", "longitude"];

/// An object of this kind has the fields of it and no others, each of its type.
fn well_formed(kind: &str, object: &Value) {
    let (_, required, fields) = OBJECTS.iter().find(|(known, ..)| *known == kind).unwrap_or_else(|| panic!("no {kind}"));
    let object = object.as_object().unwrap();
    assert!(fields[..*required].iter().all(|field| object.contains_key(*field)), "{kind}: {object:?}");
    for (name, value) in object {
        assert!(fields.contains(&name.as_str()), "{kind} has no {name}");
        if name.ends_with("id") && name != "invalid" {
            assert!(value.as_str().is_some_and(|text| text.parse::<uuid::Uuid>().is_ok()), "{kind}.{name}: {value}");
        } else if NUMBERS.contains(&name.as_str()) {
            assert!(value.is_number(), "{kind}.{name}: {value}");
        } else if let Some(all) = value.as_array() {
            all.iter().for_each(|one| well_formed(name, one));
        } else if value.is_object() {
            well_formed(name, value);
        } else {
            assert!(value.is_string(), "{kind}.{name}: {value}");
        }
    }
    let among = |name: &str, known: &[&str]| object.get(name).is_none_or(|value| known.contains(&value.as_str().unwrap()));
    assert!(
        among("status", &["active", "inactive", "defunct", "temporarily closed"]) && among("freq", &["WEEKLY", "MONTHLY"]),
        "{object:?}"
    );
    assert!(among("location_type", &["physical", "postal", "virtual"]), "{object:?}");
}

/// When a schedule opens, by nothing but what it says.
fn openings(schedule: &Value) -> BTreeSet<i64> {
    let text = |name: &str| schedule[name].as_str().unwrap();
    let day = |name: &str| text(name).parse::<NaiveDate>().unwrap();
    let (first, last) = (day("valid_from"), day("valid_to"));
    let not_on = schedule["notes"].as_str().unwrap_or_default();
    let days: Vec<NaiveDate> = match schedule["freq"].as_str() {
        None if schedule["notes"].as_str().is_some_and(|notes| notes.contains("do not fit")) => vec![],
        None => vec![first],
        Some(freq) => {
            let names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
            let interval = u32::try_from(schedule["interval"].as_i64().unwrap()).unwrap();
            let wanted = schedule["byday"].as_str().map(|days| days.split(',').collect::<Vec<_>>());
            let is_one = |day: &NaiveDate| {
                let name = names[day.weekday().num_days_from_monday() as usize];
                let numbered = format!("{}{name}", (day.day() - 1) / 7 + 1);
                let named = wanted
                    .as_ref()
                    .map_or(day.weekday() == first.weekday(), |days| days.contains(&name) || days.contains(&numbered.as_str()));
                let week = |day: NaiveDate| (day - Days::new(day.weekday().num_days_from_monday().into())).num_days_from_ce() / 7;
                let period = if freq == "WEEKLY" {
                    week(*day).abs_diff(week(first))
                } else {
                    (day.year() * 12 + i32::try_from(day.month()).unwrap())
                        .abs_diff(first.year() * 12 + i32::try_from(first.month()).unwrap())
                };
                named && period.is_multiple_of(interval)
            };
            first.iter_days().take_while(|day| *day <= last).filter(is_one).collect()
        }
    };
    let days = days.into_iter().filter(|day| !not_on.contains(&day.to_string()));
    days.map(|day| format!("{day}T{}", text("opens_at").replacen(['+', '-'], &format!(":00{}", &text("opens_at")[5..6]), 1)))
        .map(|at| DateTime::parse_from_rfc3339(&at).unwrap_or_else(|_| panic!("{at}")).timestamp())
        .collect()
}

struct Scene {
    app: TestApp,
    home: Home,
    coordinator: Caller,
}

impl Scene {
    async fn published(&self, title: &str, change: Value) -> String {
        let input = json!({
            "programId": self.home.program, "title": title, "topics": ["COPING.STRESS"], "modality": "HYBRID", "visibility": "PUBLIC",
            "startsOn": "2026-03-03", "startTime": "18:00", "minutes": 90, "recurrence": "FREQ=WEEKLY", "languages": ["es-MX"],
            "joinUrl": "https://meet.example.org/secret-room", "accessibility": ["WHEELCHAIR", "ASL"], "cost": "2.50",
            "address": { "line1": "12 Quiet Lane", "city": "Albany", "region": "NY", "postalCode": "12207", "country": "US" },
        });
        workshops::published(&self.coordinator, input, &change).await
    }

    async fn list(&self, path: &str) -> Answer {
        let answer = self.app.anyone().download(path).await;
        assert_eq!(
            (answer.status, answer.headers["content-type"].to_str().unwrap()),
            (200, "application/json; charset=utf-8"),
            "{}",
            answer.raw
        );
        answer
    }

    /// When the sessions of a workshop begin, as the API says.
    async fn sessions(&self, id: &str) -> BTreeSet<i64> {
        let all = workshops::sessions(&self.app.anyone(), id).await.into_iter().filter(|session| session["status"] == "SCHEDULED");
        all.map(|session| session["startsAt"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap().timestamp()).collect()
    }
}

on_both! {
    async fn services_locations_and_schedules_are_those_of_the_standard(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let scene = Scene { app, home, coordinator };
        let mut said = Vec::new();
        for (title, change) in [
            ("Weekly", json!({ "exceptDates": ["2026-03-17"], "extraDates": ["2026-03-20", "2026-03-24"], "area": "Old town" })),
            ("Every other week", json!({ "recurrence": "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH" })),
            ("Daily", json!({ "recurrence": "FREQ=DAILY;COUNT=40", "modality": "PHONE", "address": null })),
            ("At the sea", json!({ "recurrence": "FREQ=DAILY;BYDAY=SA", "startsOn": "2026-03-07", "timeZone": "Australia/Lord_Howe" })),
            ("Monthly", json!({ "recurrence": "FREQ=MONTHLY;BYDAY=1TU,3TU", "modality": "IN_PERSON", "addressAfterRegistration": true, "area": "Old town" })),
            ("Until winter", json!({ "recurrence": "FREQ=WEEKLY;UNTIL=20261231T000000Z", "modality": "ONLINE", "address": null })),
            ("Once", json!({ "recurrence": null, "modality": "ONLINE", "cost": null, "audience": "Parents", "minimumAge": 18 })),
        ] {
            said.push((title, scene.published(title, change).await));
        }
        let last_weekdays = scene.published("Last weekday", json!({ "recurrence": "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "startsOn": "2026-03-31" })).await;
        for (title, visibility) in [("For partners", "PARTNERS"), ("For clients", "CLIENTS_ONLY")] {
            scene.published(title, json!({ "visibility": visibility })).await;
        }

        // One is moved, to a day without one; one is cancelled; of another the day that was named is.
        let ids = async |id: &str| {
            let query = "query($id: ID!) { node(id: $id) { ... on Workshop { sessions(first: 9) { nodes { id } } } } }";
            scene.coordinator.ask_with(query, json!({ "id": id })).await.data("/node/sessions/nodes").clone()
        };
        let (weekly, once) = (ids(&said[0].1).await, ids(&said[6].1).await);
        for mutation in [
            format!("sessionReschedule(id: {}, startsAt: \"2026-04-02T16:00:00Z\")", weekly[3]["id"]),
            format!("sessionCancel(id: {})", weekly[4]["id"]),
            format!("sessionReschedule(id: {}, startsAt: \"2026-03-04T20:00:00Z\")", once[0]["id"]),
        ] {
            let done = scene.coordinator.ask(&format!("mutation {{ {mutation} {{ userErrors {{ message }} }} }}")).await;
            assert!(done.raw.contains("\"userErrors\":[]"), "{}", done.raw);
        }

        let services = scene.list("/hsds/services").await;

        let all = services.body["contents"].as_array().unwrap();
        all.iter().for_each(|service| well_formed("services", service));
        assert_eq!((&services.body["total_items"], &services.body["total_pages"], &services.body["last_page"]), (&json!(8), &json!(1), &json!(true)));
        for secret in ["secret-room", "For partners", "For clients"] {
            assert!(!services.raw.contains(secret), "{secret}");
        }
        let named = |title: &str| all.iter().find(|service| service["name"] == title).unwrap();
        let ahead = "2026-08-29T12:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp();
        for (title, id) in &said {
            let service = named(title);
            let mut told = BTreeSet::new();
            for schedule in service["schedules"].as_array().unwrap() {
                for at in openings(schedule) {
                    assert!(told.insert(at), "{title}: twice at {at}: {schedule}");
                }
                assert!(schedule["schedule_link"].as_str().unwrap().ends_with(&format!("/calendar/workshops/{id}.ics")));
            }
            let near: BTreeSet<_> = told.iter().copied().filter(|at| *at <= ahead).collect();
            let wanted: BTreeSet<_> = scene.sessions(id).await.into_iter().filter(|at| *at <= ahead).collect();
            assert_eq!(near, wanted, "{title}");
        }
        let unsaid = &named("Last weekday")["schedules"][0];
        assert_eq!((&unsaid["freq"], unsaid["notes"].as_str().unwrap().contains("schedule_link")), (&Value::Null, true), "{last_weekdays}");
        let weekly = named("Weekly");
        let zones: Vec<_> = weekly["schedules"].as_array().unwrap().iter().map(|schedule| schedule["timezone"].clone()).collect();
        assert_eq!(zones[..3], [json!(-5), json!(-4), json!(-5)], "a row for each span in which clocks do not change");
        assert_eq!(named("At the sea")["schedules"][1]["timezone"], json!(10.5));
        assert_eq!((&weekly["cost_options"][0]["amount"], &weekly["attributes"][0]["taxonomy_term"]["code"]), (&json!(2.5), &json!("COPING.STRESS")));
        assert_eq!((&weekly["languages"][0]["code"], &weekly["languages"][0]["name"]), (&json!("es"), &json!("es-MX")));
        let kinds: Vec<_> = weekly["service_at_locations"].as_array().unwrap().iter().map(|at| at["location"]["location_type"].clone()).collect();
        assert_eq!(kinds, ["physical", "virtual"]);
        assert_eq!(weekly["service_at_locations"][0]["location"]["addresses"][0]["address_1"], "12 Quiet Lane");
        assert_eq!(named("Monthly")["service_at_locations"][0]["location"]["addresses"], json!([]), "it is told later");
        assert_eq!((&named("Once")["minimum_age"], &named("Once")["fees_description"]), (&json!(18), &json!("Free of charge.")));

        // The same things in the other lists, page by page, with the same ids.
        for (list, kind, of) in [("service_at_locations", "service_at_locations", "/service_at_locations"), ("schedules", "schedules", "/schedules")] {
            let wanted: Vec<_> = all.iter().flat_map(|service| service.pointer(of).unwrap().as_array().unwrap().clone()).collect();
            let (mut found, mut page) = (Vec::new(), 1);
            loop {
                let answer = scene.list(&format!("/hsds/{list}?page={page}&per_page=4")).await;
                assert_eq!((&answer.body["page_number"], &answer.body["first_page"]), (&json!(page), &json!(page == 1)));
                found.extend(answer.body["contents"].as_array().unwrap().clone());
                if answer.body["last_page"] == true {
                    break;
                }
                page += 1;
            }
            found.iter().for_each(|one| well_formed(kind, one));
            let ids: BTreeSet<_> = found.iter().map(|one| one["id"].as_str().unwrap()).collect();
            assert_eq!(ids.len(), found.len(), "{list}: an id is one thing's");
            assert_eq!(found, wanted, "{list}");
        }
        let beyond = scene.list("/hsds/services?page=9").await;
        assert_eq!((&beyond.body["contents"], &beyond.body["empty"]), (&json!([]), &json!(true)));
        for (path, status) in [
            ("/hsds/services?page=0", 400), ("/hsds/services?per_page=501", 400), ("/hsds/services?page=a", 400), ("/hsds/services?page=1&page=2", 400),
            ("/hsds/services?minimal=true", 400), ("/hsds/organizations", 404), ("/hsds/", 404),
        ] {
            assert_eq!(scene.app.anyone().download(path).await.status, status, "{path}");
        }
    }
}
