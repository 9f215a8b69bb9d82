//! How people meet, and in which zone, can change: what was stays as it was told, and nobody is removed.

use chrono::TimeDelta;
use entity::vocabulary::Role;
use kit::{app::TestApp, caller::Answer, on_both, workshops::sessions};
use serde_json::{Value, json};

use crate::{python::asked, seats::Room};

const UPDATE: &str =
    "mutation($input: WorkshopUpdateInput!) { workshopUpdate(input: $input) { workshop { id } userErrors { code path message } } }";
const GROUP: &str =
    "mutation($input: SupportGroupCreateInput!) { supportGroupCreate(input: $input) { supportGroup { id } userErrors { message } } }";
const GROUP_UPDATE: &str = "mutation($input: SupportGroupUpdateInput!) { supportGroupUpdate(input: $input) { supportGroup { modality
    operations { capacityInPerson capacityOnline } } userErrors { code message } } }";
const SEATS: &str = "query($id: ID!) { session(id: $id) { modality seatsLeftInPerson seatsLeftOnline version
    roster { registeredCount capacityInPerson capacityOnline registrations { nodes { attendance status } } } } }";
const ZONES: &str = "query($id: ID!) { node(id: $id) { ... on Workshop { timeZone startTime
    plannedSeries { startsOn startTime minutes recurrence exceptDates extraDates }
    sessions(first: 100) { nodes { id startsAt localStart timeZone version } } } } }";

impl Room {
    async fn change(&self, mut change: Value) -> Answer {
        change["id"] = json!(self.workshop);
        self.coordinator().await.ask_with(UPDATE, json!({ "input": change })).await
    }

    async fn changed(&self, change: Value) {
        let answer = self.change(change).await;
        assert_eq!(answer.data("/workshopUpdate/userErrors"), &json!([]), "{}", answer.raw);
    }

    async fn seats(&self) -> Value {
        self.coordinator().await.ask_with(SEATS, json!({ "id": self.session })).await.data("/session").clone()
    }

    async fn zones(&self) -> Value {
        self.coordinator().await.ask_with(ZONES, json!({ "id": self.workshop })).await.data("/node").clone()
    }

    /// What the log says changed of sessions, newest last.
    async fn told(&self) -> Vec<Value> {
        self.app.sealed().await;
        let staff = self.app.staff(&self.home, &[Role::Coordinator]).await;
        let events = staff.ask("{ events(last: 100) { nodes { kind changed } } }").await;
        let nodes = events.data("/events/nodes").as_array().unwrap().clone();
        nodes.into_iter().filter(|event| event["kind"] == "SESSION_CHANGED").map(|event| event["changed"].clone()).collect()
    }
}

on_both! {
    async fn people_meet_in_another_way_and_nobody_is_removed(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({ "modality": "HYBRID", "capacityInPerson": 2, "capacityOnline": 1, "area": "Old town" })).await;
        for attendance in ["IN_PERSON", "IN_PERSON", "ONLINE"] {
            let made = room.try_register(&room.client().await, json!({ "attendance": attendance })).await;
            assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
        }
        let before = room.told().await.len();

        room.changed(json!({ "modality": "ONLINE" })).await;

        let seats = room.seats().await;
        assert_eq!((&seats["modality"], &seats["seatsLeftInPerson"], &seats["roster"]["capacityInPerson"], &seats["roster"]["capacityOnline"]),
            (&json!("ONLINE"), &json!(0), &json!(0), &json!(1)));
        assert_eq!(seats["roster"]["registeredCount"], 3);
        let nodes = seats["roster"]["registrations"]["nodes"].as_array().unwrap();
        assert!(nodes.iter().all(|one| one["status"] == "REGISTERED"), "{seats}");
        assert_eq!(nodes.iter().filter(|one| one["attendance"] == "IN_PERSON").count(), 2, "how they wanted to come is theirs to change");
        assert_eq!(room.told().await[before..], [json!(["modality", "capacity"])]);
        let late = room.try_register(&room.client().await, json!({ "attendance": "IN_PERSON" })).await;
        assert_eq!(late.user_error_codes(), ["INVALID"], "nobody meets in a room any more: {}", late.raw);

        room.changed(json!({ "modality": "PHONE" })).await;
        assert_eq!((room.told().await[before + 1..].to_vec(), room.seats().await["modality"].clone()), (vec![json!(["modality"])], json!("PHONE")));
        room.changed(json!({ "modality": "PHONE" })).await;
        assert_eq!(room.told().await.len(), before + 2, "what is so already is no news");
        room.changed(json!({ "modality": "IN_PERSON" })).await;
        let seats = room.seats().await;
        assert_eq!((&seats["roster"]["capacityInPerson"], &seats["roster"]["capacityOnline"], &seats["seatsLeftInPerson"]), (&Value::Null, &json!(0), &Value::Null));
        room.changed(json!({ "modality": "HYBRID", "capacityOnline": 7 })).await;
        assert_eq!(room.seats().await["roster"]["capacityOnline"], 7);
        let refused = room.change(json!({ "modality": "ONLINE", "capacityInPerson": 3 })).await;
        assert_eq!((refused.user_error_codes(), refused.data("/workshopUpdate/userErrors/0/path")), (vec!["INVALID"], &json!(["input", "capacityInPerson"])));
        assert_eq!(room.seats().await["modality"], "HYBRID", "nothing changed");

        let input = json!({ "programId": room.home.program, "title": "Circle", "topics": [], "modality": "ONLINE", "visibility": "PUBLIC",
            "startsOn": "2026-03-09", "startTime": "18:00", "minutes": 60 });
        let group = room.coordinator.ask_with(GROUP, json!({ "input": input })).await;
        let change = json!({ "id": group.data("/supportGroupCreate/supportGroup/id"), "modality": "HYBRID" });
        let changed = room.coordinator.ask_with(GROUP_UPDATE, json!({ "input": change })).await;
        assert_eq!(changed.data("/supportGroupUpdate/supportGroup"),
            &json!({ "modality": "HYBRID", "operations": { "capacityInPerson": 12, "capacityOnline": 12 } }), "{}", changed.raw);
    }

    async fn another_zone_keeps_the_hour_from_the_next_session_on(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({
            "startsOn": "2026-03-03", "recurrence": "FREQ=WEEKLY;UNTIL=20260602T220000Z", "capacityOnline": 5,
        })).await;
        let planned = sessions(&room.coordinator, &room.workshop).await;
        assert_eq!(planned.len(), 14);
        let ada = room.try_register(&room.client().await, json!({ "sessionId": planned[3]["id"] })).await;
        assert_eq!(ada.user_error_codes(), [""; 0], "{}", ada.raw);
        let moved = format!("mutation {{ sessionReschedule(id: {}, startsAt: \"2026-04-01T15:00:00Z\") {{ userErrors {{ message }} }} }}", planned[4]["id"]);
        assert!(room.coordinator.ask(&moved).await.raw.contains("\"userErrors\":[]"));
        // While the second session is going on.
        room.app.clock().advance(TimeDelta::days(8) + TimeDelta::hours(10) + TimeDelta::minutes(30));
        let before = room.told().await.len();

        room.changed(json!({ "timeZone": "America/Los_Angeles" })).await;

        let now = room.zones().await;
        let told: Vec<_> = now["sessions"]["nodes"].as_array().unwrap().iter()
            .map(|one| ["startsAt", "localStart", "timeZone"].map(|field| one[field].as_str().unwrap().to_owned()).join(" ")).collect();
        assert_eq!(told[..6], [
            "2026-03-03T23:00:00+00:00 2026-03-03T18:00 America/New_York",
            "2026-03-10T22:00:00+00:00 2026-03-10T18:00 America/New_York",
            "2026-03-18T01:00:00+00:00 2026-03-17T18:00 America/Los_Angeles",
            "2026-03-25T01:00:00+00:00 2026-03-24T18:00 America/Los_Angeles",
            "2026-04-01T15:00:00+00:00 2026-04-01T11:00 America/Los_Angeles",
            "2026-04-08T01:00:00+00:00 2026-04-07T18:00 America/Los_Angeles",
        ], "what was stays, and whoever moved one meant that one");
        assert_eq!((told.len(), told.last().unwrap().as_str()), (14, "2026-06-03T01:00:00+00:00 2026-06-02T18:00 America/Los_Angeles"), "the last day stays the last");
        assert_eq!(room.told().await.len() - before, 11, "each that moved is told");
        assert_eq!(now["plannedSeries"], json!([{
            "startsOn": "2026-03-17", "startTime": "18:00", "minutes": 60, "recurrence": "FREQ=WEEKLY;UNTIL=20260603T010000Z", "exceptDates": [], "extraDates": [],
        }]), "what is planned is told");
        let public = room.app.anyone().ask_with(ZONES, json!({ "id": room.workshop })).await;
        assert_eq!((public.data("/node/plannedSeries/0/startsOn"), public.data("/node/timeZone")), (&json!("2026-03-17"), &json!("America/Los_Angeles")));
        let stays = room.look(ada.data("/registrationCreate/registration")).await;
        assert_eq!(stays["status"], "REGISTERED");

        // Calendars say the same, of what was as well.
        let calendar = room.app.anyone().download(&format!("/calendar/workshops/{}.ics", room.workshop)).await;
        if let Some(read) = asked("read_calendar.py", &json!({ "calendar": calendar.raw, "from": "2026-03-01T00:00:00Z", "to": "2026-07-01T00:00:00Z" })) {
            assert_eq!((&read["complaints"], &read["zones"]), (&json!([]), &json!(["America/Los_Angeles", "America/New_York"])));
            let starts: Vec<_> = read["events"].as_array().unwrap().iter().map(|event| event["start"].as_i64().unwrap()).collect();
            let wanted: Vec<_> = now["sessions"]["nodes"].as_array().unwrap().iter()
                .map(|one| one["startsAt"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp()).collect();
            assert_eq!(starts, wanted);
        }
        let event = room.app.anyone().download(&format!("/calendar/workshops/{}.jsonld", room.workshop)).await;
        let moved: Vec<_> = event.body["subEvent"].as_array().unwrap().iter().filter(|one| one["eventStatus"] == "https://schema.org/EventRescheduled").collect();
        assert_eq!(moved.len(), 1, "{}", event.raw);

        // Back again, with another hour: the session of today is over meanwhile.
        room.app.clock().advance(TimeDelta::days(1));
        room.changed(json!({ "timeZone": "America/New_York", "startTime": "19:00" })).await;
        let back = room.zones().await;
        let told: Vec<_> = back["sessions"]["nodes"].as_array().unwrap().iter().map(|one| one["startsAt"].as_str().unwrap().to_owned()).collect();
        assert_eq!(told[..4], ["2026-03-03T23:00:00+00:00", "2026-03-10T22:00:00+00:00", "2026-03-17T23:00:00+00:00", "2026-03-24T23:00:00+00:00"]);
        let versions = |of: &Value| of["sessions"]["nodes"].as_array().unwrap().iter().map(|one| one["version"].clone()).collect::<Vec<_>>();
        room.changed(json!({ "timeZone": "America/New_York" })).await;
        assert_eq!(versions(&room.zones().await), versions(&back), "what is so already is no change");
        let refused = room.change(json!({ "timeZone": "America/Chicago", "from": "2026-04-07" })).await;
        assert_eq!((refused.user_error_codes(), refused.data("/workshopUpdate/userErrors/0/path")), (vec!["INVALID"], &json!(["input", "timeZone"])));
    }

    async fn what_is_planned_for_later_is_told_to_everyone(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({ "startsOn": "2026-03-03", "recurrence": "FREQ=WEEKLY" })).await;
        assert_eq!(room.zones().await["plannedSeries"], json!([]));
        room.changed(json!({ "from": "2026-04-14", "startTime": "19:30", "minutes": 45 })).await;
        room.changed(json!({ "from": "2026-06-04", "recurrence": "FREQ=WEEKLY;INTERVAL=2", "extraDates": ["2026-06-12"] })).await;

        let public = room.app.anyone().ask_with(ZONES, json!({ "id": room.workshop })).await;

        assert_eq!((public.data("/node/startTime"), public.data("/node/plannedSeries")), (&json!("18:00"), &json!([
            { "startsOn": "2026-04-14", "startTime": "19:30", "minutes": 45, "recurrence": "FREQ=WEEKLY", "exceptDates": [], "extraDates": [] },
            { "startsOn": "2026-06-04", "startTime": "19:30", "minutes": 45, "recurrence": "FREQ=WEEKLY;INTERVAL=2", "exceptDates": [], "extraDates": ["2026-06-12"] },
        ])));
        room.app.clock().advance(TimeDelta::days(50));
        let later = room.zones().await;
        assert_eq!((&later["startTime"], later["plannedSeries"].as_array().unwrap().len()), (&json!("19:30"), 1));
        let zone = room.change(json!({ "timeZone": "America/Chicago" })).await;
        assert_eq!((zone.user_error_codes(), zone.data("/workshopUpdate/userErrors/0/path")), (vec!["INVALID"], &json!(["input", "timeZone"])), "{}", zone.raw);
    }
}
