//! The schedule: who finds a workshop, what of it is public, and how seats are taken and freed.

use std::time::Duration;

use aftercare::access::{Access, Scope, token::Subject};
use chrono::TimeDelta;
use entity::vocabulary::{OrganizationKind, Role};
use kit::{
    app::{Home, TestApp},
    caller::{Answer, Caller},
    on_both,
};
use serde_json::{Value, json};

const CREATE: &str = "mutation($input: WorkshopCreateInput!) { workshopCreate(input: $input) {
    workshop { id published extraDates sessions { nodes { id startsAt endsAt localStart timeZone version } } operations { version } }
    userErrors { code message path } } }";
const PUBLISH: &str = "mutation($id: ID!) { workshopPublish(id: $id) { workshop { id published } userErrors { code path } } }";
const MOVE: &str = "mutation($id: ID!, $at: DateTime!, $version: Int) { sessionReschedule(id: $id, startsAt: $at, version: $version) {
    session { startsAt endsAt localStart version } userErrors { code path currentVersion } } }";
const CANCEL_SESSION: &str =
    "mutation($id: ID!) { sessionCancel(id: $id, note: \"The room floods.\") { session { status note } userErrors { code path } } }";
const REGISTER: &str = "mutation($session: ID!, $client: ID!, $attendance: AttendanceMode) {
    registrationCreate(input: { sessionId: $session, registrant: { clientId: $client }, attendance: $attendance }) {
        registration { id status attendance joinUrl address { line1 } client { id } session { id } version } userErrors { code path } } }";
const CANCEL: &str = "mutation($id: ID!) { registrationCancel(id: $id) {
    registration { id status joinUrl address { line1 } version } userErrors { code path } } }";
const FOUND: &str = "query($id: ID!) { workshops { totalCount nodes { id title } } node(id: $id) { id } }";
const SEATS: &str = "query($id: ID!) { session(id: $id) { status note seatsLeftInPerson seatsLeftOnline
    roster { registeredCount capacityInPerson registrations { totalCount nodes { client { id } } } } } }";

/// Two evenings about stress in a room with two seats, which only those who registered are told of.
fn evenings(home: &Home) -> Value {
    json!({
        "programId": home.program, "title": "Riding out Stress", "description": "Breathing, walking, talking.",
        "topics": ["COPING.STRESS"], "modality": "HYBRID", "languages": ["es-MX"], "accessibility": ["WHEELCHAIR"], "cost": "2.50",
        "address": { "line1": "12 Quiet Lane", "country": "US" }, "area": "Old town", "addressAfterRegistration": true,
        "joinUrl": "https://meet.example.org/secret-room", "visibility": "PUBLIC", "capacityInPerson": 2, "waitlistSize": 0,
        "startsOn": "2026-03-05", "startTime": "18:00", "minutes": 90, "extraDates": ["2026-03-12"],
    })
}

/// What someone of one organization's staff made.
struct Made {
    workshop: String,
    sessions: Vec<String>,
}

async fn draft(coordinator: &Caller, input: Value) -> Made {
    let made = coordinator.ask_with(CREATE, json!({ "input": input })).await;
    assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
    let sessions = made.data("/workshopCreate/workshop/sessions/nodes").as_array().unwrap().iter();
    Made {
        workshop: made.text("/workshopCreate/workshop/id").to_owned(),
        sessions: sessions.map(|session| session["id"].as_str().unwrap().to_owned()).collect(),
    }
}

async fn publish(coordinator: &Caller, made: &Made) {
    let published = coordinator.ask_with(PUBLISH, json!({ "id": made.workshop })).await;
    assert_eq!(published.data("/workshopPublish/workshop/published"), true, "{}", published.raw);
}

async fn published(coordinator: &Caller, input: Value) -> Made {
    let made = draft(coordinator, input).await;
    publish(coordinator, &made).await;
    made
}

async fn client(coordinator: &Caller, home: &Home) -> String {
    let create = "mutation($input: ClientCreateInput!) { clientCreate(input: $input) { client { id } userErrors { code } } }";
    let input = json!({ "givenName": "Ada", "familyName": "Byron", "dateOfBirth": "1980-12-10", "contactMethods": [],
        "programIds": [home.program] });
    coordinator.ask_with(create, json!({ "input": input })).await.text("/clientCreate/client/id").to_owned()
}

async fn register(caller: &Caller, session: &str, client: &str, attendance: &str) -> Answer {
    caller.ask_with(REGISTER, json!({ "session": session, "client": client, "attendance": attendance })).await
}

on_both! {
    async fn a_draft_is_its_organizations_and_what_is_published_is_everybodys(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let other = app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        let stranger = app.staff(&other, &[Role::Coordinator]).await;
        let made = draft(&coordinator, evenings(&home)).await;

        for caller in [app.anyone(), stranger.clone()] {
            let none = caller.ask_with(FOUND, json!({ "id": made.workshop })).await;
            assert_eq!((none.data("/workshops/totalCount"), none.data("/node")), (&json!(0), &Value::Null), "{}", none.raw);
            let none = caller.ask_with(SEATS, json!({ "id": made.sessions[0] })).await;
            assert_eq!(none.data("/session"), &Value::Null);
        }
        let own = app.staff(&home, &[Role::Peer]).await.ask_with(FOUND, json!({ "id": made.workshop })).await;
        assert_eq!(own.data("/workshops/totalCount"), 1, "{}", own.raw);

        publish(&coordinator, &made).await;

        for caller in [app.anyone(), stranger.clone()] {
            let found = caller.ask_with(FOUND, json!({ "id": made.workshop })).await;
            assert_eq!(found.text("/workshops/nodes/0/title"), "Riding out Stress", "{}", found.raw);
            assert_eq!(found.text("/node/id"), made.workshop);
        }
        let again = coordinator.ask_with(PUBLISH, json!({ "id": made.workshop })).await;
        assert_eq!(again.user_error_codes(), ["IMMUTABLE"]);
        for (id, code) in [(made.workshop.as_str(), "NOT_PERMITTED"), ("wks_00000000000000000000000000", "NOT_FOUND")] {
            let refused = stranger.ask_with(PUBLISH, json!({ "id": id })).await;
            assert_eq!(refused.user_error_codes(), [code]);
        }
        app.sealed().await;
        let kinds = app.database.texts("SELECT kind FROM event WHERE subject_kind IN ('wks', 'ses') ORDER BY position").await;
        assert_eq!(kinds, ["WORKSHOP_CHANGED", "WORKSHOP_PUBLISHED"]);
    }

    async fn partners_and_clients_have_a_schedule_of_their_own(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let other = app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        for visibility in ["PARTNERS", "CLIENTS_ONLY"] {
            let mut input = evenings(&home);
            (input["visibility"], input["title"]) = (json!(visibility), json!(visibility));
            published(&coordinator, input).await;
        }
        let titles = async |caller: &Caller| {
            let answer = caller.ask("{ workshops(orderBy: { field: TITLE, direction: DESC }) { nodes { title } } }").await;
            let nodes = answer.data("/workshops/nodes").as_array().unwrap().clone();
            nodes.iter().map(|node| node["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let reads = [Scope::ScheduleRead];
        let partner = app.api_client(&other, &[Role::PartnerApp], &reads, &[]).await;
        let subject = Subject::Api(partner.id);

        assert_eq!(titles(&app.anyone()).await, [""; 0]);
        assert_eq!(titles(&app.caller(subject, &other, &[Role::PartnerApp], &[])).await, [""; 0], "without the scope");
        assert_eq!(titles(&app.caller(subject, &other, &[Role::PartnerApp], &reads)).await, ["PARTNERS"]);
        assert_eq!(titles(&app.staff(&other, &[Role::Referrer]).await).await, ["PARTNERS"]);
        assert_eq!(titles(&app.staff(&home, &[Role::Analyst]).await).await, ["PARTNERS", "CLIENTS_ONLY"]);
    }

    async fn the_public_view_says_where_roughly_and_how_many_seats_and_nothing_of_people(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let made = published(&coordinator, evenings(&home)).await;
        let ada = client(&coordinator, &home).await;
        register(&coordinator, &made.sessions[0], &ada, "IN_PERSON").await;
        let query = "query($id: ID!) { session(id: $id) { localStart timeZone modality area address { line1 } status
            seatsLeftInPerson seatsLeftOnline roster { registeredCount }
            gathering { title topics { code area label } languages accessibility cost { amount currency } address { line1 } area minutes
                addressAfterRegistration nextSession { id } program { name } ... on Workshop { published operations { capacityInPerson } } } } }";

        let seen = app.anyone().ask_with(query, json!({ "id": made.sessions[0] })).await;

        assert_eq!(seen.error_codes(), [""; 0], "{}", seen.raw);
        let session = seen.data("/session");
        assert_eq!((&session["localStart"], &session["area"]), (&json!("2026-03-05T18:00"), &json!("Old town")));
        assert_eq!((&session["seatsLeftInPerson"], &session["seatsLeftOnline"]), (&json!(2), &Value::Null), "as of five minutes ago");
        assert_eq!(session["gathering"]["cost"], json!({ "amount": "2.50", "currency": "USD" }));
        assert_eq!(session["gathering"]["topics"][0]["label"], "Living with stress");
        assert_eq!(session["gathering"]["nextSession"]["id"], made.sessions[0]);
        for hidden in [&session["address"], &session["gathering"]["address"], &session["roster"], &session["gathering"]["operations"]] {
            assert_eq!(hidden, &Value::Null);
        }
        for secret in ["Quiet Lane", "secret-room", ada.as_str(), "redactions"] {
            assert!(!seen.raw.contains(secret), "{secret}: {}", seen.raw);
        }
        let own = coordinator.ask_with(query, json!({ "id": made.sessions[0] })).await;
        assert_eq!(own.text("/session/gathering/address/line1"), "12 Quiet Lane");
        assert_eq!((own.data("/session/roster/registeredCount"), own.data("/session/gathering/operations/capacityInPerson")), (&json!(1), &json!(2)));
        app.clock().advance(TimeDelta::minutes(5));
        let later = app.anyone().ask_with(query, json!({ "id": made.sessions[0] })).await;
        assert_eq!(later.data("/session/seatsLeftInPerson"), 1);
    }

    async fn a_session_stays_at_its_hour_when_clocks_change(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let mut input = evenings(&home);
        (input["startTime"], input["startsOn"], input["extraDates"]) = (json!("02:30"), json!("2026-03-07"), json!(["2026-03-09", "2026-03-08"]));

        let made = coordinator.ask_with(CREATE, json!({ "input": input })).await;

        let sessions = made.data("/workshopCreate/workshop/sessions/nodes").as_array().unwrap();
        let times: Vec<_> = sessions.iter().map(|session| (session["startsAt"].as_str().unwrap(), session["localStart"].as_str().unwrap())).collect();
        assert_eq!(times, [
            ("2026-03-07T07:30:00+00:00", "2026-03-07T02:30"),
            ("2026-03-08T07:30:00+00:00", "2026-03-08T03:30"),
            ("2026-03-09T06:30:00+00:00", "2026-03-09T02:30"),
        ]);
    }

    async fn a_coordinator_moves_and_cancels_a_session(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let made = published(&coordinator, evenings(&home)).await;
        let (first, second) = (made.sessions[0].as_str(), made.sessions[1].as_str());
        let ada = client(&coordinator, &home).await;
        let moved = |version: i32| json!({ "id": first, "at": "2026-03-09T22:00:00Z", "version": version });

        let stale = coordinator.ask_with(MOVE, moved(7)).await;
        assert_eq!((stale.user_error_codes(), stale.data("/sessionReschedule/userErrors/0/currentVersion")), (vec!["STALE"], &json!(1)));
        let done = coordinator.ask_with(MOVE, moved(1)).await;
        assert_eq!(done.text("/sessionReschedule/session/localStart"), "2026-03-09T18:00", "{}", done.raw);
        assert_eq!(done.text("/sessionReschedule/session/endsAt"), "2026-03-09T23:30:00+00:00");
        let cancelled = coordinator.ask_with(CANCEL_SESSION, json!({ "id": second })).await;
        assert_eq!(cancelled.text("/sessionCancel/session/status"), "CANCELLED", "{}", cancelled.raw);

        for refused in [
            coordinator.ask_with(CANCEL_SESSION, json!({ "id": second })).await,
            coordinator.ask_with(MOVE, json!({ "id": second, "at": "2026-03-09T22:00:00Z" })).await,
            register(&coordinator, second, &ada, "ONLINE").await,
        ] {
            assert_eq!(refused.user_error_codes(), ["IMMUTABLE"], "{}", refused.raw);
        }
        for role in [Role::Supervisor, Role::Administrator, Role::Peer] {
            let refused = app.staff(&home, &[role]).await.ask_with(CANCEL_SESSION, json!({ "id": first })).await;
            assert_eq!(refused.user_error_codes(), ["NOT_PERMITTED"], "{role}");
        }
        app.clock().advance(TimeDelta::days(8));
        let coordinator = app.staff(&home, &[Role::Coordinator]).await;
        for refused in [register(&coordinator, first, &ada, "ONLINE").await, coordinator.ask_with(MOVE, moved(2)).await] {
            assert_eq!(refused.user_error_codes(), ["IMMUTABLE"], "it has begun: {}", refused.raw);
        }
        app.sealed().await;
        let kinds = app.database.texts("SELECT kind FROM event WHERE subject_kind = 'ses' ORDER BY position").await;
        assert_eq!(kinds, ["SESSION_CHANGED", "SESSION_CANCELLED"]);
    }

    async fn a_seat_is_taken_freed_and_taken_again(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let made = published(&coordinator, evenings(&home)).await;
        let session = made.sessions[0].as_str();
        let (ada, bo, cy) = (client(&coordinator, &home).await, client(&coordinator, &home).await, client(&coordinator, &home).await);

        let taken = register(&coordinator, session, &ada, "IN_PERSON").await;
        assert_eq!(taken.user_error_codes(), [""; 0], "{}", taken.raw);
        assert_eq!(taken.text("/registrationCreate/registration/address/line1"), "12 Quiet Lane");
        assert_eq!(taken.data("/registrationCreate/registration/joinUrl"), &Value::Null);
        let online = register(&coordinator, session, &bo, "ONLINE").await;
        assert_eq!(online.text("/registrationCreate/registration/joinUrl"), "https://meet.example.org/secret-room");
        assert_eq!(register(&coordinator, session, &ada, "ONLINE").await.user_error_codes(), ["ALREADY_EXISTS"]);
        register(&coordinator, session, &cy, "IN_PERSON").await;
        let dee = client(&coordinator, &home).await;
        assert_eq!(register(&coordinator, session, &dee, "IN_PERSON").await.user_error_codes(), ["SESSION_FULL"]);
        assert_eq!(app.database.count("FROM registration").await, 3);

        let id = taken.text("/registrationCreate/registration/id");
        let cancelled = coordinator.ask_with(CANCEL, json!({ "id": id })).await;
        assert_eq!(cancelled.text("/registrationCancel/registration/status"), "CANCELLED", "{}", cancelled.raw);
        assert_eq!(cancelled.data("/registrationCancel/registration/address"), &Value::Null);
        assert_eq!(coordinator.ask_with(CANCEL, json!({ "id": id })).await.user_error_codes(), ["IMMUTABLE"]);
        assert_eq!(register(&coordinator, session, &dee, "IN_PERSON").await.user_error_codes(), [""; 0]);
        assert_eq!(register(&coordinator, session, &ada, "ONLINE").await.user_error_codes(), [""; 0]);

        let roster = coordinator.ask_with(SEATS, json!({ "id": session })).await;
        assert_eq!(roster.data("/session/roster/registeredCount"), 4, "{}", roster.raw);
        assert_eq!(roster.data("/session/roster/registrations/totalCount"), 5);
        app.sealed().await;
        let of_ada = "{ events(filter: { kinds: [REGISTRATION_CHANGED] }) { nodes { client { id } subjectVersion } } }";
        let events = coordinator.ask(of_ada).await;
        let of_ada = events.data("/events/nodes").as_array().unwrap().iter().filter(|event| event["client"]["id"] == ada.as_str()).count();
        assert_eq!(of_ada, 3, "{}", events.raw);
    }

    async fn who_comes_is_told_only_to_those_who_work_with_them(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let other = app.home("Riverbend", OrganizationKind::RecoveryCommunityOrganization).await;
        let stranger = app.staff(&other, &[Role::Coordinator]).await;
        let made = published(&coordinator, evenings(&home)).await;
        let (ada, theirs) = (client(&coordinator, &home).await, client(&stranger, &other).await);
        let taken = register(&coordinator, &made.sessions[0], &ada, "ONLINE").await;
        let id = taken.text("/registrationCreate/registration/id");

        let supervisor = app.staff(&home, &[Role::Supervisor]).await.ask_with(SEATS, json!({ "id": made.sessions[0] })).await;
        assert_eq!(supervisor.text("/session/roster/registrations/nodes/0/client/id"), ada, "{}", supervisor.raw);
        let peer = app.staff(&home, &[Role::Peer]).await.ask_with(SEATS, json!({ "id": made.sessions[0] })).await;
        assert_eq!((peer.data("/session/roster/registeredCount"), peer.data("/session/roster/registrations/totalCount")), (&json!(1), &json!(0)));
        for caller in [app.staff(&home, &[Role::PrivacyOfficer]).await, stranger.clone(), app.anyone()] {
            let none = caller.ask_with(SEATS, json!({ "id": made.sessions[0] })).await;
            assert_eq!(none.data("/session/roster"), &Value::Null, "{}", none.raw);
            let none = caller.ask_with("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await;
            assert_eq!(none.data("/node"), &Value::Null);
        }

        let cases = [
            (register(&coordinator, &made.sessions[0], &theirs, "ONLINE").await, "NOT_FOUND", "another organization's client"),
            (register(&stranger, &made.sessions[0], &ada, "ONLINE").await, "NOT_FOUND", "a client of the session's organization"),
            (register(&stranger, &made.sessions[0], &theirs, "ONLINE").await, "NOT_PERMITTED", "another organization's session"),
            (register(&app.staff(&home, &[Role::Peer]).await, &made.sessions[0], &ada, "ONLINE").await, "NOT_FOUND", "a peer whom the client is not assigned to"),
            (stranger.ask_with(CANCEL, json!({ "id": id })).await, "NOT_FOUND", "another organization's registration"),
        ];
        for (refused, code, what) in cases {
            assert_eq!(refused.user_error_codes(), [code], "{what}: {}", refused.raw);
        }
        assert_eq!(app.database.count("FROM registration WHERE status = 'REGISTERED'").await, 1);
        let read = app.database.count("FROM audit_event WHERE action = 'READ' AND subject_kind = 'reg'").await;
        assert!(read >= 2, "who read who comes is in the audit");
    }

    async fn people_find_what_they_look_for(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let stress = published(&coordinator, evenings(&home)).await;
        let mut cooking = evenings(&home);
        for (field, value) in [
            ("title", json!("Cooking 100% together")), ("topics", json!(["LIFE.COOKING", "WELL.NUTRITION"])), ("modality", json!("IN_PERSON")),
            ("languages", json!(["en"])), ("accessibility", json!([])), ("startsOn", json!("2026-04-01")), ("extraDates", json!([])),
            ("capacityInPerson", json!(1)),
        ] {
            cooking[field] = value;
        }
        let cooking = published(&coordinator, cooking).await;
        let ada = client(&coordinator, &home).await;
        register(&coordinator, &cooking.sessions[0], &ada, "IN_PERSON").await;
        let full = json!({ "hasSeats": false });
        let query = "query($workshop: WorkshopFilter, $session: SessionFilter) {
            workshops(filter: $workshop) { nodes { id } } sessions(filter: $session) { nodes { gathering { id } } } }";
        let found = async |filter: &Value| {
            let answer = app.anyone().ask_with(query, json!({ "workshop": filter, "session": filter })).await;
            assert_eq!(answer.error_codes(), [""; 0], "{filter}: {}", answer.raw);
            let ids = |list: &str, place: &str| {
                let nodes = answer.data(list).as_array().unwrap().clone();
                nodes.iter().map(|node| node.pointer(place).unwrap().as_str().unwrap().to_owned()).collect::<Vec<_>>()
            };
            (ids("/workshops/nodes", "/id"), ids("/sessions/nodes", "/gathering/id"))
        };
        let (a, b) = (stress.workshop.as_str(), cooking.workshop.as_str());
        let cases: [(Value, &[&str]); 16] = [
            (json!({}), &[a, b]),
            (json!({ "topics": ["COPING.STRESS", "SYS.LEGAL_RECORD"] }), &[a]),
            (json!({ "topics": ["WELL.NUTRITION", "LIFE.COOKING"] }), &[b]),
            (json!({ "topics": [] }), &[]),
            (json!({ "languages": ["es"] }), &[a]),
            (json!({ "languages": ["es-ES"] }), &[]),
            (json!({ "modality": ["IN_PERSON", "PHONE"] }), &[b]),
            (json!({ "accessibility": ["WHEELCHAIR"] }), &[a]),
            (json!({ "programIds": [home.program] }), &[a, b]),
            (json!({ "programIds": ["prg_00000000000000000000000000"] }), &[]),
            (json!({ "starts": { "from": "2026-03-20T00:00:00Z" } }), &[b]),
            (json!({ "starts": { "to": "2026-03-06T00:00:00Z" } }), &[a]),
            (json!({ "search": "STRESS rid" }), &[a]),
            (json!({ "search": "100% cook" }), &[b]),
            (json!({ "search": "%" }), &[]),
            (json!({ "search": "king" }), &[]),
        ];
        for (filter, expected) in cases {
            let (workshops, mut sessions) = found(&filter).await;
            sessions.dedup();
            assert_eq!(workshops, expected, "{filter}");
            assert_eq!(sessions, expected, "{filter}");
        }
        assert_eq!(found(&full).await.0, [""; 0], "nobody is told within five minutes");
        app.clock().advance(TimeDelta::minutes(5));
        assert_eq!(found(&full).await.0, [b]);
        assert_eq!(found(&json!({ "hasSeats": true })).await.0, [a]);
        coordinator.ask_with(CANCEL_SESSION, json!({ "id": stress.sessions[0] })).await;
        let cancelled = app.anyone().ask("{ sessions(filter: { status: [CANCELLED] }) { nodes { id } } }").await;
        assert_eq!(cancelled.text("/sessions/nodes/0/id"), stress.sessions[0]);
    }

    async fn pages_within_pages_go_on_where_they_ended(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let mut ids = Vec::new();
        for title in ["A", "B"] {
            let mut input = evenings(&home);
            let days: Vec<_> = (6..=9).map(|day| format!("2026-03-0{day}")).collect();
            (input["title"], input["extraDates"]) = (json!(title), json!(days));
            ids.push(published(&coordinator, input).await);
        }
        let query = "query($first: Int, $last: Int, $after: String, $before: String, $top: Int) {
            workshops(first: $top, orderBy: { field: TITLE, direction: ASC }) { nodes {
                sessions(first: $first, last: $last, after: $after, before: $before) {
                    totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }";
        let ask = async |variables: Value| app.anyone().ask_with(query, variables).await;
        let nodes = |answer: &Answer, at: usize| {
            let nodes = answer.data(&format!("/workshops/nodes/{at}/sessions/nodes")).as_array().unwrap().clone();
            nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };

        let begin = ask(json!({ "first": 2 })).await;
        assert_eq!((nodes(&begin, 0), nodes(&begin, 1)), (ids[0].sessions[..2].to_vec(), ids[1].sessions[..2].to_vec()), "{}", begin.raw);
        assert_eq!(begin.data("/workshops/nodes/1/sessions/totalCount"), 5);
        assert_eq!(begin.data("/workshops/nodes/0/sessions/pageInfo/hasNextPage"), true);
        let cursor = begin.text("/workshops/nodes/0/sessions/pageInfo/endCursor").to_owned();
        let on = ask(json!({ "first": 2, "after": cursor, "top": 1 })).await;
        assert_eq!(nodes(&on, 0), ids[0].sessions[2..4], "{}", on.raw);
        assert_eq!(on.data("/workshops/nodes/0/sessions/totalCount"), 5);
        let end = ask(json!({ "last": 2 })).await;
        assert_eq!((nodes(&end, 0), nodes(&end, 1)), (ids[0].sessions[3..].to_vec(), ids[1].sessions[3..].to_vec()), "{}", end.raw);
        assert_eq!(end.data("/workshops/nodes/0/sessions/pageInfo/hasPreviousPage"), true);
        let back = end.text("/workshops/nodes/0/sessions/pageInfo/startCursor").to_owned();
        let back = ask(json!({ "last": 2, "before": back, "top": 1 })).await;
        assert_eq!(nodes(&back, 0), ids[0].sessions[1..3], "{}", back.raw);
        let of_another = ask(json!({ "first": 2, "after": cursor, "top": 2 })).await;
        assert_eq!(of_another.error_codes(), ["CURSOR_EXPIRED"], "{}", of_another.raw);
        let page = "query($after: String) { workshops(first: 1, after: $after, filter: { hasSeats: true }) { nodes { title } pageInfo { endCursor } } }";
        let one = app.anyone().ask_with(page, json!({})).await;
        app.clock().advance(TimeDelta::minutes(7));
        let two = app.anyone().ask_with(page, json!({ "after": one.text("/workshops/pageInfo/endCursor") })).await;
        assert_ne!(one.text("/workshops/nodes/0/title"), two.text("/workshops/nodes/0/title"), "{}", two.raw);
    }

    async fn strangers_follow_what_is_published_moved_and_cancelled(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (home, coordinator) = app.open_door(&[Role::Coordinator]).await;
        let (public, mut internal) = (published(&coordinator, evenings(&home)).await, evenings(&home));
        internal["visibility"] = json!("CLIENTS_ONLY");
        let internal = published(&coordinator, internal).await;
        let ada = client(&coordinator, &home).await;
        app.sealed().await;
        let start = app.store.event_cursor(&Access::anonymous("test", app.clock().now()), 0).unwrap();
        let follow = async |caller: &Caller, after: &str| {
            let query = format!("subscription {{ sessionChanged(after: \"{after}\") {{ cursor event {{ kind }} session {{ id status }} }} }}");
            caller.follow(&query, Duration::from_secs(1)).await.items("sessionChanged")
        };

        let heard = follow(&app.anyone(), &start).await;
        let ids: Vec<_> = heard.iter().map(|change| change["session"]["id"].as_str().unwrap()).collect();
        assert_eq!(ids, public.sessions, "both sessions that were published, in their order: {heard:?}");
        assert_eq!(heard[0]["event"], Value::Null);
        assert_eq!(follow(&app.anyone(), heard[0]["cursor"].as_str().unwrap()).await.len(), 2, "only then all of it was seen");

        register(&coordinator, &public.sessions[0], &ada, "ONLINE").await;
        for made in [&internal, &public] {
            coordinator.ask_with(CANCEL_SESSION, json!({ "id": made.sessions[1] })).await;
        }
        app.sealed().await;
        let later = follow(&app.anyone(), heard[1]["cursor"].as_str().unwrap()).await;
        assert_eq!(later.len(), 1, "seats are not told, nor what is internal: {later:?}");
        assert_eq!(later[0]["session"], json!({ "id": public.sessions[1], "status": "CANCELLED" }));
        let own = coordinator.ask("{ viewer { eventCursor } }").await.text("/viewer/eventCursor").to_owned();
        coordinator.ask_with(CANCEL_SESSION, json!({ "id": internal.sessions[0] })).await;
        let own = follow(&coordinator, &own).await;
        assert_eq!((own.len(), &own[0]["event"]["kind"]), (1, &json!("SESSION_CANCELLED")), "{own:?}");
    }
}
