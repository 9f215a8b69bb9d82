//! The made-up data: the same for the same seed, whole, and good to try everything with.

use aftercare::command::{Plan, load_demo, token_for};
use chrono::TimeDelta;
use entity::vocabulary::Role;
use kit::{
    app::TestApp,
    caller::Caller,
    databases::{Kind, TestDatabase},
    on_both,
};

async fn loaded(db: TestDatabase, plan: &Plan) -> TestApp {
    let app = TestApp::start(db).await;
    load_demo(&app, plan, false).await.unwrap();
    app
}

async fn somebody(app: &TestApp, role: Role, organization: &str) -> Caller {
    let token = token_for(app, organization, &[role].into(), TimeDelta::hours(1)).await.unwrap();
    Caller::with_token(&app.url, &token).treating()
}

/// What can be compared of two loads: names as their organizations read them, states, and how many there are of all.
async fn told(app: &TestApp) -> Vec<String> {
    let mut all = Vec::new();
    for (organization, role) in [("Open Door Recovery", Role::Coordinator), ("Harbor Treatment Center", Role::Referrer)] {
        let caller = somebody(app, role, organization).await;
        let answer = caller.ask("{ clients(first: 100) { nodes { identity { givenName familyName dateOfBirth } } } }").await;
        let mut names: Vec<_> = answer.data("/clients/nodes").as_array().unwrap().iter().map(ToString::to_string).collect();
        names.sort();
        assert!(names.len() > 5, "{}", answer.raw);
        all.extend(names);
    }
    let counted = |table: &str, column: &str| {
        format!("SELECT {column} || ' ' || CAST(COUNT(*) AS TEXT) FROM {table} GROUP BY {column} ORDER BY {column}")
    };
    for (table, column) in
        [("referral", "status"), ("event", "kind"), ("contact", "outcome"), ("program", "name"), ("peer", "display_name")]
    {
        all.extend(app.database.texts(&counted(table, column)).await);
    }
    let seats = "SELECT title || ' ' || CAST(session.starts_at AS TEXT) || ' ' || CAST(registered_in_person + registered_online AS TEXT)
        FROM session JOIN gathering ON gathering.id = gathering_id ORDER BY title, session.starts_at";
    all.extend(app.database.texts(seats).await);
    all
}

on_both! {
    async fn the_same_seed_gives_the_same_data(db: TestDatabase) {
        let again = if db.kind == Kind::Sqlite { TestDatabase::sqlite() } else { TestDatabase::postgresql().unwrap() };
        let other = if db.kind == Kind::Sqlite { TestDatabase::sqlite() } else { TestDatabase::postgresql().unwrap() };
        let plan = Plan { clients: 30, programs: 7, workshops: 4, sessions: 3, registrations: 10, seed: 7, ..Plan::default() };
        let app = Box::pin(loaded(db, &plan)).await;

        let first = told(&app).await;

        assert_eq!(told(&Box::pin(loaded(again, &plan)).await).await, first);
        assert_ne!(told(&Box::pin(loaded(other, &Plan { seed: 8, ..plan })).await).await, first);
        assert_eq!(app.database.count("FROM program").await, 7);
        let of_workshops = "session_id IN (SELECT session.id FROM session JOIN gathering ON gathering.id = gathering_id WHERE kind = 'WORKSHOP')";
        assert_eq!(app.database.count("FROM session JOIN gathering ON gathering.id = gathering_id WHERE kind = 'WORKSHOP' AND published_at IS NOT NULL").await, 12);
        assert_eq!(app.database.count(&format!("FROM registration WHERE {of_workshops}")).await, 10);
        app.sealed().await;
        let whole = app.store.verify(&app.system()).await.unwrap().unwrap();
        assert_eq!(app.database.count("FROM event").await as u64, whole.events, "all of it has its place");
    }

    async fn everyone_can_try_their_part(db: TestDatabase) {
        let app = Box::pin(loaded(db, &Plan::default())).await;

        let states = app.database.texts("SELECT DISTINCT status FROM referral ORDER BY status").await;
        assert_eq!(states, ["ACCEPTED", "ASSIGNED", "COMPLETED", "CONNECTED", "DECLINED", "OUTREACH", "SUBMITTED"]);
        let robin = somebody(&app, Role::Referrer, "Harbor Treatment Center").await;
        let sent = robin.ask("{ referrals(first: 50) { nodes { person { givenName } progress { status history { actorName role } } } } }").await;
        assert!(sent.raw.contains("CONNECTED") && sent.raw.contains("\"REFERRER\"") && sent.raw.contains("Robin"), "{}", sent.raw);
        let parker = somebody(&app, Role::Peer, "Open Door Recovery").await;
        let mine = parker.ask("{ clients { nodes { identity { givenName } care { contacts { nodes { outcome note } } } } } }").await;
        assert!(mine.raw.contains("Spoke about the week ahead."), "{}", mine.raw);
        let casey = somebody(&app, Role::Coordinator, "Riverbend Peers").await;
        let received = casey.ask("{ referrals { totalCount nodes { person { familyName } } } clients { totalCount } peers { nodes { displayName } } }").await;
        assert_eq!(received.text("/peers/nodes/0/displayName"), "Parker", "{}", received.raw);
        let public = app.anyone().ask("{ workshops { totalCount nodes { sessions { nodes { startsAt } } } } }").await;
        assert_eq!(public.data("/workshops/totalCount"), 8, "{}", public.raw);
        let zones = app.database.texts("SELECT DISTINCT time_zone FROM gathering ORDER BY time_zone").await;
        assert_eq!(zones, ["America/Chicago", "America/Denver", "America/Los_Angeles", "America/New_York"]);
        let rules = app.anyone().ask("{ workshops { nodes { recurrence sessions { totalCount } } } supportGroups { nodes { title open recurrence } } }").await;
        let by_rule = rules.data("/workshops/nodes").as_array().unwrap().iter().filter(|workshop| !workshop["recurrence"].is_null());
        assert_eq!(by_rule.map(|workshop| workshop["sessions"]["totalCount"].as_i64().unwrap()).collect::<Vec<_>>(), [5; 4]);
        let mut groups: Vec<_> = rules.data("/supportGroups/nodes").as_array().unwrap().iter().map(|group| (group["title"].to_string(), group["open"] == true)).collect();
        groups.sort();
        assert_eq!(groups, [("\"Evening circle\"".to_owned(), true), ("\"Evening circle\"".to_owned(), true), ("\"First year\"".to_owned(), false), ("\"First year\"".to_owned(), false)]);
        for (status, least) in [("REGISTERED", 12), ("WAITLISTED", 4)] {
            assert!(app.database.count(&format!("FROM registration WHERE status = '{status}'")).await >= least, "{status}");
        }
        assert_eq!(app.database.count("FROM session WHERE status = 'CANCELLED'").await, 1);
        assert_eq!(app.database.count("FROM session WHERE local_start <> occurrence").await, 1, "one was moved");
    }
}
