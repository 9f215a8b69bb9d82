//! Further days of what comes again: they are named one by one, before the next by the rule as well, and it stays one schedule.

use chrono::{DateTime, TimeDelta, Utc};
use kit::{app::TestApp, databases::TestDatabase, on_both};
use serde_json::{Value, json};

use crate::{
    python::asked,
    series::{Scene, tuesdays},
};

const TOLD: &str = "query($id: ID!) { node(id: $id) { ... on Workshop { startsOn startTime recurrence exceptDates extraDates
    plannedSeries { startsOn startTime recurrence exceptDates extraDates } } } }";
const GROUP: &str =
    "mutation($input: SupportGroupCreateInput!) { supportGroupCreate(input: $input) { supportGroup { id } userErrors { message } } }";
const GROUP_UPDATE: &str =
    "mutation($input: SupportGroupUpdateInput!) { supportGroupUpdate(input: $input) { userErrors { message } supportGroup {
    plannedSeries { startsOn recurrence extraDates } sessions(first: 3) { nodes { localStart } } } } }";

impl Scene {
    async fn told(&self) -> Value {
        self.app.anyone().ask_with(TOLD, json!({ "id": self.workshop })).await.data("/node").clone()
    }

    async fn refused(&self, change: Value, says: &str) {
        let before = (self.told().await, self.sessions().await);
        let refused = self.update(change.clone()).await;
        assert_eq!(refused.user_error_codes(), ["INVALID"], "{change}: {}", refused.raw);
        assert!(refused.raw.contains(says), "{change}: {}", refused.raw);
        assert_eq!((self.told().await, self.sessions().await), before, "{change}: nothing changes");
    }

    /// When each session begins, as long as it takes place: this way and in the calendar alike.
    async fn days(&self) -> Vec<String> {
        let sessions: Vec<_> = self.sessions().await.into_iter().filter(|session| session["status"] != "CANCELLED").collect();
        let calendar = self.app.anyone().download(&format!("/calendar/workshops/{}.ics", self.workshop)).await.raw;
        let window = json!({ "calendar": calendar, "from": "2026-03-01T00:00:00Z", "to": "2026-08-01T00:00:00Z" });
        if let Some(read) = asked("read_calendar.py", &window) {
            assert_eq!(read["complaints"], json!([]), "{calendar}");
            let events = read["events"].as_array().unwrap().iter().filter(|event| event["status"] == "CONFIRMED");
            let found: Vec<_> = events.map(|event| [&event["start"], &event["end"]].map(|at| at.as_i64().unwrap())).collect();
            let second = |at: &Value| at.as_str().unwrap().parse::<DateTime<Utc>>().unwrap().timestamp();
            let wanted = sessions.iter().map(|session| [&session["startsAt"], &session["endsAt"]].map(second));
            let end = "2026-08-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp();
            assert_eq!(found, wanted.filter(|[start, _]| *start < end).collect::<Vec<_>>(), "{calendar}");
        }
        sessions.iter().map(|session| session["localStart"].as_str().unwrap()[5..].to_owned()).collect()
    }

    async fn id_on(&self, day: &str) -> Value {
        let all = self.sessions().await;
        all.iter().find(|session| session["localStart"].as_str().unwrap()[5..].starts_with(day)).unwrap()["id"].clone()
    }
}

/// On Wednesday, after the first of the Tuesdays: clocks go forward on Sunday, and the next is on 10 March.
async fn on_wednesday(db: TestDatabase) -> Scene {
    let mut scene = Scene::on(TestApp::start(db).await, |_| {}).await;
    scene.at("2026-03-04T12:00:00Z").await;
    scene
}

on_both! {
    async fn one_more_before_the_next_by_the_rule(db: TestDatabase) {
        let scene = on_wednesday(db).await;
        let next = scene.id_on("03-10").await;

        scene.updated(json!({ "extraDates": ["2026-03-05"] })).await;

        assert_eq!(scene.days().await[..4], ["03-03T18:00", "03-05T18:00", "03-10T18:00", "03-17T18:00"]);
        let planned = json!([{ "startsOn": "2026-03-10", "startTime": "18:00", "recurrence": "FREQ=WEEKLY", "exceptDates": [], "extraDates": ["2026-03-05"] }]);
        assert_eq!(scene.told().await["plannedSeries"], planned);
        let first = scene.id_on("03-05").await;
        let register = scene.coordinator.ask(&format!("mutation {{ registrationCreate(input: {{ sessionId: {first}, registrant: {{
            clientId: \"{}\" }} }}) {{ registration {{ id }} userErrors {{ message }} }} }}", scene.client().await)).await;
        assert_eq!(register.data("/registrationCreate/userErrors"), &json!([]), "{}", register.raw);

        // Once more, beside it; and what is told can be sent back.
        scene.updated(json!({ "extraDates": ["2026-03-05", "2026-03-08"] })).await;
        let days = scene.days().await;
        assert_eq!(days[..4], ["03-03T18:00", "03-05T18:00", "03-08T18:00", "03-10T18:00"]);
        let told = scene.told().await["plannedSeries"][0].clone();
        let before = scene.sessions().await;
        scene.updated(json!({ "extraDates": told["extraDates"], "exceptDates": told["exceptDates"], "startTime": told["startTime"] })).await;
        assert_eq!((scene.told().await["plannedSeries"][0].clone(), scene.sessions().await), (told, before));

        // Whatever changes from now on changes of all of them.
        scene.updated(json!({ "startTime": "19:00" })).await;
        assert_eq!(scene.days().await[..4], ["03-03T18:00", "03-05T19:00", "03-08T19:00", "03-10T19:00"]);
        assert_eq!((scene.id_on("03-05").await, scene.id_on("03-10").await), (first.clone(), next.clone()), "they are the same sessions");
        let node = json!({ "id": register.data("/registrationCreate/registration/id") });
        let kept = scene.coordinator.ask_with("query($id: ID!) { node(id: $id) { ... on Registration { status session { id localStart } } } }", node).await;
        assert_eq!(kept.data("/node"), &json!({ "status": "REGISTERED", "session": { "id": first, "localStart": "2026-03-05T19:00" } }), "{}", kept.raw);

        // And from the second of them on, which the rule's next comes after.
        scene.updated(json!({ "from": "2026-03-06", "startTime": "20:00" })).await;
        assert_eq!(scene.days().await[..4], ["03-03T18:00", "03-05T19:00", "03-08T20:00", "03-10T20:00"]);
        scene.refused(json!({ "minutes": 90 }), "Another schedule begins on 2026-03-08").await;
        scene.updated(json!({ "from": "2026-03-06", "extraDates": [] })).await;
        assert_eq!(scene.days().await[..4], ["03-03T18:00", "03-05T19:00", "03-10T20:00", "03-17T20:00"]);
        assert_eq!(scene.id_on("03-10").await, next);
    }

    async fn a_further_day_is_taken_back(db: TestDatabase) {
        let mut scene = on_wednesday(db).await;
        let before = scene.days().await;
        scene.updated(json!({ "extraDates": ["2026-03-05"] })).await;
        scene.updated(json!({ "extraDates": [], "note": "The room is taken." })).await;
        assert_eq!(scene.days().await, before);
        let gone = scene.sessions().await;
        let gone = gone.iter().find(|session| session["localStart"] == "2026-03-05T18:00").unwrap();
        assert_eq!((&gone["status"], &gone["note"]), (&json!("CANCELLED"), &json!("The room is taken.")));
        let told = scene.told().await;
        assert_eq!((&told["recurrence"], &told["extraDates"], &told["plannedSeries"][0]["extraDates"]), (&json!("FREQ=WEEKLY"), &json!([]), &json!([])));
        // A further day of the schedule as it was made goes as well, though it comes before the rule's next.
        scene.updated(json!({ "extraDates": ["2026-03-06", "2026-03-13"] })).await;
        scene.at("2026-03-11T12:00:00Z").await;
        assert_eq!(scene.told().await["extraDates"], json!(["2026-03-06", "2026-03-13"]));
        scene.updated(json!({ "extraDates": [] })).await;
        assert_eq!(scene.days().await[1..4], ["03-06T18:00", "03-10T18:00", "03-17T18:00"]);
        assert_eq!(scene.told().await["extraDates"], json!(["2026-03-06"]), "what was stays");
    }

    async fn the_next_by_the_rule_is_left_out_and_comes_back(db: TestDatabase) {
        let scene = on_wednesday(db).await;
        scene.updated(json!({ "exceptDates": ["2026-03-10"], "extraDates": ["2026-03-09"] })).await;
        assert_eq!(scene.days().await[..3], ["03-03T18:00", "03-09T18:00", "03-17T18:00"]);
        let told = scene.told().await["plannedSeries"][0].clone();
        assert_eq!((&told["startsOn"], &told["exceptDates"], &told["extraDates"]), (&json!("2026-03-10"), &json!(["2026-03-10"]), &json!(["2026-03-09"])));
        scene.updated(json!({ "startTime": "17:00" })).await;
        assert_eq!(scene.days().await[..3], ["03-03T18:00", "03-09T17:00", "03-17T17:00"]);
        scene.updated(json!({ "exceptDates": [] })).await;
        assert_eq!(scene.days().await[..4], ["03-03T18:00", "03-09T17:00", "03-10T17:00", "03-17T17:00"]);
        scene.refused(json!({ "exceptDates": ["2026-03-17"], "extraDates": ["2026-03-17"] }), "choose one").await;
        scene.refused(json!({ "exceptDates": ["2026-03-11"] }), "2026-03-11 is no day of the rule").await;
        scene.refused(json!({ "extraDates": ["2026-03-12", "2026-03-12"] }), "different days").await;
        scene.refused(json!({ "extraDates": ["2026-03-03"] }), "2026-03-03 has begun").await;
        scene.refused(json!({ "extraDates": ["2026-03-02"] }), "`extraDates` lies in the future").await;
        scene.refused(json!({ "from": "2026-03-14", "extraDates": ["2026-03-12"] }), "2026-03-12 is before it").await;
        scene.refused(json!({ "from": "2026-03-10", "recurrence": "FREQ=WEEKLY", "extraDates": ["2026-03-09"] }), "come after `from`").await;
        assert_eq!(scene.days().await[..4], ["03-03T18:00", "03-09T17:00", "03-10T17:00", "03-17T17:00"], "nothing changed");
    }

    async fn a_rule_that_is_over_goes_on_by_name(db: TestDatabase) {
        let mut scene = Scene::on(TestApp::start(db).await, |input| input["recurrence"] = json!("FREQ=WEEKLY;COUNT=2")).await;
        scene.updated(json!({ "extraDates": ["2026-03-06"] })).await;
        scene.at("2026-03-04T12:00:00Z").await;
        scene.updated(json!({ "startTime": "17:00" })).await;
        assert_eq!(scene.days().await, ["03-03T18:00", "03-06T17:00", "03-10T17:00"], "the last stays the last");
        scene.at("2026-03-11T12:00:00Z").await;
        scene.refused(json!({ "startTime": "16:00" }), "No session is left").await;
        scene.updated(json!({ "extraDates": ["2026-03-20", "2026-03-13"] })).await;
        assert_eq!(scene.days().await[2..], ["03-10T17:00", "03-13T17:00", "03-20T17:00"]);
        scene.updated(json!({ "extraDates": ["2026-03-20"], "from": "2026-03-14" })).await;
        scene.at("2026-03-14T12:00:00Z").await;
        scene.updated(json!({ "extraDates": ["2026-03-27", "2026-03-24"] })).await;
        assert_eq!(scene.days().await[3..], ["03-13T17:00", "03-20T17:00", "03-24T17:00", "03-27T17:00"], "the first stays as long as it is to come");
    }

    async fn a_session_to_which_people_came_stays(db: TestDatabase) {
        let mut scene = on_wednesday(db).await;
        scene.updated(json!({ "extraDates": ["2026-03-05"] })).await;
        let session = scene.id_on("03-05").await;
        let client = scene.client().await;
        let register = format!("mutation {{ registrationCreate(input: {{ sessionId: {session}, registrant: {{ clientId: \"{client}\" }} }}) {{
            registration {{ id }} userErrors {{ message }} }} }}");
        let registration = scene.coordinator.ask(&register).await.data("/registrationCreate/registration/id").clone();
        scene.at("2026-03-05T22:50:00Z").await;
        let came = format!("mutation {{ attendanceRecord(sessionId: {session}, entries: [{{ registrationId: {registration}, status: ATTENDED }}]) {{
            userErrors {{ message }} }} }}");
        let came = scene.coordinator.ask(&came).await;
        assert_eq!(came.data("/attendanceRecord/userErrors"), &json!([]), "{}", came.raw);
        scene.updated(json!({ "startTime": "20:00" })).await;
        let starts = scene.starts().await;
        assert_eq!(starts[1..3], ["2026-03-05T18:00", "2026-03-10T20:00"]);
        scene.app.clock().advance(TimeDelta::minutes(1));
        scene.updated(json!({ "extraDates": [] })).await;
        assert_eq!(scene.starts().await, starts);
    }

    async fn a_support_group_has_one_more_and_other_formats_say_so(db: TestDatabase) {
        let scene = on_wednesday(db).await;
        let mut input = tuesdays(&scene.home);
        input["startsOn"] = json!("2026-03-10");
        let made = scene.coordinator.ask_with(GROUP, json!({ "input": input })).await;
        let group = made.data("/supportGroupCreate/supportGroup/id").clone();
        let changed = scene.coordinator.ask_with(GROUP_UPDATE, json!({ "input": { "id": group, "extraDates": ["2026-03-05"] } })).await;
        assert_eq!(changed.data("/supportGroupUpdate"), &json!({ "userErrors": [], "supportGroup": {
            "plannedSeries": [], "sessions": { "nodes": [{ "localStart": "2026-03-05T18:00" }, { "localStart": "2026-03-10T18:00" }, { "localStart": "2026-03-17T18:00" }] },
        } }), "{}", changed.raw);

        scene.updated(json!({ "extraDates": ["2026-03-05"] })).await;
        let event = scene.app.anyone().download(&format!("/calendar/workshops/{}.jsonld", scene.workshop)).await.body;
        let starts: Vec<_> = event["subEvent"].as_array().unwrap().iter().map(|one| one["startDate"].as_str().unwrap()[..10].to_owned()).collect();
        assert_eq!(starts[..2], ["2026-03-05", "2026-03-10"]);
        let schedules = event["eventSchedule"].as_array().unwrap();
        assert_eq!(schedules.last().unwrap()["startDate"], "2026-03-10");
        let services = scene.app.anyone().download("/hsds/services").await;
        assert!(services.raw.contains("\"dtstart\":\"2026-03-05\""), "{}", services.raw);
        let meetings = scene.app.anyone().download("/meetings.json").await.body;
        let meeting = meetings.as_array().unwrap().iter().find(|meeting| meeting["slug"] == scene.workshop).unwrap();
        assert_eq!((&meeting["day"], &meeting["time"]), (&json!(2), &json!("18:00")), "it is each week still");
    }
}
