//! Listed meetings beside our own: found with them where they are asked for, and not to be registered for.

use entity::vocabulary::Role;
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    databases::TestDatabase,
    feeds::{listed, meeting},
    follower::Follower,
    on_both, workshops,
};
use serde_json::{Value, json};

use super::{near, told};

const SESSIONS: &str = "query($filter: SessionFilter, $orderBy: SessionOrder, $first: Int, $after: String) {
    sessions(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
        totalCount nodes { id distanceKm gathering { title } } pageInfo { hasNextPage endCursor } } }";
const ALBANY: (f64, f64) = (42.65, -73.75);

/// A workshop of our own between meetings of others.
struct Evening {
    app: TestApp,
    home: Home,
    coordinator: Caller,
}

impl Evening {
    async fn on(db: TestDatabase) -> Self {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let input = json!({ "programId": home.program, "title": "Our own", "topics": ["COPING.STRESS"], "modality": "IN_PERSON",
            "visibility": "PUBLIC", "startsOn": "2026-03-03", "startTime": "18:30", "minutes": 60, "languages": ["en"],
            "address": { "country": "US", "latitude": 42.70, "longitude": -73.75 } });
        workshops::published(&coordinator, input, &json!({})).await;
        let mut far = meeting("far");
        far.address.as_mut().unwrap().latitude = Some(43.0);
        far.languages = vec!["es-MX".to_owned()];
        let mut late = meeting("Cr\u{ea}pes late");
        late.start_time = "20:00:00".parse().unwrap();
        late.accessibility = vec!["WHEELCHAIR".to_owned()];
        listed(&app, "district", vec![meeting("Riverside"), far, late]).await;
        Self { app, home, coordinator }
    }

    async fn ask(&self, filter: Value, more: Value) -> Answer {
        let mut variables = json!({ "filter": filter });
        variables["filter"]["includeListed"] = json!(true);
        variables.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.app.anyone().ask_with(SESSIONS, variables).await
    }

    async fn titles(&self, filter: Value) -> Vec<String> {
        let mut titles = told(self.ask(filter, json!({})).await.data("/sessions/nodes").as_array().unwrap(), "/gathering/title");
        titles.sort();
        titles
    }
}

fn around(km: f64) -> Value {
    json!({ "near": { "latitude": ALBANY.0, "longitude": ALBANY.1, "withinKm": km } })
}

on_both! {
    async fn they_are_found_with_our_own_where_they_are_asked_for(db: TestDatabase) {
        let evening = Evening::on(db).await;

        let plain = evening.app.anyone().ask_with(SESSIONS, json!({ "filter": { "includeGroups": true } })).await;
        assert_eq!(told(plain.data("/sessions/nodes").as_array().unwrap(), "/gathering/title"), ["Our own"]);
        let cases = [
            (json!({}), &["Cr\u{ea}pes late", "Our own", "Riverside", "far"][..]),
            (json!({ "languages": ["es"] }), &["far"]),
            (json!({ "search": "crepes" }), &["Cr\u{ea}pes late"]),
            (json!({ "accessibility": ["WHEELCHAIR"] }), &["Cr\u{ea}pes late"]),
            (json!({ "topics": ["COPING.STRESS"] }), &["Our own"]),
            (json!({ "programIds": [evening.home.program] }), &["Our own"]),
            (json!({ "hasSeats": true }), &["Our own"]),
            (json!({ "hasSeats": false }), &["Cr\u{ea}pes late", "Riverside", "far"]),
            (json!({ "modality": ["ONLINE"] }), &[]),
            (json!({ "starts": { "from": "2026-03-04T00:00:00Z", "to": "2026-03-05T00:00:00Z" } }), &["Cr\u{ea}pes late"]),
            (around(10.0), &["Cr\u{ea}pes late", "Our own", "Riverside"]),
        ];
        for (filter, expected) in cases {
            assert_eq!(evening.titles(filter.clone()).await, expected, "{filter}");
        }
    }

    async fn page_by_page_they_are_ordered_by_time_and_by_distance(db: TestDatabase) {
        let evening = Evening::on(db).await;
        for (field, expected) in [("DISTANCE", vec![0.0, 0.0, 5.6, 38.9]), ("STARTS_AT", vec![])] {
            let order = json!({ "orderBy": { "field": field, "direction": "ASC" } });
            let whole = evening.ask(around(100.0), order.clone()).await;
            let all = whole.data("/sessions/nodes").as_array().unwrap();
            assert_eq!((whole.data("/sessions/totalCount"), all.len()), (&json!(4), 4));
            let far: Vec<_> = all.iter().map(|node| node["distanceKm"].as_f64().unwrap()).collect();
            assert!(expected.iter().zip(&far).all(|(expected, km): (&f64, &f64)| (expected - km).abs() < 0.2), "{far:?}");
            let (mut pages, mut after) = (Vec::new(), Value::Null);
            loop {
                let mut more = order.clone();
                more["first"] = json!(1);
                more["after"] = after.clone();
                let page = evening.ask(around(100.0), more).await;
                pages.extend(page.data("/sessions/nodes").as_array().unwrap().iter().cloned());
                if page.data("/sessions/pageInfo/hasNextPage") == &json!(false) {
                    break;
                }
                after = page.data("/sessions/pageInfo/endCursor").clone();
            }
            assert_eq!(&pages, all, "{field}");
        }
    }

    async fn one_of_them_is_read_by_its_id_and_has_sessions(db: TestDatabase) {
        let evening = Evening::on(db).await;
        let sessions = near(&evening.app).await;
        let close = sessions.iter().find(|session| session["gathering"]["title"] == "Riverside").unwrap();
        let query = "query($id: ID!, $session: ID!) {
            node(id: $id) { id ... on ListedMeeting { title source sourceUrl modality languages area startTime minutes recurrence timeZone
                visibility calendarUrl facilitators { displayName } topics { code } address { country latitude } nextSession { id }
                sessions(first: 5) { totalCount nodes { id } } } }
            session(id: $session) { id gathering { ... on ListedMeeting { id } } }
            as: node(id: $session) { id } }";
        let variables = json!({ "id": close["gathering"]["id"], "session": close["id"] });

        let answer = evening.app.anyone().ask_with(query, variables).await;

        let meeting = answer.data("/node");
        let said = [&meeting["title"], &meeting["source"], &meeting["sourceUrl"], &meeting["recurrence"], &meeting["startTime"]];
        assert_eq!(said, ["Riverside", "Capital District", "https://example.org/Riverside", "FREQ=WEEKLY;BYDAY=TU", "18:30"]);
        assert_eq!((&meeting["nextSession"]["id"], &meeting["sessions"]["totalCount"]), (&close["id"], &json!(1)));
        assert_eq!(answer.data("/session/gathering/id"), &close["gathering"]["id"]);
        assert_eq!(answer.data("/as/id"), &close["id"]);
        for kind in ["wks", "grp", "gth"] {
            let as_another = close["gathering"]["id"].as_str().unwrap().replace("lst_", &format!("{kind}_"));
            let other = evening.app.anyone().ask_with("query($id: ID!) { node(id: $id) { id } }", json!({ "id": as_another })).await;
            assert_eq!(other.body["data"]["node"], Value::Null, "{}", other.raw);
        }
    }

    async fn nobody_registers_for_them_and_nobody_here_runs_them(db: TestDatabase) {
        let evening = Evening::on(db).await;
        let sessions = near(&evening.app).await;
        let close = &sessions.iter().find(|session| session["gathering"]["title"] == "Riverside").unwrap();
        let register = "mutation($input: RegistrationCreateInput!) { registrationCreate(input: $input) {
            registration { id } userErrors { code message path } } }";
        let client = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } userErrors { code } } }";
        let client = evening.coordinator.ask_with(client, json!({ "input": { "givenName": "Ada", "familyName": "Byron",
            "dateOfBirth": "1980-12-10", "contactMethods": [], "programIds": [evening.home.program] } })).await;
        let client = client.text("/clientCreate/client/id").to_owned();
        let guest = json!({ "guest": { "displayName": "Ada", "contact": { "kind": "EMAIL", "value": "ada@example.org", "safe": true } } });
        for registrant in [json!({ "clientId": client }), guest] {
            let input = json!({ "input": { "sessionId": close["id"], "registrant": registrant } });
            let answer = evening.coordinator.ask_with(register, input).await;
            assert_eq!(answer.user_error_codes(), ["NOT_ELIGIBLE"], "{}", answer.raw);
            let error = answer.data("/registrationCreate/userErrors/0");
            assert_eq!(error["path"], json!(["input", "sessionId"]));
            assert!(error["message"].as_str().unwrap().contains("listed from elsewhere"), "{error}");
        }
        for mutation in [
            "sessionCancel(id: $id) { userErrors { code } }",
            "sessionReschedule(id: $id, startsAt: \"2026-03-04T18:00:00Z\") { userErrors { code } }",
        ] {
            let answer = evening.coordinator.ask_with(&format!("mutation($id: ID!) {{ {mutation} }}"), json!({ "id": close["id"] })).await;
            assert_eq!(answer.user_error_codes(), ["NOT_PERMITTED"], "{}", answer.raw);
        }
        let lists = "{ workshops { nodes { title } } supportGroups { nodes { title } } programs { nodes { workshops { nodes { title } } } } }";
        let lists = evening.coordinator.ask(lists).await;
        assert!(!lists.raw.contains("Riverside") && lists.raw.contains("Our own"), "{}", lists.raw);
        assert_eq!(app_rows(&evening.app).await, 0, "nothing came of it");
    }

    async fn what_others_publish_is_not_published_here(db: TestDatabase) {
        let evening = Evening::on(db).await;
        let sessions = near(&evening.app).await;
        let id = sessions.iter().find(|session| session["gathering"]["title"] == "Riverside").unwrap()["gathering"]["id"].as_str().unwrap();
        for path in ["/calendar/workshops.ics", "/meetings.json", "/hsds/services", "/hsds/schedules", "/hsds/service_at_locations"] {
            let answer = reqwest::get(format!("{}{path}", evening.app.url)).await.unwrap();
            let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
            assert_eq!(status, 200, "{path}: {text}");
            assert!(!text.contains("Riverside") && !text.contains("pes late"), "{path}: {text}");
        }
        for name in [id.to_owned(), id.replace("lst_", "wks_"), id.replace("lst_", "grp_")] {
            let answer = reqwest::get(format!("{}/calendar/workshops/{name}.ics", evening.app.url)).await.unwrap();
            assert_eq!(answer.status().as_u16(), 404, "{name}");
        }
    }

    async fn changes_of_them_are_told_to_whoever_asks(db: TestDatabase) {
        let evening = Evening::on(db).await;
        evening.app.sealed().await;
        let caller = &evening.coordinator;
        let cursor = caller.ask("{ viewer { eventCursor } }").await.text("/viewer/eventCursor").to_owned();
        let follow = |filter: Value| {
            let query = "subscription($filter: SessionFilter, $after: String) { sessionChanged(filter: $filter, after: $after) {
                session { id gathering { title } } event { kind } } }";
            Follower::asking(caller, &evening.app.url, json!({ "query": query, "variables": { "filter": filter, "after": cursor } }))
        };
        let (mut all, mut ours) = (follow(json!({ "includeListed": true })).await, follow(json!({})).await);

        listed(&evening.app, "another", vec![meeting("new")]).await;
        let own = caller.ask_with(SESSIONS, json!({})).await;
        let moving = "mutation($id: ID!) { sessionReschedule(id: $id, startsAt: \"2026-03-04T18:00:00Z\") { userErrors { code } } }";
        let moved = caller.ask_with(moving, json!({ "id": own.data("/sessions/nodes/0/id") })).await;
        assert_eq!(moved.user_error_codes(), [""; 0], "{}", moved.raw);

        let first = all.item("sessionChanged").await;
        assert_eq!((&first["session"]["gathering"]["title"], &first["event"]), (&json!("new"), &Value::Null), "it happened in no organization");
        assert_eq!(all.item("sessionChanged").await["session"]["gathering"]["title"], "Our own");
        assert_eq!(ours.item("sessionChanged").await["session"]["gathering"]["title"], "Our own");
    }
}

async fn app_rows(app: &TestApp) -> usize {
    app.database.count("FROM registration").await + app.database.count("FROM outgoing_message").await
}
