//! Somebody comes back: after support has ended and a return to use, the same centre refers them to the same program again (domain 2.9).

use chrono::{DateTime, TimeDelta, Utc};
use entity::vocabulary::Role;
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    handover::Handover,
    on_both,
};
use serde_json::{Value, json};

const FIRST: &str = "Wants a peer who knows the evenings";
const AGAIN: &str = "A return to use in the spring; wants to go on where they were";

/// Words that no text for people has (domain 1: return to use, never judgement).
const NEVER: &[&str] = &["relaps", "addict", "abus", "failure", "failed", "lost", "complian", "dirty", "drop"];

/// Two referrals of one person, the second of which waits for an answer.
struct Story {
    them: Handover,
    theirs: String,
    ours: String,
    first: String,
    second: String,
}

impl Story {
    /// The first referral, from its beginning to the end of the support that it led to, under a consent that ends with the referral.
    async fn ended(app: &TestApp) -> (Handover, [String; 3]) {
        let them = Handover::begin(app).await;
        let mut input = them.referral(app);
        input["consent"].as_object_mut().unwrap().remove("expiresAt");
        input["consent"]["expiryEvent"] = json!("REFERRAL_CLOSES");
        let made = them.refer(input).await;
        let first = made.text("/referralCreate/referral/id").to_owned();
        let theirs = made.text("/referralCreate/referral/client/id").to_owned();
        let ours = them.accepted(&first).await;
        them.assigned(&first).await;
        them.contact(app, &ours, "COMPLETED").await.text("/contactLog/contact/id");
        let done = them.act(&them.peer, "referralComplete", &first, "result: ENGAGED").await;
        assert_eq!(done.text("/referralComplete/referral/progress/status"), "COMPLETED");
        let episode = episodes(&them.supervisor, &ours).await[0]["id"].as_str().unwrap().to_owned();
        let end =
            format!("mutation {{ episodeEnd(id: \"{episode}\", reason: LOST_CONTACT) {{ episode {{ status }} userErrors {{ code }} }} }}");
        assert_eq!(them.supervisor.ask(&end).await.text("/episodeEnd/episode/status"), "ENDED");
        (them, [theirs, ours, first])
    }

    /// Months later they are discharged again, and referred under a new consent.
    async fn again(app: &TestApp) -> Self {
        let (before, [theirs, ours, first]) = Self::ended(app).await;
        app.clock().advance(TimeDelta::days(90));
        let them = later(app, before).await;
        let made = them.refer(once_more(app, &them, &theirs, &first)).await;
        assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
        let second = made.text("/referralCreate/referral/id").to_owned();
        Self { them, theirs, ours, first, second }
    }
}

/// The same peer, and everyone with tokens of today.
async fn later(app: &TestApp, before: Handover) -> Handover {
    let peer = app.token_of(before.peer_staff, &before.support, &[Role::Peer]).treating();
    let them = Handover::between(app, before.clinic.clone(), before.support.clone()).await;
    Handover { peer, peer_id: before.peer_id, peer_staff: before.peer_staff, ..them }
}

fn once_more(app: &TestApp, them: &Handover, client: &str, earlier: &str) -> Value {
    let mut input = them.referral(app);
    input.as_object_mut().unwrap().remove("client");
    input["clientId"] = json!(client);
    input["reReferralOfId"] = json!(earlier);
    input["reason"] = json!(AGAIN);
    input["externalIdentifiers"] = json!([{ "system": "harbor", "value": "episode-18" }]);
    input
}

async fn episodes(caller: &Caller, client: &str) -> Vec<Value> {
    let query = format!(
        "{{ client(id: \"{client}\") {{ care {{ currentEpisode {{ id }} episodes {{ nodes {{ id status endReason referral {{ id }} }} }} }} }} }}"
    );
    caller.ask(&query).await.data("/client/care/episodes/nodes").as_array().unwrap().clone()
}

/// Everything that is told in words about a client to somebody who works with them.
async fn words(caller: &Caller, referrals: [&str; 2], client: &str) -> Vec<String> {
    let [one, two] = referrals;
    let asked = format!(
        "{{ client(id: \"{client}\") {{ timeline(first: 100) {{ nodes {{ summary }} }} }}
            workItems(first: 100) {{ nodes {{ because closesWhen }} }}
            one: referral(id: \"{one}\") {{ messages {{ nodes {{ body }} }} }} two: referral(id: \"{two}\") {{ messages {{ nodes {{ body }} }} }} }}"
    );
    let answer = caller.ask(&asked).await;
    assert!(answer.error_codes().is_empty(), "{}", answer.raw);
    let mut told = Vec::new();
    texts(&answer.body["data"], &mut told);
    told
}

fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(all) => all.iter().for_each(|one| texts(one, into)),
        Value::Object(fields) => fields.values().for_each(|one| texts(one, into)),
        _ => {}
    }
}

/// The clocks of a referral: which, when they began, and whether they were met.
async fn clocks(caller: &Caller, referral: &str) -> Vec<(String, DateTime<Utc>, bool)> {
    let answer = caller.ask(&format!("{{ referral(id: \"{referral}\") {{ progress {{ clocks {{ kind startedAt metAt }} }} }} }}")).await;
    let all = answer.data("/referral/progress/clocks").as_array().unwrap().iter();
    all.map(|clock| {
        (clock["kind"].as_str().unwrap().to_owned(), clock["startedAt"].as_str().unwrap().parse().unwrap(), clock["metAt"].is_string())
    })
    .collect()
}

fn progress(answer: &Answer) -> &Value {
    answer.data("/referral/progress")
}

on_both! {
    async fn whoever_comes_back_is_the_same_person_with_all_that_was(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, first, second, .. } = Story::again(&app).await;
        let read = them.coordinator.ask(&format!("{{ referral(id: \"{second}\") {{ reReferralOf {{ id }} clinical {{ reason }} }} }}")).await;
        assert_eq!((read.text("/referral/reReferralOf/id"), read.text("/referral/clinical/reason")), (&*first, AGAIN));
        assert_eq!(app.database.count("FROM client").await, 2, "each side knows one person");
        let ended = episodes(&them.supervisor, &ours).await;
        assert_eq!((ended.len(), &ended[0]["status"], &ended[0]["endReason"]), (1, &json!("ENDED"), &json!("LOST_CONTACT")));
        assert_eq!(them.peer.ask(&format!("{{ client(id: \"{ours}\") {{ id }} }}")).await.data("/client"), &Value::Null, "they support nobody now");

        assert_eq!(them.accepted(&second).await, ours, "the record of before");

        assert_eq!(app.database.count("FROM client").await, 2);
        let work = them.coordinator.ask("{ workItems(filter: { kinds: [POSSIBLE_DUPLICATE] }) { totalCount } }").await;
        assert_eq!(work.data("/workItems/totalCount"), &json!(0), "nobody looks like somebody else");
        let both = them.coordinator.ask(&format!("{{ client(id: \"{ours}\") {{ referrals {{ nodes {{ id progress {{ status }} }} }} }} }}")).await;
        assert_eq!(both.data("/client/referrals/nodes"), &json!([
            { "id": second, "progress": { "status": "ACCEPTED" } }, { "id": first, "progress": { "status": "COMPLETED" } },
        ]));
        let before = them.read(&them.coordinator, &first).await;
        assert_eq!((before.text("/referral/clinical/reason"), before.text("/referral/person/givenName")), (FIRST, "Ada"));
        let reopened = them.act(&them.coordinator, "referralAccept", &first, "").await;
        assert_eq!(reopened.user_error_codes(), ["INVALID_TRANSITION"], "what is closed stays closed");

        // The peer of before is offered and not imposed.
        assert_eq!(progress(&them.read(&them.coordinator, &second).await)["peer"], Value::Null);
        let asked = format!("{{ client(id: \"{ours}\") {{ care {{ assignments {{ nodes {{ status peer {{ id }} }} }} contacts {{ nodes {{ note }} }} }} }} }}");
        let pairings = them.supervisor.ask(&asked).await;
        assert_eq!(pairings.data("/client/care/assignments/nodes"), &json!([{ "status": "ENDED", "peer": { "id": them.peer_id } }]));
        them.assigned(&second).await;
        assert_eq!(them.peer.ask(&asked).await.data("/client/care/contacts/nodes"), &json!([{ "note": "Spoke of the garden" }]), "they read what they had written");
        them.contact(&app, &ours, "COMPLETED").await.text("/contactLog/contact/id");

        let support = episodes(&them.supervisor, &ours).await;
        let of: Vec<_> = support.iter().map(|one| (one["status"].as_str().unwrap(), one["referral"]["id"].as_str().unwrap())).collect();
        assert_eq!(of, [("ENDED", &*first), ("ACTIVE", &*second)], "support begins anew, and what was stays as it was");
        let current = them.supervisor.ask(&format!("{{ client(id: \"{ours}\") {{ care {{ currentEpisode {{ referral {{ id }} }} }} }} }}")).await;
        assert_eq!(current.text("/client/care/currentEpisode/referral/id"), second);
        for sees in [&them.referrer, &them.coordinator] {
            assert_eq!(sees.ask("{ referrals { totalCount } }").await.data("/referrals/totalCount"), &json!(2), "it is counted as new");
        }
    }

    async fn clocks_start_anew(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, first, second, .. } = Story::again(&app).await;
        let now = app.clock().now();
        let (before, anew) = (clocks(&them.coordinator, &first).await, clocks(&them.coordinator, &second).await);
        assert!(before.iter().any(|(kind, _, met)| kind == "FIRST_CONTACT" && *met), "{before:?}");
        assert!(before.iter().all(|(_, started, _)| *started < now - TimeDelta::days(80)), "{before:?}");
        let kinds: Vec<_> = anew.iter().map(|(kind, ..)| kind.as_str()).collect();
        assert_eq!(kinds, ["ACKNOWLEDGE", "FIRST_ATTEMPT", "FIRST_CONTACT"]);
        assert!(anew.iter().all(|(_, started, met)| *started > now - TimeDelta::days(1) && !met), "{anew:?}");
        let started = &before.clone();
        assert_eq!(&clocks(&them.coordinator, &first).await, started, "those of before stand still");
    }

    async fn one_is_open_at_a_time(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, theirs, first, second, ours } = Story::again(&app).await;
        let rows = async || (app.database.count("FROM referral").await, app.database.count("FROM consent").await, app.database.count("FROM event").await);
        app.sealed().await;
        let before = rows().await;
        for accepted in [false, true] {
            let third = them.refer(once_more(&app, &them, &theirs, &first)).await;
            assert_eq!(third.user_error_codes(), ["DUPLICATE_OPEN_REFERRAL"], "{}", third.raw);
            let error = third.data("/referralCreate/userErrors/0");
            assert_eq!((&error["existing"]["id"], &error["path"]), (&json!(second), &json!(["input", "toProgramId"])));
            assert_eq!(them.refer(once_more(&app, &them, &theirs, &second)).await.user_error_codes(), ["INVALID"], "an open one is gone on with");
            if !accepted {
                assert_eq!(rows().await, before, "nothing is left of it");
                assert_eq!(them.accepted(&second).await, ours);
            }
        }
        let left = them.act(&them.coordinator, "referralClientDeclines", &second, "reason: NOT_NOW").await;
        assert_eq!(left.user_error_codes(), [""; 0], "{}", left.raw);
        let third = them.refer(once_more(&app, &them, &theirs, &second)).await;
        assert_eq!(third.user_error_codes(), [""; 0], "the door stays open: {}", third.raw);
        assert_eq!(them.accepted(third.text("/referralCreate/referral/id")).await, ours);
    }

    async fn each_side_sees_what_the_consents_let_it(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (before, [theirs, ours, first]) = Story::ended(&app).await;
        let closed = before.read(&before.referrer, &first).await;
        assert_eq!(progress(&closed), &Value::Null, "the first consent ended with the referral: {}", closed.raw);
        assert_eq!(closed.body["extensions"]["redactions"][0]["code"], "CONSENT_REQUIRED");
        assert_eq!(closed.text("/referral/clinical/reason"), FIRST, "what they sent is their own");
        app.clock().advance(TimeDelta::days(90));
        let them = later(&app, before).await;
        let query = format!("{{ referral(id: \"{first}\") {{ progress {{ status }} messages {{ totalCount }} }} }}");
        let still = them.referrer.ask(&query).await;
        assert_eq!((still.data("/referral/progress"), still.data("/referral/messages")), (&Value::Null, &Value::Null));

        // The new one tells the receiver who they are and the facts, and nothing back.
        let mut narrow = once_more(&app, &them, &theirs, &first);
        narrow["consent"]["dataClasses"] = json!(["IDENTITY", "REFERRAL_CLINICAL"]);
        let second = them.refer(narrow).await.text("/referralCreate/referral/id").to_owned();
        let offered = them.read(&them.coordinator, &second).await;
        assert_eq!((offered.text("/referral/person/givenName"), progress(&offered)["status"].as_str()), ("Ada", Some("SUBMITTED")));
        assert_eq!(them.accepted(&second).await, ours);
        for id in [&first, &second] {
            let told = them.read(&them.referrer, id).await;
            assert_eq!(progress(&told), &Value::Null, "nothing flows back: {}", told.raw);
            assert!(!told.raw.contains(&ours) && !told.raw.contains("LOST_CONTACT"), "{}", told.raw);
            assert!(progress(&them.read(&them.coordinator, id).await)["status"].is_string(), "how it goes is the receiver's own");
        }
        let events = them.referrer.ask("{ events(first: 100) { nodes { kind organization { name } } } }").await;
        assert!(!events.raw.contains("EPISODE") && !events.raw.contains("CONTACT"), "{}", events.raw);

        // A consent that lets the receiver tell lets it tell of both: the person means how they are, not a number.
        let record = "mutation($input: ConsentRecordInput!) { consentRecord(input: $input) { consent { id } userErrors { message } } }";
        let wide = json!({ "input": { "clientId": ours, "consent": them.consent(&app) } });
        them.coordinator.ask_with(record, wide).await.text("/consentRecord/consent/id");
        for (id, status) in [(&first, "COMPLETED"), (&second, "ACCEPTED")] {
            assert_eq!(progress(&them.read(&them.referrer, id).await)["status"], json!(status));
        }
    }

    async fn nobody_is_spoken_of_with_judgement(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let Story { them, ours, first, second, theirs } = Story::again(&app).await;
        them.accepted(&second).await;
        them.assigned(&second).await;
        them.contact(&app, &ours, "NO_SHOW").await.text("/contactLog/contact/id");
        app.clock().advance(TimeDelta::days(4));
        app.fire_timers().await;
        let them = later(&app, them).await;
        app.sealed().await;
        let mut told = words(&them.supervisor, [&first, &second], &ours).await;
        assert!(told.len() > 15, "{told:?}");
        told.extend(words(&them.referrer, [&first, &second], &theirs).await);
        texts(&them.refer(once_more(&app, &them, &theirs, &first)).await.body, &mut told);
        for text in &told {
            let never = NEVER.iter().find(|word| text.to_lowercase().contains(**word));
            assert_eq!(never, None, "{text}");
        }
    }

    async fn whoever_was_erased_comes_as_somebody_new(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let (before, [theirs, ours, first]) = Story::ended(&app).await;
        let erase = format!("mutation {{ clientErase(id: \"{ours}\", reason: \"Asked for it\") {{ userErrors {{ code message }} }} }}");
        assert_eq!(before.officer.ask(&erase).await.user_error_codes(), [""; 0]);
        app.clock().advance(TimeDelta::days(90));
        let them = later(&app, before).await;
        let second = them.refer(once_more(&app, &them, &theirs, &first)).await.text("/referralCreate/referral/id").to_owned();

        let anew = them.accepted(&second).await;

        assert_ne!(anew, ours, "nothing is added to what was erased");
        let read = them.coordinator.ask(&format!("{{ client(id: \"{anew}\") {{ erasedAt identity {{ givenName }} care {{ episodes {{ totalCount }} }} }} }}")).await;
        assert_eq!(read.data("/client"), &json!({ "erasedAt": null, "identity": { "givenName": "Ada" }, "care": { "episodes": { "totalCount": 0 } } }));
        them.assigned(&second).await;
        assert_eq!(them.contact(&app, &anew, "COMPLETED").await.user_error_codes(), [""; 0]);
        assert_eq!(progress(&them.read(&them.referrer, &second).await)["status"], "CONNECTED");
    }
}
