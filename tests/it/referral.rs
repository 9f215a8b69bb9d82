//! A referral from the clinic's first word to the end of its work, and what each side sees of it.

use entity::vocabulary::{OrganizationKind, PurposeOfUse, Role};
use kit::{
    app::TestApp,
    caller::{Answer, Caller},
    handover::Handover,
    on_both,
};
use serde_json::{Value, json};

/// Where a reader was told that a gate stayed closed, and why.
fn redactions(answer: &Answer) -> Vec<(String, String)> {
    let listed = answer.body["extensions"]["redactions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let place = |redaction: &Value| redaction["path"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned();
    listed.iter().map(|redaction| (place(redaction), redaction["code"].as_str().unwrap().to_owned())).collect()
}

fn told(path: &str, code: &str) -> (String, String) {
    (path.to_owned(), code.to_owned())
}

on_both! {
    async fn a_referral_is_made_answered_and_brought_to_its_end(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;

        let made = them.refer(them.referral(&app)).await;
        assert_eq!(made.user_error_codes(), [""; 0], "{}", made.raw);
        assert_eq!(made.text("/referralCreate/referral/progress/status"), "SUBMITTED");
        let id = made.text("/referralCreate/referral/id").to_owned();

        let seen = them.read(&them.coordinator, &id).await;
        assert_eq!(seen.text("/referral/person/familyName"), "Byron", "{}", seen.raw);
        assert_eq!(seen.data("/referral/clinical/pathways"), &json!(["SECULAR"]));
        assert_eq!(seen.data("/referral/client"), &Value::Null, "before acceptance the receiver has no record of its own");
        assert_eq!(seen.body["extensions"]["part2Notice"], "42 CFR part 2 prohibits unauthorized use or disclosure of these records.");
        assert_eq!(seen.body["extensions"]["consentScope"][0]["purposes"], json!(["TREATMENT"]));

        let client = them.accepted(&id).await;
        them.assigned(&id).await;
        let attempt = them.contact(&app, &client, "NO_ANSWER").await;
        assert_eq!(attempt.text("/contactLog/contact/referral/progress/status"), "OUTREACH", "{}", attempt.raw);
        let contact = them.contact(&app, &client, "COMPLETED").await;
        assert_eq!(contact.text("/contactLog/contact/referral/progress/status"), "CONNECTED");
        assert_eq!(contact.text("/contactLog/contact/note"), "Spoke of the garden");
        let done = them.act(&them.peer, "referralComplete", &id, "result: ENGAGED text: \"Meets weekly\"").await;
        assert_eq!(done.user_error_codes(), [""; 0], "{}", done.raw);

        let outcome = them.read(&them.referrer, &id).await;
        let progress = outcome.data("/referral/progress");
        assert_eq!((&progress["status"], &progress["result"], &progress["episodeStatus"]), (&json!("COMPLETED"), &json!("ENGAGED"), &json!("ACTIVE")));
        assert_eq!((&progress["attemptCount"], &progress["peer"]["displayName"]), (&json!(2), &json!("Parker")));
        let history = progress["history"].as_array().unwrap();
        let states: Vec<&str> = history.iter().map(|step| step["to"].as_str().unwrap()).collect();
        assert_eq!(states, ["DRAFT", "SUBMITTED", "ACCEPTED", "ASSIGNED", "OUTREACH", "CONNECTED", "COMPLETED"]);
        assert_eq!((&history[6]["text"], &history[6]["actorName"]), (&json!("Meets weekly"), &json!("Open Door")), "no name of staff leaves");
        assert_eq!(outcome.body["extensions"]["consentScope"][0]["dataClasses"], json!(["IDENTITY", "REFERRAL_CLINICAL", "REFERRAL_STATUS"]));
    }

    async fn each_side_has_its_own_record_and_neither_sees_the_others(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let made = them.refer(them.referral(&app)).await;
        let id = made.text("/referralCreate/referral/id").to_owned();
        let theirs = made.text("/referralCreate/referral/client/id").to_owned();

        let ours = them.accepted(&id).await;

        assert_ne!(theirs, ours);
        let found = |answer: &Answer| answer.data("/client") != &Value::Null;
        let ask = |id: &str| format!("{{ client(id: \"{id}\") {{ identity {{ familyName externalIdentifiers {{ value }} }} recovery {{ moud communities }} }} }}");
        let own = them.coordinator.ask(&ask(&ours)).await;
        assert_eq!(own.text("/client/identity/familyName"), "Byron", "{}", own.raw);
        assert_eq!(own.data("/client/identity/externalIdentifiers"), &json!([]), "what the clinic's systems call her stays there");
        assert_eq!(own.data("/client/recovery"), &json!({ "moud": true, "communities": ["night workers"] }));
        assert!(found(&them.referrer.ask(&ask(&theirs)).await), "it is the referrer's own referral");
        assert!(!found(&them.referrer.ask(&ask(&ours)).await) && !found(&them.coordinator.ask(&ask(&theirs)).await));
        assert!(!found(&them.peer.ask(&ask(&ours)).await), "nobody assigned her to the peer yet");
        them.assigned(&id).await;
        assert!(found(&them.peer.ask(&ask(&ours)).await));
    }

    async fn another_clinic_and_another_program_see_nothing_of_it(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let id = them.referred(&app).await;
        let other = app.home("Cedar", OrganizationKind::TreatmentProvider).await;
        let stranger = app.staff(&other, &[Role::Referrer, Role::Coordinator, Role::PrivacyOfficer]).await.treating();
        let colleague = app.staff(&them.support, &[Role::Administrator, Role::Analyst, Role::Billing]).await.treating();

        for nobody in [&stranger, &colleague] {
            let asked = format!("{{ referral(id: \"{id}\") {{ id }} node(id: \"{id}\") {{ id }} referrals {{ totalCount nodes {{ id }} }} }}");
            let answer = nobody.ask(&asked).await;
            assert_eq!(answer.body["data"], json!({ "referral": null, "node": null, "referrals": { "totalCount": 0, "nodes": [] } }));
            let accepted = them.act(nobody, "referralAccept", &id, "").await;
            assert_eq!(accepted.user_error_codes(), ["NOT_FOUND"]);
        }
        let own = them.act(&them.referrer, "referralAccept", &id, "").await;
        assert_eq!(own.user_error_codes(), ["NOT_PERMITTED"], "who sent it does not answer it");
    }

    async fn without_a_purpose_of_use_the_others_data_stays_closed(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let id = them.referred(&app).await;
        let mut silent = them.coordinator.clone();
        silent.purpose = None;

        let seen = them.read(&silent, &id).await;

        assert_eq!((seen.data("/referral/person"), seen.data("/referral/clinical")), (&Value::Null, &Value::Null));
        assert_eq!(seen.text("/referral/progress/status"), "SUBMITTED", "how it goes with us is ours");
        assert_eq!(redactions(&seen), [told("person", "PURPOSE"), told("clinical", "PURPOSE")]);
        let paying = them.read(&them.coordinator.naming(PurposeOfUse::Payment), &id).await;
        assert_eq!(redactions(&paying), [told("person", "CONSENT_REQUIRED"), told("clinical", "CONSENT_REQUIRED")]);
        assert!(!paying.raw.contains("Byron") && !seen.raw.contains("Byron"));
        assert_eq!(app.database.count("FROM disclosure").await, 0);
    }

    async fn what_a_consent_does_not_cover_is_not_told(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let mut input = them.referral(&app);
        input["consent"]["dataClasses"] = json!(["IDENTITY"]);
        let made = them.refer(input).await;
        let id = made.text("/referralCreate/referral/id").to_owned();
        assert_eq!(made.data("/referralCreate/referral/progress"), &Value::Null, "nothing flows back");
        assert_eq!(redactions(&made).last(), Some(&told("progress", "CONSENT_REQUIRED")));

        let seen = them.read(&them.coordinator, &id).await;
        assert_eq!(seen.text("/referral/person/givenName"), "Ada");
        let mut closed = redactions(&seen);
        closed.sort();
        assert_eq!(closed, [told("clinical", "CONSENT_REQUIRED"), told("communities", "CONSENT_REQUIRED")]);

        them.accepted(&id).await;
        let after = them.read(&them.coordinator, &id).await;
        assert_eq!(after.data("/referral/clinical"), &Value::Null, "acceptance opens nothing that was never disclosed");
        let client = after.text("/referral/client/id");
        let own = them.coordinator.ask(&format!("{{ client(id: \"{client}\") {{ recovery {{ moud pathways }} }} }}")).await;
        assert_eq!(own.data("/client/recovery"), &json!({ "moud": null, "pathways": [] }));
    }

    async fn a_revoked_consent_cancels_before_the_first_contact_and_silences_after_it(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let revoke = "mutation($id: ID!) { consentRevoke(id: $id, how: \"By telephone\", written: false) {
            consent { status revokedHow } userErrors { code } } }";
        let early = them.refer(them.referral(&app)).await;
        let early_id = early.text("/referralCreate/referral/id").to_owned();
        them.accepted(&early_id).await;

        let revoked = them.referrer.ask_with(revoke, json!({ "id": early.text("/referralCreate/referral/consent/id") })).await;
        assert_eq!(revoked.data("/consentRevoke/consent"), &json!({ "status": "REVOKED", "revokedHow": "By telephone" }), "{}", revoked.raw);
        let kept = them.read(&them.coordinator, &early_id).await;
        assert_eq!((kept.text("/referral/progress/status"), kept.text("/referral/progress/closeReason")), ("CANCELLED", "CONSENT_REVOKED"));
        assert_eq!(kept.text("/referral/person/familyName"), "Byron", "what was received is the receiver's own");
        let silent = them.read(&them.referrer, &early_id).await;
        assert_eq!(redactions(&silent), [told("progress", "CONSENT_REQUIRED")]);

        let late = them.refer(them.another(&app)).await;
        let late_id = late.text("/referralCreate/referral/id").to_owned();
        let client = them.accepted(&late_id).await;
        them.assigned(&late_id).await;
        them.contact(&app, &client, "COMPLETED").await;
        them.referrer.ask_with(revoke, json!({ "id": late.text("/referralCreate/referral/consent/id") })).await;
        assert_eq!(them.read(&them.supervisor, &late_id).await.text("/referral/progress/status"), "CONNECTED", "support goes on");
        assert_eq!(them.read(&them.referrer, &late_id).await.data("/referral/progress"), &Value::Null);
        let again = them.referrer.ask_with(revoke, json!({ "id": late.text("/referralCreate/referral/consent/id") })).await;
        assert_eq!(again.user_error_codes(), ["IMMUTABLE"]);
    }

    async fn a_consent_revoked_before_an_answer_closes_the_snapshot(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let made = them.refer(them.referral(&app)).await;
        let (id, consent) = (made.text("/referralCreate/referral/id").to_owned(), made.text("/referralCreate/referral/consent/id").to_owned());
        let revoke = format!("mutation {{ consentRevoke(id: \"{consent}\", how: \"In writing\", written: true) {{ userErrors {{ code }} }} }}");

        them.referrer.ask(&revoke).await;

        let seen = them.read(&them.coordinator, &id).await;
        assert_eq!(redactions(&seen), [told("person", "CONSENT_REQUIRED"), told("clinical", "CONSENT_REQUIRED")]);
        assert_eq!(them.act(&them.coordinator, "referralAccept", &id, "").await.user_error_codes(), ["INVALID_TRANSITION"]);
    }

    async fn an_expired_consent_opens_nothing_more(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let mut input = them.referral(&app);
        input["consent"]["expiresAt"] = json!(app.clock().now() + chrono::TimeDelta::days(3));
        let id = them.refer(input).await.text("/referralCreate/referral/id").to_owned();
        assert_eq!(them.read(&them.coordinator, &id).await.text("/referral/person/givenName"), "Ada");

        app.clock().advance(chrono::TimeDelta::days(4));

        // Their tokens have ended, too.
        let coordinator = app.staff(&them.support, &[Role::Coordinator]).await.treating();
        let referrer = app.staff(&them.clinic, &[Role::Referrer]).await.treating();
        assert_eq!(redactions(&them.read(&coordinator, &id).await)[0], told("person", "CONSENT_REQUIRED"));
        assert_eq!(redactions(&them.read(&referrer, &id).await), [told("progress", "CONSENT_REQUIRED")]);
        assert_eq!(them.act(&coordinator, "referralAccept", &id, "").await.user_error_codes(), ["CONSENT_REQUIRED"]);
    }

    async fn each_disclosure_is_accounted_for_once_a_request(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let made = them.refer(them.referral(&app)).await;
        let id = made.text("/referralCreate/referral/id").to_owned();
        let client = made.text("/referralCreate/referral/client/id").to_owned();
        assert_eq!(app.database.count("FROM disclosure").await, 0, "submitting tells nobody yet");

        them.read(&them.coordinator, &id).await;
        assert_eq!(app.database.count("FROM disclosure").await, 1, "person and clinical facts in one request");
        app.clock().advance(chrono::TimeDelta::seconds(1));
        them.accepted(&id).await;
        assert_eq!(app.database.count("FROM disclosure").await, 2);
        them.read(&them.coordinator, &id).await;
        assert_eq!(app.database.count("FROM disclosure").await, 2, "what was accepted is the receiver's own");
        them.read(&them.referrer, &id).await;
        assert_eq!(app.database.count("FROM disclosure").await, 3, "how it goes is told back");

        let accounting = "query($id: ID!) { client(id: $id) { privacy { disclosures { totalCount nodes {
            recipientName description dataClasses purpose consent { id } recipient { name } } } } } }";
        let asked = them.clinic_officer.ask_with(accounting, json!({ "id": client })).await;
        let listed = asked.data("/client/privacy/disclosures");
        assert_eq!(listed["totalCount"], 2, "{}", asked.raw);
        assert_eq!(listed["nodes"][0]["recipientName"], "Open Door");
        assert_eq!(listed["nodes"][0]["dataClasses"], json!(["IDENTITY", "REFERRAL_CLINICAL"]));
        assert_eq!(listed["nodes"][1]["description"], "identity and contact; clinical facts of the referral");
        assert_eq!(listed["nodes"][1]["purpose"], "TREATMENT");
        let to_referrer = them.referrer.ask_with(accounting, json!({ "id": client })).await;
        assert_eq!(to_referrer.data("/client/privacy/disclosures/totalCount"), 0);
        assert_eq!(redactions(&to_referrer), [told("disclosures", "ROLE")]);
        app.sealed().await;
        assert_eq!(app.store.verify(&app.system()).await.unwrap().unwrap().disclosures, 3);
    }

    async fn messages_go_both_ways_while_a_consent_lets_them(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let made = them.refer(them.referral(&app)).await;
        let id = made.text("/referralCreate/referral/id").to_owned();
        let send = "mutation($id: ID!, $body: String!) { referralSendMessage(id: $id, body: $body) {
            message { body authorName organization { name } } userErrors { code } } }";
        let read = "query($id: ID!) { referral(id: $id) { messages { totalCount nodes { body authorName } } } }";

        let asked = them.coordinator.ask_with(send, json!({ "id": id, "body": "Which evenings?" })).await;
        assert_eq!(asked.text("/referralSendMessage/message/authorName"), "Somebody", "{}", asked.raw);
        app.clock().advance(chrono::TimeDelta::seconds(1));
        them.referrer.ask_with(send, json!({ "id": id, "body": "Mondays" })).await;

        let seen = them.coordinator.ask_with(read, json!({ "id": id })).await;
        assert_eq!(seen.data("/referral/messages/nodes"), &json!([
            { "body": "Which evenings?", "authorName": "Somebody" }, { "body": "Mondays", "authorName": "Harbor" },
        ]));
        let consent = made.text("/referralCreate/referral/consent/id");
        let revoke = format!("mutation {{ consentRevoke(id: \"{consent}\", how: \"In person\", written: true) {{ userErrors {{ code }} }} }}");
        them.referrer.ask(&revoke).await;
        assert_eq!(them.referrer.ask_with(read, json!({ "id": id })).await.data("/referral/messages"), &Value::Null);
        let refused = them.referrer.ask_with(send, json!({ "id": id, "body": "And Tuesdays" })).await;
        assert_eq!(refused.user_error_codes(), ["CONSENT_REQUIRED"]);
        assert_eq!(app.database.count("FROM referral_message").await, 2);
    }

    async fn a_consent_that_lacks_an_element_never_counts(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let cases = [
            ("recipientOrganizationIds", json!([]), "recipients"),
            ("dataClasses", json!([]), "dataClasses"),
            ("purposes", json!([]), "purposes"),
            ("signedBy", json!(" "), "signedBy"),
            ("expiresAt", Value::Null, "expiry"),
        ];
        let before = app.database.count("FROM event").await;

        for (element, missing, name) in cases {
            let mut input = them.referral(&app);
            input["consent"][element] = missing;
            let refused = them.refer(input).await;
            assert_eq!(refused.user_error_codes(), ["CONSENT_INCOMPLETE"], "{element}: {}", refused.raw);
            assert_eq!(refused.data("/referralCreate/userErrors/0/missing"), &json!([name]));
        }
        assert_eq!(app.database.count("FROM consent").await + app.database.count("FROM referral").await, 0);
        assert_eq!((app.database.count("FROM client").await, app.database.count("FROM event").await), (0, before));
    }

    async fn a_client_has_one_open_referral_to_a_program(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let first = them.refer(them.referral(&app)).await;
        let (id, client) = (first.text("/referralCreate/referral/id").to_owned(), first.text("/referralCreate/referral/client/id").to_owned());

        let known = them.refer(them.referral(&app)).await;
        assert_eq!(known.user_error_codes(), ["ALREADY_EXISTS"], "the clinic knows her by her number");
        assert_eq!(known.text("/referralCreate/userErrors/0/existing/id"), client);
        let mut input = them.referral(&app);
        input["client"] = Value::Null;
        input["clientId"] = json!(client);
        let twice = them.refer(input.clone()).await;
        assert_eq!(twice.user_error_codes(), ["DUPLICATE_OPEN_REFERRAL"], "{}", twice.raw);
        assert_eq!(twice.text("/referralCreate/userErrors/0/existing/id"), id);

        let declined = them.act(&them.coordinator, "referralDecline", &id, "reason: NO_CAPACITY").await;
        assert_eq!(declined.text("/referralDecline/referral/progress/status"), "DECLINED", "{}", declined.raw);
        let again = them.refer(input).await;
        assert_eq!(again.user_error_codes(), [""; 0], "{}", again.raw);
    }

    async fn the_same_person_keeps_the_receivers_record(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let first = them.refer(them.referral(&app)).await;
        let (id, theirs) = (first.text("/referralCreate/referral/id").to_owned(), first.text("/referralCreate/referral/client/id").to_owned());
        let ours = them.accepted(&id).await;
        them.assigned(&id).await;
        them.contact(&app, &ours, "COMPLETED").await;
        them.act(&them.supervisor, "referralComplete", &id, "result: SINGLE_CONTACT_ONLY").await;

        let mut input = them.referral(&app);
        input["client"] = Value::Null;
        input["clientId"] = json!(theirs);
        let again = them.refer(input).await.text("/referralCreate/referral/id").to_owned();

        assert_eq!(them.accepted(&again).await, ours);
        assert_eq!(app.database.count("FROM client").await, 2);
    }

    async fn a_draft_is_the_senders_alone_and_is_submitted_later(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let mut input = them.referral(&app);
        input["submit"] = json!(false);
        let draft = them.refer(input).await;
        let id = draft.text("/referralCreate/referral/id").to_owned();
        assert_eq!(draft.text("/referralCreate/referral/progress/status"), "DRAFT");
        assert_eq!(them.read(&them.coordinator, &id).await.data("/referral"), &Value::Null);

        let stale = them.act(&them.referrer, "referralSubmit", &id, "version: 7").await;
        assert_eq!((stale.user_error_codes(), stale.data("/referralSubmit/userErrors/0/currentVersion")), (vec!["STALE"], &json!(1)));
        let submitted = them.act(&them.referrer, "referralSubmit", &id, "version: 1").await;
        assert_eq!(submitted.text("/referralSubmit/referral/progress/status"), "SUBMITTED");
        let twice = them.act(&them.referrer, "referralSubmit", &id, "").await;
        assert_eq!(twice.user_error_codes(), ["INVALID_TRANSITION"]);
        assert_eq!(twice.data("/referralSubmit/userErrors/0/allowedTransitions"),
            &json!(["NEEDS_INFO", "WAITLISTED", "ACCEPTED", "DECLINED", "CLIENT_DECLINED", "CANCELLED", "ENTERED_IN_ERROR"]));
        assert_eq!(them.read(&them.coordinator, &id).await.text("/referral/progress/status"), "SUBMITTED");
    }

    async fn a_referral_is_cancelled_by_its_sender_until_it_is_accepted_and_then_by_its_receiver(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let id = them.referred(&app).await;
        let wordless = them.act(&them.referrer, "referralCancel", &id, "reason: OTHER").await;
        assert_eq!(wordless.user_error_codes(), ["REQUIRED"]);
        let other = them.act(&them.referrer, "referralCancel", &id, "reason: NO_CAPACITY").await;
        assert_eq!(other.user_error_codes(), ["INVALID"]);

        let cancelled = them.act(&them.referrer, "referralCancel", &id, "reason: READMITTED").await;

        let progress = cancelled.data("/referralCancel/referral/progress");
        assert_eq!((&progress["status"], &progress["closeReason"]), (&json!("CANCELLED"), &json!("READMITTED")));
        let second = them.refer(them.another(&app)).await.text("/referralCreate/referral/id").to_owned();
        let client = them.accepted(&second).await;
        them.assigned(&second).await;
        let late = them.act(&them.referrer, "referralCancel", &second, "reason: REQUESTER_WITHDREW").await;
        assert_eq!(late.user_error_codes(), ["NOT_PERMITTED"], "from acceptance on it is the receiver's");
        let received = them.act(&them.coordinator, "referralCancel", &second, "reason: READMITTED").await;
        assert_eq!(received.text("/referralCancel/referral/progress/status"), "CANCELLED", "{}", received.raw);
        assert_eq!(them.contact(&app, &client, "COMPLETED").await.user_error_codes(), ["NOT_FOUND"], "the peer is not asked to go on");
    }

    async fn of_fifty_who_answer_at_once_one_does(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let id = them.referred(&app).await;
        let before = app.database.count("FROM event").await;

        let answers = futures_util::future::join_all((0..50).map(|n| {
            let (mutation, more) = if n % 2 == 0 { ("referralAccept", "") } else { ("referralDecline", "reason: NO_CAPACITY") };
            them.act(&them.coordinator, mutation, &id, more)
        }))
        .await;

        let done = answers.iter().filter(|answer| answer.error_codes().is_empty() && answer.user_error_codes().is_empty()).count();
        let refused = answers.iter().filter(|answer| matches!(answer.user_error_codes().as_slice(), ["STALE" | "INVALID_TRANSITION"])).count();
        assert_eq!((done, refused), (1, 49), "{:?}", answers.iter().map(|answer| &answer.raw).collect::<Vec<_>>());
        assert_eq!(app.database.count("FROM referral_transition").await, 3);
        let accepted = answers.iter().any(|answer| answer.raw.contains("\"ACCEPTED\""));
        let made = usize::from(accepted);
        assert_eq!(app.database.count("FROM client").await, 1 + made, "those who lost left no client behind");
        assert_eq!(app.database.count("FROM event").await, before + 1 + made);
    }

    async fn only_the_assigned_peer_logs_contacts_and_only_some_read_the_notes(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let id = them.referred(&app).await;
        let client = them.accepted(&id).await;
        assert_eq!(them.contact(&app, &client, "COMPLETED").await.user_error_codes(), ["NOT_FOUND"], "she is not assigned to the peer yet");
        them.assigned(&id).await;
        them.contact(&app, &client, "COMPLETED").await;

        let care = "query($id: ID!) { client(id: $id) { care { currentEpisode { status program { name } } contacts { nodes { outcome minutes note } } } } }";
        let read = |caller: &Caller| { let caller = caller.clone(); let id = client.clone(); async move { caller.ask_with(care, json!({ "id": id })).await } };
        let supervised = read(&them.supervisor).await;
        assert_eq!(supervised.data("/client/care/contacts/nodes"), &json!([{ "outcome": "COMPLETED", "minutes": 20, "note": "Spoke of the garden" }]));
        assert_eq!(supervised.text("/client/care/currentEpisode/status"), "ACTIVE");
        let coordinated = read(&them.coordinator).await;
        assert_eq!(coordinated.data("/client/care/contacts/nodes/0/note"), &Value::Null);
        assert_eq!(redactions(&coordinated), [told("note", "ROLE")]);
        let overseen = read(&them.officer).await;
        assert_eq!((overseen.data("/client/care"), redactions(&overseen)), (&Value::Null, vec![told("care", "ROLE")]));
        assert!(!overseen.raw.contains("garden") && !coordinated.raw.contains("garden"));
    }

    async fn access_is_explained_by_what_guards_it(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let made = them.refer(them.referral(&app)).await;
        let id = made.text("/referralCreate/referral/id").to_owned();
        let client = made.text("/referralCreate/referral/client/id").to_owned();
        let explain = "query($client: ID!, $class: DataClass!, $purpose: PurposeOfUse!, $to: ID, $role: Role) {
            explainAccess(clientId: $client, dataClass: $class, purpose: $purpose, organizationId: $to, role: $role) {
                allowed remedy steps { rule passed } } }";
        let support = them.support.organization.to_string();
        let ask = |class: &str, purpose: &str, to: Option<&str>, role: Option<&str>| {
            let variables = json!({ "client": client, "class": class, "purpose": purpose, "to": to, "role": role });
            let officer = them.clinic_officer.clone();
            async move { officer.ask_with(explain, variables).await }
        };

        let allowed = ask("IDENTITY", "TREATMENT", Some(&support), Some("COORDINATOR")).await;
        assert_eq!(allowed.data("/explainAccess/allowed"), true, "{}", allowed.raw);
        assert_eq!(ask("IDENTITY", "PAYMENT", Some(&support), Some("COORDINATOR")).await.data("/explainAccess/allowed"), false);
        assert_eq!(ask("OUTCOMES", "TREATMENT", Some(&support), Some("COORDINATOR")).await.data("/explainAccess/allowed"), false);
        assert_eq!(ask("IDENTITY", "TREATMENT", Some(&support), Some("ANALYST")).await.data("/explainAccess/steps/1/passed"), false);
        let own = ask("REFERRAL_CLINICAL", "TREATMENT", None, Some("REFERRER")).await;
        assert_eq!(own.data("/explainAccess/allowed"), true, "{}", own.raw);
        let cedar = app.home("Cedar", OrganizationKind::TreatmentProvider).await.organization.to_string();
        let unrelated = ask("IDENTITY", "TREATMENT", Some(&cedar), Some("COORDINATOR")).await;
        assert_eq!(unrelated.data("/explainAccess/steps/0/passed"), false);

        let consent = made.text("/referralCreate/referral/consent/id");
        them.referrer.ask(&format!("mutation {{ consentRevoke(id: \"{consent}\", how: \"In person\", written: true) {{ userErrors {{ code }} }} }}")).await;
        let after = ask("IDENTITY", "TREATMENT", Some(&support), Some("COORDINATOR")).await;
        assert_eq!((after.data("/explainAccess/allowed"), after.data("/explainAccess/steps/2/passed")), (&json!(false), &json!(false)));
        assert!(them.read(&them.coordinator, &id).await.data("/referral/person").is_null());
        let stranger = them.coordinator.ask_with(explain, json!({ "client": client, "class": "IDENTITY", "purpose": "TREATMENT" })).await;
        assert_eq!(stranger.data("/explainAccess"), &Value::Null, "whose client it is not is told nothing");
    }

    async fn who_signed_is_read_where_it_may_be_known_who_the_client_is(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let made = them.refer(them.referral(&app)).await;
        let (id, consent) = (made.text("/referralCreate/referral/id").to_owned(), made.text("/referralCreate/referral/consent/id").to_owned());
        let signed = "query($id: ID!) { referral(id: $id) { person { familyName } consent { signedBy revokedHow } } }";
        let read = async |caller: &Caller| caller.ask_with(signed, json!({ "id": id })).await;
        let mut silent = them.coordinator.clone();
        silent.purpose = None;

        assert_eq!(read(&them.coordinator).await.text("/referral/consent/signedBy"), "Ada Byron");
        assert!(!read(&silent).await.raw.contains("Byron"), "no purpose was named");
        assert_eq!(read(&them.referrer.naming(PurposeOfUse::Payment)).await.text("/referral/consent/signedBy"), "Ada Byron", "it is the sender's own");

        let revoke = format!("mutation {{ consentRevoke(id: \"{consent}\", how: \"Her sister called\", written: false) {{ userErrors {{ code }} }} }}");
        them.referrer.ask(&revoke).await;
        for reader in [&them.coordinator, &them.officer] {
            let seen = read(reader).await;
            assert_eq!(seen.data("/referral/consent"), &json!({ "signedBy": null, "revokedHow": null }), "{}", seen.raw);
        }
        assert_eq!(read(&them.clinic_officer).await.text("/referral/consent/revokedHow"), "Her sister called");
    }

    async fn what_happens_in_care_is_told_to_whom_the_care_is_open(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let id = them.referred(&app).await;
        let client = them.accepted(&id).await;
        them.assigned(&id).await;
        them.contact(&app, &client, "COMPLETED").await;
        app.sealed().await;
        let asked = format!("{{ client(id: \"{client}\") {{ timeline(kinds: [PEER_MATCHED, CONTACT_LOGGED, EPISODE_STARTED]) {{ totalCount }} }} }}");

        for (reader, told) in [(&them.coordinator, 3), (&them.peer, 3), (&them.officer, 0)] {
            let seen = reader.ask(&asked).await;
            assert_eq!(seen.data("/client/timeline/totalCount"), told, "{}", seen.raw);
        }
    }

    async fn what_happens_to_a_consent_is_told_to_whom_the_consent_is(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let made = them.refer(them.referral(&app)).await;
        let confirm = format!("mutation {{ consentConfirm(id: \"{}\") {{ userErrors {{ code }} }} }}", made.text("/referralCreate/referral/consent/id"));
        assert_eq!(them.coordinator.ask(&confirm).await.user_error_codes(), [""; 0]);
        app.sealed().await;
        let colleague = app.staff(&them.support, &[Role::Administrator, Role::Analyst, Role::Peer]).await.treating();

        for (reader, told) in [(&them.coordinator, 1), (&them.officer, 1), (&colleague, 0)] {
            let seen = reader.ask("{ events(filter: { kinds: [CONSENT_CONFIRMED] }) { totalCount } }").await;
            assert_eq!(seen.data("/events/totalCount"), told, "{}", seen.raw);
        }
    }

    async fn a_peer_who_no_longer_supports_the_client_sees_the_referral_no_more(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let them = Handover::begin(&app).await;
        let made = them.refer(them.referral(&app)).await;
        let (id, consent) = (made.text("/referralCreate/referral/id").to_owned(), made.text("/referralCreate/referral/consent/id").to_owned());
        them.accepted(&id).await;
        them.assigned(&id).await;
        assert_eq!(them.read(&them.peer, &id).await.text("/referral/person/familyName"), "Byron");

        // Before the first contact: the referral is cancelled, and the pairing ends.
        them.referrer.ask(&format!("mutation {{ consentRevoke(id: \"{consent}\", how: \"In person\", written: true) {{ userErrors {{ code }} }} }}")).await;

        assert_eq!(them.read(&them.peer, &id).await.data("/referral"), &Value::Null);
    }
}
