//! What a caller is told of how much they ask, and how often.

use std::time::Duration;

use entity::vocabulary::{OrganizationKind, Role};
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    follower::Follower,
    on_both,
};
use serde_json::{Value, json};

/// Three fields and the fragment that holds one of them.
const FOUR: &str = "query { programs { nodes { ...F } } } fragment F on Program { id }";

async fn administrator(app: &TestApp) -> Caller {
    let home = app.home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await;
    app.staff(&home, &[Role::Administrator]).await
}

fn cost(answer: &Answer) -> &Value {
    &answer.body["extensions"]["cost"]
}

on_both! {
    async fn every_door_tells_what_a_query_cost(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let caller = administrator(&app).await;
        let simple = "{ viewer { roles } }";
        assert_eq!(cost(&caller.ask(simple).await), 2);
        assert_eq!(cost(&caller.ask(FOUR).await), 4);
        assert_eq!(cost(&app.anyone().get(&[("query", FOUR)]).await), 4);
        let mutation = "mutation { programCreate(input: { name: \"New\" }) { program { id name } userErrors { code } } }";
        assert_eq!(cost(&caller.ask(mutation).await), 6);
        let partly = caller.ask("{ viewer { roles } auditEvents { totalCount } }").await;
        assert_eq!((cost(&partly), partly.error_codes().len()), (&json!(4), 0), "{}", partly.raw);
        assert_eq!(cost(&caller.ask("{ colour }").await), 1, "what does not fit the schema is weighed before");
        assert_eq!(cost(&caller.ask("{").await), &Value::Null, "what is no document weighs nothing");

        let streamed = caller.follow(simple, Duration::from_millis(500)).await;
        assert!(streamed.raw.contains("\"extensions\":{\"cost\":2}"), "{}", streamed.raw);
        let mut socket = Follower::asking(&caller, &app.url, json!({ "query": simple })).await;
        assert_eq!(socket.next().await.unwrap()["payload"]["extensions"]["cost"], 2);

        let after = caller.ask("{ viewer { eventCursor } }").await.text("/viewer/eventCursor").to_owned();
        let subscription = format!("subscription {{ events(after: \"{after}\") {{ id kind }} }}");
        let mut socket = Follower::asking(&caller, &app.url, json!({ "query": subscription })).await;
        caller.ask(&mutation.replace("New", "Newer")).await;
        assert_eq!(socket.next().await.unwrap()["payload"]["extensions"]["cost"], 3);
        let streamed = caller.follow(&subscription, Duration::from_secs(1)).await;
        assert!(streamed.raw.contains("\"extensions\":{\"cost\":3}"), "{}", streamed.raw);
    }

    async fn the_viewer_is_told_what_the_header_tells(db: TestDatabase) {
        let app = TestApp::start_with(db, &[("AFTERCARE_RATE_LIMIT__PER_SECOND", "1"), ("AFTERCARE_RATE_LIMIT__BURST", "5")]).await;
        let caller = administrator(&app).await;
        let query = "{ viewer { rateLimit { limit remaining resetAt } } }";

        let first = caller.ask(query).await;
        assert_eq!(first.data("/viewer/rateLimit"), &json!({ "limit": 5, "remaining": 4, "resetAt": "2026-03-02T12:00:01+00:00" }));

        // One comes back each second, so the numbers depend on how long this takes; what is told of them does not.
        let mut answer = first;
        while answer.status == 200 {
            let told = answer.data("/viewer/rateLimit");
            let (left, reset) = (told["remaining"].as_i64().unwrap(), told["resetAt"].as_str().unwrap()[17..19].parse::<i64>().unwrap());
            assert_eq!(answer.headers["ratelimit"], format!("\"default\";r={left};t={reset}"));
            answer = caller.ask(query).await;
        }
        assert_eq!((answer.status, answer.error_codes()), (429, vec!["RATE_LIMITED"]), "{}", answer.raw);
    }

    async fn whoever_guesses_codes_is_slow(db: TestDatabase) {
        let app = TestApp::start_with(db, &[("AFTERCARE_RATE_LIMIT__PER_SECOND", "1"), ("AFTERCARE_RATE_LIMIT__BURST", "5")]).await;
        let guess = async || {
            let form = [("grant_type", "urn:aftercare:grant:invitation"), ("code", "0123456789")];
            reqwest::Client::new().post(format!("{}/oauth/token", app.url)).form(&form).send().await.unwrap()
        };
        let mut refused = 0;
        let limited = loop {
            let answer = guess().await;
            assert!(answer.headers().contains_key("ratelimit"));
            if answer.status() != 400 {
                break answer;
            }
            refused += 1;
            assert!(refused < 100, "nobody is held up");
        };
        assert!(refused >= 5, "{refused}");
        assert_eq!(limited.status(), 429);
        assert!(limited.headers().contains_key("retry-after") && limited.headers().contains_key("x-request-id"));
        assert_eq!(limited.json::<Value>().await.unwrap()["error"], "temporarily_unavailable");
    }

    async fn where_requests_are_not_counted_any_number_is_left(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let caller = administrator(&app).await;
        let limit = caller.ask("{ viewer { rateLimit { limit remaining resetAt } } }").await;
        assert_eq!(limit.data("/viewer/rateLimit"), &json!({ "limit": i32::MAX, "remaining": i32::MAX, "resetAt": "2026-03-02T12:00:00+00:00" }));
        assert!(!limit.headers.contains_key("ratelimit"));
    }
}
