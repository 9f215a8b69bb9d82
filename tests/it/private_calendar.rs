//! `/calendar/private/{key}.ics`: a client's own calendar, as their calendar programs read it, and how its link ends.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use entity::vocabulary::Role;
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    on_both,
    workshops::sessions,
};
use serde_json::{Value, json};

use crate::{
    leaks::log_lines::{listen, told},
    python::asked,
    seats::Room,
};

const CREATE: &str = "mutation { privateCalendarCreate { client { id } url userErrors { code message } } }";
const REVOKE: &str = "mutation { privateCalendarRevoke { client { id } userErrors { code message } } }";
const REGISTER: &str = "mutation($input: RegistrationCreateInput!) { registrationCreate(input: $input) {
    registration { id status } userErrors { code message } } }";

/// All that may stand in an event, by name: of what it is, where and with whom, there is nothing.
const PROPERTIES: &[&str] = &["UID", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "SUMMARY", "DTSTART", "DURATION", "STATUS", "CLASS", "TRANSP"];

/// Makes a calendar. Gives the path of its address.
async fn calendar_of(app: &TestApp, client: &Caller) -> String {
    let made = client.ask(CREATE).await;
    let url = made.text("/privateCalendarCreate/url").to_owned();
    let path = url.strip_prefix(&app.config.public_url()).unwrap().to_owned();
    let key = path.strip_prefix("/calendar/private/").and_then(|path| path.strip_suffix(".ics")).unwrap();
    assert_eq!(key.len(), 43, "256 bits");
    path
}

/// What is read at an address: what it says of each event, by its start.
async fn read(app: &TestApp, path: &str) -> (String, Vec<[String; 4]>) {
    let answer = app.anyone().download(path).await;
    assert_eq!((answer.status, answer.headers["content-type"].to_str().unwrap()), (200, "text/calendar; charset=utf-8"), "{}", answer.raw);
    assert_eq!(answer.headers["cache-control"], "private, no-store");
    assert!(!answer.headers.contains_key("etag"), "nobody is to keep it");
    let unfolded = answer.raw.replace("\r\n ", "");
    let mut events = Vec::new();
    for event in unfolded.split("BEGIN:VEVENT\r\n").skip(1) {
        let lines = event.split("END:VEVENT").next().unwrap().lines();
        let lines: Vec<_> = lines.map(|line| line.split_once(':').unwrap()).collect();
        let names: Vec<_> = lines.iter().map(|(name, _)| name.split(';').next().unwrap()).collect();
        assert_eq!(names, PROPERTIES, "{event}");
        let value = |of: &str| lines.iter().find(|(name, _)| name.split(';').next() == Some(of)).unwrap().1.to_owned();
        assert_eq!((value("SUMMARY"), value("CLASS")), ("Appointment".to_owned(), "PRIVATE".to_owned()));
        events.push(["DTSTART", "STATUS", "UID", "SEQUENCE"].map(value));
    }
    (answer.raw, events)
}

async fn is_there(app: &TestApp, path: &str) -> bool {
    let answer = app.anyone().download(path).await;
    assert!(answer.status == 200 || answer.status == 404, "{}", answer.raw);
    answer.status == 200
}

async fn register(client: &Caller, session: &Value) -> Answer {
    let input = json!({ "sessionId": session["id"], "attendance": "ONLINE" });
    let made = client.ask_with(REGISTER, json!({ "input": input })).await;
    assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
    made
}

async fn done(caller: &Caller, mutation: &str) {
    let answer = caller.ask(&format!("mutation {{ {mutation} {{ userErrors {{ code message }} }} }}")).await;
    assert!(answer.error_codes().is_empty() && answer.user_error_codes().is_empty(), "{mutation}: {}", answer.raw);
}

on_both! {
    async fn they_read_when_they_are_expected_and_nothing_else(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({
            "recurrence": "FREQ=WEEKLY;COUNT=5", "area": "Old town", "description": "Tea", "topics": ["COPING.CRAVINGS"],
        })).await;
        let planned = sessions(&room.coordinator, &room.workshop).await;
        let first = room.client().await;
        let taken = room.try_register(&first, json!({ "sessionId": planned[1]["id"] })).await;
        let ada = room.client().await;
        let own = room.app.as_client(&room.coordinator, &ada).await;
        let mut registered = Vec::new();
        for session in &planned[..4] {
            registered.push(register(&own, session).await.text("/registrationCreate/registration/id").to_owned());
        }
        done(&room.coordinator, &format!("sessionCancel(id: {}, note: \"Snow on the stairs\")", planned[2]["id"])).await;
        done(&room.coordinator, &format!("sessionReschedule(id: {}, startsAt: \"2026-03-31T14:00:00Z\")", planned[3]["id"])).await;
        let path = calendar_of(&room.app, &own).await;

        let (raw, events) = read(&room.app, &path).await;

        let standing = |events: &[[String; 4]]| events.iter().map(|[start, status, ..]| format!("{start} {status}")).collect::<Vec<_>>();
        assert_eq!(standing(&events), ["20260309T180000 CONFIRMED", "20260323T180000 CANCELLED", "20260331T100000 CONFIRMED"], "who waits is not expected");
        assert_eq!(events.iter().map(|event| event[3].as_str()).collect::<Vec<_>>(), ["0", "1", "1"], "each change of a session counts");
        let zone = raw.contains("BEGIN:VTIMEZONE\r\nTZID:America/New_York");
        assert!(zone && raw.contains("DTSTART;TZID=America/New_York:20260309T180000\r\nDURATION:PT60M"), "{raw}");
        let ids = planned.iter().map(|session| session["id"].as_str().unwrap().to_owned()).chain(registered).chain([room.workshop.clone(), ada.clone()]);
        let bare: Vec<_> = ids.map(|id| id.split_once('_').unwrap().1.to_owned()).collect();
        let names = ["stress", "Open Door", "program", "meet.example", "Old town", "Tea", "craving", "Snow", "127.0.0.1", "aftercare", "recovery"];
        for word in names.iter().map(|name| (*name).to_owned()).chain(bare) {
            assert!(!raw.to_lowercase().contains(&word.to_lowercase()), "{word}: {raw}");
        }
        if let Some(told) = asked("read_calendar.py", &json!({ "calendar": raw, "from": "2026-03-01T00:00:00Z", "to": "2026-05-01T00:00:00Z" })) {
            assert_eq!((&told["complaints"], &told["zones"]), (&json!([]), &json!(["America/New_York"])));
            let starts: Vec<_> = told["events"].as_array().unwrap().iter().map(|event| (event["start"].as_i64().unwrap(), event["summary"].clone())).collect();
            let at = |instant: &str| (instant.parse::<DateTime<Utc>>().unwrap().timestamp(), json!("Appointment"));
            assert_eq!(starts, [at("2026-03-09T22:00:00Z"), at("2026-03-23T22:00:00Z"), at("2026-03-31T14:00:00Z")]);
        }

        // Whoever leaves makes place: a seat is held for them, and then it is theirs, or they leave. It is the same appointment.
        room.cancel(taken.data("/registrationCreate/registration")).await;
        let (_, offered) = read(&room.app, &path).await;
        assert_eq!(standing(&offered)[1], "20260316T180000 TENTATIVE");
        let reg = own.ask("{ viewer { client { care { registrations { nodes { id status } } } } } }").await;
        let reg = reg.data("/viewer/client/care/registrations/nodes").as_array().unwrap().iter().find(|one| one["status"] == "OFFERED").unwrap().clone();
        done(&own, &format!("registrationAcceptOffer(id: {})", reg["id"])).await;
        let (_, accepted) = read(&room.app, &path).await;
        assert_eq!((standing(&accepted)[1].as_str(), &accepted[1][2]), ("20260316T180000 CONFIRMED", &offered[1][2]));
        assert!(accepted[1][3].parse::<i32>().unwrap() > offered[1][3].parse::<i32>().unwrap());
        done(&own, &format!("registrationCancel(id: {})", reg["id"])).await;
        let again = calendar_of(&room.app, &own).await;
        let (_, left) = read(&room.app, &again).await;
        assert_eq!(left, events, "by another link they are the same appointments");

        let reads = format!("FROM audit_event WHERE actor = '{ada}' AND action = 'READ' AND subject_kind = 'reg' AND request_id = ");
        let asked = reqwest::Client::new().get(format!("{}{again}", room.app.url)).header("x-request-id", "calendar-1").send().await.unwrap();
        assert_eq!(asked.status(), 200);
        assert_eq!(room.app.database.count(&format!("{reads}'calendar-1'")).await, 3, "it is read as they would read it");
        assert_eq!(room.app.database.count("FROM disclosure").await, 0, "what people read of themselves is told to nobody else");
        room.app.clock().advance(TimeDelta::days(8));
        assert_eq!(standing(&read(&room.app, &again).await.1), ["20260323T180000 CANCELLED", "20260331T100000 CONFIRMED"], "what is over is over");
    }

    async fn a_link_is_over_when_it_is_ended_and_says_no_more_than_one_that_never_was(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let app = &room.app;
        let officer = app.staff(&room.home, &[Role::PrivacyOfficer]).await;
        let mut answers = BTreeSet::new();
        let endings = ["replaced", "revoked", "ended by staff", "invited anew", "merged", "erased", "restored"];
        for ending in &endings {
            let before = app.database.count("FROM private_calendar").await;
            let client = room.client().await;
            let own = app.as_client(&room.coordinator, &client).await;
            let other = room.client().await;
            let others = calendar_of(app, &app.as_client(&room.coordinator, &other).await).await;
            let path = calendar_of(app, &own).await;
            assert!(is_there(app, &path).await && is_there(app, &others).await);

            match *ending {
                "replaced" => drop(calendar_of(app, &own).await),
                "revoked" => assert_eq!(own.ask(REVOKE).await.text("/privateCalendarRevoke/client/id"), client),
                "ended by staff" => done(&officer, &format!("clientAccessRevoke(clientId: \"{client}\")")).await,
                "invited anew" => drop(app.as_client(&room.coordinator, &client).await),
                "merged" => done(&room.coordinator, &format!("clientMerge(keepId: \"{client}\", mergeId: \"{other}\")")).await,
                "erased" => done(&officer, &format!("clientErase(id: \"{client}\", reason: \"Asked for it\")")).await,
                _ => app.store.end_restored_access().await.unwrap(),
            }

            let answer = app.anyone().download(&path).await;
            assert_eq!(answer.status, 404, "{ending}");
            answers.insert(answer.raw);
            let both = ["merged", "restored"].contains(ending);
            assert_eq!(is_there(app, &others).await, !both, "{ending}");
            let kept = if *ending == "restored" { 0 } else { before + usize::from(!both) + usize::from(*ending == "replaced") };
            assert_eq!(app.database.count("FROM private_calendar").await, kept, "{ending}: nothing of it is kept");
        }
        for unknown in ["/calendar/private/0123456789012345678901234567890123456789012.ics", "/calendar/private/x.ics", "/calendar/private/%00%FF.ics"] {
            let answer = app.anyone().download(unknown).await;
            assert_eq!(answer.status, 404, "{unknown}");
            answers.insert(answer.raw);
        }
        assert_eq!(answers.len(), 1, "{answers:?}");
    }

    async fn a_link_lasts_as_long_as_the_access_is_used(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let own = room.app.as_client(&room.coordinator, &room.client().await).await;
        let path = calendar_of(&room.app, &own).await;
        room.app.clock().advance(TimeDelta::days(90) - TimeDelta::seconds(1));
        assert!(is_there(&room.app, &path).await);
        room.app.clock().advance(TimeDelta::seconds(1));
        assert!(!is_there(&room.app, &path).await);
    }

    async fn whoever_guesses_is_slow(db: TestDatabase) {
        let app = TestApp::start_with(db, &[("AFTERCARE_RATE_LIMIT__PER_SECOND", "1"), ("AFTERCARE_RATE_LIMIT__BURST", "3")]).await;
        let mut statuses = Vec::new();
        for guess in 0..8 {
            let answer = reqwest::Client::new().get(format!("{}/calendar/private/{guess}.ics", app.url)).bearer_auth(format!("guess-{guess}"));
            statuses.push(answer.send().await.unwrap().status().as_u16());
        }
        assert_eq!(statuses[..3], [404; 3]);
        assert!(statuses[3..].contains(&429), "whatever token they come with: {statuses:?}");
    }

    async fn clients_make_it_for_themselves_and_are_told_its_address_once(db: TestDatabase) {
        let room = Room::with(TestApp::start(db).await, json!({})).await;
        let ada = room.client().await;
        let own = room.app.as_client(&room.coordinator, &ada).await;
        let nothing = own.ask(REVOKE).await;
        assert_eq!(nothing.user_error_codes(), ["IMMUTABLE"], "{}", nothing.raw);
        for mutation in [CREATE, REVOKE] {
            assert_eq!(room.coordinator.ask(mutation).await.error_codes(), ["FORBIDDEN"]);
            assert_eq!(room.app.anyone().ask(mutation).await.error_codes(), ["FORBIDDEN"]);
        }
        assert_eq!(room.app.database.count("FROM private_calendar").await, 0);

        let key = [("idempotency-key", "calendar")];
        let made = own.send(json!({ "query": CREATE }), &key).await;
        let again = own.send(json!({ "query": CREATE }), &key).await;

        let url = made.text("/privateCalendarCreate/url");
        assert!(is_there(&room.app, url).await);
        assert_eq!(again.data("/privateCalendarCreate"), &json!({ "client": { "id": ada }, "url": null, "userErrors": [] }));
        let secret = url.rsplit('/').next().unwrap().trim_end_matches(".ics").to_owned();
        assert_eq!(room.app.database.count(&format!("FROM private_calendar WHERE CAST(key_hash AS TEXT) LIKE '%{secret}%'")).await, 0);
        room.app.sealed().await;
        let timeline = format!("{{ client(id: \"{ada}\") {{ timeline(first: 1) {{ nodes {{ kind changed actorName }} }} }} }}");
        let told = room.coordinator.ask(&timeline).await;
        let node = json!({ "kind": "CLIENT_ACCESS_CHANGED", "changed": ["access"], "actorName": "The client" });
        assert_eq!(told.data("/client/timeline/nodes/0"), &node, "no more than that something of their access changed");
    }
}

#[tokio::test]
async fn no_log_and_no_counter_knows_a_key() {
    let _listening = listen();
    let app = TestApp::start(kit::databases::TestDatabase::sqlite()).await;
    let answer = app.anyone().download("/calendar/private/canary-of-a-key.ics").await;
    assert_eq!(answer.status, 404);
    assert!(!answer.raw.contains("canary"));
    assert_eq!(told(&app, ["canary-of-a-key"].into_iter()), [""; 0]);
    assert!(app.metrics.text().contains("/calendar/private/{key}.ics"), "it is counted by its route");
}
