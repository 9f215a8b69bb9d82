//! `/calendar/…`: what others read of the schedule, as they read it.

use chrono::{DateTime, TimeDelta, Utc};
use entity::vocabulary::Role;
use kit::{
    app::{Home, TestApp},
    caller::Caller,
    on_both, workshops,
};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::python::asked;

const UPDATE: &str = "mutation($input: WorkshopUpdateInput!) { workshopUpdate(input: $input) { userErrors { message } } }";
const SESSIONS: &str = "query($after: String) { sessions(first: 100, after: $after, filter: { status: [SCHEDULED] }) {
    nodes { id startsAt endsAt gathering { id title } } pageInfo { hasNextPage endCursor } } }";

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

    /// A circle on Tuesdays.
    fn circle(&self) -> Value {
        json!({
            "programId": self.home.program, "title": "Tuesday circle", "topics": ["COPING.STRESS", "REL.COMMUNICATION"],
            "modality": "HYBRID", "visibility": "PUBLIC", "startsOn": "2026-03-03", "startTime": "18:00", "minutes": 60,
            "recurrence": "FREQ=WEEKLY", "joinUrl": "https://meet.example.org/secret-room",
        })
    }

    async fn draft(&self, change: Value) -> String {
        workshops::draft(&self.coordinator, self.circle(), &change).await
    }

    async fn published(&self, change: Value) -> String {
        workshops::published(&self.coordinator, self.circle(), &change).await
    }

    async fn done(&self, mutation: &str, variables: Value) {
        let answer = self.coordinator.ask_with(mutation, variables).await;
        assert!(answer.raw.contains("\"userErrors\":[]"), "{}", answer.raw);
    }

    /// What anybody gets at an address.
    async fn get(&self, path: &str, known: Option<&str>) -> Response {
        let request = reqwest::Client::new().get(format!("{}{path}", self.app.url));
        let request = if let Some(tag) = known { request.header("if-none-match", tag) } else { request };
        request.send().await.unwrap()
    }

    async fn calendar(&self, path: &str) -> String {
        let answer = self.get(path, None).await;
        let (status, kind) = (answer.status(), answer.headers().get("content-type").cloned());
        let text = answer.text().await.unwrap();
        assert_eq!((status, kind.unwrap().to_str().unwrap()), (StatusCode::OK, "text/calendar; charset=utf-8"), "{path}: {text}");
        text
    }

    /// The sessions that take place, as anybody reads them through the API, of this workshop or of all: their instants and titles.
    async fn sessions(&self, of: Option<&str>) -> Vec<(i64, i64, String)> {
        let (mut all, mut after) = (Vec::new(), Value::Null);
        loop {
            let page = self.app.anyone().ask_with(SESSIONS, json!({ "after": after })).await;
            let sessions = page.data("/sessions").clone();
            for session in sessions["nodes"].as_array().unwrap() {
                let seconds = |field: &str| session[field].as_str().unwrap().parse::<DateTime<Utc>>().unwrap().timestamp();
                if of.is_none_or(|id| session["gathering"]["id"] == id) {
                    all.push((seconds("startsAt"), seconds("endsAt"), session["gathering"]["title"].as_str().unwrap().to_owned()));
                }
            }
            if sessions["pageInfo"]["hasNextPage"] == false {
                all.sort();
                return all;
            }
            after = sessions["pageInfo"]["endCursor"].clone();
        }
    }
}

/// What is written as the standard wants it: line ends, lengths, what begins ends, each zone that is used is there.
fn well_formed(calendar: &str) {
    assert!(calendar.ends_with("END:VCALENDAR\r\n") && !calendar.replace("\r\n", "").contains(['\r', '\n']));
    assert!(calendar.split("\r\n").all(|line| line.len() <= 75), "{calendar}");
    let unfolded = calendar.replace("\r\n ", "");
    let mut open = Vec::new();
    for line in unfolded.lines() {
        if let Some(part) = line.strip_prefix("BEGIN:") {
            open.push(part);
        } else if let Some(part) = line.strip_prefix("END:") {
            assert_eq!(open.pop(), Some(part));
        } else if let Some((_, zone)) = line.split_once(";TZID=") {
            let zone = zone.split(':').next().unwrap();
            assert!(unfolded.contains(&format!("\r\nTZID:{zone}\r\n")), "{zone} is not told");
        }
    }
    assert_eq!(open, [""; 0]);
}

on_both! {
    async fn other_readers_find_what_the_api_says(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let circle = scene.published(json!({ "exceptDates": ["2026-03-17", "2026-06-02"], "extraDates": ["2026-03-20"] })).await;
        scene.published(json!({
            "title": "Cooking, for one; and \\ for two: caf\u{e9} \u{1f372}", "description": "Bring nothing.\nWe have all of it, from A to Z, and more of it than fits on one line.",
            "recurrence": "FREQ=MONTHLY;BYDAY=1TU,-1FR", "address": { "line1": "12 Quiet Lane", "city": "Albany", "country": "US" },
        })).await;
        scene.published(json!({ "title": "At the sea", "timeZone": "Australia/Lord_Howe", "startTime": "02:15", "recurrence": "FREQ=DAILY;COUNT=300" })).await;
        scene.published(json!({ "title": "Early", "startTime": "02:30", "startsOn": "2026-03-07", "recurrence": "FREQ=DAILY;UNTIL=20260312T000000Z" })).await;
        scene.published(json!({ "title": "Three times", "startsOn": "2026-03-09", "recurrence": null, "extraDates": ["2026-03-11", "2026-11-02"] })).await;
        // One is moved across the change of clocks, one is cancelled, and from May on it is at another time and longer.
        let circles = "query($id: ID!) { node(id: $id) { ... on Workshop { sessions(first: 30) { nodes { id localStart } } } } }";
        let sessions = scene.coordinator.ask_with(circles, json!({ "id": circle })).await;
        let session = |at: usize| sessions.data(&format!("/node/sessions/nodes/{at}/id")).clone();
        let reschedule = "mutation($id: ID!) { sessionReschedule(id: $id, startsAt: \"2026-03-05T20:00:00Z\") { userErrors { message } } }";
        scene.done(reschedule, json!({ "id": session(1) })).await;
        let cancel = "mutation($id: ID!) { sessionCancel(id: $id, note: \"The room, it floods.\") { userErrors { message } } }";
        scene.done(cancel, json!({ "id": session(4) })).await;
        scene.done(UPDATE, json!({ "input": { "id": circle, "from": "2026-05-01", "startTime": "19:00", "minutes": 75 } })).await;

        let calendar = scene.calendar("/calendar/workshops.ics").await;

        well_formed(&calendar);
        let window = json!({ "calendar": calendar, "from": "2026-03-02T12:00:00Z", "to": "2026-08-29T12:00:00Z" });
        let Some(read) = asked("read_calendar.py", &window) else { return };
        assert_eq!(read["complaints"], json!([]));
        assert_eq!(read["zones"], json!(["America/New_York", "Australia/Lord_Howe"]));
        let events = read["events"].as_array().unwrap();
        let end = "2026-08-29T12:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp();
        let wanted: Vec<_> = scene.sessions(None).await.into_iter().filter(|(start, ..)| *start < end).collect();
        let mut found: Vec<_> = events
            .iter()
            .filter(|event| event["status"] == "CONFIRMED")
            .map(|event| (event["start"].as_i64().unwrap(), event["end"].as_i64().unwrap(), event["summary"].as_str().unwrap().to_owned()))
            .collect();
        found.sort();
        let different = (0..found.len().max(wanted.len())).find(|at| found.get(*at) != wanted.get(*at));
        assert_eq!(different.map(|at| (found.get(at), wanted.get(at))), None);
        assert!(found.len() > 200, "{}", found.len());
        let cancelled: Vec<_> = events.iter().filter(|event| event["status"] == "CANCELLED").collect();
        assert_eq!((cancelled.len(), &cancelled[0]["comment"]), (1, &json!("The room, it floods.")));
        assert_eq!(events[0]["location"], "Online", "it has no room");
        let cooking = events.iter().find(|event| event["summary"].as_str().unwrap().starts_with("Cooking")).unwrap();
        assert_eq!(cooking["location"], "12 Quiet Lane, Albany");

        let one = scene.calendar(&format!("/calendar/workshops/{circle}.ics")).await;
        well_formed(&one);
        let read = asked("read_calendar.py", &json!({ "calendar": one, "from": "2026-03-02T12:00:00Z", "to": "2026-08-29T12:00:00Z" })).unwrap();
        let of_it = scene.sessions(Some(&circle)).await.into_iter().filter(|(start, ..)| *start < end).count();
        let confirmed = read["events"].as_array().unwrap().iter().filter(|event| event["status"] == "CONFIRMED");
        assert_eq!((confirmed.count(), read["complaints"].clone()), (of_it, json!([])));
        let uids: std::collections::BTreeSet<_> = read["events"].as_array().unwrap().iter().map(|event| event["uid"].as_str().unwrap()).collect();
        assert_eq!(uids.len(), 2, "one series until May, another since");
    }

    async fn nothing_is_there_that_is_not_public(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let hidden = json!({ "title": "In the old town", "address": { "line1": "12 Quiet Lane", "country": "US" }, "area": "Old town", "addressAfterRegistration": true });
        let shown = scene.published(hidden).await;
        let draft = scene.draft(json!({ "title": "A draft" })).await;
        let partners = scene.published(json!({ "title": "For partners", "visibility": "PARTNERS" })).await;
        let clients = scene.published(json!({ "title": "For clients", "visibility": "CLIENTS_ONLY" })).await;

        let all = scene.calendar("/calendar/workshops.ics").await;

        assert!(all.contains("SUMMARY:In the old town") && all.contains("LOCATION:Old town"), "{all}");
        for secret in ["Quiet Lane", "secret-room", "A draft", "For partners", "For clients"] {
            assert!(!all.contains(secret), "{secret}");
            assert!(!scene.calendar(&format!("/calendar/workshops/{shown}.ics")).await.contains(secret), "{secret}");
        }
        let mut answers = std::collections::BTreeSet::new();
        for id in [&draft, &partners, &clients, "wks_00000000000000000000000000", "prg_00000000000000000000000000", "x"] {
            // With a token of those who may see it too: what is published is the same for everyone.
            for caller in [&scene.app.anyone(), &scene.coordinator] {
                let request = reqwest::Client::new().get(format!("{}/calendar/workshops/{id}.ics", scene.app.url));
                let request = if let Some(token) = &caller.token { request.bearer_auth(token) } else { request };
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{id}");
                answers.insert(answer.text().await.unwrap());
            }
        }
        assert_eq!(answers.len(), 1, "one answer for what is absent and what is not theirs: {answers:?}");
    }

    async fn whoever_has_it_is_told_so_until_it_changes(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let circle = scene.published(json!({})).await;
        let path = format!("/calendar/workshops/{circle}.ics");
        let first = scene.get(&path, None).await;
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();
        assert_eq!(first.headers()["cache-control"], "public, max-age=300");
        assert!(first.headers().contains_key("x-request-id"));
        let text = first.text().await.unwrap();
        assert!(text.contains("SEQUENCE:1\r\n"), "{text}");
        scene.app.clock().advance(TimeDelta::minutes(1));

        for known in [tag.as_str(), "*", &format!("\"other\", {tag}")] {
            let same = scene.get(&path, Some(known)).await;
            assert_eq!((same.status(), same.headers()["etag"].to_str().unwrap()), (StatusCode::NOT_MODIFIED, tag.as_str()), "{known}");
            assert_eq!(same.text().await.unwrap(), "");
        }
        scene.done(UPDATE, json!({ "input": { "id": circle, "title": "Another circle" } })).await;
        let changed = scene.get(&path, Some(&tag)).await;
        assert_eq!(changed.status(), StatusCode::OK);
        assert_ne!(changed.headers()["etag"].to_str().unwrap(), tag);
        let changed = changed.text().await.unwrap();
        let uid = |calendar: &str| calendar.lines().find(|line| line.starts_with("UID:")).unwrap().to_owned();
        assert_eq!(uid(&text), uid(&changed));
        assert!(changed.contains("SEQUENCE:2\r\n") && changed.contains("SUMMARY:Another circle"), "{changed}");
        let told = scene.app.anyone().ask(&format!("{{ node(id: \"{circle}\") {{ ... on Workshop {{ calendarUrl }} }} }}")).await;
        assert!(told.text("/node/calendarUrl").ends_with(&path), "{}", told.raw);
    }

    async fn an_address_narrows_as_the_query_does(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await).await;
        let titles = [
            ("One", json!({ "languages": ["es-MX"], "modality": "IN_PERSON", "accessibility": ["ASL"], "joinUrl": null })),
            ("Two", json!({ "topics": ["RP.PLAN"], "startsOn": "2026-04-07", "recurrence": "FREQ=WEEKLY;COUNT=2" })),
            ("Three", json!({ "modality": "ONLINE", "capacityOnline": 1, "startsOn": "2026-03-05", "recurrence": "FREQ=WEEKLY;COUNT=1" })),
        ];
        for (title, mut change) in titles {
            change["title"] = json!(title);
            scene.published(change).await;
        }
        let program = scene.home.program;
        for (parameters, wanted) in [
            (String::new(), vec!["One", "Two", "Three"]),
            ("?topics=RP.PLAN".to_owned(), vec!["Two"]),
            ("?topics=RP.PLAN,%20COPING.STRESS".to_owned(), vec!["One", "Two", "Three"]),
            ("?languages=es".to_owned(), vec!["One"]),
            ("?accessibility=ASL&modality=IN_PERSON".to_owned(), vec!["One"]),
            ("?modality=ONLINE,HYBRID".to_owned(), vec!["Two", "Three"]),
            (format!("?programIds={program}&search=thr"), vec!["Three"]),
            ("?from=2026-04-10T00:00:00Z&to=2026-04-15T00:00:00Z".to_owned(), vec!["One", "Two"]),
            ("?to=2026-03-04T00:00:00Z".to_owned(), vec!["One"]),
            ("?hasSeats=false".to_owned(), vec![]),
            ("?programIds=prg_00000000000000000000000000".to_owned(), vec![]),
        ] {
            let calendar = scene.calendar(&format!("/calendar/workshops.ics{parameters}")).await;
            well_formed(&calendar);
            let titles = calendar.lines().filter_map(|line| line.strip_prefix("SUMMARY:"));
            let mut titles: Vec<_> = titles.collect();
            titles.sort_by_key(|title| ["One", "Two", "Three"].iter().position(|known| known == title));
            assert_eq!(titles, wanted, "{parameters}");
        }
        let many = format!("?accessibility={}", (0..9_000).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
        for (parameters, sentence) in [
            ("?near=1,2", "The parameters are"), ("?topics=A&topics=B", "each parameter once"), ("?modality=BY_PIGEON", "IN_PERSON"),
            ("?programIds=1", "ids of programs"), ("?from=today", "an instant"), ("?to=200000-01-01T00:00:00Z", "an instant"),
            (many.as_str(), "at most 20"),
            ("?hasSeats=maybe", "`true` or `false`"), ("?topics=", "`topics`"), ("?languages=es,,en", "`languages`"),
        ] {
            let refused = scene.get(&format!("/calendar/workshops.ics{parameters}"), None).await;
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{parameters}");
            let text = refused.text().await.unwrap();
            assert!(text.contains(sentence) && text.contains("BAD_USER_INPUT"), "{parameters}: {text}");
        }
    }
}
