//! Workshops that come again: how far ahead their sessions are there, and what a change from a day on leaves as it was.

use chrono::{DateTime, TimeDelta, Utc};
use entity::vocabulary::Role;
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    databases::TestDatabase,
    follower::Follower,
    on_both,
    workshops::{draft, publish, published, sessions},
};
use serde_json::{Value, json};

const UPDATE: &str = "mutation($input: WorkshopUpdateInput!) { workshopUpdate(input: $input) {
    workshop { title startsOn startTime minutes recurrence exceptDates extraDates operations { version } } userErrors { code message path } } }";
const REGISTER: &str = "mutation($session: ID!, $client: ID!) { registrationCreate(input: { sessionId: $session,
    registrant: { clientId: $client } }) { registration { id } userErrors { code } } }";
const MOVE: &str =
    "mutation($id: ID!, $at: DateTime!) { sessionReschedule(id: $id, startsAt: $at) { session { id } userErrors { code } } }";
const CANCEL: &str = "mutation($id: ID!) { sessionCancel(id: $id) { session { id } userErrors { code } } }";

/// A circle on Tuesdays at 18:00 in New York, from 3 March 2026 on.
pub(crate) fn tuesdays(home: &Home) -> Value {
    json!({
        "programId": home.program, "title": "Tuesday circle", "topics": ["COPING.STRESS"], "modality": "IN_PERSON", "visibility": "PUBLIC",
        "startsOn": "2026-03-03", "startTime": "18:00", "minutes": 60, "recurrence": "FREQ=WEEKLY",
    })
}

pub(crate) struct Scene {
    pub(crate) app: TestApp,
    pub(crate) home: Home,
    pub(crate) coordinator: Caller,
    pub(crate) workshop: String,
}

impl Scene {
    /// With a workshop that is published.
    pub(crate) async fn on(app: TestApp, change: impl FnOnce(&mut Value)) -> Self {
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let mut input = tuesdays(&home);
        change(&mut input);
        let workshop = published(&coordinator, input, &json!({})).await;
        Self { app, home, coordinator, workshop }
    }

    /// All sessions in the order of their time.
    pub(crate) async fn sessions(&self) -> Vec<Value> {
        sessions(&self.app.anyone(), &self.workshop).await
    }

    /// What clocks show when those begin that take place.
    pub(crate) async fn starts(&self) -> Vec<String> {
        let all = self.sessions().await.into_iter().filter(|session| session["status"] != "CANCELLED");
        all.map(|session| session["localStart"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) async fn update(&self, change: Value) -> Answer {
        let mut input = json!({ "id": self.workshop });
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        self.coordinator.ask_with(UPDATE, json!({ "input": input })).await
    }

    /// It changed, and this is what it is now.
    pub(crate) async fn updated(&self, change: Value) -> Value {
        let answer = self.update(change).await;
        assert_eq!(answer.user_error_codes(), [""; 0], "{}", answer.raw);
        answer.data("/workshopUpdate/workshop").clone()
    }

    /// Somebody of the home.
    pub(crate) async fn client(&self) -> String {
        let input = json!({ "givenName": "Ada", "familyName": "Byron", "dateOfBirth": "1980-12-10", "contactMethods": [],
            "programIds": [self.home.program] });
        let create = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } userErrors { code } } }";
        self.coordinator.ask_with(create, json!({ "input": input })).await.text("/clientCreate/client/id").to_owned()
    }

    fn go_to(&self, at: &str) {
        let at: DateTime<Utc> = at.parse().unwrap();
        self.app.clock().advance(at - self.app.clock().now());
    }

    /// Goes there and has what is due done; whoever coordinates signs in anew.
    pub(crate) async fn at(&mut self, at: &str) -> usize {
        self.go_to(at);
        self.coordinator = self.app.staff(&self.home, &[Role::Coordinator]).await;
        self.app.fire_timers().await
    }
}

fn ends(day: &str, of: &[String]) -> bool {
    of.last().is_some_and(|last| last.starts_with(day))
}

/// Six Tuesdays at 18:00, of which those from the third on are at 19:30, are still six.
async fn keeps_its_end(db: TestDatabase, rule: &str, then: &str) {
    let mut scene = Scene::on(TestApp::start(db).await, |input| input["recurrence"] = json!(rule)).await;
    assert_eq!(scene.starts().await.len(), 6);
    scene.updated(json!({ "from": "2026-03-15", "startTime": "19:30" })).await;
    let wanted = ["2026-03-03T18:00", "2026-03-10T18:00", "2026-03-17T19:30", "2026-03-24T19:30", "2026-03-31T19:30", "2026-04-07T19:30"];
    assert_eq!(scene.starts().await, wanted);
    scene.at("2026-03-17T12:00:00Z").await;
    let now = scene.updated(json!({ "title": "Same" })).await;
    assert_eq!((&now["recurrence"], &now["startsOn"]), (&json!(then), &json!("2026-03-17")));
}

on_both! {
    async fn sessions_are_there_half_a_year_ahead_and_go_on_being(db: TestDatabase) {
        let mut scene = Scene::on(TestApp::start(db).await, |_| {}).await;
        let first = scene.starts().await;
        // From 3 March to 25 August, 180 days after noon of 2 March.
        assert_eq!((first.len(), first[0].as_str(), first[1].as_str()), (26, "2026-03-03T18:00", "2026-03-10T18:00"));
        assert!(ends("2026-08-25", &first), "{first:?}");

        assert_eq!(scene.at("2026-03-04T12:00:00Z").await, 0, "the next is not near enough");
        assert_eq!(scene.at("2026-03-06T12:00:00Z").await, 1);
        let later = scene.starts().await;
        assert_eq!((later.len(), ends("2026-09-01", &later)), (27, true), "{later:?}");
        assert_eq!(scene.app.fire_timers().await, 0, "once");

        // A server that stood still for two months plans what is ahead then.
        assert_eq!(scene.at("2026-05-06T12:00:00Z").await, 1);
        let later = scene.starts().await;
        assert!(ends("2026-10-27", &later), "{later:?}");
        assert_eq!(later.len(), 35);
        let instants: Vec<_> = scene.sessions().await.iter().map(|session| session["startsAt"].as_str().unwrap()[11..16].to_owned()).collect();
        assert_eq!((instants[0].as_str(), instants[1].as_str(), instants[34].as_str()), ("23:00", "22:00", "22:00"), "the wall stays");
        assert_eq!(scene.at("2026-06-10T12:00:00Z").await, 1);
        let last = scene.sessions().await.pop().unwrap();
        assert_eq!((&last["localStart"], &last["startsAt"]), (&json!("2026-12-01T18:00"), &json!("2026-12-01T23:00:00+00:00")));
    }

    async fn whoever_follows_the_schedule_hears_of_what_was_planned(db: TestDatabase) {
        let mut scene = Scene::on(TestApp::start(db).await, |_| {}).await;
        scene.app.sealed().await;
        let cursor = scene.coordinator.ask("{ viewer { eventCursor } }").await.text("/viewer/eventCursor").to_owned();
        scene.at("2026-03-06T12:00:00Z").await;
        scene.updated(json!({ "from": "2026-03-10", "recurrence": "FREQ=WEEKLY;COUNT=1" })).await;
        scene.app.sealed().await;
        let query = "subscription($after: String) { sessionChanged(after: $after) { event { kind } session { localStart status } } }";
        let mut follower = Follower::asking(&scene.coordinator, &scene.app.url, json!({ "query": query, "variables": { "after": cursor } })).await;
        let planned = follower.item("sessionChanged").await;
        assert_eq!((&planned["event"]["kind"], &planned["session"]["localStart"]), (&json!("SESSION_CHANGED"), &json!("2026-09-01T18:00")));
        for _ in 0..25 {
            let cancelled = follower.item("sessionChanged").await;
            assert_eq!((&cancelled["event"]["kind"], &cancelled["session"]["status"]), (&json!("SESSION_CANCELLED"), &json!("CANCELLED")));
        }
        assert!(follower.hears_nothing().await);
    }

    async fn a_rule_that_ends_has_as_many_sessions_as_it_says(db: TestDatabase) {
        let mut scene = Scene::on(TestApp::start(db).await, |input| {
            input["recurrence"] = json!("freq=weekly;byday=TU,TH;count=60");
            input["exceptDates"] = json!(["2026-03-05"]);
            input["extraDates"] = json!(["2026-03-07", "2027-03-06"]);
        })
        .await;
        let starts = scene.starts().await;
        assert_eq!(starts[..3], ["2026-03-03T18:00", "2026-03-07T18:00", "2026-03-10T18:00"]);
        assert!(ends("2027-03-06", &starts), "a day that was named is there at once: {starts:?}");
        scene.at("2026-07-02T12:00:00Z").await;
        // 60 by the rule, one of them not, and two besides.
        assert_eq!(scene.starts().await.len(), 61);
        assert_eq!(scene.app.database.count("FROM timer WHERE kind = 'SESSION_PLAN'").await, 0, "there is nothing more to plan");
    }

    async fn from_a_day_on_it_is_at_another_time_and_what_was_before_stays(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await, |_| {}).await;
        let before = scene.sessions().await;
        let client = scene.client().await;
        let taken = scene.coordinator.ask_with(REGISTER, json!({ "session": before[4]["id"], "client": client })).await;
        assert_eq!(taken.user_error_codes(), [""; 0], "{}", taken.raw);
        let (moved, cancelled) = (before[5]["id"].clone(), before[6]["id"].clone());
        assert_eq!(scene.coordinator.ask_with(MOVE, json!({ "id": moved, "at": "2026-04-09T16:00:00Z" })).await.user_error_codes(), [""; 0]);
        assert_eq!(scene.coordinator.ask_with(CANCEL, json!({ "id": cancelled })).await.user_error_codes(), [""; 0]);

        let now = scene.updated(json!({ "from": "2026-03-24", "startTime": "19:30", "minutes": 90 })).await;

        assert_eq!((&now["startsOn"], &now["startTime"], &now["minutes"]), (&json!("2026-03-03"), &json!("18:00"), &json!(60)), "until then");
        let after = scene.sessions().await;
        assert_eq!(after.len(), before.len());
        assert_eq!(after[..3], before[..3], "what is before stays, byte for byte");
        for (at, (new, old)) in after.iter().zip(&before).enumerate().skip(3).filter(|(at, _)| ![5, 6].contains(at)) {
            assert_eq!(new["id"], old["id"], "{at}: it is the same session, with whoever is registered");
            let start = new["localStart"].as_str().unwrap();
            assert_eq!((&start[..10], &start[11..]), (&old["localStart"].as_str().unwrap()[..10], "19:30"), "{at}");
        }
        let length = |session: &Value| {
            let instant = |field: &str| session[field].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
            instant("endsAt") - instant("startsAt")
        };
        assert_eq!(length(&after[3]), TimeDelta::minutes(90));
        let by_id = |id: &Value| after.iter().find(|session| session["id"] == *id).unwrap();
        assert_eq!(by_id(&moved)["startsAt"], "2026-04-09T16:00:00+00:00", "whoever moved one meant that one");
        assert_eq!(by_id(&cancelled)["status"], "CANCELLED");
        // The same change again changes nothing more.
        scene.updated(json!({ "from": "2026-03-24", "startTime": "19:30", "minutes": 90 })).await;
        assert_eq!(scene.sessions().await, after);
    }

    async fn another_rule_cancels_what_is_none_of_its_days_and_makes_the_others(db: TestDatabase) {
        let mut scene = Scene::on(TestApp::start(db).await, |input| input["exceptDates"] = json!(["2026-04-07"])).await;

        let now = scene.updated(json!({ "from": "2026-04-01", "recurrence": "FREQ=WEEKLY;BYDAY=TU,WE;INTERVAL=2", "note": "We meet more." })).await;

        assert_eq!(now["recurrence"], "FREQ=WEEKLY", "until then");
        let starts = scene.starts().await;
        assert_eq!(starts[..8], [
            "2026-03-03T18:00", "2026-03-10T18:00", "2026-03-17T18:00", "2026-03-24T18:00", "2026-03-31T18:00",
            "2026-04-01T18:00", "2026-04-14T18:00", "2026-04-15T18:00",
        ], "the exception of the rule before is none of this one's");
        let cancelled: Vec<_> = scene.sessions().await.into_iter().filter(|session| session["status"] == "CANCELLED").collect();
        assert_eq!((&cancelled[0]["localStart"], &cancelled[0]["note"]), (&json!("2026-04-21T18:00"), &json!("We meet more.")));

        // Back again: what was cancelled by the rule is there once more, as a session of its own.
        scene.updated(json!({ "from": "2026-04-21", "recurrence": "FREQ=WEEKLY" })).await;
        let starts = scene.starts().await;
        assert_eq!(starts[8..11], ["2026-04-21T18:00", "2026-04-28T18:00", "2026-05-05T18:00"]);
        assert!(!starts.iter().any(|start| start.starts_with("2026-04-29")));

        scene.at("2026-04-02T12:00:00Z").await;
        let told = scene.updated(json!({ "title": "Circle" })).await;
        assert_eq!((&told["recurrence"], &told["startsOn"]), (&json!("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,WE"), &json!("2026-04-01")));
        scene.at("2026-04-22T12:00:00Z").await;
        let told = scene.updated(json!({ "title": "Circle of Tuesday" })).await;
        assert_eq!((&told["recurrence"], &told["startsOn"], &told["title"]), (&json!("FREQ=WEEKLY"), &json!("2026-04-21"), &json!("Circle of Tuesday")));
    }

    async fn what_is_counted_stays_when_the_hour_changes(db: TestDatabase) {
        keeps_its_end(db, "FREQ=WEEKLY;COUNT=6", "FREQ=WEEKLY;COUNT=4").await;
    }

    async fn when_it_ends_stays_when_the_hour_changes(db: TestDatabase) {
        // The last is on 7 April at 18:00, when clocks have gone forward.
        keeps_its_end(db, "FREQ=WEEKLY;UNTIL=20260407T220000Z", "FREQ=WEEKLY;UNTIL=20260407T233000Z").await;
    }

    async fn a_session_that_was_moved_outlives_its_day(db: TestDatabase) {
        let mut scene = Scene::on(TestApp::start(db).await, |_| {}).await;
        let sessions = scene.sessions().await;
        // That of 7 April, to before the change; that of 14 April, to after it.
        for (at, to) in [(5, "2026-03-30T16:00:00Z"), (6, "2026-04-16T16:00:00Z")] {
            let moved = scene.coordinator.ask_with(MOVE, json!({ "id": sessions[at]["id"], "at": to })).await;
            assert_eq!(moved.user_error_codes(), [""; 0], "{}", moved.raw);
        }
        scene.updated(json!({ "from": "2026-04-01", "recurrence": "FREQ=WEEKLY;BYDAY=WE" })).await;
        let starts = scene.starts().await;
        assert_eq!(starts[4..9], ["2026-03-30T12:00", "2026-03-31T18:00", "2026-04-01T18:00", "2026-04-08T18:00", "2026-04-15T18:00"]);
        assert_eq!(starts[9], "2026-04-16T12:00");
        let calendar = scene.app.anyone().download(&format!("/calendar/workshops/{}.ics", scene.workshop)).await.raw;
        assert!(calendar.contains("DTSTART;TZID=America/New_York:20260330T120000"), "{calendar}");
        // What was cancelled by hand does not come back as long as its day is one of the rule's.
        scene.at("2026-04-02T12:00:00Z").await;
        assert_eq!(scene.starts().await.iter().filter(|start| start.starts_with("2026-04-07")).count(), 0);
    }

    async fn what_is_planned_for_later_is_not_lost_by_a_change_before_it(db: TestDatabase) {
        let mut scene = Scene::on(TestApp::start(db).await, |_| {}).await;
        scene.updated(json!({ "from": "2026-03-24", "startTime": "19:30" })).await;
        let planned = scene.starts().await;
        for change in [json!({ "minutes": 75 }), json!({ "from": "2026-03-10", "startTime": "17:00" })] {
            let refused = scene.update(change).await;
            assert_eq!(refused.user_error_codes(), ["INVALID"]);
            assert!(refused.raw.contains("2026-03-24"), "{}", refused.raw);
        }
        assert_eq!(scene.starts().await, planned);
        // After the last day of the one and before the first of the other, the other is meant.
        scene.at("2026-03-18T12:00:00Z").await;
        scene.updated(json!({ "minutes": 75 })).await;
        assert_eq!(scene.starts().await[..26], planned[..26]);
        // Who gives a rule says all of what is planned from then on, at the hour of the day on which it begins.
        scene.updated(json!({ "from": "2026-03-20", "recurrence": "FREQ=WEEKLY;BYDAY=FR" })).await;
        assert_eq!(scene.starts().await[3..5], ["2026-03-20T18:00", "2026-03-27T18:00"]);
    }

    async fn a_further_day_before_the_next_of_the_rule_is_not_passed_over(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await, |input| input["extraDates"] = json!(["2026-03-13"])).await;
        scene.updated(json!({ "from": "2026-03-11", "startTime": "19:00" })).await;
        assert_eq!(scene.starts().await[1..4], ["2026-03-10T18:00", "2026-03-13T19:00", "2026-03-17T19:00"]);
        scene.updated(json!({ "from": "2026-03-11", "extraDates": [] })).await;
        assert_eq!(scene.starts().await[1..4], ["2026-03-10T18:00", "2026-03-17T19:00", "2026-03-24T19:00"]);
    }

    async fn days_that_are_named_change_one_by_one(db: TestDatabase) {
        let mut scene = Scene::on(TestApp::start(db).await, |input| {
            input.as_object_mut().unwrap().remove("recurrence");
            input["extraDates"] = json!(["2026-03-10", "2026-03-20"]);
        })
        .await;
        scene.updated(json!({ "extraDates": ["2026-03-10", "2026-03-25"] })).await;
        assert_eq!(scene.starts().await, ["2026-03-03T18:00", "2026-03-10T18:00", "2026-03-25T18:00"]);
        scene.at("2026-03-10T12:00:00Z").await;
        let now = scene.updated(json!({ "startTime": "17:00" })).await;
        assert_eq!(now["extraDates"], json!(["2026-03-25"]));
        assert_eq!(scene.starts().await, ["2026-03-03T18:00", "2026-03-10T17:00", "2026-03-25T17:00"]);
        // By a rule from the last on, and no more by one.
        scene.updated(json!({ "from": "2026-03-25", "recurrence": "FREQ=DAILY;COUNT=3" })).await;
        assert_eq!(scene.starts().await[2..], ["2026-03-25T17:00", "2026-03-26T17:00", "2026-03-27T17:00"]);
        scene.updated(json!({ "from": "2026-03-26", "recurrence": null })).await;
        assert_eq!(scene.starts().await[2..], ["2026-03-25T17:00", "2026-03-26T17:00"]);
    }

    async fn what_has_begun_never_changes(db: TestDatabase) {
        let mut scene = Scene::on(TestApp::start(db).await, |_| {}).await;
        let before = scene.sessions().await;
        // In the middle of the third session.
        scene.at("2026-03-17T22:30:00Z").await;
        // Of a day whose session has begun there is no other, although the new hour is still to come.
        let now = scene.updated(json!({ "startTime": "20:00", "title": "Evening circle" })).await;
        assert_eq!(now["startsOn"], "2026-03-03");
        let today = scene.update(json!({ "from": "2026-03-17", "recurrence": "FREQ=WEEKLY" })).await;
        assert_eq!(today.user_error_codes(), ["INVALID"], "{}", today.raw);
        let after = scene.sessions().await;
        for (was, is) in before[..3].iter().zip(&after) {
            let (mut was, mut is) = (was.clone(), is.clone());
            // That its time is over is no change of it.
            (was["status"], is["status"]) = (Value::Null, Value::Null);
            assert_eq!(is, was);
        }
        assert_eq!(after[3]["localStart"], "2026-03-24T20:00");
        scene.updated(json!({ "from": "2026-03-18", "recurrence": "FREQ=WEEKLY" })).await;
        let after = scene.sessions().await;
        for (was, is) in before[..3].iter().zip(&after) {
            let (mut was, mut is) = (was.clone(), is.clone());
            // That its time is over is no change of it.
            (was["status"], is["status"]) = (Value::Null, Value::Null);
            assert_eq!(is, was);
        }
    }

    async fn what_a_workshop_says_of_itself_changes_for_all_of_it(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await, |input| input["languages"] = json!(["en"])).await;
        let before = scene.sessions().await;
        let now = scene.updated(json!({ "title": "Círculo", "topics": ["RP.PLAN"], "languages": ["es-MX"], "accessibility": ["ASL"],
            "area": "Old town", "description": "Come as you are.", "cost": "1.50", "version": 2 })).await;
        assert_eq!((&now["title"], &now["operations"]["version"]), (&json!("Círculo"), &json!(3)));
        assert_eq!(scene.sessions().await, before, "no session is another");
        let found = async |filter: &str| {
            let query = format!("{{ workshops(filter: {{ {filter} }}) {{ totalCount }} }}");
            scene.app.anyone().ask(&query).await.data("/workshops/totalCount").clone()
        };
        for (filter, count) in [
            ("topics: [\"RP.PLAN\"]", 1), ("topics: [\"COPING.STRESS\"]", 0), ("languages: [\"es\"]", 1), ("languages: [\"en\"]", 0),
            ("accessibility: [\"ASL\"]", 1), ("search: \"circulo\"", 1), ("search: \"C\u{cd}RCULO are\"", 1), ("search: \"circulo tuesday\"", 0), ("search: \"tuesday\"", 0),
        ] {
            assert_eq!(found(filter).await, count, "{filter}");
        }
        let gone = scene.updated(json!({ "description": null, "cost": null })).await;
        assert_eq!(gone["operations"]["version"], 4);
        for role in [Role::Peer, Role::Supervisor, Role::Administrator] {
            let other = scene.app.staff(&scene.home, &[role]).await;
            let refused = other.ask_with(UPDATE, json!({ "input": { "id": scene.workshop, "title": "Mine" } })).await;
            assert_eq!(refused.user_error_codes(), ["NOT_PERMITTED"], "{role}");
        }
        scene.app.sealed().await;
        let changed = scene.app.database.texts("SELECT CAST(changed AS TEXT) FROM event WHERE kind = 'WORKSHOP_CHANGED' ORDER BY position").await;
        assert!(changed[1].contains("title") && changed[1].contains("topics") && !changed[1].contains("visibility"), "{changed:?}");
        // After a migration they are found once the server has started. Staff ask the database: what is in memory knows nothing of this.
        scene.app.database.tamper("UPDATE gathering SET search_words = NULL").await;
        let query = "{ workshops(filter: { search: \"circulo\" }) { totalCount } }";
        assert_eq!(scene.coordinator.ask(query).await.data("/workshops/totalCount"), &json!(0));
        aftercare::domain::gathering::complete(&scene.app.store).await.unwrap();
        assert_eq!(scene.coordinator.ask(query).await.data("/workshops/totalCount"), &json!(1));
    }

    async fn a_draft_is_planned_ahead_when_it_is_published(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let workshop = draft(&coordinator, tuesdays(&home), &json!({})).await;
        let mut scene = Scene { app, home, coordinator, workshop };
        assert_eq!(scene.at("2026-04-01T12:00:00Z").await, 0, "nothing is due for a draft");
        publish(&scene.coordinator, &scene.workshop).await;
        let starts = scene.starts().await;
        assert!(ends("2026-09-22", &starts), "{starts:?}");
        assert_eq!(scene.at("2026-04-04T12:00:00Z").await, 1);
        assert!(ends("2026-09-29", &scene.starts().await));
    }

    async fn replicas_that_plan_at_once_plan_each_session_once(db: TestDatabase) {
        let scene = Scene::on(TestApp::start(db).await, |input| input["recurrence"] = json!("FREQ=DAILY")).await;
        let other = scene.app.replica().await;
        for day in 1..20 {
            scene.app.clock().advance(TimeDelta::days(1));
            let both = tokio::join!(scene.app.fire_timers(), other.fire_timers());
            assert_eq!(both.0 + both.1, 1, "day {day}");
        }
        let mut starts = scene.starts().await;
        let all = starts.len();
        starts.dedup();
        assert_eq!((all, starts.len()), (198, 198));
    }
}
