//! Schedules of others, taken in for "what is near me tonight".

mod bad;
mod lists;

use aftercare::command::{FeedAdd, FeedsCommand, Format, run_feeds};
use chrono::TimeDelta;
use kit::{
    app::TestApp,
    databases::TestDatabase,
    feeds::{Said, Stranger},
    identity_provider::MAY_CALL,
    on_both,
};
use serde_json::{Value, json};

const LISTED: &str = "query($filter: SessionFilter) { sessions(first: 100, filter: $filter) { nodes {
    id startsAt endsAt localStart seatsLeftInPerson seatsLeftOnline waitlistOpen status roster { registeredCount }
    gathering { __typename id title program { id } ... on ListedMeeting { source sourceUrl freshAsOf } } } } }";

async fn add(app: &TestApp, url: &str, format: Format) -> String {
    let new = FeedAdd { url: url.to_owned(), format, time_zone: None };
    run_feeds(app, FeedsCommand::Add(new)).await.unwrap().pop().unwrap()
}

async fn list(app: &TestApp) -> Vec<String> {
    run_feeds(app, FeedsCommand::List).await.unwrap()
}

async fn near(app: &TestApp) -> Vec<Value> {
    let answer = app.anyone().ask_with(LISTED, json!({ "filter": { "includeListed": true, "status": ["SCHEDULED"] } })).await;
    answer.data("/sessions/nodes").as_array().unwrap().clone()
}

fn told(sessions: &[Value], pointer: &str) -> Vec<String> {
    sessions.iter().map(|session| session.pointer(pointer).unwrap().as_str().unwrap().to_owned()).collect()
}

/// Lets more than an hour pass, and has read what is to be.
async fn an_hour_later(app: &TestApp) {
    later(app, TimeDelta::minutes(67)).await;
}

async fn later(app: &TestApp, span: TimeDelta) {
    app.clock().advance(span);
    app.fire_timers().await;
}

/// How a server comes to say something else.
type Change = fn(&mut Said);

/// When a feed was read well, by its line.
fn read_at(line: &str) -> String {
    line.split("  read ").nth(1).and_then(|rest| rest.split(',').next()).unwrap().to_owned()
}

fn guide(meetings: &[(&str, i64, &str)]) -> String {
    let all = meetings.iter().map(|(slug, day, time)| {
        json!({ "slug": slug, "name": format!("The {slug}"), "day": day, "time": time, "timezone": "America/New_York", "types": ["O", "EN"],
            "address": "1 Main St", "city": "Albany", "state": "NY", "country": "US", "latitude": 42.65, "longitude": -73.75,
            "url": format!("https://example.org/{slug}"), "notes": "Come in by the side door", "entity": "Capital District" })
    });
    Value::Array(all.collect()).to_string()
}

async fn may_call(db: TestDatabase) -> TestApp {
    TestApp::start_with(db, &MAY_CALL).await
}

on_both! {
    async fn all_three_formats_are_read_from_a_server(db: TestDatabase) {
        let app = may_call(db).await;
        let ics = "BEGIN:VCALENDAR\r\nX-WR-CALNAME:By the river\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Of a calendar\r\n\
            DTSTART;TZID=America/New_York:20260105T183000\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY;BYDAY=TU\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let bmlt = json!([{ "id_bigint": "1", "meeting_name": "Of BMLT", "weekday_tinyint": "3", "start_time": "18:30:00", "duration_time":
            "01:00:00", "time_zone": "America/New_York", "venue_type": "1", "published": "1" }]);
        let servers = [
            (Stranger::saying(guide(&[("tuesday", 2, "18:30")])), Format::MeetingGuide),
            (Stranger::saying(bmlt.to_string()), Format::Bmlt),
            (Stranger::saying(ics), Format::Ics),
        ];
        for (server, format) in &servers {
            add(&app, &server.url, *format).await;
        }
        app.fire_timers().await;

        let sessions = near(&app).await;
        let mut titles = told(&sessions, "/gathering/title");
        titles.sort();
        assert_eq!(titles, ["Of BMLT", "Of a calendar", "The tuesday"]);
        assert_eq!(told(&sessions, "/startsAt"), ["2026-03-03T23:30:00+00:00"; 3], "Tuesday is 2 in one format, 3 in the other");
        assert_eq!(told(&sessions, "/localStart"), ["2026-03-03T18:30"; 3]);
        let mut sources = told(&sessions, "/gathering/source");
        sources.sort();
        assert_eq!(sources, ["127.0.0.1", "By the river", "Capital District"]);
        for session in &sessions {
            assert_eq!(session["gathering"]["freshAsOf"], "2026-03-02T12:00:00+00:00");
            let none = [&session["seatsLeftInPerson"], &session["seatsLeftOnline"], &session["waitlistOpen"], &session["roster"]];
            assert_eq!(none, [&json!(0), &json!(0), &json!(false), &Value::Null]);
            assert!(session["gathering"]["id"].as_str().unwrap().starts_with("lst_") && session["gathering"]["program"].is_null());
        }
        let lines = list(&app).await;
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.ends_with("read 2026-03-02T12:00:00Z, 1 meetings, well")), "{lines:#?}");
        assert!(["  meeting-guide  ", "  bmlt  ", "  ics  "].iter().all(|format| lines.iter().any(|line| line.contains(format))));
        assert_eq!(app.database.count("FROM event WHERE kind = 'LISTED_MEETINGS_CHANGED' AND organization_id IS NULL").await, 3);
        app.sealed().await;
        assert!(app.store.verify(&app.system()).await.unwrap().is_ok(), "what concerns no tenant is chained as well");
    }

    async fn what_is_unchanged_is_not_read_again(db: TestDatabase) {
        let app = may_call(db).await;
        let server = Stranger::saying(guide(&[("tuesday", 2, "18:30")]));
        server.says(|said| {
            said.etag = Some("\"one\"".to_owned());
            said.last_modified = Some("Mon, 02 Mar 2026 10:00:00 GMT".to_owned());
        });
        add(&app, &server.url, Format::MeetingGuide).await;
        app.fire_timers().await;
        assert_eq!(server.calls(), [(None, None)]);
        app.fire_timers().await;
        assert_eq!(server.calls(), [], "not before an hour has passed");
        let (first, rows) = (near(&app).await, app.database.count("FROM event").await);

        an_hour_later(&app).await;

        assert_eq!(server.calls(), [(Some("\"one\"".to_owned()), Some("Mon, 02 Mar 2026 10:00:00 GMT".to_owned()))]);
        let again = near(&app).await;
        assert_eq!(told(&again, "/id"), told(&first, "/id"));
        assert_eq!(again[0]["gathering"]["freshAsOf"], "2026-03-02T13:07:00+00:00");
        assert_eq!(app.database.count("FROM event").await, rows + 1, "nothing was written but that it was read");

        server.says(|said| {
            said.etag = Some("\"two\"".to_owned());
            said.last_modified = None;
            said.body = guide(&[("tuesday", 2, "18:30"), ("friday", 5, "07:00")]);
        });
        an_hour_later(&app).await;
        assert_eq!(told(&near(&app).await, "/gathering/title"), ["The tuesday", "The friday"]);
    }

    async fn meetings_come_change_and_go_with_their_feed(db: TestDatabase) {
        let app = may_call(db).await;
        let server = Stranger::saying(guide(&[("tuesday", 2, "18:30"), ("friday", 5, "07:00"), ("daily", 0, "12:00")]));
        let feed = add(&app, &server.url, Format::MeetingGuide).await;
        app.fire_timers().await;
        let before = near(&app).await;
        assert_eq!(told(&before, "/gathering/title"), ["The tuesday", "The friday", "The daily"]);
        let unchanged = "SELECT CAST(version AS TEXT) FROM gathering WHERE title = 'The friday'";

        server.says(|said| said.body = guide(&[("tuesday", 2, "19:00"), ("friday", 5, "07:00"), ("new", 3, "20:00")]));
        an_hour_later(&app).await;

        let after = near(&app).await;
        assert_eq!(told(&after, "/gathering/title"), ["The tuesday", "The new", "The friday"]);
        assert_eq!(after[0]["gathering"]["id"], before[0]["gathering"]["id"], "a changed meeting keeps its id");
        assert_eq!((&after[0]["id"], &after[0]["localStart"]), (&before[0]["id"], &json!("2026-03-03T19:00")));
        assert_eq!(app.database.texts(unchanged).await, ["1"], "what did not change was not written");
        let gone = app.anyone().ask_with("query($id: ID!) { node(id: $id) { id } }", json!({ "id": before[2]["gathering"]["id"] })).await;
        assert_eq!(gone.data("/node"), &Value::Null);

        assert_eq!(run_feeds(&app, FeedsCommand::Remove { id: feed }).await.unwrap(), Vec::<String>::new());
        assert_eq!(near(&app).await, Vec::<Value>::new());
        for table in ["feed", "listed_meeting", "gathering", "gathering_label", "session", "timer WHERE kind = 'FEED_READ'"] {
            assert_eq!(app.database.count(&format!("FROM {table}")).await, 0, "{table}");
        }
        server.calls();
        an_hour_later(&app).await;
        assert_eq!(server.calls(), []);
    }

    async fn a_broken_feed_keeps_its_last_good_copy(db: TestDatabase) {
        let settings = [("AFTERCARE_FEEDS__MAX_BYTES", "2000"), ("AFTERCARE_FEEDS__TIMEOUT_SECONDS", "5")];
        let app = TestApp::start_with(db, &[MAY_CALL.as_slice(), &settings].concat()).await;
        let good = guide(&[("tuesday", 2, "18:30")]);
        let server = Stranger::saying(good.clone());
        add(&app, &server.url, Format::MeetingGuide).await;
        app.fire_timers().await;
        let first = near(&app).await;
        let states: [(&str, Change); 8] = [
            ("MALFORMED", |said| said.body = "<html>Moved</html>".to_owned()),
            ("MALFORMED", |said| said.body = "[{ \"name\": \"no day\" }]".to_owned()),
            ("EMPTY", |said| said.body = "[]".to_owned()),
            ("TOO_LARGE", |said| said.body = format!("[{}]", " ".repeat(2_000))),
            ("REFUSED", |said| said.status = Some(500)),
            ("REFUSED", |said| said.status = Some(404)),
            ("REDIRECTED", |said| (said.status, said.location) = (Some(301), Some("http://169.254.169.254/".to_owned()))),
            ("TIMED_OUT", |said| said.waits_ms = 60_000),
        ];
        for (reason, change) in states {
            server.says(|said| {
                *said = Said { body: good.clone(), ..Default::default() };
                change(said);
            });
            let read_well = read_at(&list(&app).await[0]);
            an_hour_later(&app).await;

            let lines = list(&app).await;
            assert!(lines[0].contains(&format!("1 meetings, {reason}: ")), "{lines:?}");
            assert_eq!(read_at(&lines[0]), read_well, "{reason}");
            assert_eq!(near(&app).await[0]["id"], first[0]["id"], "{reason}");
            server.says(|said| *said = Said { body: good.clone(), ..Default::default() });
            an_hour_later(&app).await;
            assert!(list(&app).await[0].ends_with("1 meetings, well"), "{reason}: {:?}", list(&app).await);
        }
    }

    async fn a_feed_that_stays_broken_is_asked_less_often_and_its_sessions_go_on(db: TestDatabase) {
        let app = may_call(db).await;
        let server = Stranger::saying(guide(&[("tuesday", 2, "18:30"), ("monday", 1, "18:30")]));
        add(&app, &server.url, Format::MeetingGuide).await;
        app.fire_timers().await;
        assert_eq!(told(&near(&app).await, "/localStart"), ["2026-03-02T18:30", "2026-03-03T18:30", "2026-03-09T18:30"]);
        server.says(|said| said.status = Some(503));
        server.calls();

        for _ in 0..24 {
            later(&app, TimeDelta::hours(1)).await;
        }
        let calls = server.calls().len();
        assert!((4..=6).contains(&calls), "after one, two, four and eight hours: {calls}");
        for _ in 0..6 {
            later(&app, TimeDelta::hours(8) + TimeDelta::minutes(7)).await;
        }
        let expected = ["2026-03-09T18:30", "2026-03-10T18:30"];
        assert_eq!(told(&near(&app).await, "/localStart"), expected, "from Thursday on, in summer too");
        assert_eq!(told(&near(&app).await, "/startsAt"), ["2026-03-09T22:30:00+00:00", "2026-03-10T22:30:00+00:00"]);
        let all = "SELECT CAST(local_start AS TEXT) FROM session ORDER BY local_start";
        assert_eq!(app.database.texts(all).await.len(), 2, "what was over for more than a day is gone");
    }
}
