//! Contacts that are planned: on safe channels only, held or called off, and what the sender learns when somebody was not there.

mod follow_up;

use chrono::{TimeDelta, Utc};
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    handover::Handover,
    on_both,
};
use serde_json::{Value, json};

const PLAN: &str = "mutation($input: ContactScheduleInput!) { contactSchedule(input: $input) {
    contact { id outcome scheduledFor startedAt minutes topics outbound modality version referral { id } } userErrors { code message path } } }";

const LOG: &str = "mutation($input: ContactLogInput!) { contactLog(input: $input) {
    contact { id outcome scheduledFor startedAt minutes topics version referral { progress { status attemptCount } } }
    userErrors { code message path } } }";

const CONTACTS: &str = "query($client: ID!, $planned: Boolean) { contacts(filter: { clientId: $client, planned: $planned }) {
    totalCount nodes { id outcome scheduledFor startedAt } } }";

const MESSAGES: &str = "query($id: ID!) { referral(id: $id) { messages { nodes { body readAt } } } }";

/// A peer and somebody who is assigned to them, who may be called at any time and texted in the evening.
struct Them {
    they: Handover,
    referral: String,
    client: String,
}

impl Them {
    async fn begin(app: &TestApp) -> Self {
        let they = Handover::begin(app).await;
        let mut input = they.referral(app);
        input["client"]["timeZone"] = json!("America/New_York");
        input["client"]["contactMethods"] = json!([
            { "kind": "PHONE", "value": "+12125550123", "safe": true },
            { "kind": "SMS", "value": "+12125550124", "safe": true, "from": "18:00", "to": "21:00" },
            { "kind": "EMAIL", "value": "ada@example.org", "safe": false },
        ]);
        let referral = they.refer(input).await.text("/referralCreate/referral/id").to_owned();
        let client = they.accepted(&referral).await;
        they.assigned(&referral).await;
        Self { they, referral, client }
    }

    async fn plan(&self, app: &TestApp, ahead: TimeDelta, more: Value) -> Answer {
        let mut input = json!({ "clientId": self.client, "modality": "PHONE", "scheduledFor": app.clock().now() + ahead });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.they.peer.ask_with(PLAN, json!({ "input": input })).await
    }

    async fn planned(&self, app: &TestApp, ahead: TimeDelta) -> String {
        self.plan(app, ahead, json!({})).await.text("/contactSchedule/contact/id").to_owned()
    }

    async fn log(&self, app: &TestApp, outcome: &str, more: Value) -> Answer {
        let minutes = if outcome == "COMPLETED" { json!(20) } else { Value::Null };
        let mut input =
            json!({ "clientId": self.client, "modality": "PHONE", "outcome": outcome, "startedAt": app.clock().now(), "minutes": minutes });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.they.peer.ask_with(LOG, json!({ "input": input })).await
    }

    async fn contacts(&self, caller: &Caller, planned: Option<bool>) -> Value {
        caller.ask_with(CONTACTS, json!({ "client": self.client, "planned": planned })).await.data("/contacts").clone()
    }

    async fn messages(&self, caller: &Caller) -> Value {
        caller.ask_with(MESSAGES, json!({ "id": self.referral })).await.data("/referral/messages/nodes").clone()
    }
}

fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

on_both! {
    async fn what_is_planned_is_held(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let at = app.clock().now() + hours(30);
        let planned = them.plan(&app, hours(30), json!({ "topics": ["the first week"] })).await;
        let id = planned.text("/contactSchedule/contact/id").to_owned();
        let read = |value: &Value| value.as_str().unwrap().parse::<chrono::DateTime<Utc>>().unwrap();
        let contact = planned.data("/contactSchedule/contact");
        assert_eq!(read(&contact["scheduledFor"]), at);
        assert_eq!(contact["startedAt"], Value::Null, "it has not begun");
        assert_eq!((&contact["outcome"], &contact["minutes"], &contact["outbound"]), (&Value::Null, &Value::Null, &json!(true)));
        assert_eq!(contact["referral"]["id"], json!(them.referral), "it serves the open one with that peer");
        assert_eq!(them.they.read(&them.they.coordinator, &them.referral).await.text("/referral/progress/status"), "ASSIGNED", "nobody was tried yet");
        assert_eq!(them.contacts(&them.they.coordinator, Some(true)).await["nodes"][0]["id"], json!(id));
        assert_eq!(them.they.referrer.ask_with(CONTACTS, json!({ "client": them.client })).await.data("/contacts/totalCount"), &json!(0), "the sender reads no contacts");
        app.sealed().await;
        let events = them.they.peer.ask("{ events(filter: { kinds: [CONTACT_SCHEDULED] }) { nodes { summary subject { id } } } }").await;
        assert_eq!(events.data("/events/nodes"), &json!([{ "summary": "A contact was planned.", "subject": { "id": id } }]));

        let early = them.log(&app, "COMPLETED", json!({ "scheduledContactId": id, "startedAt": at })).await;
        assert_eq!(early.user_error_codes(), ["INVALID"], "it is logged when it has taken place");
        let addendum = format!("mutation {{ contactAddendum(id: \"{id}\", text: \"More\") {{ userErrors {{ code }} }} }}");
        assert_eq!(them.they.peer.ask(&addendum).await.user_error_codes(), ["IMMUTABLE"]);
        let held = them.log(&app, "COMPLETED", json!({ "scheduledContactId": id, "note": "Spoke of the garden" })).await;
        let contact = held.data("/contactLog/contact");
        assert_eq!((&contact["id"], &contact["version"], &contact["topics"]), (&json!(id), &json!(2), &json!(["the first week"])), "{}", held.raw);
        assert_eq!((read(&contact["scheduledFor"]), read(&contact["startedAt"])), (at, app.clock().now()));
        assert_eq!(contact["referral"]["progress"], json!({ "status": "CONNECTED", "attemptCount": 1 }));
        assert_eq!(them.contacts(&them.they.peer, Some(true)).await["totalCount"], json!(0));
        assert_eq!(them.contacts(&them.they.peer, Some(false)).await["totalCount"], json!(1), "it is one contact, not two");
        assert_eq!(them.they.peer.ask(&addendum).await.user_error_codes(), [""; 0]);
        let again = them.log(&app, "COMPLETED", json!({ "scheduledContactId": id })).await;
        assert_eq!(again.user_error_codes(), ["IMMUTABLE"]);
    }

    async fn who_was_not_there_is_told_to_the_sender_as_far_as_a_consent_goes(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let unplanned = them.log(&app, "NO_SHOW", json!({})).await;
        assert_eq!(unplanned.text("/contactLog/contact/referral/progress/status"), "OUTREACH", "it is an attempt");
        assert_eq!(them.messages(&them.they.referrer).await, json!([]), "nothing had been planned");
        let planned = them.planned(&app, hours(1)).await;
        app.clock().advance(TimeDelta::minutes(50));
        let missed = them.log(&app, "NO_SHOW", json!({ "scheduledContactId": planned })).await;
        assert_eq!(missed.data("/contactLog/contact/referral/progress/attemptCount"), &json!(2), "{}", missed.raw);

        let own = them.messages(&them.they.coordinator).await;
        assert_eq!(own, json!([{ "body": "They were not there when we had planned to speak. We go on trying.", "readAt": null }]));
        assert_eq!(them.messages(&them.they.coordinator).await[0]["readAt"], Value::Null, "who wrote it reads it as often as they like");
        let now = app.clock().now();
        assert_eq!(them.messages(&them.they.referrer).await[0]["readAt"], Value::Null, "it is being read");
        app.clock().advance(TimeDelta::minutes(5));
        let read = |messages: Value| messages[0]["readAt"].as_str().unwrap().parse::<chrono::DateTime<Utc>>().unwrap();
        assert_eq!(read(them.messages(&them.they.coordinator).await), now);
        assert_eq!(read(them.messages(&them.they.referrer).await), now, "the first time counts");
        let listed = them.they.referrer.ask_with("query($id: ID!) { referral(id: $id) { messages { nodes { sentAt } } } }", json!({ "id": them.referral })).await;
        assert_eq!(listed.data("/referral/messages/nodes").as_array().unwrap().len(), 1);

        let consent = them.they.read(&them.they.referrer, &them.referral).await;
        let consent = them.they.referrer.ask(&format!("{{ referral(id: {}) {{ consent {{ id }} }} }}", consent.data("/referral/id"))).await;
        them.log(&app, "COMPLETED", json!({})).await;
        let revoke = format!("mutation {{ consentRevoke(id: \"{}\", how: \"by telephone\", written: false) {{ userErrors {{ code }} }} }}", consent.text("/referral/consent/id"));
        assert_eq!(them.they.referrer.ask(&revoke).await.user_error_codes(), [""; 0]);
        let planned = them.planned(&app, hours(1)).await;
        let missed = them.log(&app, "NO_SHOW", json!({ "scheduledContactId": planned })).await;
        assert_eq!(missed.user_error_codes(), [""; 0], "support goes on");
        assert_eq!(them.messages(&them.they.coordinator).await.as_array().unwrap().len(), 1, "nothing more goes back");
    }

    async fn only_safe_channels_and_times_are_planned(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        // The test's noon is seven in the morning in New York.
        let cases = [
            ("a text at seven in the evening", hours(12), json!({ "modality": "TEXT" }), None),
            ("a text in the morning", hours(26), json!({ "modality": "TEXT" }), Some(("INVALID", "scheduledFor"))),
            ("a letter, with no address", hours(26), json!({ "modality": "LETTER" }), Some(("INVALID", "modality"))),
            ("a call at any time", hours(17), json!({ "modality": "PHONE" }), None),
            ("to meet", hours(17), json!({ "modality": "IN_PERSON", "outbound": false }), None),
            ("now", hours(0), json!({}), Some(("INVALID", "scheduledFor"))),
            ("yesterday", hours(-24), json!({}), Some(("INVALID", "scheduledFor"))),
            ("in two years", hours(24 * 730), json!({}), Some(("INVALID", "scheduledFor"))),
            ("too many topics", hours(17), json!({ "topics": vec!["a"; 21] }), Some(("TOO_MANY", "topics"))),
            ("an empty topic", hours(17), json!({ "topics": [" "] }), Some(("REQUIRED", "topics"))),
        ];
        let mut expected = 0;
        for (name, ahead, more, refused) in cases {
            let answer = them.plan(&app, ahead, more).await;
            match refused {
                Some((code, field)) => {
                    assert_eq!(answer.user_error_codes(), [code], "{name}: {}", answer.raw);
                    assert_eq!(answer.data("/contactSchedule/userErrors/0/path/1"), &json!(field), "{name}: {}", answer.raw);
                    assert_eq!(answer.data("/contactSchedule/contact"), &Value::Null, "{name}");
                }
                None => {
                    assert_eq!(answer.user_error_codes(), [""; 0], "{name}: {}", answer.raw);
                    expected += 1;
                }
            }
            assert_eq!(app.database.count("FROM contact").await, expected, "{name}");
        }

        let unsafe_next = json!({ "nextContactAt": app.clock().now() + hours(26), "modality": "TEXT" });
        let refused = them.log(&app, "NO_ANSWER", unsafe_next).await;
        assert_eq!((refused.user_error_codes(), refused.text("/contactLog/userErrors/0/path/1")), (vec!["INVALID"], "nextContactAt"));
        assert_eq!(app.database.count("FROM contact").await, expected, "what was logged with it is not there either");
        let next = them.log(&app, "NO_ANSWER", json!({ "nextContactAt": app.clock().now() + hours(26) })).await;
        assert_eq!(next.user_error_codes(), [""; 0], "{}", next.raw);
        assert_eq!(app.database.count("FROM contact").await, expected + 2);
        assert_eq!(them.contacts(&them.they.peer, Some(true)).await["totalCount"], json!(expected + 1));
        let left = them.log(&app, "LEFT_SAFE_MESSAGE", json!({})).await;
        assert_eq!((left.user_error_codes(), left.text("/contactLog/userErrors/0/path/1")), (vec!["INVALID"], "outcome"), "they did not say that one may be left");
    }

    async fn attempts_that_were_not_safe_are_not_what_the_rule_asks_for(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        // The last three are texts in the morning of New York, where only evenings are safe.
        for (ago, modality) in [(11, "PHONE"), (9, "TEXT"), (6, "TEXT"), (0, "TEXT")] {
            let tried = json!({ "startedAt": app.clock().now() - TimeDelta::days(ago), "modality": modality });
            them.log(&app, "NO_ANSWER", tried).await.text("/contactLog/contact/id");
        }
        let ask = format!("mutation {{ referralNotReached(id: \"{}\") {{ workItem {{ id }} userErrors {{ code message }} }} }}", them.referral);
        let few = them.they.peer.ask(&ask).await;
        assert_eq!(few.user_error_codes(), ["ATTEMPTS_TOO_FEW"], "{}", few.raw);
        assert!(few.text("/referralNotReached/userErrors/0/message").contains("4 attempts (there are 1)"), "{}", few.raw);
    }

    async fn what_a_peer_planned_is_called_off_when_they_support_somebody_no_more(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let planned = them.planned(&app, hours(30)).await;
        let other = app.staff_member(&them.they.support, &[entity::vocabulary::Role::Peer]).await;
        let other = app.peer(&them.they.support, other).await;
        let assign = format!("peerId: \"{other}\" clientChose: true");
        assert_eq!(them.they.act(&them.they.coordinator, "referralAssign", &them.referral, &assign).await.user_error_codes(), [""; 0]);
        let contacts = them.contacts(&them.they.coordinator, None).await;
        assert_eq!((&contacts["nodes"][0]["id"], &contacts["nodes"][0]["outcome"]), (&json!(planned), &json!("CANCELLED_BY_PEER")));
        assert_eq!(them.log(&app, "COMPLETED", json!({ "scheduledContactId": planned })).await.user_error_codes(), ["NOT_FOUND"], "they see the client no more");
    }

    async fn plans_are_the_assigned_peers_and_one_clients(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Them::begin(&app).await;
        let planned = them.planned(&app, hours(30)).await;
        let input = json!({ "clientId": them.client, "modality": "PHONE", "scheduledFor": app.clock().now() + hours(3) });
        for (who, expected) in [(&them.they.coordinator, "NOT_PERMITTED"), (&them.they.referrer, "NOT_FOUND")] {
            assert_eq!(who.ask_with(PLAN, json!({ "input": input })).await.user_error_codes(), [expected]);
        }
        let second = them.they.refer(them.they.another(&app)).await.text("/referralCreate/referral/id").to_owned();
        let second_client = them.they.accepted(&second).await;
        them.they.assigned(&second).await;
        let of_another = them.log(&app, "COMPLETED", json!({ "clientId": second_client, "scheduledContactId": planned })).await;
        assert_eq!(of_another.user_error_codes(), ["NOT_FOUND"]);
        for _ in 1..50 {
            them.planned(&app, hours(30)).await;
        }
        assert_eq!(them.plan(&app, hours(30), json!({})).await.user_error_codes(), ["TOO_MANY"]);
    }
}
