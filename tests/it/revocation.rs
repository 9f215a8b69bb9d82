//! A consent is revoked in each state of a referral: what each side sees afterwards, byte for byte (domain 2.3, 3.4).

use kit::{app::TestApp, caller::Answer, handover::Handover, on_both};
use serde_json::{Value, json};

use crate::referral_life::in_state;

/// The states of a submitted referral, and whether the receiver had its own record, and had reached the person.
const STATES: &[(&str, bool, bool)] = &[
    ("SUBMITTED", false, false),
    ("NEEDS_INFO", false, false),
    ("WAITLISTED", false, false),
    ("ACCEPTED", true, false),
    ("ASSIGNED", true, false),
    ("OUTREACH", true, false),
    ("CONNECTED", true, true),
    ("COMPLETED", true, true),
];

async fn revoke(them: &Handover, id: &str) {
    let asked = them.referrer.ask(&format!("{{ referral(id: \"{id}\") {{ consent {{ id }} }} }}")).await;
    let consent = asked.text("/referral/consent/id");
    let document =
        format!("mutation {{ consentRevoke(id: \"{consent}\", how: \"In person\", written: true) {{ userErrors {{ code }} }} }}");
    assert_eq!(them.referrer.ask(&document).await.user_error_codes(), [""; 0]);
}

/// Everything that the clinic can read of one referral, as it came.
async fn told(app: &TestApp, them: &Handover, id: &str) -> String {
    app.sealed().await;
    let mut told = String::new();
    for caller in [&them.referrer, &them.clinic_officer] {
        told += &them.read(caller, id).await.raw;
        let more = "messages { totalCount nodes { body } } episode { id } attempts { totalCount } client { timeline(first: 100) { nodes { kind at } } }";
        let answer = caller.ask(&format!("{{ referral(id: \"{id}\") {{ {more} }} workItems {{ totalCount nodes {{ id }} }} }}")).await;
        assert!(answer.error_codes().is_empty(), "{}", answer.raw);
        told += &answer.raw;
        let events = caller.ask("{ events(last: 100) { nodes { id kind } } }").await;
        let kept: Vec<_> = events.data("/events/nodes").as_array().unwrap().iter().map(Value::to_string).collect();
        told += &kept.join("\n");
    }
    told
}

fn redacted(answer: &Answer) -> Vec<String> {
    let listed = answer.body["extensions"]["redactions"].as_array().map(Vec::as_slice).unwrap_or_default();
    listed
        .iter()
        .map(|one| format!("{} {}", one["path"].as_array().unwrap().last().unwrap().as_str().unwrap(), one["code"].as_str().unwrap()))
        .collect()
}

on_both! {
    async fn in_each_state_a_revocation_closes_what_it_must_and_no_more(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        for (state, accepted, reached) in STATES {
            let id = in_state(&app, &them, state).await;
            let (sent, received) = (them.read(&them.referrer, &id).await, them.read(&them.coordinator, &id).await);
            assert_eq!(sent.text("/referral/progress/status"), *state);

            revoke(&them, &id).await;

            let after = them.read(&them.referrer, &id).await;
            let mut expected = sent.body["data"].clone();
            expected["referral"]["progress"] = Value::Null;
            assert_eq!(after.body["data"], expected, "{state}: the sender keeps what it sent, and hears nothing more");
            assert_eq!(redacted(&after), ["progress CONSENT_REQUIRED"], "{state}");

            let after = them.read(&them.coordinator, &id).await;
            let mut expected = received.body["data"].clone();
            let closed = &["person", "clinical"][..if *accepted { 0 } else { 2 }];
            for gate in closed {
                expected["referral"][gate] = Value::Null;
            }
            if !reached {
                let now = &after.body["data"]["referral"]["progress"];
                let steps = now["history"].as_array().unwrap();
                let last = json!({ "from": state, "to": "CANCELLED", "actorName": "aftercare", "role": null, "reason": "CONSENT_REVOKED", "text": null });
                assert_eq!(steps.last(), Some(&last), "{state}");
                let progress = &mut expected["referral"]["progress"];
                progress["history"].as_array_mut().unwrap().push(last);
                for (field, value) in [("status", json!("CANCELLED")), ("closeReason", json!("CONSENT_REVOKED"))] {
                    progress[field] = value;
                }
                for moved in ["version", "closedAt"] {
                    progress[moved] = now[moved].clone();
                }
            }
            assert_eq!(after.body["data"], expected, "{state}: the receiver");
            assert_eq!(redacted(&after), closed.iter().map(|gate| format!("{gate} CONSENT_REQUIRED")).collect::<Vec<_>>(), "{state}");

            let silent = told(&app, &them, &id).await;
            if *reached {
                let client = after.text("/referral/client/id").to_owned();
                assert_eq!(them.contact(&app, &client, "COMPLETED").await.user_error_codes(), [""; 0], "{state}: support goes on");
                if *state == "CONNECTED" {
                    let done = them.act(&them.peer, "referralComplete", &id, "result: ENGAGED").await;
                    assert_eq!(done.user_error_codes(), [""; 0], "{}", done.raw);
                }
                let said = format!("mutation {{ referralSendMessage(id: \"{id}\", body: \"Hello\") {{ message {{ id }} userErrors {{ code }} }} }}");
                assert_eq!(them.coordinator.ask(&said).await.user_error_codes(), ["CONSENT_REQUIRED"]);
            }
            assert_eq!(told(&app, &them, &id).await, silent, "{state}: not a byte of it reaches the sender");
        }
    }
}
