//! Clocks, work lists and what falls due.

use aftercare::domain::timers::fire_one;
use chrono::{DateTime, TimeDelta, Utc};
use entity::vocabulary::{OrganizationKind, Role, TimerKind};
use futures_util::future::join;
use kit::{app::TestApp, caller::Caller, handover::Handover, on_both};
use serde_json::{Value, json};

/// Everyone, once it is that time: tokens are good for an hour.
async fn begin_at(app: &TestApp, at: &str) -> Handover {
    go_to(app, at);
    Handover::begin(app).await
}

fn go_to(app: &TestApp, at: &str) {
    let at: DateTime<Utc> = at.parse().unwrap();
    app.clock().advance(at - app.clock().now());
}

async fn referred(app: &TestApp, them: &Handover, urgency: &str) -> String {
    let mut input = them.another(app);
    input["urgency"] = json!(urgency);
    them.refer(input).await.text("/referralCreate/referral/id").to_owned()
}

async fn coordinator(app: &TestApp, them: &Handover) -> Caller {
    app.staff(&them.support, &[Role::Coordinator]).await.treating()
}

const CLOCKS: &str = "status overdue clocks { kind startedAt dueAt ceilingAt metAt breachedAt pausedSince policyVersion }";

async fn progress(caller: &Caller, id: &str) -> Value {
    caller.ask(&format!("{{ referral(id: \"{id}\") {{ progress {{ {CLOCKS} }} }} }}")).await.data("/referral/progress").clone()
}

fn clock<'a>(progress: &'a Value, kind: &str) -> &'a Value {
    progress["clocks"].as_array().unwrap().iter().find(|clock| clock["kind"] == kind).unwrap_or(&Value::Null)
}

fn at(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap_or_else(|| panic!("an instant: {value}")).parse().unwrap()
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The open work of somebody, as kind and what it closes with.
async fn work(caller: &Caller) -> Vec<String> {
    let query = "{ workItems(filter: { open: true }) { nodes { kind because closesWhen dueAt overdue subject { __typename id } } } }";
    let answer = caller.ask(query).await;
    let nodes = answer.data("/workItems/nodes").as_array().unwrap();
    nodes.iter().map(|item| item["kind"].as_str().unwrap().to_owned()).collect()
}

async fn events(app: &TestApp, kinds: &[&str]) -> Vec<String> {
    let kinds: Vec<_> = kinds.iter().map(|kind| format!("'{kind}'")).collect();
    app.sealed().await;
    app.database.texts(&format!("SELECT kind FROM event WHERE kind IN ({}) ORDER BY position", kinds.join(", "))).await
}

on_both! {
    async fn an_urgent_discharge_on_friday_evening_is_answered_within_staffed_hours(db: TestDatabase) {
        let app = TestApp::start(db).await;
        // Six in the evening in New York; on Sunday its clocks are put forward.
        let them = begin_at(&app, "2026-03-06T23:00:00Z").await;
        let id = referred(&app, &them, "URGENT").await;

        let told = progress(&them.referrer, &id).await;
        let answer = clock(&told, "ACKNOWLEDGE");
        assert_eq!(at(&answer["dueAt"]), instant("2026-03-09T17:00:00Z"), "four staffed hours from Monday at nine: {told}");
        assert_eq!(at(&clock(&told, "FIRST_ATTEMPT")["dueAt"]), instant("2026-03-07T23:00:00Z"));
        assert_eq!(at(&clock(&told, "FIRST_CONTACT")["startedAt"]), instant("2026-03-06T21:00:00Z"), "from discharge");
        assert_eq!((clock(&told, "ENGAGE"), &told["overdue"]), (&Value::Null, &json!(false)));
        assert_eq!(app.fire_timers().await, 0, "while no time passes, nothing happens");

        go_to(&app, "2026-03-09T15:30:00Z");
        app.fire_timers().await;
        let casey = coordinator(&app, &them).await;
        let mut open = work(&casey).await;
        open.sort();
        assert_eq!(open, ["CLOCK_BREACHED", "CLOCK_DUE", "CLOCK_DUE"], "the attempt is late, the answer and the contact are half-way");
        let late = progress(&casey, &id).await;
        assert_eq!((&late["overdue"], &late["status"]), (&json!(true), &json!("SUBMITTED")), "a breach changes no referral");
        let found = casey.ask("{ late: referrals(filter: { overdue: true }) { totalCount } on: referrals(filter: { overdue: false }) { totalCount }
            due: referrals(orderBy: { field: DUE_AT, direction: ASC }) { nodes { id } } }").await;
        assert_eq!((found.data("/late/totalCount"), found.data("/on/totalCount")), (&json!(1), &json!(0)), "{}", found.raw);
        assert_eq!(found.text("/due/nodes/0/id"), id);

        let accepted = them.act(&casey, "referralAccept", &id, "").await;
        assert_eq!(accepted.user_error_codes(), [""; 0], "{}", accepted.raw);
        let met = progress(&casey, &id).await;
        assert_eq!(at(&clock(&met, "ACKNOWLEDGE")["metAt"]), instant("2026-03-09T15:30:00Z"));
        let mut open = work(&casey).await;
        open.sort();
        assert_eq!(open, ["CLOCK_BREACHED", "CLOCK_DUE"], "what was to be answered is answered");
        let referrer = app.staff(&them.clinic, &[Role::Referrer]).await.treating();
        assert_eq!(progress(&referrer, &id).await["overdue"], json!(true), "the sender is told as far as consent goes");
        assert_eq!(work(&referrer).await, [""; 0], "and the receiver's work is the receiver's");
    }

    async fn a_question_stops_the_clock_and_the_answer_lets_it_go_on(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = begin_at(&app, "2026-03-02T15:00:00Z").await;
        let id = referred(&app, &them, "URGENT").await;
        assert_eq!(at(&clock(&progress(&them.coordinator, &id).await, "ACKNOWLEDGE")["dueAt"]), instant("2026-03-02T19:00:00Z"));
        go_to(&app, "2026-03-02T15:30:00Z");
        them.act(&them.coordinator, "referralRequestInfo", &id, "fields: [\"phone\"] text: \"Which?\"").await;

        let asked = progress(&them.coordinator, &id).await;
        assert_eq!(at(&clock(&asked, "ACKNOWLEDGE")["pausedSince"]), instant("2026-03-02T15:30:00Z"));
        assert_eq!(work(&them.referrer).await, ["INFO_REQUESTED"]);
        assert_eq!(work(&them.coordinator).await, [""; 0]);
        // Half an hour of four was used: three and a half go on, on Thursday from noon.
        go_to(&app, "2026-03-05T17:00:00Z");
        app.fire_timers().await;
        let referrer = app.staff(&them.clinic, &[Role::Referrer]).await.treating();
        them.act(&referrer, "referralAnswerInfo", &id, "text: \"The first\"").await;
        let on = progress(&referrer, &id).await;
        assert_eq!(clock(&on, "ACKNOWLEDGE")["pausedSince"], Value::Null);
        assert_eq!(at(&clock(&on, "ACKNOWLEDGE")["dueAt"]), instant("2026-03-05T20:30:00Z"), "{on}");
        assert_eq!(work(&referrer).await, [""; 0], "the answer closes it");
        assert_eq!(app.database.count("FROM work_item WHERE kind = 'CLOCK_BREACHED' AND clock = 'ACKNOWLEDGE'").await, 0);
    }

    async fn what_was_missed_is_done_in_order_and_what_lies_idle_ends(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = begin_at(&app, "2026-03-02T15:00:00Z").await;
        let id = referred(&app, &them, "ROUTINE").await;
        go_to(&app, "2026-03-30T15:00:00Z");

        // The log is sealed after each: at one and the same instant of the test's clock it keeps no order of its own.
        let mut fired = 0;
        while fire_one(&app.store, &*app.renders(), &*app.reads(), TimerKind::ALL).await.unwrap().is_some() {
            app.sealed().await;
            fired += 1;
        }
        assert!(fired > 6);
        assert_eq!(app.fire_timers().await, 0, "each once");

        let happened = events(&app, &["CLOCK_WARNING", "CLOCK_BREACHED", "REFERRAL_STATUS_CHANGED"]).await;
        assert_eq!(happened.last().map(String::as_str), Some("REFERRAL_STATUS_CHANGED"), "{happened:?}");
        let warned = happened.iter().position(|kind| kind == "CLOCK_WARNING").unwrap();
        let breached = happened.iter().position(|kind| kind == "CLOCK_BREACHED").unwrap();
        assert!(warned < breached, "{happened:?}");
        let casey = coordinator(&app, &them).await;
        let ended = progress(&casey, &id).await;
        assert_eq!((&ended["status"], &ended["overdue"]), (&json!("EXPIRED"), &json!(false)));
        assert_eq!(at(&clock(&ended, "ACKNOWLEDGE")["breachedAt"]), at(&clock(&ended, "ACKNOWLEDGE")["dueAt"]), "when it was due, not when it was seen");
        assert_eq!(work(&casey).await, [""; 0], "what is over needs nothing more");
        assert_eq!(app.database.count("FROM timer WHERE kind NOT IN ('CONSENT_EXPIRY', 'PROGRAM_CAPACITY')").await, 0);
        let last = casey.ask(&format!("{{ referral(id: \"{id}\") {{ progress {{ history {{ to role actorName }} }} }} }}")).await;
        assert_eq!(last.data("/referral/progress/history/2"), &json!({ "to": "EXPIRED", "role": null, "actorName": "aftercare" }));
    }

    async fn a_place_on_the_waiting_list_and_a_hold_are_looked_at_again(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = begin_at(&app, "2026-03-02T15:00:00Z").await;
        let waiting = referred(&app, &them, "ROUTINE").await;
        them.act(&them.coordinator, "referralWaitlist", &waiting, "text: \"Full\" nextReviewAt: \"2026-03-06T15:00:00Z\"").await;
        let held = referred(&app, &them, "ROUTINE").await;
        them.accepted(&held).await;
        them.act(&them.coordinator, "referralHold", &held, "text: \"Away\" reviewAt: \"2026-03-06T16:00:00Z\"").await;
        let due = at(&clock(&progress(&them.coordinator, &held).await, "FIRST_ATTEMPT")["dueAt"]);
        go_to(&app, "2026-03-06T15:59:00Z");
        app.fire_timers().await;
        let casey = coordinator(&app, &them).await;
        assert!(work(&casey).await.contains(&"WAITLIST_REVIEW".to_owned()));
        assert!(!work(&casey).await.contains(&"HOLD_REVIEW".to_owned()));
        go_to(&app, "2026-03-06T16:00:00Z");
        app.fire_timers().await;
        assert!(work(&casey).await.contains(&"HOLD_REVIEW".to_owned()));

        them.act(&casey, "referralResume", &held, "").await;
        them.act(&casey, "referralAccept", &waiting, "").await;
        assert!(!work(&casey).await.iter().any(|kind| kind.ends_with("REVIEW")), "going on closes it");
        let after = at(&clock(&progress(&casey, &held).await, "FIRST_ATTEMPT")["dueAt"]);
        assert_eq!(after - due, instant("2026-03-06T16:00:00Z") - instant("2026-03-02T15:00:00Z"), "by as long as it was held");
    }

    async fn who_cannot_be_reached_is_let_go_by_two_people(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = begin_at(&app, "2026-03-02T15:00:00Z").await;
        let id = referred(&app, &them, "ROUTINE").await;
        let client = them.accepted(&id).await;
        them.assigned(&id).await;
        let ask = "mutation($id: ID!) { referralNotReached(id: $id, text: \"Four calls\") { referral { progress { status } }
            workItem { id kind requestedBy note } userErrors { code message } } }";
        let attempt = async |peer: &Caller, at: &str, modality: &str, outcome: &str| {
            let log = "mutation($input: ContactLogInput!) { contactLog(input: $input) { contact { id } userErrors { code message } } }";
            let input = json!({ "clientId": client, "modality": modality, "outcome": outcome, "startedAt": at });
            peer.ask_with(log, json!({ "input": input })).await.text("/contactLog/contact/id");
        };
        let early = them.peer.ask_with(ask, json!({ "id": id })).await;
        assert_eq!(early.user_error_codes(), ["INVALID_TRANSITION"], "nobody was tried: {}", early.raw);
        attempt(&them.peer, "2026-03-02T14:50:00Z", "PHONE", "NO_ANSWER").await;
        let few = them.peer.ask_with(ask, json!({ "id": id })).await;
        assert_eq!(few.user_error_codes(), ["ATTEMPTS_TOO_FEW"]);
        assert!(few.text("/referralNotReached/userErrors/0/message").contains("4 attempts (there are 1)"), "{}", few.raw);
        go_to(&app, "2026-03-13T15:00:00Z");
        let peer = app.token_of(them.peer_staff, &them.support, &[Role::Peer]).treating();
        attempt(&peer, "2026-03-04T22:00:00Z", "IN_PERSON", "NO_ANSWER").await;
        attempt(&peer, "2026-03-09T15:00:00Z", "PHONE", "NO_ANSWER").await;
        attempt(&peer, "2026-03-13T14:50:00Z", "PHONE", "LEFT_SAFE_MESSAGE").await;
        let asked = peer.ask_with(ask, json!({ "id": id })).await;
        assert_eq!(asked.user_error_codes(), [""; 0], "{}", asked.raw);
        assert_eq!(asked.text("/referralNotReached/referral/progress/status"), "OUTREACH", "not before somebody else agrees");
        let item = asked.text("/referralNotReached/workItem/id").to_owned();
        assert_eq!(asked.text("/referralNotReached/workItem/note"), "Four calls");

        let (casey, sam) = (coordinator(&app, &them).await, app.staff(&them.support, &[Role::Supervisor]).await.treating());
        let approve = format!("mutation {{ workItemApprove(id: \"{item}\") {{ workItem {{ decision closedAt }} userErrors {{ code }} }} }}");
        let reject = format!("mutation {{ workItemReject(id: \"{item}\", note: \"\") {{ workItem {{ id }} userErrors {{ code }} }} }}");
        assert_eq!(casey.ask(&approve).await.user_error_codes(), ["NOT_PERMITTED"]);
        assert_eq!(peer.ask(&approve).await.user_error_codes(), ["NOT_PERMITTED"]);
        assert_eq!(sam.ask(&reject).await.user_error_codes(), ["REQUIRED"]);
        let (first, second) = join(sam.ask(&approve), sam.ask(&approve)).await;
        let mut codes = [first.user_error_codes(), second.user_error_codes()].concat();
        codes.sort_unstable();
        assert_eq!(codes.len(), 1, "of two at once one decides: {codes:?}");
        let closed = casey.ask(&format!("{{ referral(id: \"{id}\") {{ progress {{ status history {{ to role text }} }} }} }}")).await;
        assert_eq!(closed.text("/referral/progress/status"), "NOT_REACHED");
        assert_eq!(closed.data("/referral/progress/history/5"), &json!({ "to": "NOT_REACHED", "role": "SUPERVISOR", "text": "Four calls" }), "{}", closed.raw);
        assert_eq!(app.database.count("FROM peer_match WHERE status = 'ACTIVE'").await, 0);
        assert_eq!(work(&casey).await, [""; 0]);
    }

    async fn work_is_given_to_who_works_there_and_told_as_it_happens(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = begin_at(&app, "2026-03-02T15:00:00Z").await;
        referred(&app, &them, "URGENT").await;
        let after = them.coordinator.ask("{ viewer { eventCursor } }").await.text("/viewer/eventCursor").to_owned();
        go_to(&app, "2026-03-02T15:50:00Z");
        them.act(&them.coordinator, "referralRequestInfo", &referred(&app, &them, "ROUTINE").await, "fields: [\"phone\"] text: \"Which?\"").await;
        let list = "{ workItems { nodes { id assignee { displayName } } } }";
        let item = them.referrer.ask(list).await.text("/workItems/nodes/0/id").to_owned();
        let colleague = app.staff_member(&them.clinic, &[Role::Referrer]).await;
        let assign = |to: &str| format!("mutation {{ workItemAssign(id: \"{item}\", staffMemberId: \"{to}\") {{ workItem {{ assignee {{ displayName }} version }} userErrors {{ code }} }} }}");
        assert_eq!(them.referrer.ask(&assign(&colleague.to_string())).await.user_error_codes(), ["NOT_PERMITTED"]);
        let manager = app.staff(&them.clinic, &[Role::Coordinator]).await.treating();
        assert_eq!(manager.ask(&assign(&them.peer_staff.to_string())).await.user_error_codes(), ["NOT_FOUND"]);
        let given = manager.ask(&assign(&colleague.to_string())).await;
        assert_eq!(given.data("/workItemAssign/workItem"), &json!({ "assignee": { "displayName": "Somebody" }, "version": 2 }), "{}", given.raw);
        assert_eq!(them.coordinator.ask(list).await.data("/workItems/nodes"), &json!([]), "the other side's work is not there");

        app.sealed().await;
        let cursor = them.referrer.ask("{ viewer { eventCursor } }").await;
        assert_ne!(cursor.text("/viewer/eventCursor"), after);
        let start = app.store.event_cursor(&aftercare::access::Access { organization: Some(them.clinic.organization), ..app.system() }, 0).unwrap();
        let heard = them.referrer.follow(&format!("subscription {{ workItemChanged(after: \"{start}\") {{ event {{ kind }} workItem {{ kind }} }} }}"), std::time::Duration::from_secs(2)).await;
        assert!(heard.raw.contains("WORK_ITEM_OPENED") && heard.raw.contains("WORK_ITEM_CHANGED") && heard.raw.contains("INFO_REQUESTED"), "{}", heard.raw);
    }

    async fn two_replicas_do_each_thing_once(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = begin_at(&app, "2026-03-02T15:00:00Z").await;
        for _ in 0..12 {
            referred(&app, &them, "URGENT").await;
        }
        let other = app.replica().await;
        go_to(&app, "2026-03-05T15:00:00Z");
        let (here, there) = join(app.fire_timers(), other.fire_timers()).await;
        assert!(here + there >= 12 * 6, "{here} and {there}");
        let count = async |kind: &str, changed: &str| app.database.count(&format!("FROM event WHERE kind = '{kind}' AND CAST(changed AS TEXT) LIKE '%{changed}%'")).await;
        assert_eq!(count("CLOCK_WARNING", "ACKNOWLEDGE").await, 12);
        assert_eq!(count("CLOCK_BREACHED", "ACKNOWLEDGE\", \"due").await + count("CLOCK_BREACHED", "ACKNOWLEDGE\",\"due").await, 12);
        assert_eq!(app.database.count("FROM work_item WHERE kind = 'CLOCK_BREACHED' AND clock = 'ACKNOWLEDGE' AND closed_at IS NULL").await, 12);
        assert!(other.store.clock().now() - instant("2026-03-05T15:00:00Z") < TimeDelta::minutes(1), "they share the clock");
    }

    async fn a_due_time_moves_by_a_pause_and_by_nothing_else(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let mut random = 20_261_125_u64;
        let mut roll = |sides: usize| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize % sides
        };
        let mut moves = 0;
        for walk in 0..8 {
            let home = async |name: &str, kind| app.home(&format!("{name} {walk}"), kind).await;
            let clinic = home("Harbor", OrganizationKind::TreatmentProvider).await;
            let them = Handover::between(&app, clinic, home("Open Door", OrganizationKind::RecoveryCommunityOrganization).await).await;
            let id = referred(&app, &them, if walk % 2 == 0 { "URGENT" } else { "ROUTINE" }).await;
            let mut before = progress(&them.coordinator, &id).await;
            for _ in 0..24 {
                let soon = (app.clock().now() + TimeDelta::days(2)).to_rfc3339();
                let peer = format!("peerId: \"{}\" clientChose: false", them.peer_id);
                let acts: [(&Caller, &str, String); 9] = [
                    (&them.coordinator, "referralRequestInfo", "fields: [\"phone\"] text: \"Which?\"".to_owned()),
                    (&them.referrer, "referralAnswerInfo", "text: \"The first\"".to_owned()),
                    (&them.coordinator, "referralAccept", String::new()),
                    (&them.coordinator, "referralWaitlist", format!("text: \"Full\" nextReviewAt: \"{soon}\"")),
                    (&them.coordinator, "referralAssign", peer),
                    (&them.coordinator, "referralUnassign", "text: \"On leave\"".to_owned()),
                    (&them.coordinator, "referralHold", format!("text: \"Away\" reviewAt: \"{soon}\"")),
                    (&them.coordinator, "referralResume", String::new()),
                    (&them.peer, "contact", ["NO_ANSWER", "COMPLETED"][roll(2)].to_owned()),
                ];
                let (caller, act, more) = &acts[roll(acts.len())];
                let client = them.read(&them.coordinator, &id).await.body.pointer("/data/referral/client/id").and_then(Value::as_str).map(str::to_owned);
                let answer = match (*act, client) {
                    ("contact", Some(client)) => them.contact(&app, &client, more).await,
                    ("contact", None) => continue,
                    _ => them.act(caller, act, &id, more).await,
                };
                let moved = answer.user_error_codes().is_empty();
                moves += usize::from(moved);
                let paused = |state: &Value| ["NEEDS_INFO", "ON_HOLD"].iter().any(|status| state["status"] == *status);
                let happened = "FROM event WHERE kind <> 'PROGRAM_CAPACITY_CHANGED'";
                let events = app.database.count(happened).await;
                assert_eq!(app.fire_timers().await, 0, "while no time passes, nothing happens");
                assert_eq!(app.database.count(happened).await, events);
                app.clock().advance(TimeDelta::minutes(1));
                let after = progress(&them.coordinator, &id).await;
                for was in before["clocks"].as_array().unwrap() {
                    let now = clock(&after, was["kind"].as_str().unwrap());
                    for kept in ["startedAt", "policyVersion", "breachedAt"] {
                        assert_eq!(now[kept], was[kept], "{act} {kept}: {before} {after}");
                    }
                    if !was["metAt"].is_null() {
                        assert_eq!(now["metAt"], was["metAt"], "{act}: what is met stays met");
                    }
                    let late = |clock: &Value| clock["dueAt"].as_str().map(instant);
                    match paused(&before) || paused(&after) {
                        true => assert!(late(now).is_none() || late(was).is_none() || late(now) >= late(was), "{act}: {before} {after}"),
                        false => assert_eq!(now["dueAt"], was["dueAt"], "{act}: {before} {after}"),
                    }
                }
                before = after;
            }
        }
        assert!(moves > 30, "the walks get somewhere: {moves}");
    }
}
