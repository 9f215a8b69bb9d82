//! The whole life of a referral: who moves it on from where, with what, and what is then true.

use chrono::{SecondsFormat, TimeDelta};
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    handover::Handover,
    on_both,
};
use serde_json::{Value, json};

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actor {
    Referrer,
    ClinicOfficer,
    Coordinator,
    Supervisor,
    Peer,
    Officer,
}

use Actor::{ClinicOfficer, Coordinator, Officer, Peer, Referrer, Supervisor};

const ACTORS: &[Actor] = &[Referrer, ClinicOfficer, Coordinator, Supervisor, Peer, Officer];

/// Each mutation that moves a referral on, what is given with it, and the state that it leads to; none where that depends.
const MUTATIONS: &[(&str, &str, Option<&str>)] = &[
    ("referralSubmit", "", Some("SUBMITTED")),
    ("referralRequestInfo", "fields: [\"phone\"] text: \"Which number is safe?\"", Some("NEEDS_INFO")),
    ("referralAnswerInfo", "text: \"The one given is\"", Some("SUBMITTED")),
    ("referralAccept", "", Some("ACCEPTED")),
    ("referralDecline", "reason: NO_CAPACITY", Some("DECLINED")),
    ("referralWaitlist", "text: \"A place in a week\" nextReviewAt: \"2026-03-06T12:00:00Z\"", Some("WAITLISTED")),
    ("referralAssign", "peerId: \"{peer}\" clientChose: true", Some("ASSIGNED")),
    ("referralUnassign", "text: \"The peer is ill\"", Some("ACCEPTED")),
    ("referralComplete", "result: ENGAGED", Some("COMPLETED")),
    ("referralClientDeclines", "reason: NOT_NOW", Some("CLIENT_DECLINED")),
    ("referralHold", "text: \"In hospital\" reviewAt: \"2026-03-20T12:00:00Z\"", Some("ON_HOLD")),
    ("referralResume", "", None),
    ("referralCancel", "reason: READMITTED", Some("CANCELLED")),
    ("referralMarkEnteredInError", "text: \"Another person\"", Some("ENTERED_IN_ERROR")),
];

const WITH_THE_CLIENT: &[Actor] = &[Coordinator, Peer];
const IN_ERROR: &[Actor] = &[Coordinator, ClinicOfficer, Officer];

/// A mutation, and who does it.
type Line = (&'static str, &'static [Actor]);

/// Domain 2.3 by hand: in which state whose mutations are done. All others are refused.
const DONE: &[(&str, &[Line])] = &[
    ("DRAFT", &[("referralSubmit", &[Referrer]), ("referralCancel", &[Referrer]), ("referralMarkEnteredInError", &[ClinicOfficer])]),
    (
        "SUBMITTED",
        &[
            ("referralRequestInfo", &[Coordinator]),
            ("referralAccept", &[Coordinator]),
            ("referralDecline", &[Coordinator]),
            ("referralWaitlist", &[Coordinator]),
            ("referralClientDeclines", &[Coordinator]),
            ("referralCancel", &[Referrer, Coordinator]),
            ("referralMarkEnteredInError", IN_ERROR),
        ],
    ),
    (
        "NEEDS_INFO",
        &[
            ("referralAnswerInfo", &[Referrer]),
            ("referralClientDeclines", &[Coordinator]),
            ("referralCancel", &[Referrer, Coordinator]),
            ("referralMarkEnteredInError", IN_ERROR),
        ],
    ),
    (
        "WAITLISTED",
        &[
            ("referralAccept", &[Coordinator]),
            ("referralDecline", &[Coordinator]),
            ("referralClientDeclines", &[Coordinator]),
            ("referralCancel", &[Referrer, Coordinator]),
            ("referralMarkEnteredInError", IN_ERROR),
        ],
    ),
    (
        "ACCEPTED",
        &[
            ("referralWaitlist", &[Coordinator]),
            ("referralAssign", &[Coordinator, Supervisor]),
            ("referralClientDeclines", &[Coordinator]),
            ("referralHold", &[Coordinator]),
            ("referralCancel", &[Coordinator]),
            ("referralMarkEnteredInError", IN_ERROR),
        ],
    ),
    (
        "ASSIGNED",
        &[
            ("referralUnassign", &[Coordinator, Supervisor]),
            ("referralClientDeclines", WITH_THE_CLIENT),
            ("referralHold", WITH_THE_CLIENT),
            ("referralCancel", &[Coordinator]),
            ("referralMarkEnteredInError", IN_ERROR),
        ],
    ),
    (
        "OUTREACH",
        &[
            ("referralUnassign", &[Coordinator, Supervisor]),
            ("referralClientDeclines", WITH_THE_CLIENT),
            ("referralHold", WITH_THE_CLIENT),
            ("referralCancel", &[Coordinator]),
            ("referralMarkEnteredInError", IN_ERROR),
        ],
    ),
    (
        "CONNECTED",
        &[
            ("referralComplete", &[Peer, Supervisor]),
            ("referralClientDeclines", WITH_THE_CLIENT),
            ("referralHold", WITH_THE_CLIENT),
            ("referralCancel", &[Coordinator]),
        ],
    ),
    (
        "ON_HOLD",
        &[
            ("referralClientDeclines", WITH_THE_CLIENT),
            ("referralResume", WITH_THE_CLIENT),
            ("referralCancel", &[Coordinator]),
            ("referralMarkEnteredInError", IN_ERROR),
        ],
    ),
    ("COMPLETED", &[]),
    ("DECLINED", &[("referralMarkEnteredInError", IN_ERROR)]),
];

fn caller(them: &Handover, actor: Actor) -> &Caller {
    match actor {
        Referrer => &them.referrer,
        ClinicOfficer => &them.clinic_officer,
        Coordinator => &them.coordinator,
        Supervisor => &them.supervisor,
        Peer => &them.peer,
        Officer => &them.officer,
    }
}

/// A referral of somebody new.
async fn referred(app: &TestApp, them: &Handover, submit: bool) -> String {
    let mut input = them.another(app);
    input["submit"] = json!(submit);
    them.refer(input).await.text("/referralCreate/referral/id").to_owned()
}

fn given(them: &Handover, mutation: &str) -> String {
    let (_, more, _) = MUTATIONS.iter().find(|(name, ..)| *name == mutation).unwrap();
    more.replace("{peer}", &them.peer_id.to_string())
}

/// Does one thing, and it is done.
async fn done(them: &Handover, actor: Actor, mutation: &str, id: &str) -> Answer {
    let answer = them.act(caller(them, actor), mutation, id, &given(them, mutation)).await;
    assert_eq!(answer.user_error_codes(), [""; 0], "{mutation} by {actor:?}: {}", answer.raw);
    answer
}

/// A referral in a state.
pub(crate) async fn in_state(app: &TestApp, them: &Handover, state: &str) -> String {
    let id = referred(app, them, state != "DRAFT").await;
    let steps: &[(&str, Actor)] = match state {
        "NEEDS_INFO" => &[("referralRequestInfo", Coordinator)],
        "WAITLISTED" => &[("referralWaitlist", Coordinator)],
        "DECLINED" => &[("referralDecline", Coordinator)],
        "ACCEPTED" => &[("referralAccept", Coordinator)],
        "ASSIGNED" | "OUTREACH" | "CONNECTED" | "ON_HOLD" | "COMPLETED" => {
            &[("referralAccept", Coordinator), ("referralAssign", Coordinator)]
        }
        _ => &[],
    };
    for (mutation, actor) in steps {
        done(them, *actor, mutation, &id).await;
    }
    if ["OUTREACH", "CONNECTED", "ON_HOLD", "COMPLETED"].contains(&state) {
        let client = them.read(&them.coordinator, &id).await.text("/referral/client/id").to_owned();
        let outcome = if ["CONNECTED", "COMPLETED"].contains(&state) { "COMPLETED" } else { "NO_ANSWER" };
        them.contact(app, &client, outcome).await.text("/contactLog/contact/id");
    }
    match state {
        "ON_HOLD" => drop(done(them, Coordinator, "referralHold", &id).await),
        "COMPLETED" => drop(done(them, Peer, "referralComplete", &id).await),
        _ => {}
    }
    id
}

/// Where a referral stands, to whoever reads it, with what can follow.
async fn progress(caller: &Caller, id: &str) -> Value {
    let query = format!(
        "{{ referral(id: \"{id}\") {{ progress {{ status version closeReason expiresAt nextReviewAt suggestedProgram {{ name }}
            infoRequest {{ fields text askedAt answeredAt }} episodeStatus peer {{ displayName }}
            warmHandoff {{ method staffName peer {{ displayName }} clientPresent minutes outcome }}
            availableTransitions {{ to allowed blockedBecause requires reasons }} history {{ from to role reason text }} }} }} }}"
    );
    caller.ask(&query).await.data("/referral/progress").clone()
}

fn allowed(progress: &Value) -> Vec<&str> {
    let listed = progress["availableTransitions"].as_array().unwrap();
    listed.iter().filter(|available| available["allowed"] == true).map(|available| available["to"].as_str().unwrap()).collect()
}

on_both! {
    async fn in_each_state_each_does_what_the_domain_says_and_nothing_else(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        for (state, lines) in DONE {
            let is_done = |actor: Actor, mutation: &str| lines.iter().any(|(name, actors)| *name == mutation && actors.contains(&actor));
            let id = in_state(&app, &them, state).await;
            let reader = if *state == "DRAFT" { &them.referrer } else { &them.coordinator };
            let before = progress(reader, &id).await;
            assert_eq!(before["status"], *state);
            for actor in ACTORS {
                let refused = MUTATIONS.iter().filter(|(name, ..)| !is_done(*actor, name));
                let fields = refused.map(|(name, ..)| {
                    format!("{name}: {name}(id: \"{id}\" {}) {{ referral {{ id }} userErrors {{ code }} }}", given(&them, name))
                });
                let answer = caller(&them, *actor).ask(&format!("mutation {{ {} }}", fields.collect::<Vec<_>>().join("\n"))).await;
                for (name, payload) in answer.body["data"].as_object().unwrap() {
                    let code = payload["userErrors"][0]["code"].as_str().unwrap_or_default();
                    // Assigning again where somebody is assigned is refused because it is the same peer.
                    let known = ["NOT_PERMITTED", "NOT_FOUND", "INVALID_TRANSITION", "ALREADY_EXISTS", "IMMUTABLE"].contains(&code);
                    assert!(known && payload["referral"].is_null(), "{state}: {name} by {actor:?}: {payload}");
                }
            }
            assert_eq!(progress(reader, &id).await, before, "what is refused changes nothing");

            for (mutation, actors) in *lines {
                for actor in *actors {
                    let id = in_state(&app, &them, state).await;
                    let expected = MUTATIONS.iter().find(|(name, ..)| name == mutation).unwrap().2.unwrap_or("OUTREACH");
                    let shown = progress(caller(&them, *actor), &id).await;
                    assert!(allowed(&shown).contains(&expected), "{state}: {mutation} is shown to {actor:?}: {shown}");
                    let answer = done(&them, *actor, mutation, &id).await;
                    assert_eq!(answer.text(&format!("/{mutation}/referral/progress/status")), expected, "{state}: {mutation} by {actor:?}");
                }
            }
        }
    }

    async fn the_history_replays_to_where_each_referral_stands(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        for (state, lines) in DONE {
            for (mutation, actors) in *lines {
                let id = in_state(&app, &them, state).await;
                done(&them, actors[0], mutation, &id).await;
            }
        }
        let earlier = "(SELECT MAX(before.version) FROM referral_transition before WHERE before.referral_id = step.referral_id
            AND before.version < step.version)";
        let broken = format!(
            "FROM referral_transition step JOIN referral_transition before ON before.referral_id = step.referral_id AND before.version = {earlier}
             WHERE step.\"from\" <> before.\"to\""
        );
        assert_eq!(app.database.count(&broken).await, 0, "each step begins where the one before it ended");
        assert_eq!(app.database.count("FROM referral_transition WHERE (\"from\" IS NULL) <> (version = 1)").await, 0);
        let last = "(SELECT step.\"to\" FROM referral_transition step WHERE step.referral_id = referral.id ORDER BY step.version DESC LIMIT 1)";
        assert_eq!(app.database.count(&format!("FROM referral WHERE referral.status <> {last}")).await, 0, "and the last where it stands");
        assert!(app.database.count("FROM referral").await > 40);
    }

    async fn what_is_asked_is_answered_and_both_sides_read_it(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let id = in_state(&app, &them, "NEEDS_INFO").await;
        app.clock().advance(TimeDelta::minutes(30));
        done(&them, Referrer, "referralAnswerInfo", &id).await;

        for reader in [&them.referrer, &them.coordinator] {
            let request = &progress(reader, &id).await["infoRequest"];
            assert_eq!((&request["fields"], &request["text"]), (&json!(["phone"]), &json!("Which number is safe?")));
            assert_eq!((&request["askedAt"], &request["answeredAt"]), (&json!("2026-03-02T12:00:00+00:00"), &json!("2026-03-02T12:30:00+00:00")));
        }
        let answered = &progress(&them.coordinator, &id).await["history"][3];
        assert_eq!((&answered["from"], &answered["role"], &answered["text"]), (&json!("NEEDS_INFO"), &json!("REFERRER"), &json!("The one given is")));
    }

    async fn a_step_without_what_it_needs_is_refused_and_changes_nothing(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let (late, past) = ("2026-03-20T12:00:00Z", "2026-03-01T12:00:00Z");
        let cases = [
            ("SUBMITTED", Coordinator, "referralRequestInfo", "fields: [] text: \"What?\"".to_owned(), "REQUIRED"),
            ("SUBMITTED", Coordinator, "referralRequestInfo", "fields: [\"  \"] text: \"What?\"".to_owned(), "REQUIRED"),
            ("SUBMITTED", Coordinator, "referralRequestInfo", "fields: [\"phone\"] text: \" \"".to_owned(), "REQUIRED"),
            ("SUBMITTED", Coordinator, "referralDecline", "reason: OTHER".to_owned(), "REQUIRED"),
            ("SUBMITTED", Coordinator, "referralDecline", "reason: NOT_NOW".to_owned(), "INVALID"),
            ("SUBMITTED", Coordinator, "referralDecline", format!("reason: NO_CAPACITY suggestedProgramId: \"{}\"", them.support.program), "INVALID"),
            ("SUBMITTED", Coordinator, "referralWaitlist", format!("text: \"Full\" nextReviewAt: \"{late}\""), "INVALID"),
            ("SUBMITTED", Coordinator, "referralWaitlist", format!("text: \"Full\" nextReviewAt: \"{past}\""), "INVALID"),
            ("SUBMITTED", Coordinator, "referralWaitlist", "text: \"\" nextReviewAt: \"2026-03-05T12:00:00Z\"".to_owned(), "REQUIRED"),
            ("SUBMITTED", Coordinator, "referralAccept", "version: 1".to_owned(), "STALE"),
            ("NEEDS_INFO", Referrer, "referralAnswerInfo", "text: \"\"".to_owned(), "REQUIRED"),
            ("ACCEPTED", Coordinator, "referralHold", format!("text: \"Away\" reviewAt: \"{past}\""), "INVALID"),
            ("ACCEPTED", Coordinator, "referralHold", "text: \"Away\" reviewAt: \"2026-05-20T12:00:00Z\"".to_owned(), "INVALID"),
            ("ASSIGNED", Coordinator, "referralUnassign", "text: \"\"".to_owned(), "REQUIRED"),
            ("ASSIGNED", Peer, "referralClientDeclines", "reason: NO_CAPACITY".to_owned(), "INVALID"),
            ("ASSIGNED", Peer, "referralClientDeclines", "reason: OTHER".to_owned(), "REQUIRED"),
            ("CONNECTED", Coordinator, "referralCancel", "reason: REQUESTER_WITHDREW".to_owned(), "INVALID"),
            ("ON_HOLD", Coordinator, "referralMarkEnteredInError", "text: \"\"".to_owned(), "REQUIRED"),
            ("CONNECTED", Coordinator, "referralMarkEnteredInError", "text: \"Another person\"".to_owned(), "IMMUTABLE"),
        ];
        for (state, actor, mutation, more, code) in cases {
            let id = in_state(&app, &them, state).await;
            let before = progress(&them.coordinator, &id).await;
            let answer = them.act(caller(&them, actor), mutation, &id, &more).await;
            assert_eq!(answer.user_error_codes(), [code], "{mutation}({more}): {}", answer.raw);
            assert_eq!(progress(&them.coordinator, &id).await, before, "{mutation}({more})");
        }
    }

    async fn a_hold_pauses_the_support_and_goes_on_where_it_was(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let id = in_state(&app, &them, "CONNECTED").await;

        done(&them, Peer, "referralHold", &id).await;
        let held = progress(&them.referrer, &id).await;
        assert_eq!((&held["status"], &held["episodeStatus"], &held["nextReviewAt"]), (&json!("ON_HOLD"), &json!("ON_HOLD"), &json!("2026-03-20T12:00:00+00:00")));
        let resumed = done(&them, Coordinator, "referralResume", &id).await;
        assert_eq!(resumed.text("/referralResume/referral/progress/status"), "CONNECTED");
        let on = progress(&them.referrer, &id).await;
        assert_eq!((&on["episodeStatus"], &on["nextReviewAt"]), (&json!("ACTIVE"), &Value::Null));
    }

    async fn a_decline_may_name_a_program_that_could_serve_the_person(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let other = app.home("Riverbend", entity::vocabulary::OrganizationKind::RecoveryCommunityOrganization).await;
        let id = in_state(&app, &them, "SUBMITTED").await;
        let more = format!("reason: NO_CAPACITY suggestedProgramId: \"{}\"", other.program);
        let declined = them.act(&them.coordinator, "referralDecline", &id, &more).await;
        assert_eq!(declined.user_error_codes(), [""; 0], "{}", declined.raw);
        assert_eq!(progress(&them.referrer, &id).await["suggestedProgram"]["name"], "Riverbend program");
    }

    async fn another_peer_takes_over_without_a_change_of_state(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let id = in_state(&app, &them, "CONNECTED").await;
        let second = app.staff_member(&them.support, &[entity::vocabulary::Role::Peer]).await;
        let robin = app.peer(&them.support, second).await;
        let before = progress(&them.coordinator, &id).await["version"].as_i64().unwrap();

        let more = format!("peerId: \"{robin}\" clientChose: true");
        let taken = them.act(&them.supervisor, "referralAssign", &id, &more).await;

        assert_eq!(taken.user_error_codes(), [""; 0], "{}", taken.raw);
        let after = progress(&them.coordinator, &id).await;
        assert_eq!((&after["status"], after["version"].as_i64().unwrap()), (&json!("CONNECTED"), before + 1));
        assert_eq!(them.read(&them.peer, &id).await.data("/referral"), &Value::Null, "who no longer supports her reads nothing more");
        let second = app.token_of(second, &them.support, &[entity::vocabulary::Role::Peer]).treating();
        assert_eq!(them.read(&second, &id).await.text("/referral/progress/status"), "CONNECTED");
        let again = them.act(&them.supervisor, "referralAssign", &id, &more).await;
        assert_eq!(again.user_error_codes(), ["ALREADY_EXISTS"]);
    }

    async fn a_warm_handoff_with_the_client_is_the_first_contact(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let handoff = |present: bool| {
            format!(
                "input: {{ method: THREE_WAY_CALL, occurredAt: \"{}\", peerId: \"{}\", clientPresent: {present}, minutes: 25, outcome: \"They will meet\" }}",
                (app.clock().now() - TimeDelta::hours(1)).to_rfc3339(), them.peer_id
            )
        };
        let id = in_state(&app, &them, "ASSIGNED").await;
        let wrong = them.act(&them.coordinator, "referralRecordWarmHandoff", &id, &handoff(true)).await;
        assert_eq!(wrong.user_error_codes(), ["NOT_PERMITTED"]);
        let among_staff = them.act(&them.peer, "referralRecordWarmHandoff", &id, &handoff(false)).await;
        assert_eq!(among_staff.text("/referralRecordWarmHandoff/referral/progress/status"), "ASSIGNED", "{}", among_staff.raw);
        let met = them.act(&them.peer, "referralRecordWarmHandoff", &id, &handoff(true)).await;
        assert_eq!(met.text("/referralRecordWarmHandoff/referral/progress/status"), "CONNECTED", "{}", met.raw);
        let told = &progress(&them.referrer, &id).await["warmHandoff"];
        assert_eq!(told, &json!({ "method": "THREE_WAY_CALL", "staffName": "Harbor", "peer": { "displayName": "Parker" }, "clientPresent": true,
            "minutes": 25, "outcome": "They will meet" }));
        assert_eq!(app.database.count("FROM contact WHERE outcome = 'COMPLETED' AND modality = 'PHONE'").await, 1);
        assert_eq!(app.database.count("FROM episode").await, 1);
    }

    async fn a_program_writes_down_who_asks_for_support_themselves(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let create = "mutation($input: ReferralCreateInput!) { referralCreate(input: $input) {
            referral { id origin from { id } to { id } client { id } progress { status } } userErrors { code path } } }";
        let mut input = them.referral(&app);
        for field in ["toProgramId", "consent"] {
            input.as_object_mut().unwrap().remove(field);
        }
        input["origin"] = json!("SELF");

        let made = them.coordinator.ask_with(create, json!({ "input": input })).await;
        let referral = made.data("/referralCreate/referral");
        assert_eq!((&referral["origin"], &referral["from"], &referral["progress"]["status"]), (&json!("SELF"), &Value::Null, &json!("SUBMITTED")), "{}", made.raw);
        assert_eq!(referral["to"]["id"], them.support.program.to_string());
        let (id, client) = (referral["id"].as_str().unwrap().to_owned(), referral["client"]["id"].as_str().unwrap().to_owned());
        assert_eq!(them.accepted(&id).await, client, "it is the same record");
        them.assigned(&id).await;
        them.contact(&app, &client, "COMPLETED").await.text("/contactLog/contact/id");
        assert_eq!(progress(&them.peer, &id).await["status"], "CONNECTED");
        assert_eq!(app.database.count("FROM disclosure").await, 0, "nobody else was told");
        assert_eq!(app.database.count("FROM event WHERE other_organization_id IS NOT NULL").await, 0);
        assert_eq!(them.read(&them.referrer, &id).await.data("/referral"), &Value::Null);

        input["toProgramId"] = json!(them.clinic.program.to_string());
        let elsewhere = them.coordinator.ask_with(create, json!({ "input": input })).await;
        assert_eq!(elsewhere.user_error_codes(), ["INVALID"], "{}", elsewhere.raw);
    }

    async fn a_new_referral_follows_on_a_closed_one(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let id = in_state(&app, &them, "DECLINED").await;
        let client = them.read(&them.referrer, &id).await.text("/referral/client/id").to_owned();
        let again = |of: &str| {
            let mut input = them.referral(&app);
            input.as_object_mut().unwrap().remove("client");
            input["clientId"] = json!(client);
            input["reReferralOfId"] = json!(of);
            input
        };
        let made = them.refer(again(&id)).await;
        let second = made.text("/referralCreate/referral/id").to_owned();
        for reader in [&them.referrer, &them.coordinator] {
            let read = reader.ask(&format!("{{ referral(id: \"{second}\") {{ reReferralOf {{ id }} }} }}")).await;
            assert_eq!(read.text("/referral/reReferralOf/id"), id);
        }
        let open = them.refer(again(&second)).await;
        assert_eq!(open.user_error_codes(), ["INVALID"], "an open one is gone on with: {}", open.raw);
        let other = in_state(&app, &them, "DECLINED").await;
        assert_eq!(them.refer(again(&other)).await.user_error_codes(), ["INVALID"], "and it is of the same client");
    }

    async fn a_draft_is_changed_and_a_planned_discharge_is_confirmed(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let update = "mutation($input: ReferralUpdateInput!) { referralUpdate(input: $input) {
            referral { urgency clinical { reason dischargedAt dischargeType expectedDischargeOn } externalIdentifiers { value } progress { version } }
            userErrors { code path currentVersion } } }";
        let mut input = them.referral(&app);
        input["submit"] = json!(false);
        input["dischargedAt"] = Value::Null;
        input["dischargeType"] = json!("NOT_YET_DISCHARGED");
        input["expectedDischargeOn"] = json!("2026-03-09");
        let id = them.refer(input).await.text("/referralCreate/referral/id").to_owned();
        let ask = async |caller: &Caller, more: Value| {
            let mut input = more;
            input["id"] = json!(id);
            caller.ask_with(update, json!({ "input": input })).await
        };
        let changed = ask(&them.referrer, json!({ "urgency": "ROUTINE", "reason": null, "externalIdentifiers": [{ "system": "harbor", "value": "18" }] })).await;
        assert_eq!(changed.data("/referralUpdate/referral/urgency"), "ROUTINE", "{}", changed.raw);
        assert_eq!(changed.data("/referralUpdate/referral/clinical/reason"), &Value::Null);
        let found = them.referrer.ask("{ a: referral(externalIdentifier: { system: \"harbor\", value: \"18\" }) { id }
            b: referral(externalIdentifier: { system: \"harbor\", value: \"episode-17\" }) { id } }").await;
        assert_eq!((found.text("/a/id"), found.data("/b")), (id.as_str(), &Value::Null));
        assert_eq!(ask(&them.referrer, json!({ "version": 1, "urgency": "URGENT" })).await.user_error_codes(), ["STALE"]);
        assert_eq!(ask(&them.referrer, json!({})).await.user_error_codes(), ["REQUIRED"]);
        done(&them, Referrer, "referralSubmit", &id).await;
        assert_eq!(ask(&them.coordinator, json!({ "dischargeType": "COMPLETED" })).await.user_error_codes(), ["NOT_PERMITTED"]);
        assert_eq!(ask(&them.referrer, json!({ "urgency": "URGENT" })).await.user_error_codes(), ["IMMUTABLE"]);
        let discharged = ask(&them.referrer, json!({ "dischargedAt": "2026-03-02T11:00:00Z", "dischargeType": "COMPLETED" })).await;
        assert_eq!(discharged.user_error_codes(), [""; 0], "{}", discharged.raw);
        let seen = them.read(&them.coordinator, &id).await;
        assert_eq!(seen.text("/referral/clinical/dischargeType"), "COMPLETED", "the receiver reads it");
        assert!(app.database.count("FROM disclosure").await >= 1, "what is confirmed is told, and accounted for");
    }

    async fn what_was_entered_in_error_is_in_no_list(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let id = in_state(&app, &them, "ACCEPTED").await;
        done(&them, Officer, "referralMarkEnteredInError", &id).await;
        for reader in [&them.referrer, &them.coordinator, &them.officer] {
            let lists = reader.ask("{ all: referrals { totalCount } found: referrals(filter: { status: [ENTERED_IN_ERROR] }) { totalCount } }").await;
            assert_eq!((lists.data("/all/totalCount"), lists.data("/found/totalCount")), (&json!(0), &json!(1)), "{}", lists.raw);
            assert_eq!(progress(reader, &id).await["status"], "ENTERED_IN_ERROR", "it stays where it is asked for");
        }
        assert_eq!(app.database.count("FROM audit_event WHERE action = 'REFERRAL_STATUS_CHANGED'").await, 3);
    }

    async fn the_end_of_an_episode_ends_who_supports_and_the_consent_that_named_it(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let mut input = them.referral(&app);
        input["consent"].as_object_mut().unwrap().remove("expiresAt");
        input["consent"]["expiryEvent"] = json!("EPISODE_ENDS");
        let id = them.refer(input).await.text("/referralCreate/referral/id").to_owned();
        let client = them.accepted(&id).await;
        them.assigned(&id).await;
        them.contact(&app, &client, "COMPLETED").await;
        let episode = them.coordinator.ask(&format!("{{ referral(id: \"{id}\") {{ episode {{ id }} }} }}")).await.text("/referral/episode/id").to_owned();
        let end = |more: &str| format!("mutation {{ episodeEnd(id: \"{episode}\" reason: GOALS_MET {more}) {{ episode {{ status endReason endText }} userErrors {{ code }} }} }}");

        assert_eq!(them.referrer.ask(&end("")).await.user_error_codes(), ["NOT_FOUND"]);
        assert_eq!(them.coordinator.ask(&end("version: 7")).await.user_error_codes(), ["STALE"]);
        let ended = them.peer.ask(&end("text: \"She wants to volunteer\"")).await;
        assert_eq!(ended.data("/episodeEnd/episode"), &json!({ "status": "ENDED", "endReason": "GOALS_MET", "endText": "She wants to volunteer" }), "{}", ended.raw);
        assert_eq!(them.coordinator.ask(&end("")).await.user_error_codes(), ["IMMUTABLE"]);
        assert_eq!(them.read(&them.referrer, &id).await.data("/referral/progress"), &Value::Null, "the consent ended with it");
        assert_eq!(app.database.count("FROM peer_match WHERE status = 'ACTIVE'").await, 0);
        assert_eq!(app.database.count("FROM consent WHERE expired_at IS NOT NULL").await, 1);
    }

    async fn the_loop_closes_with_a_message_where_a_consent_lets_it(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let messages = async |caller: &Caller, id: &str| {
            let asked = caller.ask(&format!("{{ referral(id: \"{id}\") {{ messages {{ nodes {{ body authorName }} }} }} }}")).await;
            asked.body.pointer("/data/referral/messages/nodes").cloned().unwrap_or_default()
        };
        let id = in_state(&app, &them, "CONNECTED").await;
        let disclosures = app.database.count("FROM disclosure").await;
        done(&them, Peer, "referralComplete", &id).await;
        let told = messages(&them.referrer, &id).await;
        assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
        assert_eq!(told[0]["authorName"], "Open Door", "no name of staff leaves");
        assert!(app.database.count("FROM disclosure").await > disclosures, "what it tells is accounted for");

        let id = in_state(&app, &them, "CONNECTED").await;
        let linked = them.act(&them.peer, "referralComplete", &id, "result: LINKED_ELSEWHERE").await;
        assert_eq!(linked.user_error_codes(), [""; 0]);
        assert_eq!(messages(&them.referrer, &id).await[0]["body"], "They have found support elsewhere.");
    }

    async fn a_new_peer_speaks_with_the_person_within_seven_days(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let second = app.staff_member(&them.support, &[entity::vocabulary::Role::Peer]).await;
        let other = app.peer(&them.support, second).await;
        let other_peer = app.token_of(second, &them.support, &[entity::vocabulary::Role::Peer]).treating();
        let id = in_state(&app, &them, "CONNECTED").await;
        let todo = "{ workItems(filter: { open: true, kinds: [FOLLOW_UP_DUE] }) { nodes { dueAt because assignee { id } subject { id } } } }";
        let reassign = async |peer: String| {
            them.act(&them.coordinator, "referralAssign", &id, &format!("peerId: \"{peer}\" clientChose: true")).await
        };
        assert_eq!(reassign(other.to_string()).await.user_error_codes(), [""; 0]);

        let work = them.coordinator.ask(todo).await;
        let due = (app.clock().now() + TimeDelta::days(7)).to_rfc3339();
        let expected = json!([{ "dueAt": due, "because": work.text("/workItems/nodes/0/because"), "assignee": { "id": second.to_string() }, "subject": { "id": id } }]);
        assert_eq!(work.data("/workItems/nodes"), &expected);
        let client = them.read(&them.coordinator, &id).await.text("/referral/client/id").to_owned();
        let log = |outcome: &str| format!(
            "mutation {{ contactLog(input: {{ clientId: \"{client}\", modality: PHONE, outbound: true, outcome: {outcome},
                startedAt: \"{}\", minutes: 10 }}) {{ contact {{ id }} userErrors {{ code }} }} }}", app.clock().now().to_rfc3339_opts(SecondsFormat::Secs, true)
        );
        assert_eq!(other_peer.ask(&log("NO_ANSWER")).await.user_error_codes(), [""; 0]);
        assert_eq!(them.coordinator.ask(todo).await.data("/workItems/nodes"), &expected, "an attempt is no contact");
        assert_eq!(other_peer.ask(&log("COMPLETED")).await.user_error_codes(), [""; 0]);
        assert_eq!(them.coordinator.ask(todo).await.data("/workItems/nodes"), &json!([]));

        let episode = them.supervisor.ask(&format!("{{ referral(id: \"{id}\") {{ episode {{ assignment {{ peer {{ id }} }} assignments {{ totalCount nodes {{ status }} }} }} }} }}")).await;
        assert_eq!(episode.text("/referral/episode/assignment/peer/id"), other.to_string());
        assert_eq!(episode.data("/referral/episode/assignments/totalCount"), &json!(2));
    }

    async fn a_note_is_added_to_and_never_changed(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let id = in_state(&app, &them, "CONNECTED").await;
        let client = them.read(&them.coordinator, &id).await.text("/referral/client/id").to_owned();
        let logged = them.contact(&app, &client, "COMPLETED").await;
        let contact = logged.text("/contactLog/contact/id").to_owned();
        let add = async |caller: &Caller, text: &str| {
            let document = "mutation($id: ID!, $text: String!) { contactAddendum(id: $id, text: $text) {
                contact { note version addenda { text authorName at } } userErrors { code path } } }";
            caller.ask_with(document, json!({ "id": contact, "text": text })).await
        };
        let added = add(&them.peer, "He called back").await;
        let read = added.data("/contactAddendum/contact");
        assert_eq!((&read["note"], &read["version"]), (&json!("Spoke of the garden"), &json!(2)));
        assert_eq!(read["addenda"], json!([{ "text": "He called back", "authorName": "Somebody", "at": app.clock().now().to_rfc3339() }]));
        for (caller, text, code) in [
            (&them.peer, "", "REQUIRED"),
            (&them.peer, " \n ", "REQUIRED"),
            (&them.peer, &*"x".repeat(2_001), "INVALID"),
            (&them.supervisor, "Seen", "NOT_PERMITTED"),
            (&them.coordinator, "Seen", "NOT_PERMITTED"),
            (&them.officer, "Seen", "NOT_FOUND"),
            (&them.referrer, "Seen", "NOT_FOUND"),
        ] {
            assert_eq!(add(caller, text).await.user_error_codes(), [code], "{code}");
        }
        let asked = format!("{{ node(id: \"{contact}\") {{ ... on Contact {{ version addenda {{ text }} }} }} }}");
        assert_eq!(them.supervisor.ask(&asked).await.data("/node"), &json!({ "version": 2, "addenda": [{ "text": "He called back" }] }));
        let closed = them.coordinator.ask(&asked).await;
        assert_eq!(closed.data("/node/addenda"), &json!([]), "as the note is");
        assert!(!closed.raw.contains("called back") && closed.raw.contains("\"redactions\""));
    }
}
